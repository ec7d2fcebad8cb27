#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T86: every error that a Redis may answer with, to a look-up alone, to
# everything, or unasked when a client connects: it is "not known", which is
# 503, and nothing of it is remembered.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(hang_up);
use PSM::Gate;
use PSM::Outage;
use Test::More;

my %errors = (
	LOADING => 'Redis is loading the dataset in memory',
	BUSY => 'Redis is busy running a script',
	OOM => "command not allowed when used memory > 'maxmemory'.",
	MASTERDOWN => "Link with MASTER is down",
	READONLY => "You can't write against a read only replica.",
	NOREPLICAS => 'Not enough good replicas to write.',
	MISCONF => 'Redis is configured to save RDB snapshots',
	WRONGPASS => 'invalid username-password pair or user is disabled.',
	NOAUTH => 'Authentication required.',
	NOPERM => "User psm-gate has no permissions to run the 'get' command",
	MOVED => '3999 127.0.0.1:6381', ASK => '3999 127.0.0.1:6381',
	CLUSTERDOWN => 'The cluster is down', TRYAGAIN => 'Multiple keys request',
	WRONGTYPE => 'Operation against a key holding the wrong kind of value',
	ERR => 'max number of clients reached',
	DENIED => 'Redis is running in protected mode',
);
# An error that Redis says at once and for good, before a connection ends.
my @unasked = qw(ERR DENIED);
my @everything = qw(LOADING BUSY MASTERDOWN NOAUTH MOVED CLUSTERDOWN);

my $t = PSM::Gate->new(name => 'outage: errors');
my %records;
my @pool = map { $t->add_token(in => \%records,
	resources => { main => 'write' }) } 1 .. 120;

# The mode is "where: error".
$t->fake_redis(tracking => 1, records => \%records, script => sub {
	my ($client, $name) = @_;

	my ($where, $error) = split /: /, $client->mode, 2;
	$where //= '';
	if ($where eq 'unasked') {
		$client->send("-$error\r\n");
		return hang_up($client);
	}
	return $client->send("-$error\r\n")
		if $where eq 'everything' || $where eq $name;
	$client->usual;
});
my $o = PSM::Outage->new($t, redis => $t->{fake}->address, pool => \@pool);
$t->{fake}->mode('');
$o->start;

for my $case (
	(map { ['GET', $_, known => 'lives'] } sort keys %errors),
	# The connection is made again meanwhile, and is of no use each time.
	['GET', 'ERR', known => 'lives', for => 1.5],
	(map { ['everything', $_] } @everything),
	(map { ['unasked', $_] } @unasked),
) {
	my ($where, $error, %arg) = @$case;
	$o->survives("T86 $error to $where", sub {
		$t->{fake}->mode("$where: $error $errors{$error}");
	}, sub { $t->{fake}->mode('') }, %arg);
}

my ($line) = $t->log_text =~ /^(.*psm token: .*MOVED.*)$/m;
like($line, qr/\[error\]/, 'of a Cluster there is a line in the log');
$t->finish;
