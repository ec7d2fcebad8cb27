#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T15. The name of Redis: resolved by nginx's resolver at each attempt to
# connect, so that Redis may move; nobody waits for a name server that is
# silent.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(cache_is log_count quick_is until_status);
use PSM::Check qw(answer_is);
use PSM::Dns;
use PSM::Gate;
use PSM::Process qw(free_port wait_for);
use PSM::Redis;
use Test::More;

my $t = PSM::Gate->new(name => 'redis moves');
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');
mkdir $t->dir . '/redis';
mkdir $t->dir . '/private/dns';

my ($port, $dns_port) = (free_port(), free_port());
my $here = PSM::Redis->start(dir => $t->dir . '/redis/here', port => $port);
my $there = PSM::Redis->start(dir => $t->dir . '/redis/there', port => $port,
	args => ['--bind', '127.0.0.2']);

sub start_dns {
	my (@names) = @_;

	my $dns = PSM::Dns->start(address => '127.0.0.1', port => $dns_port,
		dir => $t->dir . '/private/dns');
	$dns->set(@names) if @names;
	return $dns;
}

# A token that is known in one place only.
sub issue {
	my ($redis) = @_;

	my %record;
	my $token = $t->add_token(in => \%record, resources => { main => 'read' });
	$redis->command('SET', %record);
	return $token;
}

$t->write_conf(<<"EOC");
resolver 127.0.0.1:$dns_port valid=1s ipv6=off;
resolver_timeout 30s;
psm_token_redis redis://redis.test:$port timeout=2s connect_timeout=500ms;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache \$psm_token_cache always;
	location = /plain { psm_token off; return 204; }
}
EOC

sub ask { return $t->get("/t/$_[0]/$file") }

# ---- no name server yet ----

$t->start_nginx;
pass('nginx starts without its name server');
my $first = issue($here);
quick_is(sub { $t->get('/plain') }, 204, 2, 'who needs no Redis is served');
answer_is(ask($first), 503, 'store_unavailable', 'the others are told');
ok($t->wait_log(qr/redis is unavailable: "redis\.test" is not resolved/),
	'the log tells why');

my $dns = start_dns('redis.test' => '127.0.0.1');
is(until_status(sub { ask($first) }, 200, 20)->{status}, 200,
	'found when there is one');
ok(wait_for(sub { $t->header(ask($first), 'X-Cache') eq 'HIT' }, 10),
	'with its stream');

# ---- Redis moves ----

my $second = issue($there);
answer_is(ask($second), 401, 'token_unknown', 'a token of another Redis');
$dns->set('redis.test' => '127.0.0.2');
$here->kill;
is(until_status(sub { ask($second) }, 200, 20)->{status}, 200,
	'which is found by its new address');
is(until_status(sub { ask($first) }, 401, 10)->{status}, 401,
	'and what the old one knew is forgotten');

# ---- a name that is gone, a name server that is gone ----

$dns->stop;
sleep 2;    # longer than nginx believes the name
$there->stop;
is(until_status(sub { ask($second) }, 503, 20)->{status}, 503,
	'neither Redis nor its name');
quick_is(sub { ask($second) }, 503, 3, 'refused soon') for 1 .. 3;
quick_is(sub { $t->get('/plain') }, 204, 2, 'nobody waits for the name');
$there->restart;
$dns = start_dns('other.test' => '127.0.0.1');
ok($t->wait_log(qr/unavailable: "redis\.test"|cannot resolve "redis\.test"/),
	'a name that does not exist');
is(ask($second)->{status}, 503, 'is an outage');
my $third = issue($there);    # which began empty
$dns->set('redis.test' => '127.0.0.2');
is(until_status(sub { ask($third) }, 200, 20)->{status}, 200, 'until it does');

$_->stop for $dns, $here, $there;
$t->finish;
