#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# merge_slashes off: an empty segment before the end of a token is 400, one
# behind it is no channel; and no token shows.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is last_line);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'merge slashes');
$t->start_redis;
$t->file('main/noarch/repodata.json', '{}');
$t->file('api/repo/main/noarch/repodata.json', '{}');
$t->write_conf(<<'EOC');
psm_token_base / /api/repo/;
psm_token on;
root %%ROOT%%;
log_format all '"$request" $status "$uri" "$request_uri" $psm_token_status';
access_log logs/all.log all;
server { listen %%LISTEN1%%; merge_slashes off; }
server { listen %%LISTEN2%%; }
EOC
$t->start_nginx;

my $token = $t->add_token(resources => { main => 'read' });
my $file = 'main/noarch/repodata.json';

# path => with merge_slashes off, with on
my @cases = (
	["/t/$token/$file", [200], [200]],
	["/t/$token/api/repo/$file", [200], [200]],
	["/api/repo/t/$token/$file", [200], [200]],
	["//t/$token/$file", [400], [200]],
	["/t//$token/$file", [400], [200]],
	["///t/$token/$file", [400], [200]],
	["/t/$token//t/$token/$file", [400], [200]],
	["//api/repo/t/$token/$file", [400], [200]],
	["/api//repo/t/$token/$file", [400], [200]],
	["/api/repo//t/$token/$file", [400], [200]],
	["/api/repo/t//$token/$file", [400], [200]],
	["/t/$token//api/repo/t/$token/$file", [400], [200]],
	["/%2Ft/$token/$file", [400], [200]],
	["/t/%2F$token/$file", [400], [200]],
	["/./t/$token/$file", [200], [200]],
	["/x/..//t/$token/$file", [400], [200]],
	["/t/$token//$file", [403, 'action_unknown'], [200]],
	["/t/$token/main//noarch/repodata.json", [403, 'action_unknown'], [200]],
	["/t/$token/main/noarch//repodata.json", [403, 'action_unknown'], [200]],
	["//$file", [401, 'token_missing'], [401, 'token_missing']],
	['/t/', [401, 'token_malformed'], [401, 'token_malformed']],
);
for my $case (@cases) {
	my ($path, $off, $on) = @$case;
	my $name = $path =~ s/\Q$token\E/T/gr;
	for my $server ([1, 'off', $off], [2, 'on', $on]) {
		my ($n, $mode, $expected) = @$server;
		my $r = $t->http('GET', $path, port => $t->port($n));
		answer_is($r, @$expected[0, 1], "$mode: $name");
	}
}

# The same with the token in a header: the path has none to lose.
answer_is($t->get("//$file", 'X-Auth' => $token), 403, 'action_unknown',
	'off: an empty segment is no channel');
is($t->http('GET', "//$file", port => $t->port(2),
	headers => ['X-Auth' => $token])->{status}, 200, 'on: it is merged');

unlike(last_line($t, '" 400 ', 'all.log'), qr/\Q$token\E/,
	'a refused line shows no token');

$t->finish;
