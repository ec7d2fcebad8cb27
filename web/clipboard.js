// SPDX-License-Identifier: BSD-2-Clause
//
// Copying. Where the page came without TLS from another host, browsers have no
// clipboard for it, and the older way is left.

import { button } from './dom.js';

function copyOldWay(text) {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  (document.querySelector('dialog[open]') ?? document.body).append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOldWay(text);
  }
}

/// `text()` when it is clicked; `onCopied()` after success.
export function copyButton(name, text, onCopied, attributes = {}) {
  const node = button('Copy', async () => {
    const done = await copy(text());
    node.querySelector('span').textContent = done ? 'Copied' : 'Select it';
    node.focus();
    setTimeout(() => (node.querySelector('span').textContent = 'Copy'), 2000);
    if (done) {
      onCopied();
    }
  }, { 'aria-label': name, class: 'steady', ...attributes }, 'copy');
  return node;
}
