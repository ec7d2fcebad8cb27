// SPDX-License-Identifier: BSD-2-Clause
//
// Somebody else has changed the token that is being edited: what he made of
// it, beside what was typed.

import { openDialog } from './dialog.js';
import { button, el, quoted } from './dom.js';
import { differs } from './draft.js';
import { exactElement } from './times.js';
import { listed } from './words.js';

function endOf(expires) {
  return expires === null ? 'Never' : exactElement(expires.length === 10 ? expires + 'T00:00:00Z' : expires);
}

const rows = [
  ['name', 'Name', ({ name }) => quoted(name)],
  ['description', 'Description', ({ description }) => quoted(description || '–')],
  ['expires', 'Expires', ({ expires }) => endOf(expires)],
  ['resources', 'Resources', ({ resources }) => listed(resources.map(({ channel, permission }) =>
    quoted(`${channel}: ${permission}`)))],
  ['scopes', 'Scopes', ({ scopes }) => listed(scopes.map((name) => quoted(name)))],
  ['channels', 'Reach', ({ channels }) => (channels.length === 0 ? 'Every channel'
    : listed(channels.map((name) => quoted(name))))],
];

function table(before, theirs, mine) {
  const others = mine.type === 'resource' ? ['scopes', 'channels'] : ['resources'];
  const shown = rows.filter(([member]) => !others.includes(member)
    && (differs(member, before, theirs) || differs(member, before, mine)));
  const cell = (label, changed, content) => el('td', { 'data-label': label, class: changed && 'changed' },
    el('span', {}, content));
  return el('table', { class: 'compare' },
    el('thead', {}, el('tr', {}, ['', 'When you began', 'Now', 'What you typed'].map((text) => el('th',
      { scope: 'col' }, text)))),
    el('tbody', {}, shown.map(([member, text, show]) => el('tr', {}, el('th', { scope: 'row' }, text),
      cell('When you began', false, show(before)),
      cell('Now', differs(member, before, theirs), show(theirs)),
      cell('What you typed', differs(member, before, mine), show(mine))))));
}

/// All are drafts. A promise of 'theirs', 'mine', or null: neither yet.
export function askAboutConflict(before, theirs, mine) {
  return openDialog('Somebody else has changed this token', (close) => ({
    body: el('div', {},
      el('p', {}, 'Nothing of yours was saved yet, and nothing of it is lost. ',
        '“Overwrite with mine” changes only what you typed; the rest stays as it is now.'),
      table(before, theirs, mine)),
    actions: [
      button('Keep editing', () => close(null), { autofocus: true }),
      button('Reload theirs', () => close('theirs')),
      button('Overwrite with mine', () => close('mine'), { class: 'danger' }),
    ],
  }), { wide: true });
}
