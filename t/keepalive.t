#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# One connection, many requests: each is decided by itself, a denied one with
# a body does not turn into the next, and nobody is told to go on with an
# upload that is refused.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'keepalive');
$t->start_redis;
$t->file("$_/noarch/repodata.json", "index of $_") for qw(a b);
$t->write_conf(<<'EOC');
server { listen %%LISTEN%%; root %%ROOT%%; psm_token on; }
EOC
$t->start_nginx;

my $a = $t->add_token(resources => { a => 'read' });
my $b = $t->add_token(resources => { b => 'read' });

# ---- one socket, three people ----

for my $form ('path', 'header') {
	my $sock = $t->connect;
	my $ask = sub {
		my ($channel, $token) = @_;
		my $path = "/$channel/noarch/repodata.json";
		my @how = (sock => $sock);
		if (defined $token && $form eq 'path') {
			$path = "/t/$token$path";
		}
		elsif (defined $token) {
			push @how, headers => ['X-Auth', $token];
		}
		return $t->http('GET', $path, @how)->{status};
	};
	is($ask->('a', $a), 200, "$form: A on its channel");
	is($ask->('a', $b), 403, "$form: B, next on the same socket");
	is($ask->('a'), 401, "$form: nobody");
	is($ask->('b', $b), 200, "$form: B on its channel");
	is($ask->('b'), 401, "$form: nobody again");
	is($ask->('a', $a), 200, "$form: A again");
}

# ---- pipelined ----

my @piped = map { "GET $_ HTTP/1.1\r\nHost: localhost\r\n" }
	"/t/$a/a/noarch/repodata.json", '/a/noarch/repodata.json',
	"/t/$b/a/noarch/repodata.json", "/t/$b/b/noarch/repodata.json";
my $sock = $t->connect;
$t->send($sock, join("\r\n", @piped) . "Connection: close\r\n\r\n");
my $all = do { local $/; <$sock> };
is_deeply([$all =~ m{HTTP/1\.1 (\d+)}g], [200, 401, 403, 200], 'pipelined');
is_deeply([$all =~ /(index of \w)/g], ['index of a', 'index of b'],
	'each with its own content');

# ---- a body nobody reads ----

my $smuggled = "GET /t/$a/a/noarch/repodata.json HTTP/1.1\r\n"
	. "Host: localhost\r\n\r\n";
my %body = (
	'of a known length' => "Content-Length: " . length($smuggled)
		. "\r\n\r\n$smuggled",
	chunked => sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
		length $smuggled, $smuggled),
);
for my $kind (sort keys %body) {
	for my $method (qw(POST PUT OPTIONS)) {
		my $s = $t->connect;
		$t->send($s, "$method /a/noarch/x HTTP/1.1\r\nHost: localhost\r\n"
			. $body{$kind});
		is($t->receive($s, $method)->{status}, 401,
			"$method with a body $kind is denied");
		# Either the connection is over, or the next request is the next.
		my $next = eval { $t->http('GET', '/b/noarch/repodata.json',
			sock => $s, limit => 3) };
		my $status = $next ? $next->{status} : 0;
		ok($status == 401 || $status == 0,
			"and the body is no request ($status)");
	}
}

# A body that comes late.
my $s = $t->connect;
$t->send($s, "POST /a/noarch/x HTTP/1.1\r\nHost: localhost\r\n"
	. "Content-Length: " . length($smuggled) . "\r\n\r\n");
is($t->receive($s, 'POST')->{status}, 401, 'denied before its body has come');
$t->send($s, $smuggled);
my $late = $t->http('GET', '/b/noarch/repodata.json', sock => $s, limit => 3);
ok($late->{status} == 401 || $late->{status} == 0, 'the late body is dropped');

# ---- Expect: 100-continue ----

my $r = $t->http('PUT', '/a/noarch/x', headers =>
	['X-Auth' => $a, Expect => '100-continue', 'Content-Length' => 1000]);
is($r->{status}, 403, 'an upload by a read token');
is_deeply($r->{interim}, [], 'is not told to continue');
$r = $t->http('PUT', '/a/noarch/x', headers =>
	[Expect => '100-continue', 'Content-Length' => 1000]);
is($r->{status}, 401, 'an upload by nobody');
is_deeply($r->{interim}, [], 'is not told to continue');

# ---- HEAD and a body ----

$sock = $t->connect;
is($t->http('HEAD', '/a/noarch/repodata.json', sock => $sock)->{status}, 401,
	'HEAD is denied');
is($t->http('GET', '/b/noarch/repodata.json', sock => $sock,
	headers => ['X-Auth' => $b])->{body}, 'index of b',
	'and the next answer on the socket is the next answer');

$t->finish;
