#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Bodies of requests to the API: whole, in parts, in chunks, too large, cut off,
# over HTTP/2. None gets into a file, whoever reads it, since it may hold a
# token; and none is taken for the next request.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Find ();
use JSON::PP;
use PSM::Check qw(answer_is code_of last_line);
use PSM::Gate;
use PSM::Http qw(format_request);
use PSM::Http2;
use PSM::Process qw(wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'bodies for the API', log_level => 'info');
$t->start_redis;
$t->start_upstream;
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
server {
	listen %%LISTEN%%;
	listen %%LISTEN2%% http2;
	client_body_timeout 2s;
	location /psm/ { psm_token_api; client_body_in_file_only on; }
	location /aside/ { psm_token_api; mirror /mirror; }
	location /small/ { psm_token_api; client_max_body_size 100; }
	location = /mirror { internal; proxy_pass http://%%UPSTREAM%%; }
}
EOC
$t->start_nginx;
$t->get('/');    # there is a worker
my ($worker) = $t->workers;

my $token = $t->add_token(resources => { main => 'read' });
my $other = $t->unknown_token;
my $id = $t->token_record($token)->{id};
my $info = '/account/token-info';
my ($upstream) = @{ $t->{upstreams} };
my $r;

# 200, and of the token that asked.
sub is_mine {
	my ($answer, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $json = eval { decode_json($answer->{body}) } // {};
	return is("$answer->{status} " . ($json->{id} // ''), "200 $id", $name);
}

# Names of files that nginx has made for bodies.
sub body_files {
	my @found;
	File::Find::find(sub { push @found, $File::Find::name if -f },
		$t->dir . '/tmp');
	return @found;
}

# JSON of this length that says nothing.
sub padded { return '{' . ' ' x ($_[0] - 2) . '}' }

sub chunked {
	my ($text, $size) = @_;

	return join('', map { sprintf "%x\r\n%s\r\n", length, $_ }
		unpack "(a$size)*", $text) . "0\r\n\r\n";
}

my @json = ('Content-Type', 'application/json');

sub post_chunked {
	my ($body, $size, %arg) = @_;

	my $prefix = $arg{prefix} // '/psm';
	return $t->request("POST $prefix/explain HTTP/1.1\r\nHost: localhost\r\n"
		. "X-Auth: $token\r\nContent-Type: application/json\r\n"
		. "Transfer-Encoding: chunked\r\n\r\n" . chunked($body, $size), %arg);
}

my $max = 65536;
for ([2, 400], [$max, 400], [$max + 1, 413], [300_000, 413], [3_000_000, 413]) {
	my ($size, $status) = @$_;
	my $socket = $t->connect;
	$r = $t->http('POST', '/psm/explain', headers => ['X-Auth', $token, @json],
		body => padded($size), sock => $socket);
	is($r->{status}, $status, "a body of $size bytes");
	if ($status == 413) {
		is(code_of($r), 'body_too_large', '  in our words');
		is($t->header($r, 'Connection'), 'close', '  is the last');
	} else {
		is_mine($t->http('GET', "/psm$info", sock => $socket,
			headers => ['X-Auth', $token]), '  and the next request');
	}
}
for ([2, 1, 400], [30_000, 1, 400], [$max, 1, 400], [$max, $max, 400],
	[$max + 1, 1, 413], [$max + 1, $max + 1, 413], [400_000, 7000, 413]) {
	my ($size, $chunk, $status) = @$_;
	my $socket = $t->connect;
	$r = post_chunked(padded($size), $chunk, sock => $socket);
	is($r->{status}, $status, "$size bytes in chunks of $chunk");
	is(code_of($r), 'body_too_large', '  in our words') if $status == 413;
	is_mine($t->http('GET', "/psm$info", sock => $socket,
		headers => ['X-Auth', $token]), '  and the next request')
		if $status != 413;
}
is($t->http('POST', '/small/explain', headers => ['X-Auth', $token, @json],
	body => padded(101))->{status}, 413, 'a smaller limit counts');
answer_is(post_chunked(padded(101), 101, prefix => '/small'), 413,
	'body_too_large', '  for chunks too');

{
	my $socket = $t->connect;
	my $head = "POST /psm/explain HTTP/1.1\r\nHost: localhost\r\n"
		. "X-Auth: $token\r\nContent-Type: application/json\r\n";
	$t->send($socket, "${head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	like(scalar(<$socket>), qr/ 100 /, 'who asks first is told to go on');
	<$socket>;
	$t->send($socket, '{}');
	is($t->receive($socket, 'POST')->{status}, 400, '  and answered');

	$socket = $t->connect;
	$t->send($socket, ($head =~ s/psm/small/r)
		. "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n");
	select undef, undef, undef, 0.1;
	$t->send($socket, "80\r\n" . ' ' x 128);
	answer_is($t->receive($socket, 'POST'), 413, 'body_too_large',
		'a chunk that comes later and is too large');

	$socket = $t->connect;
	$t->send($socket, "${head}Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n");
	$r = $t->receive($socket, 'POST');
	is("$r->{status} @{ $r->{interim} }", '413 ', '  or told not to');

	$socket = $t->connect;
	$t->send($socket, "${head}Content-Length: 1000\r\n\r\n{");
	$t->send($socket, ' ' x 100), select(undef, undef, undef, 0.01) for 1 .. 9;
	$t->send($socket, ' ' x 98 . '}');
	is($t->receive($socket, 'POST')->{status}, 400, 'a body in many parts');

	$socket = $t->connect;
	$t->send($socket, "${head}Content-Length: 1000\r\n\r\n{");
	$t->receive($socket, 'POST');
	like(last_line($t, qr{ 408 }), qr{"POST /psm/explain}, 'one that does not come');

	$socket = $t->connect;
	$t->send($socket, "${head}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n");
	is($t->receive($socket, 'POST')->{status}, 400, 'chunks that are none');

	$socket = $t->connect;
	$t->send($socket, "${head}Content-Length: 1000\r\n\r\n{");
	close $socket;
	ok(wait_for(sub { $t->log_text('access.log') =~ m{"POST /psm/explain HTTP/1.1" 400 0 } }, 10)
		|| $t->wait_log(qr/prematurely closed/), 'one whose sender goes');
}

# While the answer waits, no file holds what came.
$t->redis_server->pause;
my @parked = map { $t->connect } 1 .. 3;
my $text = '{"token":"' . $other . '","x":"' . 'y' x 50_000 . '"}';
$t->send($parked[0], format_request('POST', '/psm/explain',
	['X-Auth', $token, @json], $text));
$t->send($parked[1], "POST /psm/explain HTTP/1.1\r\nHost: localhost\r\n"
	. "X-Auth: $token\r\nContent-Type: application/json\r\n"
	. "Transfer-Encoding: chunked\r\n\r\n" . chunked($text, 1));
$t->send($parked[2], format_request('POST', '/aside/explain',
	['X-Auth', $token, @json], padded(50_000)));
select undef, undef, undef, 0.5;
is_deeply([body_files()], [], 'no body is in a file');
$t->redis_server->resume;
is(join(' ', map { $t->receive($_, 'POST', 20)->{status} } @parked),
	'400 400 400', '  and all are answered');
ok(wait_for(sub { grep { /\{ {49998}\}/ } $upstream->requests }, 10),
	'  who read it before, has it');

# ----------------------------------------------------------------- HTTP/2 ---

{
	my $h2 = PSM::Http2->connect($t->port(2));
	my $ask = sub {
		my ($length, @more) = @_;
		return $h2->raw([':method', 'POST', ':scheme', 'http', ':path',
			'/psm/explain', ':authority', 'localhost', 'x-auth', $token,
			'content-type', 'application/json', @more],
			body => padded($length));
	};
	# A frame has room for 16 KiB.
	is($h2->answer($ask->(10_000))->{status}, 400, 'HTTP/2: a body');
	is($h2->answer($ask->(10_000, 'content-length', 10_000))->{status}, 400,
		'  whose length is told');
}
# curl gives up an answer that comes before it has sent all of a body whose
# length it told; so does it with nginx's own 413.
for ([$max, 400], [$max + 1, 413]) {
	my ($size, $status) = @$_;
	my $body = $t->private_file('body', padded($size));
	my $curl = sub {
		return $t->h2('/psm/explain', ['X-Auth', $token, @json, @_],
			port => $t->port(2), method => 'POST', body => "\@$body")->{status};
	};
	is($curl->(), $status, "  a body of $size bytes") if $status == 400;
	is($curl->('Content-Length', ''), $status,
		"  $size bytes without their length");
}
{
	my $h2 = PSM::Http2->connect($t->port(2));
	is($h2->answer($h2->raw([':method', 'POST', ':scheme', 'http', ':path',
		'/psm/explain', ':authority', 'localhost', 'x-auth', $token,
		'content-length', 70_000], body => '{'))->{status}, 413,
		'  too many that are announced');
}

is_deeply([$t->workers], [$worker], 'the worker is the same');
is_deeply([body_files()], [], 'no body was in a file');
$t->finish;
