// SPDX-License-Identifier: BSD-2-Clause
//
// Hostile texts in every view. What one of them would do is call pwned(), open
// a dialog, ask somebody else, or be an element: none of that must happen, and
// each must be there as a text.

import {
  cli, is, like, note, ok, until, wanted,
} from './lib/bridge.mjs';
import { flow, shot, url } from './lib/browser.mjs';
import { skeleton } from './lib/judge.mjs';
import {
  button, dialog, field, openView, settled, shownToken, signIn, signOut, title,
} from './lib/page.mjs';

const { payloads, names } = wanted;
const all = [...payloads, 'harmless'];

async function harmless(page, name) {
  const found = await page.evaluate(() => [
    ...document.querySelectorAll('#pwned, [name=pwned], [href*="pwned"], [src*="pwned"], base, iframe, object, embed'),
  ].map((x) => x.outerHTML.slice(0, 200)).concat(window.wasPwned ?? []));
  return is(found, [], `${name}: nothing came of it`);
}

// All skeletons are that of the harmless one.
function alike(skeletons, name) {
  is([...new Set(skeletons)].length, 1, `${name}: no element came of a text`);
}

async function list(page) {
  await openView(page, 'Tokens');
  await field(page, 'Search').fill('');
  await page.getByRole('combobox', { name: 'Owner' }).fill('mallory');
  await page.keyboard.press('Escape');
  await until(async () => /of 61/.test(await page.getByRole('navigation', { name: 'Pages' }).innerText()));
  const seen = new Map();
  const skeletons = [];
  for (const turn of [false, true]) {
    if (turn) {
      await button(page, 'Next page').click();
      await until(async () => /51–61/.test(await page.getByRole('navigation', { name: 'Pages' }).innerText()));
    }
    const rows = page.locator('table.tokens tbody tr');
    skeletons.push(...await skeleton(rows));
    for (const [id, name, description] of await rows.evaluateAll((some) => some.map((x) => [x.dataset.id,
      ...[...x.querySelectorAll('th bdi')].map((b) => b.textContent)]))) {
      seen.set(name, id);
      ok(name === description, `listed as it stands: ${name.slice(0, 40)}`, { name, description });
    }
  }
  is([...seen.keys()].sort(), [...all].sort(), 'all 61 are listed');
  alike(skeletons, 'the list');
  await harmless(page, 'the list');
  await shot(page, 'xss-list');
  return seen;
}

async function visit(page, path) {
  await page.evaluate((x) => { location.hash = x; }, `#/${path}`);
}

async function forms(page, ids) {
  const shapes = [];
  for (const text of all) {
    await visit(page, `tokens/${ids.get(text)}`);
    await page.waitForFunction((x) => [...document.querySelectorAll('main input')].some((y) => y.value === x), text);
    shapes.push(...await skeleton(page.locator('main')));
    ok(await field(page, 'Description (optional)').inputValue() === text
      && await field(page, 'Name').inputValue() === text, `to edit as it stands: ${text.slice(0, 40)}`);
  }
  alike(shapes, 'the forms');
  await harmless(page, 'the forms');
}

async function explained(page, ids) {
  const wrong = [];
  for (const text of all) {
    await visit(page, `explain/${ids.get(text)}`);
    await title(page).filter({ hasText: 'Explain' }).waitFor();
    await field(page, 'URL').fill('/private/noarch/repodata.json');
    await field(page, 'URL').press('Enter');
    const answer = await page.getByRole('region', { name: 'Answer' }).textContent();
    if (!answer.includes(text)) {
      wrong.push([text, answer]);
    }
  }
  is(wrong, [], 'the answer about each names it as it stands');
  await harmless(page, 'the answers');
}

async function deletion(page) {
  await openView(page, 'Tokens');
  await until(async () => await page.locator('table.tokens tbody tr').count() > 10);
  await page.getByLabel('Select all on this page').check();
  await button(page, 'Delete selected').click();
  const named = await dialog(page).getByRole('listitem').locator('bdi.strong').allTextContents();
  ok(named.length > 10 && named.every((x) => all.includes(x)), 'the question names them as they stand', named);
  alike(await skeleton(dialog(page).getByRole('listitem')), 'the question');
  await harmless(page, 'the question');
  await page.keyboard.press('Escape');
  await button(page, 'Clear selection').click();
}

// Typed by whoever was told to, faster than anybody types.
async function typeAll(control) {
  await control.fill(payloads[0]);
  await control.evaluate(async (x, texts) => {
    for (const text of texts) {
      x.value = text;
      x.dispatchEvent(new Event('input', { bubbles: true }));
      await new Promise((resolve) => { setTimeout(resolve); });
    }
  }, payloads);
}

async function typed(page) {
  for (const control of [field(page, 'Search'), page.getByRole('combobox', { name: 'Channel' }),
    page.getByRole('combobox', { name: 'Owner' })]) {
    await typeAll(control);
    await harmless(page, 'what is searched for');
    await control.fill('');
  }
  await page.keyboard.press('Escape');
  await openView(page, 'Channels');
  await typeAll(field(page, 'Search'));
  await harmless(page, 'channels that are searched for');
  await openView(page, 'Explain');
  await page.getByLabel('Ask about', { exact: true }).selectOption('No token');
  for (const text of payloads) {
    await field(page, 'URL').fill(`/private/${text}`);
    await field(page, 'URL').press('Enter');
    await page.locator('.news:not(:empty), [aria-invalid=true]').first().waitFor();
  }
  await harmless(page, 'URLs that are explained');
}

async function addresses(page) {
  await page.evaluate(async (texts) => {
    for (const [n, text] of texts.entries()) {
      location.hash = `#/${['', 'tokens/', 'explain/'][n % 3]}${text}`;
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  }, payloads);
  await visit(page, 'tokens');
  await settled(page);
  await harmless(page, 'addresses');
}

// Made by the form itself, and deleted: what is shown once, and the news.
async function made(page) {
  const text = payloads[3];
  await openView(page, 'Tokens');
  await button(page, 'Generate Token').click();
  await field(page, 'Name').fill(text);
  await field(page, 'Description (optional)').fill(text);
  await page.getByRole('combobox', { name: 'Owner' }).fill('constructor');
  const channel = page.getByRole('group', { name: 'Resource 1' }).getByRole('combobox', { name: 'Channel' });
  await typeAll(channel);
  await channel.fill('constructor');
  await page.keyboard.press('Escape');
  await harmless(page, 'the form of a new one');
  await button(page, 'Create').click();
  await shownToken(page);
  like(await page.getByRole('main').innerText(), /<img id=pwned/, 'shown once with its name as it stands');
  await harmless(page, 'what is shown once');
  await button(page, 'Copy').click();
  await button(page, 'Close').click();
  if (await button(page, 'Clear filters').isEnabled()) {
    await button(page, 'Clear filters').click();
  }
  await settled(page);
  const row = page.locator('table.tokens tbody tr').filter({ hasText: 'constructor' }).filter({ hasText: '<img id=pwned' });
  await button(row.first(), 'Delete Token').click();
  await button(dialog(page), 'Delete').click();
  await page.getByRole('status').filter({ hasText: 'Deleted' }).waitFor();
  like(await page.getByRole('status').filter({ hasText: 'Deleted' }).innerText(), /<img id=pwned/, '  and the news of its end');
  await harmless(page, 'the news');
}

// Somebody renames it meanwhile.
async function collided(page, ids) {
  const id = ids.get('harmless');
  await visit(page, `tokens/${id}`);
  await until(async () => await field(page, 'Name').inputValue().catch(() => '') === 'harmless');
  await cli('edit', id, '--name', payloads[0], '--description', payloads[4]);
  await field(page, 'Name').fill(payloads[5]);
  await button(page, 'Edit').click();
  await dialog(page).waitFor();
  const text = await dialog(page).innerText();
  ok([0, 4, 5].every((n) => text.includes(payloads[n])), 'a conflict shows all of them as they stand', text);
  await harmless(page, 'the conflict');
  await button(dialog(page), 'Keep editing').click();
  await visit(page, 'tokens');
  await button(dialog(page), 'Leave').click();
}

async function ownNames(page) {
  await openView(page, 'Tokens');
  await field(page, 'Search').fill('of ');
  ok(await until(async () => {
    const text = await page.getByRole('table').innerText();
    return names.every((x) => text.includes(`of ${x}`));
  }), 'owners and channels with names of JavaScript’s own');
  await openView(page, 'Channels');
  let listed;
  ok(await until(async () => {
    listed = await page.getByRole('rowheader').allInnerTexts();
    return names.every((x) => listed.includes(x));
  }), '  channels too', listed);
}

async function signingIn(page) {
  await signOut(page);
  for (const text of payloads.slice(0, 12)) {
    await page.getByLabel('Token', { exact: true }).fill(text);
    await button(page, 'Sign in').click();
    await page.getByRole('alert').waitFor();
  }
  await harmless(page, 'as a token');
}

async function timed(name, sub) {
  const began = Date.now();
  const got = await sub();
  note(`${name}: ${Date.now() - began} ms`);
  return got;
}

await flow(async ({ page, context }) => {
  await context.addInitScript(() => {
    window.pwned = (n) => { (window.wasPwned ??= []).push(n); };
    addEventListener('securitypolicyviolation', (event) => window.pwned(event.violatedDirective));
  });
  await page.goto(url);
  await signIn(page, wanted.admin);
  const ids = await timed('list', () => list(page));
  await timed('forms', () => forms(page, ids));
  await timed('explained', () => explained(page, ids));
  await timed('deletion', () => deletion(page));
  await timed('typed', () => typed(page));
  await timed('addresses', () => addresses(page));
  await timed('made', () => made(page));
  await timed('collided', () => collided(page, ids));
  await timed('ownNames', () => ownNames(page));
  await timed('signingIn', () => signingIn(page));
});
