#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Many tokens on one connection: streams of HTTP/2 side by side, a pipeline,
# a header table that the client fills once, one connection to an upstream.
# Each request is its own (threat T54).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(shuffle);
use PSM::Check qw(code_of lookups);
use PSM::Gate;
use PSM::Http;
use PSM::Http2;
use Test::More;

my $seed = $ENV{PSM_SEED} // time;
srand $seed;
diag("PSM_SEED=$seed");

my $t = PSM::Gate->new(name => 'one connection');
$t->start_redis;
my $up = $t->start_upstream;
$t->file("$_/noarch/x", "$_\n") for qw(a b);
my $locations = <<'EOC';
	root %%ROOT%%;
	psm_token on;
	location /a/up/ { proxy_pass http://kept; }
	location /b/up/ { proxy_pass http://kept; }
EOC
my @ways = ('a warm cache', 'a cold cache', 'strict');
$t->write_conf(<<'EOC' . join '', map { <<"EOC" } 0 .. 2);
http2_max_concurrent_streams 400;
keepalive_requests 10000;
client_header_buffer_size 32k;
upstream kept { server %%UPSTREAM%%; keepalive 1; }
proxy_http_version 1.1;
proxy_set_header Connection "";
EOC
server {
	listen %%LISTEN@{[2 * $_ + 1]}%% http2;
	listen %%LISTEN@{[2 * $_ + 2]}%%;
	psm_token_strict @{[$_ == 2 ? 'on' : 'off']};
	$locations
}
EOC
$t->start_nginx;

# The answers of many streams are more than a connection's first window.
sub wide_connection {
	my $h2 = PSM::Http2->connect($_[0]);
	$h2->frame(8, 0, 0, pack 'N', 1 << 24);
	return $h2;
}

sub brief {
	my ($r) = @_;
	return join ' ', $r->{status}, code_of($r)
		|| ($r->{status} == 200 ? $r->{body} =~ s/\n//r : ());
}

# What three tokens and nobody are answered, by path and by header.
sub requests_of {
	my ($A, $B, $U) = @_;

	my $foreign = '403 channel_not_granted';
	return (
		["/t/$A/a/noarch/x", '200 a'], ["/t/$B/b/noarch/x", '200 b'],
		["/t/$A/b/noarch/x", $foreign], ["/t/$B/a/noarch/x", $foreign],
		["/t/$U/a/noarch/x", '401 token_unknown'],
		['/a/noarch/x', '401 token_missing'],
		['/a/noarch/x', '200 a', 'x-auth', $A],
		['/b/noarch/x', '200 b', 'authorization', "Bearer $B"],
		['/b/noarch/x', $foreign, 'x-api-key', $A],
		['/a/noarch/x', '401 token_unknown', 'x-auth', $U],
	);
}

# ------------------------------------------------- 1. streams side by side

my ($A, $B, $U) = ($t->add_token(resources => { a => 'read' }),
	$t->add_token(resources => { b => 'read' }), $t->unknown_token);
for my $i (0 .. $#ways) {
	($A, $B) = ($t->add_token(resources => { a => 'read' }),
		$t->add_token(resources => { b => 'read' })) if $i == 1;
	my $port = $t->port(2 * $i + 1);
	my @kinds = requests_of($A, $B, $U);
	if ($i == 0) {
		$t->http('GET', '/a/noarch/x', port => $t->port(2),
			headers => ['X-Auth' => $_]) for $A, $B, $U;
	}
	my $before = lookups($t, 'psm:t:');
	my @row = shuffle map { my $kind = $_; map { $kind } 1 .. 30 } @kinds;
	my $h2 = wide_connection($port);
	my @streams = map { $h2->get($_->[0], @$_[2 .. $#$_]) } @row;
	my @wrong;
	for my $n (shuffle 0 .. $#row) {
		my $r = $h2->answer($streams[$n], 20);
		push @{ $t->{answers} }, { headers => [], body => $r->{body},
			reason => '' };
		push @wrong, "$n: " . brief($r) . " for $row[$n][1]"
			if brief($r) ne $row[$n][1];
	}
	is_deeply(\@wrong, [], "T54 $ways[$i]: 300 streams of three tokens and "
		. 'nobody, each its own answer');
	my $asked = lookups($t, 'psm:t:') - $before;
	# All of one key that wait together are one look-up.
	ok($i == 0 ? $asked == 0 : $i == 1 ? $asked >= 2 && $asked <= 3
		: $asked >= 3 && $asked <= 270, "  $asked look-ups");

	# The same in one pipeline of HTTP/1.1.
	my $socket = $t->connect($t->port(2 * $i + 2));
	@row = shuffle @row;
	$t->send($socket, join '', map {
		PSM::Http::format_request('GET', $_->[0], [@$_[2 .. $#$_]], undef, 1)
	} @row[0 .. 59], [$row[60][0], undef, @{ $row[60] }[2 .. $#{ $row[60] }],
		Connection => 'close']);
	my $bytes = '';
	1 while sysread $socket, $bytes, 65536, length $bytes;
	my @got;
	while ($bytes =~ s/\AHTTP\S+ (\d+).*?\r\n\r\n//s) {
		my ($status, $head) = ($1, $&);
		my ($size) = $head =~ /^Content-Length: (\d+)/mi;
		push @got, brief({ status => $status,
			body => substr $bytes, 0, $size, '' });
	}
	is_deeply(\@got, [map { $_->[1] } @row[0 .. 60]],
		"T54 $ways[$i]: a pipeline of 61");
}

# --------------------------------------------- 2. HTTP/2's table of headers

# What a client has put there once, path or header, it names by a number from
# then on. Nothing that the gate hides in a request may change the table.
sub literal {
	my ($text) = @_;
	die 'too long' if length $text > 126;
	return chr(length $text) . $text;
}

# The entries of the table that `block` adds are 64, 63 and 62.
sub fill {
	my ($h2, $path, $name, $value) = @_;
	my $block = "\x82\x86\x44" . literal($path) . "\x41" . literal('localhost')
		. "\x40" . literal($name) . literal($value);
	return send_block($h2, $block);
}

sub send_block {
	my ($h2, $block) = @_;
	my $stream = $h2->{next};
	$h2->{next} += 2;
	$h2->frame(PSM::Http2::HEADERS(), PSM::Http2::END_STREAM()
		| PSM::Http2::END_HEADERS(), $stream, $block);
	return $stream;
}
my @tables = (
	['a token in X-Auth', '/a/noarch/x', 'x-auth', $A],
	['a token in Authorization', '/a/noarch/x', 'authorization', "Bearer $A"],
	['a token in the path', "/t/$A/a/noarch/x", 'x-n', '1'],
	['a token in both', "/t/$A/a/noarch/x", 'x-api-key', $A],
	['a Referer', "/t/$A/a/noarch/x", 'referer', "http://h/t/$A/"],
);
for (@tables) {
	my ($name, $path, $header, $value) = @$_;
	my $h2 = wide_connection($t->port(1));
	is(brief($h2->answer(fill($h2, $path, $header, $value))), '200 a',
		"T54 $name, put into the table");
	my @streams = map { send_block($h2, "\x82\x86\xc0\xbf\xbe") } 1 .. 50;
	is_deeply([map { brief($h2->answer($_)) } @streams], [('200 a') x 50],
		'  and named by its number, 50 times');
	my $plain = $header eq 'x-n' || $path =~ m{/t/} ? '200 a'
		: '401 token_missing';
	is(brief($h2->answer(send_block($h2, "\x82\x86\xc0\xbf"))), $plain,
		'  without the header: nobody, unless the path says who');
	is(brief($h2->answer(send_block($h2, "\x82\x86\x44"
		. literal('/a/noarch/x') . "\xc0"))), '401 token_missing',
		'  another path, no header: nobody');
}

# ----------------------------------------------- 3. one way to an upstream

my @row = shuffle map { (["/t/$A/a/up/x", 200], ['/a/up/x', 200, 'x-auth', $A],
	["/t/$B/b/up/x", 200], ["/t/$B/a/up/x", 403], ['/b/up/x', 401],
	["/t/$U/b/up/x", 401]) } 1 .. 10;
my $h2 = wide_connection($t->port(1));
my @streams = map { $h2->get($_->[0], @$_[2 .. $#$_]) } @row;
is_deeply([map { $h2->answer($_, 20)->{status} } @streams],
	[map { $_->[1] } @row], 'T54 a kept connection to an upstream');
my @passed = map { /\AGET (\S+)/ } $up->requests;
is(scalar(@passed), 30, '  what was granted is passed on, once each');
is_deeply([sort @passed], [sort map { $_->[0] =~ s{^/t/[^/]+}{}r }
	grep { $_->[1] == 200 } @row], '  clean');
is(scalar(grep { /^x-auth/mi } $up->requests), 0, '  without the header');

$t->finish;
