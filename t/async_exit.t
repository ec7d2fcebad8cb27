#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T13, T100: a worker ends while 200 look-ups wait and half of their clients are
# gone: told to, cut short by worker_shutdown_timeout, at once, or killed; with
# Redis asleep, gone, or waking in that moment. Nobody is left hanging, nobody
# is answered twice, and the next worker serves.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(begun close_hard reload_whole until_status wait_begun
	wide_h2);
use PSM::Check qw(code_of);
use PSM::Gate;
use PSM::Http qw(format_request);
use PSM::Process qw(slurp wait_for);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'exit', workers => 2);
my $file = 'noarch/repodata.json';
$t->file("main/$file", '{}');
$t->start_redis;
my $token = $t->add_token(resources => { main => 'read' });
my $path = "/t/$token/main/$file";

sub conf {
	my ($timeout, $shutdown) = @_;

	my $conf = $t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% timeout=$timeout connect_timeout=60s;
psm_token_cache off;
server {
	listen %%LISTEN%%;
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
	location = /status { psm_token off; stub_status; }
}
EOC
	# It stands outside of http { }.
	my $text = slurp($conf);
	open my $fh, '>', $conf or die "$conf: $!";
	print $fh $shutdown ? "worker_shutdown_timeout $shutdown;\n" : '', $text;
	close $fh;
}

my $rounds = 0;

# 100 requests over HTTP/1.1 and 100 over HTTP/2; half of each leave.
sub park {
	$rounds++;
	my $before = begun($t);
	my @paths = map { ($path, "/name-$rounds-$_/$file") } 1 .. 50;
	my @plain;
	for my $one (@paths) {
		push @plain, [$t->connect, $one];
		$t->send($plain[-1][0], format_request('GET', $one));
	}
	my @h2 = map { wide_h2($t->port(2)) } 1 .. 5;
	my @streams = map { my $n = $_; [$h2[$n % 5], $h2[$n % 5]->get($paths[$n]),
		$paths[$n]] } 0 .. 99;
	wait_begun($t, $before, 200);
	close_hard($_->[0]) for splice @plain, 0, 25;
	close $_->[0] for splice @plain, 0, 25;
	$_->[0]->reset($_->[1]) for splice @streams, 0, 30;
	close $h2[0]{socket};
	@streams = grep { $_->[0] != $h2[0] } @streams;
	return (\@plain, \@streams);
}

# Those who stayed: the answers in short, each counted.
sub answers {
	my ($plain, $streams) = @_;

	my %seen;
	my $count = sub {
		my ($path, $r) = @_;
		my $got = join ' ', $r->{status}, grep { length } code_of($r);
		my $wanted = $path =~ m{^/t/} ? '200' : '401 token_missing';
		$seen{ $got eq $wanted ? 'his own' : $got }++;
	};
	for (@$plain) {
		my ($socket, $path) = @$_;
		my $r = $t->receive($socket, 'GET', 30);
		$count->($path, $r);
		$seen{'and more'}++ if sysread $socket, my $more, 1;
	}
	$count->($_->[2], $_->[0]->answer($_->[1], 30)) for @$streams;
	my %h2 = map { $_->[0]{socket} => $_->[0]{socket} } @$streams;
	close $_ for values %h2;
	return join ', ', map { $seen{$_} ? $_ : () } sort keys %seen;
}

conf('60s');
$t->start_nginx;
is(until_status(sub { $t->get($path) }, 200)->{status}, 200, 'Redis answers');

sub goes_like {
	my ($name, $wanted, %do) = @_;

	$t->redis_server->pause if !$do{awake};
	my ($plain, $streams) = park();
	my %old = map { $_ => 1 } $t->workers;
	$do{end}->(keys %old);
	$do{then}->() if $do{then};
	like(answers($plain, $streams), $wanted, "T13 $name");
	ok(wait_for(sub { !grep { $old{$_} } $t->workers }, 20),
		'  the workers leave');
	$t->redis_server->resume;
	ok(wait_for(sub { (() = $t->workers) >= 2 }, 20), '  others come');
	is(until_status(sub { $t->get($path) }, 200)->{status}, 200,
		'  and serve');
}

my $own = qr/\A(?:his own)\z/;
my $cut = qr/\A0\z/;
my $wake = sub { sleep 0.2; $t->redis_server->resume };

goes_like('a reload, then Redis wakes', $own,
	end => sub { $t->reload_nginx }, then => $wake);
goes_like('two reloads, then Redis wakes', $own,
	end => sub { $t->reload_nginx; $t->reload_nginx }, then => $wake);
goes_like('told to leave, then Redis wakes', $own,
	end => sub { kill 'QUIT', @_ }, then => $wake);
goes_like('Redis wakes as they are told', $own,
	end => sub { $t->redis_server->resume; kill 'QUIT', @_ });
goes_like('stopped at once', $cut, end => sub { kill 'TERM', @_ });
goes_like('stopped as Redis wakes', qr/\A(?:0|his own|0, his own)\z/,
	end => sub { $t->redis_server->resume; kill 'TERM', @_ });

# An end that nothing can be done about; nginx says so.
$t->expect_log(qr/worker process \d+ exited on signal 9/);
goes_like('killed', $cut, end => sub { kill 'KILL', @_ });

conf('60s', '15s');
reload_whole($t);
goes_like('T100 Redis wakes within worker_shutdown_timeout', $own,
	end => sub { $t->reload_nginx }, then => $wake);

conf('60s', '1s');
reload_whole($t);
goes_like('T100 cut short by worker_shutdown_timeout', $cut,
	end => sub { $t->reload_nginx });

conf('1s');
reload_whole($t);
until_status(sub { $t->get($path) }, 200);
goes_like('a reload, and Redis does not wake', qr/\A503 store_unavailable\z/,
	end => sub { $t->reload_nginx });

conf('60s');
reload_whole($t);
until_status(sub { $t->get($path) }, 200);
$t->redis_server->pause;
my ($plain, $streams) = park();
$t->reload_nginx;
kill 'KILL', $t->redis_server->pid;
is(answers($plain, $streams), '503 store_unavailable',
	'T13 a reload, then Redis dies');
$t->redis_server->restart;
$t->edit_token($token);
is(until_status(sub { $t->get($path) }, 200)->{status}, 200,
	'  Redis is back, and the gate too');
$t->finish;
