#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# conf/psm_token_log_format.conf: nginx takes it, every line is JSON whatever
# was asked, and no token is in it, wherever the client put one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Gate;
use PSM::Process qw(slurp wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'log format');
$t->start_redis;
$t->file($_, '{}') for 'main/noarch/repodata.json', 'dry/noarch/x';

# The last server has no gate: nothing is masked there.
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
include %%REPO%%/conf/psm_token_log_format.conf;
access_log %%DIR%%/logs/decisions.log psm_token;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	location /dry/ { psm_token_dry_run on; }
}
server {
	listen %%LISTEN2%%;
	return 204;
}
EOC
$t->start_nginx;

my @keys = qw(time request_id client server method status bytes seconds
	decision channel token_id token_name token_owner token_type token_level
	token_expires cache);
my $lines = 0;

# The line that the sub's request leaves.
sub line_of {
	my ($sub, $name) = @_;

	$sub->();
	my @lines;
	wait_for(sub {
		@lines = split /\n/, slurp($t->dir . '/logs/decisions.log');
		@lines > $lines;
	}, 10);
	is(scalar @lines, ++$lines, "$name: one line");
	$lines = @lines;
	my $line = eval { decode_json($lines[-1] // '') };
	ok($line, '  of JSON') or diag($lines[-1]);
	is_deeply([sort keys %{ $line // {} }], [sort @keys], '  with its keys');
	is_deeply([grep { ref } values %$line], [], '  and texts');
	return $line // {};
}

sub fields_are {
	my ($line, %wanted) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is_deeply({ map { $_ => $line->{$_} } keys %wanted }, \%wanted,
		'  that says so');
}

# A name may be anything but control characters.
my $token = $t->add_token(resources => { main => 'write' },
	name => qq{a "quoted" \\ name, \xc3\xa9}, owner => 'alice@example.org');
my $record = $t->token_record($token);
my $forever = $t->add_token(scopes => ['artifact:download'], expires => undef);
my $unknown = $t->unknown_token;
my $file = 'main/noarch/repodata.json';

my $line = line_of(sub { $t->get("/t/$token/$file") }, 'granted');
fields_are($line, decision => 'granted', status => '200', method => 'GET',
	client => '127.0.0.1', bytes => 2, channel => 'main', cache => 'MISS',
	token_id => $record->{id}, token_owner => 'alice@example.org',
	token_type => 'resource', token_level => 'write',
	token_expires => $record->{expires});
is($line->{token_name}, $record->{name}, '  the name as it is');
like($line->{request_id}, qr/^[0-9a-f]{32}\z/, '  the request');
like($line->{time}, qr/^\d{4}-\d\d-\d\dT/, '  when');

fields_are(line_of(sub { $t->get("/$file", 'X-Auth', $forever) }, 'for ever'),
	decision => 'granted', token_type => 'scope', token_expires => '');
fields_are(line_of(sub { $t->get("/$file") }, 'nobody'),
	decision => 'token_missing', status => '401', token_id => '',
	token_name => '', cache => '', channel => 'main');
fields_are(line_of(sub { $t->get("/t/$unknown/$file") }, 'unknown'),
	decision => 'token_unknown', status => '401', token_id => '');
fields_are(line_of(sub { $t->get('/dry/noarch/x') }, 'a dry run'),
	decision => 'token_missing', status => '200');
fields_are(line_of(sub { $t->http('GET', '/', port => $t->port(2)) },
	'no gate'), decision => '', status => '204', channel => '');

# Nonsense, with a token wherever one can be put. What is logged then need not
# mean anything, but it is JSON, and the end of the test looks for tokens.
my $port;
my @nonsense = (
	"GET /$token/noarch/x HTTP/1.1\r\nHost: localhost\r\n",
	"GET /main/$token/noarch/$token.conda?t=$token#$token HTTP/1.1\r\n"
		. "Host: localhost\r\n",
	"GET /t/$token/t/$unknown/$file HTTP/1.1\r\nHost: localhost\r\n",
	"GET /$file HTTP/1.1\r\nHost: $token\r\nUser-Agent: $token\r\n"
		. "Referer: http://x/t/$token/\r\nCookie: t=$token\r\n"
		. "X-Forwarded-For: $token\r\nAuthorization: Bearer $token\r\n",
	"GET /\"\\%22%0a%00%ff/\xff\xfe\"x HTTP/1.1\r\nHost: localhost\r\n",
	"BREW /t/$token/ HTTP/1.1\r\nHost: localhost\r\n",
	"GET /t/$token/$file HTTP/9.9\r\nHost: localhost\r\n",
	"GET /t/$token/$file HTTP/1.1\r\n",
	"G\"T /t/$token/$file HTTP/1.1\r\nHost: localhost\r\n",
	"$token\r\n",
	"GET /" . "x" x 40000 . "$token HTTP/1.1\r\nHost: localhost\r\n",
);
for $port ($t->port(1), $t->port(2)) {
	for my $i (0 .. $#nonsense) {
		line_of(sub {
			$t->request("$nonsense[$i]Connection: close\r\n\r\n",
				port => $port);
		}, "nonsense $i");
	}
}
$t->allow_leak('access.log');
$t->allow_leak('error.log');    # of the server without a gate

$t->finish;
