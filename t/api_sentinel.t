#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The API follows the master that the sentinels name: what it is told to change
# is changed there, and requests in between get a 503, never somebody's old
# answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Async qw(until_status);
use PSM::Gate;
use PSM::Sentinel;
use PSM::Token qw(token_digest);
use Test::More;

my $t = PSM::Gate->new(name => 'the API behind sentinels');
my $trio = PSM::Sentinel->start(dir => $t->dir . '/trio');
my $address = $trio->address;
$t->write_conf(<<"EOC");
psm_token_redis unix:%%DIR%%/nowhere.sock;
psm_token_api_redis $address;
server {
	listen %%LISTEN%%;
	location /psm/ { psm_token_api; }
}
EOC
$t->start_nginx;

my %records;
my $editor = $t->add_token(owner => 'root', in => \%records,
	scopes => [qw(user.token:view user.token:edit artifact:download
		channel:view-artifacts)]);
$trio->master->command('SET', %records);

sub ask { return $t->get('/psm/account/token-info', 'X-Auth', $editor) }

# The new token's digest, when it was made.
sub create {
	my $r = $t->http('POST', '/psm/account/tokens', body => encode_json({
		name => 'x', scopes => ['artifact:download'] }),
		headers => ['X-Auth', $editor, 'Content-Type', 'application/json']);
	my $token = (eval { decode_json($r->{body}) } // {})->{token} // return $r;
	$t->secret($token);
	return { %$r, digest => token_digest($token) };
}

is(until_status(\&ask, 200, 30)->{status}, 200, 'the master is found');
my $made = create();
is($made->{status}, 200, 'a change');
ok($trio->master->command('GET', "psm:t:$made->{digest}"), '  is made there');

$trio->wait_ready;
my $old = $trio->master;
$trio->failover;
$made = until_status(\&create, 200, 30);
is($made->{status}, 200, 'after a failover, a change');
is_deeply([grep { !/^(?:200|503)$/ } keys %{ $made->{seen} }], [],
	'  or a 503 before');
my $new = $trio->master;
isnt($new->port, $old->port, '  by another master');
ok($new->command('GET', "psm:t:$made->{digest}"), '  which has it');

$trio->wait_ready;
$new->kill;
$trio->wait_switched($new->port);
is(until_status(\&create, 200, 30)->{status}, 200, 'after the master died, too');

$t->allow_leak('response body');
$t->finish;
$trio->stop;
