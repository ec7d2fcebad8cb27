# SPDX-License-Identifier: BSD-2-Clause
#
# What the tests of waiting, failing and caching share: many requests at once,
# requests until something changes, whole reloads, commands counted by key.

package PSM::Async;

use strict;
use warnings;

use Exporter qw(import);
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(sleep time);

use PSM::Http ();
use PSM::Http2;
use PSM::Process qw(wait_for);

our @EXPORT_OK = qw(all_at_once answers_of streams_of gets_of until_status
	quick_is reload_whole cache_is log_count hang_up wrong_at wide_h2
	begun wait_begun close_hard);

# Sends one GET on a connection of its own for each path; nothing is read yet.
sub all_at_once {
	my ($t, @paths) = @_;

	my @sockets = map { $t->connect } @paths;
	$t->send($sockets[$_], PSM::Http::format_request('GET', $paths[$_]))
		for 0 .. $#paths;
	return @sockets;
}

# The responses that come on these connections, read in order.
sub answers_of {
	my ($t, @sockets) = @_;
	return map { $t->receive($_, 'GET', 20) } @sockets;
}

# The statuses of streams of a PSM::Http2.
sub streams_of {
	my ($h2, @streams) = @_;
	return map { $h2->answer($_, 20)->{status} } @streams;
}

# A connection of HTTP/2 that takes as much as the server wants to say.
sub wide_h2 {
	my ($port) = @_;

	my $h2 = PSM::Http2->connect($port);
	$h2->frame(8, 0, 0, pack 'N', 1 << 30);    # WINDOW_UPDATE
	return $h2;
}

# Requests that nginx has begun to work on since it started, ours apart. Needs
#	location = /status { psm_token off; stub_status; }
# in the first server.
sub begun {
	my ($t) = @_;

	my ($all) = $t->get('/status')->{body} =~ /^ *\d+ +\d+ +(\d+)/m;
	return $all - ++$t->{polls};
}

# Waits until n more have begun since `before`.
sub wait_begun {
	my ($t, $before, $n, $limit) = @_;
	return wait_for(sub { begun($t) - $before >= $n }, $limit // 20);
}

# Closes a client's connection with an RST.
sub close_hard {
	my ($socket) = @_;

	setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0;
	close $socket;
}

# How often the gate asked a real Redis for this key.
sub gets_of {
	my ($t, $key) = @_;

	$t->redis_server->settle;
	return scalar grep { /"GET" "\Q$key\E"/ }
		split /\n/, $t->redis_server->monitored;
}

# Repeats a request until it gives the status; the last response, with
# `took`, the seconds until then. `seen` counts the statuses on the way.
sub until_status {
	my ($sub, $status, $limit) = @_;

	my ($begin, %seen) = (time);
	while (1) {
		my $r = $sub->();
		$seen{ $r->{status} }++;
		$r->{took} = time - $begin;
		$r->{seen} = \%seen;
		return $r if $r->{status} == $status || $r->{took} > ($limit // 15);
		sleep 0.05;
	}
}

# The request gives the status, and gives it within `limit` seconds. Limits
# are generous: they tell a stall from no stall on a busy machine.
sub quick_is {
	my ($sub, $status, $limit, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $begin = time;
	my ($r) = $sub->();
	my $took = time - $begin;
	ok($r->{status} == $status && $took < $limit, $name)
		or diag(sprintf 'status %s after %.3f s', $r->{status}, $took);
	return $r;
}

# Reloads, and waits until the old workers are gone.
sub reload_whole {
	my ($t) = @_;

	my %old = map { $_ => 1 } $t->workers;
	$t->reload_nginx;
	return wait_for(sub { !grep { $old{$_} } $t->workers }, 20);
}

# The status, and $psm_token_cache as the header X-Cache shows it.
sub cache_is {
	my ($t, $r, $status, $cache, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(join(' ', $r->{status}, $t->header($r, 'X-Cache') // '-'),
		"$status $cache", $name);
}

# In a script of a fake Redis: ends the connection for the other side too when
# another process still holds the socket.
sub hang_up {
	my ($client) = @_;

	shutdown $client->{socket}, 2;
	$client->close;
}

# A script for a fake Redis whose mode is "step: reply": it answers as usual,
# but at the step that step_of(client, command) names, where the reply of the
# hash is sent: bytes; a reference for the usual answer twice; undef to hang up.
sub wrong_at {
	my ($step_of, $wrong) = @_;

	return sub {
		my ($client, @command) = @_;

		my ($step, $reply) = split /: /, $client->mode;
		return $client->usual if $step_of->($client, @command) ne $step;
		my $bytes = $wrong->{$reply};
		return $client->usual->usual if ref $bytes;
		return hang_up($client) if !defined $bytes;
		$client->send($bytes);
	};
}

# Lines of the error log that match.
sub log_count {
	my ($t, $pattern) = @_;
	return scalar grep { /$pattern/ } split /\n/, $t->log_text;
}

1;
