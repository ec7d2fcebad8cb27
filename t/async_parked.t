#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T13: 500 look-ups are parked, over HTTP/1.1 and HTTP/2, for tokens of
# different rights; half of the clients go, by FIN, RST and RST_STREAM; then
# Redis wakes, well or not. Whoever stayed gets one answer, his own, and no
# byte more; the worker serves on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(begun close_hard hang_up until_status wait_begun wide_h2);
use PSM::Check qw(code_of);
use PSM::Gate;
use PSM::Http qw(format_request);
use PSM::Process qw(wait_for);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'parked');
my $file = 'noarch/repodata.json';
$t->file("$_/$file", '{}') for qw(main open);

my (%records, %wanted);

sub issue {
	my ($wanted, %arg) = @_;

	my $token = $t->add_token(in => \%records,
		resources => { main => 'read' }, %arg);
	$wanted{"/t/$token/main/$file"} = $wanted;
}

issue('200') for 1 .. 20;
issue('403 channel_not_granted', resources => { x => 'read' }) for 1 .. 10;
issue('401 token_expired', expires => time - 5) for 1 .. 5;
$wanted{"/t/@{[$t->unknown_token]}/main/$file"} = '401 token_unknown' for 1 .. 5;
$wanted{"/name-$_/$file"} = '401 token_missing' for 1 .. 5;
$wanted{"/open/$file"} = '200';
$t->set_channel('open', 'public', \%records);
my @paths = sort keys %wanted;

# Asleep, nothing is answered, and nothing is forgotten: the fake's mode says
# how it wakes.
my %wakes = (
	well => sub { $_[0]->send($_[1]) },
	'by single bytes' => sub { $_[0]->drip($_[1], 0.00005) },
	'with an end' => sub { hang_up($_[0]->send(substr $_[1], 0, 100)) },
	'with an error' => sub { $_[0]->send("-ERR slept too long\r\n$_[1]") },
	'with nonsense' => sub { $_[0]->send("\0" x 1000) },
);

$t->fake_redis(records => \%records, script => sub {
	my ($client, $name) = @_;

	my $mode = $client->mode;
	return $client->usual if $mode eq '';
	my $bytes = $client->usual_bytes;
	if ($mode eq 'asleep') {
		wait_for(sub { $client->mode ne 'asleep' }, 60);
		$mode = $client->mode;
		$wakes{$mode}->($client, $bytes) if $mode ne '';
		return;
	}
	$wakes{$mode}->($client, $bytes);
});
$t->{fake}->mode('');
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=30s connect_timeout=30s;
psm_token_cache off;
server {
	listen %%LISTEN%%;
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
	keepalive_timeout 1s;
	location = /status { psm_token off; stub_status; }
}
EOC
$t->start_nginx;
is(until_status(sub { $t->get("/open/$file") }, 200)->{status}, 200,
	'a Redis that behaves');

# ---- clients ----

# 400 connections of HTTP/1.1, half of them keep-alive, and 5 of HTTP/2 with
# 20 streams; returns when nginx has them all.
sub park {
	my ($before, @plain, @h2) = (begun($t));
	for my $i (0 .. 399) {
		my $path = $paths[$i % @paths];
		my $socket = $t->connect;
		$t->send($socket, format_request('GET', $path, [], undef, $i % 2));
		push @plain, [$socket, $path];
	}
	for (1 .. 5) {
		my $h2 = wide_h2($t->port(2));
		push @h2, [$h2, map { [$h2->get($_), $_] }
			map { $paths[($_ * 7) % @paths] } 1 .. 20];
	}
	wait_begun($t, $before, 500, 20);
	return (\@plain, \@h2);
}

sub gone { return scalar(() = $t->log_text('access.log') =~ /" 499 \d+ "/g) }

# Half of the clients leave, each kind in its own way.
sub half_leaves {
	my ($plain, $h2) = @_;

	my ($before, @stay) = (gone());
	for my $i (0 .. $#$plain) {
		if ($i % 4 < 2) {
			push @stay, $plain->[$i];
			next;
		}
		$i % 4 == 2 ? close_hard($plain->[$i][0]) : close $plain->[$i][0];
	}
	for my $one (@$h2) {
		my ($conn, @streams) = @$one;
		$conn->reset($_->[0]) for @streams[10 .. 19];
		splice @$one, 11;
	}
	@$plain = @stay;
	return wait_for(sub { gone() - $before >= 250 }, 20);
}

# To the end of the connection: status and code of each answer that came.
sub whole_answer {
	my ($socket) = @_;

	my $r = $t->receive($socket, 'GET', 40);
	my $more = sysread($socket, my $rest, 1) // -1;
	return join ' ', $r->{status}, (grep { length } code_of($r)),
		$more ? 'and more' : ();
}

my $unavailable = '503 store_unavailable';

# What is not as it should be, each with how often.
sub wrong_ones {
	my ($plain, $h2, $lenient) = @_;

	my %wrong;
	my $check = sub {
		my ($path, $got) = @_;
		return if $got eq $wanted{$path} || $lenient && $got eq $unavailable;
		$wrong{"$got, not $wanted{$path}"}++;
	};
	$check->($_->[1], whole_answer($_->[0])) for @$plain;
	for my $one (@$h2) {
		my ($conn, @streams) = @$one;
		for my $stream (@streams) {
			my $r = $conn->answer($stream->[0], 40);
			$check->($stream->[1], join ' ', $r->{status},
				grep { length } code_of($r));
		}
	}
	return join ', ', map { "$wrong{$_} x $_" } sort keys %wrong;
}

for my $wake (sort keys %wakes) {
	$t->{fake}->mode('asleep');
	my ($plain, $h2) = park();
	ok(half_leaves($plain, $h2), "T13 wakes $wake: 250 of 500 went meanwhile");
	$t->{fake}->mode($wake);
	is(wrong_ones($plain, $h2, $wake =~ /end|error|nonsense/), '',
		'  one answer for each of the others, his own');
	$t->{fake}->mode('');
	is(until_status(sub { $t->get("/open/$file") }, 200)->{status}, 200,
		'  later requests are served');
}

# ---- the worker goes while they wait ----

$t->{fake}->mode('asleep');
my ($plain, $h2) = park();
my %old = map { $_ => 1 } $t->workers;
$t->reload_nginx;
ok(half_leaves($plain, $h2), 'T13 250 of 500 go after a reload');
$t->{fake}->mode('well');
is(wrong_ones($plain, $h2), '', '  the old worker answers each of the others');
close $_->[0]{socket} for @$h2;
ok(wait_for(sub { !grep { $old{$_} } $t->workers }, 20), '  and leaves');
$t->{fake}->mode('');
is(until_status(sub { $t->get("/open/$file") }, 200)->{status}, 200,
	'  the new one serves');

$t->{fake}->mode('asleep');
($plain, $h2) = park();
%old = map { $_ => 1 } $t->workers;
kill 'QUIT', keys %old;
ok(half_leaves($plain, $h2), 'T13 250 of 500 go, their worker is to quit');
$t->{fake}->mode('well');
is(wrong_ones($plain, $h2), '', '  it answers each of the others');
close $_->[0]{socket} for @$h2;
ok(wait_for(sub { !grep { $old{$_} } $t->workers }, 20), '  and quits');

$t->finish;
