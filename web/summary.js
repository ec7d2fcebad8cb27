// SPDX-License-Identifier: BSD-2-Clause
//
// What a token will be able to do, in a sentence, while it is put together.

import { el, fill } from './dom.js';
import { expiryWords, listed, reachWords, resourceWords, scopeWords } from './words.js';

const warned = {
  'user.token:edit': 'Whoever holds it can make further tokens, as far as its own rights go.',
};

function abilityWords({ type, resources, scopes, channels }) {
  if (type === 'resource') {
    const parts = resourceWords(resources);
    return parts.length === 0 ? ['Nothing yet: choose a channel.']
      : ['It can ', listed(parts), ' and what lies below.'];
  }
  return scopes.length === 0 ? ['Nothing yet: choose a scope.']
    : ['It can ', scopeWords(scopes), reachWords(channels), '.'];
}

/// `draft`: type, resources or scopes and channels; `instant`: of its end.
export class Summary {
  constructor() {
    this.text = el('div', { 'aria-live': 'polite', 'aria-atomic': 'true' });
    this.node = el('section', { class: 'summary', 'aria-label': 'Summary' }, el('h2', {}, 'Summary'), this.text);
  }

  show(draft, instant) {
    const warning = draft.type === 'scope' && draft.scopes.map((name) => warned[name]).find(Boolean);
    fill(this.text, el('p', {}, abilityWords(draft)),
      el('p', {}, instant === undefined ? 'It has no end yet.' : expiryWords(instant)),
      warning && el('p', { class: 'warn-text' }, warning));
  }
}
