// For everyone: by keyboard alone, on a phone, read aloud, from right to left, light and dark and in each accent; small, and under a strict policy.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { desktop, phone } from './browser.js';
import { described, drawnEvenly, opened } from './frames.js';
import { buildPage, web } from './harness.js';
import { documents } from './long.js';
import { sleep } from './server.js';
import { relay, server, withVisit } from './site.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const mostBytes = 250 * 1024;

async function expectAccessible(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(serious.map(({ id, nodes }) => `${where}: ${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 120)} ${failureSummary}`).join(' | ')}`), []);
}

const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim());

for (const colorScheme of ['light', 'dark'])
  test(`axe finds nothing serious, ${colorScheme}`, () =>
    withVisit({ ...desktop, colorScheme }, async (visit, page) => {
      await expectAccessible(page, 'empty');
      await page.getByRole('combobox', { name: 'MTP' }).selectOption('4');
      await page.getByRole('button', { name: 'Think first' }).click();
      await visit.ask('say something about the sea');
      await page.getByRole('button', { name: 'Think first' }).click();
      await visit.ask('write a Python function that computes the nth Fibonacci number using memoization, just the code');
      await page.getByRole('button', { name: 'The pace' }).click();
      await page.getByRole('button', { name: /^Thought for/ }).click();
      await expectAccessible(page, 'conversation and pace');
      await page.getByRole('button', { name: /^Actions for/ }).click();
      await expectAccessible(page, 'menu');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Settings' }).click();
      await expectAccessible(page, 'settings');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Keyboard shortcuts' }).click();
      await expectAccessible(page, 'shortcuts');
    }));

test('everything can be done by keyboard', () =>
  withVisit(desktop, async (visit, page) => {
    const { keyboard } = page;
    assert.equal(await focused(page), 'Ask something');
    await keyboard.type('list the files? in /tmp');
    assert.equal(await visit.composer.inputValue(), 'list the files? in /tmp');
    await keyboard.press('Shift+Enter');
    await keyboard.type('by size');
    await keyboard.press('Enter');
    await visit.finished();
    // Editing the last question and sending it as a branch
    await keyboard.press('ArrowUp');
    assert.equal(await focused(page), 'Edit');
    await keyboard.press('Control+A');
    await keyboard.type('find the 5 largest files in /var/log');
    await keyboard.press('Enter');
    await page.getByLabel('2 of 2', { exact: true }).waitFor();
    await visit.finished();
    await keyboard.press('Control+Shift+E');
    await page.getByLabel('2 of 2', { exact: true }).nth(1).waitFor();
    await visit.finished();
    // Stopping
    relay.delayMs = 100;
    await keyboard.type('A bag has 4 red and 6 blue marbles; what is the probability of blue?');
    await keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('article[aria-busy=true] .prose')?.textContent);
    await keyboard.press('Escape');
    await page.getByText('Stopped.').waitFor();
    relay.delayMs = 0;
    // Panels and dialogs
    await keyboard.press('Control+.');
    await page.getByRole('complementary', { name: 'The pace' }).waitFor();
    await keyboard.press('Control+.');
    await keyboard.press('Control+B');
    await page.getByRole('navigation').waitFor({ state: 'detached' });
    await keyboard.press('Control+K');
    await page.waitForFunction(() => document.activeElement?.getAttribute('type') === 'search');
    await keyboard.type('largest');
    await keyboard.press('Tab');
    assert.match(await focused(page), /^list the files/);
    await keyboard.press('Escape');
    assert.equal(await focused(page), 'Ask something');
    await keyboard.press('Control+,');
    await page.getByRole('dialog', { name: 'Settings' }).waitFor();
    await keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Settings' }).focus();
    await keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).getByText('Search chats').waitFor();
    await visit.shot('shortcuts');
    await keyboard.press('Escape');
    await page.getByRole('button', { name: 'Settings' }).focus();
    await keyboard.press('/');
    assert.equal(await focused(page), 'Ask something');
    await keyboard.press('Control+Shift+O');
    await page.getByText('What shall it write?').waitFor();
    // Tab goes round and comes to every button of the composer.
    const reached = new Set();
    for (let i = 0; i < 40; ++i) {
      await keyboard.press('Tab');
      reached.add(await focused(page));
    }
    for (const name of ['Attach text files', 'Settings', 'New chat', 'Colour drafted tokens']) assert.ok(reached.has(name), name);
  }));

test('shortcuts can be turned off', () =>
  withVisit(desktop, async (_, page) => {
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('checkbox', { name: 'Keyboard shortcuts' }).uncheck();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+B');
    await page.getByRole('navigation').waitFor();
    await page.keyboard.press('Control+.');
    assert.equal(await page.getByRole('complementary').count(), 0);
  }));

test('colours and text size can be chosen', () =>
  withVisit({ ...desktop, colorScheme: 'light' }, async (_, page) => {
    const look = () => page.evaluate(() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.documentElement).fontSize]);
    const [light, size] = await look();
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('combobox', { name: 'Colours' }).selectOption('Dark');
    await page.getByRole('combobox', { name: 'Text size' }).selectOption('Large');
    await page.reload();
    await page.locator('.dot.ready').waitFor();
    const [dark, larger] = await look();
    assert.notEqual(dark, light);
    assert.ok(parseFloat(larger) > parseFloat(size));
  }));

// What is written over what, in the colours of style/accents.css and style/base.css; and how light one is against the other.
const overlaps = [
  ['on-accent', 'accent', 4.5],
  ...['paper', 'surface', 'sunken', 'accent-wash'].map((ground) => ['accent', ground, 4.5]),
  ...['ink', 'soft'].map((text) => [text, 'accent-wash', 4.5]),
  ...['surface', 'sunken'].map((ground) => ['accent-solid', ground, 3]),
];
const contrastOf = (page, pair) =>
  page.evaluate((names) => {
    const probe = document.body.appendChild(document.createElement('i'));
    const luminance = (name) => {
      probe.style.color = `var(--${name})`;
      const [red, green, blue] = getComputedStyle(probe).color.match(/[\d.]+/g).map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const [darker, lighter] = names.map(luminance).sort((a, b) => a - b);
    probe.remove();
    return (lighter + 0.05) / (darker + 0.05);
  }, pair);

const accents = ['Teal', 'Blue', 'Violet', 'Pink', 'Ochre', 'Graphite'];

for (const colorScheme of ['light', 'dark'])
  test(`an accent can be chosen, and all stays readable in each, ${colorScheme}`, () =>
    withVisit({ ...desktop, colorScheme }, async (visit, page) => {
      relay.script = { pieces: ['A [link](https://example.org/) and\n\n', '- `code`'], drafts: true };
      await visit.ask('Hello');
      await visit.composer.fill('Next');
      const settings = page.getByRole('button', { name: 'Settings' });
      const radios = page.getByRole('radiogroup', { name: 'Accent' }).getByRole('radio');
      const sendColour = () => page.getByRole('button', { name: 'Send' }).evaluate((button) => getComputedStyle(button).backgroundColor);
      const colours = new Set();
      for (const name of accents) {
        await settings.click();
        assert.deepEqual(await radios.evaluateAll((inputs) => inputs.map((input) => input.ariaLabel)), accents);
        await radios.and(page.getByLabel(name)).check();
        await expectAccessible(page, `settings, ${name}`);
        await page.keyboard.press('Escape');
        await expectAccessible(page, name);
        await visit.shot(`accent-${colorScheme}-${name.toLowerCase()}`);
        for (const [text, ground, least] of overlaps) {
          const contrast = await contrastOf(page, [text, ground]);
          assert.ok(contrast >= least, `${name}: ${text} on ${ground}: ${contrast}`);
        }
        colours.add(await sendColour());
      }
      assert.equal(colours.size, accents.length);
    }));

test('an accent is chosen by keyboard and kept', () =>
  withVisit(desktop, async (_, page) => {
    const chosen = () => page.evaluate(() => [document.documentElement.dataset.accent, getComputedStyle(document.querySelector('nav svg')).color]);
    const [first, colour] = await chosen();
    assert.equal(first, 'teal');
    await page.keyboard.press('Control+,');
    await page.getByRole('combobox', { name: 'Colours' }).focus();
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), 'Teal');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    assert.equal(await focused(page), 'Violet');
    await page.keyboard.press('Tab'); // one stop for all of them
    assert.equal(await page.evaluate(() => document.activeElement.id), 'text-size');
    await page.reload();
    await page.locator('.dot.ready').waitFor();
    const [kept, other] = await chosen();
    assert.equal(kept, 'violet');
    assert.notEqual(other, colour);
    await page.keyboard.press('Control+,');
    assert.ok(await page.getByRole('radio', { name: 'Violet' }).isChecked());
    // An accent that there is no longer
    await page.evaluate(() => addEventListener('pagehide', () => localStorage.setItem('paceline.preferences', '{"accent": "mauve", "textSize": "large"}')));
    await page.reload();
    await page.locator('.dot.ready').waitFor();
    assert.deepEqual(await chosen(), [first, colour]);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.textSize), 'large');
  }));

test('a phone shows all of it within its width', () =>
  withVisit(phone, async (visit, page) => {
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth && document.querySelector('main').scrollWidth <= innerWidth);
    assert.ok(await fits());
    await visit.shot('phone-empty');
    await page.getByRole('button', { name: 'A probability' }).tap();
    await visit.finished();
    assert.ok(await fits());
    await visit.shot('phone-answer');
    await page.getByRole('button', { name: 'Show chats' }).tap();
    await page.getByRole('navigation').waitFor();
    await visit.shot('phone-chats');
    await expectAccessible(page, 'phone, chats');
    await page.getByRole('navigation').getByRole('button', { name: 'New chat' }).tap();
    await page.getByText('What shall it write?').waitFor();
    await page.getByRole('button', { name: 'Settings' }).tap();
    await visit.shot('phone-settings');
    assert.ok(await fits());
  }));

// All that is read out from now on.
const listen = (page) =>
  page.evaluate(() => {
    window.spoken = [];
    const region = document.querySelector('[aria-live=polite]');
    new MutationObserver(() => window.spoken.push(region.textContent)).observe(region, { childList: true, characterData: true, subtree: true });
  });

test('finished sentences are read out while an answer is written, and its end is said', () =>
  withVisit(desktop, async (visit, page) => {
    await listen(page);
    relay.script = { pieces: 'The first sentence is done. The second follows it. And **the third** comes `last`.'.match(/.{1,6}/g), delayMs: 120 };
    await visit.ask('Hello');
    await sleep(100);
    const spoken = await page.evaluate(() => window.spoken);
    assert.equal(spoken[0], 'The model is writing.');
    assert.ok(spoken.includes('The first sentence is done.'), spoken.join('|'));
    assert.match(spoken.at(-1), /third comes last \.? ?The answer is finished\.$|The answer is finished\.$/);
    assert.ok(!spoken.join(' ').includes('**'));
  }));

test('that the connection is lost is read out, once', () =>
  withVisit(desktop, async (visit, page) => {
    visit.expected = /ERR_/;
    const known = relay.target;
    await listen(page);
    relay.delayMs = 100;
    relay.cutAfter = 9;
    await visit.send('say something about the sea');
    await page.waitForFunction(() => document.querySelector('article[aria-busy=true] .prose')?.textContent);
    relay.target = new URL('http://127.0.0.1:9');
    await page.getByText('The connection is lost').first().waitFor();
    await sleep(1000); // it tries more than once
    relay.target = known;
    await visit.finished();
    const said = await page.evaluate(() => window.spoken.filter((text) => text.startsWith('The connection is lost')));
    assert.equal(said.length, 1);
    assert.equal(await page.getByRole('status').filter({ hasText: 'The connection is lost' }).count(), 0);
  }));

test('text from right to left stands right, code in it left', () =>
  withVisit(desktop, async (visit, page) => {
    relay.script = { pieces: ['שלום עולם, זה טקסט.\n\n', '```python\nprint(1)\n```\n\n', '- פריט'] };
    await visit.ask('مرحبا بالعالم');
    const direction = (selector) => page.locator(selector).last().evaluate((element) => getComputedStyle(element).direction);
    assert.equal(await direction('.bubble .text'), 'rtl');
    assert.equal(await direction('.prose p'), 'rtl');
    assert.equal(await direction('.prose li'), 'rtl');
    assert.equal(await direction('.prose pre'), 'ltr');
    await visit.shot('right-to-left');
  }));

test('the page is small, compressed, checked by its hash and built the same each time', async (t) => {
  const response = await fetch(server.url, { headers: { accept: 'text/html' } });
  const html = await response.text();
  const policy = response.headers.get('content-security-policy');
  const packed = readFileSync(join(dirname(process.env.PACELINE), 'page/page.html.gz'));
  assert.equal(response.headers.get('content-encoding'), 'gzip');
  assert.equal(Number(response.headers.get('content-length')), packed.length);
  assert.ok(packed.length <= mostBytes, `${packed.length} bytes`);
  t.diagnostic(`${packed.length} bytes in gzip, ${html.length} without`);
  const allowed = Object.fromEntries(policy.split('; ').map((directive) => directive.split(' ')).map(([name, ...sources]) => [name, sources]));
  for (const [, kind, text] of html.matchAll(/<(script|style)[^>]*>([\s\S]*?)<\/\1>/g))
    assert.ok(allowed[`${kind}-src`].includes(`'sha256-${createHash('sha256').update(text).digest('base64')}'`), kind);
  assert.ok(!policy.includes('unsafe'), policy);
  for (const part of ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]) assert.ok(policy.includes(part), part);
  const again = await fetch(server.url, { headers: { accept: 'text/html', 'if-none-match': response.headers.get('etag') } });
  assert.equal(again.status, 304);
  assert.equal(await (await fetch(server.url)).text(), 'Ollama is running');
  const [rebuilt, once_more] = [await buildPage(web), await buildPage(web)];
  assert.deepEqual(rebuilt, once_more);
  assert.equal(gzipSync(rebuilt.html).equals(gzipSync(once_more.html)), true);
  const plain = readFileSync(join(web, 'plain.html'), 'utf8');
  const style = createHash('sha256').update(/<style>([\s\S]*?)<\/style>/.exec(plain)[1]).digest('base64');
  assert.ok(readFileSync(join(web, 'plain.policy'), 'utf8').includes(`style-src 'sha256-${style}'`));
});

test('how soon it can be used, and how evenly it draws a long answer', (t) =>
  withVisit(desktop, async (visit) => {
    t.diagnostic(await opened(visit));
    t.diagnostic(described(await drawnEvenly(visit, relay, documents.mixed)));
    assert.ok((await visit.answers.last().locator('.code').count()) > 30);
  }));
