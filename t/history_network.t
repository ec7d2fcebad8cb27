#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T86, T87: the bound, while the way to Redis fails. Clients ask two workers all
# the time, tokens are revoked, issued and channels closed before, during and
# behind each fault; no request that began later than acknowledgement + lease is
# allowed, none is refused that is good, a worker that has learnt something does
# not forget it, and 503 is there for the fault alone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Campaign;
use PSM::FaultProxy;
use PSM::Gate;
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'history: network', workers => 2);
$t->start_redis;
my $proxy = PSM::FaultProxy->start(dir => $t->dir . '/private/proxy',
	to => $t->redis_server->{socket});
my $c = PSM::Campaign->new($t, redis => $proxy->address);
ok($c->start, 'each worker is well');

my $heal = sub { $proxy->heal };
my $calls = 0;
my $listen = sub { $proxy->listen };

# kind, direction, rule
sub rule { my @rule = @_; return sub { $proxy->rule(@rule) } }

for my $case (
	['calm' => sub {}, sub {}],
	['a black hole' => rule(all => both => { hold => 1 }), $heal,
		unavailable => 1, length => 2.6],
	['a black hole for the stream' => rule(stream => both => { hold => 1 }),
		$heal],
	['a black hole for what the stream tells' =>
		rule(stream => down => { hold => 1 }), $heal],
	['a black hole for look-ups' => rule(data => both => { hold => 1 }), $heal,
		unavailable => 1, length => 2.6],
	['answers are late, changes are not' =>
		rule(data => down => { delay => 400 }), $heal, unavailable => 1],
	['changes are late, answers are not' =>
		rule(stream => down => { delay => 400 }), $heal],
	['changes are later than the lease' =>
		rule(stream => down => { delay => 700 }), $heal],
	# What is answered late proves less: it counts from when it was asked.
	['changes are late, then they stop' => sub {
		$proxy->rule(stream => down => { delay => 450 }); sleep 1; $calls = 0 },
		$heal, during => sub { $calls++ == 6 && $proxy->rule(stream => both =>
			{ hold => 1 }) }],
	['the stream is refused' => sub { $proxy->refuse; $proxy->cut('stream') },
		$listen],
	['all is refused' => sub { $proxy->refuse; $proxy->cut }, $listen,
		unavailable => 1],
	['the stream is cut all the time' => sub {}, sub {},
		during => sub { $proxy->cut('stream') }],
	['all is reset all the time' => sub {}, sub {},
		during => sub { $proxy->reset }, unavailable => 1],
	['a byte in ten milliseconds' => rule(all => down => { slice => 10 }), $heal,
		unavailable => 1],
) {
	my ($name, $begin, $end, %arg) = @$case;
	$c->survives("T87 $name", $begin, $end, %arg);
}

$proxy->stop;
$t->finish;
