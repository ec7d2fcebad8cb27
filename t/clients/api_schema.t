#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# api/openapi.yaml is a valid description, says what the code has, and the API
# keeps every promise of it: schemathesis makes requests of it, good ones and
# bad ones, and looks at each answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", $FindBin::Bin;

use JSON::PP;
use Test::More;

use PSM::Clients qw(api_venv base_url run);
use PSM::Gate;
use PSM::Process qw(slurp);

my $file = "$PSM::Gate::REPO/api/openapi.yaml";
my $text = slurp($file);
my $json = JSON::PP->new->utf8->canonical;

my $t = PSM::Gate->new(name => 'api schema', workers => 2);
$t->start_redis;
$t->write_conf(<<'EOC');
server {
	listen %%LISTEN%%;
	location /api/ {
		psm_token_api;
	}
}
EOC
$t->start_nginx;

# ------------------------------------------------------------- the file ----

sub lint {
	my ($yaml) = @_;
	return run($t, [api_venv('openapi-spec-validator'), 'openapi.yaml'],
		files => { 'openapi.yaml' => $yaml });
}

my $got = lint($text);
is($got->{exit}, 0, 'the file is a valid description')
	or diag($got->{out}, $got->{err});
for (
	['a schema that is not there', qr{schemas/Token'}, "schemas/Tokne'"],
	['a wrong type', qr/type: boolean/, 'type: bool'],
	['no responses', qr/responses:/, 'response:'],
) {
	my ($name, $from, $to) = @$_;
	isnt(lint($text =~ s/$from/$to/r)->{exit}, 0, "$name is noticed");
}

# JSON has no aliases: schemathesis writes into what it has read.
my $made = run($t, [api_venv('python'), '-c',
	'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)'],
	stdin => $text);
my $spec = $json->decode($made->{out});
my $scopes = $json->decode($t->cli('--json', 'scopes')->{out});
is_deeply($spec->{components}{schemas}{Scope}{enum},
	[map { $_->{scope} } @{ $scopes->{items} }],
	'its scopes are those of the table');

# -------------------------------------------------------------- the API ----

# The asking token is an administrator's, so that nothing is out of its reach.
$t->redis('SET', 'psm:user:root', '{"v":1,"admin":true}');
my $admin = $t->cli('--json', 'create', '--name', 'asks', '--owner', 'root',
	'--expires', 'never', map { ('--scope', $_->{scope}) } @{ $scopes->{items} });
is($admin->{exit}, 0, 'there is a token to ask with') or diag($admin->{err});
$admin = $json->decode($admin->{out});
$t->secret($admin->{token});
$t->cli('channel', 'set', 'main', '--privacy', 'public');

sub ask_all {
	my ($description) = @_;
	return run($t, [
		api_venv('schemathesis'), '--config-file',
		"$FindBin::Bin/api/schemathesis.toml", 'run', 'openapi.json',
		'--url', base_url($t) . '/api', '--report', 'json',
		'--report-json-path', 'report.json',
	], limit => 300, files => { 'openapi.json' => $json->encode($description) },
		env => {
			PSM_TOKEN => $admin->{token}, PSM_TOKEN_ID => $admin->{id},
			SCHEMATHESIS_HOOKS => 'hooks',
			PYTHONPATH => "$FindBin::Bin/api",
		});
}

$got = ask_all($spec);
is($got->{exit}, 0, 'the API keeps what the file promises')
	or diag($got->{out}, $got->{err});
note($got->{out});
my ($all, $asked) = $got->{out} =~ /Selected: \d+\/(\d+)\s+Tested: (\d+)/;
is($asked, $all, '  all of it was asked');
unlike($got->{out}, qr/mostly rejected/, '  and not in vain');

my (%done, $next);
do {
	my $after = $next ? "&after=$next" : '';
	my $page = $json->decode($t->get("/api/audit?limit=500$after",
		'X-Auth', $admin->{token})->{body});
	$done{ $_->{what} }++ for @{ $page->{items} };
	$next = $page->{next};
} while $next;
for ('create', 'edit', 'reissue', 'delete', 'channel set') {
	cmp_ok($done{$_} // 0, '>=', 10, "  what it did: $_")
		or diag(explain \%done);
}

# A promise that is not kept is noticed.
my $broken = $json->decode($made->{out});
delete $broken->{components}{schemas}{TokenMembers}{properties}{rev};
$broken->{paths} = { map { $_ => $broken->{paths}{$_} }
	'/account', '/account/token-info' };
$got = ask_all($broken);
isnt($got->{exit}, 0, 'a member that is not promised is noticed');
like($got->{out}, qr/violates schema/, '  and named');

$t->finish;
