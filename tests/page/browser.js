// Chromium with an eye on what no page may do: talk to others, break its own policy, throw, open dialogs.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { chromium } from 'playwright-core';

const shots = join(dirname(process.env.PACELINE), 'page-shots');
mkdirSync(shots, { recursive: true });

export const desktop = { viewport: { width: 1440, height: 900 } };
export const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  });
}

export class Visit {
  complaints = [];

  static async open(browser, url, options = desktop) {
    const visit = new Visit();
    visit.isPhone = options.isMobile === true;
    visit.context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    // The page is not slowed down by looking at it, so waiting long only happens when something is wrong.
    visit.context.setDefaultTimeout(30_000);
    await visit.context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
    });
    visit.page = await visit.context.newPage();
    const complain = (what) => visit.complaints.push(what);
    visit.page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (origin !== new URL(url).origin && protocol !== 'data:' && protocol !== 'blob:') complain(`request to ${request.url()}`);
    });
    visit.page.on('pageerror', (error) => complain(`error: ${error.message}`));
    visit.page.on('dialog', (dialog) => (complain(`dialog: ${dialog.message()}`), dialog.dismiss()));
    visit.page.on('console', (message) => {
      if (message.type() === 'error' && !visit.expected?.test(message.text())) complain(`console: ${message.text()}`);
    });
    visit.page.on('popup', (popup) => complain(`popup: ${popup.url()}`));
    await visit.page.goto(url);
    await visit.page.getByText('ready', { exact: true }).or(visit.page.locator('.dot.ready')).first().waitFor();
    return visit;
  }

  async close() {
    await this.context.close();
    assert.deepEqual(this.complaints, []);
  }

  get composer() {
    return this.page.getByRole('textbox', { name: 'Ask something' });
  }
  get answers() {
    return this.page.getByRole('article', { name: 'paceline-demo' });
  }

  async send(text) {
    await this.composer.fill(text);
    if (this.isPhone) await this.page.getByRole('button', { name: 'Send' }).click();
    else await this.composer.press('Enter');
  }

  async ask(text) {
    await this.send(text);
    await this.finished();
  }

  // The last answer is there and nothing is being written.
  async finished() {
    await this.answers.last().getByRole('button', { name: 'Copy the answer' }).waitFor();
  }

  // Of the last answer, all that has come: it is shown in slices, a moment after the answer itself is there.
  async text() {
    const prose = this.answers.last().locator('.prose');
    await prose.and(this.page.locator('[aria-busy=false]')).waitFor({ state: 'attached' });
    return prose.innerText();
  }

  shot(name) {
    return this.page.screenshot({ path: join(shots, `${name}.png`) });
  }
}
