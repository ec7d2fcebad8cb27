#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T86: what is fresh is served while the lease lasts, whatever fails: reads and
# writes, a "yes" and a "no", through every fault that says nothing of a change.
# The lease is eight seconds here, so that no deadline on the way can use it up,
# and the stream's PINGs, one a second, meet each fault.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(code_of);
use PSM::FaultProxy;
use PSM::Gate;
use PSM::Outage;
use PSM::Process qw(wait_for);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'outage: fresh');
my $redis = $t->start_redis(args => [qw(--busy-reply-threshold 50
	--appendonly yes --appendfsync always)]);
my $proxy = PSM::FaultProxy->start(dir => $t->dir . '/private/proxy',
	to => $redis->{socket});
my $o = PSM::Outage->new($t, redis => $proxy->address, lease => '8s');
$o->start;

sub rule { my @rule = @_; return sub { $proxy->rule(@rule) } }

my $heal = sub { $proxy->heal };

for my $case (
	['all is refused' => sub { $proxy->refuse; $proxy->cut },
		sub { $proxy->listen }],
	['all is reset' => sub { $proxy->refuse('accepted'); $proxy->reset },
		sub { $proxy->listen }],
	['a black hole' => rule(all => both => { hold => 1 }), $heal],
	['slow' => rule(all => both => { delay => 600 }), $heal],
	['one byte a second' => rule(all => down => { slice => 1000 }), $heal],
	['killed' => sub { $redis->kill }, sub { $redis->restart }],
	['frozen' => sub { $redis->pause }, sub { $redis->resume }],
	['CLIENT PAUSE' => sub { $t->redis(qw(CLIENT PAUSE 2500 ALL)) },
		sub { $t->redis('PING') }],
	['busy with a script' => sub { $redis->busy }, sub { $redis->not_busy }],
	['full of clients' => sub { $t->redis(qw(CONFIG SET maxclients 1));
		$proxy->cut }, sub { $t->redis(qw(CONFIG SET maxclients 1000)) }],
) {
	my ($name, $begin, $end) = @$case;
	my ($writer, $nobody) = ($o->issue('write'), $t->unknown_token);
	for my $token ($writer, $nobody) {
		wait_for(sub { $o->cache_of($o->ask($token)) =~ /HIT|NEGATIVE/ }, 10);
	}
	$begin->();
	$o->unavailable(sub { $o->ask($o->{never} //= $t->unknown_token) },
		"T86 $name: who is not known");
	my %seen;
	for (1 .. 8) {    # over more than a second
		for (['GET', $writer], ['PUT', $writer], ['GET', $nobody]) {
			my ($method, $token) = @$_;
			my $r = $o->ask($token, $method);
			$seen{ join ' ', $method, $r->{status}, $o->cache_of($r) }++;
		}
		sleep 0.15;
	}
	is_deeply(\%seen, { 'GET 200 HIT' => 8, 'PUT 405 HIT' => 8,
		'GET 401 NEGATIVE' => 8 }, '  who is fresh is served, and refused')
		or diag(explain(\%seen));
	$end->();
	$o->is_well('  all is well again');
	delete $o->{never};
}

$proxy->stop;
$t->finish;
