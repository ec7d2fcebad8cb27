// SPDX-License-Identifier: BSD-2-Clause
//
// The other end of PSM::Web: lines of JSON to Perl, which counts the tests and
// does what a browser cannot (psm-token, Redis, the gate), and its answers.

import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function hear() {
  const { value, done } = await input.next();
  if (done) {
    throw new Error('the test has gone away');
  }
  return JSON.parse(value);
}

// What the test wants of this flow: its first line.
export const wanted = await hear();

export function ok(good, name, ...more) {
  say({
    ok: Boolean(good),
    name,
    diag: good ? '' : more.map((x) => (typeof x === 'string' ? x : JSON.stringify(x, null, 1)))
      .join('\n').slice(0, 4000),
  });
  return Boolean(good);
}

export function is(got, expected, name) {
  return ok(isDeepStrictEqual(got, expected), name, { got, expected });
}

export function like(text, pattern, name) {
  return ok(pattern.test(String(text)), name, { got: String(text).slice(0, 1500), pattern: String(pattern) });
}

export function note(text) {
  say({ note: String(text) });
}

// From here on no log, no key of Redis and no file of Chromium may hold it.
export function secret(token) {
  say({ secret: token });
  return token;
}

// Perl does it, and gives what came of it. One at a time.
export async function ask(what, ...words) {
  say({ ask: what, with: words });
  const { answer, error } = await hear();
  if (error) {
    throw new Error(`${what}: ${error}`);
  }
  return answer;
}

// psm-token --json WORDS.
export async function cli(...words) {
  return ask('cli', ...words);
}

// A token by psm-token: { id, token, ... }
export async function mint(name, ...words) {
  const made = await cli('create', '--name', name, ...words);
  secret(made.token);
  return made;
}

// Polls until it gives something true, and gives that; the last value after
// the limit.
export async function until(sub, limit = 40000) {
  const end = Date.now() + limit;
  let got;
  do {
    got = await sub();
    if (got) {
      return got;
    }
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  } while (Date.now() < end);
  return got;
}

export function end() {
  say({ end: true });
  process.stdin.unref?.();
}
