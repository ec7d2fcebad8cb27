#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T10, T11, T12: what nginx settles before the access phase: locations that
# nobody may name, the slash that a location lacks, and limits. The first two
# are the same to everyone; the gate stands before the limits, which may be
# keyed by what it found.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is code_of spoiled_token);
use PSM::Gate;
use PSM::PhaseModes;
use Test::More;

my $t = PSM::Gate->new(name => 'before access');
my $T = $t->add_token(resources => { main => 'read' }, in => \my %records);
my $O = $t->add_token(resources => { main => 'read' }, in => \%records);
my $N = $t->add_token(resources => { other => 'read' }, in => \%records);
my $U = $t->unknown_token;
$t->fake_redis(records => \%records);
$t->file("$_/noarch/x", "$_\n") for qw(main main/slash main/address main/token
	main/failures main/down inside inside_gated main/dir);
$t->file('main/noarch/big', 'x' x 2_000_000);

my @zones = qw(address failures token);
my $http = join "\n", (map { <<"EOC" } 1 .. 5),
	limit_req_zone \$server_port\$binary_remote_addr zone=address$_:64k rate=1r/m;
EOC
	<<'EOC';
	# Only what was refused for its token counts.
	map $psm_token_status $failed {
		volatile;
		~^token_ $server_port$binary_remote_addr;
		default "";
	}
	limit_req_zone $failed zone=failures:64k rate=1r/m;
	limit_req_zone $server_port$psm_token_id zone=token:64k rate=1r/m;
	limit_conn_zone $psm_token_id zone=connections:64k;
	limit_req_status 429;
	psm_token_cache valid=1m negative=1m;
	limit_conn_status 429;
EOC
my $m = PSM::PhaseModes->new($t, http => $http, server => <<'EOC'
	psm_token on;
	add_header X-Status $psm_token_status always;
	location /inside/ { internal; psm_token off; %%CONTENT%% }
	location /inside_gated/ { internal; %%CONTENT%% }
	location @on { %%CONTENT%% }
	location /main/slash/ { proxy_pass http://%%UPSTREAM1%%; }
	location = /main/exact { %%CONTENT%% }
	location /main/failures/ { limit_req zone=failures burst=2 nodelay; %%CONTENT%% }
	location /main/token/ { limit_req zone=token burst=1 nodelay; %%CONTENT%% }
	location /main/held/ {
		limit_conn connections 1;
		limit_rate 10k;
		alias %%ROOT%%/main/;
	}
EOC
	. join '', map { <<"EOC" } 1 .. 5);
	location /main/address$_/ {
		limit_req zone=address$_ burst=2 nodelay;
		%%CONTENT%%
	}
EOC
$t->file("main/address$_/noarch/x", "main/address\n") for 1 .. 5;

# How many tokens Redis was asked for since the last call.
sub asked { return scalar grep { /:t:/ } $m->asked }

# The whole of an answer but for what tells the time and the token.
sub bytes {
	my ($r) = @_;
	return join "\n", $r->{status}, $r->{body}, map {
		lc $_->[0] eq 'date' ? () : "$_->[0]: $_->[1]"
	} @{ $r->{headers} };
}

# --------------------------------------- T10: what only nginx itself may enter

for my $mode ($m->names) {
	my %answers;
	for my $path ('/inside/noarch/x', '/inside_gated/noarch/x',
		'/inside/noarch/absent', '/inside/') {
		for my $before ('', "/t/$T", "/t/$U", '/t/word', '/t/<TOKEN>',
			"/t/$T/t/$O") {
			$answers{ bytes($m->ask($mode, GET => "$before$path")) } = 1;
		}
		$answers{ bytes($m->ask($mode, GET => $path,
			headers => ['X-Auth' => $_])) } = 1 for $T, $U;
	}
	is(keys %answers, 1, "T10 $mode: internal, the same bytes to everyone");
	like((keys %answers)[0], qr/\A404\n(?!.*"code")/s, '  and none of ours');
	# A name is no path: what looks like one is gated like any other.
	for ('/@on', '/@on/noarch/x', '/main/@on', '/%40on') {
		answer_is($m->ask($mode, GET => $_), 401, 'token_missing',
			"T10 $mode: $_ is a path");
		is(code_of($m->ask($mode, GET => "/t/$T$_")),
			$_ eq '/main/@on' ? '' : 'action_unknown',
			'  and judged as a path');
	}
}
is(asked(), 1, 'T10 one token was looked up: that for the paths');

# ------------------------------------------------- T11: the slash that is not

asked();
for my $mode ($m->names) {
	for my $who ('', "/t/$T", "/t/$U", "/t/$N") {
		my $r = $mode eq 'h2' ? $t->h2("$who/main/slash?a=b", [],
			port => $m->port('h2')) : $m->ask($mode, GET => "$who/main/slash?a=b");
		my $name = !$who ? 'nobody' : $who =~ /$T/ ? 'a good token'
			: $who =~ /$U/ ? 'an unknown one' : 'one without the right';
		answer_is($r, 301, undef, "T11 $mode: redirected, $name");
		is(($t->header($r, 'Location') // '') =~ s{^http://[^/]+}{}r,
			"$who/main/slash/?a=b", '  to where the token is again');
	}
	answer_is($m->ask($mode, GET => '/main/exact/'), 401, 'token_missing',
		"T11 $mode: a slash too many is no redirect");
}
is(asked(), 0, 'T11 Redis was asked nothing');
for my $mode ($m->names) {
	answer_is($m->ask($mode, GET => '/main/slash/noarch/x'), 401,
		'token_missing', "T11 $mode: nobody gets no further");
	is($m->ask($mode, GET => "/t/$T/main/slash/noarch/x")->{body},
		"main/slash\n", '  a good token does');
	next if $mode eq 'proxied';

	# The redirect of a folder is content: it comes after the gate.
	my %closed = map { my $r = $m->ask($mode, GET => $_);
		bytes($r) =~ s/\b[0-9a-f]{32}\b//gr => 1 } '/main/dir', '/main/nodir',
		'/nochannel';
	is(keys %closed, 1, "T11 $mode: a folder is like no folder, for nobody");
	like((keys %closed)[0], qr/\A401\n/, '  refused');
	answer_is($m->ask($mode, GET => "/t/$N/main/dir"), 403,
		'channel_not_granted', '  and without the right');
	my $r = $mode eq 'h2' ? $t->h2("/t/$T/main/dir", [], port => $m->port('h2'))
		: $m->ask($mode, GET => "/t/$T/main/dir");
	answer_is($r, 301, undef, '  redirected, with it');
	is(($t->header($r, 'Location') // '') =~ s{^http://[^/]+}{}r,
		"/t/$T/main/dir/", '  to where the token is again');
}

# ------------------------------------------------------------- T12: the limits

# So many requests; the statuses, and how many look-ups they cost.
sub burst {
	my ($mode, @paths) = @_;

	asked();
	my @status = map {
		my $r = $m->ask($mode, GET => $_);
		code_of($r) && $r->{status} == 429 ? 'worded' : $r->{status};
	} @paths;
	return ("@status", asked());
}
sub limited { return join ' ', ($_[0]) x $_[1], (429) x $_[2] }

# name, the number of its location, what is asked, the answer below the limit
my $spoiled = spoiled_token($t);
my @bursts = (
	['malformed', 1, sub { ($spoiled) x 8 }, 401, 0],
	['a placeholder', 2, sub { ('%3CTOKEN%3E') x 8 }, 401, 0],
	['one unknown token: once, then the negative cache', 3,
		sub { ($t->unknown_token) x 8 }, 401, 1],
	# the gate is first, so that limits can be keyed by what it finds
	['eight unknown tokens', 4, sub { map { $t->unknown_token } 1 .. 8 }, 401,
		8],
	['two tokens at once', 5, sub { ("$T/t/$U") x 8 }, 401, 0],
);
for my $mode ($m->names) {
	for (@bursts) {
		my ($name, $n, $tokens, $status, $lookups) = @$_;
		my ($got, $asked) = burst($mode,
			map { "/t/$_/main/address$n/noarch/x" } $tokens->());
		is($got, limited($status, 3, 5), "T12 $mode: by address, $name");
		is($asked, $lookups, '  look-ups');
	}
	my ($got) = burst($mode,
		map { "/t/$_/main/failures/noarch/x" } ($T) x 6, ($U) x 6, ($T) x 4);
	is($got, join(' ', (200) x 6, limited(401, 3, 3), (200) x 4),
		"T12 $mode: only failures count");
	($got) = burst($mode, map { "/t/$_/main/token/noarch/x" } ($T) x 4, ($O) x 3);
	is($got, limited(200, 2, 2) . ' ' . limited(200, 2, 1),
		"T12 $mode: by the token's id");
	($got) = burst($mode, map { "/t/$_/main/token/noarch/x" } ($U) x 4);
	is($got, limited(401, 2, 2), "T12 $mode: the id is empty for all unknown");
}
my $held = $t->connect;
my $path = '/main/held/noarch/big';
$t->send($held, PSM::Http::format_request('GET', "/t/$T$path", []));
sysread $held, my $start, 12;
is($start, 'HTTP/1.1 200', 'T12 a download goes on');
answer_is($t->get("/t/$T$path"), 429, undef, '  no other for this token');
answer_is($t->http('HEAD', $path, headers => ['X-Auth' => $O]), 200, undef,
	'  but for the next');
answer_is($t->get("/t/$U$path"), 401, 'token_unknown',
	'  an unknown one is refused as such: no id, no key');
close $held;

$t->allow_leak('response header location', $_) for $T, $N, $U;
$t->finish;
