// SPDX-License-Identifier: BSD-2-Clause
//
// Which tokens are to be listed. Kept out of the URL: a search text may be a
// token that was pasted into the wrong field.

import { channelProblem } from './channel_path.js';
import { Combobox } from './combobox.js';
import { button, el } from './dom.js';
import { Field, selectField } from './field.js';
import { ownerProblem } from './owner_name.js';
import { holdsToken } from './token_text.js';

export const noFilters = { q: '', type: '', state: '', channel: '', owner: '' };

const pause = 250;

export class TokenFilters {
  #timer = 0;

  constructor(app, filters, onChange) {
    this.app = app;
    this.onChange = onChange;
    this.filters = { ...noFilters, ...filters };
    const input = el('input', {
      type: 'search', value: this.filters.q, autocomplete: 'off', spellcheck: 'false',
      placeholder: 'Name, owner or description',
    });
    this.search = new Field('Search', input);
    this.type = selectField('Type', [['', 'Any type'], ['resource', 'Resources'], ['scope', 'Scopes']],
      this.filters.type);
    this.state = selectField('State', [['', 'Any state'], ['active', 'Active'],
      ['expiring', 'Expiring within 7 days'], ['expired', 'Expired'], ['disabled', 'Disabled'],
      ['deleted', 'Deleted']], this.filters.state);
    const later = () => this.#later();
    this.channel = new Combobox('Channel', { value: this.filters.channel, placeholder: 'Any', onChange: later });
    this.owner = this.#ownerBox(later);
    input.addEventListener('input', later);
    this.type.control.addEventListener('change', () => this.#now());
    this.state.control.addEventListener('change', () => this.#now());
    this.clear = button('Clear filters', () => this.reset(), { class: 'quiet' });
    this.node = el('form', { class: 'filters', role: 'search', 'aria-label': 'Tokens', on: { submit: (event) => {
      event.preventDefault();
      this.#now();
    } } }, [this.search, this.type, this.state, this.channel, this.owner].map((field) => field?.node), this.clear);
    this.#showClear();
    this.#offer();
  }

  /// Nobody but administrators and those who manage a channel sees others'.
  #ownerBox(onChange) {
    const { account, rights } = this.app.session;
    if (!rights.mayNameOwners) {
      return null;
    }
    return new Combobox('Owner', {
      value: this.filters.owner === '*' ? '' : this.filters.owner,
      placeholder: account.admin ? 'Everyone' : 'You',
      options: [account.username, ...rights.serviceAccounts].map((value) => ({ value })),
      onChange,
    });
  }

  async #offer() {
    const channels = await this.app.session.channels().catch(() => null);
    this.channel.setOptions((channels ?? []).map(({ channel }) => ({ value: channel })));
    this.channel.setHint(channels ? '' : 'The list of channels could not be read.');
  }

  /// What is wrong is said at once; what is not counts after a pause.
  #later() {
    clearTimeout(this.#timer);
    this.#showClear();
    if (this.#isSound(this.#typed)) {
      this.#timer = setTimeout(() => this.#now(), pause);
    }
  }

  get #typed() {
    return {
      q: this.search.value.trim(),
      type: this.type.value,
      state: this.state.value,
      channel: this.channel.value,
      owner: this.owner?.value ?? '',
    };
  }

  #now() {
    clearTimeout(this.#timer);
    const filters = this.#typed;
    this.#showClear();
    if (this.#isSound(filters) && JSON.stringify(filters) !== JSON.stringify(this.filters)) {
      this.filters = filters;
      this.onChange(filters);
    }
  }

  #isSound({ q, channel, owner }) {
    const secret = holdsToken(q);
    this.search.setError(secret ? 'That is a token: use Explain to find out which.' : '');
    const path = channel === '' ? '' : channelProblem(channel);
    this.channel.setError(path);
    const name = owner === '' ? '' : ownerProblem(owner);
    this.owner?.setError(name);
    return !secret && path === '' && name === '';
  }

  get isEmpty() {
    return Object.values(this.filters).every((value) => value === '');
  }

  /// Also what does not count, because it is wrong, can be cleared.
  #showClear() {
    this.clear.disabled = Object.values(this.#typed).every((value) => value === '');
  }

  reset() {
    this.search.control.value = '';
    this.type.control.value = '';
    this.state.control.value = '';
    this.channel.value = '';
    if (this.owner) {
      this.owner.value = '';
    }
    this.#now();
    this.search.focus();
  }

  stop() {
    clearTimeout(this.#timer);
  }
}
