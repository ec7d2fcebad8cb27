// SPDX-License-Identifier: BSD-2-Clause
//
// Which view the part of the URL behind # asks for. A view may want to stay:
// then the URL goes back to where it was until its question is answered.

import { holdsToken } from './token_text.js';

export class Router {
  #shown = '';

  #asking = false;

  /// `show(path)` shows it; `isFree()`: whether it may be left at once;
  /// `mayLeave()` is a promise of yes or no.
  constructor({ show, isFree, mayLeave }) {
    Object.assign(this, { show, isFree, mayLeave });
    addEventListener('hashchange', () => this.#follow());
  }

  get path() {
    const path = location.hash.replace(/^#\/?/, '');
    return path === '' || holdsToken(path) ? 'tokens' : path;
  }

  start() {
    if (holdsToken(location.hash)) {
      history.replaceState(null, '', '#/tokens');
    }
    this.#shown = location.hash;
    this.show(this.path);
  }

  /// Without asking.
  go(path) {
    history.pushState(null, '', '#/' + path);
    this.start();
  }

  /// Asks the view first.
  async leaveFor(path) {
    if (await this.#ask()) {
      this.go(path);
    }
  }

  /// Names the view that is shown, without another one in the history.
  rename(path) {
    history.replaceState(null, '', '#/' + path);
    this.#shown = location.hash;
  }

  async #follow() {
    const wanted = location.hash;
    if (wanted === this.#shown) {
      return;
    }
    if (this.isFree()) {
      this.start();
      return;
    }
    history.replaceState(null, '', this.#shown);
    if (await this.#ask()) {
      history.replaceState(null, '', wanted);
      this.start();
    }
  }

  /// One question at a time.
  async #ask() {
    if (this.#asking) {
      return false;
    }
    this.#asking = true;
    const leaves = await this.mayLeave();
    this.#asking = false;
    return leaves;
  }
}
