#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# HTTP/2: the same decisions as over HTTP/1.1, streams side by side that have
# nothing to do with one another, and hostile headers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Check qw(answer_is code_of last_line lookups_are);
use PSM::Gate;
use PSM::Http2;
use Test::More;

my $t = PSM::Gate->new(name => 'HTTP/2', log_level => 'error');
$t->start_redis;
my $up = $t->start_upstream;
$t->file("$_/noarch/repodata.json", "$_\n") for qw(main other);
$t->file('main/noarch/big', 'x' x 200_000);
$t->write_conf(<<'EOC');
log_format all '"$request" $status "$request_uri" "$uri" "$args" '
	'"$http_referer" "$http_authorization" "$http_x_auth" "$remote_user"';
access_log %%DIR%%/logs/all.log all;
psm_token_cache off;
psm_token_redis %%REDIS%% timeout=3s;
server {
	listen %%LISTEN%% http2;
	root %%ROOT%%;
	psm_token on;
	add_header X-Uri $uri always;
	add_header X-Request-Uri $request_uri always;
	add_header X-Request $request always;
	location /main/up/ { proxy_pass http://%%UPSTREAM%%; }
}
server {
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
}
EOC
$t->start_nginx;

my $T = $t->add_token(resources => { main => 'write' });
my $O = $t->add_token(resources => { other => 'read' });
my $U = $t->unknown_token;
my $E = join '', map { sprintf '%%%02x', ord } split //, $T;
my $file = '/main/noarch/repodata.json';
sub basic { return 'Basic ' . encode_base64($_[0], '') }

# --------------------------------------------------------------- 1. by curl

for my $path ("/t/$T$file", "/t/$E$file", "/%74%2F$T$file", "//t//$T/.$file",
	"/x/../t/$T$file")
{
	my $r = $t->h2("$path?a=$T", [Referer => "http://localhost/t/$T/"]);
	is($r->{status}, 200, 'the path: ' . $path =~ s/\Q$T\E/T/r =~ s/\Q$E\E/%T/r);
	is($r->{body}, "main\n", '  the file');
	is($t->header($r, 'x-uri'), $file, '  $uri');
	is($t->header($r, 'x-request-uri'), "$file?a=" . '*' x 46,
		'  $request_uri');
	is($t->header($r, 'x-request'), "GET /t/****$file?a=" . '*' x 46
		. ' HTTP/2.0', '  $request');
}
my @rows = (
	['Bearer', $file, [Authorization => "Bearer $T"], 200],
	['Basic', $file, [Authorization => basic("me:$T")], 200],
	['X-Auth', $file, ['X-Auth' => $T], 200],
	['X-API-Key', $file, ['X-API-Key' => $T], 200],
	['path and header', "/t/$T$file", ['X-Auth' => $T], 200],
	['none', $file, [], 401, 'token_missing'],
	['unknown', "/t/$U$file", [], 401, 'token_unknown'],
	['another channel', "/t/$O$file", [], 403, 'channel_not_granted'],
	['malformed', "/t/x$file", [], 401, 'token_malformed'],
	['masked', "/t/*****$file", [], 401, 'token_masked'],
	['two tokens', "/t/$T$file", ['X-Auth' => $O], 401, 'token_ambiguous'],
	['two lines', $file, ['X-Auth' => $T, 'X-Auth' => $T], 400],
	['nothing behind it', "/t/$T", [], 404],
	['a missing file', "/t/$T/main/noarch/x", [], 404],
);
for (@rows) {
	my ($name, $path, $headers, $status, $code) = @$_;
	answer_is(my $r = $t->h2($path, $headers), $status, $code, $name);
	my $head = $t->h2($path, $headers, method => 'HEAD');
	is("$head->{status} $head->{body}", "$status ", '  HEAD, without a body');
	for my $name (qw(content-length content-type www-authenticate vary)) {
		is($t->header($head, $name), $t->header($r, $name), "  the same $name");
	}
}
# Not by curl: when an answer ends before the upload does, curl 7.88 now and
# then reports the stream's end instead, with nginx's own denials, too.
my $n = () = $up->requests;
my $c = PSM::Http2->connect($t->port);
my $denied = $c->answer($c->raw([':method', 'PUT', ':scheme', 'http',
	':authority', 'localhost', ':path', "/t/$O/main/up/x"],
	body => 'b' x 9000));
is("$denied->{status} " . code_of($denied), '403 channel_not_granted',
	'a denied upload');
is((() = $up->requests) - $n, 0, '  goes nowhere');
is($t->h2("/t/$T/main/up/x", [], method => 'PUT', body => 'b' x 9000)->{status},
	200, 'a granted upload');
like($up->last_request, qr{\APUT /main/up/x HTTP.*\r\n\r\nb{9000}\z}s,
	'  arrives whole');

# -------------------------------------------------------- 2. streams at once

$c = PSM::Http2->connect($t->port);
my @kinds = (
	['200', sub { "/t/$T$file" }],
	['403 channel_not_granted', sub { "/t/$O$file" }],
	['401 token_unknown', sub { "/t/$U$file" }],
	['200', sub { ($file, 'x-auth', $T) }],
	['403 channel_not_granted', sub { ($file, 'authorization', "Bearer $O") }],
	['401 token_missing', sub { $file }],
	['401 token_ambiguous', sub { ("/t/$T$file", 'x-api-key', $O) }],
);
my @streams = map { $c->get($kinds[$_ % @kinds][1]->()) } 0 .. 99;
my @wrong = grep {
	my $answer = $c->answer($streams[$_]);
	my $got = join ' ', $answer->{status}, grep { length } code_of($answer);
	$got ne $kinds[$_ % @kinds][0]
		|| $answer->{status} == 200 && $answer->{body} ne "main\n";
} 0 .. 99;
is("@wrong", '', '100 streams of all kinds: each its own answer');

# Half of those that wait for Redis are reset; the others get their answers.
$t->redis_server->pause;
my @waiting = map { $c->get("/t/$T$file?$_", 'x-n', $_) } 0 .. 49;
Time::HiRes::sleep(0.2);
$c->reset($waiting[$_]) for grep { $_ % 2 } 0 .. 49;
my $gone = PSM::Http2->connect($t->port);
$gone->get("/t/$O$file") for 1 .. 20;
Time::HiRes::sleep(0.2);
close $gone->{socket};
$t->redis_server->resume;
my @even = map { $c->answer($waiting[$_])->{status} } grep { !($_ % 2) } 0 .. 49;
is("@even", join(' ', (200) x 25), 'resets in mid-lookup leave the others alone');

# Opened and reset at once, again and again.
for (1 .. 200) {
	my $stream = $c->get("/t/$U$file");
	$c->reset($stream);
}
is($c->answer($c->get("/t/$T$file"))->{status}, 200,
	'after a storm of resets: as before');

# ------------------------------------------------------------- 3. hostile ones

my @pseudo = (':method', 'GET', ':scheme', 'http', ':authority', 'localhost');
my @bad = (
	# what, headers, the status (400), 0 when the stream is reset
	['no slash', [@pseudo, ':path', "t/$T$file"]],
	['a zero byte', [@pseudo, ':path', "/t/$T%00$file"]],
	['a raw zero byte', [@pseudo, ':path', "/t/$T\0$file"], 0],
	['a blank', [@pseudo, ':path', "/t/$T $file"]],
	['above the root', [@pseudo, ':path', "/../t/$T$file"]],
	['a bad escape', [@pseudo, ':path', "/t/$T%zz"]],
	['an absolute form', [@pseudo, ':path', "http://localhost/t/$T$file"]],
	['two paths', [@pseudo, ':path', "/t/$T$file", ':path', "/t/$T$file"]],
	['no method', [':scheme', 'http', ':path', "/t/$T$file"]],
	['a bad method', [':method', "G $T", ':scheme', 'http', ':path',
		"/t/$T$file"]],
	['an unknown pseudo header', [@pseudo, ':path', "/t/$T$file", ':psm', $T]],
	['a capital letter', [@pseudo, ':path', "/t/$T$file", 'X-Auth', $T],
		0],
	['a line feed', [@pseudo, ':path', "/t/$T$file", 'x-auth', "$T\nx: $T"],
		0],
	['two Authorization lines', [@pseudo, ':path', "/t/$T$file",
		'authorization', "Bearer $T", 'authorization', "Bearer $T"]],
	['a bad authority', [':method', 'GET', ':scheme', 'http', ':authority',
		"a/$T", ':path', "/t/$T$file"]],
	['TRACE', [':method', 'TRACE', ':scheme', 'http', ':authority', 'localhost',
		':path', "/t/$T$file"], 405],
	['CONNECT', [':method', 'CONNECT', ':authority', 'localhost', ':path',
		"/t/$T$file"], 400],
);
lookups_are($t, 0, sub {
	for (@bad) {
		my ($name, $headers, $status) = @$_;
		my $client = PSM::Http2->connect($t->port(2));
		my $answer = $client->answer($client->raw($headers));
		is($answer->{status}, $status // 400, "refused: $name");
		unlike($answer->{body}, qr/psm-|^main$/, '  nothing is told');
	}
}, 'no look-up for any of these');
like(last_line($t, '"TRACE /t/\*{46}' . $file, 'all.log'),
	qr{" 405 "/t/\*{46}$file" }, 'a refused line is masked in its place');

# One that is odd, but good: many CONTINUATION frames.
$c = PSM::Http2->connect($t->port);
is($c->answer($c->raw([@pseudo, ':path', "/t/$T$file"], split => 7))->{body},
	"main\n", 'a header block in small pieces');
is($c->answer($c->raw([':method', 'POST', ':scheme', 'http', ':authority', 'x',
	':path', "/t/$U/main/up/x"], body => 'b' x 5000))->{status}, 401,
	'a denied body');
is($c->answer($c->get("/t/$T$file"))->{status}, 200, '  and what follows it');
undef $c;

$t->finish;
