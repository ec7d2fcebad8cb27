// SPDX-License-Identifier: BSD-2-Clause
//
// Where nginx itself knows who asks (auth_basic, psm_token_api_user): nobody
// pastes a token.

import { cli, end, is, like, ok, wanted } from './lib/bridge.mjs';
import { visit } from './lib/browser.mjs';
import {
  button, choose, field, forgotten, leave, openView, row, shownToken, title, titled, wrong,
} from './lib/page.mjs';

const known = wanted.known;

// What is granted on a channel counts below it.
async function below(page) {
  const resource = (n) => page.getByRole('group', { name: `Resource ${n}`, exact: true });
  const channel = (n) => resource(n).getByRole('combobox', { name: 'Channel' });
  await channel(1).fill('lab');
  await page.keyboard.press('Escape');
  const level = field(resource(1), 'Permission');
  is(await level.locator('option').allInnerTexts(), ['Read', 'Write'], 'his levels on a channel');
  await level.selectOption('Write');
  await channel(1).fill('');
  await channel(1).pressSequentially('lab');
  await page.keyboard.press('Escape');
  is(await level.inputValue(), 'write', 'a level that was chosen stays while one types the channel anew');
  like(await wrong(channel(1)), /lab\/dev.*Read at most/, 'less below: said');
  await button(page, 'Add Resource').click();
  await channel(2).fill('lab/dev');
  await page.keyboard.press('Escape');
  is([await wrong(channel(1)), await wrong(channel(2))], ['', ''], '  until that has a level of its own');
  await button(resource(2), 'Remove Resource').click();
}

async function ada({ page }) {
  await page.goto(known);
  await titled(page, 'Tokens', 'whom nginx knows is signed in at once');
  like(await page.getByRole('banner').textContent(), /Signed in as ada/, '  as that user');
  await openView(page, 'Account');
  like(await page.getByRole('main').textContent(), /by this server, without a token/, '  and told how');
  await openView(page, 'Tokens');
  await button(page, 'Generate Token').click();
  await field(page, 'Name').fill('ada’s own');
  await below(page);
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
  await openView(page, 'Tokens');
  ok(await button(page, 'Generate Token').isDisabled(), '  nor is it offered');
}

const as = (username) => ({ httpCredentials: { username, password: 'pass' } });
if (await visit(ada, as('ada')) && await visit(nobody, as('nobody'))) {
  end();
}
process.exit(0);
