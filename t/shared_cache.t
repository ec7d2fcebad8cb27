#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# One proxy_cache for all tokens: who fills it, who may read it, what it keeps;
# and what the answers say to caches further on (threats T52, T53).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Find ();
use PSM::Check qw(code_of);
use PSM::Gate;
use PSM::Process qw(slurp);
use Test::More;

my $t = PSM::Gate->new(name => 'shared cache');
$t->start_redis;
my %answer = (
	vary => [200, [Vary => 'Authorization, X-Auth, Accept'], "vary\n"],
	public => [200, ['Cache-Control' => 'public, max-age=60'], "public\n"],
	moved => [302, [Location => '/main/noarch/elsewhere'], ''],
	denied => [403, ['Content-Type' => 'text/plain'], "the upstream's no\n"],
	login => [401, ['WWW-Authenticate' => 'Basic realm="u"'], "who?\n"],
	absent => [404, [], "not there\n"],
);
my $up = $t->start_upstream(handler => sub {
	my ($request) = @_;
	my ($kind) = $request->{uri} =~ m{/noarch/(\w+)};
	return $answer{ $kind // '' } // [200, [ETag => '"1"'],
		"content of $request->{uri}\n"];
});
$t->set_channel('open', 'public');
my $server = <<'EOC';
	psm_token on;
	psm_token_base / /api/repo/;
	location / {
		proxy_pass http://%%UPSTREAM%%;
		proxy_cache shared;
		proxy_cache_valid any 10m;
		proxy_redirect off;
		add_header X-Cache $upstream_cache_status always;
	}
	location /main/short/ {
		proxy_pass http://%%UPSTREAM%%;
		proxy_cache shared;
		proxy_cache_valid any 1s;
		proxy_cache_use_stale error timeout updating;
		add_header X-Cache $upstream_cache_status always;
	}
EOC
$t->write_conf(<<"EOC");
proxy_cache_path %%DIR%%/cache keys_zone=shared:1m;
psm_token_cache off;
server {
	listen %%LISTEN%%;
	merge_slashes on;
$server
}
server {
	listen %%LISTEN2%% http2;
$server
}
server {
	listen %%LISTEN3%%;
	merge_slashes off;
$server
}
EOC
$t->start_nginx;

my %port = (plain => 1, h2 => 2, unmerged => 3);
my $A = $t->add_token(resources => { main => 'read' });
my $A2 = $t->add_token(scopes => ['artifact:download']);
my $B = $t->add_token(resources => { other => 'manage' });
my $expired = $t->add_token(resources => { main => 'read' },
	expires => time - 1);

sub ask {
	my ($mode, $method, $path, @headers) = @_;

	return $t->h2($path, \@headers, method => $method, port => $t->port(2))
		if $mode eq 'h2';
	return $t->http($method, $path, headers => \@headers,
		port => $t->port($port{$mode}));
}

# "200 MISS", "403 channel_not_granted"
sub brief {
	my ($r) = @_;
	return "$r->{status} " . (code_of($r) || $t->header($r, 'X-Cache') || '-');
}

sub encoded { return join '', map { sprintf '%%%02X', ord } split //, $_[0] }

# Bytes of all that the cache has stored.
sub stored {
	my $all = '';
	File::Find::find({ no_chdir => 1, wanted => sub {
		$all .= slurp($_) if -f } }, $t->dir . '/cache');
	return $all;
}

# ------------------------------------------------------ 1. who reads what

for my $mode (sort keys %port) {
	my $at = "main/noarch/$mode";
	my $private = '403 channel_not_granted';
	my @rows = (
		# nobody has been there yet: a denial stores nothing
		['nobody, first', GET => "/$at", [], '401 token_missing'],
		['B, first', GET => "/t/$B/$at", [], $private],
		['an expired one, first', GET => "/$at", ['X-Auth' => $expired],
			'401 token_expired'],
		['A fills it', GET => "/t/$A/$at", [], '200 MISS'],
		['A again', GET => "/t/$A/$at", [], '200 HIT'],
		['A by Bearer', GET => "/$at", [Authorization => "Bearer $A"],
			'200 HIT'],
		['A by X-API-Key', GET => "/$at", ['X-API-Key' => $A], '200 HIT'],
		['A, encoded', GET => '/t/' . encoded($A) . "/$at", [], '200 HIT'],
		['A, twice', GET => "/t/$A/t/$A/$at", [], '200 HIT'],
		['A, by dots', GET => "/x/../t/$A/$at", [], '200 HIT'],
		['A, HEAD', HEAD => "/t/$A/$at", [], '200 HIT'],
		['another that may', GET => "/t/$A2/$at", [], '200 HIT'],
		['B', GET => "/t/$B/$at", [], $private],
		['B by header', GET => "/$at", ['X-Auth' => $B], $private],
		['B, HEAD', HEAD => "/t/$B/$at", [], '403 -'],
		['A and B', GET => "/t/$A/$at", ['X-Auth' => $B],
			'401 token_ambiguous'],
		['nobody', GET => "/$at", [], '401 token_missing'],
		['nobody, HEAD', HEAD => "/$at", [], '401 -'],
		['nobody, a range', GET => "/$at", [Range => 'bytes=0-1'],
			'401 token_missing'],
		['nobody, if it has changed', GET => "/$at",
			['If-None-Match' => '"1"'], '401 token_missing'],
		['an expired one', GET => "/t/$expired/$at", [], '401 token_expired'],
		['a writer of elsewhere', PUT => "/t/$B/$at", [], $private],
	);
	my $before = $up->requests // 0;
	for (@rows) {
		my ($name, $method, $path, $headers, $wanted) = @$_;
		my $r = ask($mode, $method, $path, @$headers,
			$method eq 'PUT' ? ('Content-Length' => 0) : ());
		is(brief($r), $wanted, "T52 $mode: $name");
		my $granted = $r->{status} == 200;
		is($t->header($r, 'Cache-Control'), $granted ? 'private' : 'no-store',
			'  T53 Cache-Control');
		is($t->header($r, 'Vary'), $granted
			? 'Authorization, X-Auth, X-API-Key' : undef, '  T53 Vary');
	}
	is($up->requests - $before, 1, "T52 $mode: the upstream was asked once");

	my $R = $t->add_token(resources => { main => 'read' });
	is(brief(ask($mode, GET => "/t/$R/$at")), '200 HIT', "T52 $mode: a reader");
	$t->revoke($R);
	is(brief(ask($mode, GET => "/t/$R/$at")), '401 token_disabled',
		'  who is one no more');
}

# ------------------------------------------- 2. what an upstream makes of it

my @kinds = (
	# file, status, Cache-Control, Vary
	['vary', 200, 'private', 'Authorization, X-Auth, Accept; '
		. 'Authorization, X-Auth, X-API-Key'],
	['public', 200, 'public, max-age=60', 'Authorization, X-Auth, X-API-Key'],
	['denied', 403, 'private', 'Authorization, X-Auth, X-API-Key'],
	['login', 401, 'private', 'Authorization, X-Auth, X-API-Key'],
	['absent', 404, 'private', 'Authorization, X-Auth, X-API-Key'],
	['moved', 302, 'private', 'Authorization, X-Auth, X-API-Key'],
);
for (@kinds) {
	my ($kind, $status, $control, $vary) = @$_;
	for my $turn (['MISS', $A], ['HIT', $A], ['HIT', $A2], ['HIT', $A, 1]) {
		my ($cache, $token, $by_header) = @$turn;
		my $r = $by_header
			? ask('plain', GET => "/main/noarch/$kind", 'X-Auth' => $token)
			: ask('plain', GET => "/t/$token/main/noarch/$kind");
		is(brief($r), "$status $cache", "T52 the upstream's $kind: $cache");
		is($r->{body}, $answer{$kind}[2], '  its own words');
		is($t->header($r, 'Cache-Control'), $control, '  T53 Cache-Control');
		is(join('; ', map { lc $_->[0] eq 'vary' ? $_->[1] : () }
			@{ $r->{headers} }), $vary, '  T53 Vary');
		next if $kind ne 'moved';
		# Whose it is comes from the request, never from the cache.
		my $location = $t->header($r, 'Location');
		my $own = $by_header ? '' : "/t/$token";
		ok($location =~ m{(?:^|:\d+|localhost)\Q$own\E/main/noarch/elsewhere\z},
			'  T64 Location is of whoever asks');
		$t->allow_leak('response header location', $token);
	}
	is(brief(ask('plain', GET => "/t/$B/main/noarch/$kind")),
		'403 channel_not_granted', "T52 the upstream's $kind: not for B");
	is(brief(ask('plain', GET => "/main/noarch/$kind")), '401 token_missing',
		'  nor for nobody');
}
unlike(stored(), qr/^(?:Cache-Control: private|Vary: Authorization, X-Auth, X-API)/m,
	'T53 what is ours is added behind the cache');
like(stored(), qr{^KEY: \S+/main/noarch/moved$}m, 'T52 keys are clean paths');

# A channel that anybody may read is one entry for anybody.
for my $who (['nobody', '', 'MISS'], ['A', "/t/$A", 'HIT'], ['B', "/t/$B", 'HIT']) {
	my ($name, $before, $cache) = @$who;
	my $r = ask('plain', GET => "$before/open/noarch/x");
	is(brief($r), "200 $cache", "T52 an open channel: $name");
	is($t->header($r, 'Cache-Control'), undef, '  T53 may be stored by all');
}

# ------------------------------------------------ 3. when the upstream is away

my $short = 'main/short/x';
is(brief(ask('plain', GET => "/t/$A/$short")), '200 MISS', 'T52 a short life');
$up->stop;
Time::HiRes::sleep(2.1);
is(brief(ask('plain', GET => "/t/$A2/$short")), '200 STALE',
	'T52 a stale answer for who may read');
is(brief(ask('plain', GET => "/t/$B/$short")), '403 channel_not_granted',
	'  and for nobody else');
is(brief(ask('plain', GET => "/$short")), '401 token_missing', '  nor nobody');

# When Redis is away: 503, not what the cache has.
$t->expect_log(qr/connect\(\) to unix:/);
$t->redis_server->stop;
for my $path ("/t/$A/main/noarch/plain", "/t/$A/$short") {
	my $r = ask('plain', GET => $path);
	is(brief($r), '503 store_unavailable', 'T52 no Redis, no answer');
	is($t->header($r, 'Cache-Control'), 'no-store', '  T53 not to be stored');
}

$t->finish;
