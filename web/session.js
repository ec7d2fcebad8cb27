// SPDX-License-Identifier: BSD-2-Clause
//
// Who is signed in, from the first answer to the last. Nothing of it is
// stored: closing or reloading the page ends it.

import { Problem } from './api.js';
import { Rights } from './rights.js';

const printable = /^[\x21-\x7e]{1,256}$/;

export class Session {
  account = null;

  rights = null;

  /// Whether nginx, and no token, says who it is; and whether it could.
  ambient = false;

  mayBeAmbient = false;

  /// Another number after each end of a session: what goes on may look at it.
  turn = 0;

  #channels = null;

  constructor(api) {
    this.api = api;
  }

  /// With "": as whomever nginx knows.
  async signIn(token) {
    if (token !== '' && !printable.test(token)) {
      throw new Problem({ status: 401, title: 'That is no token', message: 'Paste it whole, without spaces.' });
    }
    this.signOut();
    this.api.use(token);
    try {
      this.#take(await this.api.get('account'));
    } catch (problem) {
      this.signOut();
      throw problem;
    }
    this.ambient = token === '';
    this.mayBeAmbient ||= this.ambient;
  }

  /// Rights may have been changed since.
  async refresh() {
    this.#channels = null;
    this.#take(await this.api.get('account'));
  }

  signOut() {
    this.turn += 1;
    this.api.use('');
    this.account = null;
    this.rights = null;
    this.#channels = null;
  }

  #take(account) {
    this.account = account;
    this.rights = new Rights(account);
  }

  get user() {
    return this.account?.username ?? null;
  }

  /// With the new text of the token that one is signed in with.
  goOnWith(token) {
    this.api.use(token);
  }

  isOwnToken(id) {
    return this.account?.token?.id === id;
  }

  /// Those that he may know of, with `permission`: what he may hand out there.
  async channels() {
    this.#channels ??= (await this.api.get('account/channels')).items;
    return this.#channels;
  }

  forgetChannels() {
    this.#channels = null;
  }
}
