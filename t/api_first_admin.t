#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# A fresh install has no credential (T104): the API is shut until somebody on a
# host that reaches Redis makes an administrator, whose token then makes others.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'first administrator');
$t->start_redis;
$t->file('main/noarch/x', "main\n");
$t->write_conf(<<'EOC');
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	location /api/ { psm_token off; psm_token_api; }
}
EOC
$t->start_nginx;

my @json = ('Content-Type' => 'application/json');

sub asks {
	my ($method, $path, $body, @headers) = @_;
	return $t->http($method, "/api$path", headers => \@headers,
		defined $body ? (body => encode_json($body)) : ());
}

my %wish = (name => 'reader',
	resources => [{ channel => 'main', permission => 'read' }]);
for my $words (
	['no token'],
	['an unknown token', 'X-Auth', $t->unknown_token],
	['admin and admin', Authorization => 'Basic YWRtaW46YWRtaW4='],
	['an empty password', Authorization => 'Basic cm9vdDo='],
) {
	my ($name, @who) = @$words;
	is(asks('GET', '/account', undef, @who)->{status}, 401,
		"T104 fresh, with $name: 401");
	is(asks('POST', '/account/tokens', \%wish, @json, @who)->{status}, 401,
		'  also for a new token');
}
is_deeply($t->redis('KEYS', 'psm:t:*'), [], 'T104 nothing was made');

is($t->cli('user', 'set', 'root', '--admin')->{exit}, 0,
	'T104 an administrator, from the host');
my $made = decode_json($t->cli('--json', 'create', '--name', 'root', '--owner',
	'root', '--scope', 'user.token:view', '--scope', 'user.token:edit')->{out});
my @admin = ('X-Auth' => $t->secret($made->{token}));
my $got = asks('GET', '/account', undef, @admin);
is($got->{status}, 200, 'T104 he is known') or diag($got->{body});
$got = asks('POST', '/account/tokens', \%wish, @json, @admin);
is($got->{status}, 200, 'T104 and makes a token') or diag($got->{body});
my $reader = $t->secret(decode_json($got->{body})->{token});
is($t->get("/t/$reader/main/noarch/x")->{status}, 200,
	'T104 which the gate lets in');
is(asks('POST', '/account/tokens', \%wish, @json, 'X-Auth', $reader)->{status},
	403, 'T104 and which makes none');
$t->secret(decode_json(asks('POST', '/account/tokens', { %wish,
	name => 'second' }, @json, @admin)->{body})->{token});

$t->allow_leak('response body');    # where they are made
$t->finish;
