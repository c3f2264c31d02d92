// What models write, shown: hostile text stays text, formulas and prices are told apart.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { launch } from './browser.js';
import { startHarness } from './harness.js';
import { startServer } from './server.js';

const { vectors } = JSON.parse(readFileSync(new URL('../data/page/injection-vectors.json', import.meta.url), 'utf8'));
const sanitizerCases = JSON.parse(readFileSync(new URL('../data/page/dompurify-expect.json', import.meta.url), 'utf8'));
let harness, browser, context, page;
const complaints = [];

// Runs in the page: what is under `root` and must not be.
function install() {
  const elements = 'script, iframe, object, embed, base, meta, link, form, input, style, template, img, video, audio, svg, picture, source, portal, frame, canvas';
  const attribute = /^(on|style$|srcdoc$|formaction$|xlink:|src|action$|background$|poster$|ping$|id$|name$|is$|slot$)/i;
  window.forbidden = (root, own = '') => {
    const found = [...root.querySelectorAll(elements)].filter((element) => !own || !element.closest(own)).map((element) => element.outerHTML.slice(0, 200));
    for (const element of root.querySelectorAll('*')) {
      if (own && element.closest(own)) continue;
      for (const { name } of element.attributes) if (attribute.test(name)) found.push(`${element.localName} has ${name}`);
      if (element.localName !== 'a') continue;
      if (!/^(https?|mailto):/.test(element.getAttribute('href') ?? '')) found.push(`a href ${element.getAttribute('href')}`);
      if (element.rel !== 'noopener noreferrer') found.push(`a rel ${element.rel}`);
    }
    return found;
  };
  window.violations = [];
  document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  window.alert = window.prompt = window.confirm = () => window.violations.push('a dialog');
}

before(async () => {
  harness = await startHarness();
  browser = await launch();
  context = await browser.newContext();
  await context.addInitScript(install);
  page = await context.newPage();
  page.on('request', (request) => request.url().startsWith(harness.url) || complaints.push(request.url()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(harness.url);
  await page.waitForFunction(() => window.show);
});
after(async () => {
  const [url, violations] = [page.url(), await page.evaluate(() => window.violations)];
  await browser.close();
  await harness.stop();
  assert.deepEqual(complaints, []);
  assert.equal(url, harness.url);
  assert.deepEqual(violations, []);
});

const shown = (text) => page.evaluate(async (given) => (await window.show(given, false), document.querySelector('main').innerHTML), text);

test('hostile Markdown is inert, whole and at every letter', async () => {
  const wrong = await page.evaluate(async (all) => {
    const main = document.querySelector('main');
    const found = [];
    for (const { id, cat, markdown } of all) {
      const step = cat === 'dos' || markdown.length > 1000 ? Math.ceil(markdown.length / 3) : 1;
      await window.show('', false);
      const check = async (text, writing) => {
        await window.show(text, writing);
        for (const what of window.forbidden(main)) found.push(`${id} at ${text.length}: ${what}`);
      };
      for (let end = step; end < markdown.length + step; end += step) await check(markdown.slice(0, end), true);
      await check(markdown, false);
    }
    return found;
  }, vectors);
  assert.deepEqual(wrong.slice(0, 20), []);
});

test('texts that are hard to read are shown, and the page still answers', async (t) => {
  let [worst, slowest] = [0, ''];
  for (const { id, markdown } of vectors.filter(({ cat }) => cat === 'dos')) {
    const { took, length } = await page.evaluate(async (given) => {
      const begin = performance.now();
      await window.show(given, false);
      const { offsetHeight } = document.querySelector('main'); // has it laid out
      return { took: performance.now() - begin, length: offsetHeight > 0 ? document.querySelector('main').textContent.length : 0 };
    }, markdown);
    assert.ok(length > 0 || /^(\[a\]: x\n)+/.test(markdown), id);
    if (took > worst) [worst, slowest] = [took, id];
  }
  t.diagnostic(`the slowest, ${slowest}, took ${worst.toFixed(0)} ms until it was laid out`);
});

test('code shows literally what is in it', async () => {
  let checked = 0;
  for (const { id, cat, markdown } of vectors) {
    const fence = cat === 'code' && /^(`{3,})[^\n`]*\n([\s\S]*?)\n\1/.exec(markdown);
    if (!fence) continue;
    await shown(markdown);
    assert.equal((await page.evaluate(() => document.querySelector('main pre code')?.textContent)).trimEnd(), fence[2].trimEnd(), id);
    checked += 1;
  }
  assert.ok(checked >= 3, `only ${checked}`);
});

test('the sanitizer\'s own cases are inert', async () => {
  const wrong = await page.evaluate(async (cases) => {
    const found = [];
    for (const { title, payload } of cases) {
      await window.show(payload, false);
      for (const what of window.forbidden(document.querySelector('main'))) found.push(`${title}: ${what}`);
    }
    return found;
  }, sanitizerCases);
  assert.deepEqual(wrong, []);
});

test('prices and paths are no formulas', async () => {
  for (const text of ['It costs $5 and $6.', '$5-$10', 'from $5, or 6$', 'US$20 and 30$', '$HOME/bin:$PATH', 'a $5 bill; a $10 bill', '`$x$`', '\\$x\\$', 'in $ and in $', '$ x $'])
    assert.ok(!(await shown(text)).includes('<math'), text);
  for (const text of ['$x$', 'so $a+b=c$.', '$$\\frac{a}{b}$$', '\\(x^2\\)', '\\[\n\\sum_{i=0}^n i\n\\]', '$P(\\text{both}) = 1/3$', '$n$-th', '$5 \\cdot 6$', '$$\na\n\n+ b\n$$'])
    assert.ok((await shown(text)).includes('<math'), text);
  // What cannot be read as a formula stays as it was written.
  assert.match(await shown('$\\frac{a$'), /\\frac\{a/);
});

test('chats from a hostile file are inert everywhere they show', async () => {
  const server = await startServer('--alias', '<img src=x onerror=alert(1)>');
  const context = await browser.newContext();
  await context.addInitScript(install);
  const real = await context.newPage();
  const outside = [];
  real.on('request', (request) => request.url().startsWith(server.url) || /^(data|blob):/.test(request.url()) || outside.push(request.url()));
  await real.goto(server.url);
  await real.locator('.dot.ready').waitFor();
  const base = { thinking: '', thinkingMs: 0, state: 'done', error: '', files: [], runs: [], created: 1 };
  const messages = [];
  vectors.filter(({ cat }) => cat !== 'dos').forEach(({ markdown }, i) => {
    const parent = messages.at(-1)?.id ?? null;
    messages.push({ ...base, id: `q${i}`, parent, role: 'user', text: markdown, files: [{ name: markdown, text: 'x' }] });
    const run = { mode: 'auto', passes: [{ tokens: [markdown], fromDraft: [true], drafted: [markdown], copied: 0, accepted: 1 }], timings: null, speculation: null, firstTokenMs: 1 };
    messages.push({ ...base, id: `a${i}`, parent: `q${i}`, role: 'assistant', text: markdown, thinking: markdown, model: markdown, state: 'failed', error: markdown, runs: [run] });
  });
  const chats = [{ id: 'c', title: vectors[0].markdown, messages, chosen: {} }, ...vectors.filter(({ cat }) => cat === 'names').map(({ markdown }, i) => ({ id: `n${i}`, title: markdown, messages: [] }))];
  const file = JSON.stringify({ format: 'paceline-chats', version: 1, chats });
  await real.locator('input[type=file][accept]').setInputFiles({ name: 'hostile.json', mimeType: 'application/json', buffer: Buffer.from(file) });
  await real.getByText(/Imported \d+ chats/).waitFor();
  await real.getByRole('navigation').locator('.open').first().waitFor();
  await real.getByRole('navigation').getByText(vectors[0].markdown, { exact: true }).click();
  await real.locator('article').nth(messages.length - 1).waitFor();
  await real.getByRole('button', { name: 'The pace' }).click();
  await real.locator('.drawer').waitFor();
  await real.evaluate(() => document.querySelectorAll('.thinking > button').forEach((fold) => fold.click()));
  await real.locator('.thoughts').last().waitFor();
  const found = await real.evaluate(() =>
    ['.prose', '.bubble', '.thoughts', '.failed', 'nav .list', '.title', '.model .name', '.drawer .lane'].flatMap((place) =>
      [...document.querySelectorAll(place)].flatMap((root) => window.forbidden(root, 'svg, button, .lane'))));
  assert.deepEqual(found.slice(0, 10), []);
  assert.deepEqual(await real.evaluate(() => window.violations), []);
  assert.deepEqual(outside, []);
  assert.equal(new URL(real.url()).origin, new URL(server.url).origin);
  await context.close();
  await server.stop();
});

