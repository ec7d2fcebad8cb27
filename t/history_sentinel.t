#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T88: the bound through failovers, over TLS: tokens are revoked on the new
# master while the old one is there and answers as one, and nobody is let in
# by them later than the bound.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Campaign;
use PSM::Certificates;
use PSM::Gate;
use PSM::Sentinel;
use Test::More;

my $t = PSM::Gate->new(name => 'history: sentinel', workers => 2);
my $certs = PSM::Certificates->new(dir => $t->dir . '/private/tls');
my $trio = PSM::Sentinel->start(dir => $t->dir . '/redis', tls => $certs);

# Commands of the test go to whoever is master.
sub follow { $t->{redis} = $trio->master }

follow();
my $c = PSM::Campaign->new($t, redis => $trio->address . ' tls=on sentinel_tls=on'
	. ' ca=' . $certs->ca);
ok($c->start, 'each worker is well');

$c->survives('T88 a failover by hand',
	sub { $trio->failover; follow() }, sub {}, unavailable => 1);

ok($trio->wait_ready, 'the old master follows the new one');
$c->survives('T88 a master that is killed', sub {
	my $old = $trio->master;
	$old->kill;
	$trio->wait_switched($old->port);
	follow();
}, sub {}, unavailable => 1);

$trio->stop;
$t->finish;
