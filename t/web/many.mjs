// SPDX-License-Identifier: BSD-2-Clause
//
// 10,000 tokens. Times are those of this machine, so that only shares of them
// are judged: how long the page was deaf, of all the time it worked.

import { is, like, note, ok, until, wanted } from './lib/bridge.mjs';
import { flow, shot } from './lib/browser.mjs';
import {
  button, dialog, field, lists, names, settled, signIn, table,
} from './lib/page.mjs';

const size = (page) => page.evaluate(() => document.getElementsByTagName('*').length);

async function listen(page) {
  await page.evaluate(() => {
    window.deaf = [];
    window.began = performance.now();
    new PerformanceObserver((list) => {
      window.deaf.push(...list.getEntries().map((x) => x.duration));
    }).observe({ type: 'longtask' });
  });
}

// The share of the time since then in which nobody could have been heard.
async function deafness(page, name) {
  const [sum, worst, all] = await page.evaluate(() => [window.deaf.reduce((a, b) => a + b, 0),
    Math.max(0, ...window.deaf), performance.now() - window.began]);
  note(`${name}: ${Math.round(sum)} of ${Math.round(all)} ms in long tasks, the longest ${Math.round(worst)} ms`);
  return sum / all;
}

async function sorted(page) {
  await button(table(page), 'Name').click();
  // While all of them are read, one may go on typing.
  const search = field(page, 'Search');
  await search.click();
  await page.keyboard.type('job 000', { delay: 30 });
  is(await search.inputValue(), 'job 000', 'while 10,000 are put in order the page is not deaf');
  ok(await until(async () => (await names(page)).length === 50 && (await names(page))[0] === 'job 00001'),
    '  and those come in order', await names(page));
  await search.fill('');
  ok(await until(async () => /10,00[01]/.test(await page.getByRole('navigation', { name: 'Pages' }).innerText())),
    '  and all again');
  is((await names(page))[0], 'job 00001', '  in that order');
  like(await page.getByRole('navigation', { name: 'Pages' }).innerText(), /1–50 of 10,00[01]/, '  all of them');
  await button(table(page), 'Expires').click();
  await settled(page);
  is((await names(page))[0], 'job 00001', '  by expiry');
  await button(table(page), 'Expires').click();
  ok(await until(async () => (await names(page)).slice(0, 2).join() === 'root here,job 10000'), '  the other way round');
}

async function turned(page) {
  const before = await size(page);
  for (const first of [51, 101, 151]) {
    await button(page, 'Next page').click();
    ok(await until(async () => (await page.getByRole('navigation', { name: 'Pages' }).innerText())
      .includes(`${first}–${first + 49}`)), `the page from ${first} on`);
  }
  const after = await size(page);
  ok(after < before * 1.2, 'what is drawn does not grow', { before, after });
  is(await table(page).locator('tbody tr').count(), 50, '  it is 50 lines');
}

async function found(page) {
  await field(page, 'Search').fill('job 07777');
  await lists(page, ['job 07777'], 'one of 10,000 is found');
  await field(page, 'Search').fill('job 09');
  ok(await until(async () => /1–50 of 1,000/.test(await page.getByRole('navigation', { name: 'Pages' }).innerText())),
    '  or 1,000');
  await page.getByLabel('Select all on this page').check();
  await button(page, 'Delete selected').click();
  like(await dialog(page).innerText(), /Delete 50 tokens\?/, '  and a page of them is chosen at once');
  await page.keyboard.press('Escape');
  await button(page, 'Clear filters').click();
  await settled(page);
}

await flow(async ({ page }) => {
  await signIn(page, wanted.admin);
  await settled(page);
  await listen(page);
  is((await names(page)).length, 50, 'a page of 10,000 is 50');
  ok(await size(page) < 5000, '  which is all that is drawn', await size(page));
  await sorted(page);
  await turned(page);
  await found(page);
  const share = await deafness(page, 'all of it');
  ok(share < 0.5, 'the page could be heard most of the time', share);
  await shot(page, 'tokens-many');
});
