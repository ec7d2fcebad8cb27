#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The judge of the histories is judged: made-up histories in which all is
# right, and the same with one thing wrong, which it must find, name, and tell
# with all that belongs to it. A checker that cannot fail proves nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::History;
use Test::More;

# Two workers, a good token, one that nobody issued, three that are revoked
# one after the other, one that is created; a bound of 1 s; Redis is away from
# 20 to 30.
sub history {
	my (%arg) = @_;

	my $h = PSM::History->new(bound => 1, patience => 2, %arg);
	$h->good('good');
	$h->bad('bad');
	$h->revoked('first', 10, 10.01);
	$h->revoked('second', 11, 11.01);
	$h->revoked('third', 25, 25.01);
	$h->created('newborn', 12, 12.01);
	$h->fault('away', 20, 30, unavailable => 1);
	return $h;
}

# "start name status cache" and what differs: end (start + 0.01), worker (1).
sub request {
	my ($text, %arg) = @_;

	my ($start, $name, $status, $cache) = split ' ', $text;
	return { start => $start, end => $start + 0.01, name => $name,
		status => $status, cache => $cache // '', worker => 1, client => 1,
		reason => '', error => '', %arg };
}

my @calm = (
	['1 good 200 MISS'], ['1.1 good 200 HIT', worker => 2], ['2 bad 401 MISS'],
	['3 first 200 HIT'], ['3 first 200 HIT', worker => 2],
	['3.1 second 200 HIT'], ['3.1 second 200 HIT', worker => 2],
	['4 third 200 HIT'], ['5 newborn 401 MISS'], ['6 newborn 401 NEGATIVE'],
);
my @after = (
	['12 first 401 NEGATIVE'], ['12 first 401 MISS', worker => 2],
	['12.1 second 401 MISS'], ['12.1 second 401 MISS', worker => 2],
	['13.5 newborn 200 MISS'], ['14 good 200 HIT'],
	['21 good 503 MISS'], ['21 first 503 MISS'], ['21.5 good 200 HIT'],
	['27 third 503 MISS'], ['31 third 401 MISS'], ['31 good 200 MISS'],
);

sub judged {
	my ($h, @requests) = @_;

	$h->add_request(request(@$_)) for @requests;
	return $h->violations;
}

is_deeply([judged(history(), @calm, @after)], [], 'a history that is right');

# name, what is put into it, the rule that is broken, options.
for my $case (
	['between start and acknowledgement either is right: allowed',
		[['10.005 first 200 HIT']]],
	['between start and acknowledgement either is right: refused',
		[['10.005 first 401 MISS']]],
	['within the bound', [['11.009 first 200 HIT']]],
	['one that began within it and ended later',
		[['11.009 first 200 HIT', end => 11.5]]],
	['a thousandth of a second behind the bound',
		[['11.0111 first 200 HIT']], 'bound'],
	['a look-up that says so too', [['15 first 200 MISS', worker => 3]], 'bound'],
	['during a fault', [['26.02 third 200 HIT']], 'bound'],
	['a file that is not there counts as allowed', [['15 first 404 HIT', worker => 3]],
		'answer bound'],
	['refused before it was revoked', [['9 first 401 MISS']], 'refused'],
	['a good one refused', [['15 good 401 MISS']], 'refused'],
	['... or forbidden', [['15 good 403 HIT']], 'answer refused'],
	['... in a fault, too', [['22 good 401 MISS']], 'refused'],
	['a newborn within the bound', [['12.5 newborn 401 NEGATIVE']]],
	['a newborn behind it', [['13.02 newborn 401 NEGATIVE']], 'refused'],
	['one that nobody issued', [['15 bad 200 MISS']], 'granted'],
	['503 before the fault', [['19 good 503 MISS']], 'calm'],
	['503 that reaches into it', [['19.5 good 503 MISS', end => 20.1]]],
	['503 behind it', [['30.5 good 503 MISS']], 'calm'],
	['another status', [['22 good 502']], 'answer'],
	['no answer', [['15 good 0', error => 'closed early', worker => '']],
		'answer'],
	['no answer in a fault that does not break connections',
		[['22 good 0', error => 'closed early', worker => '']], 'answer'],
	['half an answer', [['15 good 200 HIT', error => 'closed early']], 'answer'],
	['the deadline', [['15 good 200 MISS', end => 17.5]], 'patience'],
	['STALE where there is none', [['21 good 200 STALE']], 'stale'],
	['STALE where there is some', [['21 good 200 STALE']], '', stale => 1],

	# The order: the bound is 1,000 s, so that only it can tell.
	['a worker that forgets what it refused',
		[['12.2 first 200 HIT']], 'order', bound => 1000],
	['that allows what was revoked before what it refused',
		[['11.5 second 200 HIT', worker => 4],
		['11.6 second 401 MISS', worker => 4],
		['11.7 first 200 HIT', worker => 4]], 'order', bound => 1000],
	['... as STALE', [['11.5 second 200 HIT', worker => 4],
		['11.6 second 401 MISS', worker => 4],
		['11.7 first 200 STALE', worker => 4]], '', bound => 1000, stale => 1],
	['one that it refused, as STALE', [['11.7 first 401 MISS'],
		['11.8 first 200 STALE']], 'order', bound => 1000, stale => 1],
	['but not what was revoked later', [['11.7 first 401 MISS'],
		['11.8 second 200 HIT']], '', bound => 1000],
	['nor what another worker knows', [['11.8 first 200 HIT', worker => 3],
		['11.8 second 200 HIT', worker => 3]], '', bound => 1000],
	['nor who had it not in its cache', [['11.5 second 401 MISS', worker => 5],
		['11.6 first 200 HIT', worker => 5]], '', bound => 1000],
	['nor a request that began before', [['11.7 second 401 MISS'],
		['11.705 first 200 HIT', end => 11.8]], '', bound => 1000],
) {
	my ($name, $more, $rules, %arg) = @$case;
	my @found = judged(history(%arg), @calm, @$more, @after);
	my %rules = map { /^(\w+):/ ? ($1 => 1) : () } @found;
	is(join(' ', sort keys %rules), $rules // '', $name) or diag(@found);
	is(scalar @found, scalar(split ' ', $rules // ''), '  once');
}

# ---- a fault that breaks connections ----

my $h = history();
$h->fault('a worker is killed', 15, 16, breaks => 1);
is_deeply([judged($h, @calm, ['15.5 good 0', error => 'closed early',
	worker => ''], @after)], [], 'connections may break then');
$h = history();
$h->fault('a worker is killed', 15, 16, breaks => 1);
like((judged($h, @calm, ['17 good 0', error => 'closed early', worker => '']))[0],
	qr/^answer: good failed: closed early/, 'but not later');

# ---- the story ----

my ($story) = judged(history(), @calm, ['15 first 200 HIT', client => 7], @after);
for my $case (
	['the rule, the name, the time', qr/^bound: first was allowed 4\.990000 s /],
	['the bound', qr/^bound: .* with a bound of 1\.000 s$/m],
	['the request', qr/it was   14\.000000 s to 14\.010000 s client 7 worker 1: 200 - HIT -/],
	['the revocation', qr/revoked 9\.000000 s to 9\.010000 s/],
	['the fault', qr/fault    away 19\.000000 s to 29\.000000 s/],
	['what this worker said before', qr/before   2\.000000 s .* worker 1: 200/],
	['... most lately', qr/before   11\.000000 s .* worker 1: 401/],
	['and after', qr/after    20\.000000 s .* worker 1: 503/],
	['and another', qr/others   11\.000000 s .* worker 2: 401/],
) {
	my ($what, $pattern) = @$case;
	like($story, $pattern, "it tells $what");
}

# ---- the summary ----

$h = history();
judged($h, @calm, ['10.5 first 200 HIT'], @after);
my $sum = $h->summary;
is($sum->{requests}, @calm + 1 + @after, 'requests are counted');
is_deeply([sort keys %{ $sum->{workers} }], [1, 2], 'and workers');
is_deeply($sum->{names}{first}, { before => 2, hits => 2, after => 3,
	latest => 10.5 - 10.01 }, 'and what there was of a token');
is_deeply($sum->{names}{newborn}, { before => 2, hits => 1, after => 1,
	latest => 0 }, 'and of a newborn');
is($sum->{status}{503}, 3, 'and statuses');

done_testing();
