#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What a worker remembers of Redis: for how long, how much, and that many
# requests which need the same thing ask for it once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(all_at_once answers_of cache_is gets_of reload_whole
	until_status);
use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Token qw(new_token);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = PSM::Gate->new(name => 'cache');
$t->start_redis;
$t->file('main/noarch/repodata.json', '{}');
$t->file('strict/main/noarch/repodata.json', '{}');

# A worker with fresh caches of this kind. Redis has time to be slow.
sub cache_conf {
	my ($cache) = @_;

	$t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
psm_token_cache $cache;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	psm_token_base / /strict/;
	add_header X-Cache \$psm_token_cache always;
	location /strict/ { psm_token_strict on; }
}
EOC
}

sub restart_with {
	my ($cache) = @_;
	cache_conf($cache);
	reload_whole($t);
}

sub path_of { return "/t/$_[0]/main/noarch/repodata.json" }

sub ask { return $t->get(path_of($_[0])) }

sub issue { return $t->add_token(resources => { main => 'read' }, @_) }

sub sleep_until {
	my ($end) = @_;
	sleep $end - time if $end > time;
}

# ---- a long life ----

cache_conf('max=1000 valid=1h negative=1h');
$t->start_nginx;

my $token = issue();
cache_is($t, ask($token), 200, 'MISS', 'the first request asks');
cache_is($t, ask($token), 200, 'HIT', 'the second does not');
is(gets_of($t, $t->token_key($token)), 1, 'one look-up');

my $unknown = $t->unknown_token;
cache_is($t, ask($unknown), 401, 'MISS', 'an unknown token is asked for');
cache_is($t, ask($unknown), 401, 'NEGATIVE', 'and remembered as unknown');
is(gets_of($t, $t->token_key($unknown)), 1, 'one look-up');

my $broken = issue(raw => '{"v":1}');
cache_is($t, ask($broken), 401, 'MISS', 'a broken record is asked for');
my $r = ask($broken);
cache_is($t, $r, 401, 'NEGATIVE', 'and remembered as broken');
answer_is($r, 401, 'record_invalid', 'with its own reason');

cache_is($t, $t->get('/main/noarch/repodata.json'), 401, '-',
	'no token: nothing to remember');

# The clock decides, whatever is cached.
my $expires = time + 3;
my $short = issue(expires => int $expires);
cache_is($t, ask($short), 200, 'MISS', 'a token near its end');
sleep_until(int($expires) + 0.1);
$r = ask($short);
cache_is($t, $r, 401, 'HIT', 'is judged by the clock');
answer_is($r, 401, 'token_expired', 'and has expired');
is(gets_of($t, $t->token_key($short)), 1, 'without another look-up');

# Strict.
my $before = gets_of($t, $t->token_key($token));
cache_is($t, $t->get('/strict' . path_of($token)), 200, 'BYPASS',
	'strict asks although the token is cached') for 1 .. 3;
is(gets_of($t, $t->token_key($token)) - $before, 3, 'each time');
$t->revoke($token);
answer_is($t->get('/strict' . path_of($token)), 401, 'token_disabled',
	'strict sees a deletion at once');

# ---- a short life ----

restart_with('max=1000 valid=2s negative=1s');
$token = issue();
cache_is($t, ask($token), 200, 'MISS', 'a new worker asks');
$t->revoke($token);
my $revoked = time;
until_status(sub { ask($token) }, 401, 5);    # use does not lengthen its life
sleep_until($revoked + 2.05);
answer_is(ask($token), 401, 'token_disabled',
	'a deleted token is dead after valid=');
cmp_ok(gets_of($t, $t->token_key($token)), '<=', 4, 'and was cached until then');

$unknown = $t->unknown_token;
answer_is(ask($unknown), 401, 'token_unknown', 'not issued yet');
my $issued = time;
issue(token => $unknown);
sleep_until($issued + 1.05);
is(ask($unknown)->{status}, 200, 'a token works negative= after it is issued');

# ---- none ----

restart_with('off');
$token = issue();
cache_is($t, ask($token), 200, 'BYPASS', 'psm_token_cache off asks') for 1 .. 3;
is(gets_of($t, $t->token_key($token)), 3, 'each time');
answer_is(ask($t->unknown_token), 401, 'token_unknown', 'and is not fooled');

# ---- a small one ----

restart_with('max=2 valid=1h negative=1h');
my ($first, $second, $third) = map { issue() } 1 .. 3;
cache_is($t, ask($first), 200, 'MISS', 'the first of two places');
cache_is($t, ask($second), 200, 'MISS', 'the second of two places');
cache_is($t, ask($first), 200, 'HIT', 'the first is used');
cache_is($t, ask($third), 200, 'MISS', 'a third token takes a place');
cache_is($t, ask($first), 200, 'HIT', 'what was used stays');
cache_is($t, ask($third), 200, 'HIT', 'what is new stays');
cache_is($t, ask($second), 200, 'MISS', 'what was not used went');

restart_with('max=10 valid=1h negative=1h');
my @good = map { issue() } 1 .. 10;
is(scalar(grep { ask($_)->{status} != 200 } @good), 0, '10 good tokens');
my @bad = map { new_token() } 1 .. 100;
is(scalar(grep { ask($_)->{status} != 401 } @bad), 0,
	'100 unknown ones are refused');
is(scalar(grep { $t->header(ask($_), 'X-Cache') ne 'HIT' } @good), 0,
	'and the good ones are still cached');
cache_is($t, ask($bad[0]), 401, 'MISS', 'unknown ones are bounded too');

# ---- one look-up for many ----

restart_with('max=1000 valid=1h negative=1h');
$token = issue();
my $channel_before = gets_of($t, 'psm:c:main');
$t->redis_server->pause;
my @sockets = all_at_once($t, (path_of($token)) x 100);
sleep 0.3;
$t->redis_server->resume;
my @answers = answers_of($t, @sockets);
is(scalar(grep { $_->{status} == 200 } @answers), 100,
	'100 requests at once are answered');
is(gets_of($t, $t->token_key($token)), 1, 'with one look-up of the token');
is(gets_of($t, 'psm:c:main') - $channel_before, 1,
	'and one of the channel');

# A strict request does not trust a look-up that began before it.
my $other = issue();
$t->redis_server->pause;
@sockets = all_at_once($t, path_of($other));
sleep 0.3;
push @sockets, all_at_once($t, '/strict' . path_of($other));
sleep 0.3;
$t->redis_server->resume;
is(scalar(grep { $_->{status} == 200 } answers_of($t, @sockets)), 2,
	'a usual and a strict request are answered');
is(gets_of($t, $t->token_key($other)), 2, 'the strict one asked by itself');

$t->finish;
