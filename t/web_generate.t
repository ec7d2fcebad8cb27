#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Generating tokens on the page: every control of the form, what is offered to
# whom, the text that is shown once and kept nowhere (T69), and a package fetched
# with it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/clients";

use PSM::Clients qw(run);
use PSM::Gate;
use PSM::Web;
use Test::More;

my $t = PSM::Gate->new(name => 'generating tokens');
my $web = PSM::Web->start($t, first => <<"EOC");
server {
	listen %%LISTEN2%%;
	location /api/ {
		psm_token_api;
		psm_token_api_max_age 0;
	}
	@{[ PSM::Web::location() ]}
}
EOC
my $admin = $web->admin;

# A command that the page offers, as somebody who pasted it.
$web->serves(paste => sub {
	my $got = run($t, ['bash', '-c', "$_[0]"], limit => 60);
	return { exit => $got->{exit}, out => substr($got->{out}, 0, 20000) };
});

# Who may hand out little is offered no more.
$web->cli('user', 'set', 'mara', '--resource', 'private:write', '--resource',
	'private/dev:read', '--scope', 'user.token:view', '--scope',
	'user.token:edit', '--scope', 'cve:view', '--scope', 'artifact:download',
	'--channel', 'private');

$web->runs('generate', 'by an administrator', admin => $admin);
$web->runs('generate_scopes', 'with scopes', admin => $admin);
my $endless = 'http://127.0.0.1:' . $t->port(2) . '/tokens/';
$web->runs('generate_never', 'for ever, where that is allowed',
	admin => $admin, endless => $endless, sites => [$endless]);

$web->runs('generate_limited', 'by somebody with little', mara => $web->mint(
	'mara here', '--owner', 'mara', '--expires', '60d', '--scope',
	'user.token:view', '--scope', 'user.token:edit', '--scope', 'cve:view',
	'--scope', 'artifact:download', '--channel', 'private'));

$t->finish;
