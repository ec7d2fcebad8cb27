#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T83: wrong replies to each step of the greeting: AUTH, SELECT, CLIENT SETNAME
# and the PING that ends it. Until all are right, there is no Redis.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(reload_whole until_status wrong_at);
use PSM::Check qw(answer_is);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'greeting');
my $file = 'noarch/repodata.json';
$t->file("$_/$file", '{}') for qw(main open);

my %records;
my $reader = $t->add_token(in => \%records, resources => { main => 'read' });
my $unknown = $t->unknown_token;
$t->set_channel('open', 'public', \%records);
my $public = $records{'psm:c:open'};

# What is said in place of an answer: bytes; undef for the end, a reference for
# the right answer twice.
my %wrong = PSM::FakeRedis::wrong_replies(
	'a record' => $records{ $t->token_key($reader) }, 'a channel' => $public);

# The mode is "step: reply"; PING is a step when it ends the greeting.
sub step_of {
	my ($client, $name) = @_;

	return $name if $name ne 'PING';
	return $client->{pings}++ ? 'a later PING' : 'the first PING';
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

is(until_status(sub { $t->get("/open/$file") }, 200)->{status}, 200,
	'a Redis that behaves');

# Each time a new worker. What CLIENT SETNAME is told as an error is no
# obstacle: the name is for people who look at Redis.
my %some = map { $_ => 1 } 'a status', 'nil', 'an array', 'a record', 'the end',
	'two of it';
my @cases = (
	(map { ['the first PING', $_] } sort keys %wrong),
	(map { ['AUTH', $_] } sort(keys %some), grep { /^-/ } sort keys %wrong),
	(map { ['SELECT', $_] } sort(keys %some), '-ERR', '-LOADING'),
	(map { ['CLIENT', $_] } sort keys %some),
);
for (@cases) {
	my ($step, $reply) = @$_;
	set_mode($step, $reply);
	reload_whole($t);
	answer_is($t->get("/t/$unknown/main/$file"), 503, 'store_unavailable',
		"T83 $step: $reply");
}
set_mode('CLIENT', '-ERR');
reload_whole($t);
is(until_status(sub { $t->get("/t/$reader/main/$file") }, 200)->{status}, 200,
	'T83 CLIENT SETNAME may be refused');

unlike($t->log_text, qr/a password|"resources"/,
	'the log repeats neither password nor record');
is(join("\n", $t->{fake}->garbled), '', 'all that was sent were commands');
$t->finish;
