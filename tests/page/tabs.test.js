// Two tabs of one browser have the same chats, and neither undoes what the other did.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BAG, chatRow, choose, editQuestion, relay, withVisit as visitWith } from './site.js';

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
  await chatRow(tab, title).click();
}

async function rename(tab, from, to) {
  await choose(tab, from, 'Rename');
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
    await chatRow(page, 'Again').waitFor();
    assert.deepEqual(await bubbles(page), ['First']);
  }));

test('a chat that one tab deleted stays deleted', () =>
  withTabs(async (_, page, other) => {
    await other.addInitScript(() => { window.BroadcastChannel = undefined; });
    await open(other, 'First');
    await choose(page, 'First', 'Delete');
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
    await grows(other);
    await visit.finished();
    await other.locator('article[aria-busy=true]').waitFor({ state: 'detached' });
    const shown = await other.locator('.prose').last().innerText();
    await page.bringToFront(); // the browser draws no other
    await page.waitForFunction((text) => [...document.querySelectorAll('.prose')].at(-1).innerText === text, shown);
    await choose(page, 'First', 'Delete');
    await other.getByText('What shall it write?').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await chatRow(other, 'First').waitFor();
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

const hide = (tab) =>
  tab.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, value: 'hidden' });
    document.dispatchEvent(new Event('visibilitychange'));
  });
const unhide = (tab) =>
  tab.evaluate(() => {
    delete document.visibilityState;
    document.dispatchEvent(new Event('visibilitychange'));
  });

// How often a tab has written chats down.
const countSaves = (tab) =>
  tab.addInitScript(() => {
    window.saves = 0;
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (...given) { return ++window.saves, put.apply(this, given); };
  });
const saves = (tab) => tab.evaluate(() => window.saves);

const streams = () => relay.requests.filter(({ method, url }) => method === 'GET' && url.startsWith('/v1/streams/')).length;
// Asked again by the clock: the browser draws one tab only.
const grows = (tab) => tab.waitForFunction(() => document.querySelector('article[aria-busy=true] .prose')?.textContent.length > 10, null, { polling: 50 });
const written = (tab) => tab.locator('.prose').last().innerText();

test('only a tab that shows the chat, and is seen, follows an answer that another writes; only that one keeps it', () =>
  withTabs(async (visit, page, seen) => {
    const [hidden, elsewhere] = [await visit.context.newPage(), await visit.context.newPage()];
    for (const tab of [seen, hidden, elsewhere]) {
      await countSaves(tab);
      await open(tab, 'First');
    }
    await hide(hidden);
    await elsewhere.getByRole('button', { name: 'New chat' }).click();
    relay.script = null;
    relay.delayMs = 150;
    relay.requests.length = 0;
    await visit.send(BAG);
    await grows(seen);
    await grows(hidden); // by what is kept
    assert.equal(streams(), 1);
    await hide(seen);
    await unhide(hidden);
    for (let i = 0; i < 100 && streams() < 2; ++i) await page.waitForTimeout(20);
    await visit.finished();
    for (const tab of [seen, hidden]) await tab.locator('article[aria-busy=true]').waitFor({ state: 'detached' });
    await page.waitForTimeout(4000); // until the others know that it was written down
    assert.equal(streams(), 2);
    for (const tab of [seen, hidden, elsewhere]) assert.equal(await saves(tab), 0);
    await chatRow(elsewhere, 'First').click();
    const text = await visit.text();
    for (const tab of [seen, hidden, elsewhere]) assert.equal(await written(tab), text);
  }));

test('when the tab that writes goes away, one of the others goes on', () =>
  withTabs(async (visit, page, other) => {
    const third = await visit.context.newPage();
    for (const tab of [other, third]) {
      await countSaves(tab);
      await open(tab, 'First');
      await hide(tab);
    }
    relay.script = null;
    relay.delayMs = 150;
    await visit.send(BAG);
    await grows(other);
    relay.requests.length = 0;
    await page.close();
    for (const tab of [other, third]) await tab.locator('article[aria-busy=true]').waitFor({ state: 'detached' });
    assert.equal(streams(), 1);
    assert.equal((await Promise.all([other, third].map(saves))).filter((count) => count > 0).length, 1);
    assert.equal(await other.getByText('Stopped.').count(), 0);
    const texts = await Promise.all([other, third].map(written));
    assert.equal(texts[0], texts[1]);
    await third.reload();
    await third.getByText('First').first().waitFor();
    assert.equal(await written(third), texts[0]);
  }));

test('an answer that had not begun when its tab was closed ends by itself', () =>
  withTabs(async (visit, page, other) => {
    await open(other, 'First');
    relay.script = { pieces: ['late ', 'words'], delayMs: 20_000 };
    await visit.send('Second');
    await other.getByText('Second').waitFor();
    await other.waitForTimeout(3000); // as long as the other tab is there it is none of this one's business
    assert.equal(await other.getByText('Stopped.').count(), 0);
    await page.close();
    await other.getByText('Stopped.').waitFor();
    await other.reload();
    await other.getByText('Stopped.').waitFor();
  }));

test('an answer that another tab stops is stopped where it is written', () =>
  withTabs(async (visit, page, other) => {
    await open(other, 'First');
    relay.script = { pieces: ['late ', 'words'], delayMs: 4_000 };
    await visit.send('Second');
    await other.getByText('Second').waitFor();
    await other.bringToFront();
    await other.getByRole('button', { name: 'Stop' }).click();
    for (const tab of [page, other]) await tab.getByText('Stopped.').waitFor();
    await other.waitForTimeout(6000);
    for (const tab of [page, other]) assert.doesNotMatch(await tab.locator('main').innerText(), /words/);
    await other.reload();
    await other.getByText('Stopped.').waitFor();
  }));

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
    await choose(page, 'First', 'Delete');
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
