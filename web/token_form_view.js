// SPDX-License-Identifier: BSD-2-Clause
//
// Generating a token, and editing one.

import { askAboutConflict } from './conflict_dialog.js';
import { bodyOf, changesOf, draftOf, newDraft, rebased } from './draft.js';
import { button, el, fill, quoted } from './dom.js';
import { issuedView } from './issued_view.js';
import { notice, problemNotice } from './notice.js';
import { heading } from './shell.js';
import { TokenForm } from './token_form.js';

const idPattern = /^[A-Za-z0-9-]{1,64}$/;
const unsavedText = {
  title: 'Leave without saving?',
  text: 'What you typed here is lost then.',
};
const savingText = {
  title: 'Leave while it is being saved?',
  text: 'If a new token comes of it, nobody can show its text again.',
};

/// Why a token cannot be edited, or null.
function refusal(token, account, rights) {
  if (!(token ? account.may_edit_tokens : rights.mayCreate)) {
    return notice('info', token ? 'You may not change tokens.' : 'You may not make tokens.',
      el('p', {}, 'What you are signed in with has nothing to hand out, or lacks user.token:edit.'));
  }
  if (token?.deleted_at) {
    return notice('info', 'This token has been deleted.', el('p', {}, 'It can only be replaced by a new one.'));
  }
  return token?.superseded_by ? notice('info', 'This is the old string of a token that was issued anew.',
    el('p', {}, 'It ends by itself. ', el('a', { href: `#/tokens/${token.superseded_by}` }, 'Edit that token'))) : null;
}

class TokenFormView {
  #form = null;

  #saved = false;

  #saving = false;

  /// `id`: of the token to edit, or null. `typed`: a draft of earlier, and the
  /// token as it was then.
  constructor(app, id, typed) {
    Object.assign(this, { app, id, typed });
    this.title = id ? 'Edit Token' : 'Generate Token';
    this.warning = el('div', {});
    this.news = el('div', {});
    this.body = el('div', {});
    this.node = el('div', { class: 'view' }, heading(this.title), this.warning, this.news, this.body);
    this.#load();
  }

  async #load() {
    fill(this.news);
    fill(this.body, el('p', { class: 'loading' }, 'Loading…'));
    try {
      await this.app.session.refresh();
      this.#start(this.id ? await this.#read() : null);
    } catch (problem) {
      fill(this.body);
      fill(this.news, problemNotice(problem, problem.status === 404 ? null : () => this.#load()));
    }
  }

  #read() {
    return this.app.api.get('account/tokens/' + (idPattern.test(this.id) ? this.id : '-'));
  }

  /// The form, of a new token or of one that is there; with what was typed.
  #start(token, typed = this.typed) {
    const { session } = this.app;
    const refused = refusal(token, session.account, session.rights);
    if (refused) {
      fill(this.body, refused);
      return;
    }
    this.typed = typed;
    // What somebody else did since then must come out as a conflict.
    this.token = typed?.token ?? token;
    this.before = token && draftOf(this.token);
    const draft = typed?.draft ?? this.before ?? newDraft(session);
    this.#form = new TokenForm({
      session, draft, before: this.before, onChange: (now) => this.#warn(now),
    });
    if (typed) {
      this.#form.initial = JSON.stringify(this.before ?? null);
    }
    this.submit = button(token ? 'Edit' : 'Create', () => {}, { type: 'submit', class: 'primary' });
    fill(this.body, el('form', { novalidate: true, on: { submit: (event) => {
      event.preventDefault();
      this.#submit();
    } } }, token && this.#facts(token), this.#form.node, el('div', { class: 'actions start form-actions' },
      this.submit, button('Cancel', () => this.app.router.leaveFor('tokens')))));
    this.#warn(this.#form.draft);
  }

  #facts(token) {
    return el('p', { class: 'muted form-facts' }, 'Owner ', quoted(token.owner, { class: 'strong' }),
      ', id ', el('span', { class: 'mono small' }, token.id));
  }

  #warn({ reissue, overlap }) {
    if (reissue && !this.warning.hasChildNodes()) {
      fill(this.warning, notice('warn', 'You will receive a new token.', el('p', {})));
      this.warning.firstChild.setAttribute('role', 'alert');
    } else if (!reissue) {
      fill(this.warning);
    }
    if (reissue) {
      this.warning.querySelector('p:last-child').textContent = overlap > 0
        ? 'The old token stops working when its overlap ends. Change it everywhere before.'
        : 'The old token stops working at once, wherever it is in use.';
      if (this.app.session.isOwnToken(this.token?.id)) {
        this.warning.querySelector('p:last-child')
          .append(' You are signed in with it: here the new one takes its place.');
      }
    }
  }

  async #submit() {
    if (this.#saving) {
      return;
    }
    fill(this.news);
    if (!this.#form.check(true)) {
      this.#form.focusFirstError();
      return;
    }
    const { draft } = this.#form;
    this.submit.disabled = true;
    this.#saving = true;
    try {
      await (this.token ? this.#edit(draft) : this.#create(draft));
    } catch (problem) {
      this.#showProblem(problem);
    } finally {
      this.#saving = false;
      this.submit.disabled = false;
    }
  }

  async #create(draft) {
    const made = await this.app.api.post('account/tokens', bodyOf(draft, this.app.session.user));
    this.#finish(made);
  }

  async #edit(draft) {
    const changes = changesOf(draft, this.before);
    if (Object.keys(changes).length === 0) {
      fill(this.news, notice('info', 'Nothing has been changed.'));
      return;
    }
    try {
      const made = await this.app.api.put('account/tokens/' + this.id, changes, this.token.rev);
      this.#finish(made);
    } catch (problem) {
      if (problem.status !== 412) {
        throw problem;
      }
      await this.#settle(draft);
    }
  }

  /// Somebody was faster.
  async #settle(draft) {
    const token = await this.#read();
    if (!this.node.isConnected) {
      this.app.toast('Not saved: somebody else has changed the token.');
      return;
    }
    if (token.deleted_at) {
      this.#tellDeleted(draft);
      return;
    }
    const theirs = draftOf(token);
    const choice = await askAboutConflict(this.before, theirs, draft);
    if (choice === 'theirs') {
      this.#start(token, null);
    } else if (choice === 'mine') {
      const merged = rebased(draft, this.before, theirs);
      this.#start(token, { draft: merged });
      await this.#edit(merged);
    }
  }

  #tellDeleted(draft) {
    const again = () => {
      this.#saved = true;
      this.app.open('tokens/new', { draft: { ...draft, reissue: false, overlap: 0 } });
    };
    fill(this.news, notice('error', 'Somebody has deleted this token.',
      el('p', {}, 'What you typed is still here. It can only become a new token.'),
      button('Generate Token with it', again, {}, 'plus')));
  }

  #finish(made) {
    this.#saved = true;
    const { session } = this.app;
    if (made.token && session.isOwnToken(made.id)) {
      session.goOnWith(made.token);
    }
    if (!this.node.isConnected) {
      this.app.toast(made.token ? `“${made.name}” has a text that nobody saw, as you had left: issue a new one.`
        : `Saved “${made.name}”.`);
    } else if (made.token) {
      this.app.showIssued(issuedView(this.app, made));
    } else {
      this.app.toast(`Saved “${made.name}”.`);
      this.app.router.go('tokens');
    }
  }

  #showProblem(problem) {
    if (problem.status === 401 || problem.name === 'AbortError') {
      return;
    }
    if (!this.node.isConnected) {
      this.app.toast(`Not saved. ${problem.title}.`);
      return;
    }
    const left = this.#form.showErrors(problem.errors ?? []);
    const hasPlace = (problem.errors ?? []).length > left.length;
    if (!hasPlace || left.length > 0) {
      fill(this.news, problemNotice(problem));
    } else {
      fill(this.news, notice('error', problem.title + '.', el('p', {}, 'Look at what is marked below.')));
    }
    if (hasPlace) {
      this.#form.focusFirstError();
    } else {
      this.news.scrollIntoView({ block: 'nearest' });
    }
  }

  unsaved() {
    if (this.#saved) {
      return null;
    }
    const isDirty = this.#form ? this.#form.isDirty : this.typed;
    return (this.#saving && savingText) || (isDirty ? unsavedText : null);
  }

  /// For the next session: only what was typed.
  draft() {
    if (!this.#form) {
      return this.typed;
    }
    return this.unsaved() ? { draft: this.#form.draft, token: this.token } : null;
  }
}

export function tokenFormView(app, id, typed) {
  const view = new TokenFormView(app, id, typed);
  return {
    title: view.title, node: view.node, unsaved: () => view.unsaved(), draft: () => view.draft(),
  };
}
