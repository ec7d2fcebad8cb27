#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token audit: what was done and refused, in order, and as it happens (T116).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use PSM::Cli qw(:all);
use PSM::Process qw(slurp wait_for);

my $redis = start();
my $json = JSON::PP->new->utf8->canonical;
my $dir = folder();

sub items { return @{ run_json('audit', @_)->{json}{items} } }

sub whats { return join ' ', map { $_->{what} } items(@_) }

subtest 'what was done' => sub {
	is(run('audit')->{out}, '', 'nothing yet');
	is_deeply(run_json('audit')->{json}, { items => [], next => undef },
		'in JSON');
	my ($id) = new_id_of('--resource', 'main:read', '--owner', 'al');
	run('channel', 'set', 'main', '--privacy', 'public');
	run('edit', $id, '--name', 'new');
	run('delete', $id);
	is(whats(), 'create channel set edit delete', 'in order');
	my @items = items();
	like($items[0]{time}, qr/^$TIME\z/, 'a time');
	is($items[0]{subject}, $id, 'what it is about');
	is($items[2]{after}{name}, 'new', 'what changed');
	is($items[2]{before}{name}, 'x', 'and what it was');
	my $got = run('audit');
	like($got->{out}, $_, "text: $_") for qr/^$TIME  create $id  by \S+$/m,
		qr/^    before \{.*"name":"x"/m, qr/^    after \{.*"name":"new"/m;

	is(whats('--id', $id), 'create edit delete', '--id');
	is(whats('--id', 'main'), 'create channel set', 'of a channel, or with it');
	is(whats('--since', '1h'), 'create channel set edit delete', '--since');
	is(whats('--since', '2099-01-01'), '', 'in the future');
	refused('no time', ['audit', '--since', 'x'], qr/--since "x" is no time/);
	refused('no kind', ['audit', '--only', 'x'], qr/use done or denied/);
};

# Where no entry can be written, nothing is changed either.
subtest 'no change without an entry' => sub {
	$redis->command('FLUSHALL');
	my ($id) = new_id_of('--resource', 'main:read');
	my %fails = (
		'a stream that is none' => [
			sub { $redis->command('RENAME', 'psm:audit', 'kept');
				$redis->command('SET', 'psm:audit', 'text') },
			sub { $redis->command('RENAME', 'kept', 'psm:audit') },
			qr/WRONGTYPE psm:audit is a string, not a stream/],
		'a Redis that is full' => [
			sub { $redis->command('CONFIG', 'SET', 'maxmemory', 1) },
			sub { $redis->command('CONFIG', 'SET', 'maxmemory', 0) },
			qr/OOM/],
		'a disk that is full' => [
			sub { $redis->command('CONFIG', 'SET', 'save', '3600 100000');
				mkdir "$dir/redis/dump.rdb";    # it cannot be written
				$redis->command('BGSAVE');
				wait_for(sub { $redis->command('INFO', 'persistence')
					=~ /rdb_last_bgsave_status:err/ }) },
			sub { rmdir "$dir/redis/dump.rdb";
				$redis->command('SAVE');
				$redis->command('CONFIG', 'SET', 'save', '') },
			qr/MISCONF/],
	);
	for my $what (sort keys %fails) {
		my ($break, $mend, $says) = @{ $fails{$what} };
		$break->();
		my $before = $redis->dump_all;
		for my $words (['create', '--name', 'x', '--resource', 'main:read'],
			['edit', $id, '--name', 'y'], ['reissue', $id], ['delete', $id],
			['channel', 'set', 'main', '--privacy', 'public'],
			['user', 'set', 'al', '--admin']) {
			my $got = run(@$words);
			is($got->{code}, 2, "$what: $words->[0] cannot tell");
			like($got->{err}, $says, '  and why');
		}
		is($redis->dump_all, $before, "$what: nothing changed");
		$mend->();
	}
	run('edit', $id, '--name', 'y');
	is(whats(), 'create edit', 'then it goes on');
};

subtest 'what was refused' => sub {
	$redis->command('FLUSHALL');
	for my $n (1 .. 1203) {
		$redis->command('XADD', $n % 3 ? 'psm:audit' : 'psm:audit:denied',
			1000 * $n . '-1', 'who', "u$n", 'what', $n % 3 ? 'edit' : 'denied',
			'id', "t$n", 'when', $n);
	}
	my @all = items();
	is_deeply([map { $_->{subject} } @all], [map { "t$_" } 1 .. 1203],
		'both streams as one, in order');
	is(scalar items('--only', 'denied'), 401, '--only denied');
	is(scalar items('--only', 'done'), 802, '--only done');
	is(scalar items('--since', '1970-01-01T00:20:00Z'), 4, 'from 1200 s on');
};

subtest 'names are anybody\'s' => sub {
	$redis->command('FLUSHALL');
	$redis->command('XADD', 'psm:audit', '*', 'who', "x\e]0;y\a", 'what',
		"create\nfake", 'id', "a\r\n1999", 'before', "{\"a\":\"\xe2\x80\xae\"}",
		'when', 'never');
	my $got = run('audit');
	unlike($got->{out}, qr/[\x00-\x09\x0b-\x1f\x7f]|\xe2\x80\xae/,
		'nothing reaches the terminal as it is');
	is(scalar(split /\n/, $got->{out}), 2, 'and it makes no lines of its own');
	like($got->{out}, qr/create\\x0afake/, 'it is shown');
};

# A follower in the background; gives a sub that reads what it printed.
sub start_follower {
	my (@words) = @_;

	my ($out, $err) = ("$dir/follow.out", "$dir/follow.err");
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDOUT, '>', $out;
		open STDERR, '>', $err;
		$SIG{INT} = 'DEFAULT';
		$ENV{PSM_TOKEN_REDIS} = $redis->address;
		exec { program() } program(), 'audit', '--follow', @words
			or POSIX::_exit(127);
	}
	return ($pid, sub { slurp($out) }, sub { slurp($err) });
}

subtest 'following' => sub {
	$redis->command('FLUSHALL');
	my ($first) = new_id_of('--resource', 'main:read');
	my ($pid, $out, $err) = start_follower('--json');
	ok(wait_for(sub { $out->() =~ /"$first"/ }, 20), 'what was there');
	my ($second) = new_id_of('--resource', 'main:read');
	ok(wait_for(sub { $out->() =~ /"$second"/ }, 20), 'what comes');
	my @lines = map { $json->decode($_) } split /\n/, $out->();
	is_deeply([map { $_->{subject} } @lines], [$first, $second],
		'an entry a line');

	# A Redis that goes away is waited for, and nothing is lost or repeated.
	$redis->command('CONFIG', 'SET', 'save', '3600 1');
	$redis->command('SAVE');
	$redis->stop;
	ok(wait_for(sub { $err->() =~ /trying again/ }, 20), 'says it is gone');
	$redis->restart;
	my ($third) = new_id_of('--resource', 'main:read');
	ok(wait_for(sub { $out->() =~ /"$third"/ }, 40), 'and goes on');
	like($err->(), qr/Redis answers again/, 'which is said');
	@lines = map { $json->decode($_) } split /\n/, $out->();
	is_deeply([map { $_->{subject} } grep { $_->{what} eq 'create' } @lines],
		[$first, $second, $third], 'each once');
	kill 'INT', $pid;
	waitpid $pid, 0;
	is($?, 0, 'Ctrl-C ends it, and that is no failure');

	($pid, $out) = start_follower('--since', '2099-01-01');
	select undef, undef, undef, 0.3;
	kill 'TERM', $pid;
	waitpid $pid, 0;
	is($?, 0, 'TERM, too');
	is($out->(), '', 'nothing of before');
	my $got = run('audit', '--follow', { redis => "unix:$dir/nobody" });
	is($got->{code}, 2, 'a Redis that never was is not waited for');
};

finish();
