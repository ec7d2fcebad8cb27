// SPDX-License-Identifier: BSD-2-Clause
//
// Every answer takes its time, longer than a browser forgives a jump after
// somebody's doing: what comes late must find its place kept.

import { wanted } from './lib/bridge.mjs';
import { flow, url } from './lib/browser.mjs';
import { still } from './lib/judge.mjs';
import {
  button, field, openForm, openView, row, settled, signIn, title,
} from './lib/page.mjs';

const late = 700;

await flow(async ({ page }) => {
  await page.route('**/api/**', async (route) => {
    await new Promise((resolve) => { setTimeout(resolve, late); });
    await route.continue().catch(() => {});
  });
  await page.goto(url);
  await title(page).filter({ hasText: 'Sign in' }).waitFor();
  await still(page, 'signing in');
  await signIn(page, wanted.admin);
  await row(page, 'Course in spring').waitFor();
  await still(page, 'the list');
  await field(page, 'Search').fill('Course');
  await page.waitForTimeout(late + 600);
  await settled(page);
  await still(page, 'the list, searched');
  await button(page, 'Clear filters').click();
  await page.waitForTimeout(late + 600);
  await openForm(page);
  await page.waitForTimeout(late + 300);
  await still(page, 'the form');
  await openView(page, 'Channels');
  await page.getByRole('table', { name: 'Channels' }).waitFor();
  await still(page, 'channels');
  await openView(page, 'Explain');
  await page.waitForTimeout(late + 300);
  await still(page, 'explain');
  await openView(page, 'Tokens');
  await row(page, 'Course in spring').waitFor();
  await button(row(page, 'Course in spring'), 'Edit').click();
  await field(page, 'Name').waitFor();
  await page.waitForTimeout(late + 300);
  await still(page, 'the form of a token');
});
