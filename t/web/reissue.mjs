// SPDX-License-Identifier: BSD-2-Clause
//
// "Issue a new token": the warning, the new text, and what becomes of the old.

import { ask, cli, is, like, mint, ok, wanted } from './lib/bridge.mjs';
import { flow, shot } from './lib/browser.mjs';
import {
  button, field, forgotten, row, shownToken, signIn, title, titled,
} from './lib/page.mjs';

const path = (token) => `/t/${token}/private/noarch/repodata.json`;

async function open(page, name) {
  await button(row(page, name), 'Edit').click();
  await title(page).filter({ hasText: 'Edit Token' }).waitFor();
  await field(page, 'Name').waitFor();
  await page.getByLabel('Issue a new token').check();
}

async function atOnce(page) {
  const made = await mint('leaked', '--owner', 'ada', '--resource', 'private:read');
  is((await ask('gate', path(made.token))).status, 200, 'a token works');
  await signIn(page, wanted.admin);
  await open(page, 'leaked');
  const warning = page.getByRole('alert').filter({ hasText: 'new token' });
  like(await warning.innerText(), /receive a new token[^]*stops working at once/, 'a warning: the old one stops at once');
  const boxes = [await warning.boundingBox(), await field(page, 'Name').boundingBox()];
  ok(boxes[0].y < boxes[1].y, '  above everything');
  await shot(page, 'edit-reissue');
  await page.getByLabel('Issue a new token').uncheck();
  is(await warning.count(), 0, '  gone when one does not want it');
  await page.getByLabel('Issue a new token').check();
  await button(page, 'Edit').click();
  const token = await shownToken(page);
  ok(token !== made.token, 'it is another one');
  is((await ask('waits', path(made.token), 401)).status, 401, 'the old one is refused');
  is((await ask('waits', path(token), 200)).status, 200, '  the new one is not');
  is((await cli('show', made.id)).name, 'leaked', '  under the same id');
  await button(page, 'Copy').click();
  await button(page, 'Close').click();
  await titled(page, 'Tokens');
  await forgotten(page, token, '  and it is shown no more');
}

async function overlapping(page) {
  const made = await mint('rotated', '--owner', 'ada', '--resource', 'private:read');
  await page.reload();
  await signIn(page, wanted.admin);
  await open(page, 'rotated');
  await page.getByLabel('Old token', { exact: true }).selectOption({ label: 'works for 1 more day' });
  like(await page.getByRole('alert').filter({ hasText: 'new token' }).innerText(), /when its overlap ends/,
    'with an overlap the warning says so');
  await field(page, 'Name').fill('rotated and renamed');
  await button(page, 'Edit').click();
  const token = await shownToken(page);
  is((await ask('waits', path(token), 200)).status, 200, 'the new one works');
  is((await ask('gate', path(made.token))).status, 200, '  the old one too');
  await button(page, 'Copy').click();
  await button(page, 'Close').click();
  await row(page, 'rotated and renamed').first().waitFor();
  like(await page.getByRole('table').innerText(), /Old token still works|Old token of a new one/,
    '  which the list says');
  await shot(page, 'tokens-overlap');
  const all = (await cli('list', '--owner', 'ada')).items;
  const old = all.find((x) => x.superseded_by === made.id);
  ok(old, 'the old one has an id of its own', all);
  const left = (new Date(old?.expires_at) - Date.now()) / 3600000;
  ok(left > 23 && left <= 24, '  and a day', left);
}

// With the token that one is signed in with.
async function own(page) {
  const made = await mint('own', '--owner', 'ann', '--scope', 'user.token:view', '--scope', 'user.token:edit');
  await page.reload();
  await signIn(page, made.token);
  await open(page, 'own');
  like(await page.getByRole('alert').filter({ hasText: 'new token' }).innerText(), /signed in with it/, 'one’s own: said');
  await button(page, 'Edit').click();
  const token = await shownToken(page);
  await ask('refuses', made.token);
  await button(page, 'Copy').click();
  await button(page, 'Close').click();
  await titled(page, 'Tokens', 'one stays signed in, with the new one');
  await row(page, 'own').waitFor();
  await forgotten(page, token, '  which is nowhere to be read');
}

await flow(async ({ page }) => {
  await atOnce(page);
  await overlapping(page);
  await own(page);
});
