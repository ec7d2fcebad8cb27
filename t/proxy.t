#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Upstreams: what they are sent, what the cache keeps, and who may read it
# (design.md sections 3 to 5). Upstream 1 and the recorders must see no token;
# upstream 2 stands behind locations that are allowed to pass headers on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Process qw(slurp);
use Test::More;

my $t = PSM::Gate->new(name => 'proxy');
$t->start_redis;
sub cacheable {
	my ($request) = @_;
	return if $request->{uri} !~ m{/cached/};
	my @control = $request->{uri} =~ /public/
		? ('Cache-Control' => 'public, max-age=60', Vary => 'Accept') : ();
	return [200, [@control, ETag => '"1"'], "content of $request->{uri}\n"];
}
my $up = $t->start_upstream(handler => \&cacheable);
my $allowed = $t->start_upstream;
$t->file('main/noarch/x', "0123456789\n");
# name, the port of the server, that of its recorder
my @binary = ([fastcgi => 3, 6], [uwsgi => 4, 7], [scgi => 5, 8]);
$t->write_conf(<<'EOC' . join '', map { <<"EOC" } @binary);
proxy_cache_path %%DIR%%/cache keys_zone=c:1m;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	psm_token_base / /api/repo/;

	proxy_set_header X-Seen "$request|$request_uri|$uri|$args|$http_referer|$http_authorization|$http_x_auth|$http_x_api_key|$remote_user";
	location /main/plain/ { proxy_pass http://%%UPSTREAM%%; }
	location /main/uri/ { proxy_pass http://%%UPSTREAM%%/files/; }
	location /main/request/ { proxy_pass http://%%UPSTREAM%%$request_uri; }
	location /main/break/ {
		rewrite ^/main/break/(.*)$ /main/was/$1 break;
		proxy_pass http://%%UPSTREAM%%;
	}
	location /api/repo/main/ { proxy_pass http://%%UPSTREAM%%; }
	location ~ ^/main/regex/.*\.conda$ { proxy_pass http://%%UPSTREAM%%; }
	location /main/cached/ {
		proxy_pass http://%%UPSTREAM%%;
		proxy_cache c;
		proxy_cache_valid any 1m;
		add_header X-Cache $upstream_cache_status always;
	}
	location /main/key/ {
		proxy_pass http://%%UPSTREAM%%/main/cached/;
		proxy_cache c;
		proxy_cache_valid any 1m;
		proxy_cache_key "$request_uri|$request|$http_authorization|$http_referer";
	}
	location /main/vars/ {
		proxy_pass http://%%UPSTREAM%%;
		proxy_set_header P-Status $psm_token_status;
		proxy_set_header P-Id $psm_token_id;
		proxy_set_header P-Name $psm_token_name;
		proxy_set_header P-Owner $psm_token_owner;
		proxy_set_header P-Type $psm_token_type;
		proxy_set_header P-Channel $psm_token_channel;
		proxy_set_header P-Level $psm_token_level;
		proxy_set_header P-Expires $psm_token_expires;
		proxy_set_header P-Cache $psm_token_cache;
	}
	location /main/vars/open/ {
		psm_token_privacy public;
		proxy_pass http://%%UPSTREAM%%;
		proxy_set_header P-Status $psm_token_status;
		proxy_set_header P-Id $psm_token_id;
		proxy_set_header P-Level $psm_token_level;
		proxy_set_header P-Cache $psm_token_cache;
	}
	location /main/forward/ {
		psm_token_forward on;
		proxy_pass http://%%UPSTREAM2%%;
	}
	location /off/ {
		psm_token off;
		proxy_pass http://%%UPSTREAM2%%;
	}
}
EOC
server {
	listen %%LISTEN$_->[1]%%;
	psm_token on;
	$_->[0]_param REQUEST "\$request";
	$_->[0]_param REQUEST_URI \$request_uri;
	$_->[0]_param QUERY_STRING \$query_string;
	$_->[0]_param DOCUMENT_URI \$document_uri;
	$_->[0]_param REMOTE_USER \$remote_user;
	location / { $_->[0]_pass 127.0.0.1:%%PORT$_->[2]%%; }
}
EOC
# Records what comes, where the oracle reads, and hangs up.
my %recorders;
for (@binary) {
	my ($kind, undef, $port) = @$_;
	my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5,
		LocalPort => $t->port($port), ReuseAddr => 1) or die $!;
	my $path = $t->dir . "/tmp/$kind.raw";
	$recorders{$kind} = PSM::Process->start(name => $kind,
		keep => [$listen], code => sub {
			my $socket = $listen->accept;
			open my $out, '>:raw', $path or die $!;
			while (IO::Select->new($socket)->can_read(0.3)) {
				sysread $socket, my $bytes, 65536 or last;
				syswrite $out, $bytes;
			}
		});
}
$t->start_nginx;

my $T = $t->add_token(resources => { main => 'write' });
my $F = $t->add_token(resources => { main => 'read' });
my $E = join '', map { sprintf '%%%02x', ord } split //, $T;
$t->allow_leak('upstream 2', $F);
$t->allow_leak('response body', $F);    # that upstream echoes

sub basic { return 'Basic ' . encode_base64($_[0], '') }

# ------------------------------------------------------------- 1. the address

my @paths = (
	# behind the token, what is asked upstream
	['/main/plain/noarch/x?a=%20b', '/main/plain/noarch/x?a=%20b'],
	['/main/plain/noarch/a%20b+c%7e', '/main/plain/noarch/a%20b+c~'],
	['/main/plain/./noarch//x?', '/main/plain/noarch/x'],
	['/main/plain/noarch/%C3%A9', '/main/plain/noarch/%C3%A9'],
	['/main/plain/noarch/a%3Fb%23c', '/main/plain/noarch/a%3Fb%23c'],
	['/main/uri/noarch/x?a', '/files/noarch/x?a'],
	['/main/uri/noarch/a%20b', '/files/noarch/a%20b'],
	['/main/request/noarch/x?a=/t/b', '/main/request/noarch/x?a=/t/b'],
	['/main/request/noarch/a%20%3fb', '/main/request/noarch/a%20%3Fb'],
	['/main/break/noarch/x?a', '/main/was/noarch/x?a'],
	['/main/regex/noarch/a.conda', '/main/regex/noarch/a.conda'],
	['/main/plain/noarch/x?t=TOKEN', '/main/plain/noarch/x?t=' . '*' x 46],
);
for (@paths) {
	my ($path, $wanted) = @$_;
	for my $before ("/t/$T", "/t/$E", "/%74/$T", "/t/$T/t/$T") {
		my $r = $t->get($before . $path =~ s/TOKEN/$T/r,
			Referer => "http://localhost/t/$T/main/", 'X-Auth' => $T);
		is($r->{status}, 200, "$path is granted");
		like($up->last_request, qr/\AGET \Q$wanted\E HTTP/, "  as $wanted");
	}
}
for my $before ("/t/$T/api/repo", "/api/repo/t/$T") {
	$t->get("$before/main/noarch/x");
	like($up->last_request, qr{\AGET /api/repo/main/noarch/x HTTP},
		'behind a base');
}
my $n = $up->requests;
answer_is($t->get("/t/$T/main/plain/noarch/%25x"), 403, 'action_unknown',
	'what another server could decode again is not passed on');
is($up->requests - $n, 0, '  nothing is');

# ------------------------------------------------------------- 2. the headers

my $other = basic('me:secret');
sub sent {
	my ($path, @headers) = @_;
	my $r = $t->get($path, @headers);
	return $r->{status} == 200 ? ($up->last_request) : "status $r->{status}";
}
for my $pair ([Authorization => "Bearer $T"], [Authorization => "token $T"],
	[Authorization => basic("me:$T")], [Authorization => basic("$T:")],
	['X-Auth' => $T], ['x-api-key' => $T])
{
	my $raw = sent('/main/plain/noarch/x', @$pair, Cookie => 'a=b');
	unlike($raw, qr/^\Q$pair->[0]\E:/mi, "$pair->[0] is dropped");
	like($raw, qr/^Cookie: a=b\r$/m, '  what stands behind it is not');
}
like(sent("/t/$T/main/plain/noarch/x", Authorization => $other),
	qr/^Authorization: \Q$other\E\r$/m, 'a Basic of another kind is passed on');
like(sent("/t/$T/main/plain/noarch/x", Authorization => 'Digest x="y"'),
	qr/^Authorization: Digest x="y"\r$/m, 'so is another scheme');
like(sent('/main/plain/noarch/x', 'X-Auth' => $T, 'X-API-Key' => 'word'),
	qr/^X-API-Key: word\r$/m, 'so is what is no token, beside one');
unlike(sent('/main/plain/noarch/x', 'X-Auth' => $T,
	Authorization => basic("$T:secret")), qr/^Authorization:/m,
	'what holds a token at another place is dropped');
unlike(sent("/t/$T/main/plain/noarch/x", Authorization => 'Bearer <TOKEN>'),
	qr/^Authorization:/m, 'so is a placeholder');

# More headers than one part of nginx's list holds, the carrier among them.
for my $place (0, 19, 20, 21, 59) {
	my @many = map { ("X-N$_" => $_) } 0 .. 59;
	splice @many, 2 * $place, 0, 'X-Auth' => $T;
	my $raw = sent('/main/plain/noarch/x', @many);
	my @got = $raw =~ /^X-N(\d+):/mg;
	is("@got", join(' ', 0 .. 59), "all others arrive (carrier at $place)");
}
my $r = $t->get('/main/noarch/x', 'X-Auth' => $T, Range => 'bytes=2-4');
is("$r->{status} $r->{body}", '206 234', 'nginx knows the headers as before');
$r = $t->http('PUT', '/main/plain/noarch/x', body => 'b' x 40000,
	headers => [Authorization => "Bearer $T"]);
is($r->{status}, 200, 'a body');
like($up->last_request, qr/\r\n\r\nb{40000}\z/, '  arrives');
$r = $t->http('POST', '/main/plain/noarch/x', body => "3\r\nabc\r\n0\r\n\r\n",
	headers => ['X-Auth' => $T, 'Transfer-Encoding' => 'chunked']);
like($up->last_request, qr/\r\n\r\nabc\z/, 'in chunks, too');

# -------------------------------------------------- 3. where it may be passed

$r = $t->get("/t/$F/main/forward/noarch/x?t=$F", Authorization => "Bearer $F",
	'X-Auth' => $F, Referer => "http://localhost/t/$F/x");
is($r->{status}, 200, 'forward on');
my $raw = $allowed->last_request;
like($raw, qr{\AGET /main/forward/noarch/x\?t=\*{46} }, '  not in the URI');
like($raw, qr/^Authorization: Bearer $F\r$/m, '  Authorization as it came');
like($raw, qr/^X-Auth: $F\r$/m, '  X-Auth, too');
like($raw, qr/^X-Seen: .*\|Bearer \*{4}\|\*{4}\|\|\r$/m, '  variables are masked');
like($raw, qr{^Referer: http://localhost/t/\*+/x\r$}m, '  so is the Referer');
$t->get("/t/$F/off/x?t=$F", Authorization => basic("me:$F"),
	'X-Auth' => $F, 'X-Auth' => 'word');
$raw = $allowed->last_request;
like($raw, qr{\AGET /off/x\?t=\*{46} }, 'gate off: not in the URI');
like($raw, qr/^Authorization: \Q${\ basic("me:$F")}\E\r$/m,
	'  Authorization untouched');
like($raw, qr/^X-Auth: $F\r\nX-Auth: word\r$/m, '  every line of X-Auth');
like($raw, qr/^X-Seen: .*\|Basic \*{4}\|\*{4}\|\|me\r$/m,
	'  variables are masked');

# --------------------------------------------------------------- 4. the cache

my $A = $t->add_token(resources => { main => 'read' });
my $N = $t->add_token(resources => { nothing => 'read' });
my $cached = '/main/cached/noarch/x';
my @readers = (
	['A fills it', "/t/$A$cached", [], 200, 'MISS'],
	['A again', "/t/$A$cached", [], 200, 'HIT'],
	['A by header', $cached, [Authorization => "Bearer $A"], 200, 'HIT'],
	['another token', "/t/$T$cached", [], 200, 'HIT'],
	['encoded', "/t/$E$cached", [], 200, 'HIT'],
	['without the right', "/t/$N$cached", [], 403],
	['without the right, by header', $cached, ['X-Auth' => $N], 403],
	['nobody', $cached, [], 401],
	['not modified', "/t/$A$cached", ['If-None-Match' => '"1"'], 304, 'HIT'],
	['not modified, nobody', $cached, ['If-None-Match' => '"1"'], 401],
	['a range, nobody', $cached, [Range => 'bytes=0-1'], 401],
	['not modified, no right', "/t/$N$cached", ['If-None-Match' => '"1"'], 403],
);
$n = $up->requests;
for (@readers) {
	my ($name, $path, $headers, $status, $cache) = @$_;
	$r = $t->get($path, @$headers);
	is($r->{status}, $status, "cache: $name");
	is($t->header($r, 'X-Cache'), $cache, '  ' . ($cache // 'not asked'));
	next if $status == 304;
	is($t->header($r, 'Cache-Control'), $status == 200 ? 'private' : 'no-store',
		'  Cache-Control');
	is($t->header($r, 'Vary'), 'Authorization, X-Auth, X-API-Key', '  Vary')
		if $status == 200;
}
is($up->requests - $n, 1, 'one request went upstream');
for my $i (1, 2) {
	$r = $t->get("/t/$A$cached?public");
	is($t->header($r, 'Cache-Control'), 'public, max-age=60',
		"an upstream's Cache-Control stays ($i)");
	is(join('; ', map { lc $_->[0] eq 'vary' ? $_->[1] : () }
		@{ $r->{headers} }), 'Accept; Authorization, X-Auth, X-API-Key',
		'  Vary has both');
}
for my $token ($A, $T) {
	$t->get("/t/$token/main/key/noarch/x?t=$token", Referer => "/t/$token/",
		Authorization => $other);
}
is(() = $up->requests, $n + 3, 'a key of anything holds no token');

# ----------------------------------------------------------- 5. the variables

my $expires = time + 86400;
my $V = $t->add_token(resources => { 'main/vars' => 'manage' },
	name => 'a name', owner => 'me@here', expires => $expires);
my $id = $t->token_record($V)->{id};
for my $cache ('MISS', 'HIT') {
	$raw = sent("/t/$V/main/vars/noarch/x");
	is(join('|', $raw =~ /^P-\w+: (.*)\r$/mg), "granted|$id|a name|me\@here|"
		. "resource|main/vars|manage|$expires|$cache", "variables: $cache");
}
my $S = $t->add_token(scopes => ['artifact:download'], expires => undef);
$raw = sent("/t/$S/main/vars/noarch/x.conda");
unlike($raw, qr/^P-Expires/m, 'never expires: empty');
like($raw, qr/^P-Type: scope\r$/m, 'a scope token');
$raw = sent('/main/vars/open/noarch/x');
is(join('|', $raw =~ /^P-(\w+: .*)\r$/mg), 'Status: public', 'nobody');
$raw = sent("/t/$N/main/vars/open/noarch/x");
like($raw, qr/^P-Status: public\r\nP-Id: [-0-9a-f]{36}\r$/m,
	'a good token without a right of its own');

# ------------------------------------------------------------- 6. other kinds

for (@binary) {
	my ($kind, $port) = @$_;
	$r = $t->http('GET', "/t/$T/main/noarch/x?a=$T", port => $t->port($port),
		headers => [Authorization => basic("$T:"), 'X-Auth' => $T,
			Referer => "http://localhost/t/$T/x", 'X-Mark' => 'yes']);
	is($r->{status}, 502, "$kind: passed on, and nothing comes back");
	$raw = slurp($t->dir . "/tmp/$kind.raw");
	like($raw, qr{/main/noarch/x\?a=\*{46}}, '  the URI');
	like($raw, qr{GET /t/\*{4}/main/noarch/x}, '  the request line');
	like($raw, qr/HTTP_X_MARK/, '  the headers');
	unlike($raw, qr/HTTP_(?:AUTHORIZATION|X_AUTH)/, '  but the carriers');
}

$t->finish;
