#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T15, T86: while Redis is frozen, whoever does not need it does not wait for it:
# plain requests of the same worker, and tokens that it has in its cache. The
# slowest of many, with dozens of look-ups waiting beside them, is compared with
# the slowest of as many while Redis is well: half a second more is a stall, the
# rest a busy machine. And no look-up outlives its deadline, whatever Redis does.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(all_at_once answers_of);
use PSM::FaultProxy;
use PSM::Gate;
use PSM::Load;
use PSM::Outage;
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'outage: others');
$t->start_redis;
my $proxy = PSM::FaultProxy->start(dir => $t->dir . '/private/proxy',
	to => $t->redis_server->{socket});

# The lease is long, so that the cache serves all the time.
my $o = PSM::Outage->new($t, redis => $proxy->address, timeout => '400ms',
	lease => '60s');
$o->start;

# Seconds that requests for a path took: the slowest, and the one in the middle.
sub times_of {
	my ($path, $status, $n, $beside) = @_;

	my (@took, %seen);
	for my $i (1 .. $n) {
		$beside->() if $i % 20 == 1;
		my $seen = PSM::Load::ask($t->port, $path, { limit => 10 });
		$seen{ $seen->{status} }++;
		push @took, $seen->{end} - $seen->{start};
	}
	is_deeply(\%seen, { $status => $n }, "  $n times $status");
	@took = sort { $a <=> $b } @took;
	return @took[-1, $#took / 2];
}

# name, how it begins, how it ends.
my $all = sub { my ($rule) = @_; sub { $proxy->rule(all => both => $rule) } };
my $heal = sub { $proxy->heal };
my @faults = (
	['well' => sub {}, sub {}],
	['frozen' => sub { $t->redis_server->pause },
		sub { $t->redis_server->resume }],
	['a black hole' => $all->({ hold => 1 }), $heal],
	['one byte a second' => $all->({ slice => 1000 }), $heal],
	['reset all the time' => sub { $proxy->refuse('accepted'); $proxy->reset },
		sub { $proxy->listen }],
);

my %well;
for my $fault (@faults) {
	my ($name, $begin, $end) = @$fault;
	my @unknown = map { $t->unknown_token } 1 .. 8;
	my @parked;
	my $beside = $name eq 'well' ? sub {} : sub {
		push @parked, all_at_once($t, map { $o->path($_) } @unknown);
	};
	$begin->();
	for my $case (
		['plain', '/plain', 204], ['cached', $o->path($o->{cached}), 200],
	) {
		my ($what, $path, $status) = @$case;
		my ($slowest, $middle) = times_of($path, $status, 100, $beside);
		$well{$what} //= $slowest;
		note(sprintf '%s, %s: slowest %.1f ms, middle %.1f ms, %.1f ms when well',
			$name, $what, map { 1000 * $_ } $slowest, $middle, $well{$what});
		cmp_ok($slowest, '<', $well{$what} + 0.5, "T15 $name: $what");
	}

	# A look-up's own deadline, with all others waiting.
	my $took = 0;
	for (1 .. 5) {
		my $seen = PSM::Load::ask($t->port, $o->path($unknown[0]),
			{ limit => 10 });
		my $time = $seen->{end} - $seen->{start};
		$took = $time if $time > $took;
		is($seen->{status}, 503, '  not known') if $name ne 'well' && $_ == 1;
	}
	note(sprintf '%s: the longest look-up took %.1f ms', $name, 1000 * $took);
	cmp_ok($took, '<', 2.5, "T86 $name: a look-up ends in time");
	my %seen;
	$seen{ $_->{status} }++ for answers_of($t, @parked);
	is_deeply(\%seen, { @parked ? (503 => scalar @parked) : () },
		'  and each of those beside it got its 503');
	$end->();
	$o->is_well('  all is well again');
}

$proxy->stop;
$t->finish;
