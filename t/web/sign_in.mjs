// SPDX-License-Identifier: BSD-2-Clause
//
// Signing in and out with a token: who one is, what one may do, and that no
// token stays anywhere.

import { ask, cli, is, like, mint, ok, wanted } from './lib/bridge.mjs';
import {
  flow, hold, keepsNoToken, shot, url,
} from './lib/browser.mjs';
import {
  button, field, forgotten, openView, row, settled, signIn, signOut, title, titled,
} from './lib/page.mjs';

async function refused(page, token, pattern, name) {
  await field(page, 'Token').fill(token);
  await button(page, 'Sign in').click();
  const alert = page.getByRole('alert').filter({ hasText: pattern });
  await alert.waitFor();
  ok(true, name);
  is(await title(page).textContent(), 'Sign in', '  and nobody is signed in');
  ok(await field(page, 'Token').evaluate((x) => x === document.activeElement), '  the field has the focus');
}

async function wrongTokens(page) {
  await page.goto(url);
  await titled(page, 'Sign in', 'who comes is asked to sign in');
  is(await field(page, 'Token').getAttribute('type'), 'password', 'a token is typed unseen');
  is(await field(page, 'Token').getAttribute('autocomplete'), 'off', '  and is not offered again');
  await button(page, 'Sign in').click();
  like(await page.locator('form').textContent(), /Paste a token/, 'nothing pasted: said');
  await refused(page, 'two words', /no token/, 'what cannot be a token');
  await refused(page, wanted.unknown, /./, 'a token that nobody issued');
  await refused(page, 'x'.repeat(46), /./, 'no token at all');
  const dead = await mint('dead', '--owner', 'ada', '--scope', 'user.token:view');
  await cli('delete', dead.id);
  await refused(page, dead.token, /./, 'a deleted token');
  await refused(page, wanted.expired, /expired/i, 'an expired token: said so');
  await shot(page, 'sign-in-refused');
}

async function signedIn(page) {
  await field(page, 'Token').fill(wanted.admin);
  await field(page, 'Token').press('Enter');
  await titled(page, 'Tokens', 'Enter signs in');
  const banner = page.getByRole('banner');
  like(await banner.textContent(), /Signed in as root/, 'who one is');
  like(await banner.textContent(), /Administrator/, '  and that one is an administrator');
  await forgotten(page, wanted.admin, 'the token is in no element and no field');
  await keepsNoToken(page, '  in no storage, no address');
  is(await page.context().cookies(), [], '  there is no cookie');
  await openView(page, 'Account');
  like(await page.getByRole('main').textContent(), /Everything: each level on every channel, and all 37 scopes/,
    'what one may hand out');
}

// Memory only.
async function reloaded(page) {
  await page.reload();
  await titled(page, 'Sign in', 'loading the page again signs out');
  await page.goto(`${url}#/tokens/new`);
  await titled(page, 'Sign in', 'a deep link is no way round it');
  await signIn(page, wanted.admin);
  await titled(page, 'Generate Token', '  but leads on afterwards');
  await openView(page, 'Tokens');
}

async function signedOut(page) {
  await row(page, 'root here').waitFor();
  await signOut(page);
  like(await page.getByRole('main').textContent(), /signed out/i, 'signing out is said');
  ok(await page.getByRole('navigation').count() === 0, '  there is nowhere to go');
  ok(!(await page.content()).includes('root here'), '  nothing of the list is left');
  await page.goBack();
  await titled(page, 'Sign in', '  nor does the back button bring it back');
  ok(!(await page.content()).includes('root here'), '  none of it');
}

// Somebody with little, and somebody with nothing.
async function limited(page) {
  await page.goto(url);
  const viewer = await mint('viewer', '--owner', 'ada', '--scope', 'user.token:view', '--scope', 'cve:view');
  await signIn(page, viewer.token);
  like(await page.getByRole('banner').textContent(), /Signed in as ada/, 'who may only look is signed in');
  await settled(page);
  ok(await row(page, 'viewer').count() === 1, '  sees his own');
  ok(await row(page, 'root here').count() === 0, '  and nobody else’s');
  ok(await button(page, 'Generate Token').isDisabled(), '  may make none');
  is(await page.getByRole('button', { name: /^(Edit|Delete Token)$/ }).count(), 0, '  change none, delete none');
  await openView(page, 'Account');
  like(await page.getByRole('main').textContent(), /Not: make tokens/, '  and is told');
  await shot(page, 'account-limited');
  await signOut(page);

  const reader = await mint('reader', '--owner', 'ruth', '--resource', 'private:read');
  await signIn(page, reader.token);
  like(await page.getByRole('main').textContent(), /user\.token:view/, 'a token for packages sees none, and why');
  is(await page.getByRole('table').count(), 0, '  no list');
  await shot(page, 'tokens-not-allowed');
  await signOut(page);
}

// The token dies while somebody is signed in with it.
async function revoked(page) {
  const made = await mint('short', '--owner', 'ada', '--scope', 'user.token:view', '--scope', 'user.token:edit',
    '--scope', 'cve:view');
  await signIn(page, made.token);
  await openView(page, 'Tokens');
  await button(page, 'Generate Token').click();
  await field(page, 'Name').fill('typed before');
  await cli('delete', made.id);
  await ask('refuses', made.token);
  await button(page, 'Create').click();
  if (await title(page).textContent() !== 'Sign in') {
    await field(page, 'cve:view').check().catch(() => {});
    await button(page, 'Create').click();
  }
  await titled(page, 'Sign in', 'with a revoked token one is signed out');
  like(await page.getByRole('alert').textContent(), /What you typed is kept/, '  what was typed is kept');
  const other = await mint('next', '--owner', 'ada', '--scope', 'user.token:view', '--scope', 'user.token:edit',
    '--scope', 'cve:view');
  await signIn(page, other.token);
  is(await field(page, 'Name').inputValue(), 'typed before', '  for the same person');
  await openView(page, 'Account').catch(() => {});
  if (await page.getByRole('dialog').count()) {
    await button(page.getByRole('dialog'), 'Leave').click();
  }
  await titled(page, 'Account');
  await signOut(page);
}

// An answer to somebody who has left does not sign out who came after.
async function late(page) {
  const gone = await mint('gone', '--owner', 'ada', '--scope', 'user.token:view', '--scope', 'user.token:edit',
    '--scope', 'cve:view');
  await signIn(page, gone.token);
  await settled(page);
  const release = await hold(page, '**/api/account', { times: 1 });
  await button(page, 'Generate Token').click();
  await titled(page, 'Generate Token');
  await cli('delete', gone.id);
  await ask('refuses', gone.token);
  await signOut(page);
  await signIn(page, wanted.admin);
  const refused = page.waitForResponse((r) => r.status() === 401);
  release();
  await (await refused).finished();
  await openView(page, 'Account');
  like(await page.getByRole('banner').textContent(), /Signed in as root/, 'a late answer is for nobody');
  await signOut(page);
}

async function unavailable(page) {
  await page.goto(url);
  await ask('pause');
  await field(page, 'Token').fill(wanted.admin);
  await button(page, 'Sign in').click();
  const alert = page.getByRole('alert');
  await alert.waitFor();
  ok(!/revoked|unknown|not known/i.test(await alert.textContent()), 'without Redis nobody is told that his token is bad');
  await shot(page, 'sign-in-unavailable');
  await ask('resume');
}

await flow(async ({ page }) => {
  await wrongTokens(page);
  await signedIn(page);
  await reloaded(page);
  await signedOut(page);
  await limited(page);
  await revoked(page);
  await late(page);
  await unavailable(page);
});
