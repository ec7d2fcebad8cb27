#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Tokens in headers: which values count, what several carriers say together,
# and what the variables show (design.md section 2).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Check qw(answer_is last_line lookups_are);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'header token');
$t->start_redis;
$t->file('main/noarch/repodata.json', "main\n");
$t->file('off/x', "off\n");
$t->write_conf(<<'EOC');
log_format all '"$request" $status "$remote_user" "$http_authorization" '
	'"$http_x_auth" "$http_x_api_key" $psm_token_status';
access_log %%DIR%%/logs/all.log all;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	location /off/ { psm_token off; }
	location /open/ {
		psm_token_privacy public;
		alias %%ROOT%%/main/;
	}
	location /keep/ {
		psm_token_forward on;
		alias %%ROOT%%/;
	}
}
server {
	listen %%LISTEN2%%;
	root %%ROOT%%;
	psm_token on;
	psm_token_carriers path bearer;
}
server {
	listen %%LISTEN3%%;
	root %%ROOT%%;
	psm_token on;
	psm_token_format any;
}
EOC
$t->start_nginx;

my $path = '/main/noarch/repodata.json';
my $T = $t->add_token(resources => { main => 'read' });
my $B = $t->add_token(resources => { main => 'read' });
my $U = $t->unknown_token;
my $typo = $t->secret(substr($T, 0, 45) . (substr($T, 45) eq 'a' ? 'b' : 'a'));

sub basic { return 'Basic ' . encode_base64($_[0], '') }

sub try_all {
	my ($title, @rows) = @_;
	for (@rows) {
		my ($name, $headers, $status, $code, $at, $port) = @$_;
		my $r = $t->http('GET', $at // $path, headers => $headers,
			port => $port);
		answer_is($r, $status, $code, "$title: $name");
		next if $status != 401 || !defined $code;
		my $challenge = $code eq 'token_missing' ? 'Bearer realm="psm"'
			: 'Bearer realm="psm", error="invalid_token"';
		is($t->header($r, 'WWW-Authenticate'), $challenge, '  challenge');
	}
}

# ---------------------------------------------------------- 1. one carrier

try_all('counts',
	['Bearer', [Authorization => "Bearer $T"], 200],
	['bearer', [authorization => "bearer $T"], 200],
	['two spaces', [Authorization => "BEARER  $T"], 200],
	['blanks around', [Authorization => "  Bearer $T  "], 200],
	['token', [Authorization => "token $T"], 200],
	['Token', [Authorization => "Token $T"], 200],
	['Basic, the password', [Authorization => basic("me:$T")], 200],
	['Basic, no user', [Authorization => basic(":$T")], 200],
	['basic, the user', [Authorization => basic("$T:") =~ s/B/b/r], 200],
	['Basic, the user of pip', [Authorization => basic("$T:x-auth-token")], 200],
	['Basic, both', [Authorization => basic("$B:$T")], 200],
	['X-Auth', ['X-Auth' => $T], 200],
	['x-auth', ['x-auth' => "\t$T "], 200],
	['X-API-Key', ['X-API-Key' => $T], 200],
);

lookups_are($t, 0, sub {
	my @bad = (
		['Bearer and nothing', 'Bearer'],
		['Bearer and a blank', 'Bearer '],
		['a word', 'Bearer word'],
		['a typing error', "Bearer $typo"],
		['two words', "Bearer $T $T"],
		['a list', "Bearer $T, Bearer $T"],
		['in quotes', "Bearer \"$T\""],
		['a tab', "Bearer\t$T"],
		['encoded', 'Bearer ' . join '', map { sprintf '%%%02x', ord }
			split //, $T],
		['4 KiB', 'Bearer psm-' . 'a' x 4096],
		['Basic of another kind', basic('me:secret')],
		['Basic of nothing', 'Basic'],
		['Basic without a colon', basic($T)],
		['Basic that is no base64', 'Basic !!!!'],
		['Basic of 4 KiB', basic('me:' . 'a' x 4096)],
		['Basic, a token and more', basic("me:$T:x")],
		['Basic, the token is the user', basic("$T:secret")],
	);
	try_all('malformed', map { ["Authorization: $_->[0]",
		[Authorization => $_->[1]], 401, 'token_malformed'] } @bad);
	try_all('malformed',
		['X-Auth', ['X-Auth' => 'word'], 401, 'token_malformed'],
		['X-Auth with a scheme', ['X-Auth' => "Bearer $T"], 401,
			'token_malformed'],
		['X-API-Key', ['X-API-Key' => $typo], 401, 'token_malformed'],
		['also on a public channel', ['X-Auth' => 'word'], 401,
			'token_malformed', '/open/noarch/repodata.json'],
	);
	try_all('masked', map { (
		["Bearer $_", [Authorization => "Bearer $_"], 401, 'token_masked'],
		["Basic $_", [Authorization => basic("me:$_")], 401, 'token_masked'],
		["X-Auth: $_", ['X-Auth' => $_], 401, 'token_masked'],
	) } '*****', '********', '<TOKEN>', '%3CTOKEN%3E', '$TOKEN', '${TOKEN}');
	try_all('no carrier',
		['nothing', [], 401, 'token_missing'],
		['an empty value', [Authorization => ''], 401, 'token_missing'],
		['Digest', [Authorization => 'Digest username="x"'], 401,
			'token_missing'],
		['another scheme', [Authorization => "CondaToken $T"], 401,
			'token_missing'],
		['no scheme', [Authorization => $T], 401, 'token_missing'],
		['a token for a scheme', [Authorization => "$T x"], 401,
			'token_missing'],
		['an underscore', ['X_Auth' => $T], 401, 'token_missing'],
		['a cookie', [Cookie => 'psm=1'], 401, 'token_missing'],
	);
}, 'no look-up for any of these');

try_all('unknown',
	['Bearer', [Authorization => "Bearer $U"], 401, 'token_unknown'],
	['X-API-Key', ['X-API-Key' => $U], 401, 'token_unknown'],
);

# ----------------------------------------------------- 2. several carriers

my $other = basic('me:secret');
try_all('together',
	['Bearer and X-Auth, the same', [Authorization => "Bearer $T",
		'X-Auth' => $T, 'X-API-Key' => $T], 200],
	['path and Bearer, the same', [Authorization => "Bearer $T"], 200, undef,
		"/t/$T$path"],
	['path and a Basic from netrc', [Authorization => $other], 200, undef,
		"/t/$T$path"],
	['path and a foreign X-Auth', ['X-Auth' => 'word'], 200, undef,
		"/t/$T$path"],
	['path and a placeholder', ['X-Auth' => '<TOKEN>'], 200, undef,
		"/t/$T$path"],
	['X-Auth and a Basic from netrc', [Authorization => $other,
		'X-Auth' => $T], 200],
);
lookups_are($t, 0, sub {
	my @two = (
		['Bearer and X-Auth', [Authorization => "Bearer $T", 'X-Auth' => $B]],
		['X-Auth and X-API-Key', ['X-Auth' => $T, 'X-API-Key' => $B]],
		['Basic and X-API-Key', [Authorization => basic("me:$T"),
			'X-API-Key' => $B]],
		['path and Bearer', [Authorization => "Bearer $B"], "/t/$T$path"],
		['path and an unknown one', ['X-Auth' => $U], "/t/$T$path"],
	);
	try_all('ambiguous', map { [$_->[0], $_->[1], 401, 'token_ambiguous',
		$_->[2]] } @two);
	try_all('a bad path stays bad',
		['malformed', ['X-Auth' => $T], 401, 'token_malformed', "/t/x$path"],
		['masked', ['X-Auth' => $T], 401, 'token_masked', "/t/*****$path"],
	);
	try_all('two lines',
		['Authorization', [Authorization => "Bearer $T",
			Authorization => "Bearer $T"], 400],
		['X-Auth, the same', ['X-Auth' => $T, 'X-Auth' => $T], 400],
		['X-Auth, the second empty', ['X-Auth' => $T, 'X-Auth' => ''], 400],
		['X-API-Key', ['X-API-Key' => 'word', 'x-api-key' => $T], 400],
		['beside a token in the path', ['X-Auth' => $T, 'X-Auth' => $T], 400,
			undef, "/t/$T$path"],
	);
}, 'no look-up for any of these');

# ------------------------------------------------------------- 3. the servers

try_all('a location with the gate off',
	['X-Auth twice', ['X-Auth' => $T, 'X-Auth' => $B], 200, undef, '/off/x'],
	['a bad Bearer', [Authorization => 'Bearer x'], 200, undef, '/off/x'],
	['a bad path token', [], 200, undef, '/t/word/off/x'],
);
my $p2 = $t->port(2);
try_all('only path and bearer',
	['Bearer', [Authorization => "Bearer $T"], 200, undef, $path, $p2],
	['path', [], 200, undef, "/t/$T$path", $p2],
	['token', [Authorization => "token $T"], 401, 'token_missing', $path, $p2],
	['Basic', [Authorization => basic(":$T")], 401, 'token_missing', $path,
		$p2],
	['X-Auth', ['X-Auth' => $T], 401, 'token_missing', $path, $p2],
	['X-Auth twice beside a Bearer', ['X-Auth' => $B, 'X-Auth' => $T,
		Authorization => "Bearer $T"], 200, undef, $path, $p2],
);
my $foreign = 'deadbeef0123' x 4;
$t->add_token(token => $foreign, resources => { main => 'read' });
my $p3 = $t->port(3);
try_all('a foreign token',
	['Bearer', [Authorization => "Bearer $foreign"], 200, undef, $path, $p3],
	['Basic', [Authorization => basic("me:$foreign")], 200, undef, $path, $p3],
	['X-API-Key', ['X-API-Key' => $foreign], 200, undef, $path, $p3],
	['not under format psm', ['X-API-Key' => '0123456789abcdef' x 3], 401,
		'token_malformed'],
);

# ------------------------------------------------------------ 4. what is seen

# forward on keeps the headers: the variables show what kind came.
$t->get("/keep$path", Authorization => "Bearer $T", 'X-Auth' => $T);
like(last_line($t, 'GET /keep', 'all.log'),
	qr/ 403 "-" "Bearer \*{4}" "\*{4}" "-" channel_not_granted\z/,
	'forward on: masked');
$t->get("/keep$path?2", Authorization => basic("$T:"));
like(last_line($t, 'GET /keep.*2 HTTP', 'all.log'),
	qr/ 403 "-" "Basic \*{4}" "-" "-" channel_not_granted\z/,
	'forward on: a user that is the token is none');
$t->get("/off/x?3", Authorization => basic("$T:"), 'X-API-Key' => $T);
like(last_line($t, 'GET /off/x.3', 'all.log'),
	qr/ 200 "-" "Basic \*{4}" "-" "\*{4}" -\z/, 'gate off: masked');
$t->get("/off/x?4", Authorization => basic('me:secret'), 'X-Auth' => 'word');
like(last_line($t, 'GET /off/x.4', 'all.log'),
	qr/ 200 "me" "\Q$other\E" "word" "-" -\z/, 'what is no token stays');
$t->get("/t/$T$path?5", Authorization => $other);
like(last_line($t, 'GET \S+\?5', 'all.log'),
	qr/ 200 "me" "\Q$other\E" "-" "-" granted\z/,
	'gate on: a Basic of another kind stays');
$t->get("$path?6", Authorization => "Bearer $T");
like(last_line($t, 'GET \S+\?6', 'all.log'), qr/ 200 "-" "[^"]*" "-" "-" granted\z/,
	'gate on: it is gone');

$t->finish;
