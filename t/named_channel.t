#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Where the configuration names the channel or the scope, the path still has to
# mean to the upstream what it means to us (T30, T41).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'named channel');
$t->start_redis;
$t->start_upstream;
$t->write_conf(<<'EOC');
server {
	listen %%LISTEN1%%;
	psm_token on;
	psm_token_channel main;
	location / { proxy_pass http://%%UPSTREAM%%; }
	location /account/ {
		psm_token_require user.token:view;
		proxy_pass http://%%UPSTREAM%%;
	}
}
EOC
$t->start_nginx;
my $writer = $t->add_token(resources => { main => 'write' });
my $lister = $t->add_token(scopes => ['channel:view-artifacts']);
my $viewer = $t->add_token(scopes => ['user.token:view']);

sub ask {
	my ($token, $path, $method) = @_;
	return $t->http($method // 'GET', $path, headers => ['X-Auth', $token,
		$method ? ('Content-Length', 0) : ()]);
}

for my $path ('/main/noarch/x', '/anything', '/a/b/c/', '/noarch/x', '/-') {
	answer_is(ask($writer, $path), 200, undef, "$path is of the channel");
	answer_is(ask($writer, $path, 'PUT'), 200, undef, '  for a PUT, too');
}
answer_is(ask($lister, '/noarch/repodata.json'), 200, undef, 'an index');
answer_is(ask($lister, '/noarch/x.conda'), 403, 'scope_missing', 'a file');
answer_is(ask($viewer, '/account/tokens'), 200, undef, 'a scope');

my @misleading = (
	'T41 /main/noarch/%252e%252e/%252e%252e/secret/x',
	'T41 /main/noarch/%5c..%5c..%5csecret',
	'T41 /main/noarch/repodata.json%252f..%252fpkg.conda',
	'T41 /%09/x', 'T41 /main/noarch/pkg.conda%253f/',
	'T30 /main/noarch/..;/..;/secret/noarch/pkg.conda',
	'T30 /-/;x/..;/y', 'T30 /main/.;/x',
);
for (@misleading) {
	my ($threat, $path) = split / /;
	for my $case ([$writer, 'GET'], [$writer, 'PUT'], [$lister, 'GET'],
		[$viewer, 'GET', '/account'])
	{
		my ($token, $method, $before) = @$case;
		my $r = $t->http($method, ($before // '') . $path, headers =>
			['X-Auth', $token, 'Content-Length', 0]);
		answer_is($r, 403, 'action_unknown',
			"$threat $method " . ($before // '') . $path);
	}
}

$t->finish;
