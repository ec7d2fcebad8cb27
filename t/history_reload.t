#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T97: twenty reloads under load, every other one with another configuration of
# the cache, while tokens are revoked, issued and channels closed: no answer is
# wrong, none is missing, and no download is cut short, whichever worker, old or
# new, has it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Campaign;
use PSM::Gate;
use PSM::Load;
use PSM::Process qw(wait_for);
use Test::More;
use Time::HiRes qw(sleep);

use constant { RELOADS => 20, PACKAGE => 300_000 };

my $t = PSM::Gate->new(name => 'history: reload', workers => 2);
$t->start_redis;
# A download takes two seconds, so that each lives through reloads.
my $c = PSM::Campaign->new($t, redis => $t->redis_server->address,
	server => 'location ~ \.conda$ { limit_rate 150k; }');
ok($c->start, 'each worker is well');
$t->file('main/noarch/package-1.0-0.conda', 'x' x PACKAGE);

my $token = $t->add_token(resources => { main => 'read' });
my $downloads = PSM::Load->start($t, clients => 4, pause => 0.1, limit => 60,
	body => PACKAGE,
	paths => { package => "/t/$token/main/noarch/package-1.0-0.conda" });

my %seen = map { $_ => 1 } $t->workers;
my $reloads = 0;

sub reload {
	$c->{lease} = $reloads++ % 2 ? 0.5 : 0.4;    # the bound stays what it was
	$c->write_conf;
	$t->reload_nginx;
	$seen{$_} = 1 for $t->workers;
}

# Old workers end when the last download does; that is no business of the bound.
$c->survives('T97 reload', sub {}, sub {}, during => \&reload, length => 3,
	old => 1);
reload() while $reloads < RELOADS;
my %last = map { $_ => 1 } ($t->workers)[-2, -1];
sleep 0.5;
$downloads->stop;

my @done = $downloads->requests;
my @wrong = grep { $_->{status} != 200 || length $_->{error} } @done;
is_deeply(\@wrong, [], 'T97 no download failed') or diag(explain($wrong[0]));
cmp_ok(scalar @done, '>=', 8, '  of ' . @done);
cmp_ok(scalar keys %seen, '>=', 2 * RELOADS, "$reloads reloads");
ok(wait_for(sub { !grep { !$last{$_} } $t->workers }, 30),
	'old workers leave when they have no more to do');

$t->finish;
