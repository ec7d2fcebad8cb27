#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Changes by psm-token where Redis has replicas: the record is changed first,
# then a replica is waited for, and what none confirmed is said and ends with
# 2, because a failover may undo it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

use PSM::Cli qw(:all);
use PSM::FakeRedis;
use PSM::Redis;
use PSM::Token qw(token_digest);

my $unused = start();
my $dir = folder();
my $master = PSM::Redis->start(dir => "$dir/master", tcp => 1);
my $at = $master->address;

sub change { return run(@_, { redis => $at }) }

sub change_json {
	my $got = change('--json', @_);
	$got->{json} = eval { JSON::PP->new->utf8->decode($got->{out}) };
	return $got;
}

sub new_token {
	my $got = change_json('create', '--name', 'n', '--resource', 'main:read');
	return @{ $got->{json} }{qw(id token)};
}

# What MONITOR recorded since the mark of the last call.
my $seen = 0;
sub recorded {
	$master->settle;
	my $text = substr $master->monitored, $seen;
	$seen += length $text;
	return $text;
}

my $undone = qr/the change was made on the master of Redis, but it is not known to be on a replica: none of its 1 confirmed it within 1000ms\. A failover may undo it: /;

subtest 'no replica' => sub {
	recorded();
	my $got = change_json('channel', 'set', 'main', '--privacy', 'public');
	is($got->{code}, 0, 'exit 0');
	is($got->{json}{replicated}, undef, 'nothing to wait for');
	is($got->{err}, '', 'nothing to say');
	my $text = recorded();
	like($text, qr/"EVAL(?:SHA)?".*"ROLE"/s, 'the change, then the question');
	unlike($text, qr/"WAIT"/, 'and no waiting');
};

my $replica = PSM::Redis->start(dir => "$dir/replica", replicaof => $master);
ok($replica->wait_synced, 'a replica');

subtest 'a replica in step' => sub {
	my ($id, $token) = new_token();
	recorded();
	my $got = change_json('delete', $id);
	is($got->{code}, 0, 'delete: exit 0') or diag($got->{err});
	ok($got->{json}{replicated}, 'confirmed');
	my $key = 'psm:t:' . token_digest($token);
	like($replica->command('GET', $key), qr/"deleted":\d/,
		'the tombstone is on the replica');
	my $text = recorded();
	like($text, qr/"EVAL(?:SHA)?".*"ROLE".*"WAIT" "1" "1000"/s, 'in this order');
	my ($first) = $text =~ /lua\] "(?:SET|DEL|ZREM|ZADD|XADD|SADD)" "(.*?)"/;
	is($first, $key, 'the record is the first to be changed');

	$got = change_json('create', '--name', 'n', '--scope', 'cve:view');
	is($got->{code}, 0, 'create: exit 0');
	ok($got->{json}{replicated}, 'confirmed');
	my ($other) = new_token();
	for my $words (['edit', $other, '--name', 'y'], ['reissue', $other],
		['user', 'set', 'al', '--none'],
		['delete', '--owner', scalar getpwuid $>, '--yes'])
	{
		$got = change_json(@$words);
		is($got->{code}, 0, "$words->[0]: exit 0") or diag($got->{err});
		ok($got->{json}{replicated}, 'confirmed');
	}
	$got = change('channel', 'set', 'main', '--privacy', 'private');
	is($got->{code}, 0, 'channel set: exit 0');
	is($got->{err}, '', 'nothing to say');
	is(change('list')->{code}, 0, 'reading');
	unlike(recorded() =~ s/.*"ZRANGE"//sr, qr/"WAIT"/, 'waits for nobody');
};

subtest 'a replica that is frozen' => sub {
	my ($id, $token) = new_token();
	my ($kept) = new_token();
	$replica->pause;
	my $begin = time;
	my $got = change('delete', $id);
	cmp_ok(time - $begin, '>=', 0.9, 'is waited for');
	is($got->{code}, 2, 'delete: exit 2');
	is($got->{out}, "$id deleted\n", 'and is done');
	like($got->{err}, qr/$undone.*run this command again/, 'but is unsure');
	my $key = 'psm:t:' . token_digest($token);
	like($master->command('GET', $key), qr/"deleted":\d/,
		'the master has the tombstone');

	$got = change_json('delete', $id, 'nobody');
	is($got->{code}, 2, 'again: exit 2');
	is_deeply($got->{json}, { next => undef, replicated => JSON::PP::false,
		items => [{ id => $id, result => 'was deleted already' },
			{ id => 'nobody', result => 'unknown' }] }, 'in JSON');
	like($got->{err}, $undone, 'it is still unsure');
	is(change('delete', 'nobody')->{code}, 1, 'nothing was changed: exit 1');

	$got = change('create', '--name', 'n', '--scope', 'cve:view', '--quiet');
	is($got->{code}, 2, 'create: exit 2');
	like($got->{out}, qr/^$TOKEN\n\z/, 'the token is shown');
	like($got->{err}, qr/$undone.*psm-token show $UUID/, 'but it is unsure');
	$got = change('reissue', $kept, '--overlap', '1h', '-q');
	is($got->{code}, 2, 'reissue: exit 2');
	like($got->{out}, qr/^$TOKEN\n\z/, 'the token is shown');
	like($got->{err}, qr/$undone.*whether its rev is still 2/,
		'but it is unsure');
	$got = change('user', 'set', 'al', '--admin');
	is($got->{code}, 2, 'user set: exit 2');
	like($got->{err}, qr/$undone.*run this command again/, 'says so');
	$got = change_json('channel', 'set', 'main', '--privacy', 'public');
	is($got->{code}, 2, 'channel set: exit 2');
	like($got->{err}, $undone, 'says so');
	ok(defined $got->{json}{replicated} && !$got->{json}{replicated},
		'in JSON too');
	is(change('list')->{code}, 0, 'reading goes on');

	$replica->resume;
	my $ttl = $master->command('PTTL', $key);
	my $rev = JSON::PP::decode_json($master->command('GET', $key))->{rev};
	$got = change_json('delete', $id);
	is($got->{code}, 0, 'again, when it is back: exit 0') or diag($got->{err});
	ok($got->{json}{replicated}, 'confirmed');
	like($replica->command('GET', $key), qr/"deleted":\d/,
		'the tombstone is there');
	my $now = $master->command('PTTL', $key);
	ok($now > 0 && $now <= $ttl, 'and goes when it would have gone');
	is(JSON::PP::decode_json($master->command('GET', $key))->{rev}, $rev,
		'with the same rev');
	unlike($master->command('GET', 'psm:t:' . $master->command('GET',
		"psm:i:$kept")), qr/deleted/, 'the other token lives');
};

subtest 'two replicas' => sub {
	my $second = PSM::Redis->start(dir => "$dir/second",
		replicaof => $master);
	ok($second->wait_synced, 'another one') or return;
	$replica->pause;
	my $got = change('channel', 'set', 'main', '--privacy', 'private');
	is($got->{code}, 0, 'one that is in step is enough') or diag($got->{err});
	$second->pause;
	$got = change('channel', 'set', 'main', '--privacy', 'public');
	is($got->{code}, 2, 'none is not');
	like($got->{err}, qr/none of its 2 confirmed/, 'says how many there are');
	$_->resume for $second, $replica;
	$second->stop;
};

subtest 'what else can happen behind a change' => sub {
	$master->command(qw(ACL SETUSER writer on >pw resetkeys ~psm:* -@all
		+get +set +evalsha +eval +type +sadd +xadd));
	open my $fh, '>', "$dir/pw" or die $!;
	print $fh "pw\n";
	close $fh;
	my @set = ('channel', 'set', 'acl', '--privacy', 'public');
	my $writer = { redis => "$at user=writer password_file=$dir/pw" };
	my $made = qr/the change was made on the master of Redis, but it is not known to be on a replica: /;
	my $got = run(@set, $writer);
	is($got->{code}, 2, 'may not ask: exit 2');
	like($got->{err}, qr/$made.*refused ROLE: NOPERM.*user=/, 'says so');
	$master->command(qw(ACL SETUSER writer +role));
	$got = run(@set, $writer);
	like($got->{err}, qr/$made.*refused WAIT: NOPERM.*user=/, 'nor wait');
	$master->command(qw(ACL SETUSER writer +wait));
	is(run(@set, $writer)->{code}, 0, 'may both');
	is($master->command('GET', 'psm:c:acl'), '{"v":1,"privacy":"public"}',
		'it was made each time');

	my $with_one = "*3\r\n\$6\r\nmaster\r\n:9\r\n*1\r\n*3\r\n\$1\r\nh\r\n\$1\r\n"
		. "1\r\n\$1\r\n9\r\n";
	my %case = (
		'the end' => [$with_one, undef, qr/closed the connection/],
		'a demotion' => [$with_one, "-UNBLOCKED state changed\r\n",
			qr/refused WAIT: UNBLOCKED/],
		'a replica' => ["*5\r\n\$5\r\nslave\r\n\$1\r\nh\r\n:1\r\n\$9\r\nconnected"
			. "\r\n:9\r\n", ":1\r\n", qr/no longer a master/],
		'no count' => [$with_one, "+OK\r\n", qr/none of its 1 confirmed/],
		'nothing' => [$with_one, '', qr/no answer within 1300ms/],
	);
	for my $name (sort keys %case) {
		my ($role, $wait, $says) = @{ $case{$name} };
		my $fake = PSM::FakeRedis->start(dir => "$dir/fake", script => sub {
			my ($client, $command) = @_;
			return $client->send(":1\r\n") if $command =~ /^EVAL/;
			return $client->send($role) if $command eq 'ROLE';
			return $client->usual if $command ne 'WAIT';
			return defined $wait ? $client->send($wait) : $client->close;
		});
		$got = run(@set, { redis => $fake->address . ' timeout=300ms' });
		is($got->{code}, 2, "$name: exit 2");
		like($got->{err}, qr/$made.*$says/, "$name: says so");
		like($got->{out}, qr/^acl is public now/, "$name: the change is made");
		$fake->stop;
	}
};

subtest 'a replica that is gone' => sub {
	$replica->kill;
	my $got = change_json('channel', 'set', 'main', '--privacy', 'public');
	is($got->{code}, 0, 'exit 0') or diag($got->{err});
	is($got->{json}{replicated}, undef, 'nobody to wait for');
};

like(run('delete', '--help')->{out} =~ s/\s+/ /gr,
	qr/2 also says that none has confirmed the change: it is made, but a failover may undo it/,
	'--help says so');

finish($master);
