#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token: explain says what the gate would decide.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use PSM::Cli qw(:all);
use PSM::Token qw(new_token token_digest);

my $redis = start();

subtest 'explain' => sub {
	$redis->command('FLUSHALL');
	my ($id, $token) = new_id_of('--resource', 'main:read', '--resource',
		'main/dev:write');
	my ($bot, $bot_token) = new_id_of('--scope', 'artifact:download',
		'--scope', 'channel:edit', '--channel', 'lab');
	my @cases = (
		# token, method, url, options, exit, reason
		[$id, 'GET', '/main/noarch/repodata.json', [], 0, 'granted'],
		[$id, 'get', 'https://h:1/t/****/main/', [], 0, 'granted'],
		[$id, 'GET', '/t/<TOKEN>/main/a.conda?x#y', [], 0, 'granted'],
		[$id, 'GET', '/main%2Fnoarch/../x.conda', [], 0, 'granted'],
		[$id, 'GET', '/other/a.conda', [], 1, 'channel_not_granted'],
		[$id, 'GET', '/main2/a.conda', [], 1, 'channel_not_granted'],
		[$id, 'PUT', '/main/a.conda', [], 1, 'level_too_low'],
		[$id, 'PUT', '/main/dev/a.conda', [], 0, 'granted'],
		[$id, 'BREW', '/main/a.conda', [], 1, 'action_unknown'],
		[$id, 'GET', '/', [], 1, 'action_unknown'],
		[$id, 'GET', '/api/repo/main/x', ['--base', '/api/repo'], 0,
			'granted'],
		[$id, 'GET', '/t/****/api/repo/main/x', ['--base', '/api/repo/'], 0,
			'granted'],
		[$id, 'GET', '/api/repo/t/****/main/x', ['--base', '/api/repo/'], 0,
			'granted'],
		[$id, 'GET', '/main/x', ['--base', '/api/repo/'], 1,
			'action_unknown'],
		[$id, 'GET', '/main/x', ['--require', 'manage'], 1, 'level_too_low'],
		[$id, 'GET', '/x', ['--require', 'cve:view'], 1, 'scope_missing'],
		[$id, 'GET', '/api/x', ['--require', 'channel:view', '--channel',
			'main'], 0, 'granted'],
		[$id, 'GET', '/other/x', ['--privacy', 'public'], 0, 'public'],
		[$bot, 'GET', '/lab/x.conda', [], 0, 'granted'],
		[$bot, 'GET', '/main/x.conda', [], 1, 'channel_not_granted'],
		[$bot, 'GET', '/main/x.conda', ['--privacy', 'authenticated'], 0,
			'granted'],
		[$bot, 'DELETE', '/lab/x.conda', [], 1, 'scope_missing'],
		[$bot, 'GET', '/lab/x', ['--require', 'channel:view'], 1,
			'scope_missing'],
		[$bot, 'GET', '/lab/x', ['--require', 'channel:view',
			'--scope-levels'], 0, 'granted'],
		['no-such-id', 'GET', '/main/x', [], 1, 'token_unknown'],
	);
	for my $case (@cases) {
		my ($who, $method, $url, $options, $code, $reason) = @$case;
		my $name = "$method $url @$options";
		my $got = run_json('explain', $who, $method, $url, @$options);
		is($got->{code}, $code, "$name: exit $code") or diag($got->{err});
		is($got->{json}{reason}, $reason, "$name: $reason");
		my $text = run('explain', $who, $method, $url, @$options);
		my $word = $code ? 'denied' : 'allowed';
		like($text->{out}, qr/^$word: $reason \(\d+\)$/m, "$name: in text");
		is($text->{code}, $code, "$name: same exit");
	}

	my %given = ("$token\n" => 'granted', $token => 'granted',
		new_token() . "\n" => 'token_unknown', "\n" => 'token_missing',
		"" => 'token_missing', "*****\n" => 'token_masked',
		"psm-oops\n" => 'token_malformed', ('ab12' x 12) => 'token_unknown');
	for my $stdin (sort keys %given) {
		my $got = run_json('explain', '-', 'GET', '/main/x.conda',
			{ stdin => $stdin });
		is($got->{json}{reason}, $given{$stdin}, "by stdin: $given{$stdin}");
		unlike($got->{out}, $TOKEN, 'the token is not shown');
	}

	my $got = run('explain', $id, 'PUT', '/main/linux-64/a.conda');
	like($got->{out}, $_, "says $_") for qr/^  method +PUT$/m,
		qr{^  path +/main/linux-64/a\.conda$}m, qr/^  channel +main, a file$/m,
		qr{^  base +/$}m, qr/^  require +auto$/m, qr/^  scope levels +off$/m,
		qr/^  privacy +private/m, qr/^  time +$TIME$/m,
		qr/^matched +main:read$/m,
		qr/^needed\ +a\ resource\ token\ with\ write\ on\ main,\ or\ a
			\ scope\ token\ with\ one\ of\ artifact:create\ that\ reaches
			\ main$/mx,
		qr/^id +$id$/m;
	$got = run_json('explain', $bot, 'GET', '/lab/noarch/');
	is_deeply($got->{json}{matched}, { scopes => ['artifact:download'] },
		'the scope that matched');
	is_deeply($got->{json}{needed}, { permission => 'read', scopes =>
		['artifact:download', 'channel:view-artifacts'] }, 'what it needs');
	is($got->{json}{assumed}{kind}, 'index', 'an index');
	is($got->{json}{token}{id}, $bot, 'whose token');
	is_deeply(run_json('explain', $id, 'PUT', '/main/x')->{json}{matched},
		{ channel => 'main', permission => 'read' }, 'the grant that matched');

	run('channel', 'set', 'pub', '--privacy', 'public');
	run('channel', 'set', 'pub/not', '--privacy', 'private');
	$got = run_json('explain', '-', 'GET', '/pub/sub/x.conda');
	is($got->{json}{reason}, 'public', 'a parent\'s record counts');
	is($got->{json}{assumed}{privacy_source}, 'record of pub', 'and is named');
	is(run_json('explain', '-', 'GET', '/pub/not/x.conda')->{json}{reason},
		'token_missing', 'the most specific wins');
	is(run_json('explain', '-', 'GET', '/pub/not/x.conda', '--privacy',
		'public')->{json}{reason}, 'token_missing', 'over --privacy too');
	$redis->command('SET', 'psm:c:pub', 'nonsense');
	$got = run('explain', '-', 'GET', '/pub/x.conda');
	is($got->{code}, 2, 'a privacy that cannot be read: exit 2');
	like($got->{out}, qr/^cannot tell: store_unavailable \(503\)$/m, 'says so');

	$redis->command('SET', 'psm:t:' . token_digest($token), '{"v":2}');
	is(run_json('explain', $id, 'GET', '/main/x')->{json}{reason},
		'record_invalid', 'a broken record');
	run('delete', $bot);
	is(run_json('explain', $bot, 'GET', '/lab/x')->{json}{reason},
		'token_disabled', 'a deleted token');

	refused("explain $_->[0]", ['explain', $bot, 'GET', @{ $_->[1] }],
		$_->[2]) for
		['no path', ['main/x'], qr/has no path/],
		['a bad %', ['/main/%zz'], qr/%25/],
		['a zero', ['/main/%00'], qr/%25/],
		['above the root', ['/../x'], qr/leaves the root/],
		['a masked end', ['/t/****'], qr/nothing follows the token/],
		['a foreign token', ['/t/' . 'ab12' x 12 . '/main/x'],
			qr/may be a token.*t\/\*\*\*\*/],
		['a bad base', ['/x', '--base', 'api'], qr/--base "api" is no base/],
		['a base t', ['/x', '--base', '/t/'], qr{--base "/t/" is no base}],
		['a base twice', ['/x', '--base', '/a', '--base', '/a/'], qr/twice/],
		['a bad privacy', ['/x', '--privacy', 'no'], qr/--privacy "no"/],
		['a bad requirement', ['/x', '--require', 'cve:fly'],
			qr/--require "cve:fly" is unknown/],
		['a bad channel', ['/x', '--channel', 't'],
			qr/"t" is not a channel path/];
};

finish();
