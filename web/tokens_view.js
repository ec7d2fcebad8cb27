// SPDX-License-Identifier: BSD-2-Clause
//
// The list of tokens.

import { deleteTokens } from './delete_dialog.js';
import { button, el, fill } from './dom.js';
import { notice, problemNotice } from './notice.js';
import { heading } from './shell.js';
import { noFilters, TokenFilters } from './token_filters.js';
import { maxSorted, TokenPages } from './token_pages.js';
import { nextSort, tokenTable } from './token_table.js';

const pageSize = 50;
const newestFirst = { key: 'created', descending: true };

class TokensView {
  #selected = new Map();

  constructor(app) {
    this.app = app;
    this.state = app.memory.tokens ??= { filters: noFilters, sort: newestFirst, number: 0 };
    const { account, rights } = app.session;
    this.mayEdit = account.may_edit_tokens;
    this.generate = button('Generate Token', () => app.router.go('tokens/new'),
      { class: 'primary', disabled: !rights.mayCreate }, 'plus');
    this.filters = new TokenFilters(app, this.state.filters, (filters) => this.#restart({ filters }));
    this.bulk = button('Delete selected', () => this.#delete([...this.#selected.values()]), { class: 'danger' }, 'bin');
    this.bulkBar = el('div', { class: 'bulk', role: 'group', 'aria-label': 'Selected tokens', hidden: true },
      el('span', { class: 'bulk-count' }), this.bulk,
      button('Clear selection', () => {
        this.#select([...this.#selected.values()], false);
        this.results.querySelector('thead input')?.focus();
      }, { class: 'quiet' }));
    this.results = el('div', { class: 'results', 'aria-busy': 'true' });
    this.count = el('p', { class: 'count', role: 'status' });
    this.previous = button('Previous page', () => this.#turn(-1));
    this.next = button('Next page', () => this.#turn(1));
    this.pager = el('nav', { class: 'pager unused', 'aria-label': 'Pages' }, this.count, this.previous, this.next);
    this.node = el('div', { class: 'view wide' }, heading('Tokens', this.generate),
      !rights.mayCreate && account.may_view_tokens && notice('info', 'You may not make tokens.',
        el('p', {}, 'What you are signed in with has nothing to hand out, or lacks user.token:edit.')),
      this.filters.node, this.results, this.bulkBar, this.pager);
    this.#restart({});
  }

  #sort(key) {
    const sort = nextSort(this.state.sort, key);
    if (this.pages.reorder(sort)) {
      Object.assign(this.state, { sort, number: 0 });
      this.#load();
    } else {
      this.#restart({ sort });
    }
  }

  /// The whole list anew, with other filters or another order.
  #restart(change) {
    const keeps = Object.keys(change).length === 0;
    this.state = Object.assign(this.state, change, keeps ? {} : { number: 0 });
    this.#selected.clear();
    this.#showSelection();
    this.pages?.stop();
    this.previous.disabled = true;
    this.next.disabled = true;
    const { filters, sort } = this.state;
    const everybody = this.app.session.account.admin ? '*' : '';
    this.pages = new TokenPages(this.app.api, { ...filters, owner: filters.owner || everybody }, sort,
      (count) => this.#progress(count));
    this.#load();
  }

  async #load() {
    const { pages } = this;
    const { number } = this.state;
    const isWanted = () => pages === this.pages && number === this.state.number;
    this.results.setAttribute('aria-busy', 'true');
    if (!this.app.session.account.may_view_tokens) {
      this.#refuse();
      return;
    }
    if (!this.results.hasChildNodes()) {
      fill(this.results, el('div', { class: 'skeleton', 'aria-hidden': 'true' },
        Array.from({ length: 8 }, () => el('div'))));
    }
    try {
      const tokens = await pages.page(number, pageSize);
      if (isWanted()) {
        this.#show(tokens);
      }
    } catch (problem) {
      if (isWanted() && problem.name !== 'AbortError') {
        fill(this.results, problemNotice(problem, () => {
          this.filters.search.focus();
          this.#restart({});
        }));
        this.#showPager(0);
      }
    }
    if (isWanted()) {
      this.results.setAttribute('aria-busy', 'false');
    }
  }

  #refuse() {
    this.filters.node.hidden = true;
    this.pager.hidden = true;
    fill(this.results, notice('info', 'You may not see tokens.',
      el('p', {}, 'What you are signed in with lacks the scope user.token:view.')));
    this.results.setAttribute('aria-busy', 'false');
  }

  #progress(count) {
    if (count > 1000) {
      this.count.textContent = `Reading… ${count.toLocaleString()}`;
    }
  }

  #show(tokens) {
    if (tokens.length === 0 && this.state.number > 0) {
      this.state.number = 0;
      this.#load();
      return;
    }
    const focused = document.activeElement?.dataset?.key;
    fill(this.results,
      this.pages.isCut && notice('warn', `Only the newest ${maxSorted.toLocaleString()} are in this order.`,
        el('p', {}, 'Narrow the list by a filter.')),
      tokens.length > 0 ? this.#table(tokens) : this.#empty());
    if (focused) {
      this.results.querySelector(`[data-key="${focused}"]`)?.focus();
    }
    this.shown = tokens;
    this.#showPager(tokens.length);
  }

  #table(tokens) {
    const { app } = this;
    return tokenTable(tokens, {
      sort: this.state.sort,
      selected: this.#selected,
      mayEdit: this.mayEdit,
      ownId: app.session.account.token?.id,
      onSort: (key) => this.#sort(key),
      onSelect: (token, on) => this.#select([token], on, false),
      onSelectAll: (all, on) => this.#select(all, on),
      onEdit: (token) => app.router.go('tokens/' + token.id),
      onExplain: (token) => app.router.go('explain/' + token.id),
      onDelete: (token) => this.#delete([token]),
    });
  }

  #empty() {
    const filtered = !this.filters.isEmpty;
    return el('div', { class: 'empty' },
      el('p', { class: 'strong' }, filtered ? 'No token matches' : 'No tokens yet'),
      el('p', { class: 'muted' }, filtered ? 'Change or clear the filters to see others.'
        : 'A token lets a person or a job use channels without a password.'));
  }

  #showPager(count) {
    const { number } = this.state;
    const known = this.pages.tokens.length;
    const total = known.toLocaleString() + (this.pages.isComplete ? '' : '+');
    const first = number * pageSize + 1;
    this.count.textContent = count === 0 ? ''
      : `${first.toLocaleString()}–${(first + count - 1).toLocaleString()} of ${total}`;
    this.previous.disabled = number === 0;
    this.next.disabled = this.pages.isComplete && (number + 1) * pageSize >= known;
    this.pager.classList.toggle('unused', count === 0);
  }

  async #turn(by) {
    this.state.number += by;
    this.previous.disabled = true;
    this.next.disabled = true;
    const { pages } = this;
    await this.#load();
    const { activeElement } = document;
    if (pages !== this.pages || (activeElement !== document.body && !this.pager.contains(activeElement))) {
      return;
    }
    this.node.querySelector('.heading').scrollIntoView({ block: 'start' });
    const table = this.results.querySelector('table') ?? this.node.querySelector('h1');
    table.setAttribute('tabindex', '-1');
    table.focus({ preventScroll: true });
  }

  #select(tokens, on, again = true) {
    for (const token of tokens) {
      if (on) {
        this.#selected.set(token.id, token);
      } else {
        this.#selected.delete(token.id);
      }
    }
    this.#showSelection();
    if (again) {
      const focused = document.activeElement?.getAttribute('aria-label');
      this.#show(this.shown);
      [...this.results.querySelectorAll('input')].find((box) => box.ariaLabel === focused)?.focus();
    } else {
      const box = this.results.querySelector('thead input');
      const pickable = this.shown.filter((token) => !token.deleted_at);
      const picked = pickable.filter((token) => this.#selected.has(token.id)).length;
      box.checked = picked > 0 && picked === pickable.length;
      box.indeterminate = picked > 0 && picked < pickable.length;
    }
  }

  #showSelection() {
    const count = this.#selected.size;
    this.bulkBar.hidden = count === 0;
    this.bulkBar.querySelector('.bulk-count').textContent = `${count} selected`;
  }

  async #delete(tokens) {
    const gone = await deleteTokens(this.app, tokens);
    if ([...gone].some((id) => this.app.session.isOwnToken(id))) {
      this.app.endSession('You have deleted the token that you were signed in with.');
      return;
    }
    if (gone.size === 0 || !this.node.isConnected) {
      return;
    }
    this.pages.remove(gone);
    this.app.toast(gone.size === 1 && tokens.length === 1 ? `Deleted “${tokens[0].name ?? tokens[0].id}”.`
      : `Deleted ${gone.size} tokens.`);
    for (const id of gone) {
      this.#selected.delete(id);
    }
    this.#showSelection();
    await this.#load();
    if (!this.node.contains(document.activeElement)) {
      this.node.querySelector('h1').focus();
    }
  }

  stop() {
    this.pages.stop();
    this.filters.stop();
  }
}

export function tokensView(app) {
  const view = new TokensView(app);
  return { title: 'Tokens', node: view.node, dispose: () => view.stop() };
}
