#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token delete: by ID, by owner, by maker, and a leaked token on standard
# input. Whoever made tokens is said to have (T110); twice is as once (T117).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use PSM::Cli qw(:all);
use PSM::Process qw(wait_for);
use PSM::Terminal;
use PSM::Token qw(new_token token_digest);

my $redis = start();
my $json = JSON::PP->new->utf8->canonical;

sub key_of { return 'psm:t:' . $redis->command('GET', "psm:i:$_[0]") }

sub is_dead { return $redis->command('GET', key_of($_[0])) =~ /"deleted":/ }

# Which of them live, as letters.
sub living {
	my (%ids) = @_;
	return join '', grep { !is_dead($ids{$_}) } sort keys %ids;
}

# A token that says it was made by `maker`, as the API writes it.
sub new_by {
	my ($maker, @more) = @_;

	my ($id) = new_id_of('--resource', 'main:read', @more);
	my $record = $json->decode($redis->command('GET', key_of($id)));
	$redis->command('ZREM', "psm:ix:b:$record->{by}", $id);
	$record->{by} = $maker;
	$redis->command('SET', key_of($id), $json->encode($record), 'KEEPTTL');
	$redis->command('ZADD', "psm:ix:b:$maker", $record->{created}, $id);
	return $id;
}

subtest 'by ID' => sub {
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
	is($got->{err}, '', 'nothing on stderr');
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
		"out of the index $_") for 'all', 'o:al', 'exp', "b:$record->{by}";
	is_deeply($redis->command('ZRANGE', 'psm:ix:del', 0, -1), [$id],
		'into that of the deleted');
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
};

subtest 'a leaked token' => sub {
	$redis->command('FLUSHALL');
	my ($id, $token) = new_id_of('--resource', 'main:read');
	my $got = run('delete', '-', { stdin => "\t $token \t\r\n" });
	is_deeply([@$got{qw(code out err)}], [0, "$id deleted\n", ''], 'deleted');
	ok(is_dead($id), 'it is dead');
	$got = run('delete', '-', { stdin => $token });
	is_deeply([@$got{qw(code out)}], [0, "$id was deleted already\n"],
		'twice is fine');

	# The old strings of one that was re-issued.
	($id, my $oldest) = new_id_of('--resource', 'main:read');
	my $old = run_json('reissue', $id)->{json}{token};
	$got = run('delete', '-', { stdin => $oldest });
	is($got->{code}, 0, 'a string that was replaced');
	like($got->{out}, qr/^It was an old string, dead since then: $id goes on/m,
		'is dead anyway');
	run('reissue', $id, '--overlap', '1h', '-q');
	$got = run('delete', '-', { stdin => $old });
	is($got->{code}, 0, 'one that overlaps');
	like($got->{out}, qr/^It was an old string: $id, .*, goes on working$/m,
		'dies alone');
	like($redis->command('GET', 'psm:t:' . token_digest($old)), qr/"deleted"/,
		'it is dead');
	ok(!is_dead($id), 'the new one lives');

	my $before = $redis->dump_all;
	my $unknown = new_token();
	note_secret($unknown);
	for my $case ([$unknown, 1, qr/no such token/],
		[substr($unknown, 0, 45), 2, qr/not have the form of a token/],
		['*****', 2, qr/placeholder/],
		['', 2, qr/no token on standard input/])
	{
		my ($text, $code, $says) = @$case;
		$got = run('delete', '-', { stdin => "$text\n" });
		is($got->{code}, $code, "not known, or none: exit $code");
		like($got->{err}, $says, 'says so');
		unlike($got->{out} . $got->{err}, qr/psm-\w{8}/, 'and not the token');
	}
	is($redis->dump_all, $before, 'nothing changed');
	$redis->command('SET', 'psm:t:' . token_digest($unknown), '{"v":1}');
	$got = run('delete', '-', { stdin => $unknown });
	is_deeply([@$got{qw(code out)}], [0, "the token deleted\n"],
		'a broken record');
	is($redis->command('EXISTS', 'psm:t:' . token_digest($unknown)), 0,
		'is gone');
	refused('as an argument', ['delete', $unknown], qr/argument 2 holds a/);
};

subtest 'all of an owner' => sub {
	$redis->command('FLUSHALL');
	my %id = map { $_ => new_by('x', '--owner', 'al') } 'a' .. 'c';
	$id{z} = new_by('x', '--owner', 'bo');
	my $twin = run_json('reissue', $id{b}, '--overlap', '1h')
		->{json}{old_string}{id};
	my $broken = new_by('x', '--owner', 'al');
	$redis->command('SET', key_of($broken), 'not JSON');

	refused('without a terminal', ['delete', '--owner', 'al'],
		qr/this deletes 5 tokens of al, .* add --yes/);
	my $got = run('delete', '--owner', 'al', '--yes');
	is($got->{code}, 0, 'exit 0') or diag($got->{err});
	like($got->{out}, qr/^Deleting 5 tokens of al:\n/, 'says how many before');
	is(scalar(() = $got->{out} =~ / deleted$/mg), 5, 'and which');
	is(living(%id), 'z', 'others\' live');
	ok(is_dead($twin), 'old strings do not');
	is($redis->command('EXISTS', "psm:i:$broken"), 0, 'nor broken ones');
	$got = run('delete', '--owner', 'al', '--yes');
	is_deeply([@$got{qw(code out)}], [0, "There is no token to delete.\n"],
		'again: nothing to do');
	is_deeply(run_json('delete', '--owner', 'al', '--yes')->{json},
		{ items => [], next => undef, replicated => undef }, 'in JSON');
	is_deeply(run_json('delete', '--owner', 'bo', '--yes')->{json}{items},
		[{ id => $id{z}, result => 'deleted' }], 'JSON');
};

subtest 'all that somebody made (T110)' => sub {
	$redis->command('FLUSHALL');
	# al made a; a made b and c; b made d; an old string of c made e.
	my %id = (a => new_by('al'));
	$id{$_} = new_by($id{a}) for 'b', 'c';
	$id{d} = new_by($id{b}, '--owner', 'other');
	my $twin = run_json('reissue', $id{c}, '--overlap', '1h')
		->{json}{old_string}{id};
	$id{e} = new_by($twin);
	$id{z} = new_by('zoe');

	my $got = run('delete', $id{b});
	is($got->{code}, 0, 'one that made others is deleted');
	like($got->{err}, qr/$id{b} made 1 token that still works: /,
		'it is said that it lives');
	like($got->{err}, qr/`psm-token delete --minted-by $id{b}`/, 'and what to do');
	is(living(%id), 'acdez', 'and they do');
	like(run('delete', $id{b})->{err}, qr/made 1 token/, 'said again');

	$got = run('delete', '--minted-by', $id{a}, '--yes');
	like($got->{out}, qr/^Deleting 4 tokens that $id{a} made, or what it made/,
		'all below, through the dead');
	is(living(%id), 'az', 'T110 they are dead');
	like($got->{out}, qr/^$_ deleted$/m, 'and named')
		for @id{'c', 'd', 'e'}, $twin;
	$id{f} = new_by($id{e});
	run('delete', '--minted-by', 'al', '--yes');
	is(living(%id), 'z', 'T110 also by a user, and through old strings');
	is(run('delete', '--minted-by', 'nobody', '--yes')->{code}, 0,
		'nothing to do: exit 0');

	# One whose token somebody else made, and who made others with it.
	my %al = (own => new_by('root', '--owner', 'al'));
	$al{their} = new_by($al{own}, '--owner', 'bo');
	$al{theirs} = new_by($al{their}, '--owner', 'bo');
	$got = run('delete', '--owner', 'al', '--yes');
	is($got->{code}, 0, 'his own are deleted');
	like($got->{err}, qr/al made tokens for others, of which there are 2: /,
		'T110 it is said what he made for others');
	like(run('delete', '--owner', 'al', '--yes')->{err}, qr/there are 2/,
		'again');
	run('delete', '--minted-by', 'al', '--yes');
	is(living(%al), '', 'T110 these go, too');
	is(run('delete', '--owner', 'al', '--yes')->{err}, '', 'none is left');

	# A circle, which only others could write.
	my $p = new_by('x');
	my $q = new_by($p);
	$redis->command('ZADD', "psm:ix:b:$q", 1, $p);
	$got = run('delete', '--minted-by', $p, '--yes');
	is($got->{code}, 0, 'a circle ends');
	is(living(p => $p, q => $q), 'p', 'without its beginning');
};

subtest 'while others make more' => sub {
	$redis->command('FLUSHALL');
	my @ids = map { new_by('x', '--owner', 'al') } 1 .. 40;
	my $late = PSM::Process->start(name => 'late', output => '/dev/null',
		code => sub {
		delete $redis->{connection};
		wait_for(sub { grep { is_dead($_) } @ids }, 20);
		system(program(), '--redis', $redis->address, 'create', '--name',
			'late', '--resource', 'main:read', '--owner', 'al') for 1 .. 3;
	});
	run('delete', '--owner', 'al', '--yes');
	wait_for(sub { !$late->alive }, 20);
	my $got = run('delete', '--owner', 'al', '--yes');
	is($got->{code}, 0, 'exit 0');
	is($redis->command('ZCARD', 'psm:ix:o:al'), 0, 'none is left');
};

subtest 'interrupted' => sub {
	$redis->command('FLUSHALL');
	my (@set, @index);
	for my $n (1 .. 3000) {
		my $id = sprintf '00000000-0000-4000-8000-%012d', $n;
		push @set, "psm:i:$id", sprintf('%064d', $n),
			sprintf('psm:t:%064d', $n), $json->encode({ v => 1, id => $id,
			rev => 1, name => 'n', owner => 'al', type => 'resource',
			created => 1, resources => { main => 'read' } });
		push @index, 1, $id;
	}
	$redis->command('MSET', @set);
	$redis->command('ZADD', "psm:ix:$_", @index) for 'all', 'o:al';
	my $output = folder() . '/interrupted';
	my $command = PSM::Process->start(name => 'delete', output => $output,
		run => [program(), '--redis', $redis->address, 'delete', '--owner',
		'al', '--yes']);
	wait_for(sub { $redis->command('XLEN', 'psm:audit') > 10 }, 20);
	$command->stop('INT');
	my $done = 3000 - $redis->command('ZCARD', 'psm:ix:o:al');
	my $text = PSM::Process::slurp($output);
	like($text, qr/interrupted: $done of 3000 are deleted: run the same/,
		"it is said that $done are deleted");
	is(scalar(() = $text =~ / deleted$/mg), $done, 'and which');
	is(run('delete', '--owner', 'al', '--yes')->{code}, 0, 'again');
	is($redis->command('ZCARD', 'psm:ix:o:al'), 0, 'the rest');
};

subtest 'refused' => sub {
	refused("delete @$_", ['delete', @{$_}[0 .. $#$_ - 1]], $_->[-1]) for
		[qr/give the IDs of tokens, or - alone/],
		['a', '--owner', 'b', qr/give the IDs of tokens/],
		['-', 'a', qr/- alone for a token/],
		['--owner', 'a', '--minted-by', 'b', qr/or --minted-by/],
		['--owner', 'a b', '--yes', qr/--owner "a b"/],
		['--minted-by', 'a/b', '--yes', qr{--minted-by "a/b"}],
		['a/b', qr{"a/b" is not the ID}],
		['a', 'b', '--if-rev', 1, qr/--if-rev is about one token/],
		['--owner', 'a', '--if-rev', 1, qr/--if-rev is about one token/];
};

subtest 'on a terminal' => sub {
	$redis->command('FLUSHALL');
	my %id = map { $_ => new_by('x', '--owner', 'al') } 'a', 'b';
	for my $case (['n', 'ab'], ['', 'ab'], ['y', '']) {
		my ($answer, $living) = @$case;
		my $terminal = PSM::Terminal->start(dir => folder(), columns => 100,
			run => [program(), 'delete', '--owner', 'al'],
			env => { PSM_TOKEN_REDIS => $redis->address });
		ok($terminal->shows(qr/^Delete 2 tokens of al\? \[y\/N\]/m), 'asks');
		$terminal->type($answer);
		$terminal->press('Enter');
		ok($terminal->shows($living ? qr/nothing was deleted/
			: qr/^$id{b} deleted/m), "answer \"$answer\"");
		is(living(%id), $living, 'is done');
		$terminal->stop;
	}
};

finish();
