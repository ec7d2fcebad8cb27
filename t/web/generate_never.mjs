// SPDX-License-Identifier: BSD-2-Clause
//
// Where tokens may last for ever.

import {
  cli, is, like, mint, wanted,
} from './lib/bridge.mjs';
import { flow } from './lib/browser.mjs';
import { button, choose, field, openForm, said, shownToken, signIn, wrong } from './lib/page.mjs';

await flow(async ({ page }) => {
  await page.goto(wanted.endless);
  const admin = await mint('endless admin', '--owner', 'root', '--expires', 'never', '--scope',
    'user.token:view', '--scope', 'user.token:edit');
  await page.getByLabel('Token', { exact: true }).fill(admin.token);
  await button(page, 'Sign in').click();
  await openForm(page);
  const date = page.getByLabel('Expiration date', { exact: true });
  await button(page, 'Never').click();
  is(await date.inputValue(), '', 'never: there is no date');
  like(await said(date), /never expires/i, '  which is said');
  is(await wrong(date), '', '  and is no mistake');
  like(await page.getByRole('region', { name: 'Summary' }).innerText(), /never expires/, '  nor hidden');
  await field(page, 'Name').fill('for ever');
  await choose(page, page, 'Channel', 'public');
  await button(page, 'Create').click();
  await shownToken(page);
  like(await page.getByRole('main').innerText(), /It never expires/, 'it was made so');
  is((await cli('list')).items.find((x) => x.name === 'for ever').expires_at, null, '  really');
  await button(page, 'Copy').click();
  await button(page, 'Close').click();
});
