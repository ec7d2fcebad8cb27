#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Everybody and everything of the API: who sees, changes and deletes whose
# tokens (T108), who hands out what (T106), whom nginx established and whom a
# token. t/unit/api_rights_test.cpp has more cases; here they are real.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Api qw(says);
use PSM::Gate;
use PSM::Token qw(new_id);
use Test::More;

my $t = PSM::Gate->new(name => 'rights over the API');
$t->start_redis;
my @people = qw(alice bob mara root carl);
$t->private_file('htpasswd', join '', map { "$_:{PLAIN}pass\n" } @people);
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
map $remote_user $is_admin { default 0; carl 1; }
server {
	listen %%LISTEN%%;
	location /api/ {
		auth_basic psm;
		auth_basic_user_file %%DIR%%/private/htpasswd;
		psm_token_api;
		psm_token_api_user $remote_user;
		psm_token_api_admin $is_admin;
	}
	location /tokens/ { psm_token_api; }
}
EOC
$t->start_nginx;
my $api = PSM::Api->new($t);
my $by_token = PSM::Api->new($t, prefix => '/tokens');

# People come to one location, tokens and nobody to the other.
sub ask {
	my ($method, $path, $who, $body) = @_;
	return (ref $who && @$who ? $api : $by_token)->ask($method, $path, $who,
		$body);
}

sub person {
	return [Authorization => 'Basic ' . encode_base64("$_[0]:pass", '')];
}

# Who there is; what they have is made anew for each act.
$api->cli('user', 'set', 'root', '--admin');
$api->cli('user', 'set', 'mara', '--resource', 'main:manage', '--scope',
	'user.token:view', '--scope', 'user.token:edit');
my @both = ('--scope', 'user.token:view', '--scope', 'user.token:edit');
my @manage = map { ('--scope', $_) } qw(artifact:download artifact:create
	artifact:edit artifact:delete channel:view-artifacts channel:edit);
my %who = (
	alice => person('alice'),
	bob => person('bob'),
	mara => person('mara'),
	root => person('root'),
	carl => person('carl'),
	"alice's" => scalar $api->mint('--owner', 'alice', @both),
	"alice's viewer" => scalar $api->mint('--owner', 'alice', '--scope',
		'user.token:view'),
	"alice's editor" => scalar $api->mint('--owner', 'alice', '--scope',
		'user.token:edit'),
	"alice's reader" => scalar $api->mint('--owner', 'alice', '--resource',
		'main:manage'),
	"mara's" => scalar $api->mint('--owner', 'mara', @both),
	"root's" => scalar $api->mint('--owner', 'root', @both),
	"root's viewer" => scalar $api->mint('--owner', 'root', '--scope',
		'user.token:view'),
	"root's reader" => scalar $api->mint('--owner', 'root', '--resource',
		'main:manage'),
	nobody => [],
);

# GET, PUT, DELETE of a token of: alice, bob, main's service account; of none.
my @matrix = (
	[nobody => '401 401 401', '401 401 401', '401 401 401', '401 401 401'],
	[alice => '200 200 204', '404 404 404', '404 404 404', '404 404 404'],
	[bob => '404 404 404', '200 200 204', '404 404 404', '404 404 404'],
	[mara => '404 404 404', '404 404 404', '200 200 204', '404 404 404'],
	[root => '200 200 204', '200 200 204', '200 200 204', '404 404 404'],
	[carl => '200 200 204', '200 200 204', '200 200 204', '404 404 404'],
	["alice's" => '200 200 204', '404 404 404', '404 404 404', '404 404 404'],
	["alice's viewer" => '200 403 403', '404 403 403', '404 403 403',
		'404 403 403'],
	["alice's editor" => '403 200 204', '403 404 404', '403 404 404',
		'403 404 404'],
	["alice's reader" => '403 403 403', '403 403 403', '403 403 403',
		'403 403 403'],
	["mara's" => '404 404 404', '404 404 404', '404 404 404', '404 404 404'],
	["root's" => '200 200 204', '200 200 204', '200 200 204', '404 404 404'],
	["root's viewer" => '200 403 403', '200 403 403', '200 403 403',
		'404 403 403'],
	["root's reader" => '403 403 403', '403 403 403', '403 403 403',
		'403 403 403'],
);
my @owners = ('alice', 'bob', 'service-account-channel-main', undef);
my @wrong;
my %missing;
for (@matrix) {
	my ($name, @expected) = @$_;
	for my $at (0 .. $#owners) {
		my $id = new_id();
		(undef, $id) = $api->mint('--owner', $owners[$at], '--resource',
			'main:read') if defined $owners[$at];
		my @got;
		for (['GET'], ['PUT', { name => 'n' }], ['DELETE']) {
			my ($method, $body) = @$_;
			my $r = ask($method, "/account/tokens/$id", $who{$name},
				$body);
			push @got, $r->{status};
			$missing{ $r->{body} =~ s/$r->{json}{request_id}/ID/gr
				. join '|', sort map { $_->[0] } @{ $r->{headers} } } = 1
				if $r->{status} == 404;
		}
		push @wrong, "$name, of " . ($owners[$at] // 'nobody')
			. ": @got, expected $expected[$at]" if "@got" ne $expected[$at];
	}
}
is_deeply(\@wrong, [], 'T108 ' . @matrix * @owners * 3 . ' requests for a token');
is(keys %missing, 1, '  what is not there and what is another\'s look the same')
	or diag(map { "$_\n" } sort keys %missing);

# ----------------------------------------------------- what is handed out ---

my $read = { resources => [{ channel => 'main', permission => 'read' }] };
my $write = { resources => [{ channel => 'main', permission => 'write' }] };
my $down = { scopes => ['artifact:download'] };
my @makers = (
	['alice', $read, '403 grants_exceeded resources'],
	['mara', $write, '200'],
	['mara', { resources => [{ channel => 'main2', permission => 'read' }] },
		'403 grants_exceeded resources'],
	['mara', { %$write, owner => 'bob' }, '403 grants_exceeded owner'],
	['mara', { %$write, service_account => 'main' }, '200'],
	['mara', { %$write, service_account => 'lab' },
		'403 grants_exceeded service_account'],
	["mara's", $read, '403 grants_exceeded resources'],
	["mara's", { scopes => ['user.token:view'] }, '200'],
	["alice's", $down, '403 grants_exceeded scopes'],
	["alice's viewer", $down, '403 scope_missing'],
	["alice's reader", $read, '403 scope_missing'],
	['root', $write, '200'],
	['root', { %$write, owner => 'bob' }, '200'],
	['root', { %$write, owner => 'mara' }, '200'],
	['root', { scopes => ['cve:edit'], owner => 'mara' },
		'422 owner_exceeded scopes'],
	["root's", { %$write, owner => 'bob' }, '200'],
	["root's reader", $read, '403 scope_missing'],
	['carl', $write, '200'],
	['nobody', $read, '401 token_missing'],
);
for (@makers) {
	my ($name, $wanted, $says) = @$_;
	says(ask('POST', '/account/tokens', $who{$name},
		{ name => 'n', %$wanted }), $says, "T106 $name: $says");
}

# A scope that makes a level makes it where it reaches.
my $manager = $api->mint('--owner', 'alice', @both, @manage, '--channel', 'main');
says(ask('POST', '/account/tokens', $manager, { name => 'n',
	resources => [{ channel => 'main/dev', permission => 'manage' }] }), '200',
	'the scopes of a level make it');
says(ask('POST', '/account/tokens', $manager, { name => 'n',
	resources => [{ channel => 'lab', permission => 'read' }] }),
	'403 grants_exceeded resources', '  where they reach');
says(ask('POST', '/account/tokens', $manager, { name => 'n',
	scopes => ['artifact:download'], channels => [] }),
	'403 grants_exceeded channels', '  and no further');

# What a weak token must not get out of a strong one of the same owner.
my (undef, $strong) = $api->mint('--owner', 'alice', '--expires', '1d',
	'--resource', 'lab:manage');
says(ask('PUT', "/account/tokens/$strong", $who{"alice's"}, {}),
	'403 grants_exceeded resources', 'no string of a stronger token');
says(ask('PUT', "/account/tokens/$strong", $who{"alice's"},
	{ name => 'renamed' }), '200', '  but a new name');

# What the owner loses the token loses.
my $maker = $api->mint('--owner', 'mara', '--scope', 'user.token:edit',
	'--scope', 'user.token:view');
says(ask('POST', '/account/tokens', $maker, { name => 'n',
	scopes => ['user.token:edit'] }), '200', 'a token within its owner');
$t->redis('SET', 'psm:user:mara', '{"v":1,"scopes":["user.token:view"]}');
says(ask('POST', '/account/tokens', $maker, { name => 'n',
	scopes => ['user.token:view'] }), '403 scope_missing',
	'  which has lost a scope');
$t->redis('SET', 'psm:user:mara', '{"v":1,"admin":"yes"}');
says(ask('GET', '/account', $maker), '409 user_damaged',
	'  whose record nobody can read');
$t->redis('DEL', 'psm:user:mara');
says(ask('GET', '/account/tokens', $maker), '200',
	'  who has no record any more');

# Who is no administrator learns nothing of channels either.
$t->set_channel('secret', 'private');
for my $path ('/channels/secret', '/channels/nothing') {
	says(ask('GET', $path, $who{bob}), '403 channel_not_granted',
		"$path to who has no right there");
}
is_deeply(ask('GET', '/account/channels', $who{bob})->{json}{items}, [],
	'  nor is it listed');
says(ask('GET', '/audit', $who{mara}), '403 admin_needed',
	'the audit is not for all');
$t->finish;
