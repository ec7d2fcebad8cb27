#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Workers come and go. An old one ends the look-ups it has begun, then leaves,
# whatever Redis does; a new one serves its first requests; nobody sees any of
# it, and no socket is left open (nginx would alert).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(all_at_once answers_of streams_of until_status);
use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Http2;
use PSM::Journal;
use PSM::Process qw(wait_for);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = PSM::Gate->new(name => 'reload', workers => 2);
$t->start_redis;
my $file = 'main/noarch/repodata.json';
$t->file($_, '{}') for $file, 'open/noarch/repodata.json';

sub conf {
	my ($timeout, $shutdown) = @_;

	$t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% timeout=$timeout connect_timeout=20s;
server {
	listen %%LISTEN%%;
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
}
EOC
	return if !$shutdown;

	# It stands outside of http { }.
	my $path = $t->dir . '/nginx.conf';
	my $text = PSM::Process::slurp($path);
	open my $fh, '>', $path or die "$path: $!";
	print $fh "worker_shutdown_timeout $shutdown;\n$text";
	close $fh;
}

conf('20s');
$t->set_channel('open', 'public');
my $token = $t->add_token(resources => { main => 'read' });
my $path = "/t/$token/$file";
my %old;

# Tells the workers to go; they may have look-ups to end.
sub reload {
	%old = map { $_ => 1 } $t->workers;
	return $t->reload_nginx;
}

sub old_are_gone {
	my ($limit, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $begin = time;
	my $gone = wait_for(sub { !grep { $old{$_} } $t->workers }, 20);
	my $took = time - $begin;
	ok($gone && $took < $limit, $name) or diag(sprintf 'after %.3f s', $took);
}

$t->start_nginx;

# ---- first requests ----

# All at once, on each of two workers that know nothing.
is(scalar(grep { $_->{status} == 200 } answers_of($t,
	all_at_once($t, ($path, '/open/noarch/repodata.json') x 10))), 20,
	'the first requests after a start');
reload();
is(scalar(grep { $_->{status} == 200 } answers_of($t,
	all_at_once($t, ($path, '/open/noarch/repodata.json') x 10))), 20,
	'the first requests after a reload');
old_are_gone(5, 'workers without work leave');

# ---- 20 reloads under load ----

my $journal = PSM::Journal->new($t->dir . '/private/load');
my $load = PSM::Process->start(name => 'load', code => sub {
	while (1) {
		my $socket = PSM::Http::connect_to($t->port);
		PSM::Http::send_all($socket,
			PSM::Http::format_request('GET', $path));
		my $r = PSM::Http::receive($socket, 'GET', 20);
		$journal->add([$r->{status}, $r->{error}]);
		sleep 0.005;
	}
});
for (1 .. 20) {
	reload();
	sleep 0.1;
}
$load->stop('TERM');
old_are_gone(5, 'old workers leave under load');
my %seen;
$seen{ join ' ', grep { defined } @$_ }++ for $journal->entries;
is_deeply([keys %seen], ['200'], '20 reloads: nothing but 200')
	or diag(join ', ', map { "$_: $seen{$_}" } sort keys %seen);
cmp_ok($seen{200} // 0, '>', 100, 'of many requests');

# ---- look-ups that wait ----

# Nothing is cached in the new workers.
my @streams;

sub park {
	my $h2 = PSM::Http2->connect($t->port(2));
	@streams = map { $h2->get($path) } 1 .. 5;
	my @sockets = all_at_once($t, ($path, "/name-$$-$_[0]/noarch/f") x 5);
	sleep 0.3;
	return ($h2, @sockets);
}

$t->redis_server->pause;
my ($h2, @sockets) = park(1);
reload();
sleep 0.3;
cmp_ok(scalar(grep { $old{$_} } $t->workers), '>=', 1,
	'an old worker waits for Redis');
$t->redis_server->resume;
is(join(' ', map { $_->{status} } answers_of($t, @sockets)),
	join(' ', (200, 401) x 5), 'their look-ups are answered');
is(join(' ', streams_of($h2, @streams)), join(' ', (200) x 5),
	'those of HTTP/2 too');
close $h2->{socket};
old_are_gone(5, 'then they leave');

# Redis does not come back.
conf('1500ms');
reload();
old_are_gone(5, 'another configuration');
is($t->get($path)->{status}, 200, 'is in use');
reload();
old_are_gone(5, 'and forgotten');
$t->redis_server->pause;
($h2, @sockets) = park(2);
my $begin = time;
reload();
is(join(' ', map { $_->{status} } answers_of($t, @sockets)),
	join(' ', (503) x 10), 'frozen: they get their 503');
is(join(' ', streams_of($h2, @streams)), join(' ', (503) x 5),
	'over HTTP/2 too');
close $h2->{socket};
old_are_gone(5, 'and the old workers leave without Redis');
cmp_ok(time - $begin, '<', 8, 'soon');
$t->redis_server->resume;

# Clients that go while an old worker waits for Redis on their behalf.
conf('20s');
reload();
old_are_gone(10, 'new workers');
$t->redis_server->pause;
($h2, @sockets) = park(3);
reload();
close $_ for @sockets;
close $h2->{socket};
old_are_gone(5, 'nobody waits: the old workers leave');
$t->redis_server->resume;

# ---- cut short ----

conf('20s', '1s');
reload();
old_are_gone(10, 'workers that may take a second to leave');
$t->redis_server->pause;
($h2, @sockets) = park(4);
reload();
old_are_gone(8, 'leave, although their look-ups have 20 seconds');
is(scalar(grep { $_->{status} == 0 } answers_of($t, @sockets)), 10,
	'their clients are cut off');

# At once, in the middle of look-ups.
@sockets = all_at_once($t, ($path) x 10);
sleep 0.3;
%old = map { $_ => 1 } $t->workers;
kill 'TERM', keys %old;
old_are_gone(5, 'workers that are told to stop at once do');
is(scalar(grep { $_->{status} == 0 } answers_of($t, @sockets)), 10,
	'their clients are cut off');
$t->redis_server->resume;
is(until_status(sub { $t->get($path) }, 200)->{status}, 200,
	'the next workers serve');

# ---- Redis away ----

$t->redis_server->stop;
answer_is($t->get("/t/@{[$t->unknown_token]}/$file"), 503,
	'store_unavailable', 'no Redis');
reload();
old_are_gone(5, 'workers that wait to connect again leave at once');
reload();
old_are_gone(5, 'those that never were connected too');

$t->finish;
