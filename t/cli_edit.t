#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token edit: one step, made only while the token is the one that was read.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use PSM::Cli qw(:all);
use PSM::Token qw(token_digest);

my $redis = start();
my $json = JSON::PP->new->utf8->canonical;

sub record { return $json->decode($redis->command('GET', "psm:t:$_[0]")) }

sub record_of { return record($redis->command('GET', "psm:i:$_[0]")) }

sub last_audit {
	my $entry = $redis->command('XREVRANGE', 'psm:audit', '+', '-', 'COUNT', 1);
	return { @{ $entry->[0][1] } };
}

subtest 'what is named changes, the rest stays' => sub {
	my ($id, $token) = new_id_of('--resource', 'main:read', '--owner', 'al');
	my $before = record_of($id);
	my $got = run('edit', $id, '--name', 'nightly', '--description', 'a,b',
		'--resource', 'main:write', '--resource', 'x/y:read',
		'--expires', 'never');
	is($got->{code}, 0, 'exit 0') or diag($got->{err});
	is($got->{err}, '', 'nothing on stderr');
	like($got->{out}, $_, "says $_") for qr/^id +$id$/m,
		qr/^name +x -> nightly$/m, qr/^description +none -> "a,b"$/m,
		qr{^resources +main:read -> main:write x/y:read$}m,
		qr/^expires +$TIME \(in \d+ days\) -> never$/m, qr/^rev +1 -> 2$/m;
	unlike($got->{out}, $TOKEN, 'no token');
	my %after = (%$before, name => 'nightly', desc => 'a,b', rev => 2,
		resources => { main => 'write', 'x/y' => 'read' });
	delete $after{expires};
	is_deeply(record(token_digest($token)), \%after,
		'under the same string, and nothing else');
	is($redis->command('PTTL', 'psm:t:' . token_digest($token)), -1,
		'kept for good');
	is($redis->command('ZSCORE', 'psm:ix:exp', $id), undef,
		'out of the index of expiry');
	my $audit = last_audit();
	is_deeply([@$audit{qw(what id)}], ['edit', $id], 'audited');
	is_deeply($json->decode($audit->{before}), { name => 'x', rev => 1,
		resources => { main => 'read' }, expires => $before->{expires} },
		'with what it was');

	$got = run_json('edit', $id, '--expires', '7d', '--description', '');
	is($got->{code}, 0, 'back to an expiry');
	is_deeply([sort keys %{ $got->{json}{changed} }],
		[qw(description expires_at rev)], 'JSON names what changed');
	is_deeply($got->{json}{changed}{description}, { before => 'a,b',
		after => '' }, 'with before and after');
	is($got->{json}{changed}{expires_at}{before}, undef, 'never before');
	ok(!exists $got->{json}{token}, 'no token');
	is($got->{json}{replicated}, undef, 'no replicas');
	my $now = record_of($id);
	ok(!exists $now->{desc}, 'no description any more');
	is($redis->command('ZSCORE', 'psm:ix:exp', $id), $now->{expires},
		'in the index of expiry');
	is($redis->command('PEXPIRETIME', 'psm:t:' . token_digest($token)),
		($now->{expires} + 30 * 86400) * 1000, 'garbage after that');

	$got = run('edit', $id, '--name', 'nightly');
	is($got->{code}, 0, 'the same again: exit 0');
	like($got->{out}, qr/^changed +nothing: it was so before$/m, 'says so');
	is(record_of($id)->{rev}, 4, 'rev grows all the same');
};

subtest 'scopes and their reach' => sub {
	my ($id) = new_id_of('--scope', 'cve:view', '--channel', 'main');
	my $got = run('edit', $id, '--scope', 'artifact:download', '--scope',
		'cve:edit');
	like($got->{out}, qr/^scopes +cve:view -> artifact:download cve:edit$/m,
		'scopes are replaced');
	is_deeply(record_of($id)->{channels}, ['main'], 'the reach stays');
	$got = run('edit', $id, '--channel', 'a', '--channel', 'b');
	like($got->{out}, qr/^channels +main -> a b$/m, 'the reach is replaced');
	$got = run_json('edit', $id, '--every-channel');
	is_deeply($got->{json}{changed}{channels}, { before => ['a', 'b'],
		after => undef }, 'reaches every channel');
	ok(!exists record_of($id)->{channels}, 'in the record, too');
};

subtest 'members of others survive' => sub {
	my ($id, $token) = new_id_of('--resource', 'main:read');
	my $key = 'psm:t:' . token_digest($token);
	$redis->command('SET', $key, $json->encode({ %{ record_of($id) },
		theirs => { k => [1, 'x'] } }));
	is(run('edit', $id, '--name', 'n')->{code}, 0, 'edited');
	is_deeply(record_of($id)->{theirs}, { k => [1, 'x'] }, 'still there');
};

subtest 'if-rev' => sub {
	my ($id) = new_id_of('--resource', 'main:read');
	is(run('edit', $id, '--name', 'a', '--if-rev', 1)->{code}, 0,
		'the rev that is there');
	my $before = $redis->dump_all;
	my $got = run('edit', $id, '--name', 'b', '--if-rev', 1);
	is($got->{code}, 1, 'another one: exit 1');
	like($got->{err}, qr/token $id has rev 2 now, not 1: nothing was changed/,
		'says which is there');
	is($redis->dump_all, $before, 'nothing changed');
	$got = run('delete', $id, '--if-rev', 1);
	is($got->{code}, 1, 'delete: exit 1, too');
	like($got->{err}, qr/has rev 2 now, not 1/, 'says so');
	is($redis->dump_all, $before, 'nothing changed');
	is(run('delete', $id, '--if-rev', 2)->{code}, 0, 'the right one');
	ok(record_of($id)->{deleted}, 'is deleted');
};

subtest 'refused' => sub {
	my ($id) = new_id_of('--resource', 'main:read');
	my ($scoped) = new_id_of('--scope', 'cve:view');
	refused('nothing to do', ['edit', $id], qr/nothing to change: give --name/);
	refused('another kind', ['edit', $id, '--scope', 'cve:view'],
		qr/--scope cannot be given.*keeps its kind: create another one/);
	refused('a reach', ['edit', $id, '--channel', 'a'],
		qr/--channel cannot be given to this token/);
	refused('resources', ['edit', $scoped, '--resource', 'a:read'],
		qr/--resource cannot be given to this token, which has scopes/);
	refused('both', ['edit', $scoped, '--scope', 'cve:edit', '--resource',
		'a:read'], qr/either resources or scopes/);
	refused('two reaches', ['edit', $scoped, '--channel', 'a',
		'--every-channel'], qr/keep one of them/);
	refused('name', ['edit', $id, '--name', ''], qr/--name is empty/);
	refused('past', ['edit', $id, '--expires', '2001-01-01'],
		qr/--expires .*is in the past/);
	refused('overlap alone', ['edit', $id, '--name', 'n', '--overlap', '1h'],
		qr/--overlap says how long/);
	refused('long overlap', ['reissue', $id, '--overlap', '31d'],
		qr/--overlap is longer than 30 days/);
	refused('no span', ['reissue', $id, '--overlap', 'soon'],
		qr/--overlap "soon" is no span of time/);
	refused('quiet edit', ['edit', $id, '--name', 'n', '-q'],
		qr/--quiet .*--reissue/);
	refused('no ID', ['edit', 'a b', '--name', 'n'], qr/"a b" is not the ID/);

	my $got = run('edit', 'nobody', '--name', 'n');
	is($got->{code}, 1, 'an unknown ID: exit 1');
	like($got->{err}, qr/no token has the ID nobody/, 'says so');
	run('delete', $scoped);
	$got = run('edit', $scoped, '--name', 'n');
	is($got->{code}, 1, 'a deleted one: exit 1');
	like($got->{err}, qr/was deleted at $TIME.*create another one/, 'says so');
	my $old = run_json('reissue', $id, '--overlap', '1h')
		->{json}{old_string}{id};
	for my $words (['edit', $old, '--name', 'n'], ['reissue', $old]) {
		$got = run(@$words);
		is($got->{code}, 1, "$words->[0] of an old string: exit 1");
		like($got->{err}, qr/old string that overlaps: change $id/,
			'says what to change instead');
	}
	my $key = 'psm:t:' . $redis->command('GET', "psm:i:$id");
	$redis->command('SET', $key, '{"v":1}');
	$got = run('edit', $id, '--name', 'n');
	is($got->{code}, 2, 'a broken record: exit 2');
	like($got->{err}, qr/not valid.*"id" is missing.*Delete it/, 'says so');
};

finish();
