#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T15, T80, T81: many at once. A thousand requests for one entry that has run
# out cost a look-up per worker; ten thousand half-open waits are held up to a
# cap and refused beyond it; and a sleeping Redis keeps nobody waiting who does
# not need it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(answers_of begun gets_of until_status wait_begun
	wide_h2);
use PSM::Check qw(answer_is code_of);
use PSM::Gate;
use PSM::Http qw(format_request);
use PSM::Process qw(wait_for);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'stampede', workers => 2);
$t->start_redis;
my $file = 'noarch/repodata.json';
$t->file("$_/$file", '{}') for qw(main open);

sub conf {
	my ($cache) = @_;

	$t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% timeout=30s connect_timeout=30s;
psm_token_cache $cache;
server {
	listen %%LISTEN%% backlog=4096;
	listen %%LISTEN2%% http2 backlog=4096;
	root %%ROOT%%;
	psm_token on;
	http2_max_concurrent_streams 128;
	add_header X-Cache \$psm_token_cache always;
	location /pub/ { psm_token off; return 200 "\$connections_writing\\n"; }
	location = /status { psm_token off; stub_status; }
}
EOC
}

conf('max=10000 valid=1s negative=1s');
$t->set_channel('open', 'public');
my $token = $t->add_token(resources => { main => 'read' });
my $path = "/t/$token/main/$file";
$t->start_nginx;

# ---- T81 ----

# All are on their way before Redis answers the first: none finds the entry.
sub stampede {
	my ($path, $key, $name) = @_;

	sleep 1.1;    # what is cached has run out
	my $asked = gets_of($t, $key);
	my $before = begun($t);
	$t->redis_server->pause;
	my @sockets;
	for (1 .. 500) {
		push @sockets, $t->connect;
		$t->send($sockets[-1], format_request('GET', $path));
	}
	my @h2 = map { wide_h2($t->port(2)) } 1 .. 5;
	my @streams = map { my $h2 = $_; map { [$h2, $h2->get($path)] } 1 .. 100 } @h2;
	wait_begun($t, $before, 1000, 30);
	is($t->get('/pub/')->{status}, 200,
		'T15 a public location answers while Redis sleeps');
	$t->redis_server->resume;

	my %seen;
	$seen{ $_->{status} }++ for answers_of($t, @sockets),
		map { $_->[0]->answer($_->[1], 30) } @streams;
	is_deeply(\%seen, { 200 => 1000 }, "T81 1,000 at once: $name");
	my $commands = gets_of($t, $key) - $asked;
	cmp_ok($commands, '<=', 2, '  at most one look-up per worker');
	cmp_ok($commands, '>=', 1, '  and one there was');
}

is(until_status(sub { $t->get($path) }, 200)->{status}, 200, 'a token is cached');
stampede($path, $t->token_key($token), 'a token that ran out');
is($t->get("/open/$file")->{status}, 200, 'a channel is cached');
stampede("/open/$file", 'psm:c:open', 'a public channel that ran out');

# ---- T80 ----

# 10,000 waits for different names, in one worker. A thousand or so are held.
$t->{workers} = 1;
conf('max=10000 valid=1h negative=1h');
my %old = map { $_ => 1 } $t->workers;
$t->reload_nginx;
ok(wait_for(sub { !grep { $old{$_} } $t->workers }, 20), 'another worker');
is(until_status(sub { $t->get($path) }, 200)->{status}, 200, 'serves');

my $before = begun($t);
my $asked = () = $t->redis_server->monitored =~ /"GET" "psm:c:half-open/g;
$t->redis_server->pause;
my @h2 = map { wide_h2($t->port(2)) } 1 .. 100;
my @streams;
for my $h2 (@h2) {
	push @streams, map { [$h2, $h2->get(
		'/half-open-' . @streams . "-$_/$file")] } 1 .. 100;
}
ok(wait_begun($t, $before, 10_000, 60), 'T80 10,000 waits');
answer_is($t->get("/more/$file"), 503, 'store_unavailable',
	'T80 one more is refused before Redis wakes');
my $r = $t->get($path);
is(join(' ', $r->{status}, $t->header($r, 'X-Cache')), '200 HIT',
	'T80 who is cached is served');
is($t->get('/pub/')->{status}, 200, 'T15 so is who needs no Redis');
my $early = 0;
for my $h2 (@h2) {
	$h2->answer(0, 0.01);    # no such stream: reads what there is
	$early += grep { $_->{ended} } values %{ $h2->{streams} };
}
cmp_ok($early, '>', 5000, 'T80 most are refused before Redis wakes')
	or diag("$early");
$t->redis_server->resume;
my %seen;
for (@streams) {
	my $answer = $_->[0]->answer($_->[1], 60);
	$seen{ join ' ', $answer->{status}, code_of($answer) }++;
}
is(join(', ', sort keys %seen), '401 token_missing, 503 store_unavailable',
	'T80 each has one answer: what was asked, or 503');
cmp_ok($seen{'401 token_missing'}, '<=', 2048, '  a bounded number was held')
	or diag(join ', ', %seen);
cmp_ok($seen{'401 token_missing'}, '>', 0, '  these were answered');
$t->redis_server->settle;
my $commands = () = $t->redis_server->monitored =~ /"GET" "psm:c:half-open/g;
is($commands - $asked, $seen{'401 token_missing'},
	'  by a look-up each, and no more');
is($t->get("/more/$file")->{status}, 401, 'T80 then all is well');
$t->finish;
