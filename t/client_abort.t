#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Clients that do not wait for Redis: whoever goes is forgotten, the others
# are answered, and nothing is answered twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use PSM::Async qw(all_at_once answers_of gets_of);
use PSM::Gate;
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'client abort');
$t->start_redis;
$t->file('main/noarch/repodata.json', '{}');
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=30s connect_timeout=30s;
psm_token_cache off;
server { listen %%LISTEN%%; root %%ROOT%%; psm_token on; }
server { listen 127.0.0.1:%%PORT2%% http2; root %%ROOT%%; psm_token on; }
EOC
$t->start_nginx;

my @tokens = map { $t->add_token(resources => { main => 'read' }) } 1 .. 10;
my @paths = map { "/t/$tokens[$_ % 10]/main/noarch/repodata.json" } 1 .. 500;

# ---- half of 500 go away ----

is($t->get($paths[0])->{status}, 200, 'before');
$t->redis_server->pause;
my @sockets = all_at_once($t, @paths);
sleep 0.5;
my @stay;
for my $i (0 .. $#sockets) {
	if ($i % 2) {
		# Half of them by a reset, half in order.
		setsockopt($sockets[$i], SOL_SOCKET, SO_LINGER, pack('ii', 1, 0))
			if $i % 4 == 1;
		close $sockets[$i];
	}
	else {
		push @stay, $sockets[$i];
	}
}
sleep 0.5;
$t->redis_server->resume;
is(scalar(grep { $_->{status} == 200 } answers_of($t, @stay)), 250,
	'250 clients that stay are answered');
is($t->get($_)->{status}, 200, 'and the worker goes on') for @paths[1 .. 5];

# ---- all of them go away ----

$t->redis_server->pause;
close $_ for all_at_once($t, @paths[1 .. 50]);
sleep 0.3;
$t->redis_server->resume;
is($t->get($paths[0])->{status}, 200, 'nobody is left: the next is served');

# ---- HTTP/2: streams are reset ----

sub frame {
	my ($type, $flags, $stream, $payload) = @_;
	return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags,
		$stream) . $payload;
}

# A literal header field without indexing, by name.
sub field {
	my ($name, $value) = @_;
	return pack('C', 0) . pack('C', length $name) . $name
		. pack('C', length $value) . $value;
}

sub h2_get {
	my ($stream, $path) = @_;
	return frame(1, 5, $stream, join '', map { field(@$_) }
		[':method', 'GET'], [':scheme', 'http'], [':path', $path],
		[':authority', 'localhost']);
}

$t->redis_server->pause;
my $h2 = $t->connect($t->port(2));
$t->send($h2, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '')
	. join '', map { h2_get(2 * $_ - 1, $paths[$_]) } 1 .. 50);
sleep 0.4;
$t->send($h2, join '', map { frame(3, 0, 2 * $_ - 1, pack('N', 8)) } 1 .. 40);
sleep 0.2;
$t->redis_server->resume;

my ($bytes, %done) = ('');
my $end = time + 20;
while (keys %done < 10 && time < $end) {
	my $ready = '';
	vec($ready, fileno $h2, 1) = 1;
	last if select($ready, undef, undef, 5) < 1;
	last if !sysread $h2, $bytes, 65536, length $bytes;
	while (length $bytes >= 9) {
		my $length = unpack 'N', "\0" . substr($bytes, 0, 3);
		last if length $bytes < 9 + $length;
		my ($type, $flags, $stream) = unpack 'CCN', substr($bytes, 3, 6);
		$done{$stream}++ if $type == 0 && $flags & 1;
		substr $bytes, 0, 9 + $length, '';
	}
}
is_deeply([sort { $a <=> $b } keys %done], [map { 2 * $_ - 1 } 41 .. 50],
	'of 50 streams the 10 that were not reset are answered');

# The connection goes with its streams.
$t->redis_server->pause;
$t->send($h2, join '', map { h2_get(2 * $_ - 1, $paths[$_]) } 51 .. 80);
sleep 0.3;
close $h2;
sleep 0.2;
$t->redis_server->resume;
is($t->get($paths[0])->{status}, 200, 'a connection with 30 streams goes');

$t->finish;
