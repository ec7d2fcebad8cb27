#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# A name of Redis that nginx's `resolver` looks up, at each attempt to connect:
# several addresses, other ones later, a name server that falls silent while the
# connection is lost, and one that knows no such name.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(log_count reload_whole until_status);
use PSM::Check qw(answer_is);
use PSM::Dns;
use PSM::Gate;
use PSM::Process qw(free_port wait_for);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'redis names');
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');
my $redis = $t->start_redis(tcp => 1);
my $dns = PSM::Dns->start(address => '127.0.0.1', port => free_port(),
	dir => $t->dir . '/private');
my $token = $t->add_token(resources => { main => 'read' });
my $port = $redis->port;

$t->write_conf(<<"EOC");
resolver 127.0.0.1:$dns->{port} valid=1s ipv6=off;
psm_token_redis redis://redis.test:$port timeout=1s connect_timeout=300ms;
psm_token_cache off;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
}
EOC
$t->expect_log(qr/recv\(\) failed .* while resolving/);

sub ask { return $t->get("/t/$token/$file") }

sub hang_up { $t->redis(qw(CLIENT KILL TYPE normal SKIPME yes)) }

$dns->set('redis.test' => '127.0.0.1', '127.0.0.1');
$t->start_nginx;
is(until_status(sub { ask() }, 200)->{status}, 200, 'a name of two addresses');
my @workers = $t->workers;

# What was resolved is forgotten after a second. The first address was of use,
# so that the other one was not tried when the connection goes.
for my $round (1 .. 2) {
	sleep 2.5;
	$dns->pause;
	hang_up();
	ok($t->wait_log(qr/redis is unavailable: "redis\.test" is not resolved yet/),
		'a name server that falls silent');
	answer_is(ask(), 503, 'store_unavailable', '  and it is an outage');
	$dns->resume;
	is(until_status(sub { ask() }, 200, 30)->{status}, 200,
		'  until it speaks again');
	is_deeply([$t->workers], \@workers, '  to the same worker');
}

# ---- other addresses ----

$dns->set('redis.test' => '127.0.0.3');
sleep 2.5;
hang_up();
ok(wait_for(sub { ask()->{status} == 503 }, 20), 'Redis is not there');
$dns->set('redis.test' => '127.0.0.3', '127.0.0.1');
is(until_status(sub { ask() }, 200, 30)->{status}, 200,
	'the second of two addresses');

# ---- no such name ----

$dns->set('redis.test');
reload_whole($t);
answer_is(ask(), 503, 'store_unavailable', 'no such name');
ok($t->wait_log(qr/cannot resolve "redis\.test": Host not found/),
	'the log tells why');
$dns->set('redis.test' => '127.0.0.1');
is(until_status(sub { ask() }, 200, 30)->{status}, 200, 'until there is one');

$dns->stop;
$t->finish;
