// SPDX-License-Identifier: BSD-2-Clause
//
// Editing: the form shows what is, and changes what was changed.

import { ask, cli, is, like, mint, ok, until, wanted } from './lib/bridge.mjs';
import { flow, shot } from './lib/browser.mjs';
import {
  button, choose, dialog, field, lists, row, settled, signIn, title, titled, wrong,
} from './lib/page.mjs';

const description = (page) => field(page, 'Description (optional)');

async function open(page, name) {
  await button(row(page, name), 'Edit').click();
  await title(page).filter({ hasText: 'Edit Token' }).waitFor();
  await field(page, 'Name').waitFor();
}

async function fields(page, made) {
  await open(page, 'to edit');
  is(await field(page, 'Name').inputValue(), 'to edit', 'the form has the name');
  is(await description(page).inputValue(), 'as it was', '  the description');
  is(await page.getByRole('combobox', { name: 'Channel' }).inputValue(), 'private', '  the channel');
  is(await field(page, 'Permission').inputValue(), 'read', '  the level');
  ok(await page.getByLabel('Type', { exact: true }).isDisabled(), '  and a type that stays');
  like(await page.getByRole('main').innerText(), new RegExp(`${made.owner}[^]*${made.id}`), '  owner and id are said');
  ok(!(await page.getByLabel('Issue a new token').isChecked()), '  no new text unless one asks for it');
  await button(page, 'Edit').click();
  like(await page.getByRole('main').innerText(), /Nothing has been changed/, 'nothing changed: said');
  await field(page, 'Name').fill('');
  await button(page, 'Edit').click();
  like(await wrong(field(page, 'Name')), /name/i, 'no name: said at its field');

  await field(page, 'Name').fill('edited');
  await description(page).fill('as it is now');
  await button(page, '90 days').click();
  await button(page, 'Add Resource').click();
  await choose(page, page.getByRole('group', { name: 'Resource 2', exact: true }), 'Channel', 'public');
  await shot(page, 'edit-filled');
  await button(page, 'Edit').click();
  await titled(page, 'Tokens', 'saved');
  like(await page.getByRole('status').filter({ hasText: 'Saved' }).innerText(), /edited/, '  and said');
  await row(page, 'edited').waitFor();
  const now = await cli('show', made.id);
  is([now.name, now.description, now.expires_at.slice(11), now.rev], ['edited', 'as it is now', '00:00:00Z', made.rev + 1],
    '  psm-token sees the same');
  is(now.resources.map((x) => `${x.channel}: ${x.permission}`).sort().map((x) => x.split(':')[0]), ['private', 'public'],
    '  with both channels');
  is((await ask('waits', `/t/${made.token}/public/noarch/repodata.json`, 200)).status, 200, 'the text is the same still');
}

async function grantsOnly(page, made) {
  await open(page, 'edited');
  await button(page.getByRole('group', { name: 'Resource 1', exact: true }), 'Remove Resource').click();
  await button(page, 'Edit').click();
  await titled(page, 'Tokens', 'a channel less');
  is((await ask('waits', `/t/${made.token}/private/noarch/repodata.json`, 403)).status, 403, '  counts at once');
}

async function unsaved(page) {
  await open(page, 'edited');
  await field(page, 'Name').fill('not saved');
  await button(page, 'Cancel').click();
  like(await dialog(page).innerText(), /Leave without saving/, 'who has typed is asked before he leaves');
  await button(dialog(page), 'Leave').click();
  await titled(page, 'Tokens', '  and leaves');
  await settled(page);
  ok(await row(page, 'edited').count() === 1, '  nothing was saved');
  await open(page, 'edited');
  await button(page, 'Cancel').click();
  await titled(page, 'Tokens', 'who has not is not asked');
}

// Redis goes while it is saved, and comes back.
async function away(page, made) {
  await open(page, 'edited');
  await field(page, 'Name').fill('in the dark');
  await ask('pause');
  await button(page, 'Edit').click();
  const alert = page.getByRole('alert').filter({ hasText: /./ });
  await alert.first().waitFor();
  is(await title(page).textContent(), 'Edit Token', 'Redis away: one stays');
  is(await field(page, 'Name').inputValue(), 'in the dark', '  nothing typed is lost');
  await shot(page, 'edit-unavailable');
  await ask('resume');
  await until(async () => (await cli('show', made.id)).rev > 0);
  await button(page, 'Edit').click();
  await until(async () => await title(page).textContent() === 'Tokens' || await dialog(page).count());
  if (await dialog(page).count()) {
    // The first one had been done after all, and nobody knew.
    await button(dialog(page), 'Overwrite with mine').click();
  }
  await until(async () => (await cli('show', made.id)).name === 'in the dark');
  is((await cli('show', made.id)).name, 'in the dark', '  and it can be saved afterwards');
}

async function gone(page) {
  const made = await mint('goes away', '--owner', 'ada', '--resource', 'public:read');
  await page.reload();
  await signIn(page, wanted.admin);
  await open(page, 'goes away');
  await cli('delete', made.id);
  await field(page, 'Name').fill('too late');
  await button(page, 'Edit').click();
  const news = page.getByRole('alert').or(dialog(page)).filter({ hasText: /./ }).first();
  await news.waitFor();
  like(await news.innerText(), /deleted/i, 'somebody deleted it meanwhile: said');
  await shot(page, 'edit-deleted');
  is(await field(page, 'Name').inputValue(), 'too late', '  nothing typed is lost');
}

await flow(async ({ page }) => {
  const made = await mint('to edit', '--owner', 'ada', '--resource', 'private:read', '--description', 'as it was');
  await signIn(page, wanted.admin);
  await field(page, 'Search').fill('edit');
  await lists(page, ['to edit'], 'a token');
  await fields(page, made);
  await grantsOnly(page, made);
  await unsaved(page);
  await away(page, made);
  await gone(page);
});
