// SPDX-License-Identifier: BSD-2-Clause
//
// The channels of a token, each with a level; or, without levels, the reach of
// its scopes.

import { channelProblem, closestGrant, covers } from './channel_path.js';
import { Combobox } from './combobox.js';
import { button, el } from './dom.js';
import { selectField, setOptions } from './field.js';
import { levels } from './scopes.js';
import { levelName } from './words.js';

export const maxChannels = 256;

class Row {
  constructor(rows, { channel, permission }) {
    this.rows = rows;
    this.wanted = permission;
    this.channel = new Combobox('Channel', {
      value: channel, options: rows.offers, onChange: () => this.#changed(),
    });
    this.permission = rows.withLevels ? selectField('Permission', [], null) : null;
    this.remove = button(`Remove ${rows.noun}`, () => rows.remove(this), { class: 'quiet icon-only' }, 'close');
    this.node = el('div', { class: 'resource', role: 'group' }, this.channel.node, this.permission?.node, this.remove);
    this.permission?.control.addEventListener('change', () => {
      this.wanted = this.permission.value;
      rows.onChange();
    });
    this.#offerLevels();
  }

  get grant() {
    return { channel: this.channel.value, permission: this.permission?.value ?? null };
  }

  get isEmpty() {
    return this.channel.value === '';
  }

  get allowed() {
    const { rights } = this.rows;
    const channel = this.channel.value;
    const held = levels.slice(0, levels.indexOf(this.rows.keptOver(channel)) + 1);
    const given = channel === '' ? rights.levelsOn(this.rows.offers[0]?.value ?? '') : rights.levelsOn(channel);
    return held.length > given.length ? held : given;
  }

  /// What was chosen comes back when a channel is typed that allows it.
  #offerLevels() {
    if (!this.permission) {
      return;
    }
    const { allowed, wanted } = this;
    const offered = allowed.length > 0 ? allowed : ['read'];
    const level = offered.includes(wanted) ? wanted : offered.at(-1);
    setOptions(this.permission.control, offered.map((name) => [name, levelName[name]]), level);
  }

  #changed() {
    this.#offerLevels();
    this.rows.onChange();
  }

  hint() {
    const { rows, channel } = this;
    const isNew = channel.value !== '' && !channel.has(channel.value) && channelProblem(channel.value) === '';
    const unlisted = rows.isOffered ? 'It is not in the list: check the spelling.'
      : 'The list of channels could not be read: check the spelling.';
    channel.setHint(isNew && rows.isOffered !== null ? unlisted : '');
  }

  /// A grant counts below, too: also where less may be handed out.
  #excessBelow() {
    const { channel: path, permission } = this.grant;
    const level = levels.indexOf(permission);
    if (levels.indexOf(this.rows.keptOver(path)) >= level) {
      return '';
    }
    const found = this.rows.rights.lowerBelow(path, permission)
      .find(({ channel }) => !this.rows.hasCloser(path, channel));
    return found ? `It reaches ${found.channel}, where you may hand out ${levelName[found.permission]} at most: `
      + 'add that with a level of its own.' : '';
  }

  problem(seen) {
    const path = this.channel.value;
    const wrong = channelProblem(path);
    if (wrong) {
      return wrong;
    }
    if (seen.has(path)) {
      return 'This channel is here twice.';
    }
    const { rights, withLevels } = this.rows;
    const mayGive = this.rows.keptOver(path) || (withLevels ? this.allowed.length > 0 : rights.reaches(path));
    if (!mayGive) {
      return 'You may hand out nothing there.';
    }
    return withLevels ? this.#excessBelow() : '';
  }
}

export class ResourceRows {
  #rows = [];

  offers = [];

  /// Whether the channels that exist are known; null: not yet.
  isOffered = null;

  /// `kept`: channel -> level (or true) that the token has already.
  constructor(rights, { grants, kept = new Map(), withLevels = true, onChange = () => {} }) {
    Object.assign(this, { rights, kept, withLevels, onChange });
    this.noun = withLevels ? 'Resource' : 'Channel';
    this.list = el('div', { class: 'resources' });
    this.addButton = button(`Add ${this.noun}`, () => this.#add({ channel: '', permission: 'read' }).channel.focus(),
      { class: 'add' }, 'plus');
    this.error = el('p', { class: 'hint bad', role: 'alert' });
    this.node = el('div', {}, this.list, this.error, this.addButton);
    for (const grant of grants.length > 0 ? grants : [{ channel: '', permission: 'read' }]) {
      this.#add(grant, false);
    }
  }

  /// `channels`: those of GET /account/channels; null: they could not be read.
  offer(channels) {
    this.offers = (channels ?? [])
      .filter(({ channel, permission }) => (this.withLevels ? permission !== null : this.rights.reaches(channel)))
      .map(({ channel, privacy }) => ({ value: channel, note: privacy }));
    this.isOffered = channels !== null;
    for (const row of this.#rows) {
      row.channel.setOptions(this.offers);
      row.hint();
    }
  }

  /// What the token has there already: a level, or true; undefined: nothing.
  keptOver(path) {
    const grants = [...this.kept].map(([channel, level]) => ({ channel, level }));
    return closestGrant(grants, path)?.level;
  }

  /// Whether another row than that of `path` says what counts on `below`.
  hasCloser(path, below) {
    return this.#rows.some(({ channel: { value } }) => value.length > path.length && covers(value, below));
  }

  #add(grant, tell = true) {
    const row = new Row(this, grant);
    this.#rows.push(row);
    this.list.append(row.node);
    this.#number();
    if (tell) {
      this.onChange();
    }
    return row;
  }

  remove(row) {
    const at = this.#rows.indexOf(row);
    this.#rows.splice(at, 1);
    row.node.remove();
    if (this.#rows.length === 0) {
      this.#add({ channel: '', permission: 'read' }, false);
    }
    this.#number();
    this.onChange();
    (this.#rows[at] ?? this.#rows.at(-1)).channel.focus();
  }

  #number() {
    this.#rows.forEach((row, i) => row.node.setAttribute('aria-label',
      `${this.withLevels ? 'Resource' : 'Reach'} ${i + 1}`));
    this.addButton.disabled = this.#rows.length >= maxChannels;
  }

  get value() {
    return this.#rows.filter((row) => !row.isEmpty).map((row) => row.grant);
  }

  /// Marks what is wrong, also of what is still empty if `all`; whether
  /// nothing is.
  check(all) {
    const seen = new Set();
    const isOnly = this.#rows.every((row) => row.isEmpty);
    let sound = true;
    for (const [i, row] of this.#rows.entries()) {
      const skip = row.isEmpty && (!all || !isOnly || i > 0);
      const problem = skip ? '' : row.problem(seen);
      row.hint();
      row.channel.setError(problem);
      seen.add(row.channel.value);
      sound &&= problem === '';
    }
    this.error.textContent = '';
    return sound;
  }

  /// Of the API: at the row of that number or that channel, or below all.
  setError(at, text) {
    const filled = this.#rows.filter((row) => !row.isEmpty);
    const row = filled[at] ?? filled.find(({ channel }) => text.startsWith(channel.value + ' '));
    if (row) {
      row.channel.setError(text);
    } else {
      this.error.textContent = text;
    }
  }
}
