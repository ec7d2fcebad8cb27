// SPDX-License-Identifier: BSD-2-Clause
//
// Times: in the reader's zone to read, in UTC on hover.

import { el } from './dom.js';

export const day = 24 * 60 * 60 * 1000;
export const soon = 7 * day;

const dateOnly = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const clock = {
  day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZoneName: 'short',
};
const toTheMinute = new Intl.DateTimeFormat(undefined, clock);
const toTheSecond = new Intl.DateTimeFormat(undefined, { ...clock, second: '2-digit' });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' });

/// "2027-01-31 00:00:00 UTC"
export function utc(time) {
  return new Date(time).toISOString().replace('T', ' ').replace(/\.\d+Z$/, ' UTC');
}

export function exactText(time) {
  const date = new Date(time);
  return (date.getUTCSeconds() === 0 ? toTheMinute : toTheSecond).format(date);
}

/// "in 3 days", "2 hours ago"
export function relativeText(time, now = Date.now()) {
  const seconds = (new Date(time) - now) / 1000;
  const units = [['year', 365 * 86400], ['day', 86400], ['hour', 3600], ['minute', 60]];
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) {
      return relative.format(Math.trunc(seconds / length), unit);
    }
  }
  return relative.format(Math.trunc(seconds), 'second');
}

function timeElement(time, text) {
  return el('time', { datetime: time, title: utc(time) }, text);
}

export function dateElement(time) {
  return timeElement(time, dateOnly.format(new Date(time)));
}

export function exactElement(time) {
  return timeElement(time, exactText(time));
}

export function relativeElement(time) {
  return timeElement(time, relativeText(time));
}

/// The date of which an instant is the 00:00 UTC, or in which it lies.
export function utcDate(time) {
  return new Date(time).toISOString().slice(0, 10);
}
