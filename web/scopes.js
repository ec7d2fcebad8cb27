// SPDX-License-Identifier: BSD-2-Clause
//
// The 37 scopes, in the order of the product's table: name, level, category,
// and what they let one do.

const rows = [
  ['artifact:create', 'write', 'Artifacts', 'upload packages'],
  ['artifact:delete', 'manage', 'Artifacts', 'delete packages'],
  ['artifact:download', 'read', 'Artifacts', 'download packages'],
  ['artifact:edit', 'manage', 'Artifacts', 'edit packages'],
  ['artifact:view', 'read', 'Artifacts', 'see packages'],
  ['channel:create', 'write', 'Channels', 'create channels'],
  ['channel:delete', 'manage', 'Channels', 'delete channels'],
  ['channel:edit', 'manage', 'Channels', 'edit channels'],
  ['channel:history', 'manage', 'Channels', 'see the history of channels'],
  ['channel:view', 'read', 'Channels', 'see channels'],
  ['channel:view-artifacts', 'read', 'Channels', 'read the index of channels'],
  ['channel.default-channel:edit', 'manage', 'Default Channel', 'change the default channel'],
  ['channel.group:edit', 'manage', 'Channel groups', 'edit the groups of channels'],
  ['channel.group:view', 'read', 'Channel groups', 'see the groups of channels'],
  ['channel.mirror:edit', 'manage', 'Channel mirrors', 'edit the mirrors of channels'],
  ['channel.mirror:view', 'manage', 'Channel mirrors', 'see the mirrors of channels'],
  ['subchannel:create', 'manage', 'Subchannels', 'create subchannels'],
  ['subchannel:delete', 'manage', 'Subchannels', 'delete subchannels'],
  ['subchannel:edit', 'manage', 'Subchannels', 'edit subchannels'],
  ['subchannel:history', 'manage', 'Subchannels', 'see the history of subchannels'],
  ['subchannel:view', 'read', 'Subchannels', 'see subchannels'],
  ['subchannel:view-artifacts', 'read', 'Subchannels', 'read the index of subchannels'],
  ['subchannel.group:edit', 'manage', 'Subchannel groups', 'edit the groups of subchannels'],
  ['subchannel.group:view', 'read', 'Subchannel groups', 'see the groups of subchannels'],
  ['subchannel.mirror:edit', 'manage', 'Subchannel mirrors', 'edit the mirrors of subchannels'],
  ['subchannel.mirror:view', 'manage', 'Subchannel mirrors', 'see the mirrors of subchannels'],
  ['mirror:view', 'manage', 'Mirrors', 'see all mirrors'],
  ['system.license:edit', 'manage', 'Licenses', 'edit the licence'],
  ['system.license:view', 'manage', 'Licenses', 'see the licence'],
  ['cve:edit', 'manage', 'CVEs', 'edit CVEs'],
  ['cve:view', 'read', 'CVEs', 'see CVEs'],
  ['role:edit', 'manage', 'Roles', 'edit roles'],
  ['role:view', 'read', 'Roles', 'see roles'],
  ['system.settings:edit', 'manage', 'System blobs', 'edit the settings'],
  ['system:delete-blobs', 'manage', 'System blobs', 'delete blobs'],
  ['user.token:edit', 'manage', 'Tokens', 'make and change tokens of its owner'],
  ['user.token:view', 'manage', 'Tokens', 'see tokens of its owner'],
];

export const scopes = rows.map(([name, level, category, ability]) => ({ name, level, category, ability }));

const byName = new Map(scopes.map((scope) => [scope.name, scope]));

/// A record may hold scopes that are not known here; they grant nothing.
export function findScope(name) {
  return byName.get(name) ?? { name, level: 'unknown', category: 'Unknown', ability: `nothing (${name} is unknown)` };
}

/// What most tokens are for.
export const presets = [
  { name: 'conda read', scopes: ['artifact:download', 'channel:view-artifacts', 'subchannel:view-artifacts'] },
  {
    name: 'CI publish',
    scopes: ['artifact:create', 'artifact:download', 'channel:view-artifacts', 'subchannel:view-artifacts'],
  },
];

export const levels = ['read', 'write', 'manage'];

export const levelAbility = {
  read: 'download packages from',
  write: 'download and upload packages in',
  manage: 'download, upload, edit and delete packages, and change settings, in',
};

// What makes a level on a channel, as the API judges it.
const makers = {
  read: ['artifact:download', 'channel:view-artifacts'],
  write: ['artifact:download', 'channel:view-artifacts', 'artifact:create'],
  manage: ['artifact:download', 'channel:view-artifacts', 'artifact:create', 'artifact:edit', 'artifact:delete',
    'channel:edit'],
};

export function levelMadeBy(names) {
  return levels.findLast((level) => makers[level].every((name) => names.includes(name))) ?? null;
}
