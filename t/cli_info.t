#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token: channel, scopes, snippets.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use PSM::Cli qw(:all);
use PSM::Token qw(new_token);

my $redis = start();
my $json = JSON::PP->new->utf8->canonical;

subtest 'channel' => sub {
	$redis->command('FLUSHALL');
	like(run('channel', 'list')->{out}, qr/No channel has a record/, 'none');
	my $got = run('channel', 'set', 'main', '--privacy', 'public');
	is($got->{code}, 0, 'set');
	like($got->{out}, qr/^main is public now/, 'says so');
	is($redis->command('GET', 'psm:c:main'), '{"v":1,"privacy":"public"}',
		'record');
	is_deeply(run_json('channel', 'set', 'a/b', '--privacy',
		'authenticated')->{json}, { channel => 'a/b',
		privacy => 'authenticated', replicated => undef }, 'set in JSON');
	$redis->command('SET', 'psm:c:main',
		'{"v":1,"privacy":"public","theirs":[7]}');
	run('channel', 'set', 'main', '--privacy', 'private');
	is_deeply($json->decode($redis->command('GET', 'psm:c:main')),
		{ v => 1, privacy => 'private', theirs => [7] },
		'members of others are kept');
	$redis->command('SADD', 'psm:ix:c', 'bad');
	$redis->command('SET', 'psm:c:bad', 'nonsense');
	is(run('channel', 'list')->{out}, <<'EOT', 'list');
CHANNEL  PRIVACY
a/b      authenticated
bad      invalid
main     private
EOT
	is_deeply(run_json('channel', 'list')->{json}, { next => undef,
		items => [{ channel => 'a/b', privacy => 'authenticated' },
			{ channel => 'bad', privacy => 'invalid' },
			{ channel => 'main', privacy => 'private' }] }, 'in JSON');
	is(run('channel', 'set', 'bad', '--privacy', 'public')->{code}, 0,
		'a broken record can be set');
	is($redis->command('GET', 'psm:c:bad'), '{"v":1,"privacy":"public"}',
		'and is whole again');
	my $entry = $redis->command('XREVRANGE', 'psm:audit', '+', '-', 'COUNT', 1);
	is({ @{ $entry->[0][1] } }->{what}, 'channel set', 'audited');
	refused('bad path', ['channel', 'set', 'a/noarch', '--privacy', 'public'],
		qr{"a/noarch" is not a channel path});
	refused('bad privacy', ['channel', 'set', 'a', '--privacy', 'open'],
		qr/--privacy "open" is none: use public, authenticated or private/);
};

subtest 'scopes' => sub {
	my $got = run('scopes', { redis => undef });
	is($got->{code}, 0, 'needs no Redis');
	my @lines = split /\n/, $got->{out};
	is(scalar @lines, 38, 'a heading and 37 scopes');
	like($got->{out}, qr/^artifact:create +write +channel +Artifacts$/m, 'row');
	my $items = run_json('scopes')->{json}{items};
	is(scalar @$items, 37, '37 in JSON');
	my ($row) = grep { $_->{scope} eq 'cve:edit' } @$items;
	is($row->{level}, 'manage', 'level');
	ok(!$row->{on_channel}, 'account-wide');
};

subtest 'snippets' => sub {
	$redis->command('FLUSHALL');
	my $got = run('snippets', '--url', 'https://h.example', '--channel',
		'main', { redis => undef });
	is($got->{code}, 0, 'needs no Redis without a token');
	like($got->{out}, $_, "has $_") for
		qr{^conda\ config\ --append\ channels
			\ https://h\.example/t/TOKEN/main$}mx,
		qr{^conda config --set channel_alias https://h\.example/t/TOKEN$}m,
		qr{^mamba install -c https://h\.example/t/TOKEN/main PACKAGE$}m,
		qr{^pixi auth login h\.example --token TOKEN$}m,
		qr{^pixi auth login h\.example --conda-token TOKEN$}m,
		qr{^pip\ install\ --index-url
			\ https://token:TOKEN\@h\.example/main/simple/
			\ PACKAGE$}mx,
		qr{^curl -H "X-Auth: TOKEN" https://h\.example/main/}m,
		qr{^curl -H "Authorization: Bearer TOKEN" https://h\.example/main/}m,
		qr/TOKEN stands for the token/;
	like(run('snippets', { env => { PSM_URL => 'https://e:8443' } })->{out},
		qr{https://e:8443/t/TOKEN/CHANNEL$}m, 'PSM_URL');
	like(run('snippets', '--url', 'http://[::1]:80')->{out},
		qr{^pixi auth login \[::1\] }m, 'an IPv6 address');
	like(run('snippets', '--base', '/api/repo', '--channel', 'c')->{out},
		qr{https://HOST/t/TOKEN/api/repo/c$}m, '--base');

	my ($id, $token) = new_id_of('--resource', 'a/b:read');
	like(run('snippets', $id)->{out}, qr{/t/TOKEN/a/b$}m, 'channel of an ID');
	$got = run('snippets', '-', { stdin => "$token\n" });
	like($got->{out}, qr{/t/$token/a/b$}m, 'token of standard input');
	unlike($got->{out}, qr/TOKEN/, 'leaves no placeholder');
	my $items = run_json('snippets', $id)->{json}{items};
	is($items->[0]{client}, 'conda', 'JSON: client');
	like($items->[0]{command}, qr/^conda config --append/, 'JSON: command');
	$got = run('snippets', '-', { stdin => new_token() . "\n" });
	is($got->{code}, 1, 'a token nobody issued: exit 1');
	is(run('snippets', '-', { stdin => "psm-short\n" })->{code}, 1,
		'no token: exit 1');
};

finish();
