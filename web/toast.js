// SPDX-License-Identifier: BSD-2-Clause
//
// Short news at the edge of the page, where they move nothing.

import { button, el } from './dom.js';

const shownFor = 8000;

export function toast(text) {
  const box = el('div', { class: 'toast' }, el('p', {}, text));
  const close = () => box.remove();
  box.append(button('Close message', close, { class: 'quiet icon-only' }, 'close'));
  document.getElementById('toasts').append(box);
  setTimeout(close, shownFor);
}

export function clearToasts() {
  document.getElementById('toasts').replaceChildren();
}
