// SPDX-License-Identifier: BSD-2-Clause
//
// What a token will be able to do, in a sentence, while it is put together.

import { el, fill } from './dom.js';
import { abilityWords, expiryWords, reachWords } from './words.js';

const warned = {
  'user.token:edit': 'Whoever holds it can make further tokens, as far as its own rights go.',
};

function sentence(draft) {
  const isResource = draft.type === 'resource';
  const abilities = abilityWords(draft);
  if (abilities.length === 0) {
    return el('p', {}, `It can do nothing yet: choose a ${isResource ? 'channel' : 'scope'}.`);
  }
  return [
    el('p', {}, 'This token will be able to'),
    el('ul', {}, abilities.map((ability) => el('li', {}, ability))),
    el('p', {}, isResource ? 'and the same in their subchannels, unless those are named themselves.'
      : [draft.limited && draft.channels.length === 0 ? 'in no channel yet' : reachWords(draft.channels), '.']),
  ];
}

/// `draft`: type, resources or scopes and channels; `instant`: of its end.
export class Summary {
  constructor() {
    this.text = el('div', { 'aria-live': 'polite', 'aria-atomic': 'true' });
    this.node = el('section', { class: 'summary', 'aria-label': 'Summary' }, el('h2', {}, 'Summary'), this.text);
  }

  show(draft, instant) {
    const warning = draft.type === 'scope' && draft.scopes.map((name) => warned[name]).find(Boolean);
    const now = el('div', {}, sentence(draft),
      el('p', {}, instant === undefined ? 'It has no end yet.' : expiryWords(instant)),
      warning && el('p', { class: 'warn-text' }, warning));
    // It is read out whenever it is put in, also when it says the same.
    if (now.textContent !== this.text.textContent) {
      fill(this.text, [...now.childNodes]);
    }
  }
}
