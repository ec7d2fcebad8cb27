#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T06, T07: pages for denials. A page where the gate is on is judged again:
# one denial, one page of ours, no circle and no 500, with and without
# recursive_error_pages. A page where it is off is what the operator made of
# it, never the gated file.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(code_of spoiled_token);
use PSM::Gate;
use PSM::PhaseModes;
use Test::More;

my $t = PSM::Gate->new(name => 'error pages');
my %records;
my %token = (
	good => $t->add_token(resources => { main => 'read' },
		in => \%records),
	elsewhere => $t->add_token(resources => { other => 'read' },
		in => \%records),
	unknown => $t->unknown_token,
	malformed => spoiled_token($t),
	nobody => undef,
);
$records{'psm:c:open'} = '{"v":1,"privacy":"public"}';
my $fake = $t->fake_redis(records => \%records);
my %verdict = (
	good => undef, elsewhere => [403, 'channel_not_granted'],
	unknown => [401, 'token_unknown'], malformed => [401, 'token_malformed'],
	nobody => [401, 'token_missing'],
);

my @plain = qw(gated open named_gated named_open as_200 as_404 loop chain
	other public text away proxied);
$t->file("main/$_/noarch/x", "the gated file\n")
	for map { ($_, "r_$_") } @plain;
$t->file('main/pages/login', "log in, gated\n");
$t->file('other/pages/login', "log in, of other\n");
$t->file('pages/login', "log in\n");

# name => error_page and what belongs to it; each once without and once with
# recursive_error_pages. 503 too, for when Redis is gone.
my $codes = 'error_page 401 403 503';
my %page = (
	gated => "$codes /main/pages/login;",
	other => "$codes /other/pages/login;",
	open => "$codes /pages/login;",
	named_gated => "$codes = \@gated;",
	named_open => "$codes = \@open;",
	as_200 => "$codes =200 /pages/login;",
	as_404 => "$codes =404 /pages/login;",
	loop => "$codes /main/loop/noarch/x;",
	r_loop => "$codes /main/r_loop/noarch/x;",
	chain => "$codes /main/chain/noarch/y;",
	public => "$codes /open/noarch/page;",
	text => "$codes = \@text;",
	away => "$codes /pages/away;",
	proxied => "$codes = \@proxied;",
);
my $locations = '';
for my $name (@plain) {
	my $page = $page{$name};
	$locations .= "location /main/$name/ { $page %%CONTENT%% }\n";
	$page = $page{"r_$name"} // $page;
	$locations .= "location /main/r_$name/ { recursive_error_pages on;"
		. " $page %%CONTENT%% }\n";
}
my $m = PSM::PhaseModes->new($t, http => 'psm_token_cache off;',
	handler => sub {
		return $_[0]{uri} =~ /proxied/ && $_[0]{headers}{'x-page'}
			? [200, [], "page of an upstream\n"] : undef;
	}, server => <<"EOC");
	psm_token on;
	add_header X-Status \$psm_token_status always;
	add_header X-Id \$psm_token_id always;
	$locations
	location /main/pages/ { $codes /main/pages/login; }
	location /pages/ { psm_token off; }
	location = /pages/away { psm_token off; return 302 /login; }
	location \@gated { root %%ROOT%%/never; $codes = \@gated; }
	location \@open { psm_token off; return 200 "open \$uri \$psm_token_status"; }
	location \@text { psm_token off; return 403 "no: \$psm_token_status \$psm_token_id \$request"; }
	location \@proxied {
		psm_token off;
		proxy_set_header X-Page yes;
		proxy_set_header X-Original-URI \$request_uri;
		proxy_pass http://%%UPSTREAM1%%;
	}
EOC
$t->file('open/noarch/page', "public page\n");

# What is sent, when the gate says so: by the name of the page a status and a
# body; undef is the gate's own.
my %sent = (
	gated => undef, other => undef, loop => undef, chain => undef,
	named_gated => undef,
	open => [0, "log in\n"], as_200 => [200, "log in\n"],
	as_404 => [404, "log in\n"], away => [302, undef],
	named_open => [200, undef], text => [403, undef],
	proxied => [200, "page of an upstream\n"],
);

sub fault {
	my ($r, $mode, $name, $who, $denial) = @_;

	return "status $r->{status}" if $r->{status} == 500;
	return 'the gated file' if $r->{body} =~ /gated file/;
	my ($status, $code) = @$denial;
	# A page that the request may see by itself.
	my $seen = $name eq 'other' && $who eq 'elsewhere' && $status == 403
		? "log in, of other\n"
		: $name eq 'public' && ($status == 403 || $code eq 'token_missing')
		? "public page\n" : undef;
	return "$r->{status} $r->{body}" eq "$status $seen" ? ''
		: "$r->{status} $r->{body}" if defined $seen;
	my $page = $name eq 'public' ? undef : $sent{$name};
	if (!$page) {
		my $got = "$r->{status} " . code_of($r);
		return "$got for $status $code" if $got ne "$status $code";
	} else {
		my $wanted = $page->[0] || $status;
		return "$r->{status} for $wanted" if $r->{status} != $wanted;
		return "body $r->{body}" if defined $page->[1]
			&& $r->{body} ne $page->[1];
		return 'a body of ours' if code_of($r);
	}
	return '' if $mode eq 'h2';
	my %count;
	$count{ lc $_->[0] }++ for @{ $r->{headers} };
	my $challenges = $count{'www-authenticate'} // 0;
	return "$challenges challenges" if $challenges != ($r->{status} == 401);
	my $later = $count{'retry-after'} // 0;
	return "$later Retry-After" if $later != ($r->{status} == 503);
	return 'Cache-Control' if ($count{'cache-control'} // 0) > 1;
	return '';
}

sub ask_all {
	my ($label, %denial) = @_;

	$m->asked;
	for my $mode ($m->names) {
		for my $name (map { ($_, "r_$_") } @plain) {
			my @wrong;
			for my $who (sort keys %denial) {
				my $before = defined $token{$who} ? "/t/$token{$who}" : '';
				my $r = $m->ask($mode, GET => "$before/main/$name/noarch/x");
				my $fault = fault($r, $mode, $name =~ s/^r_//r, $who,
					$denial{$who});
				push @wrong, "$who: $fault" if $fault;
				my @asked = grep { /:t:/ } $m->asked;
				push @wrong, "$who: " . @asked . ' look-ups' if @asked > 1;
			}
			ok(!@wrong, "$label $mode: $name")
				or diag(map { "  $_\n" } @wrong);
		}
	}
}

# -------------------------------------------------------- T06, T07: a denial

ask_all('T06 T07', map { $_ => $verdict{$_} } qw(elsewhere unknown malformed
	nobody));
for my $mode ($m->names) {
	my $r = $m->ask($mode, GET => "/t/$token{good}/main/loop/noarch/x");
	is($r->{body}, "the gated file\n", "T06 $mode: who may, gets the file");
	for my $who (qw(elsewhere unknown)) {
		$r = $m->ask($mode, GET => "/t/$token{$who}/main/text/noarch/x");
		my $id = $who eq 'elsewhere'
			? $t->token_record($token{$who})->{id} : '';
		like($r->{body}, qr{\Ano: $verdict{$who}[1] $id GET /t/\*{4}/main/},
			"T06 $mode: a page can tell why, $who");
	}
}

# ------------------------------------------------ T07: HEAD, a body, a range

for my $way (['HEAD', []], ['GET', [Range => 'bytes=0-1']],
	['GET', ['If-None-Match' => '*']], ['GET', [Connection => 'keep-alive']]) {
	my ($method, $headers) = @$way;
	for my $name (qw(gated loop r_loop chain r_chain open as_200)) {
		my $r = $t->http($method, "/main/$name/noarch/x", headers => $headers);
		is($r->{status}, $name eq 'as_200'
			? ("@$headers" =~ /Range/ ? 206 : "@$headers" =~ /None/ ? 304 : 200)
			: 401, "T07 $method @$headers, $name");
	}
}
my $body = 'GET /t/x HTTP/1.1' x 100;
my $r = $t->http('PUT', "/t/$token{unknown}/main/loop/noarch/x", body => $body);
is("$r->{status} " . code_of($r), '401 token_unknown', 'T07 an upload');

# ---------------------------------------------------- T07: Redis is gone: 503

$fake->stop;
ask_all('T07 no Redis,', map { $_ => [503, 'store_unavailable'] }
	qw(elsewhere unknown nobody));

$t->allow_leak('response header location', $_) for values %token;
$t->finish;
