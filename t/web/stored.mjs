// SPDX-License-Identifier: BSD-2-Clause
//
// Another page, which does what the token page must not: it keeps a word.

import { is, wanted } from './lib/bridge.mjs';
import { flow } from './lib/browser.mjs';

await flow(async ({ page }) => {
  await page.goto(wanted.keeper);
  await page.evaluate((word) => localStorage.setItem('kept', word), wanted.word);
  is(await page.evaluate(() => localStorage.getItem('kept')), wanted.word, 'a word is kept');
}, { unguarded: true });
