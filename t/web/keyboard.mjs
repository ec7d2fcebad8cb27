// SPDX-License-Identifier: BSD-2-Clause
//
// Keys only: nothing here clicks, and nothing is focused but by Tab.

import { is, like, ok, secret, until, wanted } from './lib/bridge.mjs';
import { flow, url } from './lib/browser.mjs';
import { title } from './lib/page.mjs';

const unseen = [];

// What has the focus, as a screen reader would call it, and whether it is to
// be seen that it has. (The parts of a date show it by themselves.)
async function focused(page) {
  return page.evaluate(() => {
    const x = document.activeElement;
    const style = getComputedStyle(x);
    const name = x.getAttribute('aria-label') ?? x.labels?.[0]?.textContent ?? x.textContent;
    const seen = x.type === 'date' || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
    const box = x.getBoundingClientRect();
    return {
      tag: x.localName, name: name.replace(/\s+/g, ' ').trim(), seen,
      inside: box.bottom > 0 && box.top < innerHeight && box.width > 0,
      described: (x.getAttribute('aria-describedby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent).join(' '),
    };
  });
}

// Tab until it is reached.
async function tabTo(page, name, { described = null, back = false, limit = 80 } = {}) {
  const passed = [];
  for (let i = 0; i < limit; i += 1) {
    await page.keyboard.press(back ? 'Shift+Tab' : 'Tab');
    const now = await focused(page);
    passed.push(`${now.tag} ${now.name}`.slice(0, 40));
    if (now.tag !== 'body' && (!now.seen || !now.inside)) {
      unseen.push(`${now.tag} ${now.name.slice(0, 40)}${now.inside ? '' : ' (outside)'}`);
    }
    if (now.name === name && (!described || now.described.includes(described))) {
      return true;
    }
  }
  throw new Error(`Tab does not lead to ${name}: ${passed.join(', ')}`);
}

async function press(page, ...keys) {
  for (const key of keys) {
    await page.keyboard.press(key);
  }
}

async function arrives(page, text) {
  await title(page).filter({ hasText: text }).waitFor();
  return is(await title(page).textContent(), text, `by keys: ${text}`);
}

async function signIn(page) {
  await page.goto(url);
  await arrives(page, 'Sign in');
  is((await focused(page)).name, 'Token', 'who comes can type his token at once');
  await page.keyboard.insertText(wanted.admin);
  await press(page, 'Enter');
  await arrives(page, 'Tokens');
}

async function skip(page) {
  await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
  await page.reload();
  await page.getByLabel('Token', { exact: true }).waitFor();
  await tabTo(page, 'Skip to content', { back: true });
  await press(page, 'Enter');
  is((await focused(page)).tag, 'main', 'one may skip to the content');
}

async function generate(page) {
  await tabTo(page, 'Generate Token');
  await press(page, 'Enter');
  await arrives(page, 'Generate Token');
  is((await focused(page)).tag, 'h1', 'a new view begins at its heading');
  await tabTo(page, 'Name');
  await page.keyboard.type('by keys');
  await tabTo(page, '90 days');
  await press(page, 'Space');
  is(await page.getByRole('button', { name: '90 days' }).getAttribute('aria-pressed'), 'true', '90 days');
  await tabTo(page, 'Type');
  await press(page, 'ArrowDown');
  is(await page.getByLabel('Type', { exact: true }).inputValue(), 'scope', 'the type: scopes');
  await press(page, 'ArrowUp');
  await tabTo(page, 'Channel');
  await page.keyboard.type('priv');
  await press(page, 'ArrowDown', 'Enter');
  is(await page.getByRole('combobox', { name: 'Channel' }).inputValue(), 'private', 'the channel');
  await tabTo(page, 'Permission');
  await press(page, 'ArrowUp', 'ArrowUp', 'ArrowDown');
  is(await page.getByLabel('Permission', { exact: true }).inputValue(), 'write', 'the level');
  await tabTo(page, 'Add Resource');
  await press(page, 'Enter');
  is((await focused(page)).name, 'Channel', 'another resource has the focus');
  await page.keyboard.type('public');
  await press(page, 'Escape');
  await tabTo(page, 'Remove Resource');
  await press(page, 'Enter');
  is(await page.getByRole('group', { name: /^Resource \d$/ }).count(), 1, 'and is taken away');
  is((await focused(page)).name, 'Channel', '  the focus stays among them');
  await tabTo(page, 'Description (optional)');
  await page.keyboard.type('no mouse');
  await tabTo(page, 'Create');
  await press(page, 'Enter');
  await arrives(page, 'Save your token');
}

async function copied(page) {
  const token = secret(await page.getByLabel('Token', { exact: true }).inputValue());
  await tabTo(page, 'Copy');
  await press(page, 'Enter');
  await until(async () => await page.evaluate(() => navigator.clipboard.readText()) === token);
  is(await page.evaluate(() => navigator.clipboard.readText()), token, 'copied');
  is((await focused(page)).name, 'Copy', '  the focus stays');
  await tabTo(page, 'Copy curl command');
  await tabTo(page, 'Close');
  await press(page, 'Enter');
  await arrives(page, 'Tokens');
}

async function edited(page) {
  await page.getByRole('table', { name: 'Tokens' }).getByText('by keys', { exact: true }).waitFor();
  await tabTo(page, 'Edit', { described: 'by keys' });
  await press(page, 'Enter');
  await arrives(page, 'Edit Token');
  await tabTo(page, 'Issue a new token');
  await press(page, 'Space');
  like(await page.getByRole('alert').filter({ hasText: 'new token' }).innerText(), /stops working/, 'the warning is read out');
  await press(page, 'Space');
  await tabTo(page, 'Cancel');
  await press(page, 'Enter');
  await arrives(page, 'Tokens');
}

async function deleted(page) {
  await page.getByRole('table', { name: 'Tokens' }).getByText('by keys', { exact: true }).waitFor();
  await tabTo(page, 'Delete Token', { described: 'by keys' });
  await press(page, 'Enter');
  is((await focused(page)).name, 'Cancel', 'the safe answer has the focus');
  const around = [];
  for (let i = 0; i < 6; i += 1) {
    await press(page, 'Tab');
    around.push(await page.evaluate(() => document.activeElement === document.body
      || document.querySelector('dialog').contains(document.activeElement)));
  }
  ok(around.every(Boolean), '  which stays in the dialog');
  await tabTo(page, 'Delete');
  await press(page, 'Enter');
  await page.getByRole('status').filter({ hasText: 'Deleted' }).waitFor();
  is(await page.getByRole('table', { name: 'Tokens' }).getByText('by keys', { exact: true }).count(), 0, 'deleted');
  const now = await focused(page);
  ok(now.tag !== 'body', 'the focus is somewhere', now);
}

await flow(async ({ page }) => {
  await signIn(page);
  await generate(page);
  await copied(page);
  await edited(page);
  await deleted(page);
  await tabTo(page, 'Sign out', { back: true });
  await press(page, 'Enter');
  await arrives(page, 'Sign in');
  await skip(page);
  is([...new Set(unseen)], [], 'wherever one is, one sees it');
});
