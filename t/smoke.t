#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The least that must work: static files behind the gate.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'smoke');
$t->start_redis;
$t->file('main/noarch/repodata.json', '{"main":1}');
$t->file('other/noarch/repodata.json', '{"other":1}');
$t->write_conf(<<'EOC');
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
}
EOC
$t->start_nginx;

my $token = $t->add_token(resources => { main => 'read' });
my $path = 'main/noarch/repodata.json';

my $r = $t->get("/t/$token/$path");
is($r->{status}, 200, 'a granted channel is served');
is($r->{body}, '{"main":1}', 'with the content of the file');

$r = $t->get("/$path");
is($r->{status}, 401, 'no token: 401');
like($t->header($r, 'WWW-Authenticate'), qr/^Bearer realm="psm"/, 'challenge');
like($r->{body}, qr/"code":\s*"token_missing"/, 'the body says why');

$r = $t->get("/t/$token/other/noarch/repodata.json");
is($r->{status}, 403, 'a channel that is not granted: 403');
like($r->{body}, qr/"code":\s*"channel_not_granted"/, 'the body says why');

$r = $t->get('/t/' . $t->unknown_token . "/$path");
is($r->{status}, 401, 'a token nobody issued: 401');
like($r->{body}, qr/"code":\s*"token_unknown"/, 'the body says why');

$r = $t->get("/$path", Authorization => "Bearer $token");
is($r->{status}, 200, 'the token may stand in a header');

$r = $t->get("/t/$token/main/noarch/absent.json");
is($r->{status}, 404, 'what is not there on a granted channel: 404');

like($t->log_text('access.log'), qr{"GET /t/\*{4}/$path HTTP/1\.1" 200},
	'the access log shows a masked token');

$t->finish;
