#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Redis is not there: not yet, no more, or at the other end of a connection
# that dies at once. What needs it gets a 503 that says so; what does not is
# answered; and the gate is back by itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(cache_is hang_up log_count reload_whole until_status);
use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Process qw(free_port wait_for);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'redis down');
$t->file("$_/noarch/repodata.json", '{}') for qw(main open lax/main);

sub conf {
	my ($redis, $timeouts) = @_;

	$t->write_conf(<<"EOC");
psm_token_redis $redis $timeouts;
psm_token_cache max=1000 valid=1h negative=1s lease=60s;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	psm_token_base / /lax/;
	add_header X-Cache \$psm_token_cache always;
	add_header X-Status \$psm_token_status always;
	location = /plain { psm_token off; return 204; }
	location /scope/ { psm_token_require user.token:view; }
	location /lax/ { satisfy any; psm_token on; deny all; }
}
EOC
}

my $file = 'main/noarch/repodata.json';

sub unavailable {
	my ($r, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	answer_is($r, 503, 'store_unavailable', $name);
	is($t->header($r, 'Retry-After'), '2', '... and when to come back');
}

# ---- not there yet ----

conf('%%REDIS%%', 'timeout=20s connect_timeout=20s');
$t->start_nginx;
my $token = $t->unknown_token;    # issued as soon as there is a Redis

my $r = $t->get("/t/$token/$file");
unavailable($r, 'a path token');
is($t->header($r, 'Content-Type'), 'application/problem+json', 'a problem');
is($t->header($r, 'Cache-Control'), 'no-store', 'not to be kept');
is($t->header($r, 'WWW-Authenticate'), undef, 'no challenge');
is($t->header($r, 'X-Status'), 'store_unavailable', 'the variable says it');
unavailable($t->get("/$file", Authorization => "Bearer $token"), 'a header');
unavailable($t->get("/t/$token/main/noarch/absent"), 'not 404 either');
unavailable($t->get("/t/$token/other/$file"), 'not 403 either');
unavailable($t->get("/t/$token/lax/$file"), 'satisfy any does not hide it');
unavailable($t->http('DELETE', "/t/$token/$file"), 'a write');
unavailable($t->get("/$file"), 'no token: the privacy is needed');
is($t->http('HEAD', "/t/$token/$file")->{status}, 503, 'HEAD');

answer_is($t->http('PUT', "/$file", body => 'x'), 401, 'token_missing',
	'a write without a token needs no look-up');
answer_is($t->get('/scope/x'), 401, 'token_missing', 'nor does a scope');
answer_is($t->get("/t/*****/$file"), 401, 'token_masked', 'nor a mask');
answer_is($t->get("/t/psm-x/$file"), 401, 'token_malformed', 'nor nonsense');
is($t->get('/plain')->{status}, 204, 'the rest of nginx is served');

$t->get("/t/$token/$file") for 1 .. 50;
is(log_count($t, 'redis is unavailable'), 1, 'the log has one line of it');
is(log_count($t, 'redis is available again'), 0, 'no other');

# ---- there, gone, there again ----

sub issue {
	$t->set_channel('open', 'public');
	$t->add_token(token => $_[0], resources => { main => 'read' });
}

$t->start_redis;
issue($token);
$r = until_status(sub { $t->get("/t/$token/$file") }, 200);
is($r->{status}, 200, 'the gate finds Redis by itself');
delete @{ $r->{seen} }{qw(200 503)};
is_deeply($r->{seen}, {}, 'it never said anything but 503 before that');
is($t->get('/open/noarch/repodata.json')->{status}, 200, 'a public channel');
is(log_count($t, 'redis is available again'), 1, 'one line of it');

my $fresh = $t->add_token(resources => { main => 'read' });
ok(wait_for(sub {
	$t->get('/open/noarch/repodata.json');
	$t->header($t->get("/t/$token/$file"), 'X-Cache') eq 'HIT';
}, 10), 'its changes are told again, so things are remembered');
$t->redis_server->stop;
cache_is($t, $t->get("/t/$token/$file"), 200, 'HIT', 'what is cached serves');
is($t->get('/open/noarch/repodata.json')->{status}, 200, 'anonymous too');
answer_is($t->get("/t/$token/other/$file"), 503, 'store_unavailable',
	'but not what needs a privacy that is not');
unavailable($t->get("/t/$fresh/$file"), 'nor a token that is not');
$t->get("/t/$fresh/$file") for 1 .. 50;
is(log_count($t, 'redis is unavailable'), 2, 'one line again');

$t->redis_server->restart;
issue($fresh);
$r = until_status(sub { $t->get("/t/$fresh/$file") }, 200);
is($r->{status}, 200, 'the gate finds Redis again');
is(log_count($t, 'redis is available again'), 2, 'one line again');
is(log_count($t, 'redis is unavailable'), 2, 'that is all');

# A connection that is lost while nobody waits is no state of its own.
$t->redis('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
$r = $t->get('/t/' . $t->add_token(resources => { main => 'read' }) . "/$file");
is($r->{status}, 200, 'a connection that was closed is made again');
is(log_count($t, 'redis is unavailable'), 2, 'and not complained of');

# ---- a port where nobody listens ----

conf('redis://127.0.0.1:' . free_port(), 'timeout=20s connect_timeout=20s');
reload_whole($t);
unavailable($t->get("/t/$token/$file"), 'refused by TCP');
like($t->log_text, qr/redis is unavailable: cannot connect .*refused/, 'and why');

# ---- back-off ----

# Each connection is accepted and closed before a word.
$t->fake_redis(tcp => 1, script => \&hang_up);
conf($t->{fake}->address, 'timeout=20s connect_timeout=20s');
reload_whole($t);
for (1 .. 30) {
	answer_is($t->get("/t/$token/$file"), 503, 'store_unavailable',
		'closed at once') if $_ == 1;
	$t->get("/t/$token/$file");
	sleep 0.1;
}
my %connections = map { $_->[0] => 1 } $t->{fake}->commands;
cmp_ok(keys %connections, '>', 2, 'it is tried again in three seconds');
cmp_ok(keys %connections, '<', 25, 'but not for each request');
is(log_count($t, 'redis is unavailable'), 4, 'one line for all of them');

$t->finish;
