#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# A Redis that answers in pieces, with errors, with nonsense, too much, too
# little, or hangs up. Only nil means "unknown"; anything that is no record is
# a 503; and whatever happened on a connection, nobody gets an answer that
# belongs to someone else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(all_at_once answers_of hang_up log_count until_status);
use PSM::Check qw(answer_is code_of);
use PSM::Gate;
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'hostile');
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');

my %records;
my $token = $t->add_token(in => \%records, resources => { main => 'read' });
my $other = $t->add_token(in => \%records, resources => { other => 'read' });
my $key = $t->token_key($token);
my $record = $records{$key};
my $whole = '$' . length($record) . "\r\n$record\r\n";

# What is said instead of the answer to a GET of the token, by mode. A list:
# bytes, [seconds to wait], or 'close'.
my %instead = (
	(map { ("error $_" => ["-$_ whatever it means\r\n"]) } qw(LOADING NOAUTH
		MOVED OOM BUSY NOPERM WRONGTYPE MASTERDOWN CLUSTERDOWN TRYAGAIN
		READONLY MISCONF ASK unknown), 'ERR', ''),
	'a status' => ["+OK\r\n"],
	'an integer' => [":1\r\n"],
	'an array' => ["*1\r\n$whole"],
	'an empty array' => ["*0\r\n"],
	'a nil array of RESP3' => ["_\r\n"],
	'a push of RESP3' => [">2\r\n+invalidate\r\n*1\r\n+x\r\n"],
	'a map of RESP3' => ["%1\r\n+a\r\n+b\r\n"],
	'a boolean of RESP3' => ["#t\r\n"],
	'a double of RESP3' => [",1.5\r\n"],
	'a verbatim string of RESP3' => ["=7\r\ntxt:abc\r\n"],
	'no protocol' => ["HTTP/1.1 400 Bad Request\r\n\r\n"],
	'binary' => [join '', map { chr } 0 .. 255],
	'a huge bulk' => ['$5000000' . "\r\n", 'x' x 2_000_000],
	'a promise of a huge bulk' => ['$2147483647' . "\r\n" . 'x' x 100_000],
	'a number that is none' => ["\$12x4\r\n"],
	'a negative length' => ["\$-5\r\n"],
	'a number above 64 bits' => ["\$99999999999999999999\r\nx\r\n"],
	'a huge array' => ["*2147483647\r\n"],
	'an endless line' => ['+' . 'x' x 2_000_000],
	'deep arrays' => ["*1\r\n" x 10_000],
	'a bulk that is longer than it says' => ["\$5\r\n$record\r\n"],
	'half a reply, then the end' => [substr($whole, 0, 40), 'close'],
	'the end' => ['close'],
	'an error, then the end' => ["-ERR max number of clients reached\r\n",
		'close'],
);

# Modes that are no simple text in place of the answer.
my %special = (
	'' => sub { $_[0]->usual },
	# One byte more before the pause at each call.
	'split' => sub {
		my ($client) = @_;
		my $at = 1 + $client->calls % (length($whole) - 1);
		$client->send(substr $whole, 0, $at)->wait(0.002)
			->send(substr $whole, $at);
	},
	'drip' => sub { $_[0]->drip($whole, 0.0005) },
	'once' => sub {    # the first connection that is asked dies of it
		my ($client) = @_;
		$client->{fake}->mode('');
		hang_up($client->send(substr $whole, 0, 40));
	},
	'one too many' => sub { $_[0]->usual->send($whole) },
	'one too many, later' => sub { $_[0]->usual->wait(0.2)->send($whole) },
	'unasked first' => sub {    # every answer comes one too late
		$_[0]->send("-ERR max number of clients reached\r\n")->usual;
	},
	'status first' => sub { $_[0]->send("+OK\r\n")->usual },
	'swallowed' => sub { $_[0]->stall },
);

sub act {
	my ($client, $name, @args) = @_;

	my $mode = $client->mode;
	# What comes unasked when all was answered.
	return $client->usual->wait(0.2)->send($1 eq 'error'
			? "-ERR unasked\r\n" : $whole)
		if $name eq 'PING' && $mode =~ /^idle (\w+)/ && $client->calls > 2;
	return $client->usual if $mode =~ /^idle/;
	return $client->usual if $name ne 'GET' || $args[0] ne $key;
	return $special{$mode}->($client) if $special{$mode};
	for my $part (@{ $instead{$mode} }) {
		return hang_up($client) if $part eq 'close';
		$client->send($part);
	}
}

$t->fake_redis(records => \%records, script => \&act);
$t->{fake}->mode('');
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=2s connect_timeout=5s;
psm_token_cache off;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
}
EOC
$t->start_nginx;

sub ask { return $t->get("/t/$token/$file") }

sub is_well {
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$t->{fake}->mode('');
	my $r = until_status(\&ask, 200);
	delete @{ $r->{seen} }{qw(200 503)};
	ok($r->{status} == 200 && !%{ $r->{seen} }, $name)
		or diag("status $r->{status}, seen ", join ' ', %{ $r->{seen} });
}

is_well('a Redis that behaves');

# ---- right answers in many pieces ----

$t->{fake}->mode('split');
my $socket = $t->connect;
my %seen;
for (1 .. length $whole) {
	my $r = $t->http('GET', "/t/$token/$file", sock => $socket,
		headers => [Connection => 'keep-alive']);
	$seen{ $r->{status} }++;
}
is_deeply(\%seen, { 200 => length $whole }, 'an answer cut at every byte');
$t->{fake}->mode('drip');
is(ask()->{status}, 200, 'an answer byte by byte');
is_well('and the next');

# ---- wrong answers ----

for my $mode (sort keys %instead) {
	$t->{fake}->mode($mode);
	answer_is(ask(), 503, 'store_unavailable', $mode ne '' ? $mode : 'nothing');
	is_well('... then well again');
}

# ---- retried once, on a new connection ----

my $closed = log_count($t, 'redis is unavailable: closed');
for my $n (1 .. 5) {
	$t->{fake}->mode('once');
	is(ask()->{status}, 200, "a connection that dies of a look-up: $n");
	my @asked = grep { $_->[2] eq $key } $t->{fake}->commands('GET');
	isnt($asked[-1][0], $asked[-2][0], 'it was asked again, on another one');
}
is(log_count($t, 'redis is unavailable: closed'), $closed,
	'which is not "unavailable"');

# ---- out of step ----

# Two tokens at once: `token` may read main and `other` may not, so a slip by
# one answer lets the wrong one in.
sub nobody_slips {
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my %wrong;
	for my $round (1 .. 10) {
		my @paths = map { "/t/$_/$file" } $token, $other, $t->{unknown};
		@paths = reverse @paths if $round % 2;
		my @socks = all_at_once($t, @paths);
		my @answers = answers_of($t, @socks);
		@answers = reverse @answers if $round % 2;
		$wrong{"granted $answers[0]{status}"}++
			if $answers[0]{status} !~ /^(?:200|503)$/;
		$wrong{"not granted $answers[1]{status}"}++
			if $answers[1]{status} !~ /^(?:403|503)$/;
		$wrong{'unknown ' . code_of($answers[2])}++
			if code_of($answers[2]) !~ /^(?:token_unknown|store_un.*)$/;
	}
	is_deeply(\%wrong, {}, $name);
}

$t->{unknown} = $t->unknown_token;
nobody_slips('three tokens at once');
for my $mode (sort grep { $_ ne 'once' } keys %special) {
	next if $mode eq '';
	$t->{fake}->mode($mode);
	nobody_slips("... with: $mode");
	is_well('... then well again');
}

# An answer that comes unasked on an idle connection ends it.
for my $mode ('idle error', 'idle answer') {
	$t->{fake}->mode($mode);
	is(ask()->{status}, 200, "$mode: the answer itself counts");
	sleep 0.4;
	$t->{fake}->mode('');
	is($t->get("/t/$other/$file")->{status}, 403,
		"$mode: the next request does not get it");
}

unlike($t->log_text, qr/\Q@{[substr $record, 20, 40]}/,
	'the log repeats nothing of a record');
$t->finish;
