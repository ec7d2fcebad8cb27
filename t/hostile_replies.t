#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T83: wrong replies to everything but the look-up of a token (which is
# redis_hostile.t's) and the greeting (hostile_greeting.t's): to the look-up of a
# channel, and to the PING that closes a send. None is taken for an answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(until_status wrong_at);
use PSM::Check qw(answer_is code_of);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'replies');
my $file = 'noarch/repodata.json';
$t->file("$_/$file", '{}') for qw(main open);

my %records;
my $reader = $t->add_token(in => \%records, resources => { main => 'read' });
my $opened = $t->add_token(in => \%records, resources => { open => 'read' });
my $unknown = $t->unknown_token;
$t->set_channel('open', 'public', \%records);
my $public = $records{'psm:c:open'};

# What is said in place of an answer: bytes; undef for the end, a reference for
# the right answer twice.
my %wrong = PSM::FakeRedis::wrong_replies(
	'a record' => $records{ $t->token_key($reader) }, 'a channel' => $public);

# The mode is "step: reply": the step's name is that of a command, GET of the
# key of a channel, or the PING at a place.
sub step_of {
	my ($client, $name, @args) = @_;

	return "GET $args[0]" if $name eq 'GET';
	return $name if $name ne 'PING';
	$client->{pings}++;
	return $client->{pings} == 1 ? 'the first PING' : 'a later PING';
}

$t->fake_redis(records => \%records,
	script => wrong_at(\&step_of, \%wrong));
my $password = $t->private_file('password', "a password\n");

# Some replies are never whole, and cost a deadline each.
$t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% user=psm-gate password_file=$password db=3
	timeout=1s connect_timeout=1s;
psm_token_cache off;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
}
EOC

sub set_mode { $t->{fake}->mode(join ': ', @_) }

set_mode('', '');
$t->start_nginx;

sub is_well {
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	set_mode('', '');
	my $r = until_status(sub { $t->get("/open/$file") }, 200);
	delete @{ $r->{seen} }{qw(200 503)};
	is(join(' ', $r->{status}, %{ $r->{seen} }), 200, $name);
}

is_well('a Redis that behaves');

# ---- the privacy of a channel ----

# The first of the paths alone, where each costs a deadline.
my %endless = map { $_ => 1 } 'a promise of 2 GiB', 'no line end';

sub statuses {
	my ($reply, @paths) = @_;

	my %seen;
	for my $path ($endless{$reply} ? $paths[0] : @paths) {
		my $r = $t->get($path);
		$seen{ join ' ', $r->{status}, grep { length } code_of($r) }++;
	}
	return \%seen;
}

# All that is no text and not nil is "not known": 503, and for a token whose
# own right suffices this right, or 503.
my %text = map { $_ => 1 } 'nil', 'a channel', 'a record', 'an empty text';
for my $reply (sort grep { !$text{$_} } keys %wrong) {
	set_mode('GET psm:c:open', $reply);
	my $seen = statuses($reply, "/open/$file", "/t/$reader/open/$file",
		"/open/$file");
	is(join(', ', keys %$seen), '503 store_unavailable',
		"T83 a channel's record is: $reply");
	next if $endless{$reply};
	like($t->get("/t/$opened/open/$file")->{status}, qr/\A(?:200|503)\z/,
		'... a token with a right: its right, or 503');
	is_well('... then well again');
}
for (
	['nil', 401, 'token_missing'],
	['a record', 401, 'token_missing'],
	['an empty text', 401, 'token_missing'],
	['a channel', 200, undef],
) {
	my ($reply, @wanted) = @$_;
	set_mode('GET psm:c:open', $reply);
	answer_is(until_status(sub { $t->get("/open/$file") }, $wanted[0]),
		@wanted, "T83 a channel's record is: $reply");
}
is_well('well again');

# ---- the PING behind the look-ups ----

for my $reply (sort keys %wrong) {
	set_mode('a later PING', $reply);
	my $seen = statuses($reply, "/t/$reader/main/$file",
		"/t/$unknown/main/$file", "/open/$file", "/main/$file");
	if ($reply eq 'two of it') {    # the answers came before it
		delete @$seen{200, '401 token_unknown', '401 token_missing'};
		$seen->{'503 store_unavailable'}++;
	}
	is(join(', ', keys %$seen), '503 store_unavailable',
		"T83 a PONG is: $reply");
	is_well('... then well again');
}

unlike($t->log_text, qr/a password|"resources"/,
	'the log repeats neither password nor record');
is(join("\n", $t->{fake}->garbled), '', 'all that was sent were commands');
$t->finish;
