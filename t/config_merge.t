#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T22: every directive that is inherited, in every combination of set and
# unset at http, server, location and nested location. The rule is nginx's:
# the innermost that says something wins. Each combination is a server of its
# own; what counts is observed by requests.
#
# For psm_token also what follows from it: a server takes and masks path
# tokens iff the gate is on in it or in one of its locations.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Gate;
use PSM::Process qw(wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'merge');
$t->start_redis;
my $up = $t->start_upstream;
my @places = ([server => '/main/noarch/x'], [location => '/main/l/noarch/x'],
	[nested => '/main/l/n/noarch/x']);
for (@places) {
	$t->file($_->[1], "$_->[0]\n");
	$t->file("api$_->[1]", "$_->[0]\n");
	$t->file("t/word$_->[1]", "not taken\n");
}

my $R = $t->add_token(resources => { main => 'read' });
my $S = $t->add_token(scopes => ['artifact:edit']);
my $hex = $t->add_token(token => 'abcdef0123456789' x 3,
	resources => { main => 'read' });
# This one is let through, on purpose.
my $F = $t->add_token(resources => { main => 'read' });
$t->allow_leak($_, $F) for 'upstream 1', 'response body';

# ------------------------------------------------------------ the combinations

sub directive { return defined $_[1] ? "$_[0] $_[1];" : '' }

# The combinations of server, location and nested location, by number: 0 is
# unset. With two levels only the server counts.
sub combinations {
	my ($values, $levels) = @_;

	my @n = 0 .. @$values;
	my @inner = $levels > 2 ? @n : 0;
	return map {
		my $s = $_;
		map { my $l = $_; map { [$s, $l, $_] } @inner } @inner;
	} @n;
}

# A server for each combination of the inner levels; its name says which.
sub server {
	my ($name, $values, $more, @n) = @_;

	my ($server, $location, $nested) =
		map { directive($name, (undef, @$values)[$_]) } @n;
	my $host = join '', 'c', @n;
	my $content = $more->{content} // '';
	return <<"EOC";
server {
	listen %%LISTEN%%;
	server_name $host;
	root %%ROOT%%;
	$server
	location / { $content }
	location /main/l/ {
		$location
		if (\$arg_if) { set \$in_if 1; add_header X-If location always; }
		limit_except GET { allow all; }
		$content
		location /main/l/n/ {
			$nested
			if (\$arg_if) { set \$in_if 1; add_header X-If nested always; }
			limit_except GET { allow all; }
			$content
		}
	}
}
EOC
}

# Which value counts at a place: the innermost that is set.
my %depth = (server => 1, location => 2, nested => 3);
sub counting {
	my ($default, @chain) = @_;
	return sub {
		my @said = grep { defined } @chain[0 .. $depth{ $_[0] }];
		return $said[-1] // $default;
	};
}

# For each value at http and each server: the sub gets the server's name, what
# counts by place, and the combination as text.
sub each_http {
	my ($name, $values, $levels, $more, $sub) = @_;

	my @choice = (undef, @$values);
	my @combinations = combinations($values, $levels);
	for my $at_http (@choice) {
		$t->write_conf(join "\n", 'server_names_hash_max_size 4096;',
			'log_format mark "$arg_mark $request";',
			'access_log %%DIR%%/logs/mark.log mark;', $more->{http} // '',
			directive($name, $at_http),
			map { server($name, $values, $more, @$_) } @combinations);
		$t->start_nginx;
		for (@combinations) {
			my @chain = ($at_http, @choice[@$_]);
			$sub->(join('', 'c', @$_), counting($more->{default}, @chain),
				join ' ', map { $_ // '-' } @chain);
		}
		is($t->stop, 0, "T22 $name: nginx ends in good order");
	}
}

# ----------------------------------------- 1. psm_token: the gate, and what it
# takes

my (@wrong, @lines, $asked, $servers);
sub want {
	my ($name, $got, $wanted) = @_;
	$asked++;
	push @wrong, "$name: $got for $wanted" if $got ne $wanted;
}

each_http(psm_token => [qw(on off)], 4, { default => 'off' }, sub {
	my ($host, $counts, $chain) = @_;

	$servers++;
	my $takes = grep { $counts->($_->[0]) eq 'on' } @places;
	for (@places) {
		my ($place, $path) = @$_;
		my $on = $counts->($place) eq 'on';
		my $name = "$chain, $place";
		my $ask = sub {
			my ($method, $uri, @h) = @_;
			return $t->http($method, $uri, headers => [Host => $host, @h]);
		};
		my $r = $ask->(GET => $path);
		want($name, $r->{body} =~ /"code"/ ? 'on' : $r->{body},
			$on ? 'on' : "$place\n");
		if ($place ne 'server') {
			$r = $ask->(GET => "$path?if=1");
			want("$name, if", "$r->{status} " . $t->header($r, 'X-If'),
				($on ? 401 : 200) . " $place");
			want("$name, limit_except", $ask->(PUT => $path,
				'Content-Length' => 0)->{status}, $on ? 401 : 405);
		}
		# A word is no secret, so that it may show where nothing is taken.
		my $mark = "m$asked";
		$r = $ask->(GET => "/t/word$path?mark=$mark");
		want("$name, taken", $r->{body} =~ /"code":"(\w+)"/ ? $1 : $r->{body},
			$on ? 'token_malformed' : $takes ? "$place\n" : "not taken\n");
		push @lines, ["$name, masked", "$mark GET /t/"
			. ($takes ? '****' : 'word') . "$path?mark=$mark HTTP/1.1"];
		next if !$takes;
		$r = $ask->(GET => "/t/$R$path");
		want("$name, a token", "$r->{status} $r->{body}", "200 $place\n");
	}
});
my $log;
wait_for(sub {
	$log = { map { /^(\S+) / ? ($1 => $_) : () }
		split /\n/, $t->log_text('mark.log') };
	return keys %$log > @lines;
}, 5);
for (@lines) {
	my ($name, $line) = @$_;
	want($name, $log->{ (split / /, $line)[0] } // 'no line', $line);
}
ok(!@wrong, "T22 psm_token: $servers servers, $asked observations")
	or diag(map { "  $_\n" } @wrong);
is($servers, 81, '  all of them');

# ------------------------------- 2. where the gate is on at one place only

my @only = (
	['an exact location', 'location = /only { psm_token on; }'],
	['a regex', 'location ~ ^/only/ { psm_token on; }'],
	['a stopped prefix', 'location ^~ /only/ { psm_token on; }'],
	['a name', 'location @only { psm_token on; }'],
	['an internal one', 'location /only/ { internal; psm_token on; }'],
	['far inside', 'location /a/ { location /a/b/ { location ~ ^/a/b/c {'
		. ' location ~ ^/a/b/c/d { psm_token on; } } } }'],
	['inside a location with if', 'location /a/ { if ($arg_x) { expires 1h; }'
		. ' location /a/b/ { psm_token on; if ($arg_y) { expires 2h; } } }'],
	['inside one with limit_except', 'location /a/ { limit_except GET { deny'
		. ' all; } location /a/b/ { psm_token on; } }'],
	['a server that returns', 'location /only/ { psm_token on; return 204; }'],
	['nowhere', 'location /only/ { }', 'not'],
	['nowhere but switched off', 'psm_token off; location /a/ {'
		. ' psm_token off; }', 'not'],
	['other directives only', 'psm_token_require read; psm_token_privacy public;'
		. ' psm_token_dry_run on; location /a/ { psm_token_strict on; }',
		'not'],
);
my $number = 0;
$t->write_conf(join "\n", 'psm_token_base /;', map { $number++; <<"EOC" } @only);
server {
	listen %%LISTEN%%;
	server_name only$number;
	root %%ROOT%%;
	$_->[1]
}
EOC
$t->start_nginx;
$number = 0;
for (@only) {
	my ($where, undef, $not) = @$_;
	$number++;
	is($t->get('/t/word/main/noarch/x', Host => "only$number")->{body},
		$not ? "not taken\n" : "server\n",
		"T22 on in $where: " . ($not ? 'untouched' : 'taken in all of it'));
}
$t->stop;

# ------------------------------------------------------- 3. all the others

# How a value shows in an answer; undef: something else happened.
sub status_shows {
	my ($path, $headers, %of) = @_;
	return sub {
		my ($host, $place) = @_;
		my $r = $t->get($path->($place), Host => $host, @$headers);
		my $code = $r->{body} =~ /"code":"(\w+)"/ ? $1 : '';
		return $of{"$r->{status} $code"} // "$r->{status} $code";
	};
}
my $path_of = sub { return $_[0] };
sub header_shows {
	my ($name, $sub) = @_;
	return sub {
		my ($host, $place) = @_;
		return $sub->($t->header($t->get($place, Host => $host,
			'X-Auth' => $R), $name) // '');
	};
}
my $cache = 'add_header X-Cache $psm_token_cache always;';
my @others = (
	[psm_token_require => [qw(read write)], 'read', {}, status_shows($path_of,
		['X-Auth' => $R], '200 ' => 'read', '403 level_too_low' => 'write')],
	[psm_token_privacy => [qw(public private)], 'private', {},
		status_shows($path_of, [], '200 ' => 'public',
			'401 token_missing' => 'private')],
	[psm_token_dry_run => [qw(on off)], 'off', {}, status_shows($path_of, [],
		'200 ' => 'on', '401 token_missing' => 'off')],
	[psm_token_scope_levels => [qw(on off)], 'off', {}, status_shows($path_of,
		['X-Auth' => $S], '200 ' => 'on', '403 scope_missing' => 'off')],
	[psm_token_channel => [qw(main other)], 'main', {}, status_shows($path_of,
		['X-Auth' => $R], '200 ' => 'main',
		'403 channel_not_granted' => 'other')],
	[psm_token_strict => [qw(on off)], 'off', { http => $cache },
		header_shows('X-Cache', sub { $_[0] eq 'BYPASS' ? 'on'
			: $_[0] =~ /^(?:HIT|MISS)$/ ? 'off' : $_[0] })],
	[psm_token_warn => [qw(0 365d)], '7d', {}, header_shows(
		'Conda-Token-Warning', sub { length $_[0] ? '365d' : '0' })],
	[psm_token_forward => [qw(on off)], 'off',
		{ content => 'proxy_pass http://%%UPSTREAM%%;' }, sub {
			my ($host, $place) = @_;
			my $r = $t->get($place, Host => $host, 'X-Auth' => $F);
			my $told = eval { decode_json($r->{body})->{headers} } or return;
			return $told->{'x-auth'} ? 'on' : 'off';
		}],
);
for (@others) {
	my ($name, $values, $default, $more, $shows) = @$_;
	my ($n, @wrong) = (0);
	$more->{http} = "psm_token on;\n" . ($more->{http} // '');
	$more->{default} = $default eq '7d' ? '0' : $default;    # both say nothing
	each_http($name, $values, 4, $more, sub {
		my ($host, $counts, $chain) = @_;
		for (@places) {
			my ($place, $path) = @$_;
			my $got = $shows->($host, $path) // 'nothing';
			$n++;
			push @wrong, "$chain, $place: $got for " . $counts->($place)
				if $got ne $counts->($place);
		}
	});
	ok(!@wrong, "T22 $name: $n observations") or diag(map { "  $_\n" } @wrong);
	is($n, 243, '  all of them');
}

# --------------------------------------------- 4. those of a server as a whole

my $api = sub { return "/api$_[0]" };
my @whole = (
	[psm_token_base => [qw(/api/ /)], '/', status_shows($api,
		['X-Auth' => $R], '200 ' => '/api/', '403 channel_not_granted' => '/')],
	[psm_token_carriers => ['x-auth', 'bearer path'], 'x-auth',
		status_shows($path_of, ['X-Auth' => $R], '200 ' => 'x-auth',
			'401 token_missing' => 'bearer path')],
	[psm_token_format => [qw(any psm)], 'psm', status_shows($path_of,
		['X-Auth' => $hex], '200 ' => 'any', '401 token_malformed' => 'psm')],
);
for (@whole) {
	my ($name, $values, $default, $shows) = @$_;
	my ($n, @wrong) = (0);
	each_http($name, $values, 2, { default => $default,
		http => 'psm_token on;' }, sub {
		my ($host, $counts, $chain) = @_;
		for (@places) {
			my $got = $shows->($host, $_->[1]) // 'nothing';
			$n++;
			push @wrong, "$chain, $_->[0]: $got for " . $counts->('server')
				if $got ne $counts->('server');
		}
	});
	ok(!@wrong, "T22 $name: $n observations") or diag(map { "  $_\n" } @wrong);
	is($n, 27, '  all of them');
}

$t->finish;
