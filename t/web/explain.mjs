// SPDX-License-Identifier: BSD-2-Clause
//
// Explain: for a token's text, for one of the list, and for nobody.

import { ask, is, like, mint, ok, wanted } from './lib/bridge.mjs';
import { flow, shot } from './lib/browser.mjs';
import {
  button, field, forgotten, holds, openView, row, signIn, titled, wrong,
} from './lib/page.mjs';

const answer = (page) => page.getByRole('region', { name: 'Answer' });
const text = (page) => page.getByLabel('Token', { exact: true }).and(page.locator('input[type=password]'));

async function explain(page, method, url) {
  await field(page, 'Method').selectOption(method);
  await field(page, 'URL').fill(url);
  await button(page, 'Explain').click();
  await answer(page).waitFor();
  return (await answer(page).innerText()).replace(/\s+/g, ' ');
}

async function byText(page, made) {
  const path = '/private/noarch/private-data-2.1.0-0.conda';
  await text(page).fill(made.token);
  const yes = await explain(page, 'GET', path);
  like(yes, /Allowed.*200.*reader of ada.*private.*granted/, 'allowed, by which right');
  is((await ask('gate', `/t/${made.token}${path}`)).status, 200, '  and so it is');
  await shot(page, 'explain-allowed');
  const no = await explain(page, 'PUT', path);
  like(no, /Refused.*403.*Needed.*Write.*level_too_low/, 'refused, and what would be needed');
  await shot(page, 'explain-refused');
  like(await explain(page, 'GET', '/elsewhere/noarch/repodata.json'), /Refused.*channel_not_granted/, 'another channel');
  like(await explain(page, 'GET', '/public/noarch/repodata.json'), /Allowed.*(public|granted)/, 'a public one');
  await text(page).fill(wanted.unknown);
  like(await explain(page, 'GET', path), /Refused.*401.*token_unknown/, 'a token that nobody issued');
}

// Whole URLs are pasted, with the token in them.
async function pasted(page, made) {
  await text(page).fill('');
  const site = new URL('/', page.url()).href;
  await field(page, 'URL').fill(`${site}t/${made.token}/private/noarch/repodata.json`);
  is(await field(page, 'URL').inputValue(), `${site}private/noarch/repodata.json`, 'a token in a URL is taken out of it');
  is(await text(page).inputValue(), made.token, '  into its own field, unseen');
  await button(page, 'Explain').click();
  await answer(page).waitFor();
  like(await answer(page).innerText(), /Allowed/, '  and asked about');
}

// As pip gets it.
async function userinfo(page, made) {
  const { host } = new URL(page.url());
  for (const user of [`token:${made.token}`, `${made.token}:x-auth-token`, made.token]) {
    await text(page).fill('');
    await field(page, 'URL').fill(`http://${user}@${host}/private/simple/`);
    is([await field(page, 'URL').inputValue(), await text(page).inputValue()],
      [`http://${host}/private/simple/`, made.token], 'a token before the host, too');
  }
}

async function mistakes(page) {
  await text(page).fill('');
  await field(page, 'URL').fill('/private/noarch/repodata.json');
  await button(page, 'Explain').click();
  like(await wrong(text(page)), /token/i, 'no token: said at its field');
  await text(page).fill('x');
  await field(page, 'URL').fill('no url');
  await button(page, 'Explain').click();
  like(await wrong(field(page, 'URL')), /path/i, 'no URL: said at its field');
}

async function byNobody(page) {
  await page.getByLabel('Ask about', { exact: true }).selectOption('No token');
  like(await explain(page, 'GET', '/private/noarch/repodata.json'), /Refused.*401.*token_missing/, 'without a token');
  like(await explain(page, 'GET', '/public/noarch/repodata.json'), /Allowed.*public/, '  on a public channel');
}

async function fromList(page, made) {
  await openView(page, 'Tokens');
  await button(row(page, 'reader'), 'Explain').click();
  await titled(page, 'Explain', 'from the list');
  is(await page.getByRole('combobox', { name: 'Token' }).inputValue(), made.id, '  for that token');
  like(await explain(page, 'DELETE', '/private/noarch/x.conda'), /Refused.*Manage.*level_too_low/, '  by its id');
  like(page.url(), new RegExp(`#/explain/${made.id}$`), '  which may stand in the address');
}

await flow(async ({ page }) => {
  const made = await mint('reader', '--owner', 'ada', '--resource', 'private:read');
  await signIn(page, wanted.admin);
  await openView(page, 'Explain');
  await byText(page, made);
  await pasted(page, made);
  await userinfo(page, made);
  await mistakes(page);
  await byNobody(page);
  await fromList(page, made);
  await page.getByLabel('Ask about', { exact: true }).selectOption('A token’s string');
  await text(page).fill(made.token);
  ok(await holds(page, made.token), 'a text of a token in its field');
  await openView(page, 'Tokens');
  await forgotten(page, made.token, '  is not left on the page');
});
