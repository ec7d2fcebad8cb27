// SPDX-License-Identifier: BSD-2-Clause
//
// A scope token: the 37 scopes, search, presets, reach, and what it then does.

import { ask, cli, is, like, ok, wanted } from './lib/bridge.mjs';
import { flow, shot } from './lib/browser.mjs';
import {
  button, choose, field, leave, openForm, row, shownToken, signIn, wrong,
} from './lib/page.mjs';

const scopes = (page) => page.getByRole('group', { name: 'Scopes', exact: true });
const checked = (page) => scopes(page).getByRole('checkbox', { checked: true });
const summary = (page) => page.getByRole('region', { name: 'Summary' });

async function chosen(page) {
  return checked(page).evaluateAll((all) => all.map((x) => x.labels[0].textContent));
}

async function offered(page) {
  await page.getByLabel('Type', { exact: true }).selectOption('Scopes');
  const all = await scopes(page).getByRole('checkbox').evaluateAll((boxes) => boxes.map((x) => [
    x.closest('fieldset').querySelector('legend').textContent, x.labels[0].textContent,
    document.getElementById(x.getAttribute('aria-describedby')).querySelector('.badge').textContent.toLowerCase(),
  ]));
  const known = (await cli('scopes')).items.map((x) => [x.category, x.scope, x.level]);
  is(known.length, 37, '37 scopes');
  is(all, known, '  by category, with their levels, as psm-token has them');
  await button(page, 'Create').click();
  like(await scopes(page).innerText(), /Choose at least one scope/, 'none chosen: said');
}

async function search(page) {
  const box = field(page, 'Select a scope');
  await box.fill('default-channel');
  is(await scopes(page).getByRole('checkbox').count(), 1, 'search by name');
  await box.fill('blobs');
  like(await scopes(page).innerText(), /system:delete-blobs/, '  by what it allows');
  await box.fill('channel view read');
  ok(await scopes(page).getByRole('checkbox').count() > 2, '  by several words');
  await page.getByLabel('channel:view', { exact: true }).check();
  await box.fill('nothing like it');
  is(await scopes(page).getByRole('checkbox').count(), 0, '  none');
  await box.fill('');
  is(await scopes(page).getByRole('checkbox').count(), 37, '  all again');
  is(await chosen(page), ['channel:view'], '  what was chosen stays');
}

async function presets(page) {
  await button(page, 'CI publish').click();
  is((await chosen(page)).sort(), ['artifact:create', 'artifact:download', 'channel:view-artifacts',
    'subchannel:view-artifacts'].sort(), 'a preset: CI publish');
  like(await summary(page).innerText(), /upload packages[^]*in every channel/, '  the summary says what it will do');
  await button(page, 'Clear scopes').click();
  is(await chosen(page), [], 'none again');
  await page.getByLabel('user.token:edit', { exact: true }).check();
  like(await summary(page).innerText(), /can make further tokens/, 'of a dangerous one the summary warns');
  await button(page, 'conda read').click();
  is((await chosen(page)).sort(), ['artifact:download', 'channel:view-artifacts', 'subchannel:view-artifacts'].sort(),
    'another preset: conda read');
}

async function reach(page) {
  await page.getByLabel('Only these channels', { exact: true }).check();
  await button(page, 'Create').click();
  const box = page.getByRole('combobox', { name: 'Channel' });
  like(await wrong(box), /channel/i, 'a reach without a channel: said');
  like(await summary(page).innerText(), /in no channel yet/, '  in the summary, too');
  await choose(page, page, 'Channel', 'private');
  like(await summary(page).innerText(), /in private and what lies below/, 'the summary names the reach');
}

async function used(token) {
  const get = async (path) => (await ask('gate', `/t/${token}/${path}`)).status;
  is(await get('private/noarch/private-data-2.1.0-0.conda'), 200, 'it fetches a package within its reach');
  is(await get('private/dev/noarch/repodata.json'), 200, '  below it');
  is(await get('authenticated/noarch/repodata.json'), 200, '  and what is for all that are known');
  await cli('channel', 'set', 'authenticated', '--privacy', 'private');
  const { status } = await ask('waits', `/t/${token}/authenticated/noarch/repodata.json`, 403);
  is(status, 403, '  but not a private one elsewhere');
  await cli('channel', 'set', 'authenticated', '--privacy', 'authenticated');
}

// Of a token for every channel the commands name one that there is.
async function everywhere(page) {
  await openForm(page);
  await field(page, 'Name').fill('reads all');
  await page.getByLabel('Type', { exact: true }).selectOption('Scopes');
  await button(page, 'conda read').click();
  await button(page, 'Create').click();
  await shownToken(page);
  const box = field(page, 'Channel of the commands');
  await box.waitFor();
  is(await box.locator('option').allInnerTexts(), ['authenticated', 'private', 'private/dev', 'public'],
    'every channel: the commands are for one of those that there are');
  await box.selectOption('public');
  like(await page.getByRole('group', { name: 'conda command' }).innerText(), /\/public$/, '  the one that is chosen');
  await leave(page, 'Tokens');
}

await flow(async ({ page }) => {
  await signIn(page, wanted.admin);
  await openForm(page);
  await field(page, 'Name').fill('reads private');
  await offered(page);
  await search(page);
  await presets(page);
  await reach(page);
  await shot(page, 'generate-scopes-filled', { fullPage: true });
  await button(page, 'Create').click();
  const token = await shownToken(page);
  await used(token);
  await leave(page, 'Tokens');
  like(await row(page, 'reads private').innerText(), /artifact:download[^]*in private/, 'it is in the list');
  const made = (await cli('list')).items.find((x) => x.name === 'reads private');
  is([made.scopes, made.channels], [['artifact:download', 'channel:view-artifacts', 'subchannel:view-artifacts'],
    ['private']], '  and psm-token sees the same');
  await everywhere(page);
});
