// SPDX-License-Identifier: BSD-2-Clause
//
// The string of a token, shown this once. It is on the page until that is
// closed or left, and nowhere afterwards.

import { ask } from './dialog.js';
import { copyButton } from './clipboard.js';
import { button, el, fill, quoted } from './dom.js';
import { Field, selectField } from './field.js';
import { notice } from './notice.js';
import { heading } from './shell.js';
import { exactElement } from './times.js';
import { channelsOf, snippetsFor } from './snippets.js';

const uncopied = {
  title: 'You have not copied the token',
  text: 'When you leave, nobody can show it again: you would have to issue a new one.',
};

class IssuedView {
  #token;

  #copied = false;

  #onCopied = () => {
    this.#copied = true;
  };

  constructor(app, made) {
    this.app = app;
    this.#token = made.token;
    delete made.token;
    this.input = el('input', {
      type: 'text', class: 'mono', value: this.#token, readOnly: true, autocomplete: 'off', spellcheck: 'false',
    });
    this.input.addEventListener('focus', () => this.input.select());
    this.field = new Field('Token', this.input, {
      beside: copyButton('Copy', () => this.#token, this.#onCopied, { class: 'primary steady' }),
      quiet: true,
    });
    this.choice = el('div', {});
    this.list = el('div', { class: 'snippets' });
    this.node = this.#assemble(made);
    this.node.addEventListener('copy', () => this.#onCopyKey());
    this.#offer(channelsOf(made));
  }

  /// For a token that reaches every channel, one of those that there are.
  async #offer(named) {
    this.#choose(named);
    if (named.length === 0) {
      const channels = await this.app.session.channels().catch(() => []);
      if (this.#token !== '') {
        this.#choose(channels.map(({ channel }) => channel));
      }
    }
  }

  #choose(channels) {
    if (channels.length > 1) {
      const field = selectField('Channel of the commands', channels.map((name) => [name, name]), channels[0], {},
        { quiet: true });
      field.control.addEventListener('change', () => this.#showSnippets(field.value));
      fill(this.choice, field.node);
    }
    this.#showSnippets(channels[0]);
  }

  /// Only some browsers count what is selected within a field.
  #onCopyKey() {
    const { value, selectionStart, selectionEnd } = this.input;
    const inField = document.activeElement === this.input ? value.slice(selectionStart, selectionEnd) : '';
    if ((inField || document.getSelection().toString()).includes(this.#token)) {
      this.#onCopied();
    }
  }

  #assemble(made) {
    const ends = made.expires_at === null ? 'It never expires.'
      : ['It works until ', exactElement(made.expires_at), '.'];
    return el('div', { class: 'view issued' }, heading('Save your token'),
      el('p', {}, 'This is the token ', quoted(made.name, { class: 'strong' }), '. ', ends),
      notice('warn', 'It is shown this once.',
        el('p', {}, 'Save it in a secure place now. If it is lost, nobody can recover it, ',
          'and a new one must be issued.')),
      el('section', { class: 'card', 'aria-label': 'The token' }, this.field.node),
      el('section', { class: 'card', 'aria-label': 'How to use it' }, el('h2', {}, 'How to use it'),
        this.choice, this.list),
      el('div', { class: 'actions start' }, button('Close', () => this.#close(), { class: 'primary' })));
  }

  #showSnippets(channel) {
    fill(this.list, snippetsFor(this.app.site, this.#token, channel).map(([client, text]) => el('div',
      { class: 'snippet' }, el('h3', {}, client),
      el('pre', { tabindex: '0', role: 'group', 'aria-label': `${client} command` }, el('code', {}, text)),
      copyButton(`Copy ${client} command`, () => text, this.#onCopied))));
  }

  async #close() {
    if (this.#copied || await ask(uncopied.title, uncopied.text, 'Leave', 'Stay', { danger: true })) {
      this.#copied = true;
      this.app.router.go('tokens');
    }
  }

  unsaved() {
    return this.#copied ? null : uncopied;
  }

  wipe() {
    this.#token = '';
    this.input.value = '';
    fill(this.node);
  }
}

export function issuedView(app, made) {
  const view = new IssuedView(app, made);
  return {
    title: 'Save your token',
    node: view.node,
    staysBehind: true,
    unsaved: () => view.unsaved(),
    dispose: () => view.wipe(),
  };
}
