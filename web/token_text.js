// SPDX-License-Identifier: BSD-2-Clause
//
// How the text of a token looks: it must stand in no URL, whatever field it is
// pasted into.

const form = /psm-[0-9A-Za-z]{42}/;

export function holdsToken(text) {
  return form.test(text);
}
