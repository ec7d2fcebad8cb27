// SPDX-License-Identifier: BSD-2-Clause
//
// What may be the name of an owner.

import { holdsToken } from './token_text.js';

const pattern = /^[A-Za-z0-9._@+-]{1,128}$/;

export function ownerProblem(name) {
  if (holdsToken(name)) {
    return 'That is a token, and no user.';
  }
  return pattern.test(name) ? '' : 'Use 1 to 128 letters, digits and . _ @ + -';
}
