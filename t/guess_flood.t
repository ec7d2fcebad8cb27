#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T73, T74, T75, T76: floods. What is no token costs Redis nothing; a token
# with a right checksum that nobody issued costs one look-up in `negative` per
# worker; neither pushes out what is good; and a token that was asked for
# before it was issued works after `negative` at the latest.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(all_at_once answers_of gets_of reload_whole until_status);
use PSM::Check qw(answer_is lookups);
use PSM::Flood qw(flood scaled tokens);
use PSM::Gate;
use PSM::Process qw(wait_for);
use PSM::Token qw(token_checksum);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = PSM::Gate->new(name => 'flood');
$t->start_redis;
my $file = 'noarch/repodata.json';
my @open = map { "open-$_" } 1 .. 100;
$t->file("$_/$file", '{}') for 'main', 'issued', @open;

sub conf {
	my ($cache) = @_;

	$t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
psm_token_cache $cache;
keepalive_requests 1000000;
access_log off;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache \$psm_token_cache always;
}
EOC
}

sub path_of { return "/t/$_[0]/main/$file" }

# Commands of any kind but the PINGs by which a connection is watched, and ours.
sub commands {
	$t->redis_server->settle;
	return scalar grep { /"/ && !/"(?:PING|ECHO|INFO|ROLE|CLIENT)"/i }
		split /\n/, $t->redis_server->monitored;
}

my $max = scaled(1000);
$max = 100 if $max < 100;
conf("max=$max valid=1h negative=1h");
$t->start_nginx;
my @good = map { $t->add_token(resources => { main => 'read' }) } 1 .. 100;
$t->set_channel($_, 'public') for @open;

# ---- T73: what is no token ----

my @letters = ('0' .. '9', 'A' .. 'Z', 'a' .. 'z', '-');

sub letters { return join '', map { $letters[rand @letters] } 1 .. $_[0] }

# One in each of the ways to be no token. A random checksum is right once in
# 2**32.
my @junk = (
	sub { letters(1 + rand 80) },
	sub { 'psm-' . letters(42) },
	sub { 'psm-' . letters(rand 60) },
	sub { join '', map { sprintf '%x', rand 16 } 1 .. 48 },
	sub { (tokens(1))[0] . letters(1) },
	sub { substr +(tokens(1))[0], 0, 45 },
	sub { my ($token) = tokens(1); substr($token, 4 + rand 42, 1) = '-'; $token },
	sub { (tokens(1, with => 'psm-'))[0] =~ tr/a-zA-Z/A-Za-z/r },
	sub { join '', map { sprintf '%%%02x', 128 + rand 128 } 1 .. 10 },
);

is(scalar(grep { token_checksum(substr $_, 0, 40) eq substr $_, 40 } tokens(20)),
	20, 'the unknown tokens below are well-formed');

ok(wait_for(sub {
	($t->header($t->get(path_of($good[0])), 'X-Cache') // '') eq 'HIT';
}, 10), 'a good token is known');
my $n = scaled(100_000);
my $before = commands();
my %seen = flood($t, [map { path_of($junk[$_ % @junk]->()) } 1 .. $n]);
is_deeply(\%seen, { 401 => $n }, "T73 $n random strings");
my $asked = commands() - $before;
is($asked, 0, '  not one command to Redis');
is($t->header($t->get(path_of($good[0])), 'X-Cache'), 'HIT',
	'  and the good token is still known');

# ---- T75: tokens ----

# All are known, then ten times what the cache holds in unknown ones, and a
# look at the good ones ten times meanwhile.
sub good_ones_stay {
	my ($name, $good, $bad, $status) = @_;

	flood($t, $good);
	my ($hits, $key) = (0, lookups($t));
	my %seen;
	my $part = @$bad / 10;
	for my $round (1 .. 10) {
		my %some = flood($t, [splice @$bad, 0, $part]);
		$seen{$_} += $some{$_} for keys %some;
		my %of = flood($t, $good, show => 'X-Cache');
		$hits += $of{"200 $status"} // 0;
	}
	is_deeply(\%seen, { 401 => 10 * $part }, "$name are refused");
	cmp_ok($hits, '>', 990, '  and 99 of 100 good ones are hits') or diag($hits);
	return lookups($t) - $key;
}

my @unknown = tokens(10 * $max);
$n = @unknown;
my $count = good_ones_stay("T75 $n unknown tokens", [map { path_of($_) } @good],
	[map { path_of($_) } @unknown], 'HIT');
is($count, $n, 'T73 at most a look-up each, and none for the good ones');

# ---- T75: channels ----

$count = good_ones_stay("T75 $n made-up channels",
	[map { "/$_/$file" } @open], [map { "/made-up-$_/$file" } 1 .. $n], '-');
is($count, $n, '  at most a look-up each, and none for the public ones');

# ---- T74: a checksum is no proof ----

my ($forged) = tokens(1, with => 'psm-GuessGuessGuess');
$t->secret($forged);
answer_is($t->get(path_of($forged)), 401, 'token_unknown',
	'T74 a forged checksum opens nothing');
%seen = flood($t, [(path_of($forged)) x scaled(1000)], show => 'X-Cache');
is_deeply([keys %seen], ['401 NEGATIVE'], '  however often');
is(gets_of($t, $t->token_key($forged)), 1, '  one look-up');

$t->{workers} = 2;
conf('max=1000 valid=1h negative=1s');
reload_whole($t);
for my $round (1 .. 2) {
	my $had = gets_of($t, $t->token_key($forged));
	$t->redis_server->pause;
	my @sockets = all_at_once($t, (path_of($forged)) x 200);
	sleep 0.3;
	$t->redis_server->resume;
	my %codes;
	$codes{ $_->{status} }++ for answers_of($t, @sockets);
	is_deeply(\%codes, { 401 => 200 }, 'T74 200 at once');
	my $new = gets_of($t, $t->token_key($forged)) - $had;
	ok($new >= 1 && $new <= 2, '  a look-up per worker') or diag($new);
	sleep 1.1;    # negative=
}
my $start = time;
$before = gets_of($t, $t->token_key($forged));
while (time - $start < 2.5) {
	flood($t, [(path_of($forged)) x 20]);
	sleep 0.02;
}
my $most = 2 * (1 + int(time - $start));
$count = gets_of($t, $t->token_key($forged)) - $before;
ok($count >= 2 && $count <= $most,
	'T74 asked on and on: one look-up in negative= per worker')
	or diag("$count of $most");

# ---- T76: asked for too early ----

# The change is seen when negative= has passed, or at once where Redis tells
# of it. Both workers are asked.
sub comes_to_be {
	my ($name, $ask, $denied, $change) = @_;

	answer_is($ask->(), @$denied, "T76 $name: not yet") for 1 .. 4;
	$change->();
	sleep 1.1;
	my @late = grep { $ask->()->{status} != 200 } 1 .. 20;
	is(scalar(@late), 0, "T76 $name: after negative= to everybody");
}

my $early = $t->unknown_token;
comes_to_be('a token that is issued', sub { $t->get(path_of($early)) },
	[401, 'token_unknown'],
	sub { $t->add_token(token => $early, resources => { main => 'read' }) });
my $broken = $t->add_token(raw => '{"v":1}');
comes_to_be('a record that is mended', sub { $t->get(path_of($broken)) },
	[401, 'record_invalid'],
	sub { $t->add_token(token => $broken, resources => { main => 'read' }) });
comes_to_be('a channel that is opened', sub { $t->get("/issued/$file") },
	[401, 'token_missing'], sub { $t->set_channel('issued', 'public') });
is(until_status(sub { $t->get(path_of($early)) }, 200)->{seen}{401}, undef,
	'T76 and it stays so');

$t->finish;
