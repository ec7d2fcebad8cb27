// SPDX-License-Identifier: BSD-2-Clause
//
// Deleting one token and several: named, asked for, done, and where it fails
// said of which.

import { ask, cli, is, like, mint, ok, until, wanted } from './lib/bridge.mjs';
import { flow, hold, shot } from './lib/browser.mjs';
import {
  button, dialog, field, lists, names, openView, row, settled, signIn, signOut, table, titled,
} from './lib/page.mjs';

async function exists(id) {
  return cli('show', id).then((x) => !x.deleted_at, () => false);
}

async function one(page) {
  const made = await mint('one of many', '--owner', 'gil', '--resource', 'public:read', '--resource', 'private:read');
  const path = `/t/${made.token}/private/noarch/repodata.json`;
  is((await ask('gate', path)).status, 200, 'a token works');
  await field(page, 'Search').fill('one of many');
  await lists(page, ['one of many'], '  and is listed');
  await button(row(page, 'one of many'), 'Delete Token').click();
  like(await dialog(page).innerText(), /Delete token\?[^]*one of many[^]*of gil/, 'a question that names it');
  like(await dialog(page).innerText(), /cannot be undone/i, '  and says what that means');
  await shot(page, 'delete-one');
  ok(await button(dialog(page), 'Cancel').evaluate((x) => x === document.activeElement), '  the safe answer has the focus');
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  ok(await exists(made.id), 'Escape deletes nothing');
  ok(await button(row(page, 'one of many'), 'Delete Token').evaluate((x) => x === document.activeElement),
    '  and the focus is where it was');
  await button(row(page, 'one of many'), 'Delete Token').click();
  await button(dialog(page), 'Delete').click();
  await page.getByText('No token matches').waitFor();
  like(await page.getByRole('status').filter({ hasText: 'Deleted' }).innerText(), /one of many/, 'Delete does, and says so');
  ok(!await exists(made.id), '  it is gone');
  ok(await until(async () => (await ask('gate', path)).status === 401), '  for the gate too');
}

async function several(page) {
  await field(page, 'Search').fill('to go');
  await lists(page, [1, 2, 3, 4, 5, 6].map((x) => `to go ${x}`), 'some to delete');
  await page.getByLabel('Select to go 2', { exact: true }).check();
  await page.getByLabel('Select to go 5', { exact: true }).check();
  like(await page.getByRole('group', { name: 'Selected tokens' }).innerText(), /2 selected/, 'two are chosen');
  await shot(page, 'delete-selected');
  await button(page, 'Delete selected').click();
  like(await dialog(page).innerText(), /Delete 2 tokens\?[^]*to go 2[^]*to go 5/, '  and named');
  await shot(page, 'delete-several');
  await button(dialog(page), 'Delete').click();
  await lists(page, ['to go 1', 'to go 3', 'to go 4', 'to go 6'], '  and gone, they alone');
  is(await page.getByRole('group', { name: 'Selected tokens' }).count(), 0, '  nothing is chosen any more');

  await page.getByLabel('Select all on this page', { exact: true }).check();
  like(await page.getByRole('group', { name: 'Selected tokens' }).innerText(), /4 selected/, 'all of the page');
  await page.getByLabel('Select to go 1', { exact: true }).uncheck();
  like(await page.getByRole('group', { name: 'Selected tokens' }).innerText(), /3 selected/, '  but one');
  ok(await page.getByLabel('Select all on this page', { exact: true }).evaluate((x) => x.indeterminate),
    '  which the box above shows');
  await button(page, 'Clear selection').click();
  is(await page.getByRole('checkbox', { checked: true }).count(), 0, '  or none');
}

async function fails(page) {
  await page.getByLabel('Select to go 1', { exact: true }).check();
  await page.getByLabel('Select to go 3', { exact: true }).check();
  await button(page, 'Delete selected').click();
  await ask('pause');
  await button(dialog(page), 'Delete').click();
  await dialog(page).getByRole('alert').waitFor();
  like(await dialog(page).innerText(), /2 were not deleted:[^]*to go/, 'Redis away: said of each');
  await ask('resume');
  await button(dialog(page), 'Close').click();
  ok(await row(page, 'to go 1').count() === 1, '  they are still listed');
  ok(await page.getByLabel('Select to go 1', { exact: true }).isChecked(), '  and still chosen');
  await button(page, 'Clear selection').click();
}

// A question is about what is to be seen behind it.
async function left(page) {
  await button(row(page, 'to go 1'), 'Delete Token').click();
  await dialog(page).waitFor();
  await page.evaluate(() => { window.location.hash = '#/account'; });
  await titled(page, 'Account');
  is(await dialog(page).count(), 0, 'a question goes with its view');
  await openView(page, 'Tokens');
  await settled(page);
  ok(await row(page, 'to go 1').count() === 1, '  and nothing is deleted');
}

// Closing the question does not end what it began.
async function dismissed(page) {
  const release = await hold(page, '**/account/tokens/*');
  await button(row(page, 'to go 1'), 'Delete Token').click();
  await button(dialog(page), 'Delete').click();
  await dialog(page).getByRole('progressbar').waitFor();
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  ok(await row(page, 'to go 1').count() === 1, 'a question closed too early: it is not yet deleted');
  release();
  await lists(page, ['to go 3', 'to go 4', 'to go 6'], '  once it is, the list has it no more');
  await page.unroute('**/account/tokens/*');
}

async function mintSix(name) {
  for (let n = 1; n <= 6; n += 1) {
    await mint(`${name} ${n}`, '--owner', 'hal', '--resource', 'public:read');
  }
}

async function deleteAllOf(page, name) {
  await field(page, 'Search').fill(name);
  ok(await until(async () => (await names(page)).sort().join() === [1, 2, 3, 4, 5, 6].map((n) => `${name} ${n}`).join()),
    'six to delete');
  await page.getByLabel('Select all on this page', { exact: true }).check();
  await button(page, 'Delete selected').click();
  await button(dialog(page), 'Delete').click();
  await dialog(page).getByRole('progressbar').waitFor();
}

// Four are under way at a time; the others can still be kept.
async function stopped(page) {
  await mintSix('halt');
  const release = await hold(page, '**/account/tokens/*');
  await deleteAllOf(page, 'halt');
  await button(dialog(page), 'Stop').click();
  release();
  await dialog(page).getByText('4 deleted, 2 kept').waitFor();
  await button(dialog(page), 'Close').click();
  is((await names(page)).length, 2, 'stopped: the rest is kept');
  await page.unroute('**/account/tokens/*');
}

// Nothing goes on as somebody else.
async function signedOut(page) {
  await mintSix('quit');
  const release = await hold(page, '**/account/tokens/*');
  await deleteAllOf(page, 'quit');
  await page.keyboard.press('Escape');
  await signOut(page);
  await signIn(page, wanted.admin);
  release();
  ok(await until(async () => (await cli('list', '--owner', 'hal')).items.length === 4), 'signed out: four were sent');
  await page.waitForTimeout(300);
  is((await cli('list', '--owner', 'hal')).items.length, 4, '  and no more');
  await page.unroute('**/account/tokens/*');
  await field(page, 'Search').fill('to go');
}

// After the token that one is signed in with nothing more can be deleted.
async function own(page) {
  await mint('own other', '--owner', 'gil', '--resource', 'public:read');
  const made = await mint('own one', '--owner', 'gil', '--scope', 'user.token:view', '--scope', 'user.token:edit');
  await signOut(page);
  await signIn(page, made.token);
  await page.getByLabel('Select all on this page', { exact: true }).check();
  await ask('pause');
  await button(page, 'Delete selected').click();
  like(await dialog(page).innerText(), /you will be signed out/, 'among them one’s own: said');
  await button(dialog(page), 'Delete').click();
  await dialog(page).getByRole('alert').waitFor();
  like(await dialog(page).innerText(), /own one: It was kept/, '  it is kept where others fail');
  await ask('resume');
  await button(dialog(page), 'Close').click();
  await button(page, 'Delete selected').click();
  await button(dialog(page), 'Delete').click();
  await titled(page, 'Sign in', '  the last one signs out');
  is((await cli('list', '--owner', 'gil')).items, [], '  and all are gone');
}

await flow(async ({ page }) => {
  await signIn(page, wanted.admin);
  await one(page);
  await several(page);
  await fails(page);
  await left(page);
  await dismissed(page);
  await stopped(page);
  await signedOut(page);
  await own(page);
  await signIn(page, wanted.admin);
  await field(page, 'Search').fill('');
  await table(page).waitFor();
});
