#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T04, T18, T19: subrequests, and what they are told. nginx skips the access
# phase in them, so they are never gated: that is documented, and shown here
# as it is. They ask Redis nothing, do not read a token out of a URI, and see
# the variables of the main request. Whatever they send elsewhere holds no
# token.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Check qw(answer_is code_of);
use PSM::Gate;
use PSM::PhaseModes;
use PSM::Process qw(slurp wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'subrequests');
my %records = map { $_ => '{"v":1,"privacy":"public"}' } qw(psm:c:pub);
my $M = $t->add_token(resources => { main => 'write', told => 'read' },
	in => \%records);
my $N = $t->add_token(resources => { third => 'read' }, in => \%records);
my $U = $t->unknown_token;
$t->fake_redis(records => \%records);

sub page { return join '', map { qq{[<!--# include virtual="$_" -->]} } @_ }
my $status = '<!--# echo var="psm_token_status" default="-" -->';
$t->file('other/noarch/x', "other\n");
$t->file('main/noarch/x', "main\n");
$t->file("$_/noarch/page", page('/other/noarch/x') . $status)
	for qw(main pub open);
$t->file('main/noarch/nested', page('/pub/noarch/page', '/main/noarch/x'));
$t->file('main/noarch/word', page('/t/word/main/noarch/x'));
$t->file('t/word/main/noarch/x', "under t\n");
$t->file('main/noarch/told', page('/told/x') . $status);
$t->file('told/x', "told $status <!--# echo var='uri' --> "
	. '<!--# echo var="request_uri" --> <!--# echo var="psm_token_id" -->');
$t->file('main/noarch/gone', page('/inside/x', '/main/noarch/absent') . 'end');
my $big = join '', map { chr(97 + $_ % 26) } 0 .. 4999;

# Whatever is asked under /told/ is only recorded; the query of the request
# says what an auth server answers.
sub answer {
	my ($request) = @_;

	my ($uri, $headers) = @{$request}{qw(uri headers)};
	if ($uri =~ m{^/told/auth} ) {
		my ($code) = ($headers->{'x-original-uri'} // '') =~ /say=(\d+)/;
		return [$code // 204, ['X-User' => 'me'], ''];
	}
	return [200, [], "told\n"] if $uri =~ m{^/told/\w+/};
	if ($uri =~ /big/ && ($headers->{range} // '') =~ /bytes=(\d+)-(\d+)/) {
		my ($from, $to) = ($1, $2 > 4999 ? 4999 : $2);
		return [206, ['Content-Range' => "bytes $from-$to/5000",
			ETag => '"big"'], substr $big, $from, $to - $from + 1];
	}
	return [200, ['Cache-Control' => 'max-age=1, stale-while-revalidate=600'],
		"stale\n"] if $uri =~ /stale/;
	return;
}
my $TELL = <<'EOC';
	proxy_set_header X-Original-URI $request_uri;
	proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
	proxy_set_header X-Forwarded-Uri $uri?$args;
	proxy_set_header X-Request "$request";
	proxy_set_header X-Auth-Copy "$http_authorization $http_x_auth $http_x_api_key $remote_user";
	proxy_set_header X-From $http_referer;
	proxy_set_header X-Status "$psm_token_status $psm_token_id";
EOC
my $m = PSM::PhaseModes->new($t, handler => \&answer, http => <<'EOC',
	psm_token_cache off;
	proxy_cache_path %%DIR%%/cache keys_zone=c:1m;
EOC
	server => <<"EOC");
	psm_token on;
	add_header X-Status \$psm_token_status always;
	ssi_types *;
	addition_types *;
	ssi on;
	location /inside/ { internal; psm_token off; }
	location /open/ { psm_token off; %%CONTENT%% }
	location /main/before/ {
		add_before_body /other/noarch/x;
		add_after_body /other/noarch/x;
		alias %%ROOT%%/main/;
	}
	location /main/slice/ {
		slice 1000;
		ssi off;
		proxy_cache c;
		proxy_cache_valid any 1h;
		proxy_cache_key %%MODE%%\$uri\$slice_range;
		proxy_set_header Range \$slice_range;
		proxy_pass http://%%UPSTREAM1%%/sliced/;
	}
	location /main/stale/ {
		proxy_cache c;
		proxy_cache_key %%MODE%%\$uri;
		proxy_cache_background_update on;
		add_header X-Cache \$upstream_cache_status always;
		proxy_pass http://%%UPSTREAM1%%;
	}

	location /main/ask/ { auth_request /told/auth/off; alias %%ROOT%%/main/; }
	location /main/ask_gated/ { auth_request /told/auth/gated; alias %%ROOT%%/main/; }
	location /main/ask_set/ {
		auth_request /told/auth/off;
		auth_request_set \$user \$upstream_http_x_user;
		add_header X-User \$user always;
		alias %%ROOT%%/main/;
	}
	location /main/mirror/ {
		mirror /told/mirror/off;
		mirror /told/mirror/gated;
		proxy_pass http://%%UPSTREAM1%%/told/;
	}
	location /main/after/ { post_action \@after; alias %%ROOT%%/main/; }
	location /main/after_gated/ { post_action /told/after/gated; alias %%ROOT%%/main/; }
	location /open_after/ {
		psm_token off;
		post_action /main/told_after;
		alias %%ROOT%%/main/;
	}
	location /main/told_after { $TELL proxy_pass http://%%UPSTREAM1%%/told/after/x; }
	location \@after { psm_token off; $TELL proxy_pass http://%%UPSTREAM1%%; }
	location /told/auth/off { internal; psm_token off; $TELL
		proxy_pass_request_body off;
		proxy_set_header Content-Length "";
		proxy_pass http://%%UPSTREAM1%%; }
	location /told/auth/gated { internal; $TELL
		proxy_pass_request_body off;
		proxy_set_header Content-Length "";
		proxy_pass http://%%UPSTREAM1%%; }
	location /told/mirror/off { internal; psm_token off; $TELL proxy_pass http://%%UPSTREAM1%%; }
	location /told/mirror/gated { internal; $TELL proxy_pass http://%%UPSTREAM1%%; }
	location /told/after/gated { internal; $TELL proxy_pass http://%%UPSTREAM1%%; }
EOC
my $up = $t->{upstreams}[0];

# -------------------------------------------------------- T04: never gated

my $id = $t->token_record($M)->{id};
my $limit = "[other\n]";
# name, prefix, path, status, body, look-ups of tokens
my @rows = (
	['a gated page', "/t/$M", '/main/noarch/page', 200, "${limit}granted", 1],
	['a public page includes what is not (README warns)', '',
		'/pub/noarch/page', 200, "${limit}public", 0],
	['a page where the gate is off, too', '', '/open/noarch/page', 200,
		"$limit-", 0],
	['a token where the gate is off is not used', "/t/$U", '/open/noarch/page',
		200, "$limit-", 0],
	['a refused page includes nothing', '', '/main/noarch/page', 401, undef, 0],
	['nor for an unknown token', "/t/$U", '/main/noarch/page', 401, undef, 1],
	['nor without the right', "/t/$N", '/main/noarch/page', 403, undef, 1],
	['an included page includes', "/t/$M", '/main/noarch/nested', 200,
		"[${limit}granted][main\n]", 1],
	['no token is read there', "/t/$M", '/main/noarch/word', 200,
		"[under t\n]", 1],
	['the variables are those of the main request', "/t/$M",
		'/main/noarch/told', 200, "[told granted /told/x /main/noarch/told "
		. "$id]granted", 1],
	['addition', "/t/$M", '/main/before/noarch/x', 200,
		"other\nmain\nother\n", 1],
	['addition, nobody', '', '/main/before/noarch/x', 401, undef, 0],
	['slice', "/t/$M", '/main/slice/noarch/big', 200, $big, 1],
	['slice, nobody, with the slices cached', '', '/main/slice/noarch/big',
		401, undef, 0],
	['slice, without the right', "/t/$N", '/main/slice/noarch/big', 403, undef,
		1],
);
for my $mode ($m->names) {
	for (@rows) {
		my ($name, $before, $path, $wanted, $body, $lookups) = @$_;
		$m->asked;
		my $r = $m->ask($mode, GET => "$before$path");
		is($r->{status}, $wanted, "T04 $mode: $name");
		is($r->{body}, $body, '  the page') if defined $body;
		is(code_of($r), '', '  nothing of ours in it') if defined $body;
		is(scalar(grep { /:t:/ } $m->asked), $lookups, '  look-ups of tokens');
	}
}
is(scalar(grep { m{^GET /sliced/noarch/big } } $up->requests), 20,
	'T04 slices were fetched one by one, once a mode');
like($m->ask('plain', GET => "/t/$M/main/noarch/gone")->{body},
	qr/\A\[.*404.*\]\[.*404.*\]end\z/s, 'T04 what is missing is missing');
my ($notes) = slurp("$PSM::Gate::REPO/README.md")
	=~ /^## Security notes\n(.*?)^## /ms;
like($notes // '', qr/Subrequests.*?public page with SSI must not include/s,
	'T04 README warns');

# An update in the background is a subrequest as well.
$t->get("/t/$M/main/stale/noarch/x");
sleep 2;
$m->received;
my $r = $t->get("/t/$M/main/stale/noarch/x");
is($t->header($r, 'X-Cache'), 'STALE', 'T04 an update in the background');
ok(wait_for(sub { $m->received }, 5), '  is made');

# ----------------------------------------- T18: auth_request, T19: mirror etc.

my $E = join '', map { sprintf '%%%02x', ord } split //, $M;
my @ways = (
	['path', "/t/$M", []], ['path, escaped', "/%74/$E", []],
	['path, twice', "/t/$M/t/$M", []],
	['Bearer', '', [Authorization => "Bearer $M"]],
	['token', '', [Authorization => "token $M"]],
	['Basic', '', [Authorization => 'Basic ' . encode_base64("x:$M", '')]],
	['Basic, as the user', '', [Authorization => 'Basic '
		. encode_base64("$M:", '')]],
	['X-Auth', '', ['X-Auth' => $M]], ['X-API-Key', '', ['X-API-Key' => $M]],
	['all at once', "/t/$M", [Authorization => "Bearer $M", 'X-Auth' => $M,
		'X-API-Key' => $M]],
);
# T-number, path, how many requests are told of it
my @told = (
	[T18 => '/main/ask/noarch/x', 1], [T18 => '/main/ask_gated/noarch/x', 1],
	[T18 => '/main/ask_set/noarch/x', 1], [T19 => '/main/mirror/noarch/x', 3],
	[T19 => '/main/after/noarch/x', 1],
	[T19 => '/main/after_gated/noarch/x', 1],
);
my $stars = '*' x 46;
# What is wrong with one request that somebody else was told of.
sub fault {
	my ($raw, $path) = @_;

	return 'not told' if !defined $raw;
	return if $raw !~ /^X-Status/m;    # the one that was mirrored
	my %h = $raw =~ /^([\w-]+): (.*?)\r$/mg;
	# Where the gate is off a request has no status; a subrequest has that of
	# its main request.
	my $status = $path =~ m{/after/} ? ' ' : "granted $id";
	return "status $h{'X-Status'}" if $h{'X-Status'} ne $status;
	return "URI $h{'X-Original-URI'}"
		if $h{'X-Original-URI'} ne "$path?q=$stars";
	return "URL $h{'X-Original-URL'}" if $h{'X-Original-URL'}
		ne "http://localhost$path?q=$stars";
	return "request $h{'X-Request'}" if $h{'X-Request'}
		!~ m{^GET (?:/t/\*{4})?\Q$path\E\?q=\*{46} HTTP/[12]\.[01]$};
	return "Referer $h{'X-From'}"
		if $h{'X-From'} ne "http://localhost/t/$stars/y";
	return 'a carrier' if $raw =~ /^(?:Authorization|X-Auth|X-API-Key):/mi;
	return;
}

# Asks in one way; what is wrong with the answer, or with what was told.
sub ask_told {
	my ($mode, $path, $times, $before, $headers) = @_;

	$m->received;
	my $r = $m->ask($mode, GET => "$before$path?q=$M",
		headers => [@$headers, Referer => "http://localhost/t/$M/y"]);
	return $r->{status} if $r->{status} != 200;
	my @told;
	wait_for(sub { push @told, $m->received; @told >= $times }, 5);
	my ($fault) = map { fault($_, $path) } @told[0 .. $times - 1];
	return $fault;
}

for my $row (@told) {
	my ($T, $path, $times) = @$row;
	for my $mode ($m->names) {
		my ($fault, $way);
		for (@ways) {
			($way, my ($before, $headers)) = @$_;
			$fault = ask_told($mode, $path, $times, $before, $headers);
			last if $fault;
		}
		is($fault, undef, "$T $mode: $path, every way")
			or diag("by $way");
	}
}

# What the auth server says comes first; the gate does not word it.
for my $case ([204, 200, 401], [401, 401, 401], [403, 403, 403],
	[500, 500, 500], [302, 500, 500]) {
	my ($says, $good, $nobody) = @$case;
	for my $mode ($m->names) {
		my $path = "/main/ask/noarch/x?say=$says";
		answer_is($m->ask($mode, GET => "/t/$M$path"), $good, undef,
			"T18 $mode: it says $says");
		answer_is($m->ask($mode, GET => $path), $nobody,
			$says == 204 ? 'token_missing' : undef, '  of nobody');
	}
}
$r = $m->ask('plain', PUT => "/t/$M/main/mirror/noarch/x?say=$M", body => 'b' x 999);
is($r->{body}, "told\n", 'T19 an upload is mirrored');
my $mirrored = 0;
ok(wait_for(sub {
	$mirrored += grep { m{^PUT /told/mirror.*\r\n\r\nb{999}\z}s } $m->received;
	return $mirrored == 2;
}, 5), '  with its body');
answer_is($m->ask('plain', GET => "/t/$U/main/mirror/noarch/x"), 401,
	'token_unknown', 'T19 what is refused is not mirrored');
is(scalar($m->received), 0, '  to nobody');

# post_action comes when all is over: it is judged, for nobody to see. A token
# of the path is forgotten by then, one in a header is not.
my $after = '/open_after/noarch/x';
for my $case (['a good header', '', ['X-Auth' => $M], 1, 1],
	['a header without the right', '', ['X-Auth' => $N], 0, 1],
	['an unknown header', '', ['X-Auth' => $U], 0, 1],
	['nobody', '', [], 0, 0],
	['a wiped token is not looked up', "/t/$M", [], 0, 0]) {
	my ($name, $before, $headers, $told, $lookups) = @$case;
	$m->asked;
	$m->received;
	my $r = $t->http(GET => "$before$after", headers => $headers);
	is($r->{body}, "main\n", "T19 post_action, gate off before: $name");
	my @got;
	wait_for(sub { push @got, $m->received; @got }, 5) if $told;
	is($t->get('/open/noarch/x')->{status}, 404, '  nginx goes on');
	is(@got + $m->received, $told, $told ? '  told' : '  not told');
	my @asked;
	wait_for(sub { push @asked, grep { /:t:/ } $m->asked; @asked }, 5)
		if $lookups;
	push @asked, grep { /:t:/ } $m->asked;
	is(scalar @asked, $lookups, '  look-ups of tokens');
}

$t->finish;
