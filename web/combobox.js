// SPDX-License-Identifier: BSD-2-Clause
//
// A text field with a list to choose from (the ARIA pattern "editable combobox
// with list autocomplete"). What is not in the list may be typed, too.

import { el, newId, quoted } from './dom.js';
import { Field } from './field.js';

const maxShown = 100;

export class Combobox extends Field {
  #options = [];

  #active = -1;

  #shown = [];

  /// `onChange(value)`: after each change, by whatever way.
  constructor(label, { options = [], value = '', onChange = () => {}, placeholder = null, ...extra } = {}) {
    const list = newId('list');
    const input = el('input', {
      type: 'text', role: 'combobox', value, placeholder, autocomplete: 'off', autocapitalize: 'none',
      spellcheck: 'false', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': list,
    });
    super(label, input, extra);
    this.onChange = onChange;
    this.list = el('ul', { id: list, role: 'listbox', 'aria-label': label, hidden: true });
    const frame = el('div', { class: 'combobox' });
    this.node.querySelector('.field-row').prepend(frame);
    frame.append(input, el('span', { class: 'combobox-mark', 'aria-hidden': 'true' }), this.list);
    this.setOptions(options);
    this.#listen(frame);
  }

  /// `options`: {value, note, words} each; `words` is what a search looks at.
  setOptions(options) {
    this.#options = options;
  }

  has(value) {
    return this.#options.some((option) => option.value === value);
  }

  set value(value) {
    this.control.value = value;
  }

  get value() {
    return this.control.value.trim();
  }

  #listen(frame) {
    const { control } = this;
    control.addEventListener('input', () => {
      this.#open(control.value.trim());
      this.onChange(this.value);
    });
    control.addEventListener('click', () => (control.disabled || this.#isOpen ? null : this.#open('')));
    control.addEventListener('keydown', (event) => this.#onKey(event));
    frame.addEventListener('focusout', () => this.#close());
    this.list.addEventListener('mousedown', (event) => {
      event.preventDefault();
      const option = event.target.closest('[role=option]');
      if (option) {
        this.#choose(this.#shown[Number(option.dataset.at)].value);
      }
    });
  }

  get #isOpen() {
    return !this.list.hidden;
  }

  #open(text) {
    const wanted = text.toLowerCase();
    const found = this.#options.filter(({ value, words = value }) => words.toLowerCase().includes(wanted));
    this.#shown = found.slice(0, maxShown);
    const items = this.#shown.map((option, at) => el('li',
      { role: 'option', id: `${this.list.id}-${at}`, 'data-at': String(at), 'aria-selected': 'false' },
      quoted(option.value), option.note && el('span', { class: 'muted' }, option.note)));
    if (found.length > maxShown) {
      items.push(el('li', { class: 'muted', role: 'presentation' }, `${found.length - maxShown} more: type to narrow`));
    }
    this.list.replaceChildren(...items);
    this.#setOpen(items.length > 0);
    this.#activate(-1);
  }

  #close() {
    this.#setOpen(false);
    this.#activate(-1);
  }

  #setOpen(open) {
    this.list.hidden = !open;
    this.control.setAttribute('aria-expanded', String(open));
  }

  #activate(at) {
    this.#active = at;
    const items = this.list.querySelectorAll('[role=option]');
    items.forEach((item, i) => item.setAttribute('aria-selected', String(i === at)));
    if (at < 0) {
      this.control.removeAttribute('aria-activedescendant');
    } else {
      this.control.setAttribute('aria-activedescendant', items[at].id);
      items[at].scrollIntoView({ block: 'nearest' });
    }
  }

  #choose(value) {
    this.control.value = value;
    this.#close();
    this.onChange(value);
  }

  #step(by) {
    if (!this.#isOpen) {
      this.#open('');
    }
    const count = this.#shown.length;
    if (count > 0) {
      const from = this.#active < 0 && by < 0 ? count : this.#active;
      this.#activate((from + by + count) % count);
    }
  }

  #onKey(event) {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      this.#step(event.key === 'ArrowDown' ? 1 : -1);
    } else if (event.key === 'Enter' && this.#isOpen) {
      event.preventDefault();
      this.#choose(this.#active < 0 ? this.value : this.#shown[this.#active].value);
    } else if (event.key === 'Escape' && this.#isOpen) {
      event.preventDefault();
      event.stopPropagation();
      this.#close();
    }
  }
}
