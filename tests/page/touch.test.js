// By thumb: the list of chats comes with a swipe to the right and goes with one to the left, and no other movement is taken for one.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { desktop, phone } from './browser.js';
import { sleep } from './server.js';
import { relay, withVisit } from './site.js';

const wide = 'a_long_name_of_something = another_long_name(with_arguments, and_more_of_them, and_still_more)';
const answer = [
  `\`\`\`python\n${wide}\n\`\`\`\n\n`,
  `| ${'a head | '.repeat(12)}\n| ${'--- | '.repeat(12)}\n| ${'a cell | '.repeat(12)}\n\n`,
  ...Array.from({ length: 30 }, (_, i) => `Paragraph ${i} of a text that is longer than the page.\n\n`),
];

// A finger, or two beside each other, that goes from `from` by `by` in CSS pixels, after resting for `rest` milliseconds.
async function finger(page, [x, y], [across, down], { rest = 0, fingers = 1 } = {}) {
  const cdp = await page.context().newCDPSession(page);
  const steps = 10;
  const stepMs = 8;
  const began = Date.now();
  // The times are said, too: a machine that is busy is no finger that rests.
  const touch = (type, step) =>
    cdp.send('Input.dispatchTouchEvent', {
      type,
      timestamp: (began + (step && rest + step * stepMs)) / 1000,
      touchPoints: type === 'touchEnd' ? [] : Array.from({ length: fingers }, (_, id) => ({ id, x: x + (across * step) / steps, y: y + 60 * id + (down * step) / steps })),
    });
  await touch('touchStart', 0);
  await sleep(rest);
  for (let step = 1; step <= steps; ++step) {
    await touch('touchMove', step);
    await sleep(stepMs);
  }
  await touch('touchEnd', steps + 1);
  await cdp.detach();
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
}

const chats = (page) => page.getByRole('navigation');
const right = [110, 8];
const left = [-110, 8];

async function expectSwipe(page, from) {
  await finger(page, from, right);
  await chats(page).waitFor();
}

async function expectNone(page, what, ...movement) {
  await finger(page, ...movement);
  assert.equal(await chats(page).count(), 0, what);
}

test('a swipe shows the chats and another hides them', () =>
  withVisit(phone, async (visit, page) => {
    for (const from of [[4, 300], [125, 500], [100, 810]]) {
      await expectSwipe(page, from);
      assert.equal(await page.evaluate(() => JSON.parse(localStorage.getItem('paceline.preferences')).sidebar), true);
      // A second one changes nothing; one to the left hides them, over them or beside them.
      await finger(page, [60, 300], right);
      assert.equal(await chats(page).count(), 1);
      await finger(page, from[0] < 100 ? [200, 400] : [370, 400], left);
      await chats(page).waitFor({ state: 'detached' });
    }
    await visit.shot('swiped');
  }));

test('the chats lie over an open drawer', () =>
  withVisit(phone, async (visit, page) => {
    await page.getByTitle('Show the pace').click();
    const drawer = page.locator('.drawer');
    await drawer.waitFor();
    await expectSwipe(page, [100, 150]);
    const { x, y } = await page.evaluate(() => {
      const box = document.querySelector('.drawer').getBoundingClientRect();
      return { x: box.x + 40, y: box.y + box.height / 2 };
    });
    assert.equal(await page.evaluate(([x, y]) => document.elementFromPoint(x, y).closest('nav, .sidebar') !== null, [x, y]), true);
    await visit.shot('chats-over-drawer');
  }));

test('what scrolls, rests, is short, starts elsewhere or takes two fingers is no swipe', () =>
  withVisit(phone, async (visit, page) => {
    relay.script = { pieces: answer };
    await visit.ask('Hello');
    const area = page.locator('main .area');
    const start = 700; // where there are paragraphs under the finger
    const scroll = () => area.evaluate((element, top) => { element.scrollTop = top; }, start);
    await scroll();
    await expectSwipe(page, [60, 400]);
    await finger(page, [200, 400], left);
    for (const [what, ...movement] of [
      ['down', [60, 400], [20, 250]],
      ['steep', [60, 400], [110, 100]],
      ['short', [60, 400], [35, 0]],
      ['from the middle', [200, 400], right],
      ['to the left', [120, 400], left],
      ['rested', [60, 400], right, { rest: 350 }],
      ['two fingers', [60, 400], right, { fingers: 2 }],
    ]) {
      await scroll();
      await expectNone(page, what, ...movement);
      if (what === 'down') assert.ok((await area.evaluate((element) => element.scrollTop)) < start - 100);
    }
    for (const selector of ['.prose pre', '.prose .table']) {
      const element = page.locator(selector).first();
      await element.scrollIntoViewIfNeeded();
      const { x, y, height } = await element.boundingBox();
      const on = [x + 40, y + height / 2];
      await expectNone(page, selector, on, right);
      await expectNone(page, selector, on, [-30, 0]);
      await expectNone(page, `${selector}, back`, on, right);
      await finger(page, [x + 200, on[1]], left);
      assert.ok((await element.evaluate((scrolled) => scrolled.scrollLeft)) > 0, selector);
    }
    await expectSwipe(page, [60, 600]);
    await finger(page, [200, 400], left);
    await page.getByRole('button', { name: 'The pace' }).tap();
    const lanes = await page.getByRole('complementary', { name: 'The pace' }).boundingBox();
    await expectNone(page, 'the pace', [60, lanes.y + 200], right);
    await page.getByRole('complementary').getByRole('button', { name: 'Hide the pace' }).tap();
    await page.getByRole('button', { name: 'Settings' }).tap();
    await expectNone(page, 'a dialog', [60, 400], right);
  }));

test('while an answer is written a swipe is one, too', () =>
  withVisit(phone, async (visit, page) => {
    relay.script = { pieces: Array.from({ length: 200 }, (_, i) => `word${i} `), delayMs: 15 };
    await visit.send('Hello');
    await page.waitForFunction(() => (document.querySelector('article[aria-busy=true] .prose')?.textContent ?? '').length > 300);
    const { x, y } = await page.locator('article[aria-busy=true] .prose').boundingBox();
    await expectSwipe(page, [x + 30, y + 20]);
    assert.equal(await page.locator('article[aria-busy=true]').count(), 1);
  }));

test('where there is room for both, only a swipe over the chats hides them', () =>
  withVisit({ ...desktop, hasTouch: true }, async (_, page) => {
    await finger(page, [700, 400], left);
    assert.equal(await chats(page).count(), 1);
    await finger(page, [200, 400], left);
    await chats(page).waitFor({ state: 'detached' });
    await expectSwipe(page, [400, 400]);
  }));

test('the accents are within reach and within the width of a phone, in large text, too', () =>
  withVisit({ ...phone, colorScheme: 'dark' }, async (visit, page) => {
    await page.getByRole('button', { name: 'Settings' }).tap();
    await page.getByRole('combobox', { name: 'Text size' }).selectOption('Large');
    await page.getByRole('radio', { name: 'Graphite' }).tap();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.accent), 'graphite');
    for (const radio of await page.getByRole('radio').all()) assert.ok((await radio.boundingBox()).width >= 24);
    const tooWide = (dialog) => [...dialog.querySelectorAll('*')].filter((element) => element.getBoundingClientRect().right > dialog.getBoundingClientRect().right).map(({ outerHTML }) => outerHTML.slice(0, 200));
    assert.deepEqual(await page.getByRole('dialog').evaluate(tooWide), []);
    await visit.shot('phone-accents');
  }));
