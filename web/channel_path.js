// SPDX-License-Identifier: BSD-2-Clause
//
// What may be the path of a channel, and which one lies below which.

import { holdsToken } from './token_text.js';

const segment = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const words = new Set(['t', 'simple', 'jupyter', 'noarch', 'zos-z', 'osx-64', 'osx-arm64', 'win-32', 'win-64',
  'win-arm64', 'linux-32', 'linux-64', 'linux-aarch64', 'linux-armv6l', 'linux-armv7l', 'linux-ppc64',
  'linux-ppc64le', 'linux-riscv32', 'linux-riscv64', 'linux-s390x', 'freebsd-64', 'wasi-wasm32',
  'emscripten-wasm32']);
const maxSegments = 8;

export function channelProblem(path) {
  if (path === '') {
    return 'Choose a channel.';
  }
  if (holdsToken(path)) {
    return 'That is a token, and no channel.';
  }
  const parts = path.split('/');
  const word = parts.find((part) => words.has(part));
  if (word) {
    return `“${word}” means something else in a path: no channel can have that name.`;
  }
  if (parts.length > maxSegments || !parts.every((part) => segment.test(part))) {
    return 'Write NAME or NAME/SUBCHANNEL: letters, digits and . _ - only, at most 8 parts.';
  }
  return '';
}

/// Whether a grant on `above` counts on `path`.
export function covers(above, path) {
  return path === above || path.startsWith(above + '/');
}

/// Of grants, the one that is closest to a path.
export function closestGrant(grants, path) {
  const covering = grants.filter((grant) => covers(grant.channel, path));
  return covering.sort((a, b) => b.channel.length - a.channel.length)[0] ?? null;
}
