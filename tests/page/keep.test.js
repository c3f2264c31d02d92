// What is kept: through a reload in the middle of an answer, in the list of chats, in files.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { startServer } from './server.js';
import { BAG, chatRow, choose, relay, withVisit as visitWith } from './site.js';

const withVisit = (work) =>
  visitWith(undefined, async (visit, page) => {
    await page.getByRole('combobox', { name: 'MTP' }).selectOption('3');
    await work(visit, page);
  });

async function saved(page, act) {
  const [download] = await Promise.all([page.waitForEvent('download'), act()]);
  return { name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8') };
}

test('a reload in the middle of an answer loses nothing of it', () =>
  withVisit(async (visit, page) => {
    await visit.ask(BAG);
    const whole = await visit.text();
    const numbers = await page.locator('.numbers .gain').count();
    await page.getByRole('button', { name: 'New chat' }).click();
    relay.delayMs = 150;
    await visit.send(BAG);
    // Long enough for some of it to have been kept.
    await page.waitForFunction(() => (document.querySelector('article[aria-busy=true] .prose')?.textContent ?? '').length > 200);
    await page.reload();
    relay.delayMs = 0;
    await visit.answers.first().waitFor();
    await visit.finished();
    assert.equal(await visit.text(), whole);
    const resumed = relay.requests.find(({ url }) => url.startsWith('/v1/streams/'));
    assert.match(resumed.url, /from=[1-9]\d*$/);
    assert.equal(await page.locator('.numbers .gain').count(), numbers);
    // And once more: it is there without the server.
    await page.reload();
    await visit.finished();
    assert.equal(await visit.text(), whole);
  }));

test('a connection that breaks is taken up where it broke', () =>
  withVisit(async (visit, page) => {
    await visit.ask(BAG);
    const whole = await visit.text();
    await page.getByRole('button', { name: 'New chat' }).click();
    visit.expected = /ERR_INCOMPLETE_CHUNKED_ENCODING/;
    relay.requests.length = 0;
    relay.cutAfter = 9;
    await visit.ask(BAG);
    assert.equal(await visit.text(), whole);
    assert.equal(relay.requests.filter(({ url }) => url.startsWith('/v1/streams/')).length, 1);
  }));

test('that a connection is lost is said until it is back', () =>
  withVisit(async (visit, page) => {
    visit.expected = /ERR_/;
    const known = relay.target;
    relay.delayMs = 100;
    relay.cutAfter = 9;
    await visit.send(BAG);
    await page.waitForFunction(() => document.querySelector('article[aria-busy=true] .prose')?.textContent);
    relay.target = new URL('http://127.0.0.1:9');
    await page.getByRole('article').getByText('The connection is lost').waitFor();
    relay.target = known;
    await visit.finished();
    assert.equal(await page.getByRole('article').getByText('The connection is lost').count(), 0);
    assert.match(await visit.text(), /The answer is 1\/3/);
  }));

test('an answer that failed can be continued when there is some of it, and is not sent when there is none', () =>
  withVisit(async (visit, page) => {
    relay.script = { pieces: [], error: 'it broke' };
    await visit.ask('First');
    assert.equal(await page.getByRole('button', { name: 'Continue' }).count(), 0);
    relay.script = { pieces: ['Some ', 'text'], error: 'it broke' };
    await visit.ask('Second');
    await page.getByRole('button', { name: 'Continue' }).waitFor();
    const { messages } = JSON.parse(relay.requests.findLast(({ url }) => url === '/v1/chat/completions').body);
    assert.deepEqual(messages, [{ role: 'user', content: 'First\n\nSecond' }]);
    await page.getByRole('button', { name: 'Continue' }).click();
    await visit.answers.last().getByRole('alert').waitFor({ state: 'detached' });
    await visit.finished();
    assert.match(await visit.text(), /^Some text/);
  }));

test('an answer that the server has forgotten can be continued', () =>
  withVisit(async (visit, page) => {
    relay.delayMs = 100;
    await visit.send(BAG);
    await page.waitForFunction(() => (document.querySelector('article[aria-busy=true] .prose')?.textContent ?? '').length > 30);
    await page.reload();
    visit.expected = /404/;
    const known = relay.target;
    const other = await startServer();
    relay.target = new URL(other.url);
    await page.reload();
    await page.getByText('Stopped.').waitFor();
    relay.delayMs = 0;
    await page.getByRole('button', { name: 'Continue' }).click();
    await visit.finished();
    assert.match(await visit.text(), /The answer is 1\/3/);
    relay.target = known;
    await other.stop();
  }));

test('stopping reaches the server', () =>
  withVisit(async (visit, page) => {
    relay.delayMs = 150;
    await visit.send(BAG);
    await page.waitForFunction(() => document.querySelector('article[aria-busy=true] .prose')?.textContent);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('Stopped.').waitFor();
    await assert.doesNotReject(async () => {
      for (let i = 0; i < 100 && !relay.requests.some(({ method }) => method === 'DELETE'); ++i) await page.waitForTimeout(20);
    });
    assert.ok(relay.requests.some(({ method, url }) => method === 'DELETE' && url.startsWith('/v1/streams/')));
  }));

test('a question that is deleted takes its answers along, one under way, too, and can be brought back', () =>
  withVisit(async (visit, page) => {
    const remove = () => page.getByRole('article', { name: 'You' }).last().getByRole('button', { name: 'Delete this and what follows' }).click();
    const asked = () => page.locator('.bubble .text').allInnerTexts();
    const undo = async () => {
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByText('Stopped.').waitFor();
    };
    relay.delayMs = 150;
    await visit.send(BAG);
    await page.waitForFunction(() => document.querySelector('article[aria-busy=true] .prose')?.textContent);
    relay.requests.length = 0;
    await remove();
    await page.getByText('What shall it write?').waitFor();
    for (let i = 0; i < 100 && !relay.requests.some(({ method }) => method === 'DELETE'); ++i) await page.waitForTimeout(20);
    assert.ok(relay.requests.some(({ method, url }) => method === 'DELETE' && url.startsWith('/v1/streams/')));
    await undo();
    assert.deepEqual(await asked(), [BAG]);
    relay.delayMs = 0;
    await visit.ask('And both red?');
    await remove();
    await page.getByText('And both red?').waitFor({ state: 'detached' });
    await undo();
    assert.deepEqual(await asked(), [BAG, 'And both red?']);
    await page.waitForTimeout(200);
    await page.reload();
    await page.getByText('And both red?').waitFor();
  }));

test('chats are found, renamed, pinned, deleted and brought back', () =>
  withVisit(async (visit, page) => {
    await visit.ask('list files by size');
    await page.getByRole('button', { name: 'New chat' }).click();
    await visit.ask(BAG);
    await page.reload();
    await chatRow(page, 'list files by size').click();
    await visit.finished();
    await choose(page, 'list files by size', 'Rename');
    await page.getByRole('textbox', { name: 'Rename' }).fill('Sizes');
    await page.keyboard.press('Enter');
    await choose(page, 'Sizes', 'Pin');
    await page.getByRole('heading', { name: 'Pinned' }).waitFor();
    await visit.shot('history');
    await page.getByRole('searchbox', { name: 'Search chats' }).fill('without replacement');
    await chatRow(page, 'Sizes').waitFor({ state: 'detached' });
    await page.getByRole('searchbox', { name: 'Search chats' }).fill('');
    await choose(page, 'Sizes', 'Delete');
    await chatRow(page, 'Sizes').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.reload();
    await chatRow(page, 'Sizes').waitFor();
    await page.getByRole('heading', { name: 'Pinned' }).waitFor();
  }));

test('what is exported comes back the same, and reads well as Markdown', () =>
  withVisit(async (visit, page) => {
    await visit.ask('find the 5 largest files in /var/log');
    const text = await visit.text();
    await page.getByRole('button', { name: 'Write again', exact: true }).click();
    await page.getByLabel('2 of 2', { exact: true }).waitFor();
    await visit.finished();
    const title = 'find the 5 largest files in /var/log';
    await choose(page, title, 'Pin');
    const file = await saved(page, () => page.getByRole('button', { name: 'Export all' }).click());
    const markdown = await saved(page, () => choose(page, title, 'Export as Markdown'));
    assert.equal(markdown.name, 'find the 5 largest files in varlog.md');
    assert.match(markdown.text, /^# find the 5 largest files in \/var\/log\n\n## You\n\nfind the 5 .*\n\n## paceline-demo\n\n```bash\nfind \/var\/log/);

    await choose(page, title, 'Delete');
    const picker = page.locator('input[type=file][accept]');
    await picker.setInputFiles({ name: 'chats.json', mimeType: 'application/json', buffer: Buffer.from(file.text) });
    await page.getByText('Imported 1 chat').waitFor();
    await page.getByRole('heading', { name: 'Pinned' }).waitFor();
    await chatRow(page, title).click();
    assert.equal(await visit.text(), text);
    await page.getByLabel('2 of 2', { exact: true }).waitFor();
    const again = await saved(page, () => page.getByRole('button', { name: 'Export all' }).click());
    assert.deepEqual(JSON.parse(again.text), JSON.parse(file.text));

    for (const [content, complaint] of [
      ['{', 'the file is no JSON'],
      ['{"format": "other"}', 'expected chats that this page exported'],
      ['{"format": "paceline-chats", "version": 7}', 'the file has version 7, expected 1'],
    ]) {
      await picker.setInputFiles({ name: 'bad.json', mimeType: 'application/json', buffer: Buffer.from(content) });
      await page.getByText(complaint).waitFor();
    }
  }));

test('a browser that keeps nothing for the page is used all the same, and says so', () =>
  visitWith(undefined, async (visit, page) => {
    await page.addInitScript(() => {
      const refuse = () => { throw new DOMException('refused', 'SecurityError'); };
      for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get: refuse });
      indexedDB.constructor.prototype.open = refuse;
    });
    await page.reload();
    const notice = page.getByText('does not let the page keep chats');
    await notice.waitFor();
    await visit.ask('list files by size');
    await page.getByRole('button', { name: 'New chat' }).click();
    await chatRow(page, 'list files by size').click();
    await visit.finished();
    await page.waitForTimeout(6500); // longer than other notices are shown
    await notice.waitFor();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await notice.waitFor({ state: 'detached' });
  }));
