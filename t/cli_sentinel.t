#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token behind sentinels: they are asked in turn, who they name must be a
# master, and what each of them said is told when none leads to one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use PSM::Certificates;
use PSM::Cli qw(:all);
use PSM::FakeRedis;
use PSM::Process qw(free_port);
use PSM::Sentinel;

start();
my $dir = folder();
my $trio = PSM::Sentinel->start(dir => "$dir/trio");
my $at = $trio->address;

sub channels_on {
	my ($redis) = @_;
	return join ' ', sort @{ $redis->command('SMEMBERS', 'psm:ix:c') };
}

sub set {
	my ($channel, $address) = @_;
	return run('channel', 'set', $channel, '--privacy', 'public',
		{ redis => $address // $at });
}

# A sentinel that says what it is told to.
sub liar {
	my ($reply) = @_;

	return PSM::FakeRedis->start(dir => "$dir/liar-" . free_port(), tcp => 1,
		script => sub {
			my ($client, $name) = @_;
			return $client->usual if $name ne 'SENTINEL';
			return $client->send($reply);
		});
}

sub answer { return join '', '*2', map { "\r\n\$" . length($_) . "\r\n$_" } @_ }

sub host_of { return "127.0.0.1:$_[0]{port}" }

subtest 'the master is found' => sub {
	my $got = set('one');
	is($got->{code}, 0, 'a change') or diag($got->{err});
	is(channels_on($trio->master), 'one', 'is on the master');

	my $here = join ',', reverse map { '127.0.0.1:' . $_->port }
		$trio->sentinels;
	is(run('channel', 'list', { redis => "sentinel://$here/psm db=1" })->{out}
		=~ /No channel/ ? 1 : 0, 1, 'db= is used');

	my $dead = free_port();
	$got = set('two', "sentinel://127.0.0.1:$dead,$here/psm");
	is($got->{code}, 0, 'one that is down is passed over')
		or diag($got->{err});

	$trio->sentinel(0)->pause;
	my $begin = time;
	$got = set('three');
	cmp_ok(time - $begin, '>=', 0.9, 'one that is frozen is waited for');
	is($got->{code}, 0, 'and then passed over') or diag($got->{err});
	$trio->sentinel(0)->resume;
	is(channels_on($trio->master), 'one three two', 'all is on the master');
};

subtest 'what is said when it is not' => sub {
	my ($p, $q) = (free_port(), free_port());
	my $got = set('x', "sentinel://127.0.0.1:$p,[::1]:$q/psm");
	is($got->{code}, 2, 'all are down: exit 2');
	like($got->{err}, qr{no sentinel leads to a master called "psm":
  Sentinel at sentinel://127\.0\.0\.1:$p: cannot connect.*
  Sentinel at sentinel://\[::1\]:$q: cannot connect.*
},
		'one line for each');

	my $first = $trio->sentinel(0)->port;
	$got = set('x', $at =~ s/psm$/other/r);
	is($got->{code}, 2, 'another name: exit 2');
	is(scalar(() = $got->{err} =~ /knows no master called "other"/g), 3,
		'each says so') or diag($got->{err});

	$got = set('x', 'sentinel://127.0.0.1:' . $trio->master->port . '/psm');
	like($got->{err}, qr/refused SENTINEL: ERR unknown command/,
		'a Redis is no sentinel');
	for (['an error', "-ERR no\r\n", qr/refused SENTINEL: ERR no/],
		['one word', "*1\r\n\$1\r\nx\r\n", qr/gave no address/],
		['a bad port', answer('127.0.0.1', 'x') . "\r\n", qr/gave no address/],
		['a bad host', answer("a\nb", '1') . "\r\n", qr/gave no address/],
		['a dead master', answer('127.0.0.1', $p) . "\r\n",
			qr{Redis at redis://127\.0\.0\.1:$p: cannot connect}],
		['a replica', answer('127.0.0.1', $trio->replica->port) . "\r\n",
			qr/is named as the master, and is none/])
	{
		my ($name, $reply, $says) = @$_;
		my $liar = liar($reply);
		$got = set('x', 'sentinel://' . host_of($liar) . '/psm');
		is($got->{code}, 2, "$name: exit 2");
		like($got->{err}, $says, "$name: says so");
		$got = set("good", 'sentinel://' . host_of($liar)
			. ",127.0.0.1:$first/psm");
		is($got->{code}, 0, "$name: the next one is asked")
			or diag($got->{err});
		$liar->stop;
	}
	is(channels_on($trio->master), 'good one three two',
		'nothing came of the others');
};

subtest 'a failover by hand' => sub {
	my $old = $trio->master;
	$trio->failover;
	is($old->command('ROLE')->[0], 'master',
		'the old master still takes itself for one');
	my $got = set('after');
	is($got->{code}, 0, 'a change') or diag($got->{err});
	like(channels_on($trio->master), qr/\bafter\b/, 'is on the new master');
	unlike(channels_on($old), qr/\bafter\b/, 'and not on the old one');
	ok($trio->wait_ready, 'the old master follows');
};

subtest 'a master that dies' => sub {
	my $port = $trio->master->port;
	$trio->master->kill;
	ok($trio->wait_switched($port), 'the sentinels agree on another');
	my $got = set('survived');
	is($got->{code}, 0, 'a change') or diag($got->{err});
	like(channels_on($trio->master), qr/\bsurvived\b/, 'is there');
};
$trio->stop;

subtest 'passwords and TLS for both' => sub {
	my $certs = PSM::Certificates->new(dir => "$dir/tls");
	my $trio = PSM::Sentinel->start(dir => "$dir/locked", tls => $certs,
		client_auth => 1, password => 'of-the-redis', sentinel_user => 'asker',
		sentinel_password => 'of-the-sentinels');
	my %file;
	for my $word (qw(of-the-redis of-the-sentinels)) {
		$file{$word} = "$dir/$word";
		open my $fh, '>', $file{$word} or die $!;
		print $fh "$word\n";
		close $fh;
	}
	my $at = $trio->address;
	my $tls = 'ca=' . $certs->ca . ' ' . $certs->words('client');
	my $asker = "sentinel_user=asker sentinel_password_file="
		. $file{'of-the-sentinels'};
	my $redis = "password_file=$file{'of-the-redis'}";
	my $got = set('one', "$at $tls tls=on sentinel_tls=on $asker $redis");
	is($got->{code}, 0, 'all right') or diag($got->{err});
	is(channels_on($trio->master), 'one', 'it is there');

	for (['no TLS to sentinels', "$tls tls=on $asker $redis timeout=300ms",
			qr/Sentinel at sentinel:/],
		['no TLS to Redis', "$tls sentinel_tls=on $asker $redis",
			qr/Redis at redis:/],
		['no password of sentinels', "$tls tls=on sentinel_tls=on $redis",
			qr/refused SENTINEL: NOAUTH.*sentinel_user=/],
		['no password of Redis', "$tls tls=on sentinel_tls=on $asker",
			qr/Redis at rediss:.*NOAUTH.*user=/],
		['a wrong one', "$tls tls=on sentinel_tls=on $redis sentinel_user=asker"
			. " sentinel_password_file=$file{'of-the-redis'}",
			qr/Sentinel at sentinel:.*WRONGPASS/],
		['a wrong CA', 'ca=' . $certs->other_ca . ' '
			. $certs->words('client') . " tls=on sentinel_tls=on $asker $redis",
			qr/Sentinel at sentinel:.*is not signed by a CA/],
		['a wrong name', "$tls tls=on sentinel_tls=on name=elsewhere.test "
			. "$asker $redis", qr/Redis at rediss:.*not for "elsewhere\.test"/],
		['no file', "$tls tls=on sentinel_tls=on $redis "
			. "sentinel_password_file=$dir/none",
			qr/cannot read sentinel_password_file \S+none/])
	{
		my ($name, $words, $says) = @$_;
		my $got = set('x', "$at $words");
		is($got->{code}, 2, "$name: exit 2");
		like($got->{err}, $says, "$name: says so");
		unlike($got->{err}, qr/of-the-/ , "$name: shows no password")
			if $says !~ /none/;
	}
	is(channels_on($trio->master), 'one', 'nothing came of those');
	$trio->stop;
};

finish();
