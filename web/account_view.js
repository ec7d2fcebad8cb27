// SPDX-License-Identifier: BSD-2-Clause
//
// Who one is, and what one may do, in words.

import { el, quoted } from './dom.js';
import { notice } from './notice.js';
import { heading } from './shell.js';
import { exactElement, relativeText } from './times.js';
import { abilityWords, levelBadge, reachWords } from './words.js';

function row(term, ...description) {
  return [el('dt', {}, term), el('dd', {}, description)];
}

function identity({ account, ambient }) {
  const { token } = account;
  return el('dl', { class: 'facts' },
    row('User', quoted(account.username), account.admin && el('span', { class: 'badge accent' }, 'Administrator')),
    row('Signed in', ambient || !token ? 'by this server, without a token'
      : ['with the token ', quoted(token.name, { class: 'strong' })]),
    token && row('That token', token.expires_at === null ? 'never expires'
      : ['expires at ', exactElement(token.expires_at), `, ${relativeText(token.expires_at)}`]));
}

/// What the token itself does at the gate; what it may do with tokens is told
/// apart.
function packageWords(token) {
  const scopes = token.scopes?.filter((name) => !name.startsWith('user.token:'));
  const words = abilityWords({ ...token, scopes });
  return words.length > 0 && [
    el('p', {}, 'The token that you are signed in with can'),
    el('ul', { class: 'abilities' }, words.map((ability) => el('li', { class: 'yes' }, ability))),
    token.type === 'scope' && el('p', { class: 'muted' }, reachWords(token.channels), '.'),
  ];
}

function abilities(account, rights) {
  const whose = account.admin ? 'everybody’s tokens' : 'your own tokens';
  const line = (may, text) => el('li', { class: may ? 'yes' : 'no' }, may ? text : `Not: ${text}`);
  return [
    el('ul', { class: 'abilities' },
      line(account.may_view_tokens, `see ${whose}`),
      line(account.may_edit_tokens, `change and delete ${whose}`),
      line(rights.mayCreate, 'make tokens')),
    account.token && packageWords(account.token),
  ];
}

function grantList({ account, rights }) {
  const { grants } = account;
  if (rights.everything) {
    return el('p', {}, 'Everything: each level on every channel, and all 37 scopes.');
  }
  const parts = [];
  if (grants.resources.length > 0) {
    parts.push(el('ul', { class: 'plain' }, grants.resources.map(({ channel, permission }) => el('li', {},
      quoted(channel, { class: 'mono' }), ' ', levelBadge(permission)))));
  }
  if (rights.scopes.length > 0) {
    parts.push(el('ul', { class: 'plain' }, rights.scopes.map((scope) => el('li', {},
      el('code', {}, scope.name), ' ', levelBadge(scope.level), ' ',
      el('span', { class: 'muted' }, scope.ability)))));
    parts.push(el('p', { class: 'muted' }, rights.reach
      ? ['These scopes reach ', rights.reach.join(', '), ' and what lies below.'] : 'They reach every channel.'));
  }
  return parts.length > 0 ? parts : el('p', {}, 'Nothing.');
}

function limits(rights) {
  return el('p', {}, rights.latestExpiry === null
    ? 'Tokens that you make may last for ever.'
    : ['Tokens that you make last at most until ', exactElement(rights.latestExpiry), '. ', rights.latestReason]);
}

export function accountView({ session }) {
  const { account, rights } = session;
  const node = el('div', { class: 'view narrow' }, heading('Account'),
    !rights.mayCreate && !account.may_view_tokens
      && notice('info', 'You are signed in with a token for packages.',
        el('p', {}, 'It cannot see or make tokens: that takes user.token:view and user.token:edit.')),
    el('section', { class: 'card' }, el('h2', {}, 'Who you are'), identity(session)),
    el('section', { class: 'card' }, el('h2', {}, 'What you may do'), abilities(account, rights)),
    el('section', { class: 'card' }, el('h2', {}, 'What you may hand out'), grantList(session),
      rights.mayCreate && limits(rights)));
  return { title: 'Account', node };
}
