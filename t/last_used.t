#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm_token_last_used: when a token was used, written from time to time by a
# user that may do nothing else, and never in a request's way.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(log_count quick_is until_status);
use PSM::Gate;
use PSM::Process qw(wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'last used', workers => 2);
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');
$t->start_redis;
my $writer = PSM::Redis->start(dir => $t->dir . '/redis/uses', tcp => 1);
my $password = $t->private_file('writer', "write\n");

# The user of README.
sub allow {
	my (@commands) = @_;
	$writer->command('ACL', 'SETUSER', 'psm-use', 'reset', 'on', '>write',
		'~psm:u', @commands);
}
allow('+hset', '+ping');

$t->write_conf(<<"EOC");
psm_token_last_used @{[ $writer->tcp_address ]} user=psm-use
	password_file=$password flush=600ms;
psm_token_privacy public;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
}
EOC
$t->start_nginx;

sub ask { return $t->get("/t/$_[0]/$file")->{status} }
sub id_of { return $t->token_record($_[0])->{id} }
sub used { return $writer->command('HGET', 'psm:u', id_of($_[0])) }

my $token = $t->add_token(resources => { main => 'read' });
my $begin = time;
is(ask($token), 200, 'a token is used');
ok(wait_for(sub { used($token) }, 10), 'which is written');
cmp_ok(used($token), '>=', $begin, 'with its time');
cmp_ok(used($token), '<=', time, '  in seconds of now');

my $without = $t->add_token(resources => { other => 'read' });
my $expired = $t->add_token(resources => { main => 'read' }, expires => time - 5);
is($t->request("PUT /t/$without/$file HTTP/1.1\r\nHost: h\r\n"
	. "Connection: close\r\nContent-Length: 0\r\n\r\n")->{status}, 403,
	'a token is refused');
is(ask($expired), 401, 'another has expired');
is(ask($without), 200, 'the first one is used where it may be');
ok(wait_for(sub { used($without) }, 10), 'which is written');
is(used($expired), undef, 'a refusal is not');

my @many = map { $t->add_token(resources => { main => 'read' }) } 1 .. 600;
is(scalar(grep { ask($_) != 200 } @many), 0, '600 tokens');
ok(wait_for(sub {
	!grep { !defined } @{ $writer->command('HMGET', 'psm:u',
		map { id_of($_) } @many) };
}, 15), 'all of them are written');
like($writer->monitored, qr/"HSET" "psm:u" "[^"]+" "\d+" "[^"]+" "\d+"/,
	'in commands of many');

# ---- a worker that leaves ----

my $last = $t->add_token(resources => { main => 'read' });
is(ask($last), 200, 'a token is used');
$t->reload_nginx;
ok(wait_for(sub { used($last) }, 10), 'and written by a worker that leaves');

# ---- refused ----

allow('+ping');
my $later = $t->add_token(resources => { main => 'read' });
ok(wait_for(sub {
	ask($later);
	log_count($t, 'last use of tokens is not written: NOPERM');
}, 15), 'what is refused is told');
is(ask($later), 200, 'requests go on') for 1 .. 3;
cmp_ok(log_count($t, 'last use of tokens is not written'), '<=', 2,
	'once for each worker');
allow('+hset', '+ping');
ok(wait_for(sub { ask($later); used($later) }, 15), 'until it is allowed');

# ---- down ----

$writer->stop;
quick_is(sub { $t->get("/t/$later/$file") }, 200, 2, 'without that Redis')
	for 1 .. 3;
$writer->restart;
allow('+hset', '+ping');
ok(wait_for(sub { ask($later); used($later) }, 20), 'and when it is back');

# ---- frozen ----

my $unavailable = qr/redis of psm_token_last_used is unavailable: no answer/;
my $lines = log_count($t, $unavailable);
$writer->pause;
ok(wait_for(sub {
	ask($later);
	log_count($t, $unavailable) > $lines;
}, 20), 'a Redis that does not answer is left');
$writer->resume;
$later = $t->add_token(resources => { main => 'read' });
ok(wait_for(sub { ask($later); used($later) }, 20), 'until it does');
ok(wait_for(sub {
	my %last = $t->log_text    # what each worker said last
		=~ /(\d+)#\d+: psm token: redis of psm_token_last_used is (\w+)/g;
	!grep { $_ ne 'available' } values %last;
}, 20), '  for both workers');

is($t->redis('EXISTS', 'psm:u'), 0, 'the gate wrote nothing into its own Redis');
$writer->stop;
$t->finish;
