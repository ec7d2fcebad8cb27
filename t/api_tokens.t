#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The whole life of a token over the API, beside the gate that it is for, and
# the same seen from psm-token.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Api qw(says);
use PSM::Gate;
use PSM::Process qw(wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'the life of a token');
$t->start_redis;
$t->file("$_/noarch/repodata.json", '{}') for qw(main lab);
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	location /api/ { psm_token_api; }
}
EOC
$t->start_nginx;
my $api = PSM::Api->new($t);

# What the gate says to a token on a channel, in the end.
sub gate_says {
	my ($token, $status, $name, $channel) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $path = '/' . ($channel // 'main') . '/noarch/repodata.json';
	my $got;
	wait_for(sub {
		$got = $t->get($path, 'X-Auth', $token)->{status};
		return $got == $status;
	}, 10);
	return is($got, $status, $name);
}

# ----------------------------------------------------- the first of all ----

$api->cli('user', 'set', 'root', '--admin');
my $root = $api->mint('--owner', 'root', '--scope', 'user.token:view',
	'--scope', 'user.token:edit');
my $account = $api->ask('GET', '/account', $root)->{json};
is("$account->{username} $account->{admin} @{ $account->{roles} }",
	'root 1 admin', 'the first administrator');
ok($account->{grants}{everything}, '  who may hand out everything');

# -------------------------------------------------- made, used, changed ----

my $made = $api->ask('POST', '/account/tokens', $root, { name => 'ci',
	description => 'nightly', owner => 'alice', expires_at => undef,
	resources => [{ channel => 'main', permission => 'write' }] });
says($made, '400 request_invalid expires_at', 'not for ever');
$made = $api->ask('POST', '/account/tokens', $root, { name => 'ci',
	description => 'nightly', owner => 'alice',
	resources => [{ channel => 'main', permission => 'read' }] });
says($made, '200', 'a token');
my %ci = %{ $made->{json} };
my $token = delete $ci{token};
gate_says($token, 200, '  which opens its channel');
gate_says($token, 403, '  and no other', 'lab');
is($t->header($made, 'ETag'), '"1"', '  with an ETag');
is_deeply($api->cli('show', $ci{id}), \%ci, '  is the same for psm-token');
is_deeply($api->ask('GET', "/account/tokens/$ci{id}", $root)->{json}, \%ci,
	'  and when it is asked for, without its text');

my $path = "/account/tokens/$ci{id}";
my $edited = $api->ask('PUT', $path, $root, { name => 'ci2',
	resources => [{ channel => 'lab', permission => 'read' }] });
says($edited, '200', 'an edit');
ok(!exists $edited->{json}{token}, '  gives no new text');
gate_says($token, 200, '  the old one opens what it is for now', 'lab');
gate_says($token, 403, '  and what it was for no more');

my $again = $api->ask('PUT', $path, $root, {});
says($again, '200', 'a re-issue');
my $second = $again->{json}{token};
is($again->{json}{id}, $ci{id}, '  keeps the id');
gate_says($second, 200, '  the new text works', 'lab');
gate_says($token, 401, '  the old one is dead', 'lab');

my $third = $api->ask('PUT', $path, $root, { reissue => JSON::PP::true(),
	overlap => 600 })->{json}{token};
gate_says($_, 200, 'while they overlap both texts work', 'lab')
	for $second, $third;
says($api->ask('DELETE', $path, $root), '204', 'a deletion');
gate_says($_, 401, '  kills both', 'lab') for $second, $third;
says($api->ask('DELETE', $path, $root), '204', '  and can be repeated');
like($api->ask('GET', $path, $root)->{json}{deleted_at},
	qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, '  what is left says when');

# ------------------------------------------------------- of the others -----

my ($text, $id) = $api->mint('--owner', 'alice', '--resource', 'main:read');
my $listed = $api->ask('GET', '/account/tokens?owner=alice', $root)->{json};
is_deeply([map { $_->{id} } @{ $listed->{items} }], [$id],
	'what psm-token made is listed');
is(scalar(grep { exists $_->{token} } @{ $listed->{items} }), 0,
	'  without a text');
is($api->ask('GET', '/account/token-info', $text)->{json}{id}, $id,
	'a token asks about itself');
is($api->ask('GET', '/account', $text)->{json}{username}, 'alice',
	'  and who it is');
says($api->ask('GET', '/account/tokens', $text), '403 scope_missing',
	'  but sees no tokens');
$t->redis('HSET', 'psm:u', $id, 1790000000);
is($api->ask('GET', "/account/tokens/$id", $root)->{json}{last_used_at},
	'2026-09-21T14:13:20Z', 'when it was last used');

# A service account is a channel's.
my $service = $api->ask('POST', '/account/tokens', $root, { name => 'sync',
	service_account => 'main',
	resources => [{ channel => 'main', permission => 'write' }] });
says($service, '200', 'a token of a service account');
is($service->{json}{owner}, 'service-account-channel-main', '  and its owner');
gate_says($service->{json}{token}, 200, '  works');

# Pages, the newest first, as many as there are.
$api->ask('POST', '/account/tokens', $root, { name => "p$_",
	scopes => ['cve:view'] }) for 1 .. 7;
my ($after, @names) = ('');
for (1 .. 10) {
	my $page = $api->ask('GET', "/account/tokens?scope=cve:view&limit=3"
		. ($after && "&after=$after"), $root)->{json};
	push @names, map { $_->{name} } @{ $page->{items} };
	$after = $page->{next} // last;
}
is(scalar @names, 7, 'all pages hold all tokens');
is_deeply([sort @names], [map { "p$_" } 1 .. 7], '  each once');

# ------------------------------------------------------------ channels -----

is($api->ask('GET', '/channels/main', $service->{json}{token})->{json}{privacy},
	'private', 'a channel is private');
says($api->ask('PUT', '/channels/main', $service->{json}{token},
	{ privacy => 'public' }), '403 level_too_low', '  who writes changes nothing');
my $keeper = $api->mint('--owner', 'alice', '--resource', 'main:manage');
says($api->ask('PUT', '/channels/main', $keeper, { privacy => 'public' }),
	'200', '  who manages it does');
ok(wait_for(sub {
	$t->get('/main/noarch/repodata.json')->{status} == 200 }, 10),
	'  and the gate opens it');
is($api->ask('POST', '/explain', $text, { method => 'GET',
	url => '/main/noarch/x.conda' })->{json}{reason}, 'public',
	'explain says why');

# --------------------------------------------------------------- audit -----

my $audit = $api->ask('GET', '/audit?limit=500', $root)->{json};
my @what = map { "$_->{what} $_->{who}" } grep { $_->{subject} eq $ci{id} }
	@{ $audit->{items} };
is_deeply(\@what, ['create root', 'edit root', 'reissue root', 'reissue root',
	'delete root'], 'the audit has it all');
my ($edit) = grep { $_->{what} eq 'edit' } @{ $audit->{items} };
is_deeply($edit->{before}{resources}, { main => 'read' },
	'  with what was before');
is_deeply($edit->{after}{resources}, { lab => 'read' }, '  and after');
is($edit->{client}, '127.0.0.1', '  from where');
like($edit->{request_id}, qr/^[0-9a-f]{32}$/, '  by which request');
ok(wait_for(sub {
	$api->ask('GET', '/account', $token);    # one a second is noted
	my $denied = $api->ask('GET', '/audit?denied=true', $root)->{json}{items};
	grep { ($_->{after}{code} // '') eq 'token_disabled' } @$denied;
}, 10), 'and who was refused');

my $doctor = $t->cli('doctor');
is($doctor->{exit}, 0, 'psm-token doctor finds nothing to mend')
	or diag($doctor->{out}, $doctor->{err});
$t->finish;
