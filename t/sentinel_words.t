#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Scripted sentinels: one that is down from the start, one that gives errors for
# a while and is believed again, one whose answer is overtaken by its news, one
# that knows more than the others, or less. Both Redis are masters all the time,
# so that only what the sentinels say decides.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(log_count reload_whole until_status);
use PSM::FakeRedis;
use PSM::Gate;
use PSM::Process qw(wait_for);
use PSM::Redis;
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'sentinel: words');
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');
my @redis = map { PSM::Redis->start(dir => $t->dir . "/redis-$_", tcp => 1) }
	0, 1;

# What nobody but the first Redis knows, and nobody but the second.
my @token = map {
	my %record;
	my $token = $t->add_token(in => \%record, resources => { main => 'read' });
	$_->command('SET', %record);
	$token;
} @redis;

sub place {
	my ($number, $glue) = @_;
	return join $glue, '127.0.0.1', $redis[$number]->port;
}

sub bulks { return join '', map { '$' . length . "\r\n$_\r\n" } @_ }

# The mode: whom it names, 0 or 1; "late": 0, long after the news of 1 that it
# sends meanwhile; "half": 0, and news that end too early; else what it answers.
sub say_where {
	my ($client) = @_;

	my $mode = $client->mode;
	return $client->send("$mode\r\n") if $mode !~ /^(?:[01]|late|half)$/;
	if ($mode eq 'late') {
		$client->wait(0.6);
		$client->{fake}->mode(1);
	}
	my $number = $mode eq 1 ? 1 : 0;
	return $client->send("*2\r\n" . bulks(split / /, place($number, ' ')));
}

sub start_sentinel {
	my ($name) = @_;

	my $fake = PSM::FakeRedis->start(dir => $t->dir . "/$name", tcp => 1,
		script => sub {
			my ($client, $command) = @_;
			return say_where($client) if $command eq 'SENTINEL';
			return $client->send("*3\r\n"
				. bulks('message', '+switch-master', 'psm 127.0.0.1 1'))
				if $command eq 'PING' && $client->mode eq 'half';
			if ($command eq 'PING' && $client->mode eq 'late') {
				$client->send("*3\r\n" . bulks('message', '+switch-master',
					'psm ' . place(0, ' ') . ' ' . place(1, ' ')));
			}
			return $client->usual;
		});
	$fake->mode(0);
	return $fake;
}

my ($first, $second) = map { start_sentinel("sentinel-$_") } 1, 2;

sub conf {
	my ($more, @sentinels) = @_;

	my $hosts = join ',', map { "127.0.0.1:$_->{port}" } @sentinels;
	$t->write_conf(<<"EOC");
psm_token_redis sentinel://$hosts/psm timeout=2s connect_timeout=2s $more;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache \$psm_token_cache always;
}
EOC
}

sub ask { return $t->get("/t/$token[$_[0]]/$file") }

sub is_at {
	my ($number, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(until_status(sub { ask($number) }, 200, 20)->{status}, 200, $name);
}

sub named_since {
	my ($log) = @_;
	return [substr($t->log_text, $log)
		=~ /sentinels name "127\.0\.0\.1 (\d+)" the master/g];
}

# ---- one that is down ----

$second->stop;
conf('', $first, $second);
$t->start_nginx;
is_at(0, 'one of two sentinels is enough for a new worker');

# ---- errors for a while ----

conf('', $first);
for my $case (
	['-NOPERM this user has no permissions', qr/it answered \W*NOPERM/],
	['*-1', qr/it knows no master "psm"/],
) {
	my ($said, $why) = @$case;
	$first->mode(0);
	reload_whole($t);
	is_at(0, 'a sentinel');
	$first->mode($said);
	ok($t->wait_log(qr/sentinel \S+ is unavailable: $why/),
		"$said: the log tells why");
	$first->mode(1);
	is_at(1, 'and it is believed when it is well again');
}

# ---- an answer that its own news overtook ----

$first->mode(0);
reload_whole($t);
is_at(0, 'a sentinel');
my $log = length $t->log_text;
$first->mode('late');
is_at(1, 'its news');
sleep 2.5;
is_deeply(named_since($log), [$redis[1]->port],
	'an answer from before its news is none');

# ---- half a message ----

$first->mode(0);
reload_whole($t);
is_at(0, 'a sentinel');
$log = length $t->log_text;
$first->mode('half');
sleep 2.5;
is_deeply(named_since($log), [], 'half a message is no news');
unlike(substr($t->log_text, $log), qr/sentinels name/, '  of nobody');
is(ask(0)->{status}, 200, '  and the gate stays');

# ---- one that knows before the others, and one that knows less ----

my $third = start_sentinel('sentinel-3');
$second->restart;
$first->mode(0);
conf('', $first, $second, $third);
reload_whole($t);
is_at(0, 'three sentinels');
sleep 1.5;    # all have said so
$log = length $t->log_text;
$first->mode(1);
is_at(1, 'one tells a change');
sleep 2.5;
$_->mode(1) for $second, $third;
sleep 1.5;
is_deeply(named_since($log), [$redis[1]->port],
	'others that repeat what they said lead nowhere');
is(ask(1)->{status}, 200, '  and there the gate stays');

$third->mode(0);
is_at(0, 'one tells a change');
is_at(1, 'which the others still deny after a while');
is_deeply(named_since($log), [map { $redis[$_]->port } 1, 0, 1], '  once');
$third->mode(1);

# ---- without the news of changes ----

$first->mode(0);
conf('tracking=off', $first);
reload_whole($t);
is_at(0, 'tracking=off');
ok(wait_for(sub { $t->header(ask(0), 'X-Cache') eq 'HIT' }, 5),
	'something is remembered');

$_->stop for $first, $second, $third, @redis;
$t->finish;
