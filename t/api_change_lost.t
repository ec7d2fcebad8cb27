#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# A change whose answer is lost is told as one that may have been made, and
# only such a one: what never left, or what Redis refused before it began, was
# not made. A scripted Redis, since a real one does not stop at the right place.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use JSON::PP;
use PSM::Async qw(hang_up until_status);
use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Http qw(format_request);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = PSM::Gate->new(name => 'lost changes');
my %records;
my $editor = $t->add_token(owner => 'root', in => \%records,
	scopes => [qw(user.token:view user.token:edit artifact:download
		channel:view-artifacts)]);
my @readers = map { $t->add_token(in => \%records,
	resources => { main => 'read' }) } 1 .. 4;

# What a change is answered, by mode.
my %answer = (
	well => sub { $_[0]->send(":1\r\n") },
	silence => sub { $_[0]->stall },
	end => sub { hang_up($_[0]) },
	half => sub { hang_up($_[0]->send(':')) },
	nonsense => sub { $_[0]->send("what?\r\n") },
	late => sub { $_[0]->wait(1)->send(":1\r\n") },
	'asked twice' => sub {
		return $_[0]->send("-NOSCRIPT No matching script.\r\n")
			if $_[1] eq 'EVALSHA';
		hang_up($_[0]);
	},
	(map { my $error = $_; $error => sub { $_[0]->send("-$error\r\n") } }
		'READONLY You can\'t write against a read only replica.',
		'NOPERM this user has no permissions to run the \'evalsha\' command',
		'LOADING Redis is loading the dataset in memory',
		'OOM command not allowed when used memory > \'maxmemory\'.',
		'NOREPLICAS Not enough good replicas to write.',
		'ERR Error running script (call to f_0): @user_script: 1: -READONLY '
			. 'You can\'t write against a read only replica.',
		'ERR something in the middle'),
);
$t->fake_redis(records => \%records, script => sub {
	my ($client, $name, @args) = @_;

	return $client->send("*$#args\r\n" . "\$-1\r\n" x $#args)
		if $name eq 'HMGET';
	return $client->usual if $name !~ /^EVAL/;
	$answer{ $client->mode }->($client, $name);
});
$t->{fake}->mode('well');
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%%;
server {
	listen %%LISTEN%%;
	location / { psm_token_api; }
}
EOC
$t->start_nginx;

my @json = ('X-Auth', $editor, 'Content-Type', 'application/json');

sub create {
	return $t->http('POST', '/account/tokens', headers => \@json,
		body => encode_json({ name => 'x', 
			scopes => ['artifact:download'] }));
}

sub read_one { return $t->get('/account/token-info', 'X-Auth', $_[0] // $readers[0]) }

is(until_status(\&create, 200)->{status}, 200, 'a change that is answered');
my %wanted = (
	silence => 'outcome_unknown', end => 'outcome_unknown',
	half => 'outcome_unknown', nonsense => 'outcome_unknown',
	'asked twice' => 'outcome_unknown', late => undef, well => undef,
	map { $_ => /middle/ ? 'outcome_unknown' : 'store_unavailable' }
		grep { / / && $_ ne 'asked twice' } keys %answer,
);
for my $mode (sort keys %wanted) {
	is(until_status(\&read_one, 200)->{status}, 200, 'the API is there');
	$t->{fake}->mode($mode);
	my $r = create();
	answer_is($r, $wanted{$mode} ? 503 : 200, $wanted{$mode}, "$mode");
	is($t->header($r, 'Retry-After'), 2, '  with a time to wait')
		if $wanted{$mode};
}

# Nothing leaves: nothing was done.
$t->{fake}->mode('well');
is(until_status(\&read_one, 200)->{status}, 200, 'the API is there');
$t->{fake}->stop;
answer_is(until_status(\&create, 503), 503, 'store_unavailable',
	'no Redis: nothing was done');
answer_is(create(), 503, 'store_unavailable', '  again');
$t->{fake}->restart;
is(until_status(\&read_one, 200)->{status}, 200, '  until it is back');

# A change may take longer than a read. One that waits behind it is told that
# it is late; neither loses the other.
$t->{fake}->mode('late');

# The change's answer, and that of a read which came while it was made: on a
# slow machine not at the first try.
sub read_behind_change {
	my ($read, $socket);
	for (1 .. 10) {
		my $asked = 1 + $t->{fake}->commands('EVALSHA');
		$socket = $t->connect;
		$t->send($socket, format_request('POST', '/account/tokens', \@json,
			encode_json({ name => 'slow',
				scopes => ['artifact:download'] })));
		$t->{fake}->wait_commands($asked, 'EVALSHA');
		$read = read_one($readers[1]);
		last if !IO::Select->new($socket)->can_read(0);
		$t->receive($socket, 'POST', 20);
	}
	return ($t->receive($socket, 'POST', 20), $read);
}

my ($change, $read) = read_behind_change();
answer_is($read, 503, 'store_unavailable',
	'a read behind a slow change is late');
is($change->{status}, 200, '  the change is made');
for my $reader (@readers) {
	my $body = eval { decode_json(until_status(sub { read_one($reader) }, 200)
		->{body}) } // {};
	is($body->{id}, $t->token_record($reader)->{id},
		'  and later answers are whose they should be');
}

$t->finish;
