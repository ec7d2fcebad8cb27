// SPDX-License-Identifier: BSD-2-Clause
//
// What stands above every view: where one can go, and who one is.

import { button, el, fill, icon, quoted } from './dom.js';

const places = [['tokens', 'Tokens'], ['channels', 'Channels'], ['explain', 'Explain'], ['account', 'Account']];

/// The heading of a view, which gets the focus when the view is shown.
export function heading(text, ...beside) {
  return el('div', { class: 'heading' }, el('h1', { tabindex: '-1' }, text), beside);
}

function navigation(app) {
  const here = app.router.path.split('/')[0];
  return el('nav', { 'aria-label': 'Main' }, el('ul', {}, places.map(([path, text]) => el('li', {},
    el('a', { href: '#/' + path, 'aria-current': path === here ? 'page' : null }, text)))));
}

function who(app) {
  const { account } = app.session;
  return el('div', { class: 'who' },
    el('p', { id: 'who' }, el('span', { class: 'visually-hidden' }, 'Signed in as '), quoted(account.username),
      account.admin && el('span', { class: 'badge accent' }, 'Administrator')),
    button('Sign out', () => app.signOut(), { class: 'quiet' }));
}

export function renderShell(app) {
  const brand = el('p', { class: 'brand' }, icon('key'), el('span', {}, 'Channel access'));
  const signedIn = app.session.account !== null;
  const focused = document.activeElement?.closest?.('#top a')?.getAttribute('href');
  fill(document.getElementById('top'),
    el('div', { class: 'bar' }, brand, signedIn && navigation(app), signedIn && who(app)));
  if (focused) {
    document.querySelector(`#top a[href="${focused}"]`)?.focus();
  }
}
