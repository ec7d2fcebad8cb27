# SPDX-License-Identifier: BSD-2-Clause
"""The 37 scopes of the product page, their levels, and what one gives
(section 3, "Scope tokens")."""

LEVELS = ('read', 'write', 'manage')

_TABLE = '''
artifact:create write               artifact:delete manage
artifact:download read              artifact:edit manage
artifact:view read                  channel:create write
channel:delete manage               channel:edit manage
channel:history manage              channel:view read
channel:view-artifacts read         channel.default-channel:edit manage
channel.group:edit manage           channel.group:view read
channel.mirror:edit manage          channel.mirror:view manage
subchannel:create manage            subchannel:delete manage
subchannel:edit manage              subchannel:history manage
subchannel:view read                subchannel:view-artifacts read
subchannel.group:edit manage        subchannel.group:view read
subchannel.mirror:edit manage       subchannel.mirror:view manage
mirror:view manage                  system.license:edit manage
system.license:view manage          cve:edit manage
cve:view read                       role:edit manage
role:view read                      system.settings:edit manage
system:delete-blobs manage          user.token:edit manage
user.token:view manage
'''.split()

LEVEL_OF = dict(zip(_TABLE[0::2], _TABLE[1::2]))

# "except `channel:create` and `channel.default-channel:edit`"
ACCOUNT_WIDE_ALL_THE_SAME = ('channel:create', 'channel.default-channel:edit')


def reaches(held, needed):
    """Levels are ordered: read < write < manage. held may be None."""
    return held is not None and LEVELS.index(held) >= LEVELS.index(needed)


def category(scope):
    """The text before `:`."""
    return scope.partition(':')[0]


def is_bound_to_channel(scope):
    """`artifact:*`, `channel*`, `subchannel*`, with two exceptions."""
    return (scope.startswith(('artifact:', 'channel', 'subchannel'))
            and scope not in ACCOUNT_WIDE_ALL_THE_SAME)


def gives(held, wanted, scope_levels):
    """Whether one held scope gives a wanted one: exactly its action; with
    psm_token_scope_levels every one of its category at or below its level."""
    if held not in LEVEL_OF:        # "unknown scopes grant nothing"
        return False
    if held == wanted:
        return True
    return (scope_levels and category(held) == category(wanted)
            and reaches(LEVEL_OF[held], LEVEL_OF[wanted]))


def suits_floor(held, level, scope_levels):
    """Whether a held scope meets `psm_token_require read|write|manage`: it is
    of that level, in one of three categories, `channel:create` apart. With
    psm_token_scope_levels its level reaches that one."""
    if (held not in LEVEL_OF or held == 'channel:create'
            or category(held) not in ('artifact', 'channel', 'subchannel')):
        return False
    if scope_levels:
        return reaches(LEVEL_OF[held], level)
    return LEVEL_OF[held] == level
