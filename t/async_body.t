#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T16, T17: requests with a body whose look-up waits. The body comes before
# Redis wakes, after it, or in between; it looks like requests; it is in
# chunks, announced with Expect, cut off, or on a stream of HTTP/2. Each
# request gets one answer, a denied one never a 100, and no byte of a body is
# read as a request.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use PSM::Async qw(wide_h2);
use PSM::Check qw(code_of);
use PSM::Gate;
use PSM::Http qw(format_request);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'bodies that wait');
$t->start_redis;
my $up = $t->start_upstream;
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=30s connect_timeout=30s;
psm_token_cache off;
server {
	listen %%LISTEN%%;
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
	client_header_buffer_size 4k;
	client_body_buffer_size 8k;
	lingering_timeout 2s;
	location / { proxy_pass http://%%UPSTREAM%%; }
}
EOC
$t->start_nginx;

my $writer = $t->add_token(resources => { main => 'write' });
my $reader = $t->add_token(resources => { main => 'read' });
my $unknown = $t->unknown_token;
is($t->get("/t/$writer/main/noarch/x")->{status}, 200, 'Redis answers');

# Text that would be granted, were it read as requests.
my $trap = format_request('GET', "/t/$writer/main/noarch/trap", [], undef, 1) x 3;

# The same for bodies that are passed on: what a client sends there is its own.
my $tame = $trap =~ s{/t/\Q$writer\E}{}gr;

# All that comes to the end of the connection: statuses and codes, in order.
sub answers {
	my ($socket, @methods) = @_;

	my $bytes = '';
	while (IO::Select->new($socket)->can_read(20)) {
		sysread $socket, $bytes, 65536, length $bytes or last;
	}
	my @got;
	while ($bytes =~ s/\A(HTTP\S+ (\d+).*?\r\n\r\n)//s) {
		my ($head, $status) = ($1, $2);
		my ($size) = $head =~ /^Content-Length: (\d+)/mi;
		my $body = $status == 100 || (shift @methods // '') eq 'HEAD' ? ''
			: substr $bytes, 0, $size // 0, '';
		push @{ $t->{answers} }, { body => $body, raw => $head,
			headers => [], reason => '' };
		push @got, join ' ', $status, grep { length }
			code_of({ body => $body });
	}
	return join ', ', @got, length $bytes ? "rest: $bytes" : ();
}

sub head {
	my ($method, $path, @headers) = @_;
	return format_request($method, $path, [@headers], undef, 1);
}

sub chunks {
	my ($text, $size) = @_;
	return join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
		unpack "(a$size)*", $text;
}

# Each: name; what is sent while Redis sleeps; what once it is awake. A last
# request with Connection: close follows, so that the answers end.
my @sized = ('Content-Length' => length $trap);
my @chunked = ('Transfer-Encoding' => 'chunked');
my @expect = (Expect => '100-continue');

sub cases {
	my ($method, $path, $trap) = @_;

	my $length = length $trap;
	my $half = int $length / 2;
	my @sized = ('Content-Length' => $length);
	return (
		['whole at once', head($method, $path, @sized) . $trap, ''],
		['head, then body', head($method, $path, @sized), $trap],
		['half and half', head($method, $path, @sized)
			. substr($trap, 0, $half), substr $trap, $half],
		['chunks at once', head($method, $path, @chunked)
			. chunks($trap, 50) . "0\r\n\r\n", ''],
		['chunks later', head($method, $path, @chunked),
			chunks($trap, 50) . "0\r\n\r\n"],
		['chunks, some later', head($method, $path, @chunked)
			. chunks(substr($trap, 0, $half), 7),
			chunks(substr($trap, $half), 7) . "0\r\nX: $trap\r\n"
				=~ s/\r\n\r\n/ /gr . "\r\n"],
		['above the buffers', head($method, $path,
			'Content-Length' => 100 * $length) . $trap x 50, $trap x 50],
		['empty', head($method, $path, 'Content-Length' => 0), ''],
	);
}

my @who = (
	['missing', '/main/noarch/x', '401 token_missing'],
	['unknown', "/t/$unknown/main/noarch/x", '401 token_unknown'],
	['too low', "/t/$reader/main/noarch/x", '403 level_too_low'],
);
my $end = format_request('GET', "/t/$reader/main/noarch/last");

sub parked {
	my ($sub) = @_;

	$t->redis_server->pause;
	$sub->();
	sleep 0.05;
	$t->redis_server->resume;
}

for my $who (@who) {
	my ($name, $path, $denied) = @$who;
	for my $method ('POST', 'PUT', 'HEAD', 'GET') {
		my $wanted = $method =~ /^P/ ? $denied
			: $method eq 'HEAD' ? substr $denied, 0, 3 : $denied;
		next if $method !~ /^P/ && $name eq 'too low';    # it may read
		my @all = cases($method, $path, $trap);
		my @sockets = map { $t->connect } @all;
		parked(sub {
			$t->send($sockets[$_], $all[$_][1]) for 0 .. $#all;
		});
		$t->send($sockets[$_], $all[$_][2] . $end) for 0 .. $#all;
		is(answers($sockets[$_], $method), "$wanted, 200",
			"T16 $name, $method, the body: $all[$_][0]") for 0 .. $#all;
	}
}

# A granted one is passed on whole, once.
my $before = () = $up->requests;
my @all = grep { $_->[0] ne 'above the buffers' }
	cases('PUT', "/t/$writer/main/noarch/x", $tame);
my @sockets = map { $t->connect } @all;
parked(sub { $t->send($sockets[$_], $all[$_][1]) for 0 .. $#all });
$t->send($sockets[$_], $all[$_][2] . $end) for 0 .. $#all;
is(answers($sockets[$_], 'PUT'), '200, 200',
	"T16 granted, the body: $all[$_][0]") for 0 .. $#all;
my @passed = ($up->requests)[$before .. $before + 2 * @all - 1];
is(scalar(grep { /\APUT .*\r\n\r\n.*\Q$tame\E/s } @passed), @all - 1, '  the bodies arrived');
is(scalar(grep { m{\A\S+ /main/noarch/trap} } $up->requests), 0,
	'T16 no body was read as a request');

# ---- Expect: 100-continue ----

for my $who (@who) {
	my ($name, $path, $denied) = @$who;
	my @socks = map { $t->connect } 1 .. 3;
	parked(sub {
		$t->send($socks[0], head('PUT', $path, @expect, @sized));
		$t->send($socks[1], head('PUT', $path, @expect, @chunked));
		$t->send($socks[2], head('PUT', $path, @expect, @sized) . $trap);
		ok(!IO::Select->new(@socks)->can_read(0.1),
			"T17 $name: nothing is said before it is known")
			if $name ne 'missing';    # that needs no look-up
	});
	# Who waits for a 100 sees the denial, and sends no body: it may not be
	# waited for, and what comes instead of it is thrown away with the rest.
	for my $i (0, 1) {
		my $r = $t->receive($socks[$i], 'PUT');
		is(join(' ', @{ $r->{interim} }, $r->{status}, code_of($r)), $denied,
			"T17 $name: no 100, the denial: " . ('sized', 'chunked')[$i]);
	}
	$t->send($socks[2], $end);
	is(answers($socks[2], 'PUT'), "$denied, 200",
		"T17 $name: who did not wait for a 100");
}
my $socket = $t->connect;
parked(sub {
	$t->send($socket, head('PUT', "/t/$writer/main/noarch/x", @expect,
		'Content-Length' => length $tame));
	ok(!IO::Select->new($socket)->can_read(0.1), 'T17 granted: no 100 yet');
});
ok(IO::Select->new($socket)->can_read(20), '  one when it is known');
sysread $socket, my $first, 25;
like($first, qr/\AHTTP\S+ 100 /, '  a 100');
$t->send($socket, $tame . $end);
is(answers($socket, 'PUT'), '200, 200', '  and the answer');

# ---- HTTP/2 ----

my $h2 = wide_h2($t->port(2));
my @streams;
parked(sub {
	for my $who (@who, ['granted', "/t/$writer/main/noarch/x", '200']) {
		my ($name, $path, $wanted) = @$who;
		my $text = $name eq 'granted' ? $tame : $trap;
		for my $body ('', 'x', $text, $text x 40) {
			push @streams, [$h2->raw([':method', 'PUT', ':scheme', 'http',
				':path', $path, ':authority', 'x'], body => $body),
				"$name, " . length $body, $wanted];
		}
	}
});
for my $one (@streams) {
	my ($stream, $name, $wanted) = @$one;
	my $r = $h2->answer($stream, 20);
	is(join(' ', $r->{status}, grep { length } code_of($r)), $wanted,
		"T16 a stream with a body: $name bytes");
}
is(scalar(grep { m{\A\S+ /main/noarch/trap} } $up->requests), 0,
	'T16 no body was read as a request, to the end');
$t->finish;
