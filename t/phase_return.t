#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T01: what answers before the access phase. `return` and `rewrite` with a
# redirect come before every access module, the gate among them: nginx -t is
# silent, README says so. What the gate promises all the same is that the
# token is taken out, that nothing is looked up, and that an answer which the
# operator wrote is not dressed up as a denial.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is code_of spoiled_token);
use PSM::Gate;
use PSM::PhaseModes;
use PSM::Process qw(slurp);
use Test::More;

my $t = PSM::Gate->new(name => 'return');
my %token = (
	'a good token' => $t->add_token(resources => { main => 'read' },
		in => \my %records),
	'an unknown one' => $t->unknown_token,
	'a malformed one' => spoiled_token($t),
	'a placeholder' => '<TOKEN>',
	none => undef,
);
my $fake = $t->fake_redis(records => \%records);
$t->file($_, "$_\n") for qw(main/noarch/x main/folder/noarch/x
	main/break/noarch/x main/if/noarch/x);
my $LOCATIONS = <<'EOC';
	psm_token on;
	add_header X-Status "<$psm_token_status>" always;
	set $at_server "$uri";
	if ($arg_server = 418) { return 418 "server $uri"; }
	if ($arg_server = 302) { return 302 $request_uri; }

	location /main/text/ { return 200 "$uri|$request_uri|$request|$args|$psm_token_status|$psm_token_id|$http_x_auth|$http_authorization|$http_referer|$at_server"; }
	location /main/if/ {
		if ($arg_return) { return 200 "if $uri"; }
		%%CONTENT%%
	}
	location /main/301/ { return 301 /main/noarch/x; }
	location /main/302/ { return 302 $request_uri-; }
	location /main/rewrite/ { rewrite ^/main/rewrite/(.*)$ /main/noarch/$1 redirect; }
	location /main/permanent/ { rewrite ^/main/permanent/(.*)$ /main/noarch/$1 permanent; }
	location /main/last/ { rewrite ^/main/last/(.*)$ /main/text/$1 last; }
	location /main/break/ { rewrite ^ /main/noarch/x break; return 200 "never"; %%CONTENT%% }
	location /main/401/ { return 401; }
	location /main/403/ { return 403 "theirs"; }
	location /main/503/ { return 503; }
	location /main/204/ { return 204; }
	location /main/444/ { return 444; }
	location /main/page/ { return 403; error_page 403 /main/noarch/x; }
	location /main/named/ { return 404; error_page 404 = @named; }
	location @named { return 200 "named $uri"; }
EOC
my $m = PSM::PhaseModes->new($t, server => $LOCATIONS,
	http => 'psm_token_cache off;');

# ------------------------------------- T01: the same for everyone, unasked

# path, status, body, Location (TOKEN: with the prefix of the request)
my @early = (
	['/main/if/noarch/x?return=1', 200, 'if /main/if/noarch/x'],
	['/main/last/y', 200, undef],
	['/main/301/', 301, undef, 'TOKEN/main/noarch/x'],
	['/main/302/a%20b?c=d', 302, undef, 'TOKEN/main/302/a%20b?c=d-'],
	['/main/rewrite/x?y', 302, undef, 'TOKEN/main/noarch/x?y'],
	['/main/permanent/x', 301, undef, 'TOKEN/main/noarch/x'],
	['/main/401/', 401], ['/main/403/', 403, 'theirs'], ['/main/503/', 503],
	['/main/204/', 204, ''], ['/main/named/x', 200, 'named /main/named/x'],
	['/main/x?server=418', 418, 'server /main/x'],
	['/main/x?server=302', 302, undef, 'TOKEN/main/x?server=302'],
);
for my $mode ($m->names) {
	for (@early) {
		my ($path, $status, $body, $location) = @$_;
		my @wrong;
		for my $who (sort keys %token) {
			my $token = $token{$who};
			my $before = defined $token ? "/t/$token" : '';
			my $r = $m->ask($mode, GET => "$before$path");
			my $got = join '|', $r->{status}, $body // '';
			push @wrong, "$who: $r->{status}" if $r->{status} != $status;
			push @wrong, "$who: $r->{body}"
				if defined $body && $r->{body} ne $body;
			push @wrong, "$who: worded as a denial" if code_of($r);
			next if $mode eq 'h2';
			my $h = sub { $t->header($r, $_[0]) };
			push @wrong, "$who: a header of ours" if $h->('WWW-Authenticate')
				|| $h->('Retry-After') || ($h->('Vary') // '') =~ /X-Auth/
				|| ($h->('Cache-Control') // '') =~ /no-store|private/;
			push @wrong, "$who: status " . $h->('X-Status')
				if ($h->('X-Status') // '<>') ne '<>';
			next if !$location;
			# What has the form of a token comes back where it stood.
			my $prefix = $token && $token =~ /^psm-/ && $who ne
				'a malformed one' ? "/t/$token" : '';
			my $at = ($h->('Location') // '') =~ s{^http://[^/]+}{}r;
			push @wrong, "$who: to $at"
				if $at ne ($location =~ s/TOKEN/$prefix/r);
		}
		ok(!@wrong, "T01 $mode: $path is $status to everyone")
			or diag(map { "  $_\n" } @wrong);
	}
}
is(scalar($fake->commands('GET')), 0, 'T01 Redis was asked nothing');

# ------------------------------------------------- T01: what `return` can see

my $T = $token{'a good token'};
for my $mode ($m->names) {
	my $r = $m->ask($mode, GET => "/t/$T/main/text/y?q=$T", headers => [
		'X-Auth' => $T, Authorization => "Bearer $T",
		Referer => "http://localhost/t/$T/z"]);
	my $version = $mode eq 'h2' ? 'HTTP/2.0' : 'HTTP/1.1';
	my $stars = '*' x 46;
	is($r->{body}, "/main/text/y|/main/text/y?q=$stars|"
		. "GET /t/****/main/text/y?q=$stars $version|q=$stars|||****|"
		. "Bearer ****|http://localhost/t/$stars/z|/main/text/y",
		"T01 $mode: a text with variables shows no token")
		or diag($r->{body} =~ s/psm-\w+/TOKEN/gr);
	for my $method (qw(HEAD POST DELETE OPTIONS)) {
		$r = $m->ask($mode, $method => "/t/$T/main/text/y",
			$method eq 'POST' ? (body => 'x') : ());
		is($r->{status}, 200, "T01 $mode: $method as GET");
	}
	is($m->ask($mode, GET => "/t/$T/main/444/")->{status}, 0,
		"T01 $mode: 444 closes");
}
is(scalar($fake->commands('GET')), 0, 'T01 still nothing asked');

# ----------------------------------- T01: what comes after it, and is gated

my @late = (
	['no return taken', '/main/if/noarch/x'],
	['rewrite break', '/main/break/noarch/x'],
	['a gated page', '/main/page/x', 403],
);
for my $mode ($m->names) {
	for (@late) {
		my ($name, $path, $status) = @$_;
		answer_is($m->ask($mode, GET => $path), 401, 'token_missing',
			"T01 $mode: $name, nobody");
		answer_is($m->ask($mode, GET => "/t/$T$path"), $status // 200, undef,
			"T01 $mode: $name, a good token");
		answer_is($m->ask($mode, GET => "/t/$token{'an unknown one'}$path"),
			401, 'token_unknown', "T01 $mode: $name, an unknown one");
	}
}

# ------------------------------------------------ T01: nginx -t, and README

my ($exit, $said) = $t->nginx_t('server { listen %%LISTEN%%; psm_token on; '
	. 'location / { return 200 "content"; } }');
is($exit, 0, 'T01 nginx -t takes return beside the gate');
unlike($said, qr/\[(?:warn|emerg)\]/, '  and does not speak of it');
my ($notes) = slurp("$PSM::Gate::REPO/README.md")
	=~ /^## Security notes\n(.*?)^## /ms;
like($notes // '', qr/`return` and `rewrite \.\.\. redirect`.*?before every\s+access\s+module/s,
	'T01 README does');

# A Location within the site gets a token back that was one.
$t->allow_leak('response header location', $token{$_})
	for 'a good token', 'an unknown one';
$t->finish;
