#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token: usage, create, and that no argument may hold a token and no name
# steer a terminal (T119).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use PSM::Cli qw(:all);
use PSM::Token qw(new_token token_checksum token_digest);

my $redis = start();
my $json = JSON::PP->new->utf8->canonical;

subtest 'usage' => sub {
	my $got = run('--version');
	is($got->{code}, 0, '--version');
	like($got->{out}, qr/^psm-token \d+\.\d+\.\d+\n\z/, 'says its version');

	$got = run('--help');
	is($got->{code}, 0, '--help');
	like($got->{out}, qr/^  $_ /m, "lists $_")
		for qw(create list show edit reissue delete user channel scopes explain
			snippets);

	for my $words ([], ['frobnicate'], ['create'], ['show'], ['list', 'x'],
		['list', '--no-such'], ['channel'], ['channel', 'set', 'main'],
		['explain', 'id', 'GET'], ['create', '--name', 'a', '--name', 'b'])
	{
		my $got = run(@$words);
		is($got->{code}, 2, "exit 2: psm-token @$words");
		like($got->{err}, qr/\S/, 'with a word on stderr');
		is($got->{out}, '', 'and none on stdout');
	}
};

subtest 'create a resource token' => sub {
	my $login = getpwuid $>;
	my $start = time;
	my $got = run('create', '--name', 'ci', '--resource', 'main:read',
		'--resource', 'main/dev:write', '--description', 'nightly builds');
	is($got->{code}, 0, 'exit 0');
	is($got->{err}, '', 'nothing on stderr');
	my ($token) = $got->{out} =~ /^  ($TOKEN)$/m;
	ok($token, 'prints a token');
	is(substr($token, 40), token_checksum(substr $token, 0, 40),
		'with its checksum');
	like($got->{out}, qr/^owner +\S+ \(your login name/m, 'says the owner');
	like($got->{out}, qr/^expires +$TIME \(in 30 days\), the default/m,
		'says the expiry');
	my ($id) = $got->{out} =~ /^id +($UUID)$/m;
	ok($id, 'says the ID');
	like($got->{out},
		qr{^conda config --append channels https://HOST/t/$token/main$}m,
		'snippet of the first channel');
	like($got->{out}, qr{ https://HOST/t/$token/main/dev$}m, 'and the second');
	like($got->{out}, qr/PSM_URL/, 'says how to fill in the host');

	my $key = 'psm:t:' . token_digest($token);
	my $text = $redis->command('GET', $key);
	my $record = $json->decode($text);
	my ($created, $expires) = @$record{qw(created expires)};
	ok($created >= $start && $created <= time, 'created now');
	is($expires, $created + 30 * 86400, 'expires in 30 days');
	is_deeply($record, {
		v => 1, id => $id, rev => 1, name => 'ci',
		owner => $record->{owner}, type => 'resource',
		resources => { main => 'read', 'main/dev' => 'write' },
		created => $created, expires => $expires, desc => 'nightly builds',
		by => $record->{owner},
	}, 'the record holds this and nothing else');
	like($text, qr/^\{"v":1,"id":.*"rev":1,"name":"ci","owner":/,
		'keys stand in the order of the contract');
	is($redis->command('GET', "psm:i:$id"), token_digest($token),
		'the ID leads to the digest');
	is($redis->command('ZSCORE', 'psm:ix:all', $id), $created, 'index of all');
	is($redis->command('ZSCORE', "psm:ix:o:$record->{owner}", $id), $created,
		'index of the owner');
	is($redis->command('ZSCORE', 'psm:ix:exp', $id), $expires,
		'index of expiry');
	my $end = ($expires + 30 * 86400) * 1000;
	is($redis->command('PEXPIRETIME', $key), $end,
		'garbage 30 days after the expiry');
	is($redis->command('PEXPIRETIME', "psm:i:$id"), $end, 'the ID too');
	my $entry = $redis->command('XREVRANGE', 'psm:audit', '+', '-', 'COUNT', 1);
	is_deeply({ @{ $entry->[0][1] } }, {
		who => $record->{by}, what => 'create', id => $id, when => $created,
		after => $text,
	}, 'audited');
};

subtest 'create a scope token' => sub {
	my $got = run('create', '--name', 'bot', '--scope', 'artifact:download',
		'--scope', 'channel:view-artifacts', '--expires', 'never',
		'--owner', 'alice', '--url', 'http://127.0.0.1:8080/api/repo/');
	is($got->{code}, 0, 'exit 0');
	my ($token) = $got->{out} =~ /^  ($TOKEN)$/m;
	like($got->{out}, qr/reaches every channel/, 'says its reach');
	like($got->{out}, qr/^expires +never$/m, 'says it never ends');
	like($got->{out}, qr/^owner +alice$/m, 'the owner given');
	like($got->{out},
		qr{ http://127\.0\.0\.1:8080/t/$token/api/repo/CHANNEL$}m,
		'the token comes first in the path');
	unlike($got->{out}, qr/HOST/, 'no placeholder is left');
	my $key = 'psm:t:' . token_digest($token);
	my $record = $json->decode($redis->command('GET', $key));
	is_deeply([@$record{qw(type scopes owner)}], ['scope',
		['artifact:download', 'channel:view-artifacts'], 'alice'], 'record');
	ok(!exists $record->{expires} && !exists $record->{channels},
		'nothing that was not said');
	is($redis->command('PTTL', $key), -1, 'never garbage');
	is($redis->command('ZSCORE', 'psm:ix:exp', $record->{id}), undef,
		'not in the index of expiry');
};

subtest 'create for a service account' => sub {
	my $got = run('create', '--name', 'bot', '--resource', 'main:write',
		'--service-account', 'main');
	is($got->{code}, 0, 'exit 0') or diag($got->{err});
	like($got->{out}, qr/^owner +service-account-channel-main \(the service/m,
		'says the owner');
	like($got->{out}, qr/^expires +$TIME \(in 30 days\), the default/m,
		'and 30 days');
	my ($id) = $got->{out} =~ /^id +($UUID)$/m;
	my $key = 'psm:t:' . $redis->command('GET', "psm:i:$id");
	my $record = $json->decode($redis->command('GET', $key));
	is($record->{owner}, 'service-account-channel-main', 'in the record');
	is($record->{by}, scalar getpwuid $>, 'who made it is a person');
	is_deeply($redis->command('ZRANGE',
		'psm:ix:o:service-account-channel-main', 0, -1), [$id], 'index');
	my @base = ('create', '--name', 'n', '--resource', 'a:read',
		'--service-account');
	refused('two owners', [@base, 'main', '--owner', 'al'],
		qr/--service-account is an owner by itself/);
	refused('a subchannel', [@base, 'main/dev'],
		qr{--service-account "main/dev" is a subchannel});
	refused('no channel', [@base, 'a b'],
		qr/--service-account "a b" is not a channel path/);
};

subtest 'create --json and --quiet' => sub {
	my $got = run_json('create', '--name', "na\x{c3}\x{af}ve", '--scope',
		'artifact:download', '--channel', 'main', '--channel', 'x/y',
		'--expires', '2127-01-31', '--owner', 'o');
	is($got->{code}, 0, 'exit 0');
	my $j = $got->{json};
	like($j->{token}, qr/^$TOKEN\z/, 'token');
	like($j->{id}, qr/^$UUID\z/, 'id');
	like($j->{created_at}, qr/^$TIME\z/, 'created_at');
	is_deeply([sort keys %$j], [sort qw(id name type owner scopes channels
		created_at expires_at description last_used_at disabled rev
		created_by token replicated)], 'these members');
	is($j->{expires_at}, '2127-01-31T00:00:00Z', 'a date dies at 00:00 UTC');
	is($j->{name}, "na\x{ef}ve", 'UTF-8');
	is_deeply($j->{channels}, ['main', 'x/y'], 'reach');
	is($j->{last_used_at}, undef, 'never used');
	ok(!$j->{disabled}, 'not disabled');

	$got = run('create', '--name', 'q', '--resource', 'main:manage', '-q');
	like($got->{out}, qr/^$TOKEN\n\z/, '--quiet prints the token alone');
	is($got->{code}, 0, 'exit 0');

	for my $case (['12h', 12 * 3600], ['2w', 14 * 86400], ['1y', 365 * 86400]) {
		my ($text, $seconds) = @$case;
		$got = run_json('create', '--name', 'e', '--resource', 'a:read',
			'--expires', $text);
		my $id = $got->{json}{id};
		my $created = $redis->command('ZSCORE', 'psm:ix:all', $id);
		is($redis->command('ZSCORE', 'psm:ix:exp', $id), $created + $seconds,
			"--expires $text");
	}
	$got = run_json('create', '--name', 'e', '--resource', 'a:read',
		'--expires', '2127-01-31T10:00:00+02:00');
	is($got->{json}{expires_at}, '2127-01-31T08:00:00Z', 'a whole time');
};

subtest 'create refuses' => sub {
	my @good = ('create', '--name', 'n', '--resource', 'main:read');
	my @base = ('create', '--name', 'n');
	my @scope = (@base, '--scope', 'artifact:download');
	refused('empty name', ['create', '--name', '', '--resource', 'a:read'],
		qr/--name is empty/);
	refused('long name', ['create', '--name', 'n' x 129, '--resource',
		'a:read'], qr/--name.*128/);
	refused('control character', ['create', '--name', "a\e[31mb",
		'--resource', 'a:read'], qr/--name "a\\x1b\[31mb" holds control/);
	refused('C1 character', ['create', '--name', "a\xc2\x9bb",
		'--resource', 'a:read'], qr/holds control/);
	refused('no UTF-8', ['create', '--name', "a\xff", '--resource', 'a:read'],
		qr/--name "a\\xff" is not UTF-8/);
	refused('an argument that is none', [@good, "--\e[31mb"],
		qr/^psm-token: .*--\\x1b\[31mb: see `psm-token --help`$/m);
	refused('long description', [@good, '--description', 'd' x 1025],
		qr/--description.*1024/);
	refused('bad owner', [@good, '--owner', 'a b'], qr/owner "a b"/,
		qr/--owner/);
	refused('no grant', [@base], qr/needs a grant.*--resource.*--scope/);
	refused('only a reach', [@base, '--channel', 'main'], qr/needs a grant/);
	refused('both kinds', [@scope, '--resource', 'a:read'],
		qr/either resources or scopes/);
	refused('resources and reach', [@good, '--channel', 'a'],
		qr/--resource goes with neither scopes nor channels/);
	refused('no level', [@base, '--resource', 'main'],
		qr/--resource "main" has no level/, qr/CHANNEL:read/);
	refused('bad level', [@base, '--resource', 'main:admin'],
		qr/"admin" is no level: use read, write or manage/);
	refused('level none', [@base, '--resource', 'main:none'],
		qr/"none" is no level/);
	refused("bad channel $_", [@base, '--resource', "$_:read"],
		qr/"\Q$_\E" is not a channel path/)
		for '', '/main', 'main/', 'a//b', 't', 'main/noarch', '.x', 'a b',
			'linux-64', join '/', ('a') x 9;
	refused('channel twice', [@base, '--resource', 'a:read', '--resource',
		'a:write'], qr/channel "a" twice/);
	refused('unknown scope', [@base, '--scope', 'artifact:fly'],
		qr/--scope "artifact:fly" is no scope: those of artifact are .*:view/);
	refused('unknown category', [@base, '--scope', 'pie:view'],
		qr/--scope "pie:view" is no scope: scopes begin with .* artifact,/);
	refused('scope twice', [@scope, '--scope', 'artifact:download'],
		qr/--scope "artifact:download" is given twice/);
	refused('reach twice', [@scope, '--channel', 'a', '--channel', 'a'],
		qr/--channel "a" is given twice/);
	refused('bad reach', [@scope, '--channel', 'a/t'],
		qr{"a/t" is not a channel path});
	refused('too many', [@base, map { ('--resource', "c$_:read") } 1 .. 257],
		qr/more than 256 channels/);
	refused("expiry $_", [@good, '--expires', $_],
		qr/--expires "\Q$_\E" is no time: write .*30d/)
		for '0d', '30', '30 days', '2027-13-01', '99999y', 'soon';
	refused("past $_", [@good, '--expires', $_],
		qr/--expires \Q$_\E.* is in the past: it is /)
		for '2001-01-01', '2020-01-01T00:00:00Z';
	refused("url $_", [@good, '--url', $_], qr/--url/)
		for 'example.org', 'ftp://h', 'https://', 'https://u:p@h',
			'https://h/a b', 'https://h$(x)';
	refused('two bases', [@good, '--url', 'https://h/a', '--base', '/b'],
		qr/keep one of them/);
	refused('--quiet --json', [@good, '-q', '--json'], qr/--quiet/);
};

subtest 'no token in an argument' => sub {
	my $token = new_token();
	note_secret($token);
	for my $words (['show', $token], ['delete', $token],
		['edit', $token, '--name', 'n'], ['reissue', $token],
		['delete', '--minted-by', $token], ['user', 'show', $token],
		['explain', $token, 'GET', '/main/x'],
		['explain', '-', 'GET', "https://h/t/$token/main/x"],
		['create', '--name', $token, '--resource', 'a:read'],
		['snippets', $token], ["--redis=$token", 'list'])
	{
		my $got = run(@$words);
		is($got->{code}, 2, "$words->[0]: refused");
		like($got->{err}, qr/argument \d holds a token/, 'says which');
		unlike($got->{err} . $got->{out}, qr/\Q$token\E/, 'not repeated');
	}
};

finish();
