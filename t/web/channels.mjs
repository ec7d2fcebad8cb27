// SPDX-License-Identifier: BSD-2-Clause
//
// Channels: who sees the privacy of which, and who changes it.

import { ask, cli, is, like, ok, wanted } from './lib/bridge.mjs';
import { flow, hold, shot } from './lib/browser.mjs';
import {
  button, dialog, field, openView, signIn, signOut, titled, wrong,
} from './lib/page.mjs';

const table = (page) => page.getByRole('table', { name: 'Channels' });
const row = (page, path) => table(page).getByRole('row').filter({
  has: page.getByRole('rowheader', { name: path, exact: true }),
});

async function privacies(page) {
  await table(page).waitFor();
  return table(page).locator('tbody tr').evaluateAll((all) => all.map((x) => [
    x.querySelector('th').innerText, x.querySelector('[data-label=Privacy]').innerText]));
}

async function change(page, path, to) {
  await button(row(page, path), 'Change').click();
  await dialog(page).getByRole('radio', { name: to, exact: true }).check();
  await button(dialog(page), 'Save').click();
  await dialog(page).waitFor({ state: 'detached' });
  await row(page, path).getByText(to, { exact: true }).waitFor();
}

async function byAdmin(page) {
  await signIn(page, wanted.admin);
  await openView(page, 'Channels');
  is(await privacies(page), [['authenticated', 'Authenticated'], ['private', 'Private'], ['private/dev', 'Private'],
    ['public', 'Public']], 'all channels and the privacy of each');
  const path = '/private/noarch/repodata.json';
  is((await ask('gate', path)).status, 401, 'a private one is closed');
  await button(row(page, 'private'), 'Change').click();
  like(await dialog(page).innerText(), /Privacy of private[^]*without a token[^]*lies below/, 'what each means is said');
  ok(await dialog(page).getByRole('radio', { name: 'Private', exact: true }).isChecked(), '  what it is, is chosen');
  await shot(page, 'channel-privacy');
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  await change(page, 'private', 'Public');
  like(await page.getByRole('status').filter({ hasText: 'now' }).innerText(), /private is public now/, 'changed: said');
  is((await ask('waits', path, 200)).status, 200, '  and the gate opens it');
  is((await ask('gate', '/private/dev/noarch/repodata.json')).status, 401, '  but not what has a privacy of its own');
  await change(page, 'private', 'Private');
  is((await ask('waits', path, 401)).status, 401, '  and closes it again');
  is((await cli('channel', 'list')).items.length, 4, '  psm-token knows no other channel');
}

// Closing the question does not undo what it sent.
async function dismissed(page) {
  const release = await hold(page, '**/api/channels/**');
  await button(row(page, 'private/dev'), 'Change').click();
  await dialog(page).getByRole('radio', { name: 'Authenticated', exact: true }).check();
  await button(dialog(page), 'Save').click();
  ok(await button(dialog(page), 'Save').isDisabled(), 'what is being saved is not saved twice');
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  release();
  await page.getByRole('status').filter({ hasText: 'private/dev is authenticated now' }).waitFor();
  await row(page, 'private/dev').getByText('Authenticated', { exact: true }).waitFor();
  ok(true, 'a question closed too early: what came of it is said');
  await page.unroute('**/api/channels/**');
  await change(page, 'private/dev', 'Private');
}

async function another(page) {
  await button(page, 'Add Channel').click();
  await button(dialog(page), 'Save').click();
  like(await wrong(field(dialog(page), 'Channel')), /channel/i, 'a channel without a name: said');
  await field(dialog(page), 'Channel').fill('team/t/x');
  await button(dialog(page), 'Save').click();
  like(await wrong(field(dialog(page), 'Channel')), /means something else/, '  or with an impossible one');
  await field(dialog(page), 'Channel').fill(wanted.unknown);
  await button(dialog(page), 'Save').click();
  like(await wrong(field(dialog(page), 'Channel')), /a token, and no channel/, '  or with a token, which is sent nowhere');
  await field(dialog(page), 'Channel').fill('team/lab');
  await dialog(page).getByRole('radio', { name: 'Authenticated', exact: true }).check();
  await button(dialog(page), 'Save').click();
  await row(page, 'team/lab').waitFor();
  ok((await privacies(page)).some((x) => x.join() === 'team/lab,Authenticated'), 'a new one is listed');
  await field(page, 'Search').fill('LAB');
  is((await privacies(page)).map((x) => x[0]), ['team/lab'], 'and found');
  await field(page, 'Search').fill('nowhere');
  await page.getByText('No channel matches').waitFor();
  await field(page, 'Search').fill('');
  await signOut(page);
}

async function byOthers(page) {
  await signIn(page, wanted.kim);
  await openView(page, 'Channels');
  await table(page).waitFor();
  is((await privacies(page)).map((x) => x[0]).filter((x) => !x.startsWith('private')), [], 'sees what is hers');
  await change(page, 'private/dev', 'Authenticated');
  is(await cli('channel', 'list').then((x) => (x.items ?? x).find((c) => c.channel === 'private/dev').privacy),
    'authenticated', 'and changes it');
  await button(page, 'Add Channel').click();
  await field(dialog(page), 'Channel').fill('public/new');
  await button(dialog(page), 'Save').click();
  like(await wrong(field(dialog(page), 'Channel')), /may not change/, 'but none elsewhere, also by its name');
  await field(dialog(page), 'Channel').fill('private/new');
  await button(dialog(page), 'Save').click();
  await row(page, 'private/new').waitFor();
  ok(true, '  one below her own that is not there yet');
  await shot(page, 'channels-limited');
  await signOut(page);
  await signIn(page, wanted.viewer);
  await openView(page, 'Channels');
  await page.locator('.results').getByText(/./).first().waitFor();
  is(await page.getByRole('button', { name: /^(Change|Add Channel)$/ }).count(), 0, 'who may not change any is not offered it');
}

await flow(async ({ page }) => {
  await byAdmin(page);
  await dismissed(page);
  await another(page);
  await byOthers(page);
  await titled(page, 'Channels');
});
