// SPDX-License-Identifier: BSD-2-Clause
//
// Which view the part of the URL behind # asks for. A view may want to stay:
// then the URL goes back to where it was until its question is answered.

import { holdsToken } from './session.js';

export class Router {
  #shown = '';

  #asking = false;

  /// `show(path)` shows it; `mayLeave()` is a promise of yes or no.
  constructor({ show, mayLeave }) {
    this.show = show;
    this.mayLeave = mayLeave;
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
    if (!this.#asking) {
      await this.#ask('#/' + path);
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
    history.replaceState(null, '', this.#shown || '#/tokens');
    if (!this.#asking) {
      await this.#ask(wanted);
    }
  }

  async #ask(wanted) {
    this.#asking = true;
    const leaves = await this.mayLeave();
    this.#asking = false;
    if (leaves) {
      history.pushState(null, '', wanted);
      this.start();
    }
  }
}
