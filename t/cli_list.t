#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token: list, show, delete; tables on a terminal.

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

subtest 'list and show' => sub {
	$redis->command('FLUSHALL');
	my $got = run('list');
	is_deeply([@$got{qw(code out)}], [0, "There are no tokens.\n"], 'empty');
	is_deeply(run_json('list')->{json}, { items => [], next => undef },
		'empty list in JSON');

	my ($first) = new_id_of('--resource', 'main:read', '--owner', 'alice');
	my ($second) = new_id_of('--scope', 'cve:view', '--owner', 'bob',
		'--expires', 'never', '--description', 'd');
	$redis->command('ZADD', 'psm:ix:all', 5, $second);    # older than first
	$redis->command('HSET', 'psm:u', $first, 1790000000);

	$got = run('list');
	my @lines = split /\n/, $got->{out};
	is(scalar @lines, 3, 'a heading and two rows');
	like($lines[0], qr/^ID +NAME +OWNER +TYPE +STATUS +EXPIRES +GRANTS$/,
		'heading');
	like($lines[1], qr/^$second +x +bob +scope +active +never +cve:view$/,
		'oldest first');
	like($lines[2],
		qr/^$first +x +alice +resource +active +$TIME +main:read$/,
		'then the other');

	$got = run_json('list');
	is_deeply([map { $_->{id} } @{ $got->{json}{items} }], [$second, $first],
		'JSON in the same order');
	unlike($got->{out}, $TOKEN, 'and no token');
	$got = run_json('list', '--owner', 'alice');
	is_deeply([map { $_->{id} } @{ $got->{json}{items} }], [$first], '--owner');
	is(run('list', '--owner', 'carol')->{out},
		"There are no tokens of carol.\n", 'nobody\'s');

	$got = run_json('show', $first);
	is($got->{code}, 0, 'show');
	is_deeply($got->{json}, $json->decode(run('list', '--owner', 'alice',
		'--json')->{out})->{items}[0], 'is what list shows');
	is_deeply($got->{json}{resources},
		[{ channel => 'main', permission => 'read' }], 'resources');
	is($got->{json}{last_used_at}, '2026-09-21T14:13:20Z', 'last use');
	$got = run('show', $second);
	like($got->{out}, $_, "show says $_") for qr/^id +$second$/m,
		qr/^scopes +cve:view$/m, qr/^channels +reaches every channel$/m,
		qr/^status +active$/m, qr/^expires +never$/m,
		qr/^last used +unknown$/m, qr/^description +d$/m;

	$got = run('show', '00000000-0000-4000-8000-000000000000');
	is($got->{code}, 1, 'an unknown ID: exit 1');
	like($got->{err}, qr/no token has the ID 00000000-/, 'says so');
	refused('no ID', ['show', 'a b'], qr/"a b" is not the ID/);

	my $key = 'psm:t:' . $redis->command('GET', "psm:i:$first");
	my $record = $json->decode($redis->command('GET', $key));
	for my $case ([{ expires => 100 }, 'expired'],
		[{ disabled => JSON::PP::true }, 'disabled'])
	{
		my ($change, $status) = @$case;
		$redis->command('SET', $key, $json->encode({ %$record, %$change }));
		like(run('show', $first)->{out}, qr/^status +$status$/m, $status);
		like(run('list')->{out}, qr/^$first .* $status /m, 'in the list too');
	}

	# Another writer's text must not reach the terminal as it is.
	$redis->command('SET', $key, '{"v":1}');
	$got = run('show', $first);
	is($got->{code}, 2, 'a broken record: exit 2');
	like($got->{err}, qr/not valid.*"id" is missing/, 'says what is wrong');
	$got = run('list');
	is($got->{code}, 0, 'list goes on');
	like($got->{err}, qr/left out, its record is not valid/, 'and says so');
	unlike($got->{out}, qr/$first/, 'the broken one is left out');
};

subtest 'many tokens' => sub {
	$redis->command('FLUSHALL');
	my (@records, @ids, @index);
	for my $n (1 .. 1203) {
		my $id = sprintf '00000000-0000-4000-8000-%012d', $n;
		push @ids, "psm:i:$id", sprintf('%064d', $n);
		push @records, sprintf('psm:t:%064d', $n), $json->encode({ v => 1,
			id => $id, name => "n$n", owner => 'o', type => 'resource',
			resources => { main => 'read' } });
		push @index, $n, $id;
	}
	$redis->command('MSET', @ids, @records);
	$redis->command('ZADD', 'psm:ix:all', @index);
	my $got = run_json('list');
	is_deeply([map { $_->{name} } @{ $got->{json}{items} }],
		[map { "n$_" } 1 .. 1203], 'all of them, in order');
	$redis->command('DEL', 'psm:i:00000000-0000-4000-8000-000000000007',
		sprintf 'psm:t:%064d', 9);
	is(scalar @{ run_json('list')->{json}{items} }, 1201,
		'those that ran out are left out');
};

subtest 'delete' => sub {
	$redis->command('FLUSHALL');
	my ($id, $token) = new_id_of('--resource', 'main:read', '--owner', 'al');
	my ($other) = new_id_of('--resource', 'main:read', '--owner', 'al');
	my $key = 'psm:t:' . token_digest($token);
	my $record = $json->decode($redis->command('GET', $key));
	$redis->command('SET', $key,
		$json->encode({ %$record, theirs => { 'k' => [1, 'x'] } }));

	my $start = time;
	my $got = run('delete', $id);
	is_deeply([@$got{qw(code out)}], [0, "$id deleted\n"], 'deleted');
	my $tomb = $json->decode($redis->command('GET', $key));
	my $when = delete $tomb->{deleted};
	ok($when >= $start && $when <= time, 'a tombstone of now');
	is_deeply($tomb, { %$record, rev => 2, theirs => { 'k' => [1, 'x'] } },
		'which keeps the rest, rev grown by one');
	for my $k ($key, "psm:i:$id") {
		is($redis->command('PEXPIRETIME', $k), ($when + 30 * 86400) * 1000,
			'kept for 30 days');
	}
	is_deeply($redis->command('ZRANGE', "psm:ix:$_", 0, -1), [$other],
		"out of the index $_") for 'all', 'o:al', 'exp';
	my $entry = $redis->command('XREVRANGE', 'psm:audit', '+', '-', 'COUNT', 1);
	is({ @{ $entry->[0][1] } }->{what}, 'delete', 'audited');
	is({ @{ $entry->[0][1] } }->{id}, $id, 'with its ID');

	$got = run('delete', $id);
	is_deeply([@$got{qw(code out)}], [0, "$id was deleted already\n"],
		'twice is fine');
	is($json->decode($redis->command('GET', $key))->{rev}, 2,
		'and changes nothing');
	like(run('show', $id)->{out}, qr/^status +deleted since $TIME$/m,
		'show says so');
	like(run_json('show', $id)->{json}{deleted_at}, qr/^$TIME\z/,
		'in JSON too');

	$got = run('delete', 'nobody', $other);
	is($got->{code}, 1, 'an unknown ID: exit 1');
	like($got->{err}, qr/no token has the ID nobody/, 'says so');
	is($got->{out}, "$other deleted\n", 'the others are deleted');
	is_deeply(run_json('delete', 'nobody', $other)->{json}, { next => undef,
		replicated => undef, items => [{ id => 'nobody', result => 'unknown' },
			{ id => $other, result => 'was deleted already' }] }, 'JSON');

	($id, $token) = new_id_of('--resource', 'main:read');
	$redis->command('SET', 'psm:t:' . token_digest($token), 'not JSON');
	is(run('delete', $id)->{code}, 0, 'a broken record is deleted');
	is($redis->command('EXISTS', 'psm:t:' . token_digest($token),
		"psm:i:$id"), 0, 'and gone');
	is($redis->command('ZCARD', 'psm:ix:all'), 0, 'from the index too');
	refused('bad ID', ['delete', 'a/b'], qr{"a/b" is not the ID});
};

subtest 'a terminal' => sub {
	$redis->command('FLUSHALL');
	my ($id) = new_id_of('--resource', 'main:read', map {
		('--resource', "channel-$_:read") } 1 .. 20);
	local $ENV{PSM_TOKEN_REDIS} = $redis->address;
	my $cli = program();
	my $out = `script -qec "stty cols 120; $cli list" /dev/null </dev/null`;
	my @lines = split /\r?\n/, $out;
	utf8::decode($_) for @lines;
	is(scalar(grep { length > 120 } @lines), 0, 'rows fit');
	like($out, qr/^$id .*\xe2\x80\xa6/m, 'what is cut is marked');
};

finish();
