#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token: how it reaches Redis, and what it says when it does not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::UNIX;
use Test::More;

use PSM::Cli qw(:all);
use PSM::FakeRedis;
use PSM::Process qw(slurp);
use PSM::Redis;

my $redis = start();
my $dir = folder();

subtest 'addresses of Redis' => sub {
	$redis->command('FLUSHALL');
	my $path = $redis->address;
	is(run('list', '--redis', "$path db=3 prefix=other:")->{code}, 0,
		'parameters');
	run('--redis', "$path db=3 prefix=other:", 'channel', 'set', 'main',
		'--privacy', 'public', { redis => 'redis://127.0.0.1:1' });
	$redis->command('SELECT', 3);
	is_deeply([sort @{ $redis->command('KEYS', '*') }],
		['other:audit', 'other:c:main', 'other:ix:c'],
		'--redis wins, database and prefix are used');
	$redis->command('SELECT', 0);

	my $got = run('list', { redis => 'redis://127.0.0.1:1' });
	is($got->{code}, 2, 'nobody listens: exit 2');
	like($got->{err},
		qr{at redis://127\.0\.0\.1:1: cannot connect: Connection refused},
		'address and cause');
	$got = run('list', { redis => "unix:$dir/none.sock" });
	like($got->{err},
		qr{at unix:\Q$dir\E/none\.sock: cannot connect: No such file},
		'a socket that is not there');
	$got = run('list', { redis => 'redis://h.invalid' });
	is($got->{code}, 2, 'an unknown host: exit 2');
	like($got->{err}, qr{redis://h\.invalid:6379: cannot find the host},
		'says so');
	for my $case (['rediss://h key=k', qr/key= lacks its cert=/],
		['redis://u:hunter2@h', qr/password_file=/], ['h:1', qr/redis:/],
		["$path colour=red", qr/unknown parameter "colour"/])
	{
		$got = run('list', { redis => $case->[0] });
		is($got->{code}, 2, "exit 2: $case->[0]");
		like($got->{err}, qr/--redis.*PSM_TOKEN_REDIS/, 'names the option');
		like($got->{err}, $case->[1], "says $case->[1]");
		unlike($got->{err}, qr/hunter2/, 'and no password');
	}

	# One that accepts and says nothing.
	my $silent = IO::Socket::UNIX->new(Local => "$dir/silent.sock",
		Listen => 1) or die $!;
	$got = run('list', { redis => "unix:$dir/silent.sock timeout=100ms" });
	is($got->{code}, 2, 'no answer: exit 2');
	like($got->{err}, qr/no answer within 100ms/, 'says so');
	for my $case (['silence', sub { }, qr/no answer within 300ms/],
		['the end', sub { $_[0]->close }, qr/closed the connection/])
	{
		my ($name, $does, $says) = @$case;
		my $fake = PSM::FakeRedis->start(dir => "$dir/fake", script => sub {
			return $_[1] =~ /^EVAL/ ? $does->(@_) : $_[0]->usual;
		});
		$got = run('channel', 'set', 'main', '--privacy', 'public',
			{ redis => $fake->address . ' timeout=300ms' });
		is($got->{code}, 2, "$name behind a change: exit 2");
		like($got->{err}, qr/$says.*may have been made or not/, 'says so');
		is($got->{out}, '', 'and claims nothing');
		$fake->stop;
	}
	$got = run('list', { redis => "$path password_file=$dir/none" });
	like($got->{err}, qr{cannot read password_file \Q$dir\E/none},
		'no password file');
};

subtest 'a Redis Cluster' => sub {
	for my $error ('MOVED 3999 127.0.0.1:6381', 'ASK 3999 127.0.0.1:6381',
		"CROSSSLOT Keys in request don't hash to the same slot",
		'CLUSTERDOWN Hash slot not served')
	{
		my $fake = PSM::FakeRedis->start(dir => "$dir/cluster",
			script => sub { $_[0]->send("-$error\r\n") });
		my $got = run('list', { redis => $fake->address });
		is($got->{code}, 2, "$error: exit 2");
		like($got->{err},
			qr/refused ZRANGE: \Q$error\E \(this is a Redis Cluster, which is not supported yet/,
			'says so');
		$fake->stop;
	}
	my $got = run('list', { redis => "$dir/none" });
	unlike($got->{err}, qr/Cluster/, 'and only there');
};

subtest 'a Redis with users' => sub {
	my $path = $redis->address;
	my $other = PSM::Redis->start(dir => "$dir/locked", tcp => 1,
		password => 'hunter2-long-enough');
	my %file = (good => "hunter2-long-enough\n", bad => "wrong\n",
		empty => "\n");
	for my $name (keys %file) {
		open my $fh, '>', "$dir/$name" or die $!;
		print $fh $file{$name};
		close $fh;
	}
	my $at = $other->tcp_address;
	my $got = run('list', { redis => "$at password_file=$dir/good" });
	is($got->{code}, 0, 'password over TCP') or diag($got->{err});
	$got = run('list', { redis => $at });
	is($got->{code}, 2, 'no password: exit 2');
	like($got->{err}, qr/refused ZRANGE: NOAUTH.*password_file=/, 'a remedy');
	$got = run('list', { redis => "$at password_file=$dir/bad" });
	like($got->{err}, qr/refused AUTH: WRONGPASS/, 'a wrong one');
	unlike($got->{err}, qr/wrong\n/, 'is not shown');
	# Where the default user needs no password, the change would be his.
	my $before = $redis->dump_all;
	$got = run('create', '--name', 'n', '--resource', 'a:read',
		{ redis => "$path user=nobody password_file=$dir/bad" });
	is($got->{code}, 2, 'a wrong one for a change: exit 2');
	like($got->{err}, qr/refused AUTH: WRONGPASS/, 'says so');
	unlike($got->{err}, qr/may have been made/, 'and is sure');
	is($redis->dump_all, $before, 'nothing was changed');
	$got = run('list', { redis => "$at password_file=$dir/empty" });
	like($got->{err}, qr/password_file .*1 to 512 characters/, 'an empty one');
	$other->command(qw(ACL SETUSER reader on >pw resetkeys ~psm:* -@all
		+zrange +mget +hmget +get));
	open my $fh, '>', "$dir/reader" or die $!;
	print $fh "pw\n";
	close $fh;
	my $reader = "$at user=reader password_file=$dir/reader";
	is(run('list', { redis => $reader })->{code}, 0, 'a user that may read');
	$got = run('create', '--name', 'n', '--resource', 'a:read',
		{ redis => $reader });
	is($got->{code}, 2, 'and may not write: exit 2');
	like($got->{err}, qr/refused EVALSHA: NOPERM/, 'says so');
	unlike($got->{err}, qr/may have been made/, 'and was not done');
	unlike($got->{out}, $TOKEN, 'no token is shown');
	$other->stop;
};

# Who starts it may have closed them (cron, daemons): what it says must not be
# taken for commands by a Redis whose connection stands in their place.
subtest 'standard files that are closed' => sub {
	my ($bad) = new_id_of('--resource', 'a:read');
	new_id_of('--resource', 'b:read') for 1 .. 2;
	my $key = 'psm:t:' . $redis->command('GET', "psm:i:$bad");
	$redis->command('SET', $key, '{}');
	$redis->command('CONFIG', 'RESETSTAT');

	my $whole = run('list', '--sort', 'name');
	like($whole->{err}, qr/left out/, 'there is something to complain of');
	my $closed = sub {
		my ($files, @words) = @_;
		my $command = 'exec timeout 10 "$0" "$@" ' . $files;
		system { '/bin/sh' } 'sh', '-c', "$command", program(), @words,
			'--redis', $redis->address;
		return $? >> 8;
	};
	is($closed->(">$dir/got 2>&-", 'list', '--sort', 'name'), 0,
		'nowhere to complain: exit 0');
	is(slurp("$dir/got"), $whole->{out}, 'and the list is the same');
	is($closed->("2>$dir/got >&-", 'list', '--json'), 2,
		'nowhere to print: exit 2');
	like(slurp("$dir/got"), qr/cannot write all of the output/, 'says so');
	isnt($closed->(">$dir/got 2>&1 <&-", 'import', '-'), 124,
		'nothing to read: it ends');
	unlike($redis->command('INFO', 'errorstats'), qr/errorstat_/,
		'and Redis understood every command');
};

finish();
