#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Every scope has an effect: the two maps of PSM's management API in front of
# an upstream, each route with the scope it needs, without it, with all the
# others, and with resource tokens. The table below is written from the
# product's page on tokens, not from our code.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Gate;
use Test::More;

my ($read, $write, $manage) = qw(read write manage);

# Scope, level, routes. C is /api/channels/main, S is the subchannel "dev" of
# it, CS is either; REPO is /api/repo/main or /api/repo/main/dev. Other routes
# are the account's: no resource token opens them.
my @table = (
	['artifact:create', $write, 'POST CS/artifacts'],
	['artifact:delete', $manage, 'PUT CS/artifacts/bulk',
		'DELETE CS/artifacts/conda/numpy',
		'DELETE CS/artifacts/conda/numpy/files/linux-64/numpy-1-0.conda'],
	['artifact:download', $read, 'GET REPO/noarch/numpy-1-0.conda',
		'HEAD REPO/linux-64/numpy-1-0.tar.bz2', 'GET REPO/jupyter/a.ipynb'],
	['artifact:edit', $manage, 'PUT CS/artifacts/conda/numpy',
		'PATCH CS/artifacts/conda/numpy/files/x'],
	['artifact:view', $read, 'GET CS/artifacts/conda/numpy',
		'HEAD CS/artifacts/conda/numpy/files'],
	['channel:create', $write, 'POST /channels'],
	['channel:delete', $manage, 'DELETE C'],
	['channel:edit', $manage, 'PUT C', 'PATCH C'],
	['channel:history', $manage, 'GET C/history', 'HEAD C/history'],
	['channel:view', $read, 'GET C', 'HEAD C', 'GET C/subchannels'],
	['channel:view-artifacts', $read, 'GET C/artifacts'],
	['channel.default-channel:edit', $manage, 'PUT /account/default-channel'],
	['channel.group:edit', $manage, 'POST C/groups', 'PUT C/groups/devs',
		'DELETE C/groups/devs'],
	['channel.group:view', $read, 'GET C/groups', 'GET C/groups/devs'],
	['channel.mirror:edit', $manage, 'POST C/mirrors', 'PUT C/mirrors/7',
		'DELETE C/mirrors/7', 'POST C/mirrors/7/stop_mirror_sync'],
	['channel.mirror:view', $manage, 'GET C/mirrors', 'GET C/mirrors/7'],
	['subchannel:create', $manage, 'POST C/subchannels'],
	['subchannel:delete', $manage, 'DELETE S'],
	['subchannel:edit', $manage, 'PUT S', 'PATCH S'],
	['subchannel:history', $manage, 'GET S/history'],
	['subchannel:view', $read, 'GET S', 'HEAD S'],
	['subchannel:view-artifacts', $read, 'GET S/artifacts'],
	['subchannel.group:edit', $manage, 'POST S/groups', 'DELETE S/groups/devs'],
	['subchannel.group:view', $read, 'GET S/groups'],
	['subchannel.mirror:edit', $manage, 'POST S/mirrors', 'PUT S/mirrors/7',
		'DELETE S/mirrors/7', 'POST S/mirrors/7/stop_mirror_sync'],
	['subchannel.mirror:view', $manage, 'GET S/mirrors', 'HEAD S/mirrors/7'],
	['mirror:view', $manage, 'GET /mirrors'],
	['system.license:edit', $manage, 'PUT /system/license',
		'POST /system/license'],
	['system.license:view', $manage, 'GET /system/license'],
	['cve:edit', $manage, 'PUT /cves/CVE-2024-1', 'POST /cves'],
	['cve:view', $read, 'GET /cves', 'GET /cves/CVE-2024-1',
		'HEAD /cves/CVE-2024-1/files'],
	['role:edit', $manage, 'POST /roles', 'PUT /roles/author',
		'DELETE /roles/author'],
	['role:view', $read, 'GET /roles', 'GET /roles/author'],
	['system.settings:edit', $manage, 'GET /system/settings',
		'PUT /system/settings'],
	['system:delete-blobs', $manage, 'POST /system/blob_cleanup',
		'DELETE /system/blob_cleanup', 'POST /diagnose/blobs'],
	['user.token:edit', $manage, 'POST /account/tokens',
		'PUT /account/tokens/9f', 'DELETE /account/tokens/9f'],
	['user.token:view', $manage, 'GET /account/tokens',
		'GET /account/tokens/9f'],
);

# Scopes whose level counts on the channel above the subchannel they act on.
my %on_parent = map { $_ => 1 } 'subchannel.mirror:edit';

my $t = PSM::Gate->new(name => 'management scopes');
$t->start_redis;
$t->start_upstream;
$t->write_conf(<<'EOC');
include %%REPO%%/conf/psm_management_scope.conf;
include %%REPO%%/conf/psm_management_channel.conf;

upstream psm {
	server %%UPSTREAM%%;
	keepalive 4;
}
proxy_http_version 1.1;
proxy_set_header Connection "";

# One token is edited for each scope.
psm_token_cache off;

server {
	listen %%LISTEN%%;
	keepalive_requests 100000;
	psm_token on;
	psm_token_base /api/repo/;
	add_header X-Status $psm_token_status always;

	location / {
		psm_token_require $psm_management_scope;
		psm_token_channel $psm_management_channel;
		proxy_pass http://psm;
	}
	location /api/repo/ {
		proxy_pass http://psm;
	}
	location = /api/cves/moved {
		psm_token_require $psm_management_scope;
		psm_token_channel $psm_management_channel;
		try_files /nothing /api/channels/main/history;
	}
}
EOC
$t->start_nginx;

my $connection = $t->connect;

# "200 granted", "403 scope_missing" and so on.
sub call {
	my ($method, $path, $token, $in_path) = @_;

	my $r = $t->http($method, ($in_path ? "/t/$token" : '') . $path,
		sock => $connection,
		headers => [
			$token && !$in_path ? ('X-Auth', $token) : (),
			$method =~ /^P/ ? ('Content-Length', 0) : (),
		]);
	return "$r->{status} " . ($t->header($r, 'X-Status') // $r->{error} // '');
}

# A route of the table as [method, path, channel that counts]; the channel is
# empty for what concerns the whole account.
sub routes_of {
	my ($scope, @routes) = @_;

	return map {
		my ($method, $route) = split ' ';
		my @made;
		my ($c, $s) = ('/api/channels/main', '/api/channels/main/subchannels/dev');
		if ($route =~ m{^/}) {
			@made = ["/api$route", ''];
		} elsif ($route =~ s/^CS\b//) {
			@made = (["$c$route", 'main'], ["$s$route", 'main/dev']);
		} elsif ($route =~ s/^REPO\b//) {
			@made = (["/api/repo/main$route", 'main'],
				["/api/repo/main/dev$route", 'main/dev']);
		} elsif ($route =~ s/^C\b//) {
			@made = ["$c$route", 'main'];
		} elsif ($route =~ s/^S\b//) {
			@made = ["$s$route", $on_parent{$scope} ? 'main' : 'main/dev'];
		}
		map { [$method, @$_] } @made;
	} @routes;
}

my @scopes = map { $_->[0] } @table;
is(@scopes, 37, 'the page has 37 scopes');

my %alone = map { $_ => $t->add_token(scopes => [$_]) } @scopes;
my $without = $t->add_token(scopes => []);

my %rank = (read => 1, write => 2, manage => 3);
my %resource = map {
	my $channel = $_;
	map { ("$_ on $channel" =>
		$t->add_token(resources => { $channel => $_ })) } keys %rank;
} qw(main main/dev main2 other);

# The answer that design.md promises a resource token.
sub resource_answer {
	my ($level, $granted, $needed, $channel) = @_;

	return '403 scope_missing' if $channel eq '';
	return '403 channel_not_granted' if index("$channel/", "$granted/") != 0;
	return $rank{$level} >= $rank{$needed} ? '200 granted'
		: '403 level_too_low';
}

for my $row (@table) {
	my ($scope, $level, @routes) = @$row;
	my @made = routes_of($scope, @routes);
	$t->edit_token($without, scopes => [grep { $_ ne $scope } @scopes]);

	subtest $scope => sub {
		for my $route (@made) {
			my ($method, $path, $channel) = @$route;
			my $at = "$method $path";
			is(call($method, $path, $alone{$scope}), '200 granted',
				"$at with it");
			is(call($method, $path, $alone{$scope}, 1), '200 granted',
				"$at with it in the path") if $path =~ m{^/api/};
			is(call($method, $path), '401 token_missing',
				"$at without a token");
			is(call($method, $path, $without), '403 scope_missing',
				"$at with the 36 others together");
			is(call($method, $path =~ s{^/api}{}r, $alone{$scope}),
				'200 granted', "$at without /api") if $path !~ m{^/api/repo/};
			for my $who (sort keys %resource) {
				my ($has, $granted) = $who =~ /^(\w+) on (\S+)$/;
				is(call($method, $path, $resource{$who}),
					resource_answer($has, $granted, $level, $channel),
					"$at with $who");
			}
		}

		my ($method, $path) = @{ $made[0] };
		for my $other (grep { $_ ne $scope } @scopes) {
			is(call($method, $path, $alone{$other}), '403 scope_missing',
				"$method $path with $other alone");
		}
	};
}

# What `auto` asks of the repo's paths beyond artifact:download.
for my $case (
	['GET', 'main/noarch/repodata.json', 'channel:view-artifacts',
		'artifact:download'],
	['HEAD', 'main/dev/noarch/repodata.json.zst', 'subchannel:view-artifacts',
		'artifact:download'],
	['POST', 'main', 'artifact:create'],
	['PUT', 'main/dev/noarch/a.conda', 'artifact:create'],
	['PATCH', 'main/noarch/a.conda', 'artifact:edit'],
	['DELETE', 'main/noarch/a.conda', 'artifact:delete'],
) {
	my ($method, $path, @enough) = @$case;
	my %enough = map { $_ => 1 } @enough;
	my @passed = grep {
		call($method, "/api/repo/$path", $alone{$_}) eq '200 granted'
	} @scopes;
	is_deeply([sort @passed], [sort @enough],
		"$method of $path: @enough, and no other");
}

# A token that reaches some channels only.
my $reach = $t->add_token(scopes => \@scopes, channels => ['main/dev']);
is(call('GET', '/api/channels/main/subchannels/dev', $reach), '200 granted',
	'within reach');
is(call('DELETE', '/api/channels/main', $reach), '403 channel_not_granted',
	'out of reach');
is(call('GET', '/api/channels/main/subchannels/dev2', $reach),
	'403 channel_not_granted', 'a name that begins alike is out of reach');
is(call('POST', '/api/channels/main/subchannels/dev/mirrors', $reach),
	'403 channel_not_granted', 'a mirror is a matter of the parent');
is(call('GET', '/api/cves', $reach), '200 granted',
	'what concerns no channel has no reach');

# A narrower grant on the subchannel.
my $narrow = $t->add_token(resources => { main => $manage, 'main/dev' => $read });
is(call('DELETE', '/api/channels/main', $narrow), '200 granted', 'the channel');
is(call('DELETE', '/api/channels/main/subchannels/dev', $narrow),
	'403 level_too_low', 'the narrower grant wins');
is(call('GET', '/api/channels/main/subchannels/dev', $narrow), '200 granted',
	'for what it gives, too');

# Listings name no channel: a scope that is bound to one cannot be judged.
my $all = $t->add_token(scopes => \@scopes);
for my $path ('/channels', '/account/channels', '/artifacts') {
	is(call('GET', "/api$path", $all), '403 channel_not_granted',
		"GET $path is not for the gate");
}

# What is not in the list is refused, whoever asks.
for my $case (
	'GET /', 'GET /api', 'GET /api/', 'GET /api/account',
	'GET /api/account/scopes', 'GET /api/account/token-info',
	'OPTIONS /api/channels/main', 'MKCOL /api/channels/main',
	'TRACK /api/channels/main', 'GETX /api/channels/main',
	'POST /api/channels/main', 'DELETE /api/channels',
	'GET /api/channels/', 'GET /api/channels/main/',
	'GET /api/Channels/main', 'GET /api/channelsx/main',
	'GET /xapi/channels/main', 'GET /api/api/channels/main',
	'GET /x/api/channels/main', 'GET /api/channels/main/history/x',
	'GET /api/channels/main/unknown', 'PUT /api/channels/main/history',
	'GET /api/channels/main/subchannels/dev/subchannels/x',
	'POST /api/channels/main/subchannels/dev',
	'GET /api/system/blob_cleanup', 'GET /api/diagnose/blobs',
	'DELETE /api/account/tokens', 'GET /api/system/settings/x',
	'GET /api/channels/main%0a', 'GET /api/channels/main%0ahistory',
	'GET /api/cves/x%0a', 'GET /api/cves/%252e%252e',
	'DELETE /api/channels/main/artifacts/..;/..;/other',
	'GET /api/cves/;x', 'GET /api/cves/a%5c..%5c..%5croles',
) {
	my ($method, $path) = split ' ', $case;
	is(call($method, $path, $all), '403 action_unknown', $case);
}

# nginx straightens the path before anybody looks at it.
for my $case (
	'GET /api/channels/x/../main/history', 'GET /api//channels/main/history',
	'GET /api/channels/main%2fhistory', 'GET /api/channels/m%61in/history?a=/b',
	'GET /api/channels/main/history#x',
) {
	my ($method, $path) = split ' ', $case;
	is(call($method, $path, $alone{'channel:history'}), '200 granted', $case);
	is(call($method, $path, $alone{'channel:view'}), '403 scope_missing',
		"$case needs channel:history");
}

# An internal redirect is judged by where it leads.
my $both = $t->add_token(scopes => ['cve:view', 'channel:history'],
	channels => ['main']);
is(call('GET', '/api/cves/moved', $both), '200 granted',
	'a redirect to a route that is also allowed');
is(call('GET', '/api/cves/moved', $alone{'cve:view'}), '403 scope_missing',
	'to one that is not');
is(call('GET', '/api/cves/moved', $alone{'channel:history'}),
	'403 scope_missing', 'from one that is not');
$t->edit_token($both, channels => ['other']);
is(call('GET', '/api/cves/moved', $both), '403 channel_not_granted',
	'to a channel out of reach');

# A name that is no channel.
for my $name (qw(t noarch linux-64 simple jupyter -x .x a+b), 'x' x 65) {
	is(call('GET', "/api/channels/$name", $all), '403 channel_not_granted',
		"no channel is called $name");
	is(call('GET', "/api/channels/main/subchannels/$name", $all),
		'403 channel_not_granted', "no subchannel either");
}

# The upstream sees the request without the token, whatever brought it.
for my $headers ([], ['X-Auth'], ['X-API-Key'], ['Authorization', 'Bearer '],
	['Authorization', 'token ']) {
	my $token = $alone{'channel:history'};
	my ($name, $scheme) = @$headers;
	my $r = $t->get(($name ? '' : "/t/$token") . '/api/channels/main/history?a=b',
		$name ? ($name, ($scheme // '') . $token) : ());
	my $seen = decode_json($r->{body});
	is($seen->{uri}, '/api/channels/main/history?a=b',
		'the upstream gets the clean path');
	is_deeply([grep { /^(?:x-auth|x-api-key|authorization)$/ }
		keys %{ $seen->{headers} }], [], 'and no carrier');
}

# The command line tells the same table.
SKIP: {
	my $cli = $ENV{PSM_CLI} // "$FindBin::Bin/../build/psm-token";
	skip 'psm-token is not built', 2 if !-x $cli;
	my $said = $t->cli('scopes', '--json');
	is($said->{exit}, 0, 'psm-token scopes --json') or diag($said->{err});
	my $list = decode_json($said->{out});
	is_deeply({ map { $_->{scope} => $_->{level} } @{ $list->{items} } },
		{ map { $_->[0] => $_->[1] } @table }, 'agrees with the page');
}

$t->finish;
