#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The token in the path: where it is taken, what the rest of nginx sees
# then, and which texts in its place are refused (design.md section 2).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is lookups_are);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'path token');
$t->start_redis;
for my $at (qw(main other api/repo/main api/repo/other conda/main foreign)) {
	$t->file("$at/noarch/repodata.json", "$at\n");
}
$t->file('main/noarch/a b+c.zst', "odd\n");
$t->file('t/main/noarch/repodata.json', "a folder called t\n");
$t->write_conf(<<'EOC');
types { application/json json; }
default_type application/octet-stream;
add_header X-Uri $uri always;
add_header X-Request-Uri $request_uri always;
add_header X-Request $request always;
add_header X-Args $args always;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	psm_token_base / /api/repo/ /conda/;

	location ~ \.zst$ {
		add_header X-Uri $uri always;
		add_header X-Request-Uri $request_uri always;
		add_header X-Location zst always;
	}
	location ^~ /open/ {
		psm_token off;
		return 200 "open $uri $args";
	}
}
server {
	listen %%LISTEN2%%;
	root %%ROOT%%;
	psm_token on;
	psm_token_carriers bearer;
}
server {
	listen %%LISTEN3%%;
	root %%ROOT%%;
	psm_token on;
	psm_token_format any;
}
server {
	listen %%LISTEN4%%;
	root %%ROOT%%;
}
server {
	listen %%LISTEN5%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Echo "";
}
EOC
$t->start_nginx;

my $T = $t->add_token(resources => { main => 'read' });
my $B = $t->add_token(resources => { main => 'read' });
my $file = 'main/noarch/repodata.json';

sub percent {
	my ($text, $format) = @_;
	return join '', map { sprintf $format // '%%%02x', ord } split //, $text;
}

# ------------------------------------------------------------ 1. it is taken

my ($E, $clean) = (percent($T), "/$file");
my @taken = (
	# path, $uri, what $request shows
	["/t/$T/$file", $clean, "/t/****/$file"],
	["/t/$T/t/$T/$file", $clean, "/t/****/$file"],
	["/t/$T/api/repo/$file", "/api/repo/$file", "/t/****/api/repo/$file"],
	["/api/repo/t/$T/$file", "/api/repo/$file", "/api/repo/t/****/$file"],
	["/conda/t/$T/$file", "/conda/$file", "/conda/t/****/$file"],
	["/t/$T/api/repo/t/$T/$file", "/api/repo/$file",
		"/t/****/api/repo/t/****/$file"],
	["/%74/$T/$file", $clean, "/t/****/$file"],
	["/t%2F$T%2f$file", $clean, "/t/****/$file"],
	["/t/$E/$file", $clean, "/t/****/$file"],
	[percent("/t/$T/$file", '%%%02X') =~ s{^%2F}{/}r, $clean,
		"/t/****/$file"],
	["/%61pi/repo/t/$E/$file", "/api/repo/$file", "/api/repo/t/****/$file"],
	["//t//$T//$file", $clean, "/t/****/$file"],
	["/./t/./$T/./$file", $clean, "/t/****/$file"],
	["/x/../t/$T/$file", $clean, "/t/****/$file"],
	["/t/$T/other/../$file", $clean, "/t/****/$file"],
	["/t/$B/../$T/$file", $clean, "/t/****/$file"],
	["/t/$T/$file#/t/$B", $clean, "/t/****/$file"],
);
for (@taken) {
	my ($path, $uri, $line) = @$_;
	my $name = $path =~ s/\Q$T\E/T/gr =~ s/\Q$E\E/%T/gr =~ s/\Q$B\E/B/gr;
	$name = 'all of it percent-encoded' if length $name > 80;
	my $r = $t->get($path);
	is($r->{status}, 200, "taken: $name");
	is($t->header($r, 'X-Uri'), $uri, '  $uri is clean');
	is($t->header($r, 'X-Request-Uri'), $uri, '  so is $request_uri');
	is($t->header($r, 'X-Request'), "GET $line HTTP/1.1", '  $request');
	is($t->header($r, 'Content-Type'), 'application/json', '  the suffix');
}

# Escapes stay escapes, arguments stay, a location's regex sees the clean URI.
for my $odd ('a%20b+c.zst', '%61%20b%2b%63.zst') {
	my $r = $t->get("/t/$T/main/noarch/$odd?x=%20&y=/");
	is($r->{status}, 200, "odd name $odd");
	is($t->header($r, 'X-Location'), 'zst', '  the regex matches');
	is($t->header($r, 'X-Uri'), '/main/noarch/a b+c.zst', '  $uri');
	is($t->header($r, 'X-Request-Uri'),
		'/main/noarch/a%20b+c.zst?x=%20&y=/', '  $request_uri');
}

my $r = $t->request("GET http://localhost/t/$T/$file?a=1 HTTP/1.1\r\n"
	. "Host: localhost\r\nConnection: close\r\n\r\n");
is($r->{status}, 200, 'the absolute form');
is($t->header($r, 'X-Request-Uri'), "$clean?a=1", '  $request_uri');

# A name may begin as a token does; nothing that short is one.
for my $name ('psm-authentication-1.0-0.conda', 'psm-' . 'c0ffee' x 6 . '.conda') {
	$t->file("main/noarch/$name", "package\n");
	for my $path ("/t/$T/main/noarch/$name", "/%74/$T/./main/noarch/$name") {
		my $r = $t->get("$path?q=$name&t=$T");
		is("$r->{status} $r->{body}", "200 package\n", "a file called $name");
		is($t->header($r, 'X-Args'), "q=$name&t=" . '*' x 46, '  and its query');
	}
}

# ---------------------------------------------------- 2. the query is none

for my $query ("token=$T", "t=/t/$T/x", "a=$E", percent($T, '%%25%02x')) {
	my $name = $query =~ /psm-/ ? 'plain' : 'encoded';
	answer_is($r = $t->get("/$file?$query"), 401, 'token_missing',
		"a token in the query ($name) counts for nothing");
	my $good = $t->get("/t/$T/$file?$query&b=2");
	is($good->{status}, 200, '  beside a token in the path, too');
	like($t->header($good, 'X-Args'), qr/\*{46}.*&b=2\z/, '  it is masked');
}

# ----------------------------------------------------------- 3. it is refused

my $cut = substr $T, 0, 45;
my $typo = substr($T, 0, 45) . (substr($T, 45) eq 'a' ? 'b' : 'a');
my @refused = (
	['nothing behind it', "/t/$T", 404],
	['nothing but a query', "/t/$T?x", 404],
	['nothing but a fragment', "/t/$T#/$file", 404],
	['nothing behind the second', "/t/$T/t/$B", 404],
	['nothing behind one behind a base', "/api/repo/t/$T", 404],
	['dots take the token, another text is in its place',
		"/t/$T/%2e%2e/pub.txt", 404],
	['the directory of everything', "/t/$T/", 403, 'action_unknown'],
	['an empty token', '/t/', 401, 'token_malformed'],
	['no token and no slash', '/t', 401, 'token_malformed'],
	['an empty token, slashes merged', "/t//$file", 401, 'token_malformed'],
	['dots take it', "/t/$T/../../$file", 401, 'token_missing'],
	['dots take it, the channel is in its place', "/t/$T/..%2f$file", 401,
		'token_malformed'],
	['dots glued to it', "/t/$T../$file", 401, 'token_malformed'],
	['a parameter', "/t/$T;x=1/$file", 401, 'token_malformed'],
	['an encoded question mark', "/t/$T%3f/$file", 401, 'token_malformed'],
	['an encoded hash', "/t/$T%23/$file", 401, 'token_malformed'],
	['a space', "/t/$T%20/$file", 401, 'token_malformed'],
	['encoded twice', '/t/' . percent($T, '%%25%02x') . "/$file", 401,
		'token_malformed'],
	['an underscore', '/t/' . ($T =~ tr/-/_/r) . "/$file", 401,
		'token_malformed'],
	['lower case', '/t/' . lc($T) . "/$file", 401, 'token_malformed'],
	['one character short', "/t/$cut/$file", 401, 'token_malformed'],
	['one character more', "/t/${T}0/$file", 401, 'token_malformed'],
	['a wrong checksum', "/t/$typo/$file", 401, 'token_malformed'],
	['a foreign form', '/t/' . '0123456789abcdef' x 3 . "/$file", 401,
		'token_malformed'],
	['4 KiB', '/t/psm-' . 'a' x 4096 . "/$file", 401, 'token_malformed'],
	['two tokens', "/t/$T/t/$B/$file", 401, 'token_ambiguous'],
	['two tokens at both places', "/t/$T/api/repo/t/$B/$file", 401,
		'token_ambiguous'],
	['a good one, then a bad one', "/t/$T/t/$cut/$file", 401,
		'token_malformed'],
	['a bad one, then a good one', "/t/x/t/$T/$file", 401,
		'token_malformed'],
	['a capital T', "/T/$T/$file", 401, 'token_missing'],
	['deeper in the path', "/x/t/$T/$file", 401, 'token_missing'],
	['behind what is no base', "/api/t/$T/$file", 401, 'token_missing'],
	(map { ["the placeholder $_", "/t/$_/$file", 401, 'token_masked'] }
		'*****', '********', '<TOKEN>', '%3CTOKEN%3E', '%253CTOKEN%253E',
		'$PSM_TOKEN', '${PSM_TOKEN}', '%2A%2a%2A%2a%2A'),
);
$t->secret($cut, $typo);
lookups_are($t, 0, sub {
	for (@refused) {
		my ($name, $path, $status, $code) = @$_;
		answer_is($t->get($path), $status, $code, "refused: $name");
	}
}, 'no look-up for any of these');

# A resource that another token may not see, whatever way one writes it.
for my $path ("/t/$T/other/noarch/repodata.json",
	"/t/$T/main/../other/noarch/repodata.json",
	"/t/$T/api/repo/other/noarch/repodata.json",
	"/api/repo/t/$T/other/noarch/repodata.json",
	"/t/$T/main%2f..%2fother/noarch/repodata.json")
{
	answer_is($t->get($path), 403, 'channel_not_granted',
		'not granted: ' . $path =~ s/\Q$T\E/T/r);
}

# ------------------------------------------------- 4. methods and protocols

answer_is($t->http('HEAD', "/t/$T/$file"), 200, undef, 'HEAD is as GET');
is($t->http('HEAD', "/t/$T/other/x")->{status}, 403, 'HEAD is refused as GET');
answer_is($t->http('OPTIONS', "/t/$T/$file"), 403, 'action_unknown',
	'OPTIONS means nothing');
# What nginx refuses before any phase: $request shows the line as it came until
# the request is logged, hence a server that does not echo it.
my @unparsed = (
	['a zero byte', GET => "/t/$T%00/$file", 400],
	['above the root', GET => "/../t/$T/$file", 400],
	['a broken escape', GET => "/t/$T/%zz", 400],
	['a space', GET => "/t/$T /$file", 400],
	['too long a line', GET => "/t/$T/" . 'a' x 9000, 414],
	['TRACE', TRACE => "/t/$T/$file", 405],
	['CONNECT', CONNECT => "/t/$T/$file", 405],
	['OPTIONS *', OPTIONS => '*', 400],
);
for (@unparsed) {
	my ($name, $method, $path, $status) = @$_;
	answer_is($t->http($method, $path, port => $t->port(5)), $status, undef,
		"nginx refuses: $name");
}
for my $path ("/t/$T/$file", "/$file") {
	my $old = $t->request("GET $path\r\n");
	like($old->{raw}, qr/400 Bad Request/, 'HTTP/0.9 is refused');
	unlike($old->{raw}, qr/^main$/m, '  and shows no file');
}
$r = $t->request("GET /t/$T/$file HTTP/1.0\r\n\r\n");
is($r->{status}, 200, 'HTTP/1.0 is not');

# ------------------------------------------------------------ 5. the servers

$r = $t->get("/t/$T/open/x?a=$B");
is($r->{body}, 'open /open/x a=' . '*' x 46,
	'a location with the gate off sees the clean URI');
$r = $t->get('/t/junk/open/x');
is($r->{body}, 'open /open/x ', '  and no look at the token');

lookups_are($t, 0, sub {
	answer_is($t->http('GET', "/t/$T/$file", port => $t->port(2)), 401,
		'token_malformed', 'the path is no carrier: hidden and refused');
}, '  without a look-up');

my $foreign = '0123456789abcdef' x 3;
$t->add_token(token => $foreign, resources => { foreign => 'read' });
my $long = $t->add_token(token => join('-', 'Q7' . 'x' x 61, 'y' x 64),
	resources => { foreign => 'read' });
for my $f ($foreign, $long) {
	$r = $t->http('GET', "/t/$f/foreign/noarch/repodata.json?x=$f",
		port => $t->port(3));
	is($r->{status}, 200, 'a foreign token of ' . length $f);
	is($t->header($r, 'X-Args'), 'x=' . '*' x length $f,
		'  is masked in the query');
}
my @sizes = ([15, 'token_malformed'], [16, 'token_unknown'],
	[128, 'token_unknown'], [129, 'token_malformed']);
for (@sizes) {
	my ($size, $code) = @$_;
	answer_is($t->http('GET', '/t/' . 'k' x $size . '/foreign/noarch/x',
		port => $t->port(3)), 401, $code, "format any: $size characters");
}
answer_is($t->http('GET', "/t/$typo/$file", port => $t->port(3)), 401,
	'token_malformed', 'format any: a typing error in one of ours');

$r = $t->http('GET', "/t/$file", port => $t->port(4));
is($r->{body}, "a folder called t\n", 'a server without the gate is untouched');
is($t->header($r, 'X-Request'), "GET /t/$file HTTP/1.1", '  $request, too');

$t->finish;
