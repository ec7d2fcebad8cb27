// SPDX-License-Identifier: BSD-2-Clause
//
// What went wrong, or is to be known, within a view.

import { append, button, el, icon } from './dom.js';

/// `kind`: info, warn or error. Errors are read out at once.
export function notice(kind, title, ...rest) {
  const box = el('div', { class: `notice ${kind}`, role: kind === 'error' ? 'alert' : null },
    icon(kind === 'info' ? 'info' : 'warn'));
  box.append(append(el('div'), [el('p', { class: 'notice-title' }, title), rest]));
  return box;
}

/// Only the API itself says 503 because of Redis; others have other reasons.
function waitWords({ status, code, retryAfter }) {
  if (!(retryAfter > 0)) {
    return '';
  }
  return status === 503 && code ? ` Redis does not answer; it is asked anew within ${retryAfter} seconds.`
    : ` The server asks to wait ${retryAfter} seconds.`;
}

/// A Problem of the API, with a way to try again.
export function problemNotice(problem, again = null) {
  return notice('error', problem.title ?? 'Something went wrong',
    el('p', {}, problem.message + waitWords(problem)),
    problem.requestId && el('p', { class: 'muted small' }, `Request ${problem.requestId}`),
    again && button('Try again', again, {}, 'refresh'));
}
