#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T83: a connection that is out of step. Tokens of different rights are in
# flight together, over many sends, while the fake Redis loses, repeats, delays
# and inserts replies; each answer says whose record it was made from. It is
# the request's own, or a 503, never another's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Async qw(answers_of until_status);
use PSM::Check qw(code_of);
use PSM::Gate;
use PSM::Http qw(format_request);
use PSM::Journal;
use Test::More;
use Time::HiRes qw(sleep);

my $seed = $ENV{PSM_SEED} // int rand 2**31;
note "PSM_SEED=$seed";

my $t = PSM::Gate->new(name => 'desync');
my $file = 'noarch/repodata.json';
$t->file("$_/$file", '{}') for qw(main open closed);

# Whose record, by path: [the name that it has, answer when it is well].
my (%records, %own);

sub issue {
	my ($name, $wanted, %arg) = @_;

	my $token = $t->add_token(in => \%records, name => $name,
		resources => { main => 'read' }, %arg);
	$own{"/t/$token/main/$file"} = [$name, $wanted];
}

issue("reader$_", '200') for 1 .. 4;
issue("other$_", '403 channel_not_granted', resources => { other => 'read' })
	for 1 .. 3;
issue('disabled', '401 token_disabled', disabled => JSON::PP::true);
issue('expired', '401 token_expired', expires => time - 5);
issue('broken', '401 record_invalid', raw => '{"v":1}');
$own{"/t/@{[$t->unknown_token]}/main/$file"} = ['', '401 token_unknown'];
$t->set_channel('open', 'public', \%records);
$own{"/open/$file"} = ['', '200'];
$own{"/closed/$file"} = ['', '401 token_missing'];
my @paths = sort keys %own;

# What is done to the replies of one send, its PONG the last of them.
my $foreign = $records{ (grep { /^psm:t/ } sort keys %records)[0] };
my $bulk = '$' . length($foreign) . "\r\n$foreign\r\n";
my %faults = (
	'one is lost' => sub { splice @{ $_[0] }, rand @{ $_[0] }, 1 },
	'the PONG is lost' => sub { pop @{ $_[0] } },
	'all are lost' => sub { @{ $_[0] } = () },
	'one comes twice' => sub {
		my $at = rand @{ $_[0] };
		splice @{ $_[0] }, $at, 0, $_[0][$at];
	},
	'all come twice' => sub { push @{ $_[0] }, @{ $_[0] } },
	'all come again before the next' => sub {
		my ($replies, $client) = @_;
		my $late = delete $client->{late};
		$client->{late} = [@$replies] if !$late;
		unshift @$replies, @{ $late // [] };
	},
	'all come with the next' => sub {
		my ($replies, $client) = @_;
		my $late = delete $client->{late};
		$client->{late} = [splice @$replies] if !$late;
		unshift @$replies, @{ $late // [] };
	},
	'nil first' => sub { unshift @{ $_[0] }, "\$-1\r\n" },
	'nil somewhere' => sub { splice @{ $_[0] }, rand @{ $_[0] }, 0, "\$-1\r\n" },
	'a record first' => sub { unshift @{ $_[0] }, $bulk },
	'a record last' => sub { push @{ $_[0] }, $bulk },
	'a record and a PONG first' => sub { unshift @{ $_[0] }, $bulk, "+PONG\r\n" },
	'a PONG first' => sub { unshift @{ $_[0] }, "+PONG\r\n" },
	'the PONG first' => sub { unshift @{ $_[0] }, pop @{ $_[0] } },
	'an error first' => sub { unshift @{ $_[0] }, "-ERR unasked\r\n" },
	'an error of one look-up first' => sub {
		unshift @{ $_[0] }, "-LOADING unasked\r\n";
	},
	'an error last' => sub { push @{ $_[0] }, "-ERR unasked\r\n" },
	'a length one less' => sub {
		for my $reply (@{ $_[0] }) {
			last if $reply =~ s/\A\$(\d{2,})/'$' . ($1 - 1)/e;
		}
	},
	'a length that takes in the next' => sub {
		my ($replies) = @_;
		for my $i (0 .. $#$replies - 1) {
			my $more = length($replies->[$i + 1]) + 2;
			last if $replies->[$i] =~ s/\A\$(\d{2,})/'$' . ($1 + $more)/e;
		}
	},
);

my $done = PSM::Journal->new($t->dir . '/private/faults');
$t->fake_redis(records => \%records, script => sub {
	my ($client, $name) = @_;

	srand $seed + $client->number if $client->calls == 1;
	push @{ $client->{replies} }, $client->usual_bytes;
	return if $name ne 'PING';

	# The next sends are on their way meanwhile.
	my $replies = delete $client->{replies};
	my $mode = $client->mode;
	if (@$replies > 1 && $faults{$mode} && $client->{sends}++ % 3 == 1) {
		$faults{$mode}->($replies, $client);
		$done->add($mode);
	} elsif ($client->{late}) {
		$faults{$mode}->($replies, $client) if $faults{$mode};
	}
	$client->wait(0.003)->send(join '', @$replies);
});
$t->{fake}->mode('');
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=1s connect_timeout=5s;
psm_token_cache off;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Name $psm_token_name always;
}
# Here a token alone is looked up, so that all sends are alike.
server {
	listen %%LISTEN2%%;
	root %%ROOT%%;
	psm_token on;
	psm_token_require artifact:download;
	add_header X-Name $psm_token_name always;
}
EOC
$t->start_nginx;

# What is wrong with an answer; nothing when it is the request's own or 503.
sub slip_of {
	my ($path, $r) = @_;

	my $got = join ' ', $r->{status}, grep { length } code_of($r);
	my $name = $t->header($r, 'X-Name') // '';
	my ($owner, $wanted) = @{ $own{$path} };
	return if $got eq '503 store_unavailable'
		&& ($name eq '' || $name eq $owner);
	return if $got eq $wanted && ($name eq $owner || $owner eq 'broken');
	return ($owner || 'nobody') . ": $got as '$name'";
}

# All of them at once, some turns of the event loop apart.
sub wave {
	my ($n) = @_;

	my $port = $t->port(1 + $n % 2);
	my @order = map { $paths[($_ * 5 + $n) % @paths] } 0 .. $#paths;
	@order = grep { m{^/t/} } @order if $n % 2;
	my @sockets;
	for my $path (@order) {
		push @sockets, $t->connect($port);
		$t->send($sockets[-1], format_request('GET', $path));
		sleep 0.002;
	}
	my @answers = answers_of($t, @sockets);
	return map { slip_of($order[$_], $answers[$_]) } 0 .. $#order;
}

sub is_well {
	$t->{fake}->mode('');
	my ($path) = grep { $own{$_}[0] eq 'reader1' } @paths;
	return until_status(sub { $t->get($path) }, 200);
}

is(is_well()->{status}, 200, 'a Redis that behaves');
is(join(', ', wave(1), wave(2)), '', 'each gets its own');
for my $fault (sort keys %faults) {
	$t->{fake}->mode($fault);
	is(join(', ', map { wave($_) } 1 .. 6), '', "T83 out of step: $fault")
		or diag("PSM_SEED=$seed");
	my $r = is_well();
	is($r->{status}, 200, '... then well again');
}
my %happened = map { $_ => 1 } $done->entries;
is(join(', ', grep { !$happened{$_} } sort keys %faults), '',
	'every fault happened');
is(join("\n", $t->{fake}->garbled), '', 'all that was sent were commands');
$t->finish;
