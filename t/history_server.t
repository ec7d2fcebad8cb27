#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T86, T87: the bound, while Redis or a worker fails: frozen, paused, busy, killed
# and started again, with clients that it ends all the time, with forged
# messages; a worker that is killed, and one that is stopped and goes on, with
# requests waiting for it that began when the bound was over.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(all_at_once answers_of);
use PSM::Campaign;
use PSM::Gate;
use PSM::Workers qw(cached_by_all);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'history: server', workers => 2);
my $redis = $t->start_redis(args => [qw(--appendonly yes --appendfsync always
	--enable-debug-command local)]);
my $c = PSM::Campaign->new($t, redis => $redis->address);
ok($c->start, 'each worker is well');

my @stopped;

sub kill_worker {
	my ($pid) = $t->workers;
	$t->expect_log(qr/worker process $pid exited on signal 9/);
	kill 'KILL', $pid;
}

# Ends again by itself: it is Redis that sleeps.
sub sleep_in_redis {
	my ($seconds) = @_;
	PSM::Process->start(name => 'sleep', code => sub {
		my $socket = $redis->_connect;
		PSM::Redis::_send($socket, 'DEBUG', 'SLEEP', $seconds);
		PSM::Redis::_reply($socket);
	});
}

my $sleeper;

for my $case (
	['frozen' => sub { $redis->pause }, sub { $redis->resume },
		deaf => 1, unavailable => 1, length => 2.6],
	['DEBUG SLEEP' => sub { $sleeper = sleep_in_redis(1.5); sleep 0.1 },
		sub { $t->redis('PING') }, deaf => 1, unavailable => 1],
	['CLIENT PAUSE' => sub { $t->redis(qw(CLIENT PAUSE 1500 ALL)) },
		sub { $t->redis('PING') }, deaf => 1, unavailable => 1],
	['killed, and started again' => sub { $redis->kill },
		sub { $redis->restart }, deaf => 1, unavailable => 1],
	['killed in passing' => sub { $redis->kill; $redis->restart }, sub {},
		unavailable => 1],
	['CLIENT KILL of the streams' => sub {}, sub {},
		during => sub { $t->redis(qw(CLIENT KILL TYPE pubsub)) }],
	# Each forgets everything; a look-up that meets three of them is given up.
	['forged messages' => sub {}, sub {}, unavailable => 1, during => sub {
		$t->redis('PUBLISH', '__redis__:invalidate', 'psm:t:x') for 1 .. 20 }],
	['20,000 other changes at a time' => sub {}, sub {}, length => 0.5,
		during => sub { $t->redis('EVAL', 'for i = 1, 20000 do
			redis.call("SET", "psm:t:x" .. i, i) end', 0) }],
	['a worker is killed' => \&kill_worker, sub {}, breaks => 1],
	# A look-up that is under way then has used up its time when they go on.
	['a worker is stopped' => sub { @stopped = ($t->workers)[0];
		kill 'STOP', @stopped }, sub { kill 'CONT', @stopped },
		unavailable => 1],
	['all workers are stopped' => sub { @stopped = $t->workers;
		kill 'STOP', @stopped }, sub { kill 'CONT', @stopped },
		unavailable => 1],
) {
	my ($name, $begin, $end, %arg) = @$case;
	$c->survives("T87 $name", $begin, $end, %arg);
}

# ---- requests that wait for workers that do not run ----

# They begin when the bound is over, and are read by a worker whose cache, stream
# and clock stood still: what it knows is as old as its last PING.
for my $round (1 .. 3) {
	my $token = $t->add_token(resources => { main => 'read' });
	my $path = PSM::Campaign::path($token);
	cached_by_all($t, sub { $t->get($path) }, "round $round: all know a token");
	my @workers = $t->workers;
	kill 'STOP', @workers;
	$t->revoke($token);
	sleep $c->{bound} + 0.1;
	my @sockets = all_at_once($t, ($path) x 20);
	kill 'CONT', @workers;
	my %seen;
	$seen{ $_->{status} }++ for answers_of($t, @sockets);
	is_deeply(\%seen, { 401 => 20 }, '  it is refused to all who come then');
}

$t->finish;
