// SPDX-License-Identifier: BSD-2-Clause
//
// The page: who is signed in, which view is shown, and what happens when
// either changes.

import { accountView } from './account_view.js';
import { Api } from './api.js';
import { channelsView } from './channels_view.js';
import { ask, closeDialogs } from './dialog.js';
import { el } from './dom.js';
import { explainView } from './explain_view.js';
import { Router } from './router.js';
import { Session } from './session.js';
import { renderShell } from './shell.js';
import { signInView } from './signin_view.js';
import { clearToasts, toast } from './toast.js';
import { tokenFormView } from './token_form_view.js';
import { tokensView } from './tokens_view.js';

function address(name) {
  return new URL(document.querySelector(`meta[name=${name}]`).content, document.baseURI);
}

/// Of a string that is shown once: it has no view to come back to.
const issued = 'issued';

function viewOf(app, path, draft) {
  const [place, rest] = path.split('/');
  switch (place) {
    case 'tokens':
      return rest && rest !== issued ? tokenFormView(app, rest === 'new' ? null : rest, draft) : tokensView(app);
    case 'explain':
      return explainView(app, rest ?? null);
    case 'channels':
      return channelsView(app);
    case 'account':
      return accountView(app);
    default:
      return tokensView(app);
  }
}

class App {
  #view = null;

  /// What was typed when the session ended, for whoever typed it.
  #kept = null;

  constructor() {
    this.main = document.getElementById('main');
    this.site = address('psm-channels');
    this.api = new Api(address('psm-api'));
    this.session = new Session(this.api);
    this.router = new Router({
      show: (path) => this.#show(path),
      isFree: () => !this.#view?.unsaved?.(),
      mayLeave: () => this.#mayLeave(),
    });
    this.toast = toast;
    this.reset();
    this.api.onUnauthorized = (problem) => this.#onUnauthorized(problem);
    addEventListener('beforeunload',
      (event) => (this.#view?.unsaved?.() || this.#kept?.draft) && event.preventDefault());
    addEventListener('pagehide', () => this.#forget());
    addEventListener('pageshow', (event) => event.persisted && this.start());
    document.getElementById('skip').addEventListener('click', (event) => {
      event.preventDefault();
      this.main.focus();
    });
  }

  /// What views remember of themselves while somebody is signed in.
  reset() {
    this.memory = {};
  }

  async start() {
    renderShell(this);
    this.#place({ title: 'Tokens', node: el('p', { class: 'loading' }, 'Loading…') });
    let reason = null;
    try {
      await this.session.signIn('');
    } catch (problem) {
      reason = problem.status === 401 ? null : problem;
    }
    if (this.session.account) {
      this.signedIn();
    } else {
      this.showSignIn(reason);
    }
  }

  signedIn() {
    const kept = this.#kept?.user === this.session.user ? this.#kept : null;
    this.#kept = null;
    if (!kept) {
      this.reset();
    }
    renderShell(this);
    if (kept) {
      this.router.rename(kept.path);
      this.#show(kept.path, kept.draft);
    } else {
      this.router.start();
    }
  }

  showSignIn(problem = null, title = null) {
    renderShell(this);
    this.#place(signInView(this, problem, title));
  }

  async signOut() {
    if (await this.#mayLeave()) {
      this.endSession('You are signed out.');
    }
  }

  endSession(why) {
    this.#forget();
    this.router.rename('tokens');
    this.showSignIn(null, why);
  }

  /// A view with what was typed in another one.
  open(path, draft) {
    history.pushState(null, '', '#/' + path);
    this.router.rename(path);
    this.#show(path, draft);
  }

  showIssued(view) {
    this.router.rename(`tokens/${issued}`);
    this.#place(view);
  }

  #forget() {
    this.session.signOut();
    this.#kept = null;
    this.reset();
    clearToasts();
    this.#place({ title: 'Tokens', node: el('p') });
  }

  #onUnauthorized(problem) {
    if (!this.session.account) {
      return;
    }
    // What is shown once is not taken away by an answer to something else.
    if (this.#view?.staysBehind) {
      this.session.signOut();
      renderShell(this);
      return;
    }
    this.#kept = { user: this.session.user, path: this.router.path, draft: this.#view?.draft?.() ?? null };
    this.session.signOut();
    this.showSignIn(problem, this.#kept.draft
      ? 'You were signed out. What you typed is kept: sign in again to go on.' : 'You were signed out.');
  }

  #show(path, draft = null) {
    if (this.session.account) {
      this.#place(viewOf(this, path, draft));
      renderShell(this);
    } else {
      this.showSignIn();
    }
  }

  /// Questions of a view go with it.
  #place(view) {
    closeDialogs();
    this.#view?.dispose?.();
    this.#view = view;
    this.main.replaceChildren(view.node);
    document.title = view.title === 'Tokens' ? 'Tokens' : `${view.title} · Tokens`;
    scrollTo(0, 0);
    (view.node.querySelector('[data-focus]') ?? view.node.querySelector('h1'))?.focus();
  }

  async #mayLeave() {
    const why = this.#view?.unsaved?.();
    return !why || ask(why.title, why.text, 'Leave', 'Stay', { danger: true });
  }
}

const app = new App();
app.start();
