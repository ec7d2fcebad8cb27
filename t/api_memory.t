#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What an idle worker still holds of the tokens that went through the API: those
# that came in a path, a header or a body, and those that it made (threat T67).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Gate;
use PSM::Memory qw(can_read_memory copies_of);
use PSM::Token qw(new_token token_digest);
use Test::More;

plan skip_all => 'a sanitizer or valgrind keeps what was freed'
	if $ENV{PSM_PRELOAD} || $ENV{PSM_VALGRIND};

my $t = PSM::Gate->new(name => 'memory of the API');
$t->start_redis;
$t->write_conf(<<'EOC');
server {
	listen %%LISTEN%%;
	location /psm/ { psm_token_api; }
}
EOC
$t->start_nginx;
$t->get('/');    # there is a worker
my ($worker) = $t->workers;
if (my $why = can_read_memory($worker)) {
	SKIP: { skip $why, 1 }
	$t->finish;
	exit;
}

my $editor = $t->add_token(owner => 'root',
	scopes => [qw(user.token:view user.token:edit artifact:download)]);

# Not told to the oracle: they are in answers.
sub issue {
	my $token = new_token();
	$t->redis('SET', 'psm:t:' . token_digest($token), '{"v":1,"id":"'
		. PSM::Token::new_id() . '","rev":1,"name":"x","owner":"x","type":'
		. '"resource","resources":{"main":"write"},"created":1700000000}');
	return $token;
}

sub post {
	my ($path, $json) = @_;
	return $t->http('POST', "/psm$path", body => encode_json($json),
		headers => ['X-Auth', $editor, 'Content-Type', 'application/json']);
}

sub create {
	my ($method, $path, $json) = @_;
	my $r = $t->http($method, "/psm$path", body => encode_json($json),
		headers => ['X-Auth', $editor, 'Content-Type', 'application/json']);
	return decode_json($r->{body});
}

sub info { return $t->get(@_)->{status} }

my @new = (name => 'x', scopes => ['artifact:download']);
my %ways = (
	'in a path' => sub {
		my $token = issue();
		info("/t/$token/psm/account/token-info");
		return $token;
	},
	'in a header' => sub {
		my $token = issue();
		info('/psm/account/token-info', 'X-Auth', $token);
		return $token;
	},
	'in a body' => sub {
		my $token = issue();
		is(post('/explain', { token => $token, method => 'GET',
			url => '/main/noarch/x' })->{status}, 200, 'explained');
		return $token;
	},
	'in a body that is refused' => sub {
		my $token = issue();
		is(post('/explain', { token => $token, x => 1 })->{status}, 400,
			'refused');
		return $token;
	},
	'made' => sub { return create('POST', '/account/tokens', { @new })->{token} },
	're-issued' => sub {
		my $made = create('POST', '/account/tokens', { @new });
		return ($made->{token},
			create('PUT', "/account/tokens/$made->{id}", {})->{token});
	},
);
for my $way (sort keys %ways) {
	my @tokens = map { $ways{$way}->() } 1 .. 8;
	$t->{answers} = [];
	# The worker is idle when it has answered somebody else.
	$t->get('/psm/account');
	my $found = copies_of($worker, @tokens);
	my @left = grep { @{ $found->{$_} } } @tokens;
	is(scalar(@left), 0, "T67 $way: no copy of " . @tokens)
		or diag(map { "@{ $found->{$_} }\n" } @left);
}

# The search finds what is there.
my $kept = issue();
my $socket = $t->connect;
$t->send($socket, "POST /psm/explain HTTP/1.1\r\nHost: x\r\n"
	. "Content-Length: 1000\r\n\r\n{\"token\":\"$kept\"");
ok(PSM::Process::wait_for(sub { @{ copies_of($worker, $kept)->{$kept} } }, 10),
	'T67 a body half read is seen');
close $socket;

$t->finish;
