// Two tabs of one browser have the same chats, and neither undoes what the other did.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { relay, withVisit as visitWith } from './site.js';

const withTabs = (work) =>
  visitWith(undefined, async (visit, page) => {
    relay.script = { pieces: ['An answer.'] };
    await visit.ask('First');
    const other = await visit.context.newPage();
    await work(visit, page, other);
  });

async function open(tab, title) {
  await tab.goto(relay.url);
  await tab.locator('.dot.ready').waitFor();
  await tab.getByRole('navigation').getByRole('button', { name: title, exact: true }).click();
}

async function rename(tab, from, to) {
  await tab.getByRole('button', { name: `Actions for “${from}”` }).click();
  await tab.getByRole('menuitem', { name: 'Rename' }).click();
  await tab.getByRole('textbox', { name: 'Rename' }).fill(to);
  await tab.keyboard.press('Enter');
}

const removeLast = (tab) => tab.getByRole('article', { name: 'You' }).last().getByRole('button', { name: 'Delete this and what follows' }).click();

const bubbles = (tab) => tab.locator('.bubble .text').allInnerTexts();

// The database, when `isThere` of the messages' texts.
async function kept(tab, isThere) {
  for (let i = 0; ; ++i) {
    const [chat] = await tab.evaluate(() => new Promise((resolve) => {
      indexedDB.open('paceline').onsuccess = ({ target }) => {
        target.result.transaction('chats').objectStore('chats').getAll().onsuccess = ({ target: { result } }) => resolve(result);
      };
    }));
    const texts = chat?.messages.filter(({ role }) => role === 'user').map(({ text }) => text);
    if (isThere(texts)) return chat;
    assert.ok(i < 100, String(texts));
    await tab.waitForTimeout(50);
  }
}

test('a tab that heard nothing keeps what the other added, and does not bring back what it deleted', () =>
  withTabs(async (visit, page, other) => {
    await other.addInitScript(() => { window.BroadcastChannel = undefined; });
    await open(other, 'First');
    await visit.ask('Second');
    await kept(page, (texts) => texts.length === 2);
    await rename(other, 'First', 'Renamed');
    await other.getByText('Second').waitFor();
    assert.deepEqual(await bubbles(other), ['First', 'Second']);
    await removeLast(page);
    await kept(page, (texts) => texts.length === 1);
    await rename(other, 'Renamed', 'Again');
    await other.getByText('Second').waitFor({ state: 'detached' });
    await page.reload();
    await page.getByRole('navigation').getByRole('button', { name: 'Again', exact: true }).waitFor();
    assert.deepEqual(await bubbles(page), ['First']);
  }));

test('a chat that one tab deleted stays deleted', () =>
  withTabs(async (_, page, other) => {
    await other.addInitScript(() => { window.BroadcastChannel = undefined; });
    await open(other, 'First');
    await page.getByRole('button', { name: 'Actions for “First”' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByText('What shall it write?').waitFor();
    await rename(other, 'First', 'Renamed');
    await other.getByText('What shall it write?').waitFor();
    await page.reload();
    await page.getByText('Chats are kept here').waitFor();
  }));

test('a tab shows what the other does as it happens', () =>
  withTabs(async (visit, page, other) => {
    await open(other, 'First');
    relay.script = null;
    relay.delayMs = 100;
    await visit.send('say something about the sea');
    await other.getByText('say something about the sea').waitFor();
    await other.waitForFunction(() => document.querySelector('article[aria-busy=true] .prose')?.textContent.length > 10);
    await visit.finished();
    await other.locator('article[aria-busy=true]').waitFor({ state: 'detached' });
    const shown = await other.locator('.prose').last().innerText();
    await page.bringToFront(); // the browser draws no other
    await page.waitForFunction((text) => [...document.querySelectorAll('.prose')].at(-1).innerText === text, shown);
    await page.getByRole('button', { name: 'Actions for “First”' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await other.getByText('What shall it write?').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await other.getByRole('navigation').getByRole('button', { name: 'First', exact: true }).waitFor();
  }));

test('an answer that another reader stopped is stopped, not failed', () =>
  withTabs(async (visit, page) => {
    relay.script = { pieces: ['Some ', 'of it'], error: 'stopped: it was deleted, or nobody read it for too long' };
    await visit.ask('Second');
    await page.getByText('Stopped.').waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
  }));

// From now on the tab hears `ms` later what its database did in a transaction of this mode.
const slowDatabase = (tab) =>
  tab.addInitScript(() => {
    window.slow = {};
    Object.defineProperty(IDBTransaction.prototype, 'oncomplete', {
      set(done) { this.addEventListener('complete', (event) => setTimeout(done, window.slow[this.mode] ?? 0, event)); },
    });
  });

async function editQuestion(tab, text) {
  await tab.getByRole('article', { name: 'You' }).getByRole('button', { name: 'Edit' }).click();
  await tab.getByRole('textbox', { name: 'Edit' }).fill(text);
  await tab.getByRole('button', { name: 'Save only' }).click();
}

test('what was saved twice at once is no change that wins over what another tab writes later', () =>
  withTabs(async (_, page, other) => {
    await slowDatabase(page);
    await page.reload();
    await page.getByText('An answer.').waitFor();
    await open(other, 'First');
    await page.bringToFront(); // the browser draws no other, which makes clicks slow
    await page.evaluate(() => { window.slow.readwrite = 2000; });
    await editQuestion(page, 'One');
    await editQuestion(page, 'Two');
    await page.waitForTimeout(2500);
    await page.evaluate(() => { window.slow = {}; });
    await other.getByText('Two').waitFor();
    await editQuestion(other, 'Three');
    await page.getByText('Three').waitFor();
    await rename(page, 'First', 'Renamed');
    await kept(page, (texts) => texts.join() === 'Three');
  }));

test('a chat that is deleted while news of it comes in stays deleted', () =>
  withTabs(async (_, page, other) => {
    await slowDatabase(page);
    await page.reload();
    await open(other, 'First');
    await page.evaluate(() => { window.slow.readonly = 3000; });
    await rename(other, 'First', 'Renamed');
    await other.getByRole('button', { name: 'Actions for “Renamed”' }).waitFor();
    await page.bringToFront();
    await page.getByRole('button', { name: 'Actions for “First”' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByText('Chats are kept here').waitFor();
    await page.waitForTimeout(3500);
    await page.getByText('Chats are kept here').waitFor({ timeout: 100 });
  }));

async function askIn(tab, text) {
  await tab.getByRole('textbox', { name: 'Ask something' }).fill(text);
  await tab.keyboard.press('Enter');
}

for (const deletesFirst of [true, false])
  test(`what one tab asks beneath a question that another deletes takes its place, ${deletesFirst ? 'after' : 'before'} it is gone`, () =>
    withTabs(async (visit, page, deaf) => {
      await deaf.addInitScript(() => { window.BroadcastChannel = undefined; });
      await visit.ask('Second');
      await kept(page, (texts) => texts.length === 2);
      await open(deaf, 'First');
      if (deletesFirst) await removeLast(page);
      else await visit.ask('Third');
      await kept(page, (texts) => texts.length !== 2);
      if (deletesFirst) await askIn(deaf, 'Third');
      else await removeLast(deaf);
      await deaf.getByText('Third').waitFor();
      await deaf.getByText('Second').waitFor({ state: 'detached' });
      assert.deepEqual(await bubbles(deaf), ['First', 'Third']);
      await kept(page, (texts) => texts.join() === 'First,Third');
      await page.reload();
      await page.getByText('Third').waitFor();
      assert.deepEqual(await bubbles(page), ['First', 'Third']);
    }));
