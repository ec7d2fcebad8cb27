// SPDX-License-Identifier: BSD-2-Clause
//
// The list: each token's line, search, filters, order, pages, states.

import { ask, is, like, ok, until, wanted } from './lib/bridge.mjs';
import { flow, hold, shot } from './lib/browser.mjs';
import {
  button, choose, field, lists, names, row, settled, signIn, table, wrong,
} from './lib/page.mjs';

async function cells(page, name) {
  return row(page, name).locator('td[data-label]').evaluateAll(
    (all) => Object.fromEntries(all.map((x) => [x.dataset.label, x.innerText.replace(/\s+/g, ' ').trim()])),
  );
}

async function lines(page) {
  await field(page, 'Search').fill('nightly');
  await lists(page, ['nightly'], 'search finds by name');
  const nightly = await cells(page, 'nightly');
  is(nightly.Type, 'Resources', 'its type');
  like(nightly.Grants, /private Read.*public Write/, '  its grants in short');
  is(nightly.Owner, 'alice', '  its owner');
  like(nightly.Created, /^\d{1,2} \w{3,4} \d{4}$/, '  when it was made');
  like(nightly.Expires, /^\d{1,2} \w{3,4} \d{4}$/, '  when it ends, without a mark');
  is(nightly['Last used'], '2 days ago', '  when it was last used');
  like(await row(page, 'nightly').locator('td[data-label=Created] time').getAttribute('title'),
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/, '  in UTC on hover');

  await field(page, 'Search').fill('ends soon');
  await lists(page, ['ends soon'], 'another');
  like((await cells(page, 'ends soon')).Expires, /Expires in 3 days/, '  is marked: less than 7 days');
  await field(page, 'Search').fill('ended');
  await lists(page, ['ended'], 'another');
  like((await cells(page, 'ended')).Expires, /Expired 4 days ago/, '  is marked: expired');
  await field(page, 'Search').fill('endless');
  await lists(page, ['endless'], 'another');
  const endless = await cells(page, 'endless');
  is([endless.Expires, endless.Type, endless['Last used']], ['Never', 'Scopes', 'Not known'],
    '  never ends, and has scopes');
  like(endless.Grants, /cve:view.*role:view/, '  which are named');
  await field(page, 'Search').fill('off');
  await lists(page, ['off'], 'another');
  like(await row(page, 'off').innerText(), /Disabled/, '  is disabled');
  like((await cells(page, 'off')).Grants, /and 1 more.*in public/, '  more than fits is counted, its reach named');
}

async function filters(page) {
  await field(page, 'Search').fill('NIGHT');
  await lists(page, ['nightly'], 'search minds no case');
  await field(page, 'Search').fill('at night');
  await lists(page, ['nightly'], '  and reads descriptions');
  await field(page, 'Search').fill('alice');
  await lists(page, ['nightly'], '  and owners');
  await field(page, 'Search').fill('no such thing');
  await page.getByText('No token matches').waitFor();
  ok(true, 'nothing found: said');
  await shot(page, 'tokens-no-match');
  await button(page, 'Clear filters').click();
  ok(await until(async () => (await names(page)).length === 50), '  all again, a page of them');
  ok(await field(page, 'Search').evaluate((x) => x === document.activeElement), '  the search field has the focus');

  await page.getByLabel('Type', { exact: true }).selectOption('Scopes');
  await lists(page, ['root here', 'off', 'endless'], 'by type');
  await page.getByLabel('Type', { exact: true }).selectOption('Any type');
  await page.getByLabel('State', { exact: true }).selectOption('Expiring within 7 days');
  await lists(page, ['ends soon'], 'by state: ends soon');
  await page.getByLabel('State', { exact: true }).selectOption('Expired');
  await lists(page, ['ended'], '  expired');
  await page.getByLabel('State', { exact: true }).selectOption('Disabled');
  await lists(page, ['off'], '  disabled');
  await page.getByLabel('State', { exact: true }).selectOption('Any state');
  await choose(page, page, 'Channel', 'private/dev');
  ok(await until(async () => (await names(page)).includes('ends soon') && !(await names(page)).includes('ended')),
    'by channel');
  ok((await names(page)).includes('nightly'), '  with whatever reaches it from above');
  await page.getByRole('combobox', { name: 'Channel' }).fill('no/t/channel');
  ok(await until(async () => /no channel can have that name/.test(await page.getByRole('search').innerText())),
    '  what cannot be one is said');
  await page.getByRole('combobox', { name: 'Channel' }).fill('');
  await page.getByRole('combobox', { name: 'Owner' }).fill('bob');
  await page.keyboard.press('Escape');
  await lists(page, ['ends soon', 'ended'], 'by owner');
  await field(page, 'Search').fill('soon');
  await lists(page, ['ends soon'], 'both together');
  await button(page, 'Clear filters').click();
}

async function sortedBy(page, key, from, to, name) {
  const header = table(page).getByRole('columnheader', { name: key, exact: true });
  await button(header, key).click();
  await settled(page);
  is(await header.getAttribute('aria-sort'), from, `${name}: said to those who do not see it`);
  const first = (await names(page))[0];
  await button(header, key).click();
  await settled(page);
  is(await header.getAttribute('aria-sort'), to, '  and the other way round');
  return [first, (await names(page))[0]];
}

async function order(page) {
  is((await names(page)).slice(0, 4), ['root here', 'to go 1', 'to go 2', 'to go 3'], 'the newest first');
  is(await sortedBy(page, 'Name', 'ascending', 'descending', 'by name'), ['ended', 'to go 6'], '  in order');
  const [soonest, latest] = await sortedBy(page, 'Expires', 'ascending', 'descending', 'by expiry');
  is([soonest, ['endless', 'root here'].includes(latest)], ['ended', true], '  never is last');
  is((await sortedBy(page, 'Last used', 'descending', 'ascending', 'by last use'))[0], 'nightly', '  in order');
  is(await sortedBy(page, 'Owner', 'ascending', 'descending', 'by owner'), ['nightly', 'root here'], '  in order');
}

async function pages(page) {
  await field(page, 'Search').fill('page ');
  await button(table(page), 'Name').click();
  ok(await until(async () => (await names(page))[0] === 'page 001'), 'the first page');
  const status = page.getByRole('navigation', { name: 'Pages' });
  like(await status.innerText(), /1–50 of 110/, '  says what it shows');
  ok(await button(page, 'Previous page').isDisabled(), '  there is none before');
  await button(page, 'Next page').click();
  ok(await until(async () => (await names(page))[0] === 'page 051'), 'the second');
  await button(page, 'Next page').click();
  ok(await until(async () => (await names(page))[0] === 'page 101'), 'the last');
  like(await status.innerText(), /101–110 of 110/, '  says so');
  ok(await button(page, 'Next page').isDisabled(), '  there is none behind');
  is((await names(page)).length, 10, '  shorter');
  await button(page, 'Previous page').click();
  ok(await until(async () => (await names(page))[0] === 'page 051'), 'and back');
  await button(table(page), 'Created').click();
  await button(page, 'Clear filters').click();
}

// A page that comes late takes the focus from nobody.
async function typing(page) {
  await field(page, 'Type').selectOption('Resources');
  await settled(page);
  const release = await hold(page, '**/account/tokens?*');
  await button(page, 'Next page').click();
  await button(page, 'Next page').click();
  await field(page, 'Search').click();
  await page.keyboard.type('page 1');
  await page.waitForTimeout(400);
  release();
  await lists(page, [...Array(11).keys()].map((n) => `page ${100 + n}`), 'what one types counts, whatever is under way');
  ok(await field(page, 'Search').evaluate((x) => x === document.activeElement), '  and one can go on typing');
  await page.unroute('**/account/tokens?*');
  await button(page, 'Clear filters').click();
  await settled(page);
}

// What is pasted into the wrong field is asked of nobody.
async function pasted(page) {
  for (const [name, why] of [['Search', /a token/], ['Channel', /a token, and no channel/], ['Owner', /a token, and no user/]]) {
    const box = page.getByRole('search').getByLabel(name, { exact: true }).first();
    await box.fill(wanted.unknown);
    like(await wrong(box), why, `a token in the field ${name}: said`);
    await page.waitForTimeout(400);
    await box.fill('');
  }
}

async function states(page) {
  await settled(page);
  await ask('pause');
  await field(page, 'Search').fill('nightly');
  await page.locator('.results[aria-busy=true]').waitFor();
  ok(true, 'while it loads it says so');
  ok(await table(page).count() === 1, '  what was there stays');
  const alert = page.getByRole('alert');
  await alert.waitFor();
  like(await alert.innerText(), /store|Redis|available/i, 'Redis away: said');
  is(await page.getByRole('heading', { level: 1 }).textContent(), 'Tokens', '  nobody is signed out');
  await shot(page, 'tokens-error');
  await ask('resume');
  await button(alert, 'Try again').click();
  await lists(page, ['nightly'], '  and it can be tried again');
  await button(page, 'Clear filters').click();
}

await flow(async ({ page }) => {
  await signIn(page, wanted.admin);
  await settled(page);
  await shot(page, 'tokens-list');
  await order(page);
  await button(table(page), 'Created').click();
  await lines(page);
  await filters(page);
  await pages(page);
  await typing(page);
  await pasted(page);
  await states(page);
});
