// What most of these tests are about: a server, a relay before it that sees and bends what passes, a browser. One of each for a file.
import { after, before } from 'node:test';

import { launch, Visit } from './browser.js';
import { Relay, startServer } from './server.js';

export let server, relay, browser;

before(async () => {
  server = await startServer();
  relay = await Relay.start(server.url);
  browser = await launch();
});
after(async () => {
  await browser.close();
  await relay.stop();
  await server.stop();
});

// work(visit, page) on a fresh page; the relay lets everything through as it comes.
export async function withVisit(options, work) {
  relay.delayMs = 0;
  relay.script = null;
  const visit = await Visit.open(browser, relay.url, options);
  await work(visit, visit.page);
  await visit.close();
}

// Answered at length, with thinking where that is on.
export const BAG = 'A bag has 4 red and 6 blue marbles; you draw two without replacement; what is the probability both are blue?';

export const chatRow = (page, title) => page.getByRole('navigation').getByRole('button', { name: title, exact: true });

export async function choose(page, title, action) {
  await page.getByRole('button', { name: `Actions for “${title}”` }).click();
  await page.getByRole('menuitem', { name: action }).click();
}

export async function editQuestion(page, text) {
  await page.getByRole('article', { name: 'You' }).getByRole('button', { name: 'Edit' }).click();
  await page.getByRole('textbox', { name: 'Edit' }).fill(text);
  await page.getByRole('button', { name: 'Save only' }).click();
}
