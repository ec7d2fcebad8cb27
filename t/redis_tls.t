#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T93. TLS to Redis: whom the gate believes, on both of a worker's connections,
# and that it tells nobody else a password.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(cache_is log_count reload_whole until_status);
use PSM::Certificates;
use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Process qw(wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'redis tls');
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');

my $certs = PSM::Certificates->new(dir => $t->dir . '/private/tls');
my ($ca, $other_ca) = ($certs->ca, $certs->other_ca);
$t->start_redis(tls => $certs);
my $token = $t->add_token(resources => { main => 'read' });
my $password = $t->private_file('password', "s3cret\n");
$t->redis('CONFIG', 'SET', 'requirepass', 's3cret');

sub conf {
	my ($address, $times) = @_;

	$times //= 'timeout=10s connect_timeout=10s';
	return <<"EOC";
psm_token_redis $address $times password_file=$password;
psm_token_cache lease=20s;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache \$psm_token_cache always;
}
EOC
}

sub ask { return $t->get("/t/$token/$file") }

my $port = $t->redis_server->port;
my $running;

sub use_redis {
	my ($address) = @_;

	$t->write_conf(conf($address));
	$running++ ? reload_whole($t) : $t->start_nginx;
}

# How often somebody logged in; MONITOR does not show AUTH itself, INFO does.
sub logins {
	return $t->redis('INFO', 'commandstats') =~ /cmdstat_auth:calls=(\d+)/
		? $1 : 0;
}

sub believes {
	my ($address, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	use_redis($address);
	is(until_status(sub { ask() }, 200)->{status}, 200, $name);
	ok(wait_for(sub { $t->header(ask(), 'X-Cache') eq 'HIT' }, 10),
		'  its changes are told, too');
}

sub refuses {
	my ($address, $why, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $before = logins();
	my $log = length $t->log_text;
	use_redis($address);
	ok(wait_for(sub {
		substr($t->log_text, $log) =~ /redis is unavailable: $why/;
	}, 10), "$name: the log tells why") or diag(substr $t->log_text, $log);
	answer_is(ask(), 503, 'store_unavailable', "  and it is an outage");
	is(logins(), $before, '  nobody was told the password');
}

my $host = "rediss://127.0.0.1:$port";
believes("$host ca=$ca", 'an address in the certificate');
believes("redis://127.0.0.1:$port tls=on ca=$ca", 'tls=on is rediss://');
believes("rediss://localhost:$port ca=$ca", 'a name in the certificate');
believes("$host ca=$ca name=redis.test", 'another name that is expected');

my $unknown = '(?:unable to get local issuer certificate'
	. '|unable to verify the first certificate|self.signed certificate.*)';
refuses("$host ca=$other_ca", $unknown, 'another CA');
refuses($host, $unknown, 'a CA that the system does not know');
refuses("$host ca=$ca name=elsewhere.test", 'hostname mismatch',
	'a name that is not in the certificate');
refuses("$host ca=$ca name=192.0.2.7", 'IP address mismatch',
	'an address that is not in it');

# A TLS client before a plain Redis, a plain one before TLS.
my $plain = PSM::Redis->start(dir => $t->dir . '/redis/plain', tcp => 1);
$t->write_conf(conf("rediss://127.0.0.1:" . $plain->port . " ca=$ca"));
reload_whole($t);
answer_is(ask(), 503, 'store_unavailable', 'TLS before a plain Redis');
$t->write_conf(conf("redis://127.0.0.1:$port"));
reload_whole($t);
answer_is(ask(), 503, 'store_unavailable', 'plain before TLS');
$plain->stop;

# Other certificates of the server.
for (['expired', 'certificate has expired'],
	['wrong_name', 'IP address mismatch'], ['stranger', $unknown]) {
	my ($name, $why) = @$_;
	$t->redis('CONFIG', 'SET', 'tls-cert-file', $certs->cert($name),
		'tls-key-file', $certs->key($name));
	refuses("$host ca=$ca", $why, "the certificate $name");
}
$t->redis('CONFIG', 'SET', 'tls-cert-file', $certs->cert('both'),
	'tls-key-file', $certs->key('both'));

# Client certificates.
$t->redis('CONFIG', 'SET', 'tls-auth-clients', 'yes');
sub client {
	my ($name) = @_;
	return "$host ca=$ca cert=" . $certs->cert($name) . ' key='
		. $certs->key($name);
}
believes(client('client'), 'a client certificate');
use_redis("$host ca=$ca");
answer_is(ask(), 503, 'store_unavailable', 'no client certificate');
use_redis(client('other_client'));
answer_is(ask(), 503, 'store_unavailable', 'a client certificate of another CA');
$t->redis('CONFIG', 'SET', 'tls-auth-clients', 'no');
ok(until_status(sub { ask() }, 200, 20), 'until Redis takes it');

# The whole way: a revocation over TLS, and a connection that is lost.
believes("$host ca=$ca", 'again');
for my $type (qw(normal pubsub)) {
	$t->redis('CLIENT', 'KILL', 'TYPE', $type, 'SKIPME', 'yes');
	is(until_status(sub { ask() }, 200)->{status}, 200,
		"goes on without its $type connection");
}
ok(wait_for(sub { $t->header(ask(), 'X-Cache') eq 'HIT' }, 10), 'cached');
$t->revoke($token);
is(until_status(sub { ask() }, 401, 10)->{status}, 401,
	'a revocation arrives');

# A Redis that is frozen has said nothing about its certificate: it is tried
# again as soon as any other.
$t->write_conf(conf("$host ca=$ca", 'timeout=300ms connect_timeout=600ms'));
reload_whole($t);
$token = $t->add_token(resources => { main => 'read' });
is(until_status(sub { ask() }, 200, 20)->{status}, 200, 'a short patience');
my $before = length $t->log_text;
$t->redis_server->pause;
$token = $t->unknown_token;
answer_is(ask(), 503, 'store_unavailable', 'frozen');
my $why;
ok(wait_for(sub {
	($why) = substr($t->log_text, $before) =~ /redis is unavailable: (.*)/;
}, 10), '  and no handshake comes about');
is($why, 'no answer in time', '  which is no fault of the certificate');
$t->redis_server->resume;
is(until_status(sub { ask() }, 401, 20)->{status}, 401, '  until it goes on');

unlike($t->log_text, qr/s3cret/, 'the log has no password');
$t->finish;
