#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T86: the way to Redis fails: refused, reset, slow, a black hole, a byte a
# second, bytes that are others. What the gate does not know is 503, and says
# when to come back; what it knows it serves while the lease lasts; and then all
# is well again by itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(until_status);
use PSM::FaultProxy;
use PSM::Gate;
use PSM::Outage;
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'outage: network');
$t->start_redis;
my $proxy = PSM::FaultProxy->start(dir => $t->dir . '/private/proxy',
	tcp => 1, to => $t->redis_server->{socket});
my $o = PSM::Outage->new($t, redis => $proxy->address);
$o->start;

# ---- blips ----

# A connection that ends while nobody waits, or under a look-up, is no outage.
for my $case (
	['closed' => sub { $proxy->cut('all') }],
	['reset' => sub { $proxy->reset('all') }],
	['closed halfway' => sub { $proxy->half_close('all', 'down') }],
	['the data connection closed' => sub { $proxy->cut('data') }],
	['the data connection reset' => sub { $proxy->reset('data') }],
) {
	my ($name, $fault) = @$case;
	my @statuses = map { $fault->(); $o->ask($o->issue)->{status} } 1 .. 3;
	is("@statuses", '200 200 200', "$name: made again, and nobody notices");
	sleep 0.1;
}

# ---- outages ----

sub every { my ($rule) = @_; return sub { $proxy->rule(all => both => $rule) } }

my $heal = sub { $proxy->heal };
my $listen = sub { $proxy->listen };

for my $case (
	['refused' => sub { $proxy->refuse; $proxy->cut }, $listen],
	['taken and ended' => sub { $proxy->refuse('accepted'); $proxy->reset },
		$listen],
	['slow' => every({ delay => 600 }), $heal],
	['a black hole' => every({ hold => 1 }), $heal],
	['a black hole for what Redis says' =>
		sub { $proxy->rule(all => down => { hold => 1 }) }, $heal],
	['a black hole for what is asked' =>
		sub { $proxy->rule(all => up => { hold => 1 }) }, $heal],
	['one byte a second' =>
		sub { $proxy->rule(all => down => { slice => 1000 }) }, $heal],
	['another byte' => sub { $proxy->rule(all => down => { corrupt => 0 }) },
		$heal],
) {
	my ($name, $begin, $end, %arg) = @$case;
	$o->survives("T86 $name", $begin, $end, %arg);
}

$proxy->stop;
$t->finish;
