#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T86, T102: how workers come back. Each has connections of its own, made by
# itself; the master has none. While Redis cannot be reached each tries again
# after a pause that grows, and of which a part is chance, so that they do not
# come in step; look-ups meanwhile are refused without another attempt, and the
# log has one line when it goes and one when it is back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::FaultProxy;
use PSM::Gate;
use PSM::Load;
use PSM::Outage;
use PSM::Process qw(wait_for);
use Test::More;
use Time::HiRes qw(sleep);

use constant WORKERS => 4;

my $t = PSM::Gate->new(name => 'outage: back-off', workers => WORKERS);
$t->start_redis;
my $proxy = PSM::FaultProxy->start(dir => $t->dir . '/private/proxy',
	to => $t->redis_server->{socket});
my $o = PSM::Outage->new($t, redis => $proxy->address);
$o->start;

# Which process has how many of which kind, as "data new stream".
sub owners {
	my %owner;
	push @{ $owner{ $_->{peer} } }, $_->{kind} for $proxy->open_connections;
	return { map { $_ => join ' ', sort @{ $owner{$_} } } keys %owner };
}

sub own_connections {
	my ($name) = @_;

	my $got;
	my $ok = wait_for(sub {
		my @workers = $t->workers;
		$got = owners();
		return @workers == WORKERS && keys %$got == WORKERS
			&& !grep { ($got->{$_} // '') !~ /^(?:data|new) stream$/ } @workers;
	}, 15);
	ok($ok, "T102 $name: each worker has two connections of its own")
		or diag(explain($got));
	ok(!$got->{ $t->nginx_pid }, '  and the master has none');
}

own_connections('after the start');
$t->reload_nginx;
own_connections('after a reload');
kill 'KILL', ($t->workers)[0];
wait_for(sub { WORKERS == (() = $t->workers) }, 10);
$t->expect_log(qr/worker process \d+ exited on signal 9/);
own_connections('after a worker was killed');

# ---- away ----

my $at = length $t->log_text;
my $before = $proxy->connections;
my $began = PSM::Load::now();
$proxy->refuse('accepted');
$proxy->reset;
my %seen;
my $asked = 0;
while (PSM::Load::now() < $began + 5) {
	$seen{ $o->ask($o->issue)->{status} }++;
	$asked++;
	sleep 0.01;
}
is_deeply([keys %seen], [503], 'T86 away: nothing but 503');

my %attempts;
my @all = $proxy->connections;
push @{ $attempts{ $_->{peer} } }, $_->{began} - $began
	for @all[$before .. $#all];
is(scalar keys %attempts, WORKERS, 'each worker tries again');
my $n = map { @$_ } values %attempts;
cmp_ok($n, '<', WORKERS * 2 * 15, "but not for each request")
	or diag("$n attempts, $asked requests");
cmp_ok($n, '>', WORKERS * 2 * 3, 'and again');

# Each of a worker's two connections has pauses of its own, so of all gaps only
# the longest says something: the pause of the last quarter has grown.
for my $worker (sort keys %attempts) {
	my @times = sort { $a <=> $b } @{ $attempts{$worker} };
	my $early = grep { $_ < 1 } @times;
	my $late = grep { $_ >= 3 } @times;
	cmp_ok($early, '>', $late, 'pauses grow')
		or diag(join ' ', map { sprintf '%.3f', $_ } @times);
}

# In step, the n-th attempt of all workers would come at one time.
my %tenth = map { int(1000 * $_->[-1]) => 1 } values %attempts;
cmp_ok(keys %tenth, '>', 1, 'they do not come in step');

$proxy->listen;
$o->is_well('and find Redis');
own_connections('after all that');
my %said;
ok(wait_for(sub {
	%said = ();
	$said{$_}++ for grep { /redis (?:invalidation stream )?is/ } $o->said($at);
	return 2 * WORKERS == grep { defined } map { (1) x $said{$_} }
		grep { /available again/ } keys %said;
}, 10), 'each worker says of each connection that it is back, once')
	or diag(explain(\%said));
my $gone = 0;
$gone += $said{$_} for grep { /unavailable/ } keys %said;
is($gone, 2 * WORKERS, 'and that it was gone, once') or diag(explain(\%said));

$proxy->stop;
$t->finish;
