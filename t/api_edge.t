#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The API as nginx serves it, whatever it says: who asks and how, methods,
# connections, HTTP/2, what is no request of a client. No token gets into a log,
# an answer or an upstream.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use MIME::Base64 qw(encode_base64);
use PSM::Check qw(answer_is code_of last_line spoiled_token);
use PSM::Gate;
use PSM::Http qw(format_request);
use PSM::Http2;
use PSM::Metrics qw(grown);
use PSM::Process qw(wait_for);
use PSM::Token qw(token_digest);
use Test::More;

$PSM::Metrics::PORT = 3;
my $t = PSM::Gate->new(name => 'the API in nginx', log_level => 'info');
$t->start_redis;
$t->start_upstream;
$t->file('ssi/page.html', '<!--#include virtual="/psm/account" -->');
$t->private_file('htpasswd', "alice:{PLAIN}wonder\nbob:{PLAIN}builder\n");
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
log_format all '"$request" $status "$http_authorization" "$http_x_auth" '
	'"$http_x_api_key" "$remote_user" "$http_referer" $request_uri';
access_log %%DIR%%/logs/all.log all;
map $remote_user $boss { default 0; bob 1; }
server {
	listen %%LISTEN%%;
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
	psm_token_base / /base/;
	location /psm/ { psm_token_api; }
	location /base/psm/ { psm_token_api; }
	location /named/ {
		psm_token_api;
		psm_token_api_user $remote_user;
		psm_token_api_admin $boss;
		auth_basic psm;
		auth_basic_user_file %%DIR%%/private/htpasswd;
	}
	location /aside/ {
		psm_token_api;
		auth_request /auth;
		mirror /mirror;
	}
	location /zipped/ { psm_token_api; gzip on; gzip_types *; gzip_min_length 1;
		expires 1h; }
	location = /auth {
		internal;
		proxy_pass http://%%UPSTREAM%%;
		proxy_pass_request_body off;
		proxy_set_header Content-Length "";
	}
	location = /mirror { internal; proxy_pass http://%%UPSTREAM%%; }
	location /ssi/ { psm_token_privacy public; ssi on; }
	location /error/ { psm_token off; error_page 404 /psm/account; }
	location /after/ { psm_token off; post_action /psm/account; return 204; }
	location /old/ { psm_token off; rewrite ^/old/(.*)$ /psm/$1 last; }
}
server {
	listen %%LISTEN3%%;
	location = /metrics { psm_token_metrics; }
}
EOC
$t->start_nginx;
my ($worker) = $t->workers;

my $token = $t->add_token(resources => { main => 'read' }, owner => 'alice');
my $other = $t->add_token(resources => { main => 'read' });
my $editor = $t->add_token(owner => 'root',
	scopes => [qw(user.token:view user.token:edit artifact:download)]);
my $id = $t->token_record($token)->{id};
my $info = '/account/token-info';

sub json_of { return eval { decode_json($_[0]{body}) } // {} }

# 200, and of the token that asked.
sub is_mine {
	my ($r, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is("$r->{status} " . (json_of($r)->{id} // ''), "200 $id", $name);
}

# ------------------------------------------------------------- who it is ---

sub basic { return 'Basic ' . encode_base64($_[0], '') }

is_mine($t->get("/t/$token/psm$info"), 'a token in the path');
is_mine($t->get("/base/t/$token/psm$info"), '  behind a base');
is_mine($t->get("/psm$info", @$_), "  $_->[0]") for
	['X-Auth', $token], ['X-API-Key', $token],
	[Authorization => "Bearer $token"], [Authorization => "token $token"],
	[Authorization => basic("me:$token")];
is_mine($t->get("/t/$token/psm$info", 'X-Auth', $token, 'Referer',
	"http://x/t/$token/y"), '  twice the same');
answer_is($t->get("/psm$info"), 401, 'token_missing', 'none');
answer_is($t->get("/t/$token/psm$info", 'X-Auth', $other), 401,
	'token_ambiguous', 'two');
answer_is($t->get("/t/*****/psm$info"), 401, 'token_masked', 'a masked one');
answer_is($t->get("/psm$info", 'X-Auth', spoiled_token($t)), 401,
	'token_malformed', 'a misspelt one');
answer_is($t->get("/psm$info", 'X-Auth', $t->unknown_token), 401,
	'token_unknown', 'an unknown one');
is($t->get("/psm$info", 'X-Auth', $token, 'X-Auth', $token)->{status}, 400,
	'a header twice');

my $r = $t->get("/psm$info", 'X-Auth', $token);
is($t->header($r, 'Content-Type'), 'application/json', 'the answer is JSON');
for ($r, $t->get("/psm$info"), $t->get("/zipped$info", 'X-Auth', $token,
	'Accept-Encoding', 'gzip')) {
	is(join('|', map { $_->[1] } grep { lc $_->[0] eq 'cache-control' }
		@{ $_->{headers} }), 'no-store', "  $_->{status}: not to be stored");
	like($t->header($_, 'Vary'), qr/\bAuthorization, X-Auth, X-API-Key\b/,
		'  and different for others');
	is($t->header($_, 'Content-Encoding'), undef, '  never packed');
}

# nginx's own identities.
my @alice = (Authorization => basic('alice:wonder'));
my @bob = (Authorization => basic('bob:builder'));
is($t->get('/named/account')->{status}, 401, 'a user without a password');
my $account = json_of($t->get('/named/account', @alice));
is($account->{username}, 'alice', 'a user by his password');
ok(!$account->{admin}, '  who is no administrator');
$account = json_of($t->get('/named/account', @bob));
is($account->{username}, 'bob', 'another');
ok($account->{admin}, '  who is');
is_mine($t->get("/named$info", @alice, 'X-Auth', $token),
	'a password and a token in another header');
is($t->get("/named$info", Authorization => basic("alice:$token"))->{status},
	401, 'a token as password is none, where Basic is the users\'');

# ------------------------------------------------------- what goes where ---

is_mine($t->get("/aside$info", 'X-Auth', $token), 'beside subrequests');
is_mine($t->get("/t/$token/aside$info", 'Referer', "http://h/t/$token/"),
	'  with a token in the path');
my ($upstream) = @{ $t->{upstreams} };
ok(wait_for(sub { $upstream->requests >= 4 }, 10), '  which do happen');
like(last_line($t, qr{"GET /aside$info}, 'all.log'), qr/ 200 "-" "-" "-"/,
	'a header that was read as a token is gone from the log');
like(last_line($t, qr{GET /t/\S+/aside$info }, 'all.log'),
	qr{"GET /t/\*\*\*\*/aside$info HTTP/1.1" 200 .* "http://h/t/\*+/" },
	'  one in the path masked');

# ------------------------------------------------------ methods and heads ---

my $get = $t->get("/psm$info", 'X-Auth', $token);
my $head = $t->http('HEAD', "/psm$info", headers => ['X-Auth', $token]);
is($head->{status}, 200, 'HEAD');
is($t->header($head, 'Content-Length'), length $get->{body},
	'  tells the length');
is($head->{body}, '', '  and no more');
$r = $t->http('DELETE', '/psm/account', headers => ['X-Auth', $token]);
answer_is($r, 405, 'method_not_allowed', 'a method that is not taken');
is($t->header($r, 'Allow'), 'GET, HEAD', '  and those that are');
answer_is($t->http('OPTIONS', '/psm/account'), 405, 'method_not_allowed',
	'OPTIONS');
answer_is($t->http('BREW', '/psm/account'), 405, 'method_not_allowed',
	'a method that nobody knows');
answer_is($t->get('/psm/nothing', 'X-Auth', $token), 404, 'route_unknown',
	'no such address');
answer_is($t->get('/psm/', 'X-Auth', $token), 404, 'route_unknown', '  nor /');
is($t->request("GET /psm$info HTTP/1.0\r\nX-Auth: $token\r\n\r\n")->{status},
	200, 'HTTP/1.0');
is_mine($t->get("/old$info", 'X-Auth', $token), 'behind a rewrite');

# If-Match is about records; nginx would compare it with an ETag of its own.
$r = $t->http('POST', '/psm/account/tokens', body => encode_json({ name => 'x',
	scopes => ['artifact:download'] }), headers =>
	['X-Auth', $editor, 'Content-Type', 'application/json']);
$t->allow_leak('response body', $t->secret(json_of($r)->{token}));
my $path = '/psm/account/tokens/' . json_of($r)->{id};

sub put {
	my ($body, @headers) = @_;
	return $t->http('PUT', $path, body => $body, headers => ['X-Auth', $editor,
		'Content-Type', 'application/json', @headers]);
}

$r = put('{"name":"new"}', 'If-Match', '"1"');
is($r->{status}, 200, 'If-Match that matches');
is($t->header($r, 'ETag'), '"2"', '  and what will match next');
answer_is(put('{"name":"newer"}', 'If-Match', '"1"'), 412, 'rev_mismatch',
	'  one that does not');
$r = $t->http('DELETE', $path, headers => ['X-Auth', $editor]);
is("$r->{status} $r->{body}", '204 ', 'DELETE has no body');
is($t->header($r, 'Content-Length'), undef, '  nor a length');

# ---------------------------------------------------------- connections ---

{
	my $socket = $t->connect;
	for (1 .. 3) {
		$r = $t->http('GET', "/psm$info", headers => ['X-Auth', $token],
			sock => $socket);
		is_mine($r, "one connection, $_");
	}
	is($t->http('POST', '/psm/explain', headers => ['X-Auth', $token,
		'Content-Type', 'application/json'], body => '{}',
		sock => $socket)->{status}, 400, '  a body');
	is_mine($t->http('GET', "/psm$info", headers => ['X-Auth', $token],
		sock => $socket), '  and behind it');

	my $all = '';
	$socket = $t->connect;
	my $one = format_request('GET', "/psm$info", ['X-Auth', $token], undef, 1);
	my $body = format_request('POST', '/psm/explain', ['X-Auth', $token,
		'Content-Type', 'application/json'], '{}', 1);
	my $last = format_request('GET', "/psm$info", ['X-Auth', $token]);
	$t->send($socket, "$one$body$one$body$last");
	$all .= $_ while <$socket>;
	is(join(' ', $all =~ m{HTTP/1\.1 (\d+)}g), '200 400 200 400 200',
		'five requests at once, with and without bodies');
	$t->secret($token);
}

# ----------------------------------------------------------------- HTTP/2 ---

is_mine($t->h2("/psm$info", ['X-Auth', $token], port => $t->port(2)), 'HTTP/2');
$r = $t->h2("/psm$info", ['X-Auth', $token], port => $t->port(2),
	method => 'HEAD');
is("$r->{status} $r->{body}", '200 ', '  HEAD');
{
	my $h2 = PSM::Http2->connect($t->port(2));
	my @many = map { $h2->get("/psm$info", 'x-auth', $token) } 1 .. 20;
	is(scalar(grep { $h2->answer($_)->{status} == 200 } @many), 20,
		'  twenty at once');
	$h2->reset($h2->get("/psm$info", 'x-auth', $token));
	is($h2->answer($h2->get("/psm$info", 'x-auth', $token))->{status}, 200,
		'  behind one that was reset');
}

# ------------------------------------------------- no request of a client ---

my @refused = (['/ssi/page.html', 200, 'a part of a page'],
	['/error/none', 403, 'an error page']);
for (@refused) {
	my ($uri, $status, $name) = @$_;
	$r = $t->get($uri, 'X-Auth', $token);
	is($r->{status}, $status, "$name gets no answer");
	unlike($r->{body}, qr/"username"/, '  and shows none');
}
is($t->get('/after/x', 'X-Auth', $token)->{status}, 204, 'nor does a post_action');
ok($t->wait_log(qr/the API answers clients only/), '  the log tells why');

# ---------------------------------------------------------------- metrics ---

my %by = grown($t, sub {
	$t->get("/psm$info", 'X-Auth', $token) for 1 .. 3;
	$t->get("/psm$info") for 1 .. 2;
});
is($by{'api_requests 2xx'}, 3, 'answers are counted');
is($by{'api_requests 4xx'}, 2, '  by class of status');

is_deeply([$t->workers], [$worker], 'the worker is the same');
$t->finish;
