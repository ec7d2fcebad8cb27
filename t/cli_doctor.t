#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token doctor: what it says of Redis and of users, and every way in which
# the store can be inconsistent: found, named, mended, and no right given.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use PSM::Cli qw(:all);
use PSM::Redis;
use PSM::Token qw(token_digest new_id);

my $redis = start();
my $json = JSON::PP->new->utf8->canonical;

sub doctor {
	my $got = run_json('doctor', @_);
	$got->{by} = { map { $_->{check} => $_ } @{ $got->{json}{items} // [] } };
	return $got;
}

sub finds {
	my ($got, $check, $result, $says) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $row = $got->{by}{$check};
	is($row->{result}, $result, "$check: $result")
		or diag(explain($got->{json}));
	like($row->{says} // '', $says, "$check: says so") if $says;
}

sub problems {
	return grep { $_->{result} =~ /^(?:problem|unknown)\z/ }
		@{ $_[0]{json}{items} };
}

sub record {
	my ($id) = @_;
	my $digest = $redis->command('GET', "psm:i:$id");
	return ($digest, $json->decode($redis->command('GET', "psm:t:$digest")));
}

subtest 'all is well' => sub {
	$redis->command('FLUSHALL');
	my $got = doctor();
	is($got->{code}, 0, 'an empty Redis: exit 0');
	finds($got, 'what is there', 'ok', qr/^0 tokens/);
	my ($id) = new_id_of('--resource', 'main:read');
	new_id_of('--scope', 'cve:view', '--expires', 'never', '--owner', 'al');
	my ($dead) = new_id_of('--resource', 'main:read', '--owner', 'al');
	run('delete', $dead);
	run('channel', 'set', 'main', '--privacy', 'public');
	my $before = $redis->dump_all;
	$got = doctor();
	is($got->{code}, 0, 'with tokens, too') or diag($got->{out});
	is($got->{json}{result}, 'ok', 'in one word');
	finds($got, 'what is there', 'ok',
		qr/^2 tokens, 1 deleted ones, 1 channels, 0 users below psm:/);
	finds($got, 'connection', 'ok', qr/^unix:/);
	finds($got, $_, 'ok') for 'version', 'role', 'client tracking', 'eviction',
		'clock', 'psm-token';
	finds($got, 'replicas', 'note', qr/none/);
	finds($got, 'persistence', 'note', qr/none.*appendonly yes/);
	is($redis->dump_all, $before, 'and nothing was changed');
	$got = run('doctor');
	like($got->{out}, qr/^records\nok +what is there +2 tokens/m, 'a table');
	is(run('doctor', '--repair')->{code}, 0, 'nothing to repair');
	is($redis->dump_all, $before, 'so nothing is written');

	$got = doctor('--redis', $redis->address . ' prefix=other:');
	finds($got, 'what is there', 'note', qr/is prefix= in --redis right/);
	$redis->command('SET', "psm:$_", 1) for 't:x', 'y';
	finds(doctor(), 'keys that are not ours', 'note',
		qr/^2: psm:\S+; psm:\S+\z/);
};

# Each fault: what makes it, what is said, and whether it can be mended.
my ($id, $token, $digest, $key, $record);
my @faults = (
	['no id' => sub { $redis->command('DEL', "psm:i:$id") },
		'tokens without an id', qr/token %s.*leads nowhere/, 1],
	['an id that leads nowhere' => sub {
		$redis->command('SET', 'psm:i:' . new_id(), 'f' x 64) },
		'ids that lead nowhere', qr/no record where it leads/, 1],
	['an id of another' => sub {
		$redis->command('SET', 'psm:i:' . new_id(), $digest) },
		'ids that lead nowhere', qr/leads to the record of token %s/, 1],
	['not in an index' => sub { $redis->command('DEL', 'psm:ix:all',
		'psm:ix:exp', 'psm:ix:o:al', "psm:ix:b:$record->{by}") },
		'index entries that are missing',
		qr/not in psm:ix:all, psm:ix:b:\S+, psm:ix:exp, psm:ix:o:al/, 1],
	['a wrong score' => sub { $redis->command('ZADD', 'psm:ix:exp', 5, $id) },
		'index entries that are wrong', qr/not as it should be in psm:ix:exp/,
		1],
	['a score that is no time' => sub {
		$redis->command('ZADD', 'psm:ix:all', 'inf', $id) },
		'index entries that are wrong', qr/in psm:ix:all/, 1],
	['in the list of the deleted' => sub {
		$redis->command('ZADD', 'psm:ix:del', 5, $id) },
		'index entries that are wrong', qr/in psm:ix:del/, 1],
	['with another owner' => sub {
		$redis->command('ZADD', 'psm:ix:o:bob', 5, $id) },
		'index entries that are wrong', qr/does not belong in psm:ix:o:bob/,
		1],
	['made by another' => sub {
		$redis->command('ZADD', 'psm:ix:b:bob', 5, $id) },
		'index entries that are wrong', qr/does not belong in psm:ix:b:bob/,
		1],
	['a channel that is not listed' => sub {
		$redis->command('SREM', 'psm:ix:c', 'main') },
		'channels that are not listed', qr/channel main: not in psm:ix:c/, 1],
	['a listed channel without a record' => sub {
		$redis->command('SADD', 'psm:ix:c', 'gone') },
		'listed channels without a record', qr/channel gone/, 1],
	['a user who is not listed' => sub {
		$redis->command('SET', 'psm:user:al', '{"v":1,"admin":true}') },
		'users who are not listed', qr/user al: not in psm:ix:u/, 1],
	['a listed user without a record' => sub {
		$redis->command('SADD', 'psm:ix:u', 'gone') },
		'listed users without a record', qr/user gone/, 1],
	['a broken record' => sub { $redis->command('SET', $key, '{"v":1}') },
		'token records that break the rules',
		qr/digest [0-9a-f]{64}: .*"id" is missing.*token is refused/, 0],
	['a broken channel' => sub { $redis->command('SET', 'psm:c:main', '{}') },
		'channel records that break the rules', qr/channel main: /, 0],
	['a broken user' => sub {
		$redis->command('SADD', 'psm:ix:u', 'al');
		$redis->command('SET', 'psm:user:al', '{"v":1,"admin":1}') },
		'user records that break the rules', qr/user al: /, 0],
	['a record of a wrong type' => sub {
		$redis->command('RPUSH', 'psm:t:' . 'e' x 64, 1) },
		'keys of a wrong type', qr/psm:t:e{64}: it is a list/, 0],
	['an index of a wrong type' => sub {
		$redis->command('DEL', 'psm:ix:c');
		$redis->command('SET', 'psm:ix:c', 1) },
		'keys of a wrong type', qr/psm:ix:c: it is a string/, 0],
);

for my $fault (@faults) {
	my ($name, $make, $check, $says, $can_be_mended) = @$fault;
	subtest $name => sub {
		$redis->command('FLUSHALL');
		($id, $token) = new_id_of('--resource', 'main:read', '--owner', 'al');
		run('channel', 'set', 'main', '--privacy', 'public');
		($digest, $record) = record($id);
		$key = "psm:t:$digest";
		$make->();
		my $broken = $redis->dump_all;
		my $pattern = $says =~ s/%s/$id/r;
		my $got = doctor();
		is($got->{code}, 1, 'exit 1');
		finds($got, $check, 'problem', qr/$pattern/);
		is($redis->dump_all, $broken, 'nothing is changed');

		$got = doctor('--repair');
		if (!$can_be_mended) {
			is($got->{code}, 1, 'it cannot be mended');
			finds($got, $check, 'problem');
			return;
		}
		is($got->{code}, 0, 'mended: exit 0') or diag($got->{out});
		finds($got, $check, 'note', qr/all mended/);
		like($got->{err}, qr/mended: /, 'and each is said');
		is(scalar problems(doctor()), 0, 'then all is well');
		my $entry = $redis->command('XREVRANGE', 'psm:audit', '+', '-',
			'COUNT', 1)->[0][1];
		is({ @$entry }->{what}, 'repair', 'one audit entry');
		like({ @$entry }->{after}, qr/"\Q$check\E":\d/, 'says what');
		is_deeply($json->decode($redis->command('GET', $key)), $record,
			'the token is what it was');
	};
}

subtest 'two tokens with one id' => sub {
	$redis->command('FLUSHALL');
	my ($id) = new_id_of('--resource', 'main:read');
	my ($digest, $record) = record($id);
	my $other = 'a' x 64;
	$redis->command('SET', "psm:t:$other", $json->encode({ %$record,
		theirs => [1], resources => { b => 'write' } }));
	my $got = doctor('--repair');
	finds($got, 'tokens with another\'s id', 'note', qr/1, all mended/);
	my ($new) = $got->{err} =~ /it has the id ($UUID) now/;
	my ($at, $renamed) = record($new);
	is($at, $other, 'the other one has an id of its own');
	is_deeply($renamed, { %$record, id => $new, rev => 2, theirs => [1],
		resources => { b => 'write' } }, 'and is the same otherwise');
	is_deeply([record($id)], [$digest, $record], 'the first one, too');
	is(run('doctor')->{code}, 0, 'then all is well');
	is(run('delete', $new)->{code}, 0, 'it can be deleted now');
};

subtest 'what runs out is no problem' => sub {
	$redis->command('FLUSHALL');
	my ($id) = new_id_of('--resource', 'main:read', '--owner', 'al');
	my ($digest, $record) = record($id);
	$redis->command('HSET', 'psm:u', $id, 5);
	$redis->command('DEL', "psm:t:$digest", "psm:i:$id");
	my $got = doctor();
	is($got->{code}, 0, 'exit 0');
	finds($got, 'index entries of tokens that ran out', 'note', qr/^4: /);
	finds($got, 'last uses of tokens that ran out', 'note', qr/^1: /);
	is(doctor('--repair')->{code}, 0, 'repaired');
	is_deeply([sort @{ $redis->command('KEYS', '*') }], ['psm:audit'],
		'nothing is left of it');
};

subtest 'many tokens' => sub {
	$redis->command('FLUSHALL');
	my (@strings, @all, @owner);
	for my $n (1 .. 1203) {
		my ($id, $digest) = (sprintf('00000000-0000-4000-8000-%012d', $n),
			sprintf('%064x', $n));
		push @strings, "psm:i:$id", $digest, "psm:t:$digest",
			$json->encode({ v => 1, id => $id, name => "n$n", owner => 'o',
				type => 'resource', resources => { main => 'read' },
				created => $n });
		push @all, $n, $id;
		push @owner, $n, $id if $n != 700;
	}
	$redis->command('MSET', @strings);
	$redis->command('ZADD', 'psm:ix:all', @all);
	$redis->command('ZADD', 'psm:ix:o:o', @owner);
	my $got = doctor();
	finds($got, 'what is there', 'ok', qr/^1203 tokens/);
	finds($got, 'index entries that are missing', 'problem',
		qr/^1: token 00000000-0000-4000-8000-000000000700: not in psm:ix:o:o\./);
	is(scalar problems($got), 1, 'one of them, and nothing else');
};

subtest 'Redis itself' => sub {
	$redis->command('FLUSHALL');
	$redis->command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
	my $got = doctor();
	is($got->{code}, 1, 'eviction: exit 1');
	finds($got, 'eviction', 'problem', qr/allkeys-lru.*Set noeviction/);
	$redis->command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
	$redis->command('CONFIG', 'SET', 'save', '60 1');
	finds(doctor(), 'persistence', 'note', qr/snapshots only \(save 60 1\)/);
	$redis->command('CONFIG', 'SET', 'appendonly', 'yes');
	finds(doctor(), 'persistence', 'ok', qr/appendonly/);
	$redis->command('CONFIG', 'SET', 'appendonly', 'no');
	$redis->command('CONFIG', 'SET', 'save', '');

	my $gone = doctor('--redis', 'unix:' . folder() . '/nobody.sock');
	is($gone->{code}, 2, 'no Redis: exit 2');
	finds($gone, 'the rest', 'unknown', qr/nobody\.sock/);
};

subtest 'the clock' => sub {
	plan(skip_all => 'no libfaketime beside a sanitizer') if $ENV{PSM_PRELOAD};
	my $out = folder() . '/skewed';
	for my $skew ('+5m', '-90s') {
		local $ENV{PSM_TOKEN_REDIS} = $redis->address;
		system("faketime -f '$skew' " . program() . " doctor > $out 2>&1");
		is($? >> 8, 1, "a clock at $skew: exit 1");
		open my $fh, '<', $out or die $!;
		my $text = do { local $/; <$fh> };
		like($text, $skew eq '+5m'
			? qr/PROBLEM +clock +\d minutes behind this host's/
			: qr/PROBLEM +clock +\d+ \w+ ahead of this host's/, 'says so');
	}
};

subtest 'replicas' => sub {
	my $master = PSM::Redis->start(dir => folder() . '/master', tcp => 1);
	my $replica = PSM::Redis->start(dir => folder() . '/replica',
		replicaof => $master);
	$replica->wait_synced;
	my $got = doctor('--redis', $master->address);
	finds($got, 'replicas', 'ok', qr/confirms/);
	finds($got, 'min-replicas-to-write', 'note', qr/Set 1/);
	$master->command('CONFIG', 'SET', 'min-replicas-to-write', 1);
	finds(doctor('--redis', $master->address), 'min-replicas-to-write', 'ok');
	$got = doctor('--redis', $replica->address);
	is($got->{code}, 1, 'a replica: exit 1');
	finds($got, 'role', 'problem', qr/no master/);
	$_->stop for $replica, $master;
};

subtest 'rights' => sub {
	$redis->command('FLUSHALL');
	my $gate = '-@all %R~psm:t:* %R~psm:c:* &__redis__:invalidate +get '
		. '+client|id +client|tracking +client|setname +subscribe +ping +role '
		. '+info +select';
	$redis->command('ACL', 'SETUSER', 'gate', 'on', 'nopass', 'resetkeys',
		'resetchannels', split / /, $gate);
	my $got = doctor('--gate-user', 'gate');
	is($got->{code}, 0, 'the user of README') or diag($got->{out});
	finds($got, 'gate', 'ok');
	finds($got, 'gate may do no more', 'ok', qr/only reads/);
	finds(doctor('--gate-user', 'default'), 'default may do no more', 'note',
		qr/may also set t:x.*eval/);
	$redis->command('ACL', 'SETUSER', 'gate', '-client|tracking');
	$got = doctor('--gate-user', 'gate');
	is($got->{code}, 1, 'no tracking: exit 1');
	finds($got, 'gate', 'problem', qr/may not client tracking: .*remembers nothing/);
	$redis->command('ACL', 'SETUSER', 'gate', '-get');
	finds(doctor('--gate-user', 'gate'), 'gate', 'problem',
		qr/may not get t:x, get c:x, client tracking: .*look nothing up/);
	$got = doctor('--gate-user', 'nobody');
	is($got->{code}, 2, 'no such user: exit 2');
	finds($got, 'nobody', 'unknown', qr/no such user/);

	my $password = folder() . '/password';
	open my $fh, '>', $password or die $!;
	print $fh "pw\n";
	close $fh;
	my $as = $redis->address . " user=me password_file=$password";
	$redis->command('ACL', 'SETUSER', 'me', 'on', '>pw', '~psm:*', '&*', '+@all',
		'-del', '-zadd', '-acl');
	$got = doctor('--redis', $as);
	is($got->{code}, 1, 'too few rights: exit 1');
	finds($got, 'psm-token', 'problem', qr/may not del i:x, zadd ix:exp: /);
	is($redis->dump_all, '', 'and trying left nothing behind');
	finds(doctor('--redis', $as, '--gate-user', 'gate'), 'gate', 'unknown',
		qr/ACL DRYRUN/);
	$redis->command('ACL', 'SETUSER', 'me', '+del', '+zadd', '-multi', '-info',
		'-role', '-config', '-client|tracking');
	$got = doctor('--redis', $as);
	is($got->{code}, 2, 'what it may not ask for it cannot tell: exit 2');
	finds($got, 'version', 'unknown', qr/not told to this user: NOPERM/);
	finds($got, 'role', 'unknown');
	finds($got, 'psm-token', 'note', qr/MULTI/);
	finds($got, 'client tracking', 'note', qr/may not try/);
	$redis->command('ACL', 'DELUSER', 'me', 'gate');
};

refused('two things at once', ['doctor', '--repair', '--url', 'http://h/main'],
	qr/run this command twice/);

finish();
