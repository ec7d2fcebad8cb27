// SPDX-License-Identifier: BSD-2-Clause
//
// When a token ends: a date, whose 00:00 UTC it is, the very last instant that
// is allowed, or never. The exact instant is shown in the reader's zone.

import { button, el, idleButton } from './dom.js';
import { Field } from './field.js';
import { day, exactElement, exactText, relativeText, utcDate } from './times.js';

const quick = [30, 90, 365];
const instantOf = (date) => date + 'T00:00:00Z';

export class ExpiryField extends Field {
  /// What is there, when it is no date that the reader chose: an instant or null.
  #kept;

  #isKept = false;

  /// Whether the instant that was there before must still lie ahead, and within
  /// the reader's own: a new text is like a new token.
  isBound = false;

  /// `value`: an instant, a date or null, as in the API.
  constructor(rights, value, { kept = undefined, onChange = () => {} } = {}) {
    const input = el('input', { type: 'date', required: true, min: utcDate(Date.now() + day) });
    const group = el('div', { class: 'quick', role: 'group', 'aria-label': 'Set the expiration date' });
    super('Expiration date', input, { beside: group });
    this.rights = rights;
    this.original = kept;
    this.onChange = onChange;
    this.buttons = this.#makeButtons();
    group.append(...this.buttons.map(({ node }) => node));
    input.addEventListener('input', () => {
      this.#isKept = false;
      this.#changed();
    });
    this.value = value;
  }

  #makeButtons() {
    const { latestExpiry } = this.rights;
    const latest = this.#latest;
    const chip = { class: 'chip', 'aria-pressed': 'false' };
    const make = (text, value, attributes = {}) => ({
      value,
      node: button(text, () => {
        this.value = value;
        this.#changed();
      }, { ...chip, ...attributes }),
    });
    const buttons = quick.map((days) => {
      const date = utcDate(Date.now() + days * day);
      const isLate = latest !== null && instantOf(date) > latest;
      return isLate ? { value: date, node: idleButton(`${days} days`, this.#tooLate(), chip) }
        : make(`${days} days`, date);
    });
    buttons.push(latestExpiry === null ? make('Never', null)
      : make('Latest', latestExpiry, { title: exactText(latestExpiry) }));
    return buttons;
  }

  #tooLate() {
    const latest = this.#latest;
    const { latestExpiry, latestReason } = this.rights;
    return `The latest is ${exactText(latest)}.${latest === latestExpiry ? ` ${latestReason}` : ''}`;
  }

  /// Who may not make what lasts so long may still let it end earlier.
  get #latest() {
    const { latestExpiry, ownEnd } = this.rights;
    if (this.#isOriginal) {
      return ownEnd;
    }
    const outlasts = this.original === null || this.original > ownEnd;
    return this.original !== undefined && !this.isBound && ownEnd !== null && ownEnd === latestExpiry && outlasts
      ? this.original : latestExpiry;
  }

  get #isOriginal() {
    const { instant } = this;
    return instant === this.original && instant !== undefined;
  }

  get value() {
    return this.#isKept ? this.#kept : this.control.value;
  }

  set value(value) {
    const isDate = value !== null && /^\d{4}-\d\d-\d\d(T00:00:00Z)?$/.test(value);
    this.#isKept = !isDate;
    this.#kept = value;
    this.control.value = value === null ? '' : utcDate(value);
    this.control.required = value !== null;
    this.#show();
  }

  /// null: never; undefined: none was given.
  get instant() {
    const { value } = this;
    if (value === null || value === '') {
      return value === null ? null : undefined;
    }
    return value.length === 10 ? instantOf(value) : value;
  }

  /// What is to be sent: an instant that was there before stays what it was.
  get wish() {
    return this.instant === this.original ? this.original : this.value;
  }

  get problem() {
    const { instant } = this;
    if (this.#isOriginal && !this.isBound) {
      return '';
    }
    const latest = this.#latest;
    if (instant === undefined) {
      return latest === null ? 'Choose a date, or Never.' : 'Choose a date.';
    }
    if (instant !== null && new Date(instant) <= Date.now()) {
      return 'That day has begun already (in UTC). Choose a later one.';
    }
    if (latest !== null && (instant === null || new Date(instant) > new Date(latest))) {
      return this.#tooLate();
    }
    return '';
  }

  #changed() {
    this.#show();
    this.onChange();
  }

  #show() {
    const { instant } = this;
    if (instant === null) {
      this.setHint('Never expires.');
    } else if (instant === undefined) {
      this.setHint('No date yet.');
    } else {
      this.setHint('Ends at ', exactElement(instant), `, ${relativeText(instant)}.`);
    }
    for (const { node, value } of this.buttons) {
      node.setAttribute('aria-pressed', String(value === this.value));
    }
  }
}
