#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T91, T92: time. Expiry is judged by the wall clock at every use, to the
# second, however long the record is remembered; what is remembered, and how
# long a look-up may take, goes by a clock that nobody sets. nginx alone is
# given another clock, by libfaketime, an hour off and stepping both ways.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(cache_is gets_of reload_whole);
use PSM::Check qw(answer_is code_of);
use PSM::Gate;
use PSM::Process qw(slurp wait_for);
use Test::More;
use Time::HiRes qw(sleep time);
use Time::Piece;

plan(skip_all => 'nginx does not start with libfaketime and a sanitizer')
	if $ENV{PSM_PRELOAD};
plan(skip_all => 'nor with libfaketime and valgrind') if $ENV{PSM_VALGRIND};
my ($library) = glob '/usr/lib/*/faketime/libfaketime.so.1'
	or die 'no libfaketime: make deps';

my $t = PSM::Gate->new(name => 'clock');
$t->start_redis;
my $file = 'noarch/repodata.json';
$t->file("main/$file", '{}');

my @names = qw(FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE
	FAKETIME_DONT_FAKE_MONOTONIC);

sub conf {
	my ($cache) = @_;

	my $path = $t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% timeout=3s connect_timeout=3s;
psm_token_cache $cache;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache \$psm_token_cache always;
	location /public/ { psm_token off; return 204; }
}
EOC
	# It stands outside of http { }. nginx takes its environment away.
	my $text = slurp($path);
	open my $fh, '>', $path or die "$path: $!";
	print $fh (map { "env $_;\n" } @names), $text;
	close $fh;
}

# nginx's clock is so many seconds ahead of ours from now on.
my $clock = $t->private_file('clock', "+0\n");

sub set_clock {
	my ($ahead) = @_;

	open my $fh, '>', "$clock.new" or die "$clock.new: $!";
	printf $fh "%+.3f\n", $ahead;
	close $fh;
	rename "$clock.new", $clock;
	# nginx reads it when something happens.
	ok(wait_for(sub {
		my $r = $t->get('/public/');
		return abs(date_of($r) - time - $ahead) < 2;
	}, 10), sprintf 'nginx is %+.0f s ahead', $ahead);
}

# What nginx takes the time for.
sub date_of {
	my ($r) = @_;
	return Time::Piece->strptime($t->header($r, 'Date'),
		'%a, %d %b %Y %H:%M:%S GMT')->epoch;
}

sub issue {
	my ($from_now) = @_;
	return $t->add_token(resources => { main => 'read' },
		created => int(time) - 86400, expires => int(time) + $from_now);
}

sub ask { return $t->get("/t/$_[0]/main/$file") }

conf('max=100 valid=1h negative=1h');
{
	local $ENV{PSM_PRELOAD} = join ' ', grep { length }
		$ENV{PSM_PRELOAD} // '', $library;
	local @ENV{@names} = ($clock, 1, 1);
	$t->start_nginx;
}

my $first = issue(86400);
ok(wait_for(sub { ($t->header(ask($first), 'X-Cache') // '') eq 'HIT' }, 10),
	'what is asked for is remembered');

# ---- the boundary ----

# Each answer tells the second in which it was made: those before the expiry
# are yes, those from it on are no. The clock goes over it meanwhile.
sub goes_out {
	my ($name, $token) = @_;

	my $expires = $t->token_record($token)->{expires};
	my (%seen, @wrong);
	wait_for(sub {
		my $r = ask($token);
		my $second = date_of($r) - $expires;
		my $got = join ' ', $r->{status}, code_of($r);
		push @wrong, "$got at $second"
			if $got ne ($second < 0 ? '200 ' : '401 token_expired');
		$seen{ $t->header($r, 'X-Cache') }++;
		$seen{$second}++;
		$seen{$second < 0 ? 'before' : 'after'}++;
		return $second > 1;
	}, 15);
	is_deeply(\@wrong, [], "$name: yes until the second before, then no");
	note(join ', ', map { "$_ s: " . ($seen{$_} // 0) } -1, 0, 1);
	ok($seen{before} && $seen{after}, '  on both sides of it');
	return \%seen;
}

my $token = issue(3);
my $seen = goes_out('T92 three seconds to live, an hour in the cache', $token);
is(gets_of($t, $t->token_key($token)), 1, '  by one look-up');
is($seen->{MISS}, 1, '  all else from the cache');

$token = issue(3600);
cache_is($t, ask($token), 200, 'MISS', 'T91 an hour to live');
set_clock($t->token_record($token)->{expires} - 2.9 - time);
goes_out('T91 the clock is put an hour ahead', $token);
is(gets_of($t, $t->token_key($token)), 1, '  by one look-up');

# ---- an hour off ----

set_clock(3600);
$token = issue(1800);
answer_is(ask($token), 401, 'token_expired',
	'T91 an hour ahead, half an hour to live: refused when it is looked up');
$token = issue(5400);
is(ask($token)->{status}, 200, '  an hour and a half: served');

# A step changes no more than what the clock decides.
set_clock(-3600);
cache_is($t, ask($token), 200, 'HIT', 'T91 a step back by two hours: known still');
my $late = issue(-1800);
is(ask($late)->{status}, 200,
	'T91 an hour late, expired half an hour ago: served, as nginx has it');
set_clock(0);
answer_is(ask($late), 401, 'token_expired',
	'  and refused once the clock is right, though it is known');
cache_is($t, ask($token), 200, 'HIT', 'T91 a step forward: known still');

# ---- what is remembered has an age, not a date ----

conf('max=100 valid=1s negative=1s');
reload_whole($t);
for my $step (-3600, 3600) {
	set_clock(0);
	my $gone = issue(86400);
	my $unknown = $t->unknown_token;
	is(ask($gone)->{status}, 200, 'T91 a token is known');
	answer_is(ask($unknown), 401, 'token_unknown', '  and another unknown');
	$t->revoke($gone);
	$t->add_token(token => $unknown, resources => { main => 'read' });
	set_clock($step);
	sleep 1.1;
	answer_is(ask($gone), 401, 'token_disabled',
		"T91 a step by $step s: what was revoked is dead after valid=");
	is(ask($unknown)->{status}, 200, '  what was issued works after negative=');
}

# ---- nor does a look-up wait for a date ----

conf('off');
reload_whole($t);
for my $step (-3600, 3600) {
	set_clock(0);
	my $begin = time;
	$t->redis_server->pause;
	my $socket = $t->connect;
	$t->send($socket, PSM::Http::format_request('GET', "/t/$token/main/$file"));
	set_clock($step);
	answer_is($t->receive($socket, 'GET', 20), 503, 'store_unavailable',
		"T91 a step by $step s while Redis sleeps: given up in time");
	cmp_ok(time - $begin, '>', 2.5, '  and not before');
	$t->redis_server->resume;
	ok(wait_for(sub { ask($token)->{status} == 200 }, 10), '  and on it goes');
}

$t->finish;
