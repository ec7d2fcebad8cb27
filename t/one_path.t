#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What is judged is what is served: no second reading of a path, an identity
# or a file that differs from the one the gate decided on; and what was found
# to leak where nginx has a second way.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Check qw(answer_is);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'one path');
$t->start_redis;
$t->start_upstream;
$t->file('main/noarch/repodata.json', '{}');
$t->private_file('htpasswd', "me:{PLAIN}secret\n", 0644);
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
root %%ROOT%%;
add_header X-Cache $psm_token_cache always;
server {
	listen %%LISTEN1%%;
	psm_token on;
	location / { proxy_pass http://%%UPSTREAM%%; }
}
server {
	listen %%LISTEN2%%;
	psm_token on;
	location / { try_files /nonexist @strict; }
	location @strict { psm_token_strict on; try_files $uri =404; }
	location /basic/ {
		psm_token off;
		auth_basic x;
		auth_basic_user_file %%DIR%%/private/htpasswd;
	}
}
server {
	listen %%LISTEN3%%;
	psm_token_carriers path bearer;
	satisfy any;
	auth_basic x;
	auth_basic_user_file %%DIR%%/private/htpasswd;
	psm_token on;
}
server { listen %%LISTEN4%% default_server; }
server { listen %%LISTEN4%%; server_name gated; psm_token on; }
server {
	listen %%LISTEN5%%;
	psm_token on;
	open_file_cache max=100;
	open_file_cache_errors on;
	open_file_cache_valid 60s;
	location / {
		dav_methods PUT;
		create_full_put_path on;
		include %%REPO%%/conf/psm_no_overwrite.conf;
	}
}
server {
	listen %%LISTEN6%%;
	psm_token on;
	psm_token_dry_run on;
	satisfy any;
	deny all;
}
EOC
$t->start_nginx;

my $token = $t->add_token(resources => { main => 'read' });

sub sent {
	my ($path, @headers) = @_;
	my $r = $t->get($path, @headers);
	return "$r->{status}" if $r->{status} != 200;
	my ($uri) = $t->{upstreams}[0]->last_request =~ /\A\S+ (\S+)/;
	return $uri;
}

# ---- an upstream sees the path that was judged, whoever carries the token ----

for my $case (
	['/secret//../main/noarch/x', '/main/noarch/x'],
	['/secret/noarch/r.json;%2F..%2F..%2F..%2Fmain%2Fnoarch%2Fx', undef],
	['//main//noarch//x', '/main/noarch/x'],
	['/main/./noarch/%78', '/main/noarch/x'],
	['/main/noarch/a%2Bb%21c?q=%2F', '/main/noarch/a+b!c?q=%2F'],
	['/main/noarch/a%20b', '/main/noarch/a%20b'],
) {
	my ($path, $wanted) = @$case;
	my $by_path = sent("/t/$token$path");
	is(sent($path, 'X-Auth' => $token), $by_path,
		"$path: header and path token are one request");
	is($by_path, $wanted, '  as judged') if defined $wanted;
	unlike($by_path, qr{//|\.\.|;}, '  and nothing to read twice');
}

# ---- strict is strict after an internal redirect ----

my $two = $t->port(2);
my $path = "/t/$token/main/noarch/repodata.json";
is($t->http('GET', $path, port => $two)->{status}, 200, 'cached on the way');
$t->revoke($token);
answer_is($t->http('GET', $path, port => $two), 401, 'token_disabled',
	'a strict location after a redirect does not trust the cache');
$token = $t->add_token(resources => { main => 'write' });

# ---- auth_basic does not log a token as a user ----

for my $port ($two, $t->port(3)) {
	my $r = $t->http('GET', '/basic/x', port => $port, headers => [
		Authorization => 'Basic ' . encode_base64("$token:x-auth-token", '')]);
	is($r->{status}, 401, 'a token as the user of auth_basic');
}
my $long = 'Basic ' . encode_base64('u' x 600 . ":$token", '');
$t->secret(encode_base64('u' x 600 . ":$token", ''));
is($t->get("/t/$token/main/noarch/x", Authorization => $long)->{status}, 200,
	'a Basic too long to be read, beside a token');
unlike($t->{upstreams}[0]->last_request, qr/^Authorization/mi,
	'is not passed on');

# ---- refused before the Host was read, and the default server is another ----

for my $raw (
	"GET /t/$token/" . 'x' x 40000 . " HTTP/1.1\r\nHost: gated\r\n\r\n",
	"GET /t/$token/x HTTP/1.1\r\nbad header\0\r\nHost: gated\r\n\r\n",
	"GET /t/$token/x HTTP/3.9\r\n\r\n",
) {
	my $r = $t->request($raw, port => $t->port(4));
	ok($r->{status} >= 400, "refused: $r->{status}");
}

# ---- a second Referer ----

is($t->get("/t/$token/main/noarch/x", Referer => 'http://a/',
	Referer => "http://gated/t/$token/main/")->{status}, 200, 'two Referers');
unlike($t->{upstreams}[0]->last_request, qr/\Q$token\E/, 'show no token');

# ---- open_file_cache does not let a write token overwrite ----

my @put = (port => $t->port(5), headers => ['X-Auth' => $token], body => 'x');
is($t->http('PUT', '/main/noarch/new.conda', @put)->{status}, 201, 'a new file');
answer_is($t->http('PUT', '/main/noarch/new.conda', @put), 403,
	'level_too_low', 'is not overwritten');

# ---- a dry run opens nothing that others close ----

is($t->http('GET', '/main/noarch/repodata.json', port => $t->port(6),
	headers => ['X-Auth' => $token])->{status}, 403,
	'satisfy any, deny all, and a dry run');

$t->finish;
