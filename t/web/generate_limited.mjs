// SPDX-License-Identifier: BSD-2-Clause
//
// Somebody may hand out write on private, read on private/dev, and two scopes
// below private, for 60 days: that is what is offered, and nothing else.

import {
  cli, is, like, mint, ok, wanted,
} from './lib/bridge.mjs';
import { flow, shot } from './lib/browser.mjs';
import {
  button, choose, field, leave, openForm, openView, row, said, settled, shownToken, signIn, wrong,
} from './lib/page.mjs';

const scopes = (page) => page.getByRole('group', { name: 'Scopes', exact: true });

async function offered(page) {
  const may = await cli('user', 'show', 'mara');
  ok(may, 'mara may hand out little');
  await openForm(page);
  await page.getByLabel('Type', { exact: true }).selectOption('Scopes');
  is(await scopes(page).getByRole('checkbox').evaluateAll((all) => all.map((x) => x.labels[0].textContent)),
    ['artifact:download', 'cve:view', 'user.token:edit', 'user.token:view'], 'the scopes that she has, no other');
  for (const preset of ['conda read', 'CI publish']) {
    ok(await button(page, preset).isDisabled(), `a preset that needs more is not offered: ${preset}`);
    like(await button(page, preset).getAttribute('title'), /may not hand out/, '  and says why');
  }
  is(await page.getByLabel('Every channel', { exact: true }).count(), 0, 'she cannot let it reach every channel');
  is(await page.getByRole('combobox', { name: 'Owner' }).count(), 0, 'nor make one for somebody else');
  const date = page.getByLabel('Expiration date', { exact: true });
  ok(await button(page, '90 days').isDisabled() && await button(page, '365 days').isDisabled(),
    'nor one that outlives her own token');
  like(await button(page, '90 days').getAttribute('title'), /own token/, '  and she is told why');
  await date.fill(new Date(Date.now() + 70 * 86400000).toISOString().slice(0, 10));
  like(await wrong(date), /own token/, '  typed, too');
  await button(page, 'Latest').click();
  is(await wrong(date), '', 'as long as her own it may last');
  like(await said(date), /Ends at/, '  to the second');
}

async function made(page) {
  await field(page, 'Name').fill('for her job');
  const box = page.getByRole('combobox', { name: 'Channel' });
  await box.fill('public');
  await page.keyboard.press('Escape');
  await page.getByLabel('cve:view', { exact: true }).check();
  like(await wrong(box), /nothing there/, 'a reach outside hers: said');
  await box.fill('private/dev');
  await page.keyboard.press('Escape');
  await shot(page, 'generate-limited', { fullPage: true });
  await button(page, 'Create').click();
  await shownToken(page);
  await leave(page, 'Tokens');
  const token = (await cli('list', '--owner', 'mara')).items.find((x) => x.name === 'for her job');
  is([token.scopes, token.channels, token.owner], [['cve:view'], ['private/dev'], 'mara'], 'it is made so');
}

// Somebody gave her one that lasts longer than what she may hand out: she may
// rename it, but not issue it anew.
async function longer(page) {
  await button(row(page, 'lasts longer'), 'Edit').click();
  await field(page, 'Name').fill('still lasts longer');
  await button(page, 'Edit').click();
  await row(page, 'still lasts longer').waitFor();
  await button(row(page, 'still lasts longer'), 'Edit').click();
  await field(page, 'Name').waitFor();
  const date = page.getByLabel('Expiration date', { exact: true });
  is(await wrong(date), '', 'a token that lasts longer than hers may stay so');
  const soon = new Date(Date.now() + 90 * 86400000).toISOString().slice(0, 10);
  await date.fill(soon);
  is(await wrong(date), '', '  or end earlier');
  await button(page, 'Edit').click();
  await row(page, 'still lasts longer').waitFor();
  is((await cli('list', '--owner', 'mara')).items.find((x) => x.name === 'still lasts longer').expires_at,
    `${soon}T00:00:00Z`, '  and then it does');
  await button(row(page, 'still lasts longer'), 'Edit').click();
  await field(page, 'Name').waitFor();
  await page.getByLabel('Issue a new token').check();
  like(await wrong(date), /own token/, '  but none is issued anew that does: said at once');
  await button(page, 'Edit').click();
  ok(await date.evaluate((x) => x === document.activeElement), '  its field has the focus');
  await button(page, 'Latest').click();
  await button(page, 'Edit').click();
  await shownToken(page);
  await leave(page, 'Tokens');
}

await flow(async ({ page }) => {
  await mint('lasts longer', '--owner', 'mara', '--expires', '200d', '--scope', 'cve:view',
    '--channel', 'private');
  await signIn(page, wanted.mara);
  await offered(page);
  await made(page);
  await settled(page);
  ok(await row(page, 'for her job').count() === 1, 'and listed');
  is(await page.getByRole('rowheader').count(), 3, '  beside her own, without anybody else’s');
  await longer(page);
  await openView(page, 'Account');
  like(await page.getByRole('main').innerText(), /These scopes reach private/, 'what she may hand out is said');
});
