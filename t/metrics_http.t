#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The location of psm_token_metrics: methods, formats, headers, who may read
# it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Check qw(answer_is);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'metrics over HTTP');
$t->start_redis;
$t->file('main/noarch/repodata.json', '{}');
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
server {
	listen %%LISTEN%%;
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
	location = /metrics { psm_token off; psm_token_metrics; }
	location = /gated {
		psm_token_require read;
		psm_token_channel main;
		psm_token_metrics;
	}
	location = /closed { psm_token off; psm_token_metrics; deny all; }
}
EOC
$t->start_nginx;
my $token = $t->add_token(resources => { main => 'read' });
is($t->get("/t/$token/main/noarch/repodata.json")->{status}, 200, 'a request');

my %type = (
	json => 'application/json',
	prometheus => 'text/plain; version=0.0.4; charset=utf-8',
	openmetrics =>
		'application/openmetrics-text; version=1.0.0; charset=utf-8',
);

sub is_format {
	my ($r, $format, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$r->{status} " . $t->header($r, 'Content-Type'), "200 $type{$format}",
		$name);
	my $n = $format eq 'json'
		? eval { decode_json($r->{body})->{decisions}{granted} }
		: $r->{body} =~ /^psm_token_decisions_total\{reason="granted"\} (\d+)$/m
			&& $1;
	ok($n, '  is that') or diag($r->{body});
	is($r->{body} =~ /^# EOF$/m ? 1 : 0, $format eq 'openmetrics' ? 1 : 0,
		'  has an end only in OpenMetrics');
}

# ---- formats ----

is_format($t->get('/metrics'), 'json', 'JSON');
is_format($t->get('/metrics?format=json'), 'json', '?format=json');
is_format($t->get('/metrics?format=prometheus'), 'prometheus',
	'?format=prometheus');
is_format($t->get('/metrics?x=1&format=prometheus&y'), 'prometheus',
	'among other arguments');
is_format($t->get('/metrics?format=json', Accept => 'text/plain'), 'json',
	'?format wins over Accept');
is_format($t->get('/metrics', Accept => 'text/plain'), 'prometheus',
	'Accept: text/plain');
is_format($t->get('/metrics', Accept => '*/*'), 'json', 'Accept: */*');
is_format($t->get('/metrics', Accept => 'application/openmetrics-text'),
	'openmetrics', 'Accept: application/openmetrics-text');
is_format($t->get('/metrics', Accept => 'application/openmetrics-text;'
	. 'version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.8,*/*;q=0.1'),
	'prometheus', 'Accept with qualities');
is_format($t->get('/metrics', Accept => 'application/json;q=0.1',
	Accept => 'text/plain;q=0.2'), 'prometheus', 'two lines of Accept');
is_format($t->get('/metrics', Accept => 'text/plain;q=0'), 'json',
	'Accept without what it does not want');
is_format($t->h2('/metrics', { accept => 'text/plain' },
	port => $t->port(2)), 'prometheus', 'over HTTP/2');

for my $value (qw(xml Prometheus JSON openmetrics json1 1)) {
	my $r = $t->get("/metrics?format=$value");
	is($r->{status}, 400, "?format=$value is refused");
	is($t->header($r, 'Content-Type'), 'application/problem+json', '  in JSON');
	my $body = eval { decode_json($r->{body}) } // {};
	like($body->{detail}, qr/"\Q$value\E".*json or format=prometheus/,
		'  that names it and the remedy');
}
for my $value ('', '%22', 'a"b', 'x' x 16, 'x' x 2000, "\xff", '%00',
	$t->unknown_token, '<script>') {
	my $r = $t->get("/metrics?format=$value");
	my $shown = substr $value, 0, 12;
	is($r->{status}, 400, "?format=$shown is refused");
	my $body = eval { decode_json($r->{body}) } // {};
	like($body->{detail} // $r->{body}, $value eq '' ? qr/There is no format ""/
		: qr/There is no format \(\d+ characters\)/, '  and not repeated');
}

# ---- methods ----

for my $path ('/metrics', '/metrics?format=prometheus', '/metrics?format=no') {
	# A gauge may get another digit in between.
	my ($get, $head);
	for (1 .. 5) {
		($get, $head) = ($t->get($path), $t->http('HEAD', $path));
		last if $t->header($head, 'Content-Length')
			== $t->header($get, 'Content-Length');
	}
	is($head->{status}, $get->{status}, "HEAD $path: the same status");
	is($head->{body}, '', '  no body');
	is($t->header($head, $_), $t->header($get, $_), "  the same $_")
		for qw(Content-Type Content-Length Cache-Control);
}
for my $method (qw(POST PUT PATCH DELETE OPTIONS TRACE PURGE)) {
	my $r = $t->http($method, '/metrics', $method =~ /^P/ ? (body => 'x') : ());
	is($r->{status}, 405, "$method: 405");
	next if $method eq 'TRACE';    # that is nginx's
	is($t->header($r, 'Allow'), 'GET, HEAD', '  with what is allowed');
}
is($t->http('GET', '/metrics', body => 'x' x 100000)->{status}, 200,
	'GET with a body');

# ---- headers ----

for my $path ('/metrics', '/metrics?format=prometheus', '/metrics?format=no') {
	my $r = $t->get($path);
	is($t->header($r, 'Cache-Control'), 'no-store', "$path is not stored");
	is($t->header($r, 'Content-Length'), length $r->{body}, '  has a length');
}
is($t->header($t->get('/metrics', 'If-None-Match' => '*'), 'ETag'), undef,
	'no validator');
my $socket = $t->connect;
for (1 .. 3) {
	is($t->http('GET', '/metrics', sock => $socket)->{status}, 200,
		"request $_ of a connection");
}

# ---- who may read it ----

answer_is($t->get('/gated'), 401, 'token_missing', 'behind the gate: nobody');
is_format($t->get('/gated', 'X-Auth' => $token), 'json', 'with a token');
is($t->get("/t/$token/gated")->{status}, 200, 'with a token in the path');
is($t->get('/closed')->{status}, 403, 'deny all');

$t->finish;
