#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Doubled slashes. With merge_slashes on (the default) nginx has merged them
# before the gate looks; with it off an empty segment in front of the end of
# the token is 400, and one behind it names no channel (design.md section 2).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is last_line lookups_are);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'merge_slashes');
$t->start_redis;
$t->start_upstream;
$t->file("$_/noarch/repodata.json", "main\n") for qw(main api/repo/main);
my $server = <<'EOC';
	root %%ROOT%%;
	psm_token on;
	psm_token_base / /api/repo/;
	add_header X-Request $request always;
	add_header X-Request-Uri $request_uri always;
	location /main/up/ { proxy_pass http://%%UPSTREAM%%; }
	location /off/ { psm_token off; return 200 "off $uri"; }
EOC
$t->write_conf(<<"EOC");
server {
	listen %%LISTEN%%;
	merge_slashes on;
$server
}
server {
	listen %%LISTEN2%%;
	merge_slashes off;
$server
}
EOC
$t->start_nginx;

my $T = $t->add_token(resources => { main => 'read' });
my $B = $t->add_token(resources => { main => 'read' });
my $E = join '', map { sprintf '%%%02x', ord } split //, $T;
my $f = 'main/noarch/repodata.json';

# path, what comes with slashes merged, what comes without
my @granted = ([200], [200]);
my @refused = ([200], [400]);
my @no_channel = ([200], [403, 'action_unknown']);
my @two = ([401, 'token_ambiguous'], [400]);
my @rows = (
	["/t/$T/$f", @granted],
	["/t/$E/$f", @granted],
	["/%74%2f$T%2F$f", @granted],
	["/t/$T/t/$T/$f", @granted],
	["/api/repo/t/$T/$f", @granted],
	["/t/$T/api/repo/$f", @granted],
	["/x/../t/$T/./$f", @granted],
	["//t/$T/$f", @refused],
	["/t//$T/$f", @refused],
	["///t///$T/$f", @refused],
	["/%2ft/$T/$f", @refused],
	["/t%2F%2F$T/$f", @refused],
	["//%74//$E/$f", @refused],
	["/./t/.//$T/$f", @refused],
	["/t/$T//t/$T/$f", @refused],
	["/t/$T/t//$T/$f", @refused],
	["/t/$T//api/repo/t/$T/$f", @refused],
	["/x/..//t/$T/$f", @refused],
	["//api/repo/t/$T/$f", @refused],
	["/api//repo/t/$T/$f", @refused],
	["/api/repo//t/$T/$f", @refused],
	["/api/repo/t//$T/$f", @refused],
	["/t//$T/api/repo/$f", @refused],
	["//t/$T/t/$B/$f", @two],
	["/t/$T//t/$B/$f", @two],
	["/t/$T//$f", @no_channel],
	["/t/$T/main//noarch/repodata.json", @no_channel],
	["/t/$T/main/noarch//repodata.json", @no_channel],
	["/t/$T/main/noarch%2f%2Frepodata.json", @no_channel],
	["//$f", [401, 'token_missing'], [401, 'token_missing']],
	["//t//word/$f", [401, 'token_malformed'], [400]],
	["//t//*****/$f", [401, 'token_masked'], [400]],
	['/t//', [401, 'token_malformed'], [401, 'token_malformed']],
	["/t/$T//", [403, 'action_unknown'], [403, 'action_unknown']],
	["//t/$T", [404], [400]],
	["/x//t/$T/$f", [401, 'token_missing'], [401, 'token_missing']],
);
for my $mode (1, 2) {
	for (@rows) {
		my ($path, @wanted) = @$_;
		my ($status, $code) = @{ $wanted[$mode - 1] };
		my $name = $path =~ s/\Q$T\E/T/gr =~ s/\Q$E\E/%T/gr =~ s/\Q$B\E/B/gr;
		my $r = $t->http('GET', $path, port => $t->port($mode));
		answer_is($r, $status, $code,
			"merge_slashes " . ($mode == 1 ? 'on' : 'off') . ": $name");
		unlike($t->header($r, 'X-Request') . $t->header($r, 'X-Request-Uri'),
			qr/psm|%70/, '  nothing to see');
	}
}

# The same with the token in a header: the path has none to lose.
for ([1, 200], [2, 403, 'action_unknown']) {
	my ($mode, @wanted) = @$_;
	answer_is($t->http('GET', "//$f", port => $t->port($mode),
		headers => ['X-Auth' => $T]), @wanted[0, 1], 'a token in a header');
}

lookups_are($t, 0, sub {
	my $U = $t->unknown_token;
	for my $path ("//t/$U/$f", "/t//$U/$f", "/api//repo/t/$U/$f") {
		$t->http('GET', $path, port => $t->port(2));
	}
}, 'no look-up for a refused one');

# What lies behind the gate, with slashes as they came.
my $r = $t->http('GET', "/t/$T/main/up//noarch/x", port => $t->port(2));
answer_is($r, 403, 'action_unknown', 'an upstream is not asked, either');
is(() = $t->{upstreams}[0]->requests, 0, '  indeed');
$r = $t->http('GET', "/t/$T/off//x//y", port => $t->port(2));
is($r->{body}, 'off /off//x//y', 'a location with the gate off: as they came');
$r = $t->http('GET', "//t/$T/off/x", port => $t->port(2));
is($r->{status}, 400, '  but in front of the token');
like(last_line($t, 'off/x HTTP'), qr{"GET //t/\*{4,}/off/x HTTP/1\.1" 400},
	'  and masked in its place');

$t->finish;
