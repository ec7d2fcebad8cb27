// SPDX-License-Identifier: BSD-2-Clause
//
// Copying. Where the page came without TLS from another host, browsers have no
// clipboard for it, and the older way is left.

import { button, el } from './dom.js';

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

const copied = ['Copied', 'Copied'];
const refused = ['Select it', 'Not copied: select it'];

/// `text()` when it is clicked; `onCopied()` after success. The name of a button
/// with a label of its own stays, so what came of it is said beside.
export function copyButton(name, text, onCopied, attributes = {}) {
  const news = el('span', { class: 'visually-hidden', role: 'status' });
  const node = button('Copy', async () => {
    const done = await copy(text());
    const [shown, said] = done ? copied : refused;
    node.querySelector('span').textContent = shown;
    news.textContent = said;
    node.focus();
    setTimeout(() => {
      node.querySelector('span').textContent = 'Copy';
      news.textContent = '';
    }, 2000);
    if (done) {
      onCopied();
    }
  }, { 'aria-label': name, class: 'steady', ...attributes }, 'copy');
  return [node, news];
}
