// SPDX-License-Identifier: BSD-2-Clause
//
// The page as its readers know it: by the roles and names of what is on it.

import { is, like, ok, secret } from './bridge.mjs';
import { url } from './browser.mjs';

export const button = (where, name) => where.getByRole('button', { name, exact: true });
export const field = (where, name) => where.getByLabel(name, { exact: true });
export const dialog = (page) => page.getByRole('dialog');
export const title = (page) => page.getByRole('heading', { level: 1 });

export async function titled(page, text, name = `the view is called ${text}`) {
  await title(page).filter({ hasText: text }).waitFor();
  return is(await title(page).textContent(), text, name);
}

export async function signIn(page, token) {
  if (!page.url().startsWith(url)) {
    await page.goto(url);
  }
  await page.getByLabel('Token', { exact: true }).fill(token);
  await button(page, 'Sign in').click();
  await button(page, 'Sign out').waitFor();
}

export async function signOut(page) {
  await button(page, 'Sign out').click();
  await title(page).filter({ hasText: 'Sign in' }).waitFor();
}

export async function openView(page, name) {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name, exact: true }).click();
  await title(page).filter({ hasText: name }).waitFor();
}

// ------------------------------------------------------------- the list ----

export const table = (page) => page.getByRole('table', { name: 'Tokens' });
export const row = (page, name) => table(page).getByRole('row').filter({
  has: page.getByRole('rowheader').getByText(name, { exact: true }),
});

// Until it shows what was last asked for.
export async function settled(page) {
  await page.locator('.results[aria-busy=false]').waitFor();
}

export async function names(page) {
  await settled(page);
  return page.locator('table.tokens tbody th bdi:first-child').evaluateAll(
    (all) => all.filter((x) => x.id).map((x) => x.textContent),
  );
}

// Waits for the list to be these, in this order.
export async function lists(page, expected, name) {
  let got;
  for (const end = Date.now() + 40000; Date.now() < end;) {
    got = await names(page);
    if (got.join('\n') === expected.join('\n')) {
      break;
    }
    await page.waitForTimeout(50);
  }
  return is(got, expected, name);
}

// ------------------------------------------------------------- the form ----

export async function choose(page, where, label, text) {
  const box = where.getByRole('combobox', { name: label, exact: true });
  await box.fill(text);
  await page.getByRole('listbox').getByRole('option').filter({ hasText: text }).first().waitFor();
  await box.press('ArrowDown');
  await box.press('Enter');
}

// A resource token for one channel, from any view.
export async function makeToken(page, { name, channel, permission = 'Read' }) {
  await openView(page, 'Tokens');
  await openForm(page);
  await field(page, 'Name').fill(name);
  await choose(page, page, 'Channel', channel);
  await field(page, 'Permission').selectOption({ label: permission });
  await button(page, 'Create').click();
  return shownToken(page);
}

export async function openForm(page) {
  await button(page, 'Generate Token').click();
  await title(page).filter({ hasText: 'Generate Token' }).waitFor();
}

// The text that is shown this once.
export async function shownToken(page) {
  await title(page).filter({ hasText: 'Save your token' }).waitFor();
  const text = await field(page, 'Token').inputValue();
  like(text, /^psm-[0-9A-Za-z]{42}$/, 'a token is shown');
  return secret(text);
}

// Away from there, though it was not copied.
export async function leave(page, view) {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: view, exact: true }).click();
  await button(dialog(page), 'Leave').click();
  await title(page).filter({ hasText: view }).waitFor();
}

// The line below a control: a hint, or what is wrong with it.
export async function said(control) {
  return control.evaluate((x) => document.getElementById(x.getAttribute('aria-describedby')).textContent);
}

export async function wrong(control) {
  return await control.getAttribute('aria-invalid') === 'true' ? said(control) : '';
}

// Everything that the page holds: elements, texts, and what is in its fields.
export async function content(page) {
  return page.evaluate(() => document.documentElement.outerHTML
    + [...document.querySelectorAll('input, textarea, select')].map((x) => x.value).join('\n'));
}

export async function holds(page, text) {
  return (await content(page)).includes(text);
}

export async function forgotten(page, token, name) {
  return ok(!await holds(page, token.slice(4, 30)), name);
}
