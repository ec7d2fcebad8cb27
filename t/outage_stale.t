#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T86: psm_token_cache stale=. When the lease is over and Redis does not answer,
# what was believed until then is served as STALE: reads alone, not for longer
# than that, not what has expired meanwhile, not what was invalidated, not what
# was never known, and not where Redis is asked each time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(until_status);
use PSM::Check qw(code_of);
use PSM::FaultProxy;
use PSM::Gate;
use PSM::Load;
use PSM::Outage;
use PSM::Process qw(wait_for);
use Test::More;
use Time::HiRes qw(sleep);

use constant { LEASE => 1, STALE => 4 };

my $t = PSM::Gate->new(name => 'outage: stale');
$t->start_redis;
my $proxy = PSM::FaultProxy->start(dir => $t->dir . '/private/proxy',
	to => $t->redis_server->{socket});
my $o = PSM::Outage->new($t, redis => $proxy->address,
	cache => 'stale=' . STALE . 's', conf => <<'EOC');
	location /strict/ { psm_token_strict on; alias %%ROOT%%/; }
	psm_token_base / /strict/;
EOC
my $file = 'noarch/repodata.json';
$t->file("open/$file", '{}');
$t->set_channel('open', 'public');

# The status, where it came from, and why not.
sub answer {
	my ($r) = @_;
	return join ' ', grep { length } $r->{status}, $o->cache_of($r), code_of($r);
}

sub ask_is {
	my ($token, $method, $wanted, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $got = answer($o->ask($token, $method));
	return like($got, qr/^(?:$wanted)$/, $name);
}

# Until the token is served from the cache.
sub cached {
	my ($token) = @_;
	wait_for(sub { $o->cache_of($o->ask($token)) =~ /HIT|NEGATIVE/ }, 10);
	return $token;
}

# Until the lease is over, for a token that is cached: what it got until then.
sub wait_lease_over {
	my ($token) = @_;

	my %seen;
	wait_for(sub {
		my $r = $o->ask($token);
		$seen{ answer($r) }++;
		return $o->cache_of($r) ne 'HIT';
	}, 10);
	return \%seen;
}

$o->start;

# ---- the way to Redis is a black hole ----

my ($reader, $writer, $revoked, $late) = map { cached($o->issue($_)) }
	qw(read write read read);
my $short = $t->add_token(resources => { main => 'read' },
	expires => time + LEASE + 2);
my $nobody = $t->unknown_token;
my $fresh = $o->issue;
cached($_) for $short, $nobody;
is($t->get("/open/$file")->{status}, 200, 'a public channel is known');
is($t->get("/closed/$file")->{status}, 401, 'and one that is not there');
$t->revoke($revoked);
is(until_status(sub { $o->ask($revoked) }, 401, 5)->{status}, 401,
	'one was revoked, and the worker knows');
cached($_) for $reader, $writer, $late, $short, $nobody;

my $begin = PSM::Load::now();
$proxy->rule(all => both => { hold => 1 });
my $seen = wait_lease_over($reader);
delete @$seen{'200 HIT', '200 STALE'};
is_deeply($seen, {}, 'first from the cache, then STALE');

ask_is($reader, 'GET', '200 STALE', 'a read is served STALE');
ask_is($reader, 'HEAD', '200 STALE', 'HEAD, too');
ask_is($writer, 'GET', '200 STALE', 'who may write may read');
ask_is($writer, $_, '503 \w+ store_unavailable', "but not $_")
	for qw(PUT POST DELETE PATCH);
ask_is($reader, $_, '503 \w+ store_unavailable',
	"$_ that is not allowed anyway is not told so") for qw(PUT DELETE);
# A tombstone is a record like others: what it says may be told.
my $not_allowed = '401 STALE token_disabled|503 \w+ store_unavailable';
ask_is($revoked, 'GET', $not_allowed, 'not who was revoked');
ask_is($nobody, 'GET', '503 \w+ store_unavailable', 'a "no" is not served STALE');
ask_is($fresh, 'GET', '503 \w+ store_unavailable', 'nor who is not known');
is(answer($t->get("/t/$reader/strict/main/$file")),
	'503 BYPASS store_unavailable', 'nor where Redis is asked each time');
is($t->get("/open/$file")->{status}, 200, 'a public channel is read STALE');
is($t->http('PUT', "/open/$file", body => 'x')->{status}, 401,
	'a write without a token is refused as ever');
is($t->get("/closed/$file")->{status}, 503, 'a channel that was not there: 503');
is(answer($t->get("/t/$reader/other/$file")), '503 STALE store_unavailable',
	'nor does a right that was never asked for become a refusal')
	or diag(answer($t->get("/t/$reader/other/$file")));

# Revoked where the worker cannot be told.
$t->revoke($late);
my $acknowledged = PSM::Load::now();
my %last;
while (1) {
	my $now = PSM::Load::now();
	my %got = map { $_->[0] => $o->ask($_->[1])->{status} }
		[reader => $reader], [late => $late], [short => $short];
	$last{$_} = $now for grep { $got{$_} == 200 } keys %got;
	$seen->{$_}++ for values %got;
	last if $got{reader} != 200 || $now > $begin + 20;
	sleep 0.05;
}
delete @$seen{qw(200 401 503)};
is_deeply($seen, {}, 'then 503');
cmp_ok($last{reader} - $begin, '<', LEASE + STALE,
	'nothing is served later than lease + stale');
cmp_ok($last{reader} - $begin, '>', LEASE, 'but something was after the lease');
cmp_ok($last{late} - $acknowledged, '<', LEASE + STALE,
	'one that was revoked meanwhile neither');
cmp_ok($last{short} // 0, '<', $last{reader} - 0.5,
	'one that expired meanwhile went at its time');
like(answer($o->ask($short)), qr/^(?:401 \w+ token_expired|503 )/, 'for good');

$proxy->heal;
$o->is_well('healed: all is well');
ask_is($late, 'GET', '401 \w+ token_disabled', 'the revoked one is refused');

# ---- the stream alone is gone ----

# Redis answers: nothing is served STALE, and a revocation is seen.
($reader, $late) = map { cached($o->issue) } 1 .. 2;
$proxy->rule(stream => both => { hold => 1 });
$t->revoke($late);
$acknowledged = PSM::Load::now();
until_status(sub { $o->ask($late) }, 401, 10);
cmp_ok(PSM::Load::now() - $acknowledged, '<', LEASE + 5,
	'without the stream, a revocation is seen when the lease is over');
my %statuses;
for (1 .. 20) {
	$statuses{ answer($o->ask($reader)) }++;
	sleep 0.02;
}
is_deeply([grep { !/^200 MISS$/ } keys %statuses], [],
	'then each request is a look-up');
$proxy->rule(all => both => { hold => 1 });
$seen = wait_lease_over($reader);
ask_is($late, 'GET', $not_allowed,
	'who was seen to be revoked is not served STALE');
$proxy->heal;
$o->is_well('healed: all is well');

# ---- all was invalidated ----

for my $case (
	['FLUSHALL' => sub { $t->redis('FLUSHALL') }],
	['somebody\'s PUBLISH' =>
		sub { $t->redis('PUBLISH', '__redis__:invalidate', 'x') }],
	['a new subscription' => sub { $proxy->cut('stream') }],
) {
	my ($name, $forget) = @$case;
	my $token = cached($o->issue);
	my $probe = cached($o->issue);
	my $streams = $proxy->connections('stream');
	$forget->();
	# Until the worker has read it.
	wait_for(sub { $o->cache_of($o->ask($probe)) ne 'HIT'
		&& ($name !~ /subscription/
			|| $proxy->open_connections('stream')
			&& $proxy->connections('stream') > $streams) }, 10);
	sleep 0.1;
	$proxy->rule(all => both => { hold => 1 });
	ask_is($token, 'GET', '503 \w+ store_unavailable',
		"$name: nothing is left to be served STALE");
	$proxy->heal;
	$o->{cached} = $o->issue if $name eq 'FLUSHALL';
	$o->is_well('  all is well again');
}

$proxy->stop;
$t->finish;
