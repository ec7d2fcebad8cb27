#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# One connection, many requests: each is judged by itself, and the body of one
# that is denied is never read as the next one. Everything runs twice, with
# answers from the cache and with a look-up for each request.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use PSM::Check qw(answer_is code_of);
use PSM::Gate;
use PSM::Http;
use Test::More;

my $t = PSM::Gate->new(name => 'keepalive');
$t->start_redis;
my $up = $t->start_upstream;
$t->file("$_/noarch/repodata.json", "$_\n") for qw(main other);
my $server = <<'EOC';
	root %%ROOT%%;
	psm_token on;
	client_header_buffer_size 16k;
	client_body_buffer_size 8k;
	keepalive_requests 1000;
	location /main/up/ { proxy_pass http://%%UPSTREAM%%; }
EOC
$t->write_conf(<<"EOC");
server {
	listen %%LISTEN%%;
$server
}
server {
	listen %%LISTEN2%%;
	psm_token_strict on;
$server
}
EOC
$t->start_nginx;

my $A = $t->add_token(resources => { main => 'write' });
my $B = $t->add_token(resources => { other => 'read' });
my $U = $t->unknown_token;
my $f = 'main/noarch/repodata.json';

# All answers on a connection to its end, cut at their lengths.
sub read_all {
	my ($socket, @methods) = @_;

	my $bytes = '';
	while (IO::Select->new($socket)->can_read(5)) {
		sysread $socket, $bytes, 65536, length $bytes or last;
	}
	my @answers;
	while ($bytes =~ s/\A(HTTP\S+ (\d+).*?\r\n\r\n)//s) {
		my ($head, $status) = ($1, $2);
		my ($size) = $head =~ /^Content-Length: (\d+)/mi;
		my $body = $status == 100 || (shift @methods // '') eq 'HEAD' ? ''
			: substr $bytes, 0, $size // 0, '';
		push @answers, { status => $status, body => $body, raw => $head,
			headers => [] };
	}
	push @{ $t->{answers} }, @answers;
	push @answers, { status => "rest: $bytes", body => '' } if length $bytes;
	return @answers;
}

sub brief { return join ' ', $_[0]{status}, grep { length } code_of($_[0]) }

sub request {
	my ($method, $path, @more) = @_;
	my $body = @more % 2 ? pop @more : undef;
	return PSM::Http::format_request($method, $path, \@more, $body, 1);
}

sub pipeline_is {
	my ($name, $port, $requests, @wanted) = @_;

	my $socket = $t->connect($port);
	my @methods = map { /^(\w+)/ } @$requests;
	$t->send($socket, join '', @$requests, request('GET', '/', Connection =>
		'close'));
	my @got = map { brief($_) } read_all($socket, @methods);
	is(join(', ', @got), join(', ', @wanted, '401 token_missing'), $name);
}

my $missing = '401 token_missing';
my $foreign = '403 channel_not_granted';
for my $mode (1, 2) {
	my $port = $t->port($mode);
	my $with = $mode == 1 ? 'cached' : 'strict';

	# One after the other.
	my $socket = $t->connect($port);
	my @turns = (
		['A', "/t/$A/$f", [], 200],
		['B', "/t/$B/$f", [], 403, 'channel_not_granted'],
		['none', "/$f", [], 401, 'token_missing'],
		['A in a header', "/$f", [Authorization => "Bearer $A"], 200],
		['none', "/$f", [], 401, 'token_missing'],
		['B in a header', '/other/noarch/repodata.json', ['X-Auth' => $B], 200],
		['A there', '/other/noarch/repodata.json', ['X-Auth' => $A], 403,
			'channel_not_granted'],
		['unknown', "/t/$U/$f", [], 401, 'token_unknown'],
		['malformed', "/t/x/$f", [], 401, 'token_malformed'],
		['nothing behind it', "/t/$A", [], 404],
		['A', "/t/$A/$f", [], 200],
		['none', '/', [], 401, 'token_missing'],
	);
	for (@turns) {
		my ($name, $path, $headers, $status, $code) = @$_;
		answer_is($t->http('GET', $path, sock => $socket,
			headers => $headers), $status, $code, "$with, in turn: $name");
	}

	# A denied body is thrown away, whatever it looks like.
	my $body = request('GET', "/t/$A/$f");
	my @bodies = (
		['small', request('POST', "/t/$B/main/up/x", $body)],
		['empty', request('POST', "/t/$B/main/up/x", '')],
		['64 KiB', request('POST', "/t/$B/main/up/x", $body x 400)],
		['HEAD with a body', request('HEAD', "/t/$B/main/up/x", $body)],
		['GET with a body', request('GET', "/t/$B/$f", $body)],
		['in chunks', request('POST', "/t/$B/main/up/x",
			'Transfer-Encoding' => 'chunked', sprintf("%x\r\n%s\r\n0\r\n\r\n",
			length $body, $body))],
		['PUT', request('PUT', "/t/$B/main/up/x", $body)],
		['OPTIONS', request('OPTIONS', "/t/$A/main/up/x", $body)],
	);
	for (@bodies) {
		my ($name, $bytes) = @$_;
		my $first = $bytes =~ /^HEAD/ ? '403'
			: $bytes =~ /^OPTIONS/ ? '403 action_unknown' : $foreign;
		pipeline_is("$with, denied with a body: $name", $port,
			[$bytes, request('GET', "/t/$A/$f"), request('GET', "/$f")],
			$first, 200, $missing);
	}
	pipeline_is("$with: bodies denied for other reasons", $port, [
		request('POST', '/main/up/x', $body),
		request('POST', "/t/$U/main/up/x", $body),
		request('POST', "/t/$A/t/$B/main/up/x", $body),
		request('POST', "/t/$A", $body),
	], $missing, '401 token_unknown', '401 token_ambiguous', 404);
	is(() = $up->requests, $mode - 1, "$with: none of them was passed on");

	# The body comes later than the answer, or never.
	$socket = $t->connect($port);
	$t->send($socket, "POST /t/$B/main/up/x HTTP/1.1\r\nHost: x\r\n"
		. "Content-Length: 20000\r\n\r\n" . 'b' x 100);
	answer_is($t->receive($socket, 'POST'), 403, 'channel_not_granted',
		"$with: the answer does not wait for the body");
	$t->send($socket, 'b' x 19900);
	answer_is($t->http('GET', "/t/$A/$f", sock => $socket), 200, undef,
		'  the rest is thrown away');

	# Many at once.
	pipeline_is("$with: a pipeline", $port, [map { (request('GET', "/t/$A/$f"),
		request('HEAD', "/t/$B/$f"), request('GET', "/$f"),
		request('GET', "/$f", 'X-API-Key' => $A),
		request('POST', "/t/$U/main/up/x", 'x' x 99)) } 1 .. 20],
		(200, 403, $missing, 200, '401 token_unknown') x 20);

	# Expect: a denial comes first, and no 100 before it.
	my @expect = (Expect => '100-continue', 'Content-Length' => 5);
	for (["/t/$B/main/up/x", 403, 'channel_not_granted'],
		['/main/up/x', 401, 'token_missing'],
		["/t/$U/main/up/x", 401, 'token_unknown'])
	{
		my ($path, @wanted) = @$_;
		$socket = $t->connect($port);
		$t->send($socket, request('PUT', $path, @expect));
		my $r = $t->receive($socket, 'PUT');
		answer_is($r, @wanted, "$with, Expect: denied with $wanted[0]");
		is("@{ $r->{interim} }", '', '  and no 100');
	}
	$socket = $t->connect($port);
	$t->send($socket, request('PUT', "/t/$A/main/up/x", @expect));
	like(read_some($socket), qr/\AHTTP\S+ 100 /, "$with, Expect: 100 when granted");
	$t->send($socket, 'hello');
	is($t->receive($socket, 'PUT')->{status}, 200, '  then the answer');
	like($up->last_request, qr/\r\n\r\nhello\z/, '  the body arrived');

	# HTTP/1.0 closes, unless it asks.
	$socket = $t->connect($port);
	$t->send($socket, "GET /t/$B/$f HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
		. "GET /t/$A/$f HTTP/1.0\r\n\r\n" . request('GET', "/t/$A/$f"));
	is(join(', ', map { brief($_) } read_all($socket)), "$foreign, 200",
		"$with: HTTP/1.0");
}

sub read_some {
	my ($socket) = @_;
	IO::Select->new($socket)->can_read(5) or return '';
	sysread $socket, my $bytes, 65536;
	return $bytes;
}

$t->finish;
