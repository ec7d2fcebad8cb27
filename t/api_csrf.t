#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T111: what another site can make a browser send does nothing. A browser adds
# a name and password, or a client certificate, of its own accord; it sends
# forms anywhere, and anything else only where it is allowed to.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Api qw(says);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'requests of other sites');
$t->start_redis;
$t->private_file('htpasswd', "root:{PLAIN}pass\n");
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
server {
	listen %%LISTEN%%;
	server_name psm.example;
	location /api/ {
		auth_basic psm;
		auth_basic_user_file %%DIR%%/private/htpasswd;
		psm_token_api;
		psm_token_api_user $remote_user;
		psm_token_api_admin 1;
	}
	location /plain/ { psm_token_api; }
}
EOC
$t->start_nginx;
my $api = PSM::Api->new($t);
my $plain = PSM::Api->new($t, prefix => '/plain');
$api->cli('user', 'set', 'root', '--admin');
my ($token, $id) = $api->mint('--owner', 'root', '--scope', 'user.token:edit',
	'--scope', 'user.token:view');
my $ours = 'http://localhost:' . $t->port;
my @root = (Authorization => 'Basic ' . encode_base64('root:pass', ''));
my $wish = '{"name":"n","scopes":["artifact:download"]}';

# Everything but what is noted of refusals.
sub state {
	return join "\n", grep { !/audit:denied/ } split /\n/,
		$t->redis_server->dump_all;
}

sub post {
	my ($on, $who, $type, @headers) = @_;
	return $on->ask('POST', '/account/tokens', $who, $wish, headers => [
		defined $type ? ('Content-Type', $type) : ('Content-Type', ''),
		'Host', 'localhost:' . $t->port, @headers]);
}

my $json = 'application/json';
for (
	['a page of this site', $json, $ours],
	['no page at all', $json, undef],
	['with a charset', "$json; charset=utf-8", $ours],
) {
	my ($name, $type, $origin) = @$_;
	says(post($api, \@root, $type, defined $origin ? (Origin => $origin) : ()),
		'200', $name);
}
my $before = state();
for (
	['another site', $json, 'https://evil.example', '403 cross_site'],
	['the same over TLS', $json, $ours =~ s/http/https/r, '403 cross_site'],
	['another port', $json, 'http://localhost:1', '403 cross_site'],
	['one that begins so', $json, "$ours.evil.example", '403 cross_site'],
	['a page without an origin', $json, 'null', '403 cross_site'],
	['a form', 'application/x-www-form-urlencoded', $ours, '415 media_type'],
	['a form with files', 'multipart/form-data; boundary=x', $ours,
		'415 media_type'],
	['a form of text', 'text/plain', $ours, '415 media_type'],
	['text that names JSON', 'text/plain; application/json', undef,
		'415 media_type'],
	['no type', undef, undef, '415 media_type'],
	['a form of another site', 'text/plain', 'https://evil.example',
		'415 media_type'],
) {
	my ($name, $type, $origin, $says) = @$_;
	says(post($api, \@root, $type, defined $origin ? (Origin => $origin) : ()),
		$says, "T111 $name");
}
says($api->ask($_->[0], $_->[1], [@root, Origin => 'https://evil.example'],
	$_->[2]), '403 cross_site', "T111 $_->[0] of another site") for
	['DELETE', "/account/tokens/$id"],
	['PUT', "/account/tokens/$id", {}],
	['PUT', '/channels/main', { privacy => 'public' }],
	['POST', '/explain', { method => 'GET', url => '/x' }];
is(state(), $before, '  nothing of it was done');

# A token does not come of its own accord: its page may be anywhere, but must
# send JSON, for which a browser asks first.
for my $origin ('https://elsewhere.example', 'null') {
	says(post($plain, $token, $json, Origin => $origin), '200',
		"a token, from $origin");
}
says(post($plain, $token, 'text/plain'), '415 media_type',
	'  never as a form');

# The question that a browser asks first, and answers that would let it.
my $asked = $api->ask('OPTIONS', '/account/tokens', [@root,
	Origin => 'https://evil.example',
	'Access-Control-Request-Method' => 'POST',
	'Access-Control-Request-Headers' => 'content-type']);
says($asked, '405 method_not_allowed', 'a browser that asks gets no leave');
for ($asked, $api->ask('GET', '/account', [@root, Origin =>
	'https://evil.example']), $plain->ask('GET', '/account', $token, undef,
	headers => [Origin => 'https://evil.example'])) {
	is(scalar(grep { $_->[0] =~ /^(?:access-control|set-cookie)/i }
		@{ $_->{headers} }), 0, '  and no answer shares itself or sets a cookie');
}

# Reading does nothing, whatever it is called with.
$before = state();
for my $method (qw(GET HEAD)) {
	for my $path ('/account', '/account/scopes', '/account/channels',
		'/account/tokens', "/account/tokens/$id", '/channels/main', '/audit') {
		$api->ask($method, $path, \@root);
		$api->ask($method, $path, \@root, $wish);
		$api->ask($method, $path, [@root, 'X-HTTP-Method-Override', 'DELETE']);
	}
}
is(state(), $before, 'no GET has effects');
$t->finish;
