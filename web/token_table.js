// SPDX-License-Identifier: BSD-2-Clause
//
// One page of tokens as a table; on narrow screens its rows are cards.

import { button, el, newId, quoted } from './dom.js';
import { dateElement, relativeElement, relativeText } from './times.js';
import { stateMark, stateOf } from './token_state.js';
import { grantsInShort } from './words.js';

const columns = [
  ['name', 'Name'], ['type', 'Type'], [null, 'Grants'], ['owner', 'Owner'],
  ['created', 'Created'], ['expires', 'Expires'], ['used', 'Last used'],
];

// What a first click on a header is likely to mean.
const descendingFirst = new Set(['created', 'used']);

export function nextSort(sort, key) {
  const descending = sort.key === key ? !sort.descending : descendingFirst.has(key);
  return { key, descending };
}

function header(sort, [key, text], onSort) {
  if (key === null) {
    return el('th', { scope: 'col', class: 'col-grants' }, text);
  }
  const isSorted = sort.key === key;
  const direction = sort.descending ? 'descending' : 'ascending';
  return el('th', { scope: 'col', class: `col-${key}`, 'aria-sort': isSorted ? direction : null },
    button(text, () => onSort(key), { class: 'sort', 'data-key': key }));
}

function expiryCell(token, state) {
  if (token.expires_at === null) {
    return el('span', { class: 'muted' }, 'Never');
  }
  const mark = {
    expired: ['danger', `Expired ${relativeText(token.expires_at)}`],
    expiring: ['warn', `Expires ${relativeText(token.expires_at)}`],
  }[state];
  return el('span', { class: 'stack' }, dateElement(token.expires_at),
    mark && el('span', { class: `badge ${mark[0]}` }, mark[1]));
}

function nameCell(token, state, id) {
  const mark = ['disabled', 'deleted', 'damaged'].includes(state) ? stateMark[state] : null;
  const name = quoted(token.name ?? token.id, { id });
  return [
    state === 'deleted' || state === 'damaged' || token.superseded_by ? el('span', { class: 'strong' }, name)
      : el('a', { href: `#/tokens/${token.id}`, class: 'strong' }, name),
    mark && el('span', { class: `badge ${mark[1]}` }, mark[0]),
    token.superseded_by && el('span', { class: 'badge warn' }, 'Old token of a new one'),
    token.supersedes && el('span', { class: 'badge' }, 'Old token still works'),
    token.description && quoted(token.description, { class: 'muted small clip', title: token.description }),
  ];
}

function actionsCell(token, state, id, options) {
  const action = (text, run, kind, name = null) => button(text, () => run(token),
    { class: `quiet ${kind}`, 'aria-describedby': id, title: kind === 'compact' && text }, name);
  const mayChange = options.mayEdit && state !== 'deleted';
  return el('div', { class: 'row-actions' },
    mayChange && state !== 'damaged' && !token.superseded_by && action('Edit', options.onEdit, 'compact', 'edit'),
    state !== 'damaged' && action('Explain', options.onExplain, 'compact', 'ask'),
    mayChange && action('Delete Token', options.onDelete, 'danger-text'));
}

function row(token, options) {
  const state = stateOf(token);
  const id = newId('token');
  const cell = (label, ...content) => el('td', { 'data-label': label }, content);
  const name = token.name ?? token.id;
  const isOwn = options.ownId === token.id;
  return el('tr', { class: state, 'data-id': token.id },
    options.mayEdit && el('td', { class: 'pick' }, state !== 'deleted' && el('input', {
      type: 'checkbox', 'aria-label': `Select ${name}`, checked: options.selected.has(token.id),
      on: { change: (event) => options.onSelect(token, event.target.checked) },
    })),
    el('th', { scope: 'row', class: 'name' }, nameCell(token, state, id),
      isOwn && el('span', { class: 'badge accent' }, 'Signed in with')),
    cell('Type', token.type === 'scope' ? 'Scopes' : token.type && 'Resources'),
    cell('Grants', token.type ? grantsInShort(token) : el('span', { class: 'muted' }, token.problem)),
    cell('Owner', token.owner && quoted(token.owner, { class: 'clip', title: token.owner })),
    cell('Created', token.created_at && dateElement(token.created_at)),
    cell('Expires', token.problem ? null : expiryCell(token, state)),
    cell('Last used', token.last_used_at ? relativeElement(token.last_used_at)
      : el('span', { class: 'muted' }, 'Not known')),
    el('td', { class: 'row-end' }, actionsCell(token, state, id, options)));
}

/// `options`: sort, selected, mayEdit, ownId, and onSort, onSelect,
/// onSelectAll, onEdit, onExplain, onDelete.
export function tokenTable(tokens, options) {
  const pickable = tokens.filter((token) => !token.deleted_at);
  const picked = pickable.filter((token) => options.selected.has(token.id)).length;
  const all = options.mayEdit && el('input', {
    type: 'checkbox', 'aria-label': 'Select all on this page',
    checked: picked > 0 && picked === pickable.length, indeterminate: picked > 0 && picked < pickable.length,
    on: { change: (event) => options.onSelectAll(pickable, event.target.checked) },
  });
  return el('table', { class: 'tokens', 'aria-label': 'Tokens' },
    el('thead', {}, el('tr', {}, options.mayEdit && el('th', { class: 'pick', scope: 'col' }, all),
      columns.map((column) => header(options.sort, column, options.onSort)),
      el('th', { scope: 'col', class: 'col-actions' }, el('span', { class: 'visually-hidden' }, 'Actions')))),
    el('tbody', {}, tokens.map((token) => row(token, options))));
}
