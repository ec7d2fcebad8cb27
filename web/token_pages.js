// SPDX-License-Identifier: BSD-2-Clause
//
// The tokens that match, as far as they have been read. The API filters, and
// gives them newest first, page by page; any other order needs all of them.

const atOnce = 500;

/// More of them are not put into an order.
export const maxSorted = 20000;

const keys = {
  name: (token) => (token.name ?? token.id).toLowerCase(),
  type: (token) => token.type ?? '',
  owner: (token) => (token.owner ?? '').toLowerCase(),
  created: (token) => token.created_at ?? '',
  expires: (token) => token.expires_at ?? '9999-99', // never is last
  used: (token) => token.last_used_at ?? '',
};

function compare(a, b) {
  if (a === b) {
    return 0;
  }
  return a < b ? -1 : 1;
}

function argsOf(filters) {
  const { q, type, state, channel, owner } = filters;
  const expiring = state === 'expiring';
  return { q, type, channel, owner, state: expiring ? '' : state, expiring: expiring ? '7d' : '' };
}

export class TokenPages {
  #after = '';

  #stop = new AbortController();

  #reading = Promise.resolve();

  /// `onProgress(count)`: while many are read.
  constructor(api, filters, sort, onProgress = () => {}) {
    this.api = api;
    this.args = argsOf(filters);
    this.sort = sort;
    this.onProgress = onProgress;
    this.tokens = [];
    this.isComplete = false;
    this.isCut = false;
  }

  /// Those that have ended, or will, come in the order of their ends.
  get #inOrder() {
    const { state, expiring } = this.args;
    return this.sort.key === 'created' && this.sort.descending && expiring === ''
      && state !== 'expired' && state !== 'deleted';
  }

  /// The tokens of a page; reads what is missing. One call after another: two
  /// at once would read the same tokens.
  page(number, size) {
    const page = this.#reading.then(() => this.#page(number, size));
    this.#reading = page.catch(() => {});
    return page;
  }

  async #page(number, size) {
    const end = (number + 1) * size;
    const wanted = this.#inOrder ? end + 1 : maxSorted;
    let read = false;
    while (!this.isComplete && this.tokens.length < wanted) {
      await this.#read(this.#inOrder && this.tokens.length === 0 ? Math.max(size + 1, 101) : atOnce);
      read = true;
      this.onProgress(this.tokens.length);
    }
    if (read && !this.#inOrder) {
      this.isCut = !this.isComplete;
      this.isComplete = true;
      this.#order();
    }
    return this.tokens.slice(number * size, end);
  }

  async #read(limit) {
    const { items, next } = await this.api.get('account/tokens',
      { ...this.args, limit, after: this.#after }, this.#stop.signal);
    this.tokens.push(...items);
    this.#after = next ?? '';
    this.isComplete = next === null;
  }

  /// Another order, if all are here; else they must be read anew.
  reorder(sort) {
    if (!this.isComplete || this.isCut) {
      return false;
    }
    this.sort = sort;
    this.#order();
    return true;
  }

  #order() {
    const key = keys[this.sort.key];
    const sign = this.sort.descending ? -1 : 1;
    this.tokens = this.tokens
      .map((token) => [key(token), token])
      .sort((a, b) => sign * compare(a[0], b[0]))
      .map(([, token]) => token);
  }

  remove(ids) {
    this.tokens = this.tokens.filter((token) => !ids.has(token.id));
  }

  stop() {
    this.#stop.abort();
  }
}
