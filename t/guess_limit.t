#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T12, T73: conf/psm_token_guessing.conf, with the two lines that its comment
# says to write. Who asks with tokens that are nobody's is told 429 after a
# while; whoever else is behind his address notices nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use PSM::Async qw(log_count);
use PSM::Check qw(answer_is code_of spoiled_token);
use PSM::Gate;
use PSM::Process qw(slurp);
use Test::More;
use Time::HiRes qw(time);

my $snippet = slurp("$PSM::Gate::REPO/conf/psm_token_guessing.conf");
my @lines = $snippet =~ /^#\s+(limit_req(?:_status)? .*;)$/mg;
is(scalar(@lines), 2, 'the comment shows two lines');
my ($burst) = $lines[0] =~ /\bburst=(\d+) nodelay;/;
my ($rate) = $snippet =~ /^limit_req_zone .* rate=(\d+)r\/m;$/m;

my $t = PSM::Gate->new(name => 'guess limit', workers => 2);
$t->start_redis;
my $file = 'noarch/repodata.json';
$t->file("$_/$file", '{}') for qw(main open secret);
$t->write_conf(<<"EOC");
include %%REPO%%/conf/psm_token_guessing.conf;
psm_token_cache valid=1h negative=1h;
server {
	listen %%LISTEN%%;
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
	@lines
	add_header X-Cache \$psm_token_cache always;
}
EOC
my ($good, $other) = map { $t->add_token(resources => { main => 'read' }) } 1, 2;
my $expired = $t->add_token(resources => { main => 'read' }, expires => int time - 9);
my $disabled = $t->add_token(resources => { main => 'read' },
	disabled => JSON::PP::true);
my $broken = $t->add_token(raw => '{"v":1}');
$t->set_channel('open', 'public');
$t->start_nginx;

sub ask { return $t->get("/t/$_[0]/main/$file") }

# One request from another address of this host.
sub ask_from {
	my ($address, $token) = @_;

	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $t->port, LocalAddr => $address, Timeout => 5)
		or die "$address: $!";
	return $t->request("GET /t/$token/main/$file HTTP/1.1\r\n"
		. "Host: x\r\nConnection: close\r\n\r\n", sock => $socket);
}

# ---- within the limit, and beyond it ----

my $begin = time;
my %seen;
$seen{ join ' ', $_->{status}, code_of($_) }++
	for map { ask($t->unknown_token) } 1 .. 60;
my $told = $seen{'401 token_unknown'} // 0;
is(join(', ', sort keys %seen), '401 token_unknown, 429 ',
	'T73 60 unknown tokens: two answers');
cmp_ok($told, '>=', $burst + 1, "  the burst of $burst is told so");
cmp_ok($told, '<=', $burst + 2 + (time - $begin) * $rate / 60,
	'  and no more than the rate') or diag($told);

my $r = ask($t->unknown_token);
answer_is($r, 429, undef, 'T73 one more');
is($t->header($r, 'WWW-Authenticate'), undef, '  is no challenge');
unlike($r->{body}, qr/psm|token/i, '  and says nothing of tokens');
answer_is(ask(spoiled_token($t)), 429, undef, 'T73 so is a malformed one');
answer_is($t->get("/t/$good/t/$other/main/$file"), 429, undef,
	'T73 and two at once');
is($t->h2("/t/" . $t->unknown_token . "/main/$file", [],
	port => $t->port(2))->{status}, 429, 'T73 over HTTP/2');
answer_is($t->http('GET', "/main/$file",
	headers => ['X-Auth', $t->unknown_token]), 429, undef, 'T73 in a header');
cmp_ok(log_count($t, qr/\[error\] .*limiting requests, .* by zone "psm_guesses"/),
	'>=', 5, 'T73 the error log tells who');

# ---- everybody else at that address ----

my %cache;
for my $n (1 .. 20) {
	ask($t->unknown_token);
	for my $token ($good, $other) {
		my $got = ask($token);
		$cache{ join ' ', $got->{status}, $t->header($got, 'X-Cache') }++;
	}
	is($t->get("/open/$file")->{status}, 200, 'nobody, on a public channel')
		if $n == 20;
}
is($cache{'200 HIT'} + $cache{'200 MISS'}, 40,
	'T73 good tokens are served between them, cached or not')
	or diag(explain \%cache);
cmp_ok($cache{'200 MISS'}, '<=', 4, '  each worker asked for them once');

for (
	['nobody', '', 401, 'token_missing'],
	['an expired token', "/t/$expired", 401, 'token_expired'],
	['a disabled token', "/t/$disabled", 401, 'token_disabled'],
	['a broken record', "/t/$broken", 401, 'record_invalid'],
	['a placeholder', '/t/<TOKEN>', 401, 'token_masked'],
) {
	my ($name, $before, $status, $code) = @$_;
	my @wrong = grep { code_of($_) ne $code }
		map { $t->get("$before/main/$file") } 1 .. $burst + 5;
	is(scalar(@wrong), 0, "T73 $name is told so each time");
}
my @wrong = grep { code_of($_) ne 'channel_not_granted' }
	map { $t->get("/t/$good/secret/$file") } 1 .. $burst + 5;
is(scalar(@wrong), 0, 'T73 and so is who has no right');

answer_is(ask_from('127.0.0.2', $t->unknown_token), 401, 'token_unknown',
	'T73 another address has a limit of its own');
is(ask_from('127.0.0.2', $good)->{status}, 200, '  and is served');

# ---- nothing is guessed while Redis is away ----

$t->redis_server->stop;
my @down = grep { code_of($_) ne 'store_unavailable' }
	map { ask($t->unknown_token) } 1 .. 5;
is(scalar(@down), 0, 'T73 without Redis it is a 503, not a 429');
is(ask($good)->{status}, 200, '  who is known is served');

$t->finish;
