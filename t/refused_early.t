#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What nginx refuses before the gate has read the headers, or answers in two
# goes: no token goes upstream with the page for it, and none is forgotten
# between the two.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'refused early');
$t->start_redis;
$t->start_upstream;
$t->start_upstream(handler => sub {
	[200, ['Location', '/main/noarch/y', 'Accept-Ranges', 'bytes'], 'moved']
});
$t->file('main/noarch/x', "main\n");
$t->file('pub/x', "pub\n");
$t->write_conf(<<'EOC');
root %%ROOT%%;
server {
	listen %%LISTEN1%%;
	psm_token on;
	psm_token_privacy public;
	error_page 400 405 501 /main/noarch/err;
	location / { proxy_pass http://%%UPSTREAM1%%; }
}
server {
	listen %%LISTEN2%%;
	psm_token on;
	psm_token_dry_run on;
	location / { proxy_pass http://%%UPSTREAM1%%; }
}
server {
	listen %%LISTEN3%%;
	psm_token on;
	location /pub/ { psm_token off; error_page 416 /main/noarch/x; }
	location /main/noarch/moved {
		proxy_pass http://%%UPSTREAM2%%;
		proxy_force_ranges on;
	}
}
EOC
$t->start_nginx;
my $main = $t->add_token(resources => { main => 'read' });
my $other = $t->add_token(resources => { other => 'read' });

my @headers = map { "$_: $main\r\n" } 'X-Auth', 'X-API-Key',
	'Authorization: Bearer';
s/Bearer: /Bearer / for @headers;
my $end = "Connection: close\r\n\r\n";

# ---- T62: refused while the headers were read, the page comes from upstream

my @early = (
	['no Host', 'GET', ''],
	['a bad Host', 'GET', "Host: a/b\r\n"],
	['a bad length', 'POST', "Host: a\r\nContent-Length: x\r\n"],
	['TRACE', 'TRACE', "Host: a\r\n"],
	['an unknown coding', 'GET', "Host: a\r\nTransfer-Encoding: foo\r\n"],
);
for my $case (@early) {
	my ($name, $method, $more) = @$case;
	my $seen = () = $t->{upstreams}[0]->requests;
	my $r = $t->request("$method /main/noarch/x HTTP/1.1\r\n"
		. join('', @headers) . "$more$end");
	my @all = $t->{upstreams}[0]->requests;
	is(scalar @all, $seen + 1, "T62 $name ($r->{status}): the page is asked for");
	unlike($all[-1], qr/psm-|^(?:X-Auth|X-API-Key|Authorization):/mi,
		'  without a token');
}

# ---- T44: two lines of a carrier hide no token behind them

for my $lines (
	['X-Auth', 'junk', 'X-Auth', 'junk2', 'Authorization', "Bearer $main"],
	['X-Auth', 'junk', 'X-Auth', $main],
	['X-API-Key', $main, 'X-API-Key', 'junk', 'X-Auth', $main],
) {
	my $r = $t->http('GET', '/main/noarch/x', port => $t->port(2),
		headers => $lines);
	is($r->{status}, 200, 'T44 two lines, dry run');
	unlike($t->{upstreams}[0]->last_request, qr/psm-/, '  no token goes on');
}

# ---- T50: an answer in two goes (416) remembers the token

my @range = ('Range', 'bytes=100-200');
my $port = $t->port(3);
sub ask { return $t->http('GET', shift, port => $port, headers => [@_]) }
answer_is(ask("/t/$other/pub/x", 'X-Auth', $main, @range), 401,
	'token_ambiguous', 'T42 the page of a 416: two tokens are two');
is(ask("/t/$main/pub/x", @range)->{body}, "main\n",
	'T50 the page of a 416: the path token counts');
my $r = ask("/t/$main/main/noarch/moved", @range);
is($r->{status}, 416, 'T50 a range that is not there');
is($t->header($r, 'Location'), "/t/$main/main/noarch/y",
	'  a Location is given its token back');
$t->allow_leak('response header location', $main);

# ---- T33: a token for a host, and no path behind it

for my $host ($main, "$main:80") {
	$r = $t->request("GET http://$host HTTP/1.1\r\nHost: a\r\n$end",
		port => $port);
	is($r->{status}, 401, 'T33 a token for a host');
}

$t->finish;
