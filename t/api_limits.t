#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T114: conf/psm_token_api_limits.conf, with the lines that its comment says to
# write. Who asks with tokens that do not work is told 429 after a while, and
# so is who makes too many; nobody else notices, and no one is locked out.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use PSM::Check qw(code_of spoiled_token);
use PSM::Gate;
use PSM::Process qw(slurp);
use PSM::Token qw(token_digest);
use Test::More;
use Time::HiRes qw(time);

my $snippet = slurp("$PSM::Gate::REPO/conf/psm_token_api_limits.conf");
my @lines = $snippet =~ /^#\s+(limit_req(?:_status)? .*;)$/mg;
is(scalar(@lines), 4, 'the comment shows four lines');
my %burst = map { /zone=(\w+) burst=(\d+) / ? ($1 => $2) : () } @lines;
my %rate = $snippet =~ /zone=(\w+):1m +rate=(\d+)r\/m;$/mg;
is_deeply([sort keys %burst], [sort keys %rate], 'a line for each zone');
cmp_ok($burst{psm_api_failures} + 60 * $rate{psm_api_failures}, '<=', 100,
	'T114 at most 100 failures an hour');

my $json = JSON::PP->new->utf8->canonical;
my $t = PSM::Gate->new(name => 'api limits', workers => 2);
$t->start_redis;
$t->write_conf(<<"EOC");
include %%REPO%%/conf/psm_token_api_limits.conf;
# Nothing says psm_token_redis: where there is the API alone, its Redis counts.
psm_token_api_redis %%REDIS%%;
server {
	listen %%LISTEN%%;
	location /api/ {
		psm_token_api;
		@lines
	}
}
EOC
$t->start_nginx;

sub account {
	my (%arg) = @_;
	return $t->add_token(type => 'scope', owner => 'admin',
		scopes => [qw(user.token:view user.token:edit artifact:download)],
		%arg);
}

my ($token, $second) = (account(), account());
my $other = account(owner => 'bob');

# From an address of this host; with a body it is a POST, if nothing else.
sub ask {
	my ($address, $path, $with, $body, $method, $more) = @_;

	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $t->port, LocalAddr => $address, Timeout => 5)
		or die "$address: $!";
	$method //= defined $body ? 'POST' : 'GET';
	$body //= '';
	my $length = length $body;
	return $t->request("$method /api$path HTTP/1.1\r\nHost: x\r\n"
		. "Connection: close\r\nX-Auth: $with\r\n" . ($more // '')
		. "Content-Type: application/json\r\nContent-Length: $length\r\n\r\n"
		. $body, sock => $socket);
}

my $wanted = '{"name":"x","scopes":["artifact:download"]}';

sub make {
	my ($address, $with) = @_;

	my $got = ask($address, '/account/tokens', $with, $wanted);
	$t->allow_leak('response body',
		$t->secret($json->decode($got->{body})->{token}))
		if $got->{status} == 200;
	return $got;
}

# Asks so often; some are answered with the good status, as many as burst and
# rate of the zone allow, and the rest 429.
sub limited {
	my ($zone, $good, $name, $times, $ask) = @_;

	my $begin = time;
	my %n = ($good => 0, 429 => 0);
	$n{ $ask->($_)->{status} }++ for 1 .. $times;
	is_deeply([sort keys %n], [sort $good, 429], $name);
	cmp_ok($n{429}, '>', 0, '  beyond that it is told so');
	cmp_ok($n{$good}, '>=', $burst{$zone} + 1, '  the burst passes');
	cmp_ok($n{$good}, '<=', $burst{$zone} + 2 + (time - $begin) * $rate{$zone} / 60,
		'  and no more than the rate');
	return;
}

# ---- tokens that do not work ----

my $failures = $burst{psm_api_failures};
my @expired = (account(expires => time - 9),
	account(disabled => JSON::PP::true), spoiled_token($t), '<TOKEN>');
limited('psm_api_failures', 401, 'T114 failures are counted', 2 * $failures,
	sub {
		my ($i) = @_;
		return ask('127.0.0.1', '/account',
			$i % 5 ? $t->unknown_token : $expired[$i / 5 % @expired]);
	});
is(ask('127.0.0.1', '/account', $_)->{status}, 429, '  whatever is wrong')
	for @expired;

is(ask('127.0.0.1', '/account', $other)->{status}, 200,
	'T114 the administrator is not locked out');
is(make('127.0.0.1', $other)->{status}, 200, '  and makes a token');
is(ask('127.0.0.2', '/account', $t->unknown_token)->{status}, 401,
	'T114 another address has a limit of its own');

# ---- tokens that are made ----

my $account = $burst{psm_api_account};
limited('psm_api_account', 200,
	'T114 what an account makes is counted, over all its tokens', $account + 20,
	sub { make('127.0.0.3', $_[0] % 2 ? $token : $second) });
is(make('127.0.0.4', $token)->{status}, 429, '  from another address, too');
is(ask('127.0.0.4', '/account/tokens', $token, $wanted, 'POST',
	'Authorization: Basic ' . encode_base64('somebody:x', '') . "\r\n")
	->{status}, 429, '  whoever he says to be beside');
is(ask('127.0.0.3', '/account/tokens', $token)->{status}, 200,
	'  the account may do all else');
is(make('127.0.0.3', $other)->{status}, 200, '  and others make theirs');

# Each change stands in the audit, with the record before and behind it.
my $third = account(owner => 'carl');
my $id = $t->token_record($third)->{id};
$t->redis('SET', "psm:i:$id", token_digest($third));
limited('psm_api_account', 200, 'T114 so are changes', $account + 20, sub {
	ask('127.0.0.7', "/account/tokens/$id", $third,
		qq({"description":"$_[0]"}), 'PUT');
});
is(ask('127.0.0.7', "/account/tokens/$id", $third, '', 'DELETE')->{status},
	204, '  but not to delete');

my $address = $burst{psm_api_address};
my @others = map { account(owner => "user$_") } 1 .. 2 + $address / $account;
limited('psm_api_address', 200,
	'T114 what an address makes is counted, over all accounts', $address + 20,
	sub { make('127.0.0.5', $others[$_[0] % @others]) });
is(make('127.0.0.6', $others[0])->{status}, 200,
	'  another address is not bound by it');

$t->finish;
