// SPDX-License-Identifier: BSD-2-Clause
//
// Where nginx itself knows who asks (auth_basic, psm_token_api_user): nobody
// pastes a token.

import { cli, end, is, like, ok, wanted } from './lib/bridge.mjs';
import { visit } from './lib/browser.mjs';
import {
  button, choose, field, forgotten, leave, openView, row, shownToken, title, titled,
} from './lib/page.mjs';

const known = wanted.known;

async function ada({ page }) {
  await page.goto(known);
  await titled(page, 'Tokens', 'whom nginx knows is signed in at once');
  like(await page.getByRole('banner').textContent(), /Signed in as ada/, '  as that user');
  await openView(page, 'Account');
  like(await page.getByRole('main').textContent(), /by this server, without a token/, '  and told how');
  await openView(page, 'Tokens');
  await button(page, 'Generate Token').click();
  await field(page, 'Name').fill('ada’s own');
  await choose(page, page, 'Channel', 'main');
  await field(page, 'Permission').selectOption({ label: 'Write' });
  await button(page, 'Create').click();
  const token = await shownToken(page);
  await leave(page, 'Tokens');
  await row(page, 'ada’s own').waitFor();
  await forgotten(page, token, 'what was made is shown no more');
  const all = await cli('list', '--owner', 'ada');
  is((all.items ?? all).filter((x) => x.name === 'ada’s own').map((x) => x.created_by), ['ada'],
    'the token is by nginx’s user');
  await button(page, 'Sign out').click();
  await titled(page, 'Sign in');
  like(await page.getByRole('main').textContent(), /signed out/i, 'signing out stays so');
  await page.waitForTimeout(300);
  is(await title(page).textContent(), 'Sign in', '  without coming back by itself');
  await button(page, 'Continue without a token').click();
  await titled(page, 'Tokens', '  until one says so');
}

async function nobody({ page }) {
  await page.goto(known);
  await page.getByRole('heading', { level: 1 }).waitFor();
  like(await page.getByRole('banner').textContent(), /Signed in as nobody/, 'a user without a record is known');
  await page.getByText('No tokens yet').waitFor();
  ok(true, '  has no tokens, which is said');
  await openView(page, 'Account');
  like(await page.getByRole('main').textContent(), /Nothing\./, '  and may hand out nothing');
  ok(await page.getByRole('button', { name: 'Generate Token' }).count() === 0, '  nor is it offered');
}

const as = (username) => ({ httpCredentials: { username, password: 'pass' } });
if (await visit(ada, as('ada')) && await visit(nobody, as('nobody'))) {
  end();
}
process.exit(0);
