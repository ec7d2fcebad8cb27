// SPDX-License-Identifier: BSD-2-Clause
//
// The scopes of a token, by category, and how far they reach.

import { button, el, fill, idleButton, newId } from './dom.js';
import { Field } from './field.js';
import { ResourceRows } from './resource_rows.js';
import { findScope, presets, scopes } from './scopes.js';
import { levelBadge } from './words.js';

function categories(list) {
  const found = new Map();
  for (const scope of list) {
    found.set(scope.category, [...(found.get(scope.category) ?? []), scope]);
  }
  return found;
}

export class ScopePicker {
  #boxes = new Map();

  #sets = [];

  /// `limited`: to some channels, also when none is named yet. `kept`: what the
  /// token has already and keeps, whoever edits it.
  constructor(rights, { chosen, channels, limited = false, kept = [], keptChannels = null, onChange = () => {} }) {
    Object.assign(this, { rights, kept, onChange });
    this.search = new Field('Select a scope', el('input', {
      type: 'search', autocomplete: 'off', spellcheck: 'false', placeholder: 'Search by name or by what it allows',
      on: { input: () => this.#narrow(), keydown: (event) => event.key === 'Enter' && event.preventDefault() },
    }));
    this.count = el('p', { class: 'muted', 'aria-live': 'polite' });
    this.error = el('p', { class: 'hint bad', role: 'alert' });
    this.list = el('div', { class: 'scope-list' }, this.#makeSets(chosen));
    this.node = el('div', {}, this.#makePresets(), this.search.node, this.list, this.count, this.error,
      this.#makeReach(channels, limited, keptChannels));
    this.#showCount();
  }

  /// Those that may be given, and those that are there.
  #offered() {
    const known = scopes.filter(({ name }) => this.rights.mayGiveScope(name) || this.kept.includes(name));
    const others = this.kept.filter((name) => !scopes.some((scope) => scope.name === name));
    return [...known, ...others.map(findScope)];
  }

  #makeSets(chosen) {
    this.#sets = [...categories(this.#offered())].map(([category, list]) => {
      const rows = list.map((scope) => this.#makeRow(scope, chosen.includes(scope.name)));
      return { rows, node: el('fieldset', { class: 'scope-set' }, el('legend', {}, category),
        rows.map((row) => row.node)) };
    });
    return this.#sets.map(({ node }) => node);
  }

  #makeRow(scope, checked) {
    const note = newId('scope');
    const box = el('input', {
      type: 'checkbox', id: newId('scope'), checked, 'aria-describedby': note, on: { change: () => this.#changed() },
    });
    this.#boxes.set(scope.name, box);
    const node = el('div', { class: 'scope' }, box, el('label', { for: box.id, class: 'mono' }, scope.name),
      el('span', { id: note, class: 'scope-note' }, levelBadge(scope.level), ' ',
        el('span', { class: 'muted' }, scope.ability),
        !this.rights.mayGiveScope(scope.name) && el('span', { class: 'badge warn' }, 'Not yours to give')));
    return { node, words: `${scope.name} ${scope.ability} ${scope.category} ${scope.level}`.toLowerCase() };
  }

  #makePresets() {
    const buttons = presets.map((preset) => {
      const missing = preset.scopes.filter((name) => !this.#isOffered(name));
      return missing.length > 0
        ? idleButton(preset.name, `You may not hand out ${missing.join(', ')}`, { class: 'chip' })
        : button(preset.name, () => this.#choose(preset.scopes), { class: 'chip', title: preset.scopes.join(', ') });
    });
    return el('div', { class: 'quick', role: 'group', 'aria-label': 'Presets' }, buttons,
      button('Clear scopes', () => this.#choose([]), { class: 'chip' }));
  }

  #isOffered(name) {
    return this.rights.mayGiveScope(name) || this.kept.includes(name);
  }

  /// Everywhere is only for those who are not bound themselves.
  #makeReach(channels, isChosen, keptChannels) {
    const name = newId('reach');
    const mayEverywhere = this.rights.reach === null || (keptChannels !== null && keptChannels.length === 0);
    const limited = isChosen || channels.length > 0 || !mayEverywhere;
    const radio = (text, checked, disabled) => {
      const box = el('input', { type: 'radio', name, checked, disabled, on: { change: () => this.#changed() } });
      return { box, node: el('label', { class: 'choice' }, box, text) };
    };
    const everywhere = radio('Every channel', !limited, !mayEverywhere);
    this.limited = radio('Only these channels', limited, false);
    const first = channels.length > 0 ? channels : this.rights.reach ?? [];
    this.channels = new ResourceRows(this.rights, {
      grants: first.map((channel) => ({ channel })),
      kept: new Map((keptChannels ?? []).map((channel) => [channel, true])),
      withLevels: false,
      onChange: () => this.#changed(),
    });
    this.channels.node.hidden = !limited;
    return el('fieldset', { class: 'reach' }, el('legend', {}, 'Reach'),
      el('div', { class: 'choices' }, mayEverywhere && everywhere.node, this.limited.node), this.channels.node);
  }

  #narrow() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { node, rows } of this.#sets) {
      const found = rows.filter((row) => {
        row.node.hidden = !words.every((word) => row.words.includes(word));
        return !row.node.hidden;
      });
      node.hidden = found.length === 0;
      shown += found.length;
    }
    this.search.setHint(words.length === 0 ? '' : `${shown} of ${this.#boxes.size} match`);
  }

  #choose(names) {
    for (const [name, box] of this.#boxes) {
      box.checked = names.includes(name);
    }
    this.#changed();
  }

  #changed() {
    this.channels.node.hidden = !this.isLimited;
    this.#showCount();
    this.onChange();
  }

  #showCount() {
    const count = this.scopes.length;
    fill(this.count, count === 0 ? 'No scope is chosen.' : `${count} of ${this.#boxes.size} scopes chosen.`);
  }

  get scopes() {
    return [...this.#boxes].filter(([, box]) => box.checked).map(([name]) => name);
  }

  get isLimited() {
    return this.limited.box.checked;
  }

  /// [] is everywhere, unless it is limited.
  get reach() {
    return this.isLimited ? this.channels.value.map(({ channel }) => channel) : [];
  }

  check(all) {
    const missing = this.scopes.length === 0;
    this.error.textContent = all && missing ? 'Choose at least one scope.' : '';
    const sound = !this.isLimited || this.channels.check(all);
    return sound && !missing && (!this.isLimited || this.channels.value.length > 0);
  }

  setError(text) {
    this.error.textContent = text;
  }
}
