import assert from 'node:assert/strict';
import { test } from 'node:test';

import { phone, Visit } from './browser.js';
import { sleep, startServer } from './server.js';
import { BAG, browser, relay, withVisit as visitWith } from './site.js';

const SHELL = 'find the 5 largest files in /var/log';

const withVisit = (work) => visitWith(undefined, work);

const lastRequest = () => JSON.parse(relay.requests.findLast(({ url }) => url === '/v1/chat/completions').body);

test('the examples of the empty page are asked with one click, and code comes out as code', () =>
  withVisit(async (visit, page) => {
    await visit.shot('empty');
    await page.getByRole('button', { name: 'A Python function' }).click();
    await visit.finished();
    assert.match(await visit.text(), /def fibonacci/);
    assert.equal(await visit.answers.locator('.code-head span').innerText(), 'python');
    assert.ok((await visit.answers.locator('.hljs-keyword').count()) > 0);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Copy the code' }).click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /^def fibonacci[\s\S]*return memo\[n\]/);
    assert.match(await page.title(), /^write a Python function/);
    await visit.shot('answer');
  }));

test('stopping is instant, keeps the text, and it can be continued to the same end', () =>
  withVisit(async (visit, page) => {
    await visit.ask(SHELL);
    const whole = await visit.text();
    relay.delayMs = 120;
    await page.getByRole('button', { name: 'New chat' }).click();
    await visit.send(SHELL);
    await visit.answers.last().getByText('/var/log').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Stopped.').waitFor({ timeout: 500 });
    const kept = await visit.text();
    await sleep(400);
    assert.equal(await visit.text(), kept);
    assert.ok(kept.length > 5 && kept.length < whole.length, kept);
    relay.delayMs = 0;
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('Stopped.').waitFor({ state: 'detached' });
    await visit.finished();
    assert.equal(await visit.text(), whole);
  }));

test('writing again and editing make versions beside each other', () =>
  withVisit(async (visit, page) => {
    await visit.ask(SHELL);
    const first = await visit.text();
    await page.getByRole('button', { name: 'Write again', exact: true }).click();
    await page.getByLabel('2 of 2', { exact: true }).waitFor();
    await visit.finished();
    assert.equal(await visit.text(), first);
    await page.getByRole('button', { name: 'Previous version' }).click();
    await page.getByLabel('1 of 2', { exact: true }).waitFor();

    await page.getByRole('article', { name: 'You' }).getByRole('button', { name: 'Edit' }).click();
    const editor = page.getByRole('textbox', { name: 'Edit' });
    await editor.fill('list the files in /tmp by size');
    await page.getByRole('button', { name: 'Send as a new branch' }).click();
    await visit.finished();
    assert.equal(await page.getByRole('article', { name: 'You' }).locator('.text').innerText(), 'list the files in /tmp by size');
    assert.notEqual(await visit.text(), first);
    assert.deepEqual(lastRequest().messages, [{ role: 'user', content: 'list the files in /tmp by size' }]);
    await page.getByRole('article', { name: 'You' }).getByRole('button', { name: 'Previous version' }).click();
    assert.equal(await visit.text(), first);
    await page.getByLabel('1 of 2', { exact: true }).first().waitFor();
  }));

test('Enter in the editor sends nothing while an answer is written, and on a phone makes a new line', async () => {
  const edit = async (visit, page) => {
    relay.script = { pieces: Array.from({ length: 100 }, (_, i) => `word${i} `), delayMs: 20 };
    await visit.send('Hello');
    await page.getByText('word1 ').waitFor();
    await page.getByRole('article', { name: 'You' }).getByRole('button', { name: 'Edit' }).click();
    await page.getByRole('textbox', { name: 'Edit' }).fill('Other');
    await page.keyboard.press('Enter');
    return page.getByRole('textbox', { name: 'Edit' }).inputValue();
  };
  const asked = () => relay.requests.filter(({ url }) => url === '/v1/chat/completions').length;
  await withVisit(async (visit, page) => {
    const before = asked();
    assert.equal(await edit(visit, page), 'Other');
    assert.equal(asked(), before + 1);
  });
  await visitWith(phone, async (visit, page) => {
    assert.equal(await edit(visit, page), 'Other\n');
  });
});

test('system prompt and sampling reach the server, and reset takes them back', () =>
  withVisit(async (visit, page) => {
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('textbox', { name: 'System prompt' }).fill('Answer in one line.');
    await page.getByRole('spinbutton', { name: 'Temperature' }).fill('0.7');
    await page.getByRole('spinbutton', { name: 'Longest answer' }).fill('12');
    await page.getByRole('spinbutton', { name: 'Seed' }).fill('5');
    await page.getByRole('spinbutton', { name: 'Seed' }).blur();
    await visit.shot('settings');
    await page.keyboard.press('Escape');
    await visit.ask(SHELL);
    const request = lastRequest();
    assert.deepEqual(request.messages[0], { role: 'system', content: 'Answer in one line.' });
    assert.deepEqual([request.temperature, request.max_tokens, request.seed], [0.7, 12, 5]);
    await page.getByText('The limit of tokens is reached.').waitFor();
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('button', { name: 'Reset to the server’s' }).click();
    await page.keyboard.press('Escape');
    await visit.ask('and in /tmp?');
    const later = lastRequest();
    assert.equal(later.temperature, undefined);
    assert.equal(later.max_tokens, undefined);
    assert.equal(later.messages.length, 4);
  }));

test('thinking folds, opens and tells how long it took', () =>
  withVisit(async (visit, page) => {
    await page.getByRole('button', { name: 'Think first' }).click();
    await visit.ask(BAG);
    assert.equal(lastRequest().enable_thinking, true);
    const fold = page.getByRole('button', { name: /Thought for/ });
    assert.equal(await fold.getAttribute('aria-expanded'), 'false');
    await fold.click();
    assert.ok((await page.locator('.thoughts').innerText()).length > 20);
    assert.match(await visit.text(), /1\/3/);
    await visit.shot('thinking');
    // It is not sent again.
    await visit.ask('And both red?');
    assert.ok(!lastRequest().messages[1].content.includes('<think>'));
  }));

test('thinking that was stopped is gone on with, as thinking', () =>
  withVisit(async (visit, page) => {
    relay.delayMs = 100;
    await page.getByRole('button', { name: 'Think first' }).click();
    await visit.send(BAG);
    await page.waitForFunction(() => (document.querySelector('.thoughts')?.textContent ?? '').length > 20);
    await visit.shot('thinking-live');
    await page.keyboard.press('Escape');
    await page.getByText('Stopped.').waitFor();
    assert.equal(await visit.text(), '');
    relay.delayMs = 0;
    await page.getByRole('button', { name: 'Continue' }).click();
    await visit.answers.last().getByText('The answer is 1/3.').waitFor();
    await visit.finished();
    assert.equal(await visit.text(), 'The answer is 1/3.');
    await page.getByRole('button', { name: /Thought for/ }).click();
    assert.match(await page.locator('.thoughts').innerText(), /^Counts: [\s\S]*1\/3\.$/);
  }));

test('text files are attached by paste and by choice, and others refused', () =>
  withVisit(async (visit, page) => {
    await page.locator('input[type=file][multiple]').setInputFiles([
      { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('one\n```\ntwo') },
      { name: 'picture.png', mimeType: 'image/png', buffer: Buffer.from([0x89, 0x50, 0, 0xff]) },
    ]);
    await page.getByText('picture.png is no text').waitFor();
    await page.getByText('notes.txt').waitFor();
    await visit.composer.evaluate((field) => {
      const data = new DataTransfer();
      data.items.add(new File(['three'], 'pasted.md', { type: 'text/markdown' }));
      field.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    });
    await page.getByText('pasted.md').waitFor();
    await page.getByRole('button', { name: 'Remove notes.txt' }).click();
    await page.locator('body').evaluate((body) => {
      const data = new DataTransfer();
      data.items.add(new File(['four\n```\n'], 'dropped.py'));
      body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    });
    await page.getByText('dropped.py').waitFor();
    await visit.ask('What is in it?');
    assert.equal(lastRequest().messages[0].content, 'pasted.md:\n```\nthree\n```\n\ndropped.py:\n````\nfour\n```\n````\n\nWhat is in it?');
  }));

test('a long prompt shows how far it is read, and the context meter warns before it is full', () =>
  withVisit(async (visit, page) => {
    relay.delayMs = 250;
    await visit.send(`How many words? ${'riders take turns '.repeat(335)}`);
    const progress = page.getByRole('progressbar', { name: 'Reading' });
    await progress.waitFor();
    await page.getByText(/Reading: [\d,]+ of 1,\d+ tokens/).waitFor();
    await visit.shot('reading');
    await page.keyboard.press('Escape');
    await page.getByText(/of context left/).waitFor();
    await visit.composer.fill('more words '.repeat(600));
    await page.getByText('This no longer fits the context.').waitFor();
    relay.delayMs = 0;
    visit.expected = /400/; // the browser's own line about the status
    await visit.composer.press('Enter');
    await page.getByRole('alert').getByText(/It did not work: .*context/).waitFor();
  }));

test('the context meter counts what would be sent: behind an answer that came to nothing, one question', () =>
  withVisit(async (visit, page) => {
    relay.script = { pieces: [], error: 'it broke' };
    await visit.ask('First');
    const counted = page.waitForRequest((request) => request.url().endsWith('/apply-template') && request.postData().includes('Second'));
    await visit.composer.fill('Second');
    assert.deepEqual((await counted).postDataJSON().messages, [{ role: 'user', content: 'First\n\nSecond' }]);
  }));

test('the end stays in sight while an answer grows, until the reader looks elsewhere', () =>
  withVisit(async (visit, page) => {
    relay.script = { pieces: Array.from({ length: 160 }, (_, i) => `Line ${i}.\n\n`), delayMs: 15 };
    await visit.send('Many lines');
    const area = page.locator('.area');
    await page.getByText('Line 40.', { exact: true }).waitFor();
    const atEnd = () => page.waitForFunction(() => {
      const element = document.querySelector('.area');
      return element.scrollHeight - element.scrollTop - element.clientHeight < 80;
    });
    await atEnd();
    await page.getByText('Line 60.', { exact: true }).waitFor();
    await atEnd();
    await area.hover();
    await page.mouse.wheel(0, -600);
    await page.getByRole('button', { name: 'To the end' }).waitFor();
    const place = await area.evaluate((element) => element.scrollTop);
    await page.getByText('Line 90.', { exact: true }).waitFor({ state: 'attached' });
    assert.equal(await area.evaluate((element) => element.scrollTop), place);
    await page.getByRole('button', { name: 'To the end' }).click();
    await visit.finished();
    relay.script = null;
    await atEnd();
  }));

test('a server that goes away is noticed and said', async () => {
  const own = await startServer();
  const visit = await Visit.open(browser, own.url);
  await own.stop();
  visit.expected = /ERR_|Failed to load/;
  await visit.send('Hello?');
  await visit.page.getByRole('alert').getByText('the server is not reachable').waitFor();
  await visit.page.getByText('not reachable', { exact: true }).waitFor();
  await visit.close();
});

test('another model at the same address is noticed', (t) =>
  withVisit(async (visit, page) => {
    const other = await startServer('--alias', 'another-model');
    const known = relay.target;
    t.after(() => ((relay.target = known), other.stop()));
    relay.target = new URL(other.url);
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await page.getByText('another-model').first().waitFor();
  }));

test('that a server no longer asks for a key is noticed', (t) =>
  withVisit(async (visit, page) => {
    const locked = await startServer('--api-key', 'open-sesame');
    const known = relay.target;
    t.after(() => ((relay.target = known), locked.stop()));
    const look = () => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    const key = page.getByRole('textbox', { name: 'Key' });
    visit.expected = /401/;
    relay.target = new URL(locked.url);
    await look();
    await key.waitFor();
    relay.target = known;
    await look();
    await key.waitFor({ state: 'detached' });
    await page.locator('.dot.ready').waitFor();
  }));

test('a server with a key asks for it once, says what is wrong with others, and leaves those alone who have none', async (t) => {
  const own = await startServer('--api-key', 'open-sesame');
  t.after(() => own.stop());
  const context = await browser.newContext();
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  await page.goto(own.url);
  const key = page.getByRole('textbox', { name: 'Key' });
  await key.waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'api-key');
  await page.keyboard.press('Escape');
  await key.waitFor({ state: 'detached' });
  await page.waitForTimeout(2500); // as long as a server that is away is asked again after
  assert.equal(await key.count(), 0);
  await page.getByRole('textbox', { name: 'Ask something' }).fill('Hello');
  await page.keyboard.press('Enter');
  await key.fill('schlüssel');
  await page.getByText('only unaccented letters').waitFor();
  assert.ok(await page.getByRole('button', { name: 'OK', exact: true }).isDisabled());
  await key.fill('open-barley');
  await page.keyboard.press('Enter');
  await page.getByText('This key was refused.').waitFor();
  await key.fill('open-sesame');
  await page.keyboard.press('Enter');
  await page.getByText('paceline-demo').first().waitFor();
  await page.reload();
  await page.locator('.dot.ready').waitFor();
  await context.close();
});
