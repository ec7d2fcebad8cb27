// SPDX-License-Identifier: BSD-2-Clause
//
// Two people edit one token (412): the second one is shown what the first one
// did, and chooses. Nothing that he typed is lost.

import { cli, is, like, mint, wanted } from './lib/bridge.mjs';
import { flow, shot } from './lib/browser.mjs';
import {
  button, dialog, field, row, signIn, title, titled,
} from './lib/page.mjs';

const description = (page) => field(page, 'Description (optional)');

async function collide(page, made, { theirs, mine }) {
  await button(row(page, (await cli('show', made.id)).name), 'Edit').click();
  await title(page).filter({ hasText: 'Edit Token' }).waitFor();
  await description(page).waitFor();
  await cli('edit', made.id, '--name', theirs);
  await description(page).fill(mine);
  await button(page, 'Edit').click();
  await dialog(page).waitFor();
}

await flow(async ({ page }) => {
  const made = await mint('contested', '--owner', 'ada', '--resource', 'private:read', '--description', 'at first');
  await signIn(page, wanted.admin);

  await collide(page, made, { theirs: 'by them', mine: 'by me' });
  const text = await dialog(page).innerText();
  like(text, /Somebody else has changed this token/, 'somebody was faster: said');
  like(text, /contested[^]*by them/, '  what he made of it is shown');
  like(text, /at first[^]*by me/, '  beside what was typed');
  await shot(page, 'conflict');
  is((await cli('show', made.id)).description, 'at first', '  nothing was saved');
  await button(dialog(page), 'Keep editing').click();
  await dialog(page).waitFor({ state: 'detached' });
  is(await description(page).inputValue(), 'by me', 'one may go on: nothing typed is lost');
  await button(page, 'Edit').click();
  await button(dialog(page), 'Overwrite with mine').click();
  await titled(page, 'Tokens', 'or insist');
  const both = await cli('show', made.id);
  is([both.name, both.description], ['by them', 'by me'], '  on what was typed; the rest stays theirs');

  await collide(page, made, { theirs: 'again by them', mine: 'given up' });
  await button(dialog(page), 'Reload theirs').click();
  await dialog(page).waitFor({ state: 'detached' });
  is([await field(page, 'Name').inputValue(), await description(page).inputValue()], ['again by them', 'by me'],
    'or take theirs');
  await button(page, 'Cancel').click();
  await titled(page, 'Tokens', '  with nothing to save');

  await collide(page, made, { theirs: 'a third time', mine: 'kept at Escape' });
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  is(await description(page).inputValue(), 'kept at Escape', 'Escape loses nothing either');
  await button(page, 'Cancel').click();
  await button(dialog(page), 'Leave').click();
});
