// SPDX-License-Identifier: BSD-2-Clause
//
// The REST API. The token lives in this object and in no other place; it goes
// into a header, so that no URL and no history ever holds it.

/// What went wrong, as the API says it.
export class Problem extends Error {
  constructor({ status, title, message, code = '', errors = [], requestId = '', retryAfter = 0 }) {
    super(message);
    Object.assign(this, { status, title, code, errors, requestId, retryAfter });
  }
}

const unreachable = {
  status: 0,
  title: 'The server does not answer',
  message: 'Look at your connection, then try again.',
};

/// Of a change without an answer.
const unknown = 'It is not known whether it was done: look at the list before you try again.';

const otherTitles = {
  413: ['That is too much', 'Send less at once.'],
  429: ['Too many requests', 'Wait a minute, then try again.'],
  502: ['The server does not answer', 'Try again in a moment.'],
  504: ['The server does not answer', 'Try again in a moment.'],
};

function lostProblem(isChange) {
  return new Problem(isChange ? { ...unreachable, message: unknown } : unreachable);
}

async function problemOf(response, isChange) {
  let body = {};
  if ((response.headers.get('Content-Type') ?? '').includes('json')) {
    body = await response.json().catch(() => ({}));
  }
  const [title, message] = otherTitles[response.status]
    ?? ['The server answered ' + response.status, 'Try again, or ask the administrator.'];
  return new Problem({
    status: response.status,
    title: body.title ?? title,
    message: body.message ?? (isChange && [502, 504].includes(response.status) ? unknown : message),
    code: body.code,
    errors: body.errors,
    requestId: body.request_id,
    retryAfter: Number(response.headers.get('Retry-After')) || 0,
  });
}

function query(args) {
  const given = Object.entries(args).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  return given.length === 0 ? '' : '?' + new URLSearchParams(given);
}

export class Api {
  #base;

  /// Whoever is signed in. An answer to somebody before him is for nobody.
  #caller = { token: '' };

  /// Called when the API knows the caller no more.
  onUnauthorized = null;

  constructor(base) {
    this.#base = base;
  }

  use(token) {
    this.#caller = { token };
  }

  get(path, args = {}, signal = undefined) {
    return this.#ask('GET', path + query(args), { signal });
  }

  post(path, body) {
    return this.#ask('POST', path, { body });
  }

  /// `rev`: only if the token is still that.
  put(path, body, rev = null) {
    return this.#ask('PUT', path, { body, rev });
  }

  delete(path) {
    return this.#ask('DELETE', path, {});
  }

  async #ask(method, path, { body, rev, signal }) {
    const caller = this.#caller;
    const isChange = method !== 'GET' && path !== 'explain';
    const headers = { Accept: 'application/json' };
    if (caller.token) {
      headers['X-Auth'] = caller.token;
    }
    if (body !== undefined) {
      headers['Content-Type'] = 'application/json';
    }
    if (rev) {
      headers['If-Match'] = `"${rev}"`;
    }
    const response = await fetch(new URL(path, this.#base), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
    }).catch((error) => {
      throw error.name === 'AbortError' ? error : lostProblem(isChange);
    });
    return this.#read(response, caller, isChange);
  }

  #expect(caller) {
    if (caller !== this.#caller) {
      throw new DOMException('Somebody else is signed in.', 'AbortError');
    }
  }

  async #read(response, caller, isChange) {
    if (!response.ok) {
      const problem = await problemOf(response, isChange);
      this.#expect(caller);
      if (problem.status === 401 && this.onUnauthorized) {
        this.onUnauthorized(problem);
      }
      throw problem;
    }
    if (response.status === 204) {
      return null;
    }
    const answer = await response.json().catch((error) => {
      throw error.name === 'AbortError' ? error : lostProblem(isChange);
    });
    this.#expect(caller);
    return answer;
  }
}
