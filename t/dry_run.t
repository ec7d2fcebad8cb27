#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm_token_dry_run: the gate decides, logs and sets its variables, and lets
# everything pass as if it were not there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'dry run');
$t->start_redis;
$t->start_upstream;
$t->file("$_/noarch/repodata.json", "index of $_") for qw(main other);
$t->write_conf(<<'EOC');
log_format decision '$status $psm_token_status $psm_token_id';
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	access_log logs/decision.log decision;
	psm_token on;
	psm_token_dry_run on;
	add_header X-Status $psm_token_status always;
	location /other/closed/ { deny all; }
	location /other/any/ { satisfy any; deny all; }
	location /other/real/ { psm_token_dry_run off; }
	location /other/up/ { proxy_pass http://%%UPSTREAM%%; }
}
EOC
$t->start_nginx;

my $token = $t->add_token(resources => { main => 'read' });
my $id = $t->token_record($token)->{id};
my $broken = $t->add_token(raw => '{}');

sub decided {
	my ($r) = @_;
	return "$r->{status} " . ($t->header($r, 'X-Status') // '-');
}

for my $case (
	['/main/noarch/repodata.json', undef, '200 token_missing'],
	['/main/noarch/repodata.json', $token, '200 granted'],
	['/other/noarch/repodata.json', $token, '200 channel_not_granted'],
	['/main/noarch/repodata.json', $t->unknown_token, '200 token_unknown'],
	['/main/noarch/repodata.json', '*****', '200 token_masked'],
	['/main/noarch/repodata.json', $broken, '200 record_invalid'],
	['/main/noarch/absent', undef, '404 token_missing'],
) {
	my ($path, $who, $expected) = @$case;
	is(decided($t->get($path, defined $who ? ('X-Auth', $who) : ())),
		$expected, "$expected by header");
	next if !defined $who;
	is(decided($t->get("/t/$who$path")), $expected, "$expected by path");
}

my $r = $t->get('/other/noarch/repodata.json', 'X-Auth' => $token);
is($r->{body}, 'index of other', 'what would be denied is served');
is($t->header($r, 'WWW-Authenticate'), undef, 'without a challenge');
is(decided($t->get('/main/noarch/repodata.json', 'X-Auth' => $token,
	'X-Auth' => $token)), '200 token_malformed', 'two lines of one carrier');

# It does not open what others close.
is($t->get('/other/closed/x', 'X-Auth' => $token)->{status}, 403,
	'another module still denies');
is($t->get('/main/../other/any/x', 'X-Auth' => $token)->{status}, 403,
	'under satisfy any, too');
is(decided($t->get('/other/real/x', 'X-Auth' => $token)),
	'403 channel_not_granted', 'an inner off is a real gate');

# The token is no less hidden.
is($t->get("/t/$token/other/up/x")->{status}, 200, 'proxied');
is($t->get('/other/up/x', 'X-Auth' => $token)->{status}, 200, 'by header');

$t->redis_server->stop;
$t->expect_log(qr/connect\(\) to unix:/);
is(decided($t->get('/main/noarch/repodata.json',
	'X-Auth' => $t->unknown_token)), '200 store_unavailable',
	'an outage does not show');

$t->stop;
like($t->log_text,
	qr/\[warn\].*psm token: dry run: denied 403 channel_not_granted, id $id, channel other/,
	'what would be denied is logged');
like($t->log_text('decision.log'), qr/^200 channel_not_granted $id$/m,
	'and in the variables');

$t->finish;
