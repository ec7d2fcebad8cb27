#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm_token_dry_run: decide and log, but let everything pass as if the gate
# were not there. Tokens are taken and hidden all the same.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is last_line);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'dry run', log_level => 'warn');
$t->start_redis;
my $up = $t->start_upstream;
$t->file("$_/noarch/x", "$_\n") for qw(main other strict any t/word/main);
$t->write_conf(<<'EOC');
psm_token_cache off;
log_format decision '$args $status $psm_token_status $psm_token_id';
access_log %%DIR%%/logs/decision.log decision;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	psm_token_dry_run on;
	add_header X-Status $psm_token_status always;
	add_header X-Id $psm_token_id always;
	location /strict/ { psm_token_dry_run off; }
	location /closed/ { deny all; }
	location /any/ { satisfy any; deny all; }
	location /up/ { proxy_pass http://%%UPSTREAM%%; }
	location /page/ { error_page 404 /strict/noarch/x; }
}
EOC
$t->start_nginx;

my $T = $t->add_token(resources => { main => 'read' });
my $E = $t->add_token(resources => { main => 'read' }, expires => time - 1);
my $D = $t->add_token(resources => { main => 'read' }, disabled => JSON::PP::true);
my $bad = $t->add_token(raw => '{}');
my $U = $t->unknown_token;
my $x = 'main/noarch/x';

# name, path, headers, the reason, the channel that is logged
my @rows = (
	['no token', "/$x", [], 'token_missing', 'main'],
	['another channel', "/t/$T/other/noarch/x", [], 'channel_not_granted',
		'other'],
	['unknown', "/t/$U/$x", [], 'token_unknown', 'main'],
	['expired', "/t/$E/$x", [], 'token_expired', 'main'],
	['disabled', "/t/$D/$x", [], 'token_disabled', 'main'],
	['a bad record', "/t/$bad/$x", [], 'record_invalid', 'main'],
	['malformed', "/t/word/$x", [], 'token_malformed', 'main'],
	['masked', "/t/*****/$x", [], 'token_masked', 'main'],
	['two tokens', "/t/$T/$x", ['X-Auth' => $U], 'token_ambiguous', 'main'],
	['two lines', "/$x", ['X-Auth' => $T, 'X-Auth' => $T], 'token_malformed',
		'main'],
);
for (@rows) {
	my ($name, $path, $headers, $reason, $channel) = @$_;
	my $mark = $name =~ tr/ /-/r;
	my $r = $t->get("$path?$mark", @$headers);
	is($r->{status}, 200, "$name: let pass");
	like($r->{body}, qr/^(?:main|other)$/, '  to the file');
	is($t->header($r, 'X-Status'), $reason, '  the variable says why');
	is($t->header($r, 'WWW-Authenticate'), undef, '  no challenge');
	is($t->header($r, 'Cache-Control'), undef, '  nothing else of ours');
	like(last_line($t, "\\[warn\\].*\\?$mark ", 'error.log'),
		qr/psm token: dry run: denied \d+ $reason, id [-\w]+, channel $channel,/,
		'  the log, too');
}
my $r = $t->get("/t/$T/$x?granted");
is($r->{body}, "main\n", 'a granted one passes');
is($t->header($r, 'X-Status'), 'granted', '  as granted');
is($t->header($r, 'X-Id'), $t->token_record($T)->{id}, '  with its id');
is($t->header($r, 'Cache-Control'), 'private', '  and marked as private');
is(last_line($t, '^granted ', 'decision.log'), 'granted 200 granted '
	. $t->token_record($T)->{id}, '  in a log of its own');
unlike($t->log_text, qr/\?granted /, '  without a line in the log');

answer_is($t->get("/t/$T/main/noarch/absent"), 404, undef, 'a missing file');
answer_is($t->http('DELETE', "/$x"), 405, undef, "nginx's own 405");
answer_is($t->get("/t/$T"), 404, undef, 'nothing behind the token');
like($t->request("GET /t/$T/$x\r\n")->{raw}, qr/400 Bad Request/, 'HTTP/0.9');

answer_is($t->get('/strict/noarch/x'), 401, 'token_missing',
	'a location without it');
answer_is($t->get('/page/noarch/x'), 401, 'token_missing',
	'an internal redirect to there');
answer_is($t->get("/t/$T/closed/noarch/x"), 403, undef,
	'another module still denies');
answer_is($t->get("/t/$U/any/noarch/x"), 403, undef,
	'satisfy any: as if the gate were not there');
answer_is($t->get("/t/$T/any/noarch/x"), 403, undef,
	'  no right of this channel, either');

$r = $t->http('PUT', "/t/$U/up/noarch/x?a=$T", body => 'content',
	headers => ['X-Auth' => $U, Referer => "http://localhost/t/$T/"]);
is($r->{status}, 200, 'an upload passes');
like($up->last_request, qr{\APUT /up/noarch/x\?a=\*{46} .*\r\ncontent\z}s,
	'  whole');
unlike($up->last_request, qr/^X-Auth/m, '  without its token');

$t->redis_server->stop;
$r = $t->get("/t/$T/$x?away");
is($r->{body}, "main\n", 'no Redis: let pass');
is($t->header($r, 'X-Status'), 'store_unavailable', '  the variable');
like(last_line($t, '\[warn\].*\?away ', 'error.log'),
	qr/dry run: denied 503 store_unavailable/, '  the log');
answer_is($t->get("/t/$T/strict/noarch/x"), 503, 'store_unavailable',
	'  but where it is off');

$t->finish;
