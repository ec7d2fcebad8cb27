// SPDX-License-Identifier: BSD-2-Clause
//
// Modal dialogs. The browser keeps the focus inside, ends them on Escape, and
// gives the focus back.

import { append, button, el, newId } from './dom.js';

/// `fill(close)` gives {body, actions}. A promise of what close() was given;
/// of null when it was dismissed.
export function openDialog(title, content, { wide = false } = {}) {
  const heading = newId('dialog');
  const dialog = el('dialog', { 'aria-labelledby': heading, class: wide && 'wide' });
  return new Promise((resolve) => {
    let answer = null;
    const finish = () => {
      dialog.remove();
      resolve(answer);
    };
    // The event comes later: meanwhile one would see what is about to change.
    const close = (value) => {
      answer = value;
      dialog.close();
      finish();
    };
    const { body, actions } = content(close);
    append(dialog, [el('h2', { id: heading }, title), body, el('div', { class: 'actions' }, actions)]);
    dialog.addEventListener('close', finish);
    document.body.append(dialog);
    dialog.showModal();
  });
}

/// A question with two answers; the safe one has the focus.
export async function ask(title, text, yes, no, { danger = false } = {}) {
  const answer = await openDialog(title, (close) => ({
    body: el('p', {}, text),
    actions: [
      button(no, () => close(false), { autofocus: true }),
      button(yes, () => close(true), { class: danger ? 'danger' : 'primary' }),
    ],
  }));
  return answer === true;
}

export function closeDialogs() {
  for (const dialog of document.querySelectorAll('dialog')) {
    dialog.close();
  }
}
