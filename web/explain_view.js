// SPDX-License-Identifier: BSD-2-Clause
//
// What the gate would say to a request, and why.

import { button, el, fill, quoted } from './dom.js';
import { Combobox } from './combobox.js';
import { Field, selectField } from './field.js';
import { notice, problemNotice } from './notice.js';
import { heading } from './shell.js';
import { exactElement } from './times.js';
import { levelBadge, listed } from './words.js';

const methods = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'];
const idHint = 'Its id; the newest are offered by name.';
/// Behind /t/, or as a user or password before the host.
const tokenInUrl = /\/t\/(psm-[0-9A-Za-z]{42})(?=\/|$)|(?<=\/\/)[^/@]*?(psm-[0-9A-Za-z]{42})[^/@]*@/;

function fact(term, ...description) {
  return [el('dt', {}, term), el('dd', {}, description)];
}

function matchedWords(matched) {
  if (!matched) {
    return 'Nothing of the token';
  }
  return matched.channel
    ? [quoted(matched.channel, { class: 'mono' }), ' ', levelBadge(matched.permission)]
    : listed(matched.scopes.map((name) => el('code', {}, name)));
}

function neededWords({ permission, scopes }) {
  const byScope = scopes.length > 0
    && ['the scope ', listed(scopes.map((name) => el('code', {}, name)), 'or')];
  if (permission === null) {
    return byScope || 'Nothing helps: no right covers this method and path';
  }
  return [levelBadge(permission), ' on the channel', byScope && [', or ', byScope]];
}

function answerNode(answer) {
  const { allowed, assumed, token } = answer;
  return el('section', { class: `answer card ${allowed ? 'yes' : 'no'}`, 'aria-label': 'Answer' },
    el('h2', { tabindex: '-1' }, allowed ? 'Allowed' : 'Refused'),
    el('p', { class: 'answer-title' }, `${answer.status} · ${answer.title}`),
    answer.help && el('p', {}, answer.help),
    el('dl', { class: 'facts' },
      fact('Token', token ? [quoted(token.name, { class: 'strong' }), ' of ', quoted(token.owner)]
        : 'None, or unknown'),
      token && fact('Expires', token.expires_at ? exactElement(token.expires_at) : 'Never'),
      fact('Channel', assumed.channel ? quoted(assumed.channel, { class: 'mono' }) : 'None'),
      fact('Privacy', assumed.privacy ?? 'Unknown', ' ',
        el('span', { class: 'muted' }, `(${assumed.privacy_source})`)),
      fact('Path', quoted(assumed.path, { class: 'mono' })),
      fact('Needed', neededWords(answer.needed)),
      fact('Matched', matchedWords(answer.matched)),
      fact('Reason', el('code', {}, answer.reason))));
}

class ExplainView {
  constructor(app, id) {
    this.app = app;
    const { account } = app.session;
    const sources = [['string', 'A token’s string'],
      ...(account.may_view_tokens || account.token ? [['id', 'A token by its id']] : []), ['none', 'No token']];
    this.source = selectField('Ask about', sources, id ? 'id' : 'string', {}, { quiet: true });
    this.source.control.addEventListener('change', () => this.#showSource());
    this.string = new Field('Token', el('input', {
      type: 'password', class: 'mono', autocomplete: 'off', spellcheck: 'false',
    }), { hint: 'Its text. It is only used for this question.' });
    this.id = new Combobox('Token', { value: id ?? '', hint: idHint, onChange: () => this.#nameToken() });
    this.method = selectField('Method', methods.map((name) => [name, name]), 'GET', {}, { quiet: true });
    this.url = new Field('URL', el('input', {
      type: 'text', class: 'mono', autocomplete: 'off', spellcheck: 'false', inputmode: 'url',
      placeholder: `${app.site.href}main/noarch/repodata.json`, on: { input: () => this.#takeToken() },
    }), { hint: 'Of the request, or its path.' });
    this.setup = this.#makeSetup();
    this.news = el('div', { class: 'news' });
    this.submit = button('Explain', () => {}, { type: 'submit', class: 'primary' }, 'ask');
    this.node = el('div', { class: 'view narrow' }, heading('Explain'),
      el('p', { class: 'muted' }, 'What the gate would answer to a request, and why. Nothing is requested.'),
      el('form', { novalidate: true, class: 'card', on: { submit: (event) => {
        event.preventDefault();
        this.#ask();
      } } }, this.source.node, this.string.node, this.id.node,
      el('div', { class: 'pair' }, this.method.node, this.url.node), this.setup.node,
      el('div', { class: 'actions start' }, this.submit)), this.news);
    this.#showSource();
    this.#offerTokens();
  }

  #makeSetup() {
    const require = selectField('Required', ['auto', 'read', 'write', 'manage'].map((name) => [name, name]), 'auto', {},
      { hint: 'As psm_token_require.' });
    const base = new Field('Base', el('input', { type: 'text', class: 'mono', autocomplete: 'off', value: this.#base }),
      { hint: 'Where the channels begin, as psm_token_base.' });
    const box = el('input', { type: 'checkbox', id: 'scope-levels' });
    return { require, base, box, node: el('details', {}, el('summary', {}, 'How the gate is set up'),
      el('div', { class: 'pair' }, require.node, base.node),
      el('div', { class: 'choice' }, box, el('label', { for: 'scope-levels' },
        'Scopes count by their level (psm_token_scope_levels)'))) };
  }

  get #base() {
    return this.app.site.pathname.replace(/\/*$/, '/');
  }

  #showSource() {
    this.string.node.hidden = this.source.value !== 'string';
    this.id.node.hidden = this.source.value !== 'id';
  }

  async #offerTokens() {
    const { account } = this.app.session;
    const own = account.token ? [account.token] : [];
    const listing = account.may_view_tokens
      ? this.app.api.get('account/tokens', { limit: 100, owner: account.admin ? '*' : '' }) : { items: [] };
    const { items } = await Promise.resolve(listing).catch(() => ({ items: [] }));
    const others = items.filter((token) => !token.problem && token.id !== account.token?.id);
    this.tokens = [...own, ...others];
    this.id.setOptions(this.tokens.map(({ id, name, owner }) => ({
      value: id, note: name, words: `${id} ${name} ${owner}`,
    })));
    this.#nameToken();
  }

  #nameToken() {
    const token = this.tokens?.find(({ id }) => id === this.id.value);
    this.id.setHint(...token ? [quoted(token.name, { class: 'strong' }), ' of ', quoted(token.owner)] : [idHint]);
  }

  /// A URL that was copied from somewhere is likely to hold one.
  #takeToken() {
    const found = tokenInUrl.exec(this.url.value);
    if (found) {
      this.source.control.value = 'string';
      this.string.control.value = found[1] ?? found[2];
      this.url.control.value = this.url.value.replace(tokenInUrl, '');
      this.url.setHint('The token of this URL is in the field above now.');
      this.#showSource();
    }
  }

  #question() {
    const question = { method: this.method.value, url: this.url.value.trim() };
    if (this.source.value === 'string') {
      question.token = this.string.value.trim();
    } else if (this.source.value === 'id') {
      question.id = this.id.value;
    }
    const base = this.setup.base.value.trim();
    if (base !== '' && base !== '/') {
      question.base = base.split(/\s+/);
    }
    if (this.setup.require.value !== 'auto') {
      question.require = this.setup.require.value;
    }
    if (this.setup.box.checked) {
      question.scope_levels = true;
    }
    return question;
  }

  #check(question) {
    this.string.setError(question.token === '' ? 'Paste a token, or ask about none.' : '');
    this.id.setError(question.id === '' ? 'Choose a token.' : '');
    this.url.setError(/^\/|^[^/]+:\/\//.test(question.url) ? '' : 'Write https://HOST/PATH, or a path from / on.');
    this.setup.base.setError('');
    const bad = [this.string, this.id, this.url].find((field) => field.isBad && !field.node.hidden);
    bad?.focus();
    return !bad;
  }

  async #ask() {
    this.#takeToken();
    const question = this.#question();
    fill(this.news);
    if (!this.#check(question)) {
      return;
    }
    this.submit.disabled = true;
    try {
      fill(this.news, answerNode(await this.app.api.post('explain', question)));
      this.news.querySelector('h2').focus();
    } catch (problem) {
      this.#showProblem(problem);
    } finally {
      this.submit.disabled = false;
    }
  }

  #showProblem(problem) {
    const fields = { url: this.url, token: this.string, id: this.id, base: this.setup.base };
    if (problem.status === 404 && this.source.value === 'id') {
      this.id.setError('You may see no token of that id.');
      this.id.focus();
      return;
    }
    const left = problem.errors?.filter(({ field, detail }) => {
      const known = fields[field.replace(/\[.*/, '')];
      known?.setError(detail);
      known?.focus();
      return !known;
    }) ?? [];
    if (left.length > 0 || !problem.errors?.length) {
      fill(this.news, problem.status === 401 ? notice('error', problem.title) : problemNotice(problem));
    }
  }

  stop() {
    this.string.control.value = '';
  }
}

export function explainView(app, id) {
  const view = new ExplainView(app, id);
  return { title: 'Explain', node: view.node, dispose: () => view.stop() };
}
