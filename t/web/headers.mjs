// SPDX-License-Identifier: BSD-2-Clause
//
// The Content-Security-Policy as Google's evaluator judges it, the page in the
// frame of another site, and what the back button shows of it.

import { is, ok, wanted } from './lib/bridge.mjs';
import { flow, url } from './lib/browser.mjs';
import { cspEvaluator } from './lib/packages.mjs';
import {
  button, makeToken, openView, signIn,
} from './lib/page.mjs';

function judgePolicy() {
  const { CspParser, CspEvaluator, Severity } = cspEvaluator();
  const { csp } = new CspParser(wanted.csp);
  const found = new CspEvaluator(csp).evaluate();
  const serious = found.filter((x) => x.severity < Severity.MEDIUM_MAYBE)
    .map((x) => `${x.directive} ${x.value ?? ''}: ${x.description}`);
  is(serious, [], 'csp_evaluator finds nothing that is certain');
  is(csp.directives['frame-ancestors'], ["'none'"], 'frame-ancestors is none');
  is(csp.directives['require-trusted-types-for'], ["'script'"], 'trusted types are required');
  const words = Object.values(csp.directives).flat();
  is(words.filter((x) => /unsafe|\*|:|^https?/.test(x)), [], 'nothing inline, nothing from elsewhere');
}

async function frameIt(page) {
  await page.goto(wanted.frame);
  const inner = await page.locator('iframe').elementHandle().then((x) => x.contentFrame());
  await inner.waitForLoadState();
  ok(!inner.url().startsWith(url), 'another site cannot frame it', inner.url());
  is(await inner.evaluate(() => document.querySelectorAll('form, input, script[src]').length).catch(() => 0),
    0, '  nothing of it is there');
}

async function openerIsNobody(page) {
  await page.goto(wanted.frame);
  const [other] = await Promise.all([
    page.context().waitForEvent('page'),
    page.evaluate((address) => { window.handle = window.open(address); }, url),
  ]);
  await other.waitForLoadState();
  is(await other.evaluate(() => window.opener), null, 'who opened it cannot be reached from it');
  ok(await page.evaluate(() => {
    try {
      return window.handle.closed || !window.handle.location.href;
    } catch {
      return true;
    }
  }), '  nor it by the one that opened it');
  await other.close();
}

// What is shown once is gone when one has left, whatever way one comes back.
async function back(page) {
  await signIn(page, wanted.token);
  const token = await makeToken(page, { name: 'seen once', channel: 'private' });
  await button(page, 'Copy').click();
  await page.goto(wanted.frame);
  await page.goBack();
  await page.waitForLoadState('networkidle');
  ok(!(await page.content()).includes(token), 'the back button does not show a token again');
  ok(!(await page.content()).includes('seen once'), '  nor any list: one has to sign in again');
  await signIn(page, wanted.token);
  await openView(page, 'Tokens');
}

judgePolicy();
await flow(async ({ page }) => {
  await frameIt(page);
  await openerIsNobody(page);
  await back(page);
}, { unguarded: true });
