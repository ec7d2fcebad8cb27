#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Clients that vanish while their look-up waits: by FIN, by RST, by a reset
# stream of HTTP/2. Nobody answers them, nobody else suffers, the worker that
# began is the worker that ends.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(all_at_once answers_of cache_is streams_of until_status);
use PSM::Gate;
use PSM::Http2;
use PSM::Process qw(wait_for);
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'client abort');
$t->start_redis;
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
psm_token_cache max=10000 valid=1h negative=1h;
add_header X-Cache $psm_token_cache always;
server {
	listen %%LISTEN%%;
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
	keepalive_timeout 20s;
}
EOC
$t->start_nginx;
is($t->get('/')->{status}, 401, 'the worker serves');
my @workers = $t->workers;

my @tokens = map { $t->add_token(resources => { main => 'read' }) } 1 .. 8;

sub path_of { return "/t/$_[0]/$file" }

sub close_hard {
	my ($socket) = @_;
	setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0;
	close $socket;
}

# Lines of the access log with this status, since the last call for it.
my %counted;

sub logged {
	my ($status, $n, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $count = sub {
		my $all = () = $t->log_text('access.log') =~ /" $status \d+ "/g;
		return $all - ($counted{$status} // 0);
	};
	wait_for(sub { $count->() >= $n }, 10);
	is($count->(), $n, $name);
	$counted{$status} += $count->();
}

# ---- 500 look-ups, half of the clients go ----

# Half of the requests share tokens, half are for names of their own.
my $shared = shift @tokens;
$t->redis_server->pause;
my @sockets = all_at_once($t, map {
	$_ % 2 ? path_of($shared) : "/name-$_/noarch/f"
} 1 .. 500);
sleep 0.3;
my @stay;
for my $i (0 .. $#sockets) {
	if ($i % 4 < 2) {
		push @stay, [$i % 2, $sockets[$i]];
	} elsif ($i % 8 < 4) {
		close $sockets[$i];
	} else {
		close_hard($sockets[$i]);
	}
}
@sockets = ();
logged(499, 250, '250 of 500 clients went, and were noticed while they wait');
$t->redis_server->resume;
my %seen;
for my $one (@stay) {
	my ($name, $socket) = @$one;
	my ($r) = answers_of($t, $socket);
	$seen{ ($name ? 'name ' : 'token ') . $r->{status} }++;
}
is_deeply(\%seen, { 'token 200' => 125, 'name 401' => 125 },
	'the others are answered');
@stay = ();
cache_is($t, $t->get(path_of($shared)), 200, 'HIT', 'once for all');

# ---- all clients of a look-up go ----

my $lonely = shift @tokens;
$t->redis_server->pause;
@sockets = all_at_once($t, (path_of($lonely)) x 20);
sleep 0.2;
close $_ for @sockets;
logged(499, 20, 'all that wait for one look-up go');
$t->redis_server->resume;
is(until_status(sub { $t->get(path_of($lonely)) }, 200)->{status}, 200,
	'the next one is answered');
cache_is($t, $t->get(path_of($lonely)), 200, 'HIT', 'and remembered');

# ---- one connection, several requests ----

my $piped = shift @tokens;
$t->redis_server->pause;
my $socket = $t->connect;
my $request = "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n";
my $final = $request =~ s/\r\n\z/Connection: close\r\n\r\n/r;
$t->send($socket, sprintf "$request$request$final", path_of($piped),
	'/piped/noarch/f', path_of($piped));
sleep 0.2;
$t->redis_server->resume;
my $all = do { local $/; <$socket> };
is(join(' ', $all =~ m{HTTP/1\.1 (\d+)}g), '200 401 200',
	'requests behind one another are answered in turn');

$t->redis_server->pause;
$socket = $t->connect;
$t->send($socket, join '', map { sprintf $request, "/gone-$_/noarch/f" } 1 .. 3);
sleep 0.2;
close_hard($socket);
logged(499, 1, 'a client goes with requests behind the one that waits');
$t->redis_server->resume;

# A body on its way.
my $writer = shift @tokens;
$t->redis_server->pause;
$socket = $t->connect;
$t->send($socket, 'PUT ' . path_of($writer) . " HTTP/1.1\r\nHost: localhost\r\n"
	. "Content-Length: 1000000\r\n\r\n" . 'x' x 100_000);
sleep 0.2;
close_hard($socket);
logged(499, 1, 'a client goes in the middle of its body');
$t->redis_server->resume;

# ---- HTTP/2 ----

my $streams = shift @tokens;
$t->redis_server->pause;
my $h2 = PSM::Http2->connect($t->port(2));
my @ids = map {
	$h2->get($_ % 2 ? path_of($streams) : "/stream-$_/noarch/f")
} 1 .. 100;
sleep 0.3;
$h2->reset($_) for @ids[grep { $_ % 4 < 2 } 0 .. 99];
logged(499, 50, 'half of 100 streams are reset');
@ids = (@ids[grep { $_ % 4 >= 2 } 0 .. 99],
	map { $h2->get('/reopened/noarch/f') } 1 .. 20);
sleep 0.2;
$t->redis_server->resume;
%seen = ();
$seen{$_}++ for streams_of($h2, @ids);
is_deeply(\%seen, { 200 => 25, 401 => 45 }, 'the others are answered');
is(join(' ', streams_of($h2, $h2->get(path_of($streams)))), '200',
	'and the connection goes on');

$t->redis_server->pause;
my @gone = map { PSM::Http2->connect($t->port(2)) } 1 .. 5;
for my $n (1 .. 20) {
	$_->get("/h2-gone-$n/noarch/f") for @gone;
}
my $last = $h2->get('/h2-last/noarch/f');
sleep 0.3;
close $_->{socket} for @gone;
logged(499, 100, 'five connections go with 20 streams each');
$t->redis_server->resume;
is(join(' ', streams_of($h2, $last)), '401', 'not so the sixth');

# ---- a lost connection, half of the clients gone ----

my $late = shift @tokens;
$t->redis_server->pause;
@sockets = all_at_once($t, (path_of($late)) x 40);
sleep 0.2;
close $_ for splice @sockets, 0, 20;
logged(499, 20, 'half of 40 clients go');
kill 'KILL', $t->redis_server->pid;
is(scalar(grep { $_->{status} == 503 } answers_of($t, @sockets)), 20,
	'Redis dies: the others get a 503');
$t->redis_server->restart;
$t->edit_token($late);
is(until_status(sub { $t->get(path_of($late)) }, 200)->{status}, 200,
	'and Redis is found again');

is_deeply([$t->workers], \@workers, 'no worker was lost');
$t->finish;
