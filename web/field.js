// SPDX-License-Identifier: BSD-2-Clause
//
// A label, a control, and one line below it that holds the hint or what is
// wrong: so nothing moves when that changes. A quiet one has nothing to say.

import { el, fill, newId } from './dom.js';

export class Field {
  constructor(label, control, { hint = '', optional = false, quiet = false, beside = [] } = {}) {
    const line = newId('hint');
    control.id ||= newId('field');
    this.control = control;
    this.hint = hint;
    this.line = el('p', { id: line, class: quiet ? 'hint quiet' : 'hint' }, hint);
    control.setAttribute('aria-describedby', line);
    this.node = el('div', { class: 'field' },
      el('label', { for: control.id }, label, optional && el('span', { class: 'muted' }, ' (optional)')),
      el('div', { class: 'field-row' }, control, beside),
      this.line);
  }

  get value() {
    return this.control.value;
  }

  get isBad() {
    return this.control.getAttribute('aria-invalid') === 'true';
  }

  /// "": nothing is wrong.
  setError(text) {
    if (text) {
      this.control.setAttribute('aria-invalid', 'true');
    } else {
      this.control.removeAttribute('aria-invalid');
    }
    this.line.classList.toggle('bad', Boolean(text));
    fill(this.line, text || this.hint);
  }

  /// Texts and elements.
  setHint(...hint) {
    this.hint = hint;
    if (!this.isBad) {
      fill(this.line, hint);
    }
  }

  focus() {
    this.control.focus();
  }
}

export function selectField(label, options, value, attributes = {}, extra = {}) {
  const select = el('select', attributes);
  setOptions(select, options, value);
  return new Field(label, select, extra);
}

/// `options`: [value, text] each.
export function setOptions(select, options, value) {
  select.replaceChildren(...options.map(([key, text]) => el('option', { value: key }, text)));
  select.value = value;
}
