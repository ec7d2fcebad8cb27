#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Pages that nginx makes: listings, inclusions, substitutions, errors, status;
# redirects; what a browser sends on from them (threats T63 to T66). The
# teardown looks for tokens in every body and header.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(code_of);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'pages');
$t->start_redis;
my $up = $t->start_upstream;
$t->file("main/$_/noarch/x", "x\n") for qw(html xml json list);
$t->file('main/random/noarch/one', "one\n");
$t->file('main/added/noarch/x', "content\n");
my @names = qw(uri document_uri request_uri request args query_string
	http_referer http_authorization http_x_auth http_x_api_key remote_user
	request_filename arg_a psm_token_id psm_token_name psm_token_status);
$t->file('main/ssi/noarch/x.html', join '', map {
	"$_=<!--# echo var=\"$_\" encoding=\"none\" -->\n" } @names,
	map { uc } qw(request_uri query_string document_uri));
$t->file('main/ssi/noarch/env.html', '<!--# printenv -->'
	. '<!--# include virtual="/main/ssi/noarch/x.html" -->');
$t->file('main/sub/noarch/x.html', "<p>PAGE REQUEST ARGS</p>\n");
my $server = <<'EOC';
	root %%ROOT%%;
	psm_token on;
	location /main/html/ { autoindex on; }
	location /main/xml/ { autoindex on; autoindex_format xml; }
	location /main/json/ { autoindex on; autoindex_format json; }
	location /main/random/ { random_index on; }
	location /main/ssi/ { ssi on; }
	location /main/sub/ {
		sub_filter PAGE $uri;
		sub_filter REQUEST $request_uri;
		sub_filter ARGS $args;
		sub_filter_once off;
	}
	location /main/added/ {
		add_before_body /told;
		add_after_body /told;
		addition_types *;
	}
	location = /told { return 200 "[$uri $request_uri $args $request]\n"; }
	location /main/says/ { return 200 "$request|$uri|$args|$http_referer"; }
	location /main/page/ { error_page 404 = /told; }
	location /main/refresh/ {
		error_page 403 404 =302 http://$http_host/main/says/$request_uri;
	}
	location /main/link/ {
		alias %%ROOT%%/main/html/;
		add_header Referrer-Policy no-referrer always;
		add_header X-Uri "$uri $request_uri" always;
		add_header Link "<$request_uri>; rel=canonical" always;
	}
	location /main/up/ { proxy_pass http://%%UPSTREAM%%; }
	location = /status { psm_token off; stub_status; }
	location = /all_status { psm_token_require manage; stub_status; }
	location /main/vars/ {
		return 200 "$psm_token_status|$psm_token_id|$psm_token_name|$psm_token_owner|$psm_token_type|$psm_token_channel|$psm_token_level|$psm_token_expires|$psm_token_cache";
	}
	location /main/shown/ {
		alias %%ROOT%%/main/html/;
		add_header X-Shown "$psm_token_status|$psm_token_id|$psm_token_name|$psm_token_owner|$psm_token_type|$psm_token_channel|$psm_token_level|$psm_token_expires|$psm_token_cache" always;
	}
EOC
$t->write_conf("server { listen %%LISTEN1%%; $server }\n"
	. "server { listen %%LISTEN2%% http2; $server }\n"
	. "server { listen %%LISTEN3%%; merge_slashes off; $server }");
$t->start_nginx;

my $T = $t->add_token(resources => { main => 'read' }, name => 'a name');
my $E = join '', map { sprintf '%%%02X', ord } split //, $T;
my %port = (plain => 1, h2 => 2, unmerged => 3);

sub ask {
	my ($mode, $path, @headers) = @_;
	return $mode eq 'h2' ? $t->h2($path, \@headers, port => $t->port(2))
		: $t->http('GET', $path, headers => \@headers,
			port => $t->port($port{$mode}));
}

# --------------------------------------------- 1. T63, what nginx writes

my $stars = '*' x 46;
# path, status, what the page says
my @pages = (
	['html/noarch/', 200, qr{<title>Index of /main/html/noarch/</title>}],
	['xml/noarch/', 200, qr{<file mtime=.*>x</file>}],
	['json/noarch/', 200, qr{"name":"x"}],
	['random/noarch/', 200, qr/\Aone$/],
	['ssi/noarch/x.html', 200, qr{^uri=/main/ssi/noarch/x.html\ndocument_uri=.*
		^request=GET\ (?:/t/\*{4})?/main/ssi/noarch/x.html\?a=\*{46}\ HTTP.*
		^psm_token_name=a\ name$}msx],
	['ssi/noarch/env.html', 200, qr{uri=/main/ssi/noarch/x.html\n}],
	['sub/noarch/x.html', 200, qr{\A<p>/main/sub/noarch/x.html
		\ /main/sub/noarch/x.html\?a=\*{46}\ a=\*{46}</p>}x],
	['added/noarch/x', 200, qr{^\[/told .*\ncontent\n\[/told }],
	['says/noarch/x', 200, qr{/main/says/noarch/x\|a=\*{46}\|http://h/t/\*+/}],
	['page/noarch/x', 200, qr{\A\[/told /main/page/noarch/x\?a=\*{46} }],
	['html/noarch/absent', 404, qr{<title>404 Not Found}],
	['list/noarch/', 403, qr{<title>403 Forbidden}],
	['html/noarch/x/', 404, qr{<title>404 Not Found}],
	['up/noarch/x', 200, qr{"uri":"/main/up/noarch/x\?a=\*{46}"}],
);
my @forms = (['path', "/t/$T"], ['encoded', "/t/$E"], ['dots', "/y/../t/$T/."],
	['X-Auth', '', 'X-Auth' => $T], ['Bearer', '', Authorization => "Bearer $T"]);
for my $mode (sort keys %port) {
	for (@pages) {
		my ($path, $status, $says) = @$_;
		for my $form (@forms) {
			my ($name, $before, @headers) = @$form;
			my $r = ask($mode, "$before/main/$path?a=$T",
				Referer => "http://h/t/$T/", @headers);
			is($r->{status}, $status, "T63 $mode, $name: $path");
			like($r->{body}, $says, '  says what is clean');
		}
	}
}

# A link of a listing is relative, so that it keeps the token by itself.
my $list = ask('plain', "/t/$T/main/html/noarch/")->{body};
is_deeply([$list =~ /href="([^"]*)"/g], ['../', 'x'],
	'T63 links of a listing are relative');

# ------------------------------------------------- 2. T64, other redirects

for my $mode (qw(plain unmerged)) {
	for my $form (@forms) {
		my ($name, $before, @headers) = @$form;
		my $own = $before ? "/t/$T" : '';
		my $host = 'localhost:' . $t->port($port{$mode});
		my $r = ask($mode, "$before/main/html/noarch", Host => $host, @headers);
		my $location = $t->header($r, 'Location') // '';
		is($location =~ s{\Ahttp://\Q$host\E}{}r, "$own/main/html/noarch/",
			"T64 $mode, $name: a folder");
		my $elsewhere = ask($mode, "$before/main/html/noarch",
			Host => 'elsewhere.example', @headers);
		unlike($elsewhere->{body}, qr/psm-/, '  the page of it has no token');
	}
}
$t->allow_leak('response header location', $T);

# ------------------------------------------------------- 3. T65, the Referer

for my $mode (sort keys %port) {
	for my $path ("/t/$T/main/link/noarch/x", "/t/$T/main/link/noarch/absent",
		'/main/link/noarch/x', "/t/$T/main/link/")
	{
		my $r = ask($mode, $path);
		is($t->header($r, 'Referrer-Policy'), 'no-referrer',
			"T65 $mode: what the operator adds is on $r->{status} too");
		unlike($t->header($r, 'Link'), qr/psm-|\*/, '  links are clean');
	}
	ask($mode, '/main/up/x', 'X-Auth' => $T,
		Referer => "http://h/t/$T/main/?a=$T#$T");
	like($up->last_request,
		qr{^Referer: http://h/t/\*+/main/\?a=\*+#\*+\r$}mi,
		"T65 $mode: a Referer is masked on its way");
}

# ------------------------------------------- 4. T66, status and variables

my $record = $t->token_record($T);
for my $mode (sort keys %port) {
	like(ask($mode, '/status', 'X-Auth' => $T)->{body},
		qr/\AActive connections: \d+/, "T66 $mode: stub_status");
	my $shown = $t->header(ask($mode, "/t/$T/main/shown/noarch/x"), 'X-Shown');
	my ($status, $id, $name, $owner, $type, $channel, $level, $expires) =
		split /\|/, $shown;
	is("$status|$id|$name|$owner|$type|$channel|$level|$expires", join('|',
		'granted', @$record{qw(id name owner type)}, 'main/shown', 'read',
		$record->{expires}), "T66 $mode: the variables");
	# Digests are no one's business either.
	unlike($shown, qr/[0-9a-f]{40}/, '  hold no digest');
	my $none = ask($mode, "/t/$T/main/vars/x")->{body};
	is($none, '|' x 8, "T66 $mode: before the gate has run they are empty");
}

$t->finish;
