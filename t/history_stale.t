#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T86, T87: the bound is lease + stale where stale= is set, while Redis is cut off
# and tokens are revoked there: what is served STALE is served until then and no
# longer, and nothing is STALE while Redis answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Campaign;
use PSM::FaultProxy;
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'history: stale', workers => 2);
my $redis = $t->start_redis(args => [qw(--appendonly yes --appendfsync always)]);
my $proxy = PSM::FaultProxy->start(dir => $t->dir . '/private/proxy',
	to => $redis->{socket});
my $c = PSM::Campaign->new($t, redis => $proxy->address, timeout => 0.3,
	stale => 1.2);
ok($c->start, 'each worker is well');

sub rule { my @rule = @_; return sub { $proxy->rule(@rule) } }

my $heal = sub { $proxy->heal };

# name, begin, end; whether anything is served STALE.
for my $case (
	['a black hole' => rule(all => both => { hold => 1 }), $heal, 1,
		unavailable => 1],
	['all is refused' => sub { $proxy->refuse; $proxy->cut },
		sub { $proxy->listen }, 1, unavailable => 1],
	['killed, and started again' => sub { $redis->kill },
		sub { $redis->restart }, 1, unavailable => 1, deaf => 1],
	['the stream alone' => rule(stream => both => { hold => 1 }), $heal, 0],
	['look-ups alone' => rule(data => both => { hold => 1 }), $heal, 0,
		unavailable => 1],
) {
	my ($name, $begin, $end, $stale, %arg) = @$case;
	$c->survives("T86 $name", $begin, $end, length => 2.6, %arg);
	my $n = $c->summary->{cache}{STALE} // 0;
	$stale ? cmp_ok($n, '>', 0, '  some were served STALE')
		: is($n, 0, '  nobody was served STALE');
}

$proxy->stop;
$t->finish;
