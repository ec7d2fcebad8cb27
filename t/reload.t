#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Reloads: look-ups of the old worker end, the new one serves at once, and
# no connection or timer of ours keeps the old one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(all_at_once answers_of reload_whole);
use PSM::Gate;
use PSM::Process qw(wait_for);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'reload');
$t->start_redis;
$t->file('main/noarch/repodata.json', '{}');
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
server { listen %%LISTEN%%; root %%ROOT%%; psm_token on; }
EOC
$t->start_nginx;

my $token = $t->add_token(resources => { main => 'read' });
my $path = "/t/$token/main/noarch/repodata.json";
is($t->get($path)->{status}, 200, 'before');

# ---- look-ups in flight ----

my $second = $t->add_token(resources => { main => 'read' });
my @old = $t->workers;
$t->redis_server->pause;
my @sockets = all_at_once($t, ("/t/$second/main/noarch/repodata.json") x 20);
sleep 0.3;
$t->reload_nginx;
ok(wait_for(sub { my @now = $t->workers; @now > @old }, 10),
	'a new worker beside the old');
sleep 0.3;
ok((grep { $_ == $old[0] } $t->workers), 'the old one waits for its look-ups');
$t->redis_server->resume;
is(scalar(grep { $_->{status} == 200 } answers_of($t, @sockets)), 20,
	'which are answered');
ok(wait_for(sub { !grep { $_ == $old[0] } $t->workers }, 20),
	'then it is gone');

# ---- Redis is away for good ----

@old = $t->workers;
$t->redis_server->pause;
$t->reload_nginx;
ok(wait_for(sub { !grep { $_ == $old[0] } $t->workers }, 20),
	'an idle worker leaves although Redis is silent');
$t->redis_server->resume;

# ---- many ----

my %seen;
for my $round (1 .. 20) {
	ok(reload_whole($t), "reload $round") if $round % 5 == 0;
	$t->reload_nginx if $round % 5;
	$seen{ $t->get($path)->{status} }++ for 1 .. 5;
}
is_deeply(\%seen, { 200 => 100 }, '20 reloads under requests: only 200');
my $log = $t->log_text;
unlike($log, qr/open socket/, 'no socket is left behind');

$t->finish;
