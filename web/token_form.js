// SPDX-License-Identifier: BSD-2-Clause
//
// The fields of a token: what they hold, and what is wrong with it.

import { Combobox } from './combobox.js';
import { el } from './dom.js';
import { ExpiryField } from './expiry_field.js';
import { Field, selectField } from './field.js';
import { ownerProblem } from './owner_name.js';
import { ResourceRows } from './resource_rows.js';
import { ScopePicker } from './scope_picker.js';
import { Summary } from './summary.js';
import { holdsToken } from './token_text.js';

const maxName = 128;
const maxDescription = 1024;
const control = /[\u0000-\u001f\u007f-\u009f]/;
const overlaps = [['0', 'stops working at once'], ['3600', 'works for 1 more hour'],
  ['86400', 'works for 1 more day'], ['604800', 'works for 7 more days'], ['2592000', 'works for 30 more days']];

function textProblem(text, max) {
  if (holdsToken(text)) {
    return 'This holds a token, which others would see here: leave it out.';
  }
  if (control.test(text)) {
    return 'This holds control characters: leave them out.';
  }
  return [...text].length > max ? `This is longer than ${max} characters.` : '';
}

export class TokenForm {
  /// Fields that were left: those may be called empty.
  #touched = new Set();

  /// `before`: the draft of a token that is edited, else null.
  constructor({ session, draft, before, onChange }) {
    Object.assign(this, { session, before, onChange });
    const { rights } = session;
    const changed = () => this.#changed();
    const name = el('input', { type: 'text', value: draft.name, autocomplete: 'off', required: true });
    this.name = new Field('Name', name, { hint: 'What it is for, as in “nightly builds”.' });
    this.owner = before ? null : this.#ownerBox(draft.owner, changed);
    this.expiry = new ExpiryField(rights, draft.expires, { kept: before?.expires, onChange: changed });
    this.type = this.#typeField(draft);
    this.resources = new ResourceRows(rights, {
      grants: draft.resources,
      kept: new Map((before?.resources ?? []).map(({ channel, permission }) => [channel, permission])),
      onChange: changed,
    });
    this.scopes = new ScopePicker(rights, {
      chosen: draft.scopes, channels: draft.channels, limited: draft.limited, kept: before?.scopes ?? [],
      keptChannels: before?.type === 'scope' ? before.channels : null, onChange: changed,
    });
    const description = el('textarea', { rows: '2', value: draft.description });
    this.description = new Field('Description', description, { optional: true });
    this.reissue = before ? this.#reissueField(draft) : null;
    this.summary = new Summary();
    this.node = this.#assemble();
    for (const field of [this.name, this.description]) {
      field.control.addEventListener('input', changed);
      field.control.addEventListener('blur', () => this.#touch(field));
    }
    this.initial = JSON.stringify(this.draft);
    this.#offerChannels();
    this.#show();
  }

  #ownerBox(owner, onChange) {
    const { account, rights } = this.session;
    if (!rights.mayNameOwners) {
      return null;
    }
    return new Combobox('Owner', {
      value: owner, options: [account.username, ...rights.serviceAccounts].map((value) => ({ value })), onChange,
      hint: account.admin ? 'For whom it acts: yourself, another user, or a service account.'
        : 'Yourself, or the service account of a channel that you manage.',
    });
  }

  #typeField(draft) {
    const { rights } = this.session;
    const options = [['resource', 'Resources', rights.mayGiveResources], ['scope', 'Scopes', rights.mayGiveScopes]]
      .filter(([value, , may]) => may || value === draft.type);
    const field = selectField('Type', options, draft.type, { disabled: this.before !== null }, {
      hint: this.before ? 'The type of a token stays.' : '', quiet: true,
    });
    field.control.addEventListener('change', () => this.#changed());
    return field;
  }

  #reissueField(draft) {
    const box = el('input', { type: 'checkbox', id: 'reissue', checked: draft.reissue });
    const overlap = selectField('Old token', overlaps, String(draft.overlap), {}, {
      hint: 'An overlap lets you change the token where it is in use, before the old one ends.',
    });
    box.addEventListener('change', () => this.#changed());
    overlap.control.addEventListener('change', () => this.#changed());
    return { box, overlap, node: el('div', { class: 'reissue' },
      el('div', { class: 'choice' }, box, el('label', { for: 'reissue' }, 'Issue a new token')), overlap.node) };
  }

  #assemble() {
    this.resourcePart = el('fieldset', { class: 'part' }, el('legend', {}, 'Resources'), this.resources.node);
    this.scopePart = el('fieldset', { class: 'part' }, el('legend', {}, 'Scopes'), this.scopes.node);
    return el('div', { class: 'form-columns' },
      el('div', { class: 'form-fields' }, this.name.node, this.owner?.node, this.expiry.node, this.type.node,
        this.resourcePart, this.scopePart, this.description.node, this.reissue?.node),
      this.summary.node);
  }

  async #offerChannels() {
    const channels = await this.session.channels().catch(() => null);
    this.resources.offer(channels);
    this.scopes.channels.offer(channels);
  }

  get draft() {
    return {
      name: this.name.value.trim(),
      description: this.description.value.trim(),
      owner: this.owner?.value ?? this.before?.owner ?? this.session.user,
      expires: this.expiry.wish,
      type: this.type.value,
      resources: this.resources.value,
      scopes: this.scopes.scopes,
      channels: this.scopes.reach,
      limited: this.scopes.isLimited,
      reissue: this.reissue?.box.checked ?? false,
      overlap: Number(this.reissue?.overlap.value ?? 0),
    };
  }

  get isDirty() {
    return JSON.stringify(this.draft) !== this.initial;
  }

  #touch(field) {
    this.#touched.add(field);
    this.check(false);
  }

  #changed() {
    this.check(false);
    this.#show();
    this.onChange?.(this.draft);
  }

  #show() {
    const { draft } = this;
    this.resourcePart.hidden = draft.type !== 'resource';
    this.scopePart.hidden = draft.type !== 'scope';
    if (this.reissue) {
      this.reissue.overlap.node.hidden = !draft.reissue;
    }
    this.summary.show(draft, this.expiry.instant);
  }

  /// Marks what is wrong: all, or only what was typed. Whether nothing is.
  check(all) {
    const name = this.name.value.trim();
    const missing = name === '' && (all || this.#touched.has(this.name)) ? 'Give it a name.' : '';
    this.name.setError(textProblem(name, maxName) || missing);
    this.description.setError(textProblem(this.description.value.trim(), maxDescription));
    this.expiry.isBound = this.reissue?.box.checked ?? false;
    this.expiry.setError(this.expiry.problem);
    if (this.owner) {
      const owner = this.owner.value;
      this.owner.setError(owner === '' && !all ? '' : ownerProblem(owner));
    }
    const fields = [this.name, this.description, this.expiry, this.owner];
    const grants = (this.type.value === 'resource' ? this.resources : this.scopes).check(all);
    return grants && name !== '' && fields.every((field) => !field?.isBad);
  }

  focusFirstError() {
    const bad = [...this.node.querySelectorAll('[aria-invalid=true]')].find((one) => !one.closest('[hidden]'));
    (bad ?? (this.type.value === 'scope' ? this.scopes.search.control : null))?.focus();
  }

  /// Each error of the API at its field; returns those that have none.
  showErrors(errors) {
    const fields = {
      name: this.name, description: this.description, expires_at: this.expiry, owner: this.owner,
      service_account: this.owner, overlap: this.reissue?.overlap,
    };
    return errors.filter(({ field, detail: text }) => {
      const [, member, at] = /^(\w*)(?:\[(\d+)\])?/.exec(field);
      const isQuote = ['resources', 'channels', 'scopes'].includes(member); // it begins with a value
      const detail = isQuote ? text : text.charAt(0).toUpperCase() + text.slice(1);
      if (fields[member]) {
        fields[member].setError(detail);
      } else if (member === 'resources' && this.type.value === 'resource') {
        this.resources.setError(at === undefined ? NaN : Number(at), detail);
      } else if (member === 'channels' && this.scopes.reach.length > 0) {
        this.scopes.channels.setError(at === undefined ? NaN : Number(at), detail);
      } else if (member === 'scopes' || member === 'channels') {
        this.scopes.setError(detail);
      } else {
        return true;
      }
      return false;
    });
  }
}
