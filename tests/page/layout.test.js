// What stands beside something else, or is wider than the page, keeps to its place.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { desktop, phone } from './browser.js';
import { relay, withVisit } from './site.js';

test('with the chats and the pace beside it, the conversation keeps to its place', () =>
  withVisit({ ...desktop, viewport: { width: 900, height: 700 } }, async (visit, page) => {
    relay.script = { pieces: ['Some text, and `code` in it.'], drafts: true };
    await visit.ask('A question with words');
    await page.getByRole('button', { name: 'The pace' }).click();
    await page.locator('.drawer').waitFor();
    const wrong = [];
    for (let width = 900; width <= 1220; width += 40) {
      await page.setViewportSize({ width, height: 700 });
      await page.waitForTimeout(60);
      wrong.push(...(await page.evaluate(() => {
        const main = document.querySelector('main').getBoundingClientRect();
        return [...document.querySelectorAll('main :is(header, .composer) *')]
          .filter((element) => element.getBoundingClientRect().width > 1 && element.getBoundingClientRect().right > main.right + 1)
          .map((element) => `${innerWidth}: ${element.className} ${element.getBoundingClientRect().right - main.right}`);
      })));
      if (width === 1060) await visit.shot('beside');
    }
    assert.deepEqual(wrong, []);
  }));

test('a table on a phone keeps its words whole and is scrolled', () =>
  withVisit(phone, async (visit, page) => {
    relay.script = { pieces: ['| Name | Architecture | Quantization | Description |\n|---|---|---|---|\n', '| something | transformer | mixed-precision | a considerably extraordinary representation |\n'] };
    await visit.ask('Hello');
    const table = page.locator('.prose .table');
    const lines = await table.locator('th, td').evaluateAll((cells) => cells.flatMap((cell) => {
      const words = [...cell.firstChild.data.matchAll(/\w+/g)];
      return words.map(({ 0: word, index }) => {
        const range = document.createRange();
        range.setStart(cell.firstChild, index);
        range.setEnd(cell.firstChild, index + word.length);
        return [word, new Set([...range.getClientRects()].map(({ top }) => top)).size];
      });
    }));
    assert.deepEqual(lines.filter(([, count]) => count !== 1), []);
    assert.ok(await table.evaluate((element) => element.scrollWidth > element.clientWidth));
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await visit.shot('phone-table');
  }));
