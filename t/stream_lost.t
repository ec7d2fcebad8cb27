#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T87: the stream is lost, and with it a revocation: killed alone, cut, reset,
# with Redis, with the right to it, by a worker that does not read. What was
# cached goes with the next subscription, before anything can be believed again.
# Nothing else could tell the workers here: what is cached lives for an hour, and
# the lease is a minute.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use PSM::FaultProxy;
use PSM::Gate;
use PSM::Process qw(wait_for);
use PSM::Workers qw(cached_by_all learnt_by_all server_for_workers
	streams_are subscribers);
use Test::More;
use Time::HiRes qw(sleep);

use constant WORKERS => 2;

my $t = PSM::Gate->new(name => 'stream: lost', workers => WORKERS);
my $password = $t->secret('the-password-of-the-gate');
my @rules = ('on', '#' . sha256_hex($password), qw(resetkeys resetchannels
	-@all %R~psm:t:* %R~psm:c:* &__redis__:invalidate +get +client|id
	+client|tracking +client|setname +subscribe +ping +role +info +select));
my $redis = $t->start_redis(args => [qw(--appendonly yes --appendfsync always),
	'--user', 'psm-gate', @rules]);
my $proxy = PSM::FaultProxy->start(dir => $t->dir . '/private/proxy',
	to => $redis->{socket});
my $file = 'noarch/repodata.json';
$t->file("main/$file", '{}');
$t->write_conf('psm_token_redis ' . $proxy->address . ' user=psm-gate '
	. 'password_file=' . $t->private_file('password', "$password\n")
	. ' timeout=10s connect_timeout=10s;'
	. 'psm_token_cache max=1000 valid=1h negative=1h lease=60s;'
	. server_for_workers());
$t->start_nginx;
streams_are($t, WORKERS, 'each worker has a stream');

sub asks {
	my ($token) = @_;
	return sub { $t->get("/t/$token/main/$file") };
}

sub cached_token {
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $token = $t->add_token(resources => { main => 'read' });
	cached_by_all($t, asks($token), "$name: a token that all know");
	return $token;
}

sub ids { return sort map { $_->{id} } subscribers($t) }

# ---- killed, and there again at once ----

for my $case (
	['CLIENT KILL of the streams' =>
		sub { $t->redis(qw(CLIENT KILL TYPE pubsub)) }],
	['CLIENT KILL of one' => sub { $t->redis('CLIENT', 'KILL', 'ID', (ids())[0]) }],
	['CLIENT KILL of everything' =>
		sub { $t->redis(qw(CLIENT KILL USER psm-gate)) }],
	['closed on the way' => sub { $proxy->cut('stream') }],
	['closed halfway' => sub { $proxy->half_close('stream', 'down') }],
	['another byte' => sub { $proxy->rule(stream => down => { corrupt => 0 });
		$t->redis('SET', 'psm:t:x', 1); sleep 0.2; $proxy->heal }],
	['the right to the channel' => sub {
		$t->redis(qw(ACL SETUSER psm-gate resetchannels));
		$t->redis(qw(ACL SETUSER psm-gate &__redis__:invalidate)) }],
	['the user' => sub { $t->redis(qw(ACL DELUSER psm-gate));
		$t->redis('ACL', 'SETUSER', 'psm-gate', @rules) }],
) {
	my ($name, $fault) = @$case;
	my $token = cached_token($name);
	my @before = ids();
	$fault->();
	$t->revoke($token);
	learnt_by_all($t, asks($token), qr/^401 \w+ token_disabled/,
		'  a revocation right after it is learnt by all', 20);
	streams_are($t, WORKERS, '  each has a stream again');
	isnt(join(' ', ids()), "@before", '  another one');
}

# The connection for look-ups is another matter.
my $kept = cached_token('the data connection');
$proxy->reset('data');
cached_by_all($t, asks($kept), '  may go, and nothing is forgotten');

# ---- away for a while ----

sub away {
	$proxy->refuse;
	$proxy->cut('stream');
}

my $blind = cached_token('the stream is away');
my $newborn = $t->unknown_token;
cached_by_all($t, asks($newborn), '  a token that is not there');
away();
streams_are($t, 0, '  no stream');
$t->revoke($blind);
$t->add_token(token => $newborn, resources => { main => 'read' });
cached_by_all($t, asks($blind),
	'  a lost stream evicts nothing: that is what the lease is for');
cached_by_all($t, asks($newborn), '  nor a "no"');
$proxy->listen;
learnt_by_all($t, asks($blind), qr/^401 \w+ token_disabled/,
	'  the next one forgets what was revoked', 20);
learnt_by_all($t, asks($newborn), qr/^200/, '  and that there was none');

# Once more, but nothing else happens on the way: no look-up, no request.
$blind = cached_token('nobody asks meanwhile');
away();
$t->redis('DEL', $t->token_key($blind));
$proxy->listen;
streams_are($t, WORKERS, '  each has a stream again');
learnt_by_all($t, asks($blind), qr/^401 \w+ token_unknown/, '  all learn of it');

# ---- Redis goes, and another comes ----

$blind = cached_token('kill -9 of Redis');
$proxy->refuse;
$redis->kill;
$redis->restart;
$t->revoke($blind);
$proxy->listen;
learnt_by_all($t, asks($blind), qr/^401 \w+ token_disabled/,
	'  all learn of what was revoked in the next', 20);
streams_are($t, WORKERS, '  each has a stream again');

# ---- workers that do not read ----

# Redis gives up a client that lets its messages pile up.
$blind = cached_token('a full output buffer');
my @before = ids();
$t->redis(qw(CONFIG SET client-output-buffer-limit), 'pubsub 65536 0 0');
kill 'STOP', $t->workers;
for (1 .. 10) {    # more than all sockets on the way can hold
	$t->redis('EVAL', 'for i = 1, 100 do redis.call("SET", "psm:t:"
		.. string.rep(i % 10, 10000), 1) end', 0);
}
ok(wait_for(sub { !grep { my $id = $_; grep { $_ eq $id } ids() } @before }, 10),
	'  Redis has given them up');
$t->revoke($blind);
kill 'CONT', $t->workers;
learnt_by_all($t, asks($blind), qr/^401 \w+ token_disabled/,
	'  what they did not hear they know', 20);
streams_are($t, WORKERS, '  each has a stream again');
$t->redis(qw(CONFIG SET client-output-buffer-limit), 'pubsub 33554432 0 0');

# One that is killed leaves nothing behind, and the next begins with nothing.
$blind = cached_token('kill -9 of a worker');
my ($victim) = $t->workers;
kill 'KILL', $victim;
$t->expect_log(qr/worker process $victim exited on signal 9/);
ok(wait_for(sub { WORKERS == (() = grep { $_ != $victim } $t->workers) }, 10),
	'  there is another');
streams_are($t, WORKERS, '  with a stream');
$t->revoke($blind);
learnt_by_all($t, asks($blind), qr/^401 \w+ token_disabled/, '  all learn of it');

$proxy->stop;
$t->finish;
