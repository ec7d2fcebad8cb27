#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Redis is there and does not answer, or not in time: no request outlives its
# deadline, and no other request of the worker waits for it. A stall lasts for
# five seconds or for ever, a deadline is 200 ms, and what must be quick has a
# second, so that a busy machine does not matter.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(all_at_once answers_of cache_is log_count quick_is
	reload_whole until_status);
use PSM::Check qw(answer_is code_of);
use PSM::Gate;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = PSM::Gate->new(name => 'redis slow');
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');

sub conf {
	my ($timeouts) = @_;

	$t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% $timeouts;
psm_token_cache max=1000 valid=1h negative=1h;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache \$psm_token_cache always;
	location = /plain { psm_token off; return 204; }
}
EOC
}

sub ask { return $t->get("/t/$_[0]/$file") }

sub others_are_served {
	my ($cached, $when) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	quick_is(sub { $t->get('/plain') }, 204, 1, "$when: another location");
	cache_is($t, quick_is(sub { ask($cached) }, 200, 1,
		"$when: a token that is cached"), 200, 'HIT', '... from the cache');
}

# ---- frozen ----

$t->start_redis;
conf('timeout=200ms connect_timeout=300ms');
$t->start_nginx;

my $cached = $t->add_token(resources => { main => 'read' });
my $other = $t->add_token(resources => { main => 'read' });
is(until_status(sub { ask($cached) }, 200)->{status}, 200, 'Redis answers');

$t->redis_server->pause;
my ($parked) = all_at_once($t, "/t/$other/$file");
others_are_served($cached, 'while a look-up waits');
my $r = quick_is(sub { answers_of($t, $parked) }, 503, 1, 'it ends in time');
answer_is($r, 503, 'store_unavailable', 'with a problem');
is($t->header($r, 'Retry-After'), '2', 'and when to come back');
for my $n (1 .. 3) {
	quick_is(sub { ask($other) }, 503, 1, "frozen: request $n");
	sleep 0.4;
}
others_are_served($cached, 'frozen');
is(log_count($t, 'redis is unavailable'), 1, 'one line tells it');
quick_is(sub { ask($other) }, 503, 1, 'then refused at once');

# A new worker meets a Redis that accepts, but does not answer.
reload_whole($t);
quick_is(sub { ask($cached) }, 503, 1, 'a new worker does not wait either');
quick_is(sub { $t->get('/plain') }, 204, 1, 'nor does anyone for it');

$t->redis_server->resume;
is(until_status(sub { ask($other) }, 200)->{status}, 200,
	'the gate finds Redis again');
is(ask($cached)->{status}, 200, 'for all');

# ---- slow, but within the deadline ----

conf('timeout=20s connect_timeout=20s');
reload_whole($t);
is(ask($cached)->{status}, 200, 'a token for the cache');
$t->redis_server->pause;
($parked) = all_at_once($t, "/t/$other/$file");
others_are_served($cached, 'while a look-up waits long');
sleep 1;
$t->redis_server->resume;
is((answers_of($t, $parked))[0]{status}, 200, 'a late answer in time counts');

# ---- one answer that does not come ----

# The fake's mode is the key whose GET is stalled, or that all answers drip.
my %records;
my $stuck = $t->add_token(in => \%records, resources => { main => 'read' });
my @younger = map {
	$t->add_token(in => \%records, resources => { main => 'read' })
} 1 .. 5;
$t->redis_server->stop;
delete $t->{redis};
$t->fake_redis(records => \%records, script => sub {
	my ($client, $name, @args) = @_;

	my $mode = $client->mode;
	return $client->usual if $name ne 'GET';
	return $client->wait(5)->usual if $args[0] eq $mode;
	return $client->drip("\$5\r\nhello\r\n", 0.5) if $mode eq 'drip';
	return $client->usual;
});
$t->{fake}->mode($t->token_key($stuck));
conf('timeout=1s connect_timeout=20s');
reload_whole($t);
my $complaints = log_count($t, 'redis is unavailable');

my $begin = time;
($parked) = all_at_once($t, "/t/$stuck/$file");
sleep 0.5;
my @sockets = all_at_once($t, map { "/t/$_/$file" } @younger);
$r = (answers_of($t, $parked))[0];
answer_is($r, 503, 'store_unavailable', 'a look-up that is never answered');
cmp_ok(time - $begin, '<', 3, 'ends at its deadline');
my @answers = answers_of($t, @sockets);
is(scalar(grep { $_->{status} == 200 } @answers), 5,
	'those behind it are asked again, and answered')
	or diag(join ', ', map { "$_->{status} " . code_of($_) } @answers);
cmp_ok(time - $begin, '<', 4, 'without the five seconds');
is(log_count($t, 'redis is unavailable'), $complaints,
	'a connection that is replaced is not "unavailable"')
	or diag($t->log_text);

$t->{fake}->mode('');
is(until_status(sub { ask($stuck) }, 200)->{status}, 200,
	'the next look-up of the same key is answered');

# ---- an answer that drips ----

$t->{fake}->mode('drip');
conf('timeout=700ms connect_timeout=20s');
reload_whole($t);
quick_is(sub { ask($stuck) }, 503, 3, 'bytes that trickle in are no answer');
quick_is(sub { $t->get('/plain') }, 204, 1, 'nobody else notices');
$t->{fake}->mode('');
is(until_status(sub { ask($stuck) }, 200)->{status}, 200, 'over');

$t->finish;
