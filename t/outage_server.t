#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T86: the Redis that fails is a real one: gone, killed, frozen, paused, busy
# with a script, without its master, full of clients, with another password,
# with fewer rights. 503 and when to come back, what is known while the lease
# lasts, and all is well again by itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use PSM::Gate;
use PSM::Outage;
use PSM::Process qw(free_port);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'outage: server');
my ($password, $other) = map { $t->secret($_) } 'the-password-of-the-gate',
	'quite-another-password';

# The hash instead of the password: our own commands are recorded.
sub rules_of_user {
	my ($text) = @_;
	return ('psm-gate', 'on', '#' . sha256_hex($text), qw(resetkeys
		resetchannels -@all %R~psm:t:* %R~psm:c:* &__redis__:invalidate +get
		+client|id +client|tracking +client|setname +subscribe +ping +role
		+info +select));
}

$t->start_redis(tcp => 1, args => [qw(--appendonly yes --appendfsync always
	--busy-reply-threshold 50 --replica-serve-stale-data no),
	'--user', rules_of_user($password)]);
my $redis = $t->redis_server;

sub set_user {
	my ($name, @rules) = rules_of_user($_[0]);
	$t->redis('ACL', 'SETUSER', $name, 'resetpass', @rules);
}

sub kill_gate { $t->redis(qw(CLIENT KILL USER psm-gate)) }

my $o = PSM::Outage->new($t, redis => "$redis->{dir}/redis.sock" =~ s/^/unix:/r
	. ' user=psm-gate password_file='
	. $t->private_file('password', "$password\n"));
$o->start;

# As many clients as there are without the gate.
sub full {
	my @others = grep { !/ user=psm-gate / }
		split /\n/, $t->redis('CLIENT', 'LIST');
	$t->redis(qw(CONFIG SET maxclients), scalar @others);
	kill_gate();
}

for my $case (
	['gone' => sub { $redis->stop }, sub { $redis->restart }],
	['killed' => sub { kill 'KILL', $redis->pid; $redis->stop }, sub { $redis->restart }],
	['frozen' => sub { $redis->pause }, sub { $redis->resume }],
	# It cannot be undone: that waits, too.
	['CLIENT PAUSE' => sub { $t->redis(qw(CLIENT PAUSE 4000 ALL)) },
		sub { $t->redis('PING') }],
	['busy with a script' => sub { $redis->busy }, sub { $redis->not_busy }],
	['without its master' =>
		sub { $t->redis('REPLICAOF', '127.0.0.1', free_port()) },
		sub { $t->redis(qw(REPLICAOF NO ONE)) }],
	['full of clients' => \&full,
		sub { $t->redis(qw(CONFIG SET maxclients 1000)) }],
	['another password' => sub { set_user($other); kill_gate() },
		sub { set_user($password) }],
	['no such user' => sub { $t->redis(qw(ACL DELUSER psm-gate)) },
		sub { set_user($password) }],
	['switched off' => sub { $t->redis(qw(ACL SETUSER psm-gate off));
		kill_gate() }, sub { set_user($password) }],
	['no right to read' => sub { $t->redis(qw(ACL SETUSER psm-gate -get)) },
		sub { set_user($password) }, known => 'lives'],
) {
	my ($name, $begin, $end, %arg) = @$case;
	$o->survives("T86 $name", $begin, $end, %arg);
}

# ---- what is no outage ----

# A Redis that may not take more writes can be read.
$t->redis(qw(CONFIG SET maxmemory 1));
is($o->ask($t->unknown_token)->{status}, 401, 'a full memory can be read');
$t->redis(qw(CONFIG SET maxmemory 0));
is($o->ask($o->issue)->{status}, 200, 'as before');

$t->finish;
