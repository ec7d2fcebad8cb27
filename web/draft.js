// SPDX-License-Identifier: BSD-2-Clause
//
// A token as it is typed: `name description owner expires type resources
// scopes channels limited reissue overlap`; `expires` as in the API; no channels
// is everywhere, unless it is to be limited and none is typed yet.

import { day, utcDate } from './times.js';

export function newDraft({ account, rights }) {
  const latest = rights.latestExpiry;
  const date = utcDate(Date.now() + Math.max(rights.defaultAge, day));
  return {
    name: '',
    description: '',
    owner: account.username,
    expires: latest !== null && date + 'T00:00:00Z' > latest ? latest : date,
    type: rights.mayGiveResources ? 'resource' : 'scope',
    resources: [],
    scopes: [],
    channels: [],
    limited: rights.reach !== null,
    reissue: false,
    overlap: 0,
  };
}

export function draftOf(token) {
  return {
    name: token.name,
    description: token.description,
    owner: token.owner,
    expires: token.expires_at,
    type: token.type,
    resources: token.resources ?? [],
    scopes: token.scopes ?? [],
    channels: token.channels ?? [],
    limited: token.channels?.length > 0,
    reissue: false,
    overlap: 0,
  };
}

/// Of POST.
export function bodyOf(draft, user) {
  const { name, description, owner, expires, type, resources, scopes, channels } = draft;
  const body = { name, expires_at: expires };
  if (description !== '') {
    body.description = description;
  }
  if (owner !== '' && owner !== user) {
    body.owner = owner;
  }
  if (type === 'resource') {
    return { ...body, resources };
  }
  return { ...body, scopes, ...(channels.length > 0 && { channels }) };
}

const members = [
  ['name', 'name'], ['description', 'description'], ['expires', 'expires_at'],
  ['resources', 'resources'], ['scopes', 'scopes'], ['channels', 'channels'],
];

function canonical(member, value) {
  if (member === 'resources') {
    return JSON.stringify(value.map((grant) => [grant.channel, grant.permission]).sort());
  }
  if (member === 'expires') {
    return value === null ? 'never' : String(Number(new Date(value)));
  }
  return JSON.stringify(Array.isArray(value) ? [...value].sort() : value);
}

export function differs(member, a, b) {
  return canonical(member, a[member]) !== canonical(member, b[member]);
}

/// Of PUT: only what is not as in `before`, another draft. An edit may keep
/// what its maker may not hand out.
export function changesOf(draft, before) {
  const kinds = draft.type === 'resource' ? ['scopes', 'channels'] : ['resources'];
  const changes = {};
  for (const [member, name] of members) {
    if (!kinds.includes(member) && differs(member, draft, before)) {
      changes[name] = draft[member];
    }
  }
  if (draft.reissue) {
    changes.reissue = true;
    if (draft.overlap > 0) {
      changes.overlap = draft.overlap;
    }
  }
  return changes;
}

/// What was typed, put upon what somebody else has made of the token since.
export function rebased(draft, before, theirs) {
  const merged = { ...theirs, reissue: draft.reissue, overlap: draft.overlap };
  for (const [member] of members) {
    if (differs(member, draft, before)) {
      merged[member] = draft[member];
    }
  }
  merged.limited = merged.channels.length > 0;
  return merged;
}
