#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T102: what workers have, each has by itself. A connection to Redis belongs to
# one worker and never to the master, after a reload and after a worker was
# killed as well; answers go to whoever asked; and tokens that are made at the
# same moment are different.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Async qw(all_at_once answers_of reload_whole until_status);
use PSM::Check qw(code_of);
use PSM::Gate;
use PSM::Process qw(slurp wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'fork', workers => 4);
$t->start_redis(tcp => 1);
my $file = 'noarch/repodata.json';
$t->file("$_/$file", "$_\n") for qw(main other);
my $store = $t->redis_server->tcp_address;
$t->write_conf(<<"EOC");
psm_token_redis $store timeout=20s connect_timeout=20s;
psm_token_cache off;
server { listen %%LISTEN%% reuseport; root %%ROOT%%; psm_token on; }
EOC
$t->start_nginx;

# The sockets of a process, as the kernel numbers them.
sub sockets_of {
	my ($pid) = @_;
	return map { (readlink($_) // '') =~ /^socket:\[(\d+)\]/ ? $1 : () }
		glob "/proc/$pid/fd/*";
}

# The numbers of the sockets at our end of the gate's connections, as Redis
# lists these.
sub gate_sockets {
	my %ours = map { /^id=\d+ addr=127\.0\.0\.1:(\d+) .* name=psm-token/
		? ($1 => 1) : () } split /\n/, $t->redis('CLIENT', 'LIST');
	my @found;
	for (split /\n/, slurp('/proc/net/tcp')) {
		my ($port, $inode) = /^\s*\d+: 0100007F:([0-9A-F]{4}) \S+ 01 \S+ \S+ \S+ +\d+ +\d+ (\d+)/
			or next;
		push @found, $inode if $ours{ hex $port };
	}
	return @found;
}

# Who holds each of them, once every worker has one.
sub is_own {
	my ($name) = @_;

	my %held;
	wait_for(sub {
		my %wanted = map { $_ => 1 } gate_sockets();
		my @workers = $t->workers;
		%held = map {
			my $pid = $_;
			$pid => [grep { $wanted{$_} } sockets_of($pid)];
		} @workers, $t->nginx_pid;
		return @workers == 4 && !grep { !@{ $held{$_} } } @workers;
	}, 15);
	my $master = delete $held{ $t->nginx_pid };
	my (%owners, @none);
	for my $pid (keys %held) {
		push @none, $pid if !@{ $held{$pid} };
		$owners{$_}++ for @{ $held{$pid} };
	}
	is(scalar(keys %held), 4, "T102 $name: four workers");
	is(scalar(@none), 0, '  each with a connection to Redis');
	is(scalar(grep { $_ > 1 } values %owners), 0, '  that no other has');
	is(scalar(@$master), 0, '  the master has none');
}

is_own('at the start');
my ($good, $other) = map { $t->add_token(resources => { $_ => 'read' }) }
	qw(main other);
my $expired = $t->add_token(resources => { main => 'read' }, expires => time - 9);

# By all workers at once, each with its own answer.
my @asked = (["/t/$good/main/$file", "200 main\n"],
	["/t/$other/main/$file", '403 channel_not_granted'],
	["/t/$other/other/$file", "200 other\n"],
	["/t/$expired/main/$file", '401 token_expired'],
	['/t/' . $t->unknown_token . "/main/$file", '401 token_unknown']);

sub own_answers {
	my ($name) = @_;

	my @order = map { @asked } 1 .. 60;
	my @got = answers_of($t, all_at_once($t, map { $_->[0] } @order));
	my @wrong = grep {
		my $r = $got[$_];
		my $what = $r->{status} == 200 ? $r->{body} : code_of($r);
		"$r->{status} $what" ne $order[$_][1];
	} 0 .. $#order;
	is(scalar(@wrong), 0, "T102 $name: " . @order . ' at once, to each his own');
}

own_answers('at the start');
reload_whole($t);
is_own('after a reload');
own_answers('after a reload');

$t->expect_log(qr/worker process \d+ exited on signal 9/);
my ($first) = $t->workers;
kill 'KILL', $first;
ok(wait_for(sub {
	my @workers = $t->workers;
	return @workers == 4 && !grep { $_ == $first } @workers;
}, 15), 'T102 one worker is killed, another comes');
is_own('after a worker was killed');
own_answers('after a worker was killed');

# ---- tokens that are made at once ----

my $program = $ENV{PSM_CLI} // "$PSM::Gate::REPO/build/psm-token";
my @making = map {
	PSM::Process->start(name => 'psm-token', output => $t->dir . "/private/made.$_",
		env => { PSM_TOKEN_REDIS => $t->redis_server->address },
		run => [$program, '--json', 'create', '--name', "n$_", '--resource',
			'main:read']);
} 1 .. 40;
wait_for(sub { !grep { $_->alive } @making }, 60);
my @made = map { eval { JSON::PP->new->utf8->decode(
	slurp($t->dir . "/private/made.$_")) } // {} } 1 .. 40;
$t->secret(map { $_->{token} // () } @made);
for my $field (qw(token id)) {
	my %different = map { ($_->{$field} // '') => 1 } @made;
	is(scalar(grep { length } keys %different), 40,
		"T102 40 made at once, 40 different: $field");
}
my @status = map { $t->get("/t/$_->{token}/main/$file")->{status} } @made;
is(scalar(grep { $_ == 200 } @status), 40, '  and all of them work');

$t->finish;
