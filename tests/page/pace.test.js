// The view of speculation says what the server said.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { desktop, phone } from './browser.js';
import { documents, pieces } from './long.js';
import { editQuestion, relay, withVisit } from './site.js';

const PYTHON = 'write a Python function that computes the nth Fibonacci number using memoization, just the code';

function lastStream() {
  const chunks = relay.streams.at(-1).split('\n\n').filter((event) => event.includes('data: {'))
    .map((event) => JSON.parse(event.slice(event.indexOf('{'))));
  const last = chunks.findLast((chunk) => chunk.paceline && !chunk.paceline.pass);
  return { passes: chunks.filter((chunk) => chunk.paceline?.pass).map((chunk) => chunk.paceline), end: last.paceline, timings: last.timings };
}

const select = (page, mode) => page.getByRole('combobox', { name: 'MTP' }).selectOption(mode);
const percent = (part, whole) => `${((100 * part) / whole).toFixed(0)} %`;
const visible = (text) => text.replace(/\n/g, '⏎').replace(/\t/g, '⇥').replace(/^ +| +$/g, (blanks) => '·'.repeat(blanks.length)) || 'end';

// What one row of lanes must say about a pass.
function ridersOf({ tokens, pass }) {
  const own = tokens.find((token) => !token.draft);
  const wrong = pass.drafted[pass.accepted];
  return [
    ...pass.drafted.slice(0, pass.accepted).map((text) => ['draft', text]),
    ...(wrong === undefined ? [] : [[own ? 'wrong' : 'left', wrong]]),
    ...(own ? [['own', own.text]] : []),
    ...pass.drafted.slice(pass.accepted + 1).map((text) => ['left', text]),
  ].map(([kind, text]) => `${kind} ${visible(text)}`);
}

async function shownRows(page) {
  const area = page.locator('.drawer .area');
  const rows = new Map();
  const height = await area.evaluate((element) => element.scrollHeight);
  for (let top = 0; top < height; top += 200) {
    await area.evaluate((element, to) => (element.scrollTop = to), top);
    await page.waitForTimeout(30);
    for (const [at, riders] of await page.locator('.drawer .lane').evaluateAll((lanes) =>
      lanes.map((lane) => [parseFloat(lane.style.top), [...lane.querySelectorAll('.rider')].map((rider) => `${rider.classList[1]} ${rider.textContent}`)]),
    ))
      rows.set(at, riders);
  }
  return [...rows].sort(([a], [b]) => a - b).map(([, riders]) => riders);
}

test('numbers, lanes and acceptance are those of the server', () =>
  withVisit(desktop, async (visit, page) => {
    await select(page, '4');
    await page.getByRole('button', { name: 'The pace' }).click();
    await visit.ask('say something about the sea');
    const { passes, end, timings } = lastStream();
    assert.ok(end.drafted[0] > 0);
    const drawer = page.getByRole('complementary', { name: 'The pace' });
    await drawer.getByText(`${timings.predicted_n} tokens in ${end.passes} passes`).waitFor();
    // A last pass that settles nothing but the end of the answer is counted and not streamed.
    const ending = end.passes >= passes.length ? [['own end']] : [];
    assert.deepEqual(await shownRows(page), [...passes.map(ridersOf), ...ending]);
    const numbers = await page.locator('.drawer .lane .number').allInnerTexts();
    assert.equal(Number(numbers.at(-1)), end.passes);
    const places = await drawer.locator('section ol li').evaluateAll((items) => items.map((item) => item.getAttribute('aria-label')));
    assert.deepEqual(places, end.drafted.map((drafted, i) =>
      `Draft ${i + 1}: ${end.accepted[i]} of ${drafted} accepted, ${percent(end.accepted[i], drafted)}`));
    const line = await visit.answers.locator('.numbers').innerText();
    assert.ok(line.includes(`${end.tokens_per_pass.toFixed(1)} tokens per pass`), line);
    assert.ok(line.includes(`${percent(timings.draft_n_accepted, timings.draft_n)} of drafts accepted`), line);
    assert.ok(line.includes(`${timings.predicted_n} tokens`), line);
    const speed = (timings.predicted_n - 1) / timings.predicted_ms * 1000;
    assert.ok(line.includes(`${speed >= 100 ? Math.round(speed).toLocaleString('en') : speed.toFixed(1)} tokens/s`), line);
    await visit.shot('pace-light');
  }));

test('the picture grows while the answer is written', () =>
  withVisit(desktop, async (visit, page) => {
    relay.delayMs = 100;
    await select(page, '3');
    await page.getByRole('button', { name: 'The pace' }).click();
    await visit.send(PYTHON);
    await page.waitForFunction(() => document.querySelectorAll('.drawer .lane').length >= 4);
    assert.equal(await page.locator('article[aria-busy=true]').count(), 1);
    const rows = await page.locator('.drawer .lane').count();
    assert.match(await page.locator('.drawer .big').innerText(), new RegExp(`in (${rows - 1}|${rows}|${rows + 1}) passes`));
    assert.equal(await page.locator('article[aria-busy=true] .code-head span').innerText(), 'python');
    await visit.shot('pace-live');
    await visit.finished();
  }));

test('MTP is chosen for each message, and the text does not change', () =>
  withVisit({ ...desktop, colorScheme: 'dark' }, async (visit, page) => {
    await select(page, 'off');
    await visit.ask(PYTHON);
    const plain = await visit.text();
    assert.equal(JSON.parse(relay.requests.findLast(({ url }) => url === '/v1/chat/completions').body).speculation, 'off');
    const plainPasses = lastStream().end.passes;
    assert.match(await visit.answers.locator('.numbers').innerText(), /no drafts/);
    await select(page, '3');
    await page.getByRole('button', { name: 'Write again', exact: true }).click();
    await page.getByLabel('2 of 2', { exact: true }).waitFor();
    await visit.finished();
    assert.equal(await visit.text(), plain);
    assert.equal(lastStream().end.drafted.length, 3);

    await page.getByRole('button', { name: /tokens per pass/ }).click();
    // What the drawer says of plain decoding is what plain decoding did.
    assert.deepEqual(await page.locator('.drawer dd b').allInnerTexts(), [String(lastStream().end.passes), String(plainPasses)]);
    await page.getByRole('button', { name: 'Race it against plain decoding' }).click();
    await page.getByText('The same text, token for token.').waitFor();
    await visit.shot('pace-dark');
  }));

test('a race is for what was asked, and ends with Escape', () =>
  withVisit(desktop, async (visit, page) => {
    await select(page, '3');
    await visit.ask(PYTHON);
    await page.getByRole('button', { name: 'The pace' }).click();
    const race = page.getByRole('button', { name: 'Race it against plain decoding' });
    relay.delayMs = 100;
    await race.click();
    await page.getByText('Writing it again without drafts').waitFor();
    await page.keyboard.press('Escape');
    await race.waitFor();
    assert.equal(await page.getByText('The same text').count(), 0);
    relay.delayMs = 0;
    await editQuestion(page, 'list the files in /tmp');
    const asked = relay.requests.length;
    await race.click();
    await page.getByText('have changed since').waitFor();
    assert.equal(relay.requests.slice(asked).filter(({ url }) => url === '/v1/chat/completions').length, 0);
  }));

test('coloured text is exactly what was drafted', () =>
  withVisit(desktop, async (visit, page) => {
    await select(page, '3');
    await page.getByRole('button', { name: 'Colour drafted tokens' }).first().click();
    await visit.ask('find the 5 largest files in /var/log');
    const coloured = await page.evaluate(() =>
      [...CSS.highlights.get('draft')].map(({ startContainer, startOffset, endOffset }) => startContainer.data.slice(startOffset, endOffset)).join('').replace(/\s/g, ''));
    const { passes } = lastStream();
    // The marks of the code block, "```bash" and "```", are not shown, so neither are they coloured.
    const all = passes.flatMap(({ tokens }) => tokens);
    const shown = all.slice(all.findIndex(({ text }) => text.includes('\n')));
    const drafted = shown.filter(({ draft }) => draft).map(({ text }) => text).join('').replace(/```|\s/g, '');
    assert.equal(coloured, drafted);
    await visit.shot('colours');
    await page.keyboard.press('Control+Shift+D');
    assert.equal(await page.evaluate(() => CSS.highlights.has('draft')), false);
  }));

test('drafted text is coloured in lists, tables and code, too, and when it comes into sight', () =>
  withVisit({ ...desktop, viewport: { width: 1440, height: 3000 } }, async (visit, page) => {
    // What is drafted is written in capitals.
    const half = (text) => text.slice(0, text.length / 2).toUpperCase() + text.slice(text.length / 2);
    const text = documents.mixed.slice(0, 5200).toLowerCase().replace(/\\[^\n]*|\$/g, '');
    relay.script = { pieces: pieces(text).map(half), delayMs: 1, drafts: true };
    await page.getByRole('button', { name: 'Colour drafted tokens' }).first().click();
    const wrongly = () =>
      page.evaluate(() => {
        const coloured = new Map();
        for (const { startContainer, startOffset, endOffset } of CSS.highlights.get('draft')) {
          const flags = coloured.get(startContainer) ?? coloured.set(startContainer, []).get(startContainer);
          for (let i = startOffset; i < endOffset; ++i) flags[i] = true;
        }
        const counts = { right: 0, wrong: 0 };
        const walker = document.createTreeWalker(document.querySelector('.prose'), NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          if (node.parentElement.closest('.code-head, math')) continue;
          [...node.data].forEach((letter, i) => {
            if (letter.toLowerCase() !== letter.toUpperCase()) counts[(letter === letter.toUpperCase()) === (coloured.get(node)?.[i] ?? false) ? 'right' : 'wrong'] += 1;
          });
        }
        return counts;
      });
    await visit.ask('Hello');
    await page.waitForTimeout(200);
    const { right, wrong } = await wrongly();
    assert.ok(right > 2500, String(right));
    assert.ok(wrong < right / 200, `${wrong} of ${right}`);
    // What is out of sight is coloured when it comes into sight.
    await page.setViewportSize({ width: 1440, height: 500 });
    await page.waitForTimeout(300);
    const inSight = await page.evaluate(() => CSS.highlights.get('draft').size);
    await page.setViewportSize({ width: 1440, height: 3000 });
    await page.waitForTimeout(300);
    assert.ok((await page.evaluate(() => CSS.highlights.get('draft').size)) > inSight);
  }));

test('the drawer fits a phone', () =>
  withVisit({ ...phone, colorScheme: 'dark' }, async (visit, page) => {
    await select(page, '4');
    await visit.ask(PYTHON);
    await page.getByRole('button', { name: /tokens per pass/ }).click();
    await page.getByRole('complementary', { name: 'The pace' }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    await visit.shot('pace-phone');
    await page.getByRole('button', { name: 'Hide the pace' }).last().click();
    await page.getByRole('complementary').waitFor({ state: 'detached' });
  }));
