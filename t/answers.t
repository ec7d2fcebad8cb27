#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What an answer says besides its content: who may cache it, that its token is
# about to expire, and why a request was denied.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Check qw(ask_as spoiled_token);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'answers');
$t->start_redis;
$t->start_upstream(handler => sub {
	my ($request) = @_;
	return if $request->{uri} !~ m{/own/};
	return [200, ['Cache-Control' => 'max-age=60', Vary => 'Accept'], 'own'];
});

my %privacy = (
	pub => 'public', auth => 'authenticated', priv => 'private',
	'pub/closed' => 'private', 'pub/members' => 'authenticated',
);
$t->set_channel($_, $privacy{$_}) for keys %privacy;
my ($file, $index) = ('noarch/x-1-0.conda', 'noarch/repodata.json');
$t->file("$_/$file", "package of $_"), $t->file("$_/$index", "index of $_")
	for keys %privacy, qw(plain priv/plain);

$t->write_conf(<<'EOC');
root %%ROOT%%;
psm_token on;
add_header X-Status $psm_token_status always;

server {
	listen %%LISTEN%%;

	location /priv/noarch/cached/ {
		add_header Cache-Control max-age=5;
		alias %%ROOT%%/priv/noarch/;
	}
	location /priv/noarch/expires/ {
		expires 1h;
		alias %%ROOT%%/priv/noarch/;
	}
	location /priv/noarch/own/ {
		proxy_pass http://%%UPSTREAM%%;
	}
	location /priv/noarch/soon/ {
		psm_token_warn 40d;
		alias %%ROOT%%/priv/noarch/;
	}
}
EOC
$t->start_nginx;

my $last;

# The answer in short; the response is $last then.
sub call {
	(my $answer, $last) = ask_as($t, @_);
	return $answer;
}

sub headers_named {
	my ($name) = @_;
	return map { $_->[1] } grep { lc $_->[0] eq lc $name } @{ $last->{headers} };
}

my @view = qw(artifact:download channel:view-artifacts
	subchannel:view-artifacts);
my %token = (
	'no token' => undef,
	'read on all' => $t->add_token(
		resources => { map { $_ => 'read' } qw(pub auth priv) }),
	'manage on another' => $t->add_token(resources => { other => 'manage' }),
	'read scopes' => $t->add_token(scopes => \@view),
	'other scopes' => $t->add_token(
		scopes => ['channel:edit', 'cve:view', 'artifact:view']),
	'other scopes out of reach' => $t->add_token(scopes => ['channel:edit'],
		channels => ['other']),
	expired => $t->add_token(resources => { priv => 'manage' },
		expires => time - 1),
	disabled => $t->add_token(scopes => \@view,
		disabled => JSON::PP::true),
	broken => $t->add_token(raw => '{"v":1,"type":"scope"'),
	unknown => $t->unknown_token,
	malformed => spoiled_token($t),
	masked => '********',
);
my $where = '403 channel_not_granted';

# ------------------------------------------------------------- caching -----

my $vary = 'Authorization, X-Auth, X-API-Key';

# Cache-Control and Vary of the last answer.
sub cache_headers {
	return [[headers_named('Cache-Control')], [headers_named('Vary')]];
}

for my $method (qw(GET HEAD)) {
	for my $channel (qw(auth priv pub/closed pub/members)) {
		call($method, "/$channel/$file", $token{'read scopes'});
		is_deeply(cache_headers(), [['private'], [$vary]],
			"$method of $channel: for this client only");
	}
	for my $who ('no token', 'read on all', 'manage on another') {
		call($method, "/pub/$file", $token{$who});
		is_deeply(cache_headers(), [[], []], "$method of a public one: $who");
	}
}
call('GET', "/priv/noarch/cached/x-1-0.conda", $token{'read scopes'});
is_deeply(cache_headers(), [['max-age=5'], [$vary]],
	'a Cache-Control by add_header stays');
call('GET', "/priv/noarch/expires/x-1-0.conda", $token{'read scopes'});
is_deeply(cache_headers(), [['max-age=3600'], [$vary]], 'one by expires, too');
call('GET', '/priv/noarch/own/x', $token{'read scopes'});
is($last->{body}, 'own', 'an answer of an upstream');
is_deeply([headers_named('Cache-Control')], ['max-age=60'], 'keeps its own');
ok(scalar(grep { $_ eq $vary } headers_named('Vary')), 'and gets our Vary');

is(call('GET', "/priv/noarch/absent", $token{'read scopes'}), '404 granted',
	'what is not there on a granted channel');
is_deeply(cache_headers(), [['private'], [$vary]], 'is for this client, too');

# A right is asked for before the client's conditions are.
call('GET', "/priv/$file", $token{'read scopes'});
my ($etag) = headers_named('ETag');
for my $case (
	['If-None-Match', $etag, '304 granted'], ['Range', 'bytes=0-3', '206 granted'],
	['If-Match', '"x"', '412 granted'], ['Range', 'bytes=999-', '416 granted'],
) {
	my ($name, $value, $expected) = @$case;
	my @condition = (headers => [$name, $value]);
	is(call('GET', "/priv/$file", $token{'read scopes'}, @condition), $expected,
		"$name with the right");
	is_deeply(cache_headers(), [['private'], [$vary]],
		"for this client only, $expected");
	is(call('GET', "/priv/$file", undef, @condition), '401 token_missing',
		"$name without a token");
	is(call('GET', "/priv/$file", $token{'manage on another'}, @condition),
		$where, "$name without the right");
}

# -------------------------------------------------------- near expiry ------

sub warning_of {
	my ($expires, $path, $method, @headers) = @_;

	my $token = $t->add_token(resources => { priv => 'read' },
		expires => $expires);
	call($method // 'GET', $path // "/priv/$file", $token,
		headers => \@headers);
	return [headers_named('Conda-Token-Warning')];
}
my $day = 86400;
is(@{ warning_of(time + 6 * $day) }, 1, 'a week before the end: a warning');
is(@{ warning_of(time + 60) }, 1, 'a minute before the end');
is(@{ warning_of(time + 6 * $day, "/priv/$file", 'HEAD') }, 1, 'to HEAD');
is(@{ warning_of(time + 8 * $day) }, 0, 'earlier: none');
is(@{ warning_of(undef) }, 0, 'a token that never ends: none');
is(@{ warning_of(time - 1) }, 0, 'one that has ended: none');
is(@{ warning_of(time + 3600, "/auth/$file") }, 0, 'one that is denied: none');
is(@{ warning_of(time + 30 * $day, '/priv/noarch/soon/x-1-0.conda') }, 1,
	'psm_token_warn 40d');
is(@{ warning_of(time + 50 * $day, '/priv/noarch/soon/x-1-0.conda') }, 0,
	'psm_token_warn 40d is not more');
is(@{ warning_of(time + $day, undef, undef, Range => 'bytes=999-') }, 1,
	'one only, where nginx makes the answer twice');
like(warning_of(time + $day)->[0],
	qr/expire.*\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/, 'it says when');

# ------------------------------------------------------------- denials -----

my $challenge = 'Bearer realm="psm"';
my %denial = (
	token_missing => [401, "/priv/$file", undef],
	token_masked => [401, "/priv/$file", $token{masked}],
	token_malformed => [401, "/priv/$file", $token{malformed}],
	token_unknown => [401, "/priv/$file", $token{unknown}],
	record_invalid => [401, "/priv/$file", $token{broken}],
	token_disabled => [401, "/priv/$file", $token{disabled}],
	token_expired => [401, "/priv/$file", $token{expired}],
	token_ambiguous => [401, "/t/$token{unknown}/priv/$file",
		$token{'read scopes'}],
	action_unknown => [403, '/-x/noarch/secret-name', $token{'read scopes'}],
	channel_not_granted => [403, '/secret-name/noarch/x',
		$token{'read on all'}],
	scope_missing => [403, "/priv/$file", $token{'other scopes'}],
	level_too_low => [403, "/priv/$file", $token{'read on all'}, 'PUT'],
	# With Redis away, below.
	store_unavailable => [503, "/fresh/$file", undef],
);
my @keys = sort qw(type title status detail instance reason message error
	code request_id);

sub check_denial {
	my ($code) = @_;

	my ($status, $path, $token, $method) = @{ $denial{$code} };
	$method //= 'GET';
	subtest "the answer $code" => sub {
		is(call($method, $path, $token), "$status $code", "$method");
		my $first = $last;

		is_deeply([headers_named('Content-Type')], ['application/problem+json'],
			'Content-Type');
		is_deeply([headers_named('Cache-Control')], ['no-store'],
			'Cache-Control');
		is_deeply([headers_named('WWW-Authenticate')], $status != 401 ? []
			: [$challenge . (defined $token ? ', error="invalid_token"' : '')],
			'WWW-Authenticate');
		is_deeply([headers_named('Retry-After')], $status == 503 ? ['2'] : [],
			'Retry-After');
		is_deeply([headers_named('Conda-Token-Warning')], [], 'no warning');

		my $body = eval { decode_json($last->{body}) } // {};
		is_deeply([sort keys %$body], \@keys, 'the body has its ten members');
		cmp_ok(length $last->{body}, '<', 1024, 'is under 1 KiB');
		is($body->{status}, $status, 'status');
		like($last->{body}, qr/"status":\s*$status\b/, 'as a number');
		is($body->{code}, $code, 'code');
		like($body->{request_id}, qr/^[0-9a-f]{32}$/, 'request_id');
		is(scalar(grep { /\S/ && !ref } @$body{@keys}), 10, 'none is empty');
		unlike($last->{body}, qr/priv|secret-name|x-1-0|localhost|X-Auth:/,
			'nothing of the request is in it');

		return if $method ne 'GET';
		call('HEAD', $path, $token);
		is($last->{body}, '', 'HEAD: no body');
		my $shown = sub {
			return [map { "$_->[0]: $_->[1]" } grep { $_->[0] ne 'Date' }
				@{ $_[0]{headers} }];
		};
		is_deeply($shown->($last), $shown->($first), 'and the same headers');
	};
}
check_denial($_) for grep { $_ ne 'store_unavailable' } sort keys %denial;

# What is no carrier brought no token.
call('GET', "/priv/$file", undef, headers => [Authorization => 'Negotiate YII=']);
is_deeply([headers_named('WWW-Authenticate')], [$challenge],
	'another scheme of Authorization is no token');
call('GET', "/t//priv/$file");
is_deeply([headers_named('WWW-Authenticate')],
	["$challenge, error=\"invalid_token\""], 'an empty one is a bad one');

# Two requests for the same have ids of their own.
my @ids = map {
	call('GET', "/priv/$file");
	decode_json($last->{body})->{request_id};
} 1, 2;
isnt($ids[0], $ids[1], 'each denial has a request id of its own');

# ------------------------------------- what is there and what is not -------

# The bytes of an answer without what is new each time.
sub bytes_of {
	my (@call) = @_;

	call(@call);
	return $last->{raw} =~ s/[0-9a-f]{32}/ID/gr =~ s/^Date: .*$/Date/mr;
}
for my $who ('no token', 'manage on another', 'other scopes out of reach',
	'unknown', 'expired') {
	my $token = $token{$who};
	for my $method (qw(GET HEAD PUT DELETE)) {
		my $absent = bytes_of($method, "/absent/$file", $token);
		for my $path ("priv/$file", "priv/noarch/absent", "auth/$file",
			"plain/$file", "priv/plain/$file", "pub/closed/$file") {
			is(bytes_of($method, "/$path", $token), $absent,
				"$method /$path is as one of an absent channel: $who");
		}
	}
	my $absent = bytes_of('GET', '/absent', $token);
	for my $path (qw(priv priv/ priv/noarch priv/noarch/ priv/plain absent/)) {
		is(bytes_of('GET', "/$path", $token), $absent,
			"/$path is as an absent channel: $who");
	}
}

# ------------------------------------------------- the store is away -------

$t->redis_server->stop;
$t->expect_log(qr/connect\(\) to unix:/);
check_denial('store_unavailable');
is(call('GET', "/priv/$file", $t->unknown_token), '503 store_unavailable',
	'a token cannot be checked: not its fault');
is(call('PUT', "/fresh/$file"), '401 token_missing',
	'a write without a token needs no Redis to be refused');
is(call('GET', "/fresh/$file", $token{malformed}), '401 token_malformed',
	'nor does a token that is none');

$t->finish;
