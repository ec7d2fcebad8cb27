// SPDX-License-Identifier: BSD-2-Clause
//
// What the signed-in person may hand out and do, out of GET /account. The API
// has the last word; this decides what is offered.

import { closestGrant, covers } from './channel_path.js';
import { levelMadeBy, levels, scopes } from './scopes.js';

function higher(a, b) {
  return levels.indexOf(a) >= levels.indexOf(b) ? a : b;
}

function levelOn({ resources = [], scopes: names = [], channels = null }, path) {
  const granted = closestGrant(resources, path)?.permission ?? null;
  const reached = !channels || channels.some((channel) => covers(channel, path));
  return higher(granted, reached ? levelMadeBy(names) : null);
}

export class Rights {
  constructor(account) {
    this.account = account;
    this.grants = account.grants;
    this.reach = this.grants.channels ?? null;
    this.scopes = scopes.filter((scope) => this.grants.scopes.includes(scope.name));
  }

  get everything() {
    return this.grants.everything;
  }

  /// That he may hand out there; null: none.
  levelOn(path) {
    return this.everything ? 'manage' : levelOn(this.grants, path);
  }

  levelsOn(path) {
    return levels.slice(0, levels.indexOf(this.levelOn(path)) + 1);
  }

  /// The grants below a path where less than `level` may be handed out.
  lowerBelow(path, level) {
    return this.everything ? [] : this.grants.resources
      .filter(({ channel }) => channel !== path && covers(path, channel))
      .map(({ channel }) => ({ channel, permission: this.levelOn(channel) }))
      .filter(({ permission }) => levels.indexOf(permission) < levels.indexOf(level));
  }

  reaches(path) {
    return !this.reach || this.reach.some((channel) => covers(channel, path));
  }

  mayGiveScope(name) {
    return this.grants.scopes.includes(name);
  }

  get mayGiveResources() {
    return this.everything || this.grants.resources.length > 0 || levelMadeBy(this.grants.scopes) !== null;
  }

  get mayGiveScopes() {
    return this.scopes.length > 0;
  }

  get mayCreate() {
    return this.account.may_edit_tokens && (this.mayGiveResources || this.mayGiveScopes);
  }

  /// His own token's rights count there even when he may hand out nothing.
  mayChangePrivacy(path) {
    const own = this.account.token ?? {};
    const scope = path.includes('/') ? 'subchannel:edit' : 'channel:edit';
    return this.levelOn(path) === 'manage' || (this.mayGiveScope(scope) && this.reaches(path))
      || levelOn(own, path) === 'manage'
      || ((own.scopes ?? []).includes(scope) && (own.channels ?? [path]).some((channel) => covers(channel, path)));
  }

  /// Also of channels that are not in the list yet, as those below his.
  get mayChangeSomePrivacy() {
    const own = this.account.token ?? {};
    return [this.grants, own].some(({ resources = [], scopes: names = [] }) => levelMadeBy(names) === 'manage'
      || resources.some(({ permission }) => permission === 'manage')
      || names.some((name) => ['channel:edit', 'subchannel:edit'].includes(name))) || this.everything;
  }

  /// Who manages every channel, by scopes, may name each service account.
  get mayNameOwners() {
    return this.account.admin || this.serviceAccounts.length > 0
      || (!this.reach && levelMadeBy(this.grants.scopes) === 'manage');
  }

  /// Whose tokens he may make besides his own, as far as his grants name them.
  get serviceAccounts() {
    return this.grants.resources
      .filter(({ channel, permission }) => permission === 'manage' && !channel.includes('/'))
      .map(({ channel }) => 'service-account-channel-' + channel);
  }

  get latestExpiry() {
    return this.account.latest_expires_at;
  }

  /// Of the token that one is signed in with; null: it has none, or there is no token.
  get ownEnd() {
    return this.account.token?.expires_at ?? null;
  }

  get defaultAge() {
    return this.account.default_age * 1000;
  }

  /// Why nothing lasts longer than latestExpiry.
  get latestReason() {
    return this.ownEnd !== null && this.ownEnd === this.latestExpiry
      ? 'Your own token ends then, and nothing that it makes lasts longer.'
      : 'Tokens made here last no longer.';
  }
}
