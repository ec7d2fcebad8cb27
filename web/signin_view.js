// SPDX-License-Identifier: BSD-2-Clause
//
// Signing in with a token, or as whomever nginx knows.

import { button, el } from './dom.js';
import { Field } from './field.js';
import { notice, problemNotice } from './notice.js';
import { heading } from './shell.js';

function tokenField() {
  const input = el('input', {
    type: 'password', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none', 'data-focus': true,
    required: true, class: 'mono',
  });
  const toggle = button('Show', () => {
    const shown = input.type === 'text';
    input.type = shown ? 'password' : 'text';
    toggle.setAttribute('aria-pressed', String(!shown));
    toggle.querySelector('span').textContent = shown ? 'Show' : 'Hide';
    input.focus();
  }, { 'aria-pressed': 'false', class: 'steady' });
  return new Field('Token', input, {
    hint: 'It is kept in the memory of this page only, until you sign out, close it or load it again.',
    beside: toggle,
  });
}

/// A reason of the API says more than that one was signed out.
function reasonNotice(problem, title) {
  if (problem && problem.status !== 401) {
    return problemNotice(problem);
  }
  return problem
    ? notice('error', title ?? problem.title, el('p', {}, `${title ? problem.title + '. ' : ''}${problem.message}`))
    : title && notice('info', title);
}

export function signInView(app, problem, title) {
  const field = tokenField();
  const news = el('div', {}, reasonNotice(problem, title));
  const submit = button('Sign in', () => {}, { type: 'submit', class: 'primary' }, 'key');

  const signIn = async (token) => {
    submit.disabled = true;
    try {
      await app.session.signIn(token);
      field.control.value = '';
      app.signedIn();
    } catch (error) {
      news.replaceChildren(error.status === 401 ? notice('error', error.title) : problemNotice(error));
      field.setError(error.status === 401 ? error.message : '');
      field.focus();
    } finally {
      submit.disabled = false;
    }
  };
  const onSubmit = (event) => {
    event.preventDefault();
    const token = field.value.trim();
    if (token === '') {
      field.setError('Paste a token.');
      field.focus();
    } else {
      signIn(token);
    }
  };

  const form = el('form', { novalidate: true, on: { submit: onSubmit } }, field.node,
    el('div', { class: 'actions start' }, submit,
      app.session.mayBeAmbient && button('Continue without a token', () => signIn(''))));
  const help = el('details', {}, el('summary', {}, 'Which token?'),
    el('p', {}, 'Any token tells who you are. To see your tokens it needs the scope ',
      el('code', {}, 'user.token:view'), ', to make and change them ', el('code', {}, 'user.token:edit'),
      '. You can hand out what that token itself may do. An administrator makes the first one with ',
      el('code', {}, 'psm-token create'), '.'));
  const node = el('div', { class: 'view narrow card' }, heading('Sign in'), news, form, help);
  return { title: 'Sign in', node, dispose: () => (field.control.value = '') };
}
