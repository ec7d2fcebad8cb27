#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T23: stripping and masking belong to the server, the gate to the location.
# Where the gate is off, a token is taken out all the same, used for nothing
# and looked up by nobody; a server without the gate is untouched, whichever
# of the two answers for names that nobody has.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is last_line spoiled_token);
use PSM::Gate;
use PSM::PhaseModes;
use Test::More;

my $t = PSM::Gate->new(name => 'scope');
my %records;
my $T = $t->add_token(resources => { main => 'read' }, in => \%records);
my $O = $t->add_token(resources => { main => 'read' }, in => \%records);
$t->fake_redis(records => \%records);
$t->file($_, "$_\n") for qw(open/x base/open/x main/noarch/x x
	t/word/open/x t/word/main/noarch/x base/t/word/open/x t/word/only/x only/x
	open/t/word/x);

my $mixed = join '', map {
	my ($port, $default) = @$_;
	<<"EOC";
	server {
		listen %%LISTEN$port%% @{[ $default eq 'gated' ? 'default_server' : '' ]};
		server_name gated;
		root %%ROOT%%;
		location / { psm_token off; }
		location /main/ { psm_token on; }
	}
	server {
		listen %%LISTEN$port%% @{[ $default eq 'plain' ? 'default_server' : '' ]};
		server_name plain;
		root %%ROOT%%;
	}
EOC
} [5, 'gated'], [6, 'plain'];
my $m = PSM::PhaseModes->new($t, http => <<'EOC', server => <<'EOC2',
	psm_token_cache off;
	log_format seen '$arg_mark $request|$request_uri|$uri|$psm_token_status|$psm_token_id|$psm_token_cache';
	access_log %%DIR%%/logs/seen.log seen;
EOC
	psm_token_base / /base/;
	add_header X-Seen "$uri|$request_uri|$psm_token_status|$psm_token_id" always;
	location /main/ { psm_token on; %%CONTENT%% }
	location /open/ { %%CONTENT%% }
	location = /x { return 200 "x\n"; }
	location /open/echo/ { proxy_pass http://%%UPSTREAM1%%; }
	location /open/there/ { return 301 /open/x; }
EOC2
	more => $mixed);
$m->asked;

# -------------------------------------------- 1. a location without the gate

my ($U, $W) = ($t->unknown_token, spoiled_token($t));
my $E = join '', map { sprintf '%%%02X', ord } split //, $T;
# before, path, the file, whether there is something to mask
my @off = (
	['a good token', "/t/$T", '/open/x', 'open/x', 1],
	['an escaped one', "/%74/$E", '/open/x', 'open/x', 1],
	['an unknown one', "/t/$U", '/open/x', 'open/x', 1],
	['a malformed one', "/t/$W", '/open/x', 'open/x', 1],
	['a word', '/t/word', '/open/x', 'open/x', 1],
	['a placeholder', '/t/<TOKEN>', '/open/x', 'open/x', 1],
	['stars', '/t/********', '/open/x', 'open/x', 1],
	['the same twice', "/t/$T/t/$T", '/open/x', 'open/x', 1],
	['two different', "/t/$T/t/$O", '/open/x', 'open/x', 1],
	['behind a base', "/base/t/$T", '/open/x', 'base/open/x', 1],
	['nobody', '', '/open/x', 'open/x', 0],
);
my $n = 0;
for my $mode ($m->names) {
	for (@off) {
		my ($name, $before, $path, $file, $masked) = @$_;
		# /base/open/ has no location of its own: location / serves it.
		my $mark = 'm' . $n++;
		my $r = $m->ask($mode, GET => "$before$path?mark=$mark");
		is("$r->{status} $r->{body}", "200 $file\n",
			"T23 $mode, gate off: $name");
		my $line = last_line($t, "(?m)^$mark ", 'seen.log');
		my $stars = $masked ? '/t/****' : '';
		my $base = $before =~ m{^/base} ? '/base' : '';
		my $version = $mode eq 'h2' ? 'HTTP/2.0' : 'HTTP/1.1';
		is($line, "$mark GET $base$stars$path?mark=$mark $version|"
			. "/$file?mark=$mark|/$file|-|-|-", '  taken out and masked');
		my $n = grep { lc $_->[0] =~ /^(?:www-auth|cache-control|vary)/ }
			@{ $r->{headers} };
		is($n, 0, '  nothing of ours on the answer');
	}
	answer_is($m->ask($mode, GET => $_), 404, undef,
		"T23 $mode: nothing behind the token") for "/t/$T", "/t/$T?a=b";
	# What is left is the root of the server: never a folder called t.
	my $root = $m->ask($mode, GET => '/')->{status};
	is($m->ask($mode, GET => $_)->{status}, $root,
		'  nor before it') for "/t/$T/", '/t/', '/t';
	answer_is($m->ask($mode, GET => '/open/t/word/x'), 200, undef,
		"T23 $mode: t elsewhere is a folder");
}
is(scalar($m->asked), 0, 'T23 nothing was looked up');
for my $mode ($m->names) {
	answer_is($m->ask($mode, GET => "/t/$W/main/noarch/x"), 401,
		'token_malformed', "T23 $mode: where the gate is on it counts");
	answer_is($m->ask($mode, GET => "/t/$T/main/noarch/x"), 200, undef,
		'  a good one passes');
}
is(scalar(grep { /:t:/ } $m->asked), 4, 'T23 one look-up each');
is($t->header($t->get("/t/$T/open/there/", Host => 'localhost'), 'Location')
	=~ s{^http://[^/]+}{}r, "/t/$T/open/x",
	'T23 a redirect where the gate is off keeps the token');

# Headers are the upstream's where the gate is off.
$t->allow_leak('upstream 1', $O);
$m->received;
$t->get('/open/echo/x', 'X-Auth' => $O, Authorization => "Bearer $O");
my ($raw) = $m->received;
like($raw, qr/^X-Auth: $O\r$/m, 'T23 gate off: X-Auth is passed on');
like($raw, qr/^Authorization: Bearer $O\r$/m, '  Authorization, too');

# ----------------------------------------- 2. which server, which default

# raw request line and Host, to a server that takes and to one that does not
my $gated = "open/x\n";
my $plain = "t/word/open/x\n";
my @names = (
	['its name', '/t/word/open/x', 'gated', $gated, $gated],
	['its name, in capitals', '/t/word/open/x', 'GATED', $gated, $gated],
	['the other', '/t/word/open/x', 'plain', $plain, $plain],
	['nobody\'s name: the default', '/t/word/open/x', 'other', $gated, $plain],
	['an address: the default', '/t/word/open/x', '127.0.0.1', $gated, $plain],
	['absolute, its name', 'http://gated/t/word/open/x', 'plain', $gated,
		$gated],
	['absolute, the other', 'http://plain/t/word/open/x', 'gated', $plain,
		$plain],
);
for (@names) {
	my ($name, $uri, $host, @body) = @$_;
	for my $i (0, 1) {
		my $mark = 'm' . $n++;
		my $r = $t->request("GET $uri?mark=$mark HTTP/1.1\r\nHost: $host\r\n"
			. "Connection: close\r\n\r\n", port => $t->port(5 + $i));
		is($r->{body}, $body[$i], 'T23 ' . ('the gate', 'none')[$i]
			. " by default: $name");
		my $shown = $body[$i] eq $gated ? '/t/****/open/x' : '/t/word/open/x';
		like(last_line($t, "(?m)^$mark ", 'seen.log'),
			qr{^$mark GET (?:http://\w+)?\Q$shown\E\?},
			'  in the log');
	}
}
for my $i (0, 1) {
	my $r = $t->request("GET /t/word/open/x HTTP/1.0\r\n\r\n",
		port => $t->port(5 + $i));
	is($r->{body}, ($gated, $plain)[$i], 'T23 no Host: the default, '
		. ('gated', 'plain')[$i]);
	answer_is($t->http(GET => '/main/noarch/x', port => $t->port(5 + $i),
		headers => [Host => 'gated']), 401, 'token_missing', '  gated');
	answer_is($t->http(GET => '/main/noarch/x', port => $t->port(5 + $i),
		headers => [Host => 'plain']), 200, undef, '  not gated');
}

# What nginx refuses before it knows whose it is shows no token, also where
# the default server has no gate: the oracle reads the logs.
my $long = 'y' x 20000;
for my $i (0, 1) {
	for my $raw ("GET /t/$T/open/$long HTTP/1.1\r\nHost: gated\r\n\r\n",
		"GET /t/$T/open/x HTTP/9.1\r\nHost: gated\r\n\r\n",
		"GET /t/$T/open/x HTTP/1.1\r\nHost: a b\r\n\r\n",
		"GET /t/$T/open/x HTTP/1.1\r\n\r\n",
		"GET /t/$T/open/%zz HTTP/1.1\r\nHost: gated\r\n\r\n") {
		my $r = $t->request($raw, port => $t->port(5 + $i));
		like($r->{status}, qr/^(?:400|414|505)$/,
			'T23 refused while parsing: ' . ($raw =~ tr/y// > 9000 ? 'long'
			: $raw =~ s/psm-\w+/T/r =~ s/\r.*//sr));
	}
}
$t->allow_leak('response header location', $T);
$t->finish;
