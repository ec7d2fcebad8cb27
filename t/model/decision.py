# SPDX-License-Identifier: BSD-2-Clause
"""The decision of section 3: `judge` gives the first reason that applies."""

from functools import lru_cache
from typing import NamedTuple, Optional

import paths
import scopes
import targets
from records import channel_privacy, token_record
from shapes import UNAVAILABLE, Answer
from tokens import claim_of, refused_by_nginx

UNAUTHORIZED = frozenset((
    'token_ambiguous', 'token_masked', 'token_malformed', 'token_unknown',
    'record_invalid', 'token_disabled', 'token_expired', 'token_missing'))
FORBIDDEN = frozenset((
    'action_unknown', 'channel_not_granted', 'scope_missing',
    'level_too_low'))
PASS = frozenset(('granted', 'public'))
REASONS = UNAUTHORIZED | FORBIDDEN | PASS | {'store_unavailable'}

METHOD_LEVEL = {'GET': 'read', 'HEAD': 'read', 'POST': 'write',
                'PUT': 'write', 'PATCH': 'manage', 'DELETE': 'manage'}
METHOD_SCOPE = {'POST': 'artifact:create', 'PUT': 'artifact:create',
                'PATCH': 'artifact:edit', 'DELETE': 'artifact:delete'}


class Need(NamedTuple):
    """What a request needs: any one of the scopes (None: one that suits the
    level), or the level on the channel. level None: a resource token never
    suffices."""

    scopes: Optional[tuple]
    level: Optional[str]
    is_read: bool               # what privacy concerns
    bound: bool                 # whether it is about a channel


class StoreUnavailable(Exception):
    """What is needed could not be read."""


# ---------------------------------------------------- what a request needs --

def need_by_method(method, target):
    """The table under `psm_token_require auto`."""
    level = METHOD_LEVEL[method]
    if level != 'read':
        return Need((METHOD_SCOPE[method],), level, False, True)
    if not target.is_index:
        return Need(('artifact:download',), level, True, True)
    in_subchannel = '/' in target.channel
    view = ('subchannel:view-artifacts' if in_subchannel
            else 'channel:view-artifacts')
    return Need((view, 'artifact:download'), level, True, True)


def need_by_floor(floor, method):
    """read, write, manage: the higher of it and the method's level."""
    level = max(floor, METHOD_LEVEL[method], key=scopes.LEVELS.index)
    return Need(None, level, level == 'read', True)


def need_by_scope(scope):
    """A named scope: never public, and the method plays no part."""
    bound = scopes.is_bound_to_channel(scope)
    return Need((scope,), scopes.LEVEL_OF[scope] if bound else None, False,
                bound)


@lru_cache(maxsize=4096)
def need_of(require, method, target):
    """None: action_unknown."""
    if target.misleading:
        return None
    if require in scopes.LEVEL_OF:
        return need_by_scope(require)
    known = require == 'auto' or require in scopes.LEVELS
    if not known or method not in METHOD_LEVEL or target.channel is None:
        return None
    if require == 'auto':
        return need_by_method(method, target)
    return need_by_floor(require, method)


# ------------------------------------------------------ what a token gives --

def level_held(resources, channel):
    """Of a resource token: the most specific grant wins."""
    if channel is None:
        return None
    for path in targets.with_parents(channel):
        if path in resources:
            return resources[path]
    return None


def within_reach(record, channel):
    """Of a scope token: every channel, or those its record names and what
    lies below."""
    return record.reach is None or any(
        targets.covers(named, channel) for named in record.reach)


def has_a_scope(record, need, scope_levels):
    if need.scopes is None:
        return any(scopes.suits_floor(held, need.level, scope_levels)
                   for held in record.scopes)
    return any(scopes.gives(held, wanted, scope_levels)
               for held in record.scopes for wanted in need.scopes)


def own_right(record, need, channel, config):
    """`granted`, or why the token's own right does not suffice."""
    if need.bound and channel is None:
        return 'channel_not_granted'
    if record.resources is not None:
        if not need.bound:          # "an account-wide one never"
            return 'scope_missing'
        held = level_held(record.resources, channel)
        if held is None:
            return 'channel_not_granted'
        return ('granted' if scopes.reaches(held, need.level)
                else 'level_too_low')
    if need.bound and not within_reach(record, channel):
        return 'channel_not_granted'
    if has_a_scope(record, need, config.scope_levels):
        return 'granted'
    return 'scope_missing'


# ----------------------------------------------------------------- privacy --

def privacy_of(channel, channels, default):
    """The most specific record wins, then its parents', then the default."""
    for path in targets.with_parents(channel):
        text = channels.get(path)
        if text is UNAVAILABLE:
            raise StoreUnavailable
        if text is not None:
            return channel_privacy(text)
    return default


def passes_by_privacy(record, need, privacy, config):
    """What privacy adds to a token without a right of its own."""
    if privacy == 'public':
        return 'public'
    if (privacy == 'authenticated' and record.scopes is not None
            and has_a_scope(record, need, config.scope_levels)):
        return 'granted'
    return None


# ------------------------------------------------------------ the decision --

def bad_token(record, now):
    """Rows four of the table, in their order. None: a good token."""
    if record is None:
        return 'record_invalid'
    if record.disabled:
        return 'token_disabled'
    if record.expires is not None and now >= record.expires:
        return 'token_expired'
    return None


def nobody(case, need, channel):
    """No token: a public read, or token_missing."""
    if need is not None and need.is_read:
        privacy = privacy_of(channel, case.channels, case.config.privacy)
        if privacy == 'public':
            return 'public'
    return 'token_missing'


def somebody(case, need, channel, record):
    """A good token."""
    if need is None:
        return 'action_unknown'
    right = own_right(record, need, channel, case.config)
    if right == 'granted' or not need.is_read:
        return right
    privacy = privacy_of(channel, case.channels, case.config.privacy)
    return passes_by_privacy(record, need, privacy, case.config) or right


def decide(case, claim, target):
    """(reason, the record if the token is good)."""
    if claim.reason:
        return claim.reason, None
    need = need_of(case.config.require, case.method, target)
    if claim.token is None:
        return nobody(case, need, target.channel), None
    text = case.records.get(claim.token)
    if text is UNAVAILABLE:
        raise StoreUnavailable
    if text is None:
        return 'token_unknown', None
    record = token_record(text)
    bad = bad_token(record, case.now)
    if bad:
        return bad, None
    return somebody(case, need, target.channel, record), record


def status_of(reason):
    """The table's second column; 200 for a pass."""
    if reason in PASS:
        return 200
    if reason == 'store_unavailable':
        return 503
    return 401 if reason in UNAUTHORIZED else 403


def judge(case):
    """The Answer to a Case."""
    if refused_by_nginx(case.headers):
        return Answer(400)
    try:
        path = paths.normal(case.target, case.config.merge_slashes)
        taken = paths.take(path, case.config.bases)
        claim = claim_of(taken.tokens, case.headers, case.config)
    except paths.Refused as refused:
        return Answer(refused.status)
    target = targets.of_request(taken, case.config.channel)
    record = None
    try:
        reason, record = decide(case, claim, target)
    except StoreUnavailable:
        reason = 'store_unavailable'
    level = None
    if record is not None and record.resources is not None:
        level = level_held(record.resources, target.channel) or ''
    channel = None if claim.reason else target.channel or ''
    return Answer(status_of(reason), reason, level, channel)
