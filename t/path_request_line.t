#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T33 and T34: request lines by hand. The absolute form is parsed as usual,
# its host is nginx's matter; HTTP/0.9 is refused because it has no status line
# to say 401 in; of methods only those that mean something pass. In each mode
# of HTTP/1, and with the lines that nginx itself refuses masked in the log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(last_line lookups_are);
use PSM::Gate;
use PSM::Modes;
use Test::More;
use Time::HiRes ();

my $t = PSM::Gate->new(name => 'path request line', log_level => 'error');
$t->start_redis;
$t->file("$_/noarch/x", "$_\n") for qw(main other);
my $m = PSM::Modes->new($t, server => 'psm_token on;', more => <<'EOC');
	server {
		listen %%LISTEN5%% default_server;
		server_name open;
		location / { return 200 "open\n"; }
	}
	server {
		listen %%LISTEN5%%;
		server_name gated;
		root %%ROOT%%;
		psm_token on;
	}
	server {
		listen %%LISTEN6%%;
		client_header_buffer_size 64;
		root %%ROOT%%;
		psm_token on;
	}
EOC
my $T = $t->add_token(resources => { main => 'read' });
my $U = $t->unknown_token;
my $E = join '', map { sprintf '%%%02x', ord } split //, $T;
my @modes = grep { $_ ne 'h2' } $m->names;
my $end = "Host: localhost\r\nConnection: close\r\n\r\n";

sub raw {
	my ($port, $line, $headers) = @_;
	return $t->request("$line\r\n" . ($headers // $end), port => $port);
}

sub lines_are {
	for my $mode (@modes) {
		for (@_) {
			my ($name, $line, $wanted, %in) = @$_;
			my $r = raw($m->port($mode), $line, $in{headers});
			my $got = $r->{raw} eq '' ? 'closed' : PSM::Modes::in_short($r);
			is($got, $in{$mode} // $wanted, "$mode: $name");
		}
	}
}

# ------------------------------------------------------ T33 the absolute form

my ($path, $good) = ("/t/$T/main/noarch/x", '200 main');
lines_are(
	['T33 another host', "GET http://evil.example$path HTTP/1.1", $good],
	['T33 another port', "GET http://localhost:1$path HTTP/1.1", $good],
	['T33 an IPv6 address', "GET http://[::1]$path HTTP/1.1", $good],
	['T33 an IPv6 address and a port', "GET http://[::1]:8080$path HTTP/1.1",
		$good],
	['T33 another scheme', "GET https://localhost$path HTTP/1.1", $good],
	['T33 an unknown scheme', "GET conda://localhost$path HTTP/1.1", $good],
	['T33 a scheme in capitals', "GET HTTP://LOCALHOST$path HTTP/1.1", $good],
	['T33 a token in the user', "GET http://me:$T\@localhost/main/noarch/x"
		. ' HTTP/1.1', '400'],
	['T33 a token for the host', "GET http://$T/main/noarch/x HTTP/1.1",
		'401 token_missing'],
	['T33 a token for the scheme', "GET $T://localhost/main/noarch/x HTTP/1.1",
		'401 token_missing'],
	['T33 no host', "GET http://$path HTTP/1.1", '400'],
	['T33 no path', 'GET http://localhost HTTP/1.1', '401 token_missing'],
	['T33 no path, but a query', "GET http://localhost?/t/$T/main HTTP/1.1",
		'401 token_missing'],
	['T33 a fragment behind the host', "GET http://localhost#$path HTTP/1.1",
		'400'],
	['T33 one slash', "GET http:/localhost$path HTTP/1.1", '400'],
	['T33 an authority without a scheme', "GET //localhost$path HTTP/1.1",
		'401 token_missing'],
	['T33 encoded', "GET http://localhost/%74/$E/main/noarch/x HTTP/1.1",
		$good],
	['T33 slashes doubled', "GET http://localhost//t//$T/main/noarch/x"
		. ' HTTP/1.1', $good, unmerged => '400'],
	['T33 dots', "GET http://localhost/x/..$path HTTP/1.1", $good],
	['T33 dots above the root', "GET http://localhost/..$path HTTP/1.1",
		'400'],
	['T33 an URL in the path', "GET /http://localhost$path HTTP/1.1",
		'401 token_missing'],
	['T33 an URL behind the token', "GET /t/$T/http://localhost/x HTTP/1.1",
		'403 action_unknown'],
	['T33 HTTP/1.0, without Host', "GET http://evil$path HTTP/1.0", $good,
		headers => "\r\n"],
	['T33 HTTP/1.1, without Host', "GET http://evil$path HTTP/1.1", '400',
		headers => "\r\n"],
	['T33 two Hosts', "GET http://evil$path HTTP/1.1", '400',
		headers => "Host: a\r\nHost: b\r\n\r\n"],
	['T33 an unknown token', "GET http://evil/t/$U/main/noarch/x HTTP/1.1",
		'401 token_unknown'],
	['T33 another channel', "GET http://evil/t/$T/other/noarch/x HTTP/1.1",
		'403 channel_not_granted'],
	['T33 no token', 'GET http://evil/main/noarch/x HTTP/1.1',
		'401 token_missing'],
);

# The host of the absolute form chooses the server, as nginx has it, whatever
# Host says; that server's gate decides.
my @hosts = (
	['http://gated', 'open', '401 token_missing', '200 main'],
	['http://GATED:80', 'open', '401 token_missing', '200 main'],
	['http://gated.', 'open', '401 token_missing', '200 main'],
	['http://open', 'gated', '200 open', '200 open'],
	['', 'gated', '401 token_missing', '200 main'],
);
for (@hosts) {
	my ($prefix, $host, $without, $with) = @$_;
	my $headers = "Host: $host\r\nConnection: close\r\n\r\n";
	for (['/main/noarch/x', $without], [$path, $with]) {
		my ($to, $wanted) = @$_;
		# Nobody takes a token where the gate is off in the whole server.
		next if $prefix eq 'http://open' && $to eq $path;
		is(PSM::Modes::in_short(raw($t->port(5), "GET $prefix$to HTTP/1.1",
			$headers)), $wanted, "T33 $prefix, Host: $host, "
			. ($to eq $path ? 'a token' : 'none'));
	}
}

# --------------------------------------------- T34 protocols and methods

lookups_are($t, 0, sub { lines_are(
	['T34 HTTP/0.9', "GET $path", '400', headers => ''],
	['T34 HTTP/0.9, a bare line feed', "GET $path\n", '400', headers => ''],
	['T34 HTTP/0.9, a blank behind it', "GET $path ", '400', headers => ''],
	['T34 HTTP/0.9, encoded', "GET /%74/$E/main/noarch/x", '400',
		headers => ''],
	['T34 HTTP/0.9, an unknown token', "GET /t/$U/main/noarch/x", '400',
		headers => ''],
	['T34 HTTP/0.9, no token', 'GET /main/noarch/x', '400', headers => ''],
	['T34 HTTP/0.9, the absolute form', "GET http://a$path", '400',
		headers => ''],
	['T34 HTTP/0.9 by name', "GET $path HTTP/0.9", '400'],
	['T34 HTTP/2.0', "GET $path HTTP/2.0", '505'],
	['T34 HTTP/3.0', "GET $path HTTP/3.0", '505'],
	['T34 HTTP/1', "GET $path HTTP/1", '400'],
	['T34 HTTP/1.', "GET $path HTTP/1.", '400'],
	['T34 http/1.1', "GET $path http/1.1", '400'],
	['T34 HTTP/1.1 and more', "GET $path HTTP/1.1x", '400'],
	['T34 another protocol', "GET $path SIP/2.0", '400'],
	['T34 two paths', "GET $path $path HTTP/1.1", '400'],
	['T34 no method', "$path HTTP/1.1", '400'],
	['T34 a method in small letters', "get $path HTTP/1.1", '400'],
	['T34 a token for a method', "$T $path HTTP/1.1", '400'],
	['T34 CONNECT', "CONNECT $path HTTP/1.1", '405'],
	['T34 CONNECT, the authority form', "CONNECT localhost:443 HTTP/1.1",
		'400'],
	['T34 TRACE', "TRACE $path HTTP/1.1", '405'],
	['T34 OPTIONS of everything', 'OPTIONS * HTTP/1.1', '400'],
	['T34 GET of everything', 'GET * HTTP/1.1', '400'],
	['T34 a tab for the blank', "GET\t$path HTTP/1.1", '400'],
	['T34 a bare carriage return', "GET $path\rHTTP/1.1", '400'],
) }, 'T34 no look-up for any of these');

my $unknown = '403 action_unknown';
lines_are(
	['T34 HTTP/1.0', "GET $path HTTP/1.0", $good, headers => "\r\n"],
	['T34 HTTP/1.2 is 1.1', "GET $path HTTP/1.2", $good],
	['T34 two blanks', "GET  $path  HTTP/1.1", $good],
	['T34 a bare line feed', "GET $path HTTP/1.1\nX: y", $good],
	['T34 an empty line before', "\r\nGET $path HTTP/1.1", $good],
	(map { ["T34 $_", "$_ $path HTTP/1.1", $unknown] } qw(OPTIONS PROPFIND
		MKCOL COPY MOVE LOCK UNLOCK PROPPATCH REPORT G GETX _GET HEADER)),
	(map { ["T34 $_ with a right to read", "$_ $path HTTP/1.1",
		'403 level_too_low', headers => "Content-Length: 0\r\n$end"] }
		qw(POST PUT PATCH DELETE)),
	(map { ["T34 $_ without a token", "$_ /main/noarch/x HTTP/1.1",
		'401 token_missing'] } qw(OPTIONS MKCOL GETX DELETE)),
);

# In two pieces, cut at each byte; where the buffer is small, nginx moves the
# line to another one in the middle of the token.
for my $port ($m->port('plain'), $t->port(6)) {
	my @wrong;
	for ([$path, $good], ["/%74/$E/main/noarch/x", $good],
		["/t/$U/main/noarch/x", '401 token_unknown'])
	{
		my ($to, $wanted) = @$_;
		my $text = "GET $to HTTP/1.1\r\n$end";
		for (my $at = 1; $at < length($text); $at += 1 + length($to) / 80) {
			my $socket = $t->connect($port);
			$t->send($socket, substr $text, 0, $at);
			Time::HiRes::sleep(0.002);
			my $r = $t->request(substr($text, $at), sock => $socket);
			my $got = PSM::Modes::in_short($r);
			push @wrong, "$got for $wanted at $at" if $got ne $wanted;
		}
	}
	is(join("\n", @wrong), '', 'T38 a request in two pieces, '
		. ($port == $m->port('plain') ? 'one buffer' : 'buffers of 64 bytes'));
}

# What nginx refused itself is masked in its place; so is the absolute form.
for (['SIP/2.0', '400'], ['HTTP/2.0', '505'], ['HTTP/0.9', '400']) {
	my ($protocol, $status) = @$_;
	like(last_line($t, qr{main/noarch/x \Q$protocol\E}),
		qr{"GET /t/\*+/main/noarch/x \Q$protocol\E" $status },
		"T34 $protocol is masked in its place");
}
like(last_line($t, qr{evil\.example|GET /t/\*{4}/main/noarch/x HTTP/1\.1" 200}),
	qr{"GET \S*/t/\*+/main/noarch/x HTTP/1\.1" 200 },
	'T33 the absolute form is masked in its place');

$m->hang_up;
$t->finish;
