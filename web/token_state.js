// SPDX-License-Identifier: BSD-2-Clause
//
// What a token of a list is: it works, it ends soon, or it is over.

import { soon } from './times.js';

export function stateOf(token, now = Date.now()) {
  if (token.problem) {
    return 'damaged';
  }
  if (token.deleted_at) {
    return 'deleted';
  }
  if (token.disabled) {
    return 'disabled';
  }
  if (token.expires_at === null) {
    return 'active';
  }
  const left = new Date(token.expires_at) - now;
  if (left <= 0) {
    return 'expired';
  }
  return left < soon ? 'expiring' : 'active';
}

export const stateMark = {
  damaged: ['Damaged', 'danger'],
  deleted: ['Deleted', 'danger'],
  disabled: ['Disabled', 'danger'],
  expired: ['Expired', 'danger'],
  expiring: ['Expires soon', 'warn'],
};
