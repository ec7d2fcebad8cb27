// SPDX-License-Identifier: BSD-2-Clause
//
// Each view in both themes, at a desk and on a phone: judged and pictured.

import { cli, is, mint, note, ok, until, wanted } from './lib/bridge.mjs';
import { flow, shot, url } from './lib/browser.mjs';
import { accessible, desk, fits, fitsFinger, phone } from './lib/judge.mjs';
import {
  button, choose, dialog, field, openForm, openView, row, settled, shownToken, signIn, signOut, title,
} from './lib/page.mjs';

async function look(page, name, options = {}) {
  await accessible(page, name);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await shot(page, `${name}-${colorScheme}`, options);
  }
  await page.setViewportSize(phone);
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme });
    await shot(page, `${name}-phone-${colorScheme}`, { fullPage: true, ...options });
  }
  await fitsFinger(page, name);
  for (const width of [phone.width, 768, 1024, desk.width]) {
    await page.setViewportSize({ ...desk, width });
    await fits(page, name, width);
  }
}

async function signingIn(page) {
  await page.goto(url);
  await title(page).filter({ hasText: 'Sign in' }).waitFor();
  await look(page, 'sign-in');
  await field(page, 'Token').fill('not-a-token-of-anybody-at-all-1234567890123456');
  await button(page, 'Sign in').click();
  await page.getByRole('alert').waitFor();
  await look(page, 'sign-in-wrong');
}

async function lists(page) {
  await settled(page);
  await look(page, 'tokens', { fullPage: true });
  await field(page, 'Search').fill('there is none like it');
  await page.getByText('No token matches').waitFor();
  await look(page, 'tokens-empty');
  await button(page, 'Clear filters').click();
  await row(page, 'Old mirror').waitFor();
  await page.getByLabel('Select Old mirror').check();
  await page.getByLabel('Select Course in spring').check();
  await button(page, 'Delete selected').click();
  await look(page, 'delete');
  await button(dialog(page), 'Cancel').click();
  await button(page, 'Clear selection').click();
}

async function forms(page) {
  await openForm(page);
  await look(page, 'generate', { fullPage: true });
  await button(page, 'Create').click();
  await look(page, 'generate-mistakes', { fullPage: true });
  await page.getByLabel('Type', { exact: true }).selectOption('Scopes');
  await button(page, 'CI publish').click();
  await page.getByLabel('Only these channels', { exact: true }).check();
  await look(page, 'generate-scopes', { fullPage: true });
  await page.getByLabel('Type', { exact: true }).selectOption('Resources');
  await field(page, 'Name').fill('Shown in a picture');
  await page.getByRole('combobox', { name: 'Channel' }).click();
  await page.getByRole('listbox').getByRole('option').first().waitFor();
  await look(page, 'generate-channels');
  await choose(page, page, 'Channel', 'private');
  await button(page, 'Create').click();
}

// The picture must not hold the token.
async function shown(page) {
  const token = await shownToken(page);
  const fake = `psm-${'0123456789'.repeat(5).slice(0, 42)}`;
  await page.evaluate(([from, to]) => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      walker.currentNode.data = walker.currentNode.data.replaceAll(from, to);
    }
    document.querySelectorAll('input').forEach((x) => { x.value = x.value.replace(from, to); });
  }, [token, fake]);
  await look(page, 'token-shown', { fullPage: true });
  await button(page, 'Copy').click();
  await button(page, 'Close').click();
}

async function edits(page) {
  await button(row(page, 'Nightly builds'), 'Edit').click();
  await title(page).filter({ hasText: 'Edit Token' }).waitFor();
  await page.getByLabel('Issue a new token').check();
  await look(page, 'edit', { fullPage: true });
  await page.getByLabel('Issue a new token').uncheck();
  const id = page.url().split('/').at(-1);
  await cli('edit', id, '--name', 'Nightly builds of the lab', '--description', 'Changed by somebody else');
  await field(page, 'Name').fill('Nightly builds (mine)');
  await field(page, 'Description (optional)').fill('Changed by me');
  await button(page, 'Edit').click();
  await dialog(page).waitFor();
  await look(page, 'conflict');
  await button(dialog(page), 'Reload theirs').click();
}

async function rest(page) {
  await openView(page, 'Channels');
  await page.getByRole('table', { name: 'Channels' }).waitFor();
  await look(page, 'channels');
  await page.getByRole('table', { name: 'Channels' }).getByRole('button', { name: 'Change' }).first().click();
  await look(page, 'channel-change');
  await button(dialog(page), 'Cancel').click();

  await openView(page, 'Explain');
  await look(page, 'explain');
  const made = await mint('Reader', '--owner', 'ada', '--resource', 'private:read');
  await page.getByLabel('Token', { exact: true }).and(page.locator('input[type=password]')).fill(made.token);
  await field(page, 'Method').selectOption('PUT');
  await field(page, 'URL').fill('/private/linux-64/private-tool-1.2-0.conda');
  await button(page, 'Explain').click();
  await page.getByRole('region', { name: 'Answer' }).waitFor();
  await look(page, 'explain-answer', { fullPage: true });

  await openView(page, 'Account');
  await look(page, 'account');
  await signOut(page);
}

async function withLittle(page) {
  const kim = await mint('kim here', '--owner', 'kim', '--resource', 'private:read');
  await signIn(page, kim.token);
  await title(page).waitFor();
  await look(page, 'tokens-not-allowed');
  await openView(page, 'Account');
  await look(page, 'account-limited');
  await signOut(page);
}

// Each link that opens elsewhere cuts its tie; each image has a text.
async function noTies(page) {
  is(await page.locator('a[target]:not([rel~=noopener])').count(), 0, 'no link keeps a tie to what it opens');
  ok(await page.evaluate(() => document.documentElement.lang === 'en'), 'the language is said');
}

await flow(async ({ page }) => {
  await signingIn(page);
  await signIn(page, wanted.admin);
  await lists(page);
  await forms(page);
  await shown(page);
  await settled(page);
  await edits(page);
  await until(async () => await dialog(page).count() === 0);
  await rest(page);
  await withLittle(page);
  await noTies(page);
  note(`pictures: ${wanted.shots}`);
});
