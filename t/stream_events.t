#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Every way in which a record can change reaches every worker by its stream.
# Nothing else could tell them here: what is cached lives for an hour, the lease
# is a minute, and no connection ends.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use PSM::Workers qw(cached_by_all learnt_by_all said_by server_for_workers
	streams_are subscribers);
use Test::More;
use Time::HiRes qw(sleep);

use constant WORKERS => 2;

my $t = PSM::Gate->new(name => 'stream: events', workers => WORKERS);
$t->start_redis(args => [qw(--enable-debug-command local)]);
my $file = 'noarch/repodata.json';
$t->file("$_/$file", '{}') for qw(main open shut);
$t->write_conf('psm_token_cache max=1000 valid=1h negative=1h lease=60s;'
	. server_for_workers());
$t->start_nginx;
streams_are($t, WORKERS, 'each worker has a stream');
my @streams = sort map { $_->{id} } subscribers($t);

sub issue { return $t->add_token(resources => { main => 'read' }, @_) }

sub asks {
	my ($token) = @_;
	return sub { $t->get("/t/$token/main/$file") };
}

# A token that each worker has in its cache.
sub cached_token {
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $token = issue();
	cached_by_all($t, asks($token), "$name: a token that all know");
	return $token;
}

my $unknown = qr/^401 \w+ token_unknown/;

# ---- what happens to one key ----

# name, what is done (the key, the token), what is answered then.
for my $case (
	['a tombstone' => sub { $t->revoke($_[1]) }, qr/^401 \w+ token_disabled/],
	['disabled' => sub { $t->edit_token($_[1], disabled => JSON::PP::true) },
		qr/^401 \w+ token_disabled/],
	['another channel' => sub { $t->edit_token($_[1],
		resources => { other => 'read' }) }, qr/^403 \w+ channel_not_granted/],
	['expired' => sub { $t->edit_token($_[1], expires => time - 1) },
		qr/^401 \w+ token_expired/],
	['a record that is none' => sub { $t->redis('SET', $_[0], '{}') },
		qr/^401 \w+ record_invalid/],
	['another type' => sub { $t->redis('DEL', $_[0]);
		$t->redis('LPUSH', $_[0], 'x') }, qr/^503 \w+ store_unavailable/],
	['DEL' => sub { $t->redis('DEL', $_[0]) }, $unknown],
	['UNLINK' => sub { $t->redis('UNLINK', $_[0]) }, $unknown],
	['GETDEL' => sub { $t->redis('GETDEL', $_[0]) }, $unknown],
	['RENAME away' => sub { $t->redis('RENAME', $_[0], 'elsewhere') }, $unknown],
	['MOVE away' => sub { $t->redis('MOVE', $_[0], 3) }, $unknown],
	['an expiry that is over' =>
		sub { $t->redis('PEXPIREAT', $_[0], 1) }, $unknown],
	['an expiry that comes' => sub { $t->redis('PEXPIRE', $_[0], 20) }, $unknown],
	['a script' => sub { $t->redis('EVAL', 'redis.call("SET", "psm:t:else", 1)
		return redis.call("DEL", KEYS[1])', 1, $_[0]) }, $unknown],
	['a transaction' => sub { $t->redis('MULTI'); $t->redis('SET', 'x', 1);
		$t->redis('DEL', $_[0]); $t->redis('EXEC') }, $unknown],
	['APPEND' => sub { $t->redis('APPEND', $_[0], 'x') },
		qr/^401 \w+ record_invalid/],
) {
	my ($name, $change, $pattern) = @$case;
	my $token = cached_token($name);
	$change->($t->token_key($token), $token);
	learnt_by_all($t, asks($token), $pattern, '  all learn of it');
}

# ---- another record takes its place ----

for my $command (qw(RENAME COPY)) {
	my $token = cached_token("$command onto it");
	my $other = issue(disabled => JSON::PP::true);
	$t->redis($command, map({ $t->token_key($_) } $other, $token),
		$command eq 'COPY' ? 'REPLACE' : ());
	learnt_by_all($t, asks($token), qr/^401 \w+ token_disabled/,
		'  all learn of it');
}

# ---- a token comes to be ----

my $newborn = $t->unknown_token;
cached_by_all($t, asks($newborn), 'not issued yet: all know');
issue(token => $newborn);
learnt_by_all($t, asks($newborn), qr/^200/, '  issued: all learn of it');
my $broken = issue(raw => '{"v":1}');
cached_by_all($t, asks($broken), 'a broken record: all know');
issue(token => $broken);
learnt_by_all($t, asks($broken), qr/^200/, '  mended: all learn of it');

# ---- privacy ----

sub anonymous {
	my ($channel) = @_;
	return sub { $t->get("/$channel/$file") };
}

# There is no X-Cache without a token: asked often enough, each has it.
for my $step (
	['public' => qr/^200/], ['private' => qr/^401/], ['public' => qr/^200/],
	[undef, qr/^401/], ['authenticated' => qr/^401/], ['public' => qr/^200/],
) {
	my ($privacy, $pattern) = @$step;
	defined $privacy ? $t->set_channel('open', $privacy)
		: $t->redis('DEL', 'psm:c:open');
	learnt_by_all($t, anonymous('open'), $pattern,
		'a channel becomes ' . ($privacy // 'what is usual')) for 1 .. 2;
}
$t->set_channel('open/dev', 'private');
learnt_by_all($t, sub { $t->get("/open/dev/$file") }, qr/^401/,
	'a subchannel of its own privacy');

# ---- many at once ----

my @many = map { issue() } 1 .. 50;
cached_by_all($t, asks($_), 'one of many') for @many[0, 25, 49];
$t->redis('EVAL', 'for i = 1, 20000 do redis.call("SET", "psm:t:x" .. i, i) end
	for _, key in ipairs(KEYS) do redis.call("DEL", key) end', scalar @many,
	map { $t->token_key($_) } @many);
learnt_by_all($t, asks($_), $unknown, '  one of 20,050 changes at once')
	for @many[0, 25, 49];

# ---- all of them ----

for my $case (
	['FLUSHALL' => sub { $t->redis('FLUSHALL') }],
	['FLUSHDB' => sub { $t->redis('FLUSHDB') }],
	['FLUSHALL ASYNC' => sub { $t->redis('FLUSHALL', 'ASYNC') }],
	['FLUSHDB ASYNC' => sub { $t->redis('FLUSHDB', 'ASYNC') }],
	['eviction' => sub {
		$t->redis(qw(CONFIG SET maxmemory-policy allkeys-random maxmemory 1));
		$t->redis('PING') for 1 .. 200;
		is($t->redis('DBSIZE'), 0, '  all is evicted');
		$t->redis(qw(CONFIG SET maxmemory 0)) }],
	['eviction of what may expire' => sub {
		$t->redis('EXPIRE', $_, 1000) for @{ $t->redis('KEYS', '*') };
		$t->redis(qw(CONFIG SET maxmemory-policy volatile-ttl maxmemory 1));
		$t->redis('PING') for 1 .. 200;
		$t->redis(qw(CONFIG SET maxmemory 0)) }],
) {
	my ($name, $change) = @$case;
	my $token = cached_token($name);
	$change->();
	learnt_by_all($t, asks($token), $unknown, '  all learn of it');
}

# ---- what changes nothing ----

# They may cost a look-up, and no more.
for my $case (
	['SET of the same' => sub { $t->redis('SET', $_[0],
		$t->redis('GET', $_[0])) }],
	['an expiry that is far' => sub { $t->redis('EXPIRE', $_[0], 10_000) }],
	['another database' => sub { $t->redis('SELECT', 3);
		$t->redis('SET', $_[0], 'x'); $t->redis('SELECT', 0) }],
	['DEBUG RELOAD' => sub { $t->redis(qw(DEBUG RELOAD)) }],
	["somebody's PUBLISH" => sub { $t->redis('PUBLISH',
		'__redis__:invalidate', $_[0]) }],
	['a PUBLISH of nothing' => sub { $t->redis('PUBLISH',
		'__redis__:invalidate', '') }],
) {
	my ($name, $change) = @$case;
	my $token = cached_token($name);
	$change->($t->token_key($token));
	my %seen;
	$seen{ said_by($t, asks($token)->()) }++ for 1 .. 40;
	delete @seen{'200 HIT', '200 MISS'};
	is_deeply(\%seen, {}, '  it is as good as before');
	cached_by_all($t, asks($token), '  and cached again');
}

is_deeply([sort map { $_->{id} } subscribers($t)], \@streams,
	'all that on the same connections');
unlike($t->log_text, qr/psm token: .*(?:unavailable|lost)/, 'without a word');
$t->finish;
