#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T86, T87: the bound, while packets vanish: Redis runs on another host of a
# network of this test's own, and what is sent to it, what it sends, or both is
# dropped without a word, so that connections are half open. Tokens are revoked
# there meanwhile. And a connection that is made anew into the silence.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Netns;
BEGIN { PSM::Netns::enter() }

use PSM::Campaign;
use PSM::Gate;
use PSM::Outage;
use Test::More;

my $t = PSM::Gate->new(name => 'history: netns', workers => 2);
my $host = PSM::Netns->new;
my $redis = $t->start_redis(tcp => 1, wrap => [$host->wrap],
	args => ['--bind', $host->address, '--protected-mode', 'no']);
my $c = PSM::Campaign->new($t,
	redis => 'redis://' . $host->address . ":$redis->{port}", timeout => 0.5);
ok($c->start, 'each worker is well');

my $heal = sub { $host->heal };
my $flap = 0;

for my $case (
	['nothing passes' => sub { $host->cut }, $heal],
	['nothing arrives at Redis' => sub { $host->cut('in') }, $heal],
	['nothing comes from Redis' => sub { $host->cut('out') }, $heal],
	['now and then' => sub {}, $heal, during => sub {
		$flap++ % 4 == 0 ? $host->cut : $flap % 4 == 3 && $host->heal },
		length => 3],
	# New connections are made into the silence.
	['nothing passes, and all connections are gone' => sub {
		$t->redis(qw(CLIENT KILL TYPE pubsub)); $host->cut }, $heal],
) {
	my ($name, $begin, $end, %arg) = @$case;
	$c->survives("T87 $name", $begin, $end, unavailable => 1, %arg);
}

$t->finish;
