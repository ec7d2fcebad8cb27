#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The network in which packets can vanish is there, and they do: a real Redis
# on another host of it is talked to, cut off in either direction, and found
# again on the same connection, which nobody ever closed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Netns;
BEGIN { PSM::Netns::enter() }

use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use PSM::Redis;
use Test::More;

my $dir = tempdir('psm-netns-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my @hosts = map { PSM::Netns->new } 1 .. 2;
my @redis = map { PSM::Redis->start(dir => "$dir/redis$_", tcp => 1,
	wrap => [$hosts[$_]->wrap],
	args => ['--bind', $hosts[$_]->address, '--protected-mode', 'no']) } 0, 1;

sub client {
	my ($n, $timeout) = @_;
	return IO::Socket::INET->new(PeerAddr => $hosts[$n]->address,
		PeerPort => $redis[$n]{port}, Timeout => $timeout // 5);
}

# What comes back within `limit` seconds.
sub echo {
	my ($socket, $text, $limit) = @_;

	syswrite $socket, "ECHO $text\r\n" if defined $text;
	my $got = '';
	while ($got !~ /\n.*\n/) {
		IO::Select->new($socket)->can_read($limit // 10) or last;
		sysread $socket, $got, 100, length $got or last;
	}
	return $got =~ /\n(.*)\r\n/ ? $1 : $got;
}

my @sockets = map { client($_) } 0, 1;
is(echo($sockets[0], 'one'), 'one', 'a host is there');
is(echo($sockets[1], 'two'), 'two', 'another, too');

for my $direction (undef, 'in', 'out') {
	my $name = $direction // 'both ways';
	$hosts[0]->cut($direction);
	is(echo($sockets[0], 'lost', 0.3), '', "cut $name: nothing comes");
	is($redis[0]->command('PING'), 'PONG', '  Redis itself is well');
	is(echo($sockets[1], 'other'), 'other', '  the other host, too');
	is(client(0, 0.5), undef, '  no new connection');
	like($redis[0]->command('CLIENT', 'LIST'), qr/ laddr=10\.203\.1\.2:/,
		'  the old one stands');
	$hosts[0]->heal;
	is(echo($sockets[0], undef), 'lost', '  then it comes after all');
	is(echo($sockets[0], 'again'), 'again', '  and goes on');
}

unlike(`ip -o route show`, qr/^(?!10\.203\.)/m, 'there is no way out of it');

$_->stop for @redis;
done_testing();
