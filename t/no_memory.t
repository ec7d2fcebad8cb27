#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T77, T101: the heap fails. Each kind of request is asked again and again, and the
# first, the second, the third call of the heap that it leads to in the worker
# fails, nginx's own included, until one goes through unharmed. In between
# there is its usual answer, a 500, a 503 or the end of the connection; a bad
# token is never let in; the worker lives, and the next request is as ever.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(until_status);
use PSM::Gate;
use PSM::Http2;
use PSM::Process qw(slurp);
use Test::More;

my $failer = $ENV{PSM_FAILER} // "$PSM::Gate::REPO/build/fail_alloc.so";
plan(skip_all => 'a sanitizer has its own malloc') if $ENV{PSM_PRELOAD};
plan(skip_all => 'valgrind has its own malloc') if $ENV{PSM_VALGRIND};

use constant MOST => 400;

my $t = PSM::Gate->new(name => 'no memory');
$t->start_redis;
my $file = 'noarch/repodata.json';
$t->file("$_/$file", "{}\n") for qw(main open open-2 secret);

# Room for one: who is asked for after another is looked up. A connection whose
# greeting cannot be made is given up after connect_timeout.
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=1s connect_timeout=100ms;
psm_token_cache max=1 valid=1h negative=1h;
log_format all '"$request" $status $psm_token_status $psm_token_id $psm_token_name '
	'$psm_token_owner $psm_token_type $psm_token_channel $psm_token_level '
	'$psm_token_expires $psm_token_cache $http_x_auth $http_referer';
server {
	access_log %%DIR%%/logs/all.log all;
	listen %%LISTEN%%;
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
	location /strict/ { alias %%ROOT%%/; psm_token_strict on; }
	psm_token_base / /strict/;
}
EOC
my $state = $t->private_file('state', "\0" x 40);
{
	local @ENV{qw(LD_PRELOAD PSM_FAIL_FILE)} = ($failer, $state);
	$t->start_nginx;
}
my ($worker) = $t->workers;

# Written in place: the file is mapped.
sub set_state {
	my ($at, @numbers) = @_;

	open my $fh, '+<:raw', $state or die "$state: $!";
	sysseek $fh, 8 * $at, 0;
	syswrite $fh, pack 'q*', @numbers;
}

# From now on the n-th call fails, and `length` - 1 more.
sub arm {
	my ($n, $length) = @_;

	set_state(1, $n, $length, 0, 0);
	set_state(0, $worker);
}

# How many failed.
sub disarm {
	set_state(0, 0);
	return (unpack 'q5', slurp($state))[4];
}

my ($good, $other) = map { $t->add_token(resources => { main => 'read' },
	expires => time + 3600) } 1, 2;
my $expired = $t->add_token(resources => { main => 'read' },
	expires => time - 9);
my $broken = $t->add_token(raw => '{"v":1,"resources":{"main":"read"}}');
my ($unknown, $stranger) = map { $t->unknown_token } 1, 2;
$t->set_channel($_, 'public') for qw(open open-2);
$t->redis('SET', 'psm:c:no-json', '{');

sub path_of { return "/t/$_[0]/" . ($_[1] // 'main') . "/$file" }

sub h2_status {
	my ($path, @headers) = @_;

	my $h2 = PSM::Http2->connect($t->port(2)) or return { status => 0 };
	my $stream = eval { $h2->get($path, @headers) } or return { status => 0 };
	return eval { $h2->answer($stream, 10) } // { status => 0 };
}

# Ends the connections of the worker, so that it makes new ones.
sub cut_redis {
	for (split /\n/, $t->redis('CLIENT', 'LIST')) {
		$t->redis('CLIENT', 'KILL', 'ID', $1) if /^id=(\d+) .* name=psm-token/;
	}
}

# name, the usual status, what is asked; and before, for instance what
# makes it a miss, and what is done first while the heap fails
my @cases = (
	['a token that is known', 200, sub { $t->get(path_of($good)) },
		sub { $t->get(path_of($good)) }],
	['a token that is looked up', 200, sub { $t->get(path_of($good)) },
		sub { $t->get(path_of($other)) }],
	['a token in a header', 200, sub { $t->get("/main/$file", 'X-Auth', $good,
		'Referer', "http://x/t/$other/y") }, sub { $t->get(path_of($other)) }],
	['a strict location', 200, sub { $t->get('/strict' . path_of($good)) }],
	['an escaped path', 200, sub { $t->get(path_of($good) =~ s/main/m%61in/r) }],
	['over HTTP/2', 200, sub { h2_status(path_of($good)) },
		sub { $t->get(path_of($other)) }],
	['a redirect', 301, sub { $t->get("/t/$good/main/noarch") }],
	['nobody, a public channel', 200, sub { $t->get("/open/$file") },
		sub { $t->get("/open-2/$file") }],
	['an unknown token', 401, sub { $t->get(path_of($unknown)) },
		sub { $t->get(path_of($stranger)) }],
	['an unknown token that is known as such', 401,
		sub { $t->get(path_of($unknown)) }, sub { $t->get(path_of($unknown)) }],
	['an unknown token, a public channel', 401,
		sub { $t->get(path_of($unknown, 'open')) },
		sub { $t->get(path_of($stranger, 'open-2')) }],
	['an unknown token over HTTP/2', 401, sub { h2_status(path_of($unknown)) },
		sub { $t->get(path_of($stranger)) }],
	['an expired token', 401, sub { $t->get(path_of($expired)) },
		sub { $t->get(path_of($other)) }],
	['a broken record', 401, sub { $t->get(path_of($broken)) },
		sub { $t->get(path_of($unknown)) }],
	['a malformed token', 401, sub { $t->get(path_of('word')) }],
	['two tokens', 401, sub { $t->get("/t/$good" . path_of($other)) }],
	['nobody', 401, sub { $t->get("/secret/$file") },
		sub { $t->get("/absent/$file") }],
	['nobody, a broken channel', 401, sub { $t->get("/no-json/$file") },
		sub { $t->get("/absent/$file") }],
	['no right', 403, sub { $t->get(path_of($good, 'secret')) },
		sub { $t->get(path_of($other)) }],
	['a write', 403, sub { $t->http('PUT', path_of($good), body => 'x') }],
	['a new connection to Redis', 200, sub { $t->get(path_of($good)) },
		sub { $t->get(path_of($other)) }, \&cut_redis],
	['a new connection, an unknown token', 401,
		sub { $t->get(path_of($unknown)) },
		sub { $t->get(path_of($stranger)) }, \&cut_redis],
);
$t->allow_leak('response header location', $good);    # it is its own

# What came when the n-th call failed, in short; undef when it did not.
sub outcome {
	my ($case, $n, $length) = @_;

	my ($name, $status, $ask, $before, $first) = @$case;
	$before->() if $before;
	arm($n, $length);
	$first->() if $first;
	my $r = $ask->();
	my $failed = disarm();
	my $after = until_status($ask, $status, 10);
	my @later = grep { !/^(?:$status|503)$/ } keys %{ $after->{seen} };
	return "then @later $after->{status}"
		if @later || $after->{status} != $status;
	return 'timeout' if ($r->{error} // '') =~ /timeout/;
	return if !$failed;
	return $r->{status} || 'closed';
}

for my $length (1, 1000) {
	for my $case (@cases) {
		my ($name, $status) = @$case;
		my (%seen, $n);
		# Of the longer failures every third: they overlap.
		for ($n = 1; $n < MOST; $n += $length == 1 ? 1 : 3) {
			my $got = outcome($case, $n, $length) // last;
			$seen{$got}++;
		}
		my $calls = $length == 1 ? 'one call' : "$length calls";
		like(join(' ', sort keys %seen), qr/\A(?:(?:$status|500|503|closed) ?)*\z/,
			"T101 $name, without $calls of the heap: $n times")
			or diag(explain \%seen);
		note(join ', ', map { "$seen{$_} x $_" } sort keys %seen);
		ok($seen{200}, '  T77 what cannot be kept is used all the same')
			if $length == 1 && $name eq 'a token that is looked up';
		ok($n > 1 && $n < MOST, '  and the last went through unharmed')
			or diag($n);
	}
}
is_deeply([$t->workers], [$worker], 'T101 the worker is the same');
unlike($t->log_text, qr/exited on signal|unknown exception/, '  and never fell');
like($t->log_text, qr/psm token: std::bad_alloc/, '  over what it was told');

# Without memory for the headers nginx says so before any module runs, and shows
# the request line with it. Of these lines no more can be asked.
my ($early, $later) = ('', '');
for (split /^/, $t->log_text) {
	/ failed \(12: .* while reading client request line, /
		? ($early .= $_) : ($later .= $_);
}
isnt($early, '', 'T101 what nginx itself says shows the request');
is(scalar(() = $t->{oracle}->find($later)), 0,
	'  all else that is logged shows no token');
$t->allow_leak('error.log');

$t->expect_log(qr/\[emerg\] .*(?:malloc|posix_memalign|memalign)\(.* failed/);
$t->finish;
