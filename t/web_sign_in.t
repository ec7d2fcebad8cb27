#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Who signs in on the token page: with a token, or as whom nginx knows; who is
# refused; that a token stays nowhere.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use PSM::Token qw(new_token);
use PSM::Web;
use Test::More;

my $t = PSM::Gate->new(name => 'signing in on the page');
$t->private_file('htpasswd', join '', map { "$_:{PLAIN}pass\n" }
	qw(ada root nobody));
my $web = PSM::Web->start($t, channels => 0,
	redis => 'timeout=1s connect_timeout=1s', first => <<"EOC");
server {
	listen %%LISTEN2%%;
	location /api/ {
		auth_basic psm;
		auth_basic_user_file %%DIR%%/private/htpasswd;
		psm_token_api;
		psm_token_api_user \$remote_user;
	}
	@{[ PSM::Web::location() ]}
}
EOC

my %admin = (admin => $web->admin);
my $expired = new_token();
$web->import_lines({ name => 'old', owner => 'ada', token => $expired,
	created_at => '2026-01-01T00:00:00Z', expires_at => '2026-02-01T00:00:00Z',
	scopes => ['user.token:view'] });
$web->cli('user', 'set', 'ada', '--resource', 'main:write', '--resource',
	'lab:write', '--resource', 'lab/dev:read', '--scope',
	'user.token:view', '--scope', 'user.token:edit', '--scope', 'cve:view');

$web->runs('sign_in', 'with a token', %admin, unknown => $t->unknown_token,
	expired => $expired);
my $known = 'http://127.0.0.1:' . $t->port(2) . '/tokens/';
$web->runs('sign_in_nginx', 'as nginx knows one', %admin, known => $known,
	sites => [$known]);

$t->finish;
