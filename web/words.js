// SPDX-License-Identifier: BSD-2-Clause
//
// Rights in words.

import { el, quoted } from './dom.js';
import { exactElement, relativeText } from './times.js';
import { findScope, levelAbility, levels } from './scopes.js';

export const levelName = { read: 'Read', write: 'Write', manage: 'Manage', unknown: 'Unknown' };

export function levelBadge(level) {
  return el('span', { class: `badge level-${level}` }, levelName[level]);
}

/// "a", "a and b", "a, b and c", of texts or elements.
export function listed(items, word = 'and') {
  return items.flatMap((item, i) => {
    if (i === 0) {
      return [item];
    }
    return [i === items.length - 1 ? ` ${word} ` : ', ', item];
  });
}

function paths(channels) {
  return listed(channels.map((channel) => quoted(channel, { class: 'mono' })));
}

/// "download packages from main and dev", for each level
export function resourceWords(resources) {
  return [...levels].reverse().flatMap((level) => {
    const channels = resources.filter((grant) => grant.permission === level).map((grant) => grant.channel);
    return channels.length === 0 ? [] : [[levelAbility[level], ' ', paths(channels)]];
  });
}

export function reachWords(channels) {
  return channels && channels.length > 0
    ? ['in ', paths(channels), ' and what lies below'] : ['in every channel'];
}

/// What a token can do, for a list.
export function abilityWords({ type, resources = [], scopes = [] }) {
  return type === 'resource' ? resourceWords(resources) : scopes.map((name) => findScope(name).ability);
}

export function expiryWords(expiresAt) {
  return expiresAt === null
    ? ['It never expires.']
    : ['It stops working at ', exactElement(expiresAt), `, ${relativeText(expiresAt)}.`];
}

/// In short, for a cell of a table.
export function grantsInShort(token) {
  const shown = 2;
  if (token.type === 'resource') {
    const parts = token.resources.slice(0, shown).map(({ channel, permission }) => el('span', { class: 'grant' },
      quoted(channel, { class: 'mono' }), levelBadge(permission)));
    const more = token.resources.length - shown;
    return el('span', { class: 'grants' }, parts, more > 0 && el('span', { class: 'muted' }, `and ${more} more`));
  }
  const more = token.scopes.length - shown;
  return el('span', { class: 'grants' },
    token.scopes.slice(0, shown).map((name) => quoted(name, { class: 'mono' })),
    more > 0 && el('span', { class: 'muted' }, `and ${more} more`),
    token.channels?.length > 0 && el('span', { class: 'muted' }, 'in ', quoted(token.channels[0]),
      token.channels.length > 1 && ` and ${token.channels.length - 1} more`));
}
