// How evenly the page draws long answers of each kind (long.js) while they are written, and how soon it can be used when it is opened.
// tests/page/run PACELINE measure [--times N] [--later] [--pace] [--slow] [--opening] [--page FOLDER] [--trace FOLDER] [KIND...]
//   --later    asks a second after the page has opened, as people do, and not at once, while it still warms up
//   --pace     with the drawer open and drafted tokens coloured
//   --slow     lists the frames that took over 50 ms, with what they spent it on
//   --opening  opens the page instead, in three browsers
//   --page     the page in FOLDER, as the build puts it there, instead of the one in the program: to read names in traces, build it with
//              PACELINE_PAGE_FOLDER=FOLDER npx vite build --minify false
//   --trace    writes FOLDER/KIND.json for the performance panel of Chromium's developer tools; tracing costs time itself
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { desktop, launch, Visit } from './browser.js';
import { described, drawnEvenly, opened } from './frames.js';
import { documents } from './long.js';
import { Relay, startServer } from './server.js';

const flag = { type: 'boolean', default: false };
const { values: wanted, positionals } = parseArgs({
  allowPositionals: true,
  options: { times: { type: 'string', default: '3' }, later: flag, pace: flag, slow: flag, opening: flag, page: { type: 'string' }, trace: { type: 'string' } },
});
const kinds = positionals.length > 0 ? positionals : Object.keys(documents);
for (const kind of kinds) if (!documents[kind]) throw new Error(`there is no ${kind}, expected ${Object.keys(documents).join(', ')}`);

async function traced(browser, page, name, work) {
  mkdirSync(wanted.trace, { recursive: true });
  const categories = ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'disabled-by-default-v8.cpu_profiler', 'v8'];
  await browser.startTracing(page, { path: join(wanted.trace, `${name}.json`), categories });
  const result = await work();
  await browser.stopTracing();
  return result;
}

async function draw(kind) {
  const browser = await launch();
  const visit = await Visit.open(browser, relay.url, desktop);
  if (wanted.pace) {
    await visit.page.getByRole('button', { name: 'The pace' }).click();
    await visit.page.getByRole('button', { name: 'Colour drafted tokens' }).click();
  }
  if (wanted.later) await visit.page.waitForTimeout(1000);
  const work = () => drawnEvenly(visit, relay, documents[kind], wanted.pace);
  const result = wanted.trace ? await traced(browser, visit.page, kind, work) : await work();
  console.log(`${kind}: ${described(result)}`);
  if (wanted.slow) for (const frame of result.slow.filter(({ duration }) => duration > 50)) console.log(`  ${JSON.stringify(frame)}`);
  await visit.close();
  await browser.close();
}

async function open() {
  const browser = await launch();
  for (const which of ['first', 'second', 'third']) {
    const visit = await Visit.open(browser, relay.url, desktop);
    console.log(`${which} visit: ${await opened(visit)}`);
    await visit.close();
  }
  await browser.close();
}

const server = await startServer();
const relay = await Relay.start(server.url);
if (wanted.page) relay.page = { html: readFileSync(join(wanted.page, 'page.html')), policy: readFileSync(join(wanted.page, 'page.policy'), 'utf8').trim() };
for (let time = 0; time < Number(wanted.times); ++time)
  if (wanted.opening) await open();
  else for (const kind of kinds) await draw(kind);
await relay.stop();
await server.stop();
