// SPDX-License-Identifier: BSD-2-Clause
//
// A resource token, from the first mistake to the package.

import { ask, cli, is, like, ok, until, wanted } from './lib/bridge.mjs';
import { flow, hold, keepsNoToken, shot } from './lib/browser.mjs';
import { still } from './lib/judge.mjs';
import {
  button, choose, dialog, field, forgotten, holds, leave, openForm, openView, row, said, shownToken, signIn, title,
  titled, wrong,
} from './lib/page.mjs';

const summary = (page) => page.getByRole('region', { name: 'Summary' });
const resource = (page, n) => page.getByRole('group', { name: `Resource ${n}`, exact: true });
const dayOf = (days) => new Date(Date.now() + days * 86400000).toISOString().slice(0, 10);

async function mistakes(page) {
  const name = field(page, 'Name');
  await button(page, 'Create').click();
  like(await wrong(name), /name/i, 'no name: said at its field');
  ok(await name.evaluate((x) => x === document.activeElement), '  which has the focus');
  like(await wrong(page.getByRole('combobox', { name: 'Channel' })), /channel/i, 'no channel: said at its field');
  await name.fill('n');
  is(await wrong(name), '', 'what is mended is said no more, as one types');
  await name.fill('x'.repeat(129));
  like(await wrong(name), /128/, 'too long a name: said as one types');
  await name.fill('x'.repeat(128));
  is(await wrong(name), '', '  128 characters are not');
  await name.fill(wanted.admin);
  like(await wrong(name), /token/, 'a token as a name: said');
  await name.fill('🔑'.repeat(128));
  is(await wrong(name), '', '128 characters beyond the first plane are 128');
  await field(page, 'Description (optional)').fill('d'.repeat(1025));
  like(await wrong(field(page, 'Description (optional)')), /1024/, 'too long a description: said');
  await field(page, 'Description (optional)').fill('');
}

async function expiry(page) {
  const date = page.getByLabel('Expiration date', { exact: true });
  is(await date.inputValue(), dayOf(30), 'it ends in 30 days unless one says otherwise');
  like(await said(date), /Ends at \d{1,2} \w+ \d{4}.*UTC.*in (29|30) days/, '  at an exact instant');
  for (const days of [90, 30]) {
    await button(page, `${days} days`).click();
    is(await date.inputValue(), dayOf(days), `${days} days at a click`);
    is(await button(page, `${days} days`).getAttribute('aria-pressed'), 'true', '  which is to be seen');
  }
  is(await button(page, 'Never').count(), 0, 'never is not offered where it is not allowed');
  await button(page, 'Latest').click();
  like(await said(date), /in (364|365) days|in 1 year/, 'the latest is');
  await date.fill(dayOf(0));
  like(await wrong(date), /begun/, 'today is too early');
  await date.fill(dayOf(400));
  like(await wrong(date), /latest/i, 'in 400 days is too late');
  like(await summary(page).innerText(), /stops working/, 'the summary has it');
  await date.fill('');
  like(await wrong(date), /date/, 'no date: said');
  await date.fill(dayOf(45));
  is(await wrong(date), '', 'a date of one’s own');
}

async function resources(page) {
  const channel = (n) => resource(page, n).getByRole('combobox', { name: 'Channel' });
  await channel(1).click();
  const options = page.getByRole('listbox').getByRole('option');
  const offered = await options.allInnerTexts();
  is(offered.map((x) => x.split(/\s/)[0]), ['authenticated', 'private', 'private/dev', 'public'],
    'the channels that exist are offered');
  like(offered.join(' '), /private\s+private/, '  with their privacy');
  await channel(1).fill('dev');
  is(await options.count(), 1, '  and found by a part of their name');
  await page.keyboard.press('Escape');
  await channel(1).fill('no channel');
  like(await wrong(channel(1)), /letters/, 'what cannot be a channel: said');
  await channel(1).fill('linux-64');
  like(await wrong(channel(1)), /means something else/, 'nor a platform');
  await channel(1).fill('brand-new');
  like(await said(channel(1)), /not in the list/, 'one that is not there yet may be');
  await choose(page, resource(page, 1), 'Channel', 'private/dev');
  is(await resource(page, 1).getByLabel('Permission').locator('option').allInnerTexts(), ['Read', 'Write', 'Manage'],
    'three levels');
  await resource(page, 1).getByLabel('Permission').selectOption('Write');
  like(await summary(page).innerText(), /upload packages in private\/dev/, 'the summary says what that means');

  await button(page, 'Add Resource').click();
  ok(await channel(2).evaluate((x) => x === document.activeElement), 'another one has the focus');
  await channel(2).fill('private/dev');
  await page.keyboard.press('Escape');
  await button(page, 'Create').click();
  like(await wrong(channel(2)), /twice/, 'the same twice: said');
  await choose(page, resource(page, 2), 'Channel', 'authenticated');
  await button(page, 'Add Resource').click();
  await choose(page, resource(page, 3), 'Channel', 'public');
  await button(resource(page, 2), 'Remove Resource').click();
  is(await page.getByRole('group', { name: /^Resource \d$/ }).count(), 2, 'and one is taken away');
  is(await channel(2).inputValue(), 'public', '  that one');
  await button(resource(page, 2), 'Remove Resource').click();
  await choose(page, resource(page, 1), 'Channel', 'private');
  await resource(page, 1).getByLabel('Permission').selectOption('Read');
}

async function shown(page, token) {
  like(await page.getByRole('main').innerText(), /nobody can recover it/, 'the warning is plain');
  await shot(page, 'token-shown-real', { mask: [field(page, 'Token'), page.locator('pre')] });
  await button(page, 'Copy').click();
  is(await page.evaluate(() => navigator.clipboard.readText()), token, 'copied');
  await page.getByRole('main').getByRole('status').filter({ hasText: 'Copied' }).first().waitFor({ state: 'attached' });
  const at = `127.0.0.1:${new URL(page.url()).port}`;
  const commands = {};
  for (const client of ['conda', 'mamba', 'pixi', 'pip', 'curl']) {
    commands[client] = await page.getByRole('group', { name: `${client} command` }).innerText();
    await button(page, `Copy ${client} command`).click();
    is(await page.evaluate(() => navigator.clipboard.readText()), commands[client], `the command of ${client} is copied`);
  }
  is(commands.conda, `conda config --append channels http://${at}/t/${token}/private`, 'conda’s is whole');
  like(commands.pixi, new RegExp(`--token ${token}[^]*http://${at}/private`), '  pixi’s too');
  const curl = await ask('paste', `${commands.curl} --noproxy '*' -sSf`);
  ok(curl.exit === 0 && /"repodata_version"/.test(curl.out), 'the command of curl works as it stands', curl);
  const pip = commands.pip.replace('pip install', 'python3 -m pip download --no-deps --no-cache-dir -q --proxy "" --dest .')
    .replace('PACKAGE', 'psm-demo-private');
  is((await ask('paste', pip)).exit, 0, '  that of pip too');
  await page.evaluate(() => navigator.clipboard.writeText(''));
}

async function used(token) {
  const file = 'private/noarch/private-data-2.1.0-0.conda';
  const got = await ask('gate', `/t/${token}/${file}`);
  is([got.status, got.sha256], [200, await ask('file', file)], 'a package comes with it, whole');
  is((await ask('gate', `/t/${token}/authenticated/noarch/repodata.json`)).status, 403, '  from its channel alone');
  is((await ask('gate', `/${file}`)).status, 401, '  and not without it');
}

async function first(page) {
  await openForm(page);
  await mistakes(page);
  await expiry(page);
  await resources(page);
  await field(page, 'Name').fill('nightly builds');
  await field(page, 'Description (optional)').fill('fetches what the night needs');
  await shot(page, 'generate-filled');
  await button(page, 'Create').click();
  const token = await shownToken(page);
  await keepsNoToken(page, 'while it is shown it is in no storage and no address');
  await shown(page, token);
  await used(token);
  await button(page, 'Close').click();
  await titled(page, 'Tokens', 'closed');
  await forgotten(page, token, '  it is nowhere on the page');
  await row(page, 'nightly builds').waitFor();
  await page.goBack();
  await page.waitForTimeout(300);
  await forgotten(page, token, '  nor one step back');
  await openView(page, 'Tokens');
  const { items } = await cli('list');
  const made = items.find((x) => x.name === 'nightly builds');
  const by = items.find((x) => x.name === 'root here').id;
  is([made.owner, made.created_by, made.description, made.expires_at, made.resources], ['root', by,
    'fetches what the night needs', `${dayOf(45)}T00:00:00Z`, [{ channel: 'private', permission: 'read' }]],
  'psm-token sees what was typed');
}

// It is asked for before it is lost.
async function left(page) {
  await openForm(page);
  await field(page, 'Name').fill('second');
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Channels' }).click();
  like(await dialog(page).innerText(), /Leave without saving/, 'who has typed is asked before he leaves');
  await button(dialog(page), 'Stay').click();
  is(await field(page, 'Name').inputValue(), 'second', '  and keeps it');
  await choose(page, page, 'Channel', 'public');
  await button(page, 'Create').click();
  const token = await shownToken(page);
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Tokens' }).click();
  like(await dialog(page).innerText(), /not copied/, 'who has not copied is asked');
  await button(dialog(page), 'Stay').click();
  ok(await holds(page, token), '  it stays');
  await leave(page, 'Channels');
  await forgotten(page, token, '  left: it is nowhere');
}

// While it is being made, whoever leaves does not see its text.
async function leftEarly(page) {
  const release = await hold(page, '**/api/account/tokens');
  await openView(page, 'Tokens');
  await openForm(page);
  await field(page, 'Name').fill('unseen');
  await choose(page, page, 'Channel', 'public');
  await button(page, 'Create').click();
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Channels', exact: true }).click();
  like(await dialog(page).innerText(), /while it is being saved/, 'leaving while it is made: asked');
  await button(dialog(page), 'Leave').click();
  await titled(page, 'Channels', '  and done');
  release();
  await page.getByRole('status').filter({ hasText: /unseen.*nobody saw/ }).waitFor();
  await titled(page, 'Channels', '  that there is one without a reader is said where one is');
  await page.unroute('**/api/account/tokens');
}

// What only the server knows.
async function refusedByServer(page) {
  await openView(page, 'Tokens');
  await openForm(page);
  await field(page, 'Name').fill('third');
  await choose(page, page, 'Channel', 'public');
  await page.route('**/api/account/tokens', (route) => route.fulfill({
    status: 400, contentType: 'application/problem+json', body: JSON.stringify({
      title: 'The request is not valid', code: 'request_invalid', message: 'See errors.', errors: [
        { field: 'name', detail: 'is not liked by the server' },
        { field: 'resources[0].channel', detail: 'is not liked either' },
        { field: 'expires_at', detail: 'is on a holiday' }],
    }),
  }));
  await button(page, 'Create').click();
  await until(async () => wrong(field(page, 'Name')));
  like(await wrong(field(page, 'Name')), /^Is not liked by the server/, 'an error of the server is said at its field');
  like(await wrong(page.getByRole('combobox', { name: 'Channel' })), /not liked either/, '  at the resource');
  like(await wrong(page.getByLabel('Expiration date', { exact: true })), /holiday/, '  at the date');
  is(await field(page, 'Name').inputValue(), 'third', '  and nothing typed is lost');
  await shot(page, 'generate-errors');
  await page.unroute('**/api/account/tokens');
  await page.route('**/api/account/tokens', (route) => route.fulfill({ status: 504 }), { times: 1 });
  await button(page, 'Create').click();
  await page.getByRole('alert').filter({ hasText: 'not known whether it was done' }).waitFor();
  ok(true, 'without an answer nobody is told to simply try again');
  await button(page, 'Create').click();
  await shownToken(page);
  await leave(page, 'Tokens');
}

// What an owner may not have is said of the row that has it.
async function refusedOfOwner(page) {
  await openForm(page);
  await field(page, 'Name').fill('too much');
  await page.getByRole('combobox', { name: 'Owner' }).fill('mara');
  await page.keyboard.press('Escape');
  await choose(page, page, 'Channel', 'public');
  const box = page.getByRole('combobox', { name: 'Channel' });
  await button(page, 'Create').click();
  ok(await until(async () => /^public .*owner|^public read/.test(await wrong(box))), 'a right that its owner lacks: said at its row',
    await wrong(box));
  ok(await box.evaluate((x) => x === document.activeElement), '  which has the focus');
  await page.getByRole('combobox', { name: 'Owner' }).fill(wanted.admin);
  like(await wrong(page.getByRole('combobox', { name: 'Owner' })), /a token, and no user/, 'a token as the owner: said');
  await box.fill(wanted.admin);
  like(await wrong(box), /a token, and no channel/, '  as a channel, too');
  await leave(page, 'Tokens');
}

async function withoutList(page) {
  await page.route('**/api/account/channels', (route) => route.fulfill({ status: 503 }));
  await openForm(page);
  const box = page.getByRole('combobox', { name: 'Channel' });
  await box.fill('public');
  like(await said(box), /could not be read/, 'without the list of channels one is told so');
  await page.unroute('**/api/account/channels');
  await leave(page, 'Tokens');
}

await flow(async ({ page }) => {
  await signIn(page, wanted.admin);
  await first(page);
  await left(page);
  await leftEarly(page);
  await refusedByServer(page);
  await refusedOfOwner(page);
  await withoutList(page);
  await still(page, 'all the while');
  await title(page).waitFor();
});
