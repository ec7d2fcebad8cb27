#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The API's own connection to Redis: whoever asks waits, and nobody else; each
# gets his own answer, whoever went away before him; a Redis that is frozen,
# slow, gone or no master is told as such, and a change of which nobody knows
# whether it was made as that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Async qw(close_hard hang_up log_count quick_is reload_whole
	until_status);
use PSM::Check qw(answer_is);
use PSM::FaultProxy;
use PSM::Gate;
use PSM::Http qw(format_request);
use PSM::Http2;
use PSM::Process qw(wait_for);
use PSM::Redis;
use PSM::Token qw(token_digest);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = PSM::Gate->new(name => 'the API and Redis', log_level => 'info');
$t->start_redis(tcp => 1);
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');

my $SERVER = <<'EOC';
server {
	listen %%LISTEN%%;
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
	location /psm/ { psm_token_api; }
}
EOC

# On the same Redis, through a network of its own.
my $proxy = PSM::FaultProxy->start(dir => $t->dir . '/proxy',
	to => $t->redis_server->{socket});

sub with_redis {
	my ($words) = @_;

	$t->stop if $t->{nginx}->alive;
	$t->write_conf("psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;\n"
		. "psm_token_cache max=1000 valid=1h;\n"
		. "psm_token_api_redis $words;\n$SERVER");
	$t->start_nginx;
}

my @tokens = map { $t->add_token(owner => "user-$_",
	resources => { main => 'read' }) } 1 .. 8;
my $editor = $t->add_token(owner => 'root',
	scopes => [qw(user.token:view user.token:edit artifact:download
		channel:view-artifacts)]);
my %id = map { $_ => $t->token_record($_)->{id} } @tokens;
my $info = '/psm/account/token-info';

sub ask { return $t->get($info, 'X-Auth', $_[0] // $tokens[0]) }

sub id_of { return (eval { decode_json($_[0]{body}) } // {})->{id} // '' }

sub create {
	my ($name) = @_;
	return $t->http('POST', '/psm/account/tokens',
		headers => ['X-Auth', $editor, 'Content-Type', 'application/json'],
		body => encode_json({ name => $name, 
			scopes => ['artifact:download'] }));
}

sub ordinary { return $t->get("/t/$tokens[0]/$file") }

# Sends for each token of the list; nothing is read yet.
sub park {
	return map {
		my $socket = $t->connect;
		$t->send($socket, format_request('GET', $info, ['X-Auth', $_]));
		[$_, $socket];
	} @_;
}

# How many of the parked got an answer that is not their own.
sub wrong_ones {
	return scalar grep {
		id_of($t->receive($_->[1], 'GET', 20)) ne $id{ $_->[0] };
	} @_;
}

# ------------------------------------------------------ waiting, in order ---

with_redis($proxy->address . ' timeout=20s connect_timeout=20s');
is(id_of(ask()), $id{ $tokens[0] }, 'the API answers');
is(ordinary()->{status}, 200, 'so does the gate');
my ($worker) = $t->workers;

$proxy->rule(all => down => { hold => 1 });
my @parked = park((@tokens) x 10);
sleep 0.3;
quick_is(\&ordinary, 200, 2, 'while 80 requests wait, others are answered');
my @stay;
for my $i (0 .. $#parked) {
	if ($i % 4 < 2) {
		push @stay, $parked[$i];
	} else {
		$i % 4 == 2 ? close_hard($parked[$i][1]) : close $parked[$i][1];
	}
}
@parked = ();
ok(wait_for(sub {
	my $gone = () = $t->log_text('access.log') =~ m{ /psm/\S+ HTTP/1.1" 499 }g;
	return $gone == 40;
}, 20), 'forty go, and are noticed');
my $h2 = PSM::Http2->connect($t->port(2));
my @streams = map { $h2->get($info, 'x-auth', $_) } @tokens;
sleep 0.2;
$h2->reset($_) for @streams[0 .. 3];
sleep 0.2;
$proxy->heal;
is(wrong_ones(@stay), 0, '  each of the others gets his own answer');
is(join(' ', map { $h2->answer($_)->{status} } @streams[4 .. 7]),
	'200 200 200 200', '  over HTTP/2 as well');
is(id_of(ask($tokens[1])), $id{ $tokens[1] }, '  and so does who comes later');

# All that wait go.
$proxy->rule(all => down => { hold => 1 });
@parked = park(@tokens);
sleep 0.2;
close $_->[1] for @parked;
sleep 0.2;
$proxy->heal;
is(id_of(ask($tokens[2])), $id{ $tokens[2] }, 'where all have gone, too');

# Byte by byte.
$proxy->rule(all => down => { slice => 1 });
is(wrong_ones(park(@tokens)), 0, 'replies may come in bytes');
$proxy->heal;

# -------------------------------------------------------- the worker goes ---

for my $how (qw(reload quit)) {
	$proxy->rule(all => down => { hold => 1 });
	@parked = park(@tokens);
	sleep 0.3;
	my ($old) = $t->workers;
	$how eq 'reload' ? $t->reload_nginx : kill 'QUIT', $old;
	sleep 0.2;
	$proxy->heal;
	is(wrong_ones(@parked), 0, "$how: the old worker answers who waits");
	@parked = ();
	ok(wait_for(sub { !grep { $_ == $old } $t->workers }, 20), '  and leaves');
	is(until_status(\&ask, 200)->{status}, 200, '  the new one answers');
}
$proxy->rule(all => down => { hold => 1 });
@parked = park(@tokens);
sleep 0.2;
close_hard($_->[1]) for @parked;
sleep 0.2;
my ($old) = $t->workers;
kill 'QUIT', $old;
ok(wait_for(sub { !grep { $_ == $old } $t->workers }, 10),
	'a worker for whom nobody waits does not wait for Redis');
$proxy->heal;

# ------------------------------------------------- frozen, gone, and back ---

with_redis($t->redis_server->tcp_address);
is(until_status(\&ask, 200)->{status}, 200, 'a Redis by TCP');
is(ordinary()->{status}, 200, '  and the gate');
is(ask($editor)->{status}, 200, '  which knows who is to ask');
$t->redis_server->pause;
my $r = quick_is(\&ask, 503, 3, 'frozen: a 503 soon');
answer_is($r, 503, 'store_unavailable', '  with its reason');
is($t->header($r, 'Retry-After'), 2, '  and when to come again');
like($t->header($r, 'Content-Type'), qr/problem\+json/, '  as a problem');
is($t->header($r, 'Cache-Control'), 'no-store', '  not to be stored');
quick_is(\&ordinary, 200, 2, '  the gate answers from its cache');
quick_is(sub { create('frozen') }, 503, 5, '  a change, too');
my @sockets = park((@tokens) x 4);
is(scalar(grep { $t->receive($_->[1], 'GET', 20)->{status} == 503 } @sockets), 32,
	'  and many at once');
$t->redis_server->resume;
is(until_status(\&ask, 200)->{status}, 200, '  awake: all is well');

$t->redis_server->stop;
is(until_status(\&ask, 503)->{status}, 503, 'gone: 503');
quick_is(\&ask, 503, 2, '  at once');
$t->redis_server->restart;
is(until_status(\&ask, 401)->{status}, 401, 'back, and empty: found again');
$t->edit_token($_) for @tokens, $editor;
is(id_of(ask($tokens[3])), $id{ $tokens[3] }, '  with its records');
is(create('made')->{status}, 200, '  and changes: the script is told again');

# Clients ended by Redis, again and again.
for (1 .. 5) {
	$t->redis('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
	is(until_status(\&ask, 200, 10)->{status}, 200, "ended by Redis, $_");
}

# ------------------------------------------------------------- no master ---

my $replica = PSM::Redis->start(dir => $t->dir . '/replica', tcp => 1,
	replicaof => $t->redis_server);
$replica->wait_synced;
with_redis($replica->tcp_address);
answer_is(until_status(\&ask, 503), 503, 'store_unavailable',
	'a replica is not asked');
ok($t->wait_log(qr/redis of psm_token_api is unavailable: it is no master/),
	'  and the log says why');
$replica->command('REPLICAOF', 'NO', 'ONE');
is(until_status(\&ask, 200)->{status}, 200, '  until it is the master');
$replica->command('REPLICAOF', '127.0.0.1', $t->redis_server->{port});
answer_is(create('late'), 503, 'store_unavailable',
	'made a replica: a change is refused, and not made');
sleep 1.1;
answer_is(until_status(\&ask, 503), 503, 'store_unavailable', '  as all else is');
$replica->stop;

# ------------------------------------------------------------- its rights ---

$t->redis(qw(ACL SETUSER psm-api on >secret resetkeys ~psm:* resetchannels -@all
	+get +mget +ping +info +client|setname +zrange +zrevrange +hmget));
my $password = $t->private_file('password', "secret\n");
with_redis($t->redis_server->tcp_address
	. " user=psm-api password_file=$password");
is(until_status(\&ask, 200)->{status}, 200, 'a user of Redis that may read');
answer_is(create('no right'), 503, 'store_unavailable',
	'  and not write: a 503, nothing done');
ok($t->wait_log(qr/the API: Redis refused EVAL\w*: NOPERM/),
	'  and the log says what is missing');
$t->redis(qw(ACL SETUSER psm-api off));
$t->redis(qw(CLIENT KILL USER psm-api));
answer_is(until_status(\&ask, 503), 503, 'store_unavailable', 'locked out');
ok($t->wait_log(qr/redis of psm_token_api is unavailable: .*WRONGPASS/),
	'  and told');

$t->finish;
