#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T05, T08, T09: nginx goes on to another URI by itself. Each new URI is
# judged anew, with the identity of the request and at the cost of one
# look-up: the cache is off and the Redis is one that counts. A row names the
# channels that are judged one after the other; what each token may see is
# computed from that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(code_of);
use PSM::Gate;
use PSM::PhaseModes;
use Test::More;

my $t = PSM::Gate->new(name => 'internal redirects');
my %grants = (
	main => { main => 'read' }, both => { main => 'read', other => 'read' },
	other => { other => 'read' }, neither => { third => 'read' },
);
my %records;
my %token = map {
	$_ => $t->add_token(resources => $grants{$_}, in => \%records)
} keys %grants;
$token{unknown} = $t->unknown_token;
$token{nobody} = undef;
my $inner = $t->add_token(resources => { main => 'manage' }, in => \%records);
$t->fake_redis(records => \%records);

$t->file("$_/noarch/x", "$_\n") for qw(main other main/try_exact inside
	inside_gated);
$t->file("$_/noarch/page", "page of $_\n") for qw(main other);
$t->file('main/noarch/index.html', "index of main\n");
$t->file('main/crossed/noarch/repodata.json', "never seen\n");
$t->file('other/main/tried/noarch/x', "tried\n");
$t->file('main/random/one/x', "random\n");
$t->file('t/word/main/noarch/x', "under t\n");

# The upstream sends nginx on to what the query says, percent-encoded.
sub send_on {
	my ($request) = @_;
	return [200, ['X-Accel-Redirect' => $request->{uri}], '']
		if $request->{uri} =~ m{^/main/accel/forever};
	my ($to) = $request->{uri} =~ m{^/(?:main/accel|accel_off)/.*[?&]to=([^&]*)}
		or return;
	$to =~ s/%([0-9A-F]{2})/chr hex $1/ge;
	$to =~ s/INNER/$inner/;
	return [200, ['X-Accel-Redirect' => $to], 'not shown'];
}
my $m = PSM::PhaseModes->new($t, handler => \&send_on, http =>
	'psm_token_cache off;', server => <<'EOC');
	psm_token on;
	add_header X-Status $psm_token_status always;
	location /main/try/ { try_files $uri /main/noarch/page; %%CONTENT%% }
	location /main/try_other/ { try_files $uri /other/noarch/page; %%CONTENT%% }
	location /main/try_args/ { try_files $uri /main/noarch/page?a=b; %%CONTENT%% }
	location /main/try_named/ { try_files $uri @named; %%CONTENT%% }
	location /main/try_off/ { try_files $uri @off; %%CONTENT%% }
	location /main/try_code/ { try_files $uri =404; %%CONTENT%% }
	location /main/try_exact/ { try_files $uri /other/noarch/page; %%CONTENT%% }
	location /from_off/main/ { psm_token off; try_files $uri /main/noarch/page; }
	location /from_off/other/ { psm_token off; try_files $uri /other/noarch/page; }
	location @named { add_header X-Named yes always; rewrite ^ /main/noarch/page break; %%CONTENT%% }
	location @off { psm_token off; return 200 "off $uri"; }

	location /main/tried/ { try_files /other$uri =404; %%CONTENT%% }
	location /main/aliased/ { alias %%ROOT%%/other/; }
	location /main/crossed/ { rewrite ^/main/crossed/(.*)$ /other/$1; %%CONTENT%% }

	location /main/page/ { error_page 404 /main/noarch/page; }
	location /main/page_is/ { error_page 404 =200 /main/noarch/page; }
	location /main/page_other/ { error_page 404 /other/noarch/page; }
	location /main/page_other_is/ { error_page 404 = /other/noarch/page; }
	location /main/page_named/ { error_page 404 = @named; }
	location /main/intercepted/ {
		proxy_intercept_errors on;
		error_page 404 = /other/noarch/page;
		proxy_pass http://%%UPSTREAM1%%;
	}
	location /main/random/ { random_index on; }
	location /main/last/ { rewrite ^/main/last/(.*)$ /other/$1 last; }
	location /main/last_twice/ { rewrite ^/main/last_twice/(.*)$ /main/last/$1 last; }

	location /main/accel/ { proxy_pass http://%%UPSTREAM1%%; }
	location /accel_off/ { psm_token off; proxy_pass http://%%UPSTREAM1%%; }
	location /inside/ { internal; psm_token off; }
	location /inside_gated/ { internal; }
	location /t/word/open/ { psm_token off; return 200 "open $uri"; }
EOC

# What the gate says of a channel; '?' is a path that names none.
sub verdict {
	my ($who, $channel) = @_;

	return [401, 'token_missing'] if $who eq 'nobody';
	return [401, 'token_unknown'] if $who eq 'unknown';
	return [403, 'action_unknown'] if $channel eq '?';
	return $grants{$who}{$channel} ? undef : [403, 'channel_not_granted'];
}

my $files = [qw(plain h2 unmerged)];    # where nginx serves files itself
my $P = "page of main\n";
my $O = "page of other\n";
# T-number and name, path, what is judged in turn, status and body at last,
# modes (all)
my @rows = (
	['T05 index', '/main/noarch/', ['main'], 200, "index of main\n", $files],
	['T05 random_index', '/main/random/one/', ['main'], 200, "random\n", $files],
	['T05 try_files, found', '/main/try_exact/noarch/x', ['main'], 200,
		"main/try_exact\n"],
	['T05 try_files, own channel', '/main/try/noarch/x', [qw(main main)], 200,
		$P],
	['T05 try_files, arguments', '/main/try_args/noarch/x', [qw(main main)],
		200, $P],
	['T05 try_files, another channel', '/main/try_other/noarch/x',
		[qw(main other)], 200, $O],
	['T05 try_files, a gated name', '/main/try_named/noarch/x', ['main'], 200,
		$P],
	['T05 try_files, an open name', '/main/try_off/noarch/x', ['main'], 200,
		'off /main/try_off/noarch/x'],
	['T05 try_files, a code', '/main/try_code/noarch/x', ['main'], 404],
	['T05 try_files, from where the gate is off', '/from_off/main/x',
		['main'], 200, $P],
	['T05 the same, to another channel', '/from_off/other/x', ['other'], 200,
		$O],
	['T05 error_page, own channel', '/main/page/noarch/absent',
		[qw(main main)], 404, $P, $files],
	['T05 error_page, as 200', '/main/page_is/noarch/absent',
		[qw(main main)], 200, $P, $files],
	['T05 error_page, another channel', '/main/page_other/noarch/absent',
		[qw(main other)], 404, $O, $files],
	['T05 error_page, another channel, its status',
		'/main/page_other_is/noarch/absent', [qw(main other)], 200, $O, $files],
	['T05 error_page, a gated name', '/main/page_named/noarch/absent',
		['main'], 200, $P, $files],
	['T05 error_page for what an upstream said', '/main/intercepted/noarch/x',
		[qw(main other)], 200, $O],
	['T05 rewrite last', '/main/last/noarch/page', ['other'], 200, $O],
	['T05 rewrite last, twice', '/main/last_twice/noarch/page', ['other'], 200,
		$O],

	['T08 what try_files serves itself is not judged', '/main/tried/noarch/x',
		['main'], 200, "tried\n"],
	['T08 nor what alias serves', '/main/aliased/noarch/x', ['main'], 200,
		"other\n"],
	['T08 what was rewritten before is', '/main/crossed/noarch/x', ['other'],
		200, "other\n"],

	['T09 accel, own channel', '/main/accel/x?to=/main/noarch/x',
		[qw(main main)], 200, "main\n"],
	['T09 accel, another channel', '/main/accel/x?to=/other/noarch/x',
		[qw(main other)], 200, "other\n"],
	['T09 accel, arguments', '/main/accel/x?to=/other/noarch/x%3Fa=b',
		[qw(main other)], 200, "other\n"],
	['T09 accel, escaped', '/main/accel/x?to=/%2574/word/main/noarch/x',
		[qw(main ?)], 200],
	['T09 accel, dots', '/main/accel/x?to=/main/../other/noarch/x',
		['main'], 404, undef],
	['T09 accel, inside', '/main/accel/x?to=/inside/noarch/x', ['main'], 200,
		"inside\n"],
	['T09 accel, inside and gated', '/main/accel/x?to=/inside_gated/noarch/x',
		[qw(main inside_gated)], 200],
	['T09 accel, a gated name', '/main/accel/x?to=@named', ['main'], 200, $P],
	['T09 accel, an open name', '/main/accel/x?to=@off', ['main'], 200,
		'off /main/accel/x'],
	['T09 accel, no token is read there',
		'/main/accel/x?to=/t/word/main/noarch/x', [qw(main ?)], 200],
	['T09 accel, nor a real one', '/main/accel/x?to=/t/INNER/main/noarch/x',
		[qw(main ?)], 200],
	['T09 accel, t is a folder where the gate is off',
		'/main/accel/x?to=/t/word/open/x', ['main'], 200, 'open /t/word/open/x'],
	['T09 accel, on and on', '/main/accel/x?to=/main/accel/y%3Fto%3D'
		. '/main/accel/z%253Fto%253D/other/noarch/x',
		[qw(main main main other)], 200, "other\n"],
	['T09 accel, then try_files', '/main/accel/x?to=/main/try_other/noarch/x',
		[qw(main main other)], 200, $O],
	['T09 accel, then index', '/main/accel/x?to=/main/noarch/', [qw(main)],
		200, "index of main\n", $files],
	['T09 accel, from where the gate is off', '/accel_off/x?to=/main/noarch/x',
		['main'], 200, "main\n"],
	['T09 accel, a circle', '/main/accel/forever', ['main'], 500],
);

sub ask_row {
	my ($row, $mode, $who, $carrier) = @_;

	my ($name, $path, $judged, $status, $body) = @$row;
	my ($wanted) = grep { defined } map { verdict($who, $_) } @$judged;
	$wanted = defined $wanted ? join ' ', @$wanted : "$status ";
	my $token = $token{$who};
	my @headers = $carrier eq 'header' && $token ? ('X-Auth' => $token) : ();
	my $before = $carrier eq 'path' && $token ? "/t/$token" : '';

	$m->asked;
	my $r = $m->ask($mode, GET => "$before$path", headers => \@headers);
	my @asked = grep { /:t:/ } $m->asked;
	my $got = "$r->{status} " . code_of($r);
	my $lookups = $token ? $t->token_key($token) : '';
	return "$got for $wanted" if $got ne $wanted;
	return "body $r->{body}" if $wanted eq "$status " && defined $body
		&& $r->{body} ne $body;
	return "look-ups: @asked" if "@asked" ne $lookups;
	return;
}

for my $row (@rows) {
	for my $mode (@{ $row->[5] // [$m->names] }) {
		my @wrong;
		for my $who (sort keys %token) {
			# Where the gate is off headers are the upstream's.
			my $also = $mode eq 'plain' && $row->[1] !~ m{^/accel_off};
			for my $carrier ('path', $also ? 'header' : ()) {
				my $fault = ask_row($row, $mode, $who, $carrier) // next;
				push @wrong, "$who by $carrier: $fault";
			}
		}
		ok(!@wrong, "$row->[0], $mode") or diag(map { "  $_\n" } @wrong);
	}
}

$t->finish;
