#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token over TLS: the certificate is verified against ca= or the system's
# store and for name= or the host, always; what is wrong is said.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;

use PSM::Certificates;
use PSM::Cli qw(:all);
use PSM::Process qw(free_port wait_for slurp);
use PSM::Redis;

start();
my $dir = folder();
my $certs = PSM::Certificates->new(dir => "$dir/tls");
my $ca = 'ca=' . $certs->ca;
my $number = 0;

sub server {
	my $dir = "$dir/server-" . $number++;
	return PSM::Redis->start(dir => $dir, tls => $certs, @_);
}

sub works {
	my ($address, $name, %env) = @_;

	my $got = run('list', { redis => $address, env => \%env });
	is($got->{code}, 0, $name) or diag($got->{err});
	return $got;
}

sub fails {
	my ($address, $says, $name) = @_;

	my $got = run('list', { redis => $address });
	is($got->{code}, 2, "$name: exit 2");
	like($got->{err}, $says, "$name: says so");
	is($got->{out}, '', "$name: nothing on stdout");
	return $got;
}

my $redis = server(tcp => 1);
my $at = $redis->tls_address;
my $port = $redis->port;

subtest 'a connection' => sub {
	works("$at $ca", 'rediss:// and ca=');
	works("redis://127.0.0.1:$port tls=on $ca", 'tls=on');
	works("rediss://localhost:$port $ca", 'a name');
	works("$at $ca name=redis.test", 'name=');
	works($at, "the system's store", SSL_CERT_FILE => $certs->ca);

	# A long list comes in many records, and as many pieces.
	my @create = map { ('--scope', $_) } qw(cve:view artifact:download);
	my $got = run('create', '--name', 'n', @create, '--description',
		'd' x 1000, { redis => "$at $ca" });
	is($got->{code}, 0, 'create') or diag($got->{err});
	my ($id) = $got->{out} =~ /^id +(\S+)/m;
	my $digest = $redis->command('GET', "psm:i:$id");
	my $record = $redis->command('GET', "psm:t:$digest");
	for my $n (1 .. 500) {
		my $other = sprintf '00000000-0000-4000-8000-%012d', $n;
		my $key = sprintf '%064x', $n;
		$redis->command('SET', "psm:i:$other", $key);
		$redis->command('SET', "psm:t:$key", $record =~ s/$id/$other/r);
		$redis->command('ZADD', 'psm:ix:all', $n, $other);
	}
	$got = run_json('list', { redis => "$at $ca" });
	is(scalar @{ $got->{json}{items} }, 501, 'a reply of half a megabyte');
	is(run('delete', $id, { redis => "$at $ca" })->{code}, 0, 'delete');
};

subtest 'wrong certificates' => sub {
	my $not_ours = qr/$at: its certificate is not signed by a CA of/;
	fails($at, qr/$not_ours this system .*by ca=/, 'no ca=');
	fails("$at ca=" . $certs->other_ca,
		qr/$not_ours \S+other_ca\.pem .*by ca=/, 'a wrong ca=');
	for my $name (qw(elsewhere.test redis.tes edis.test 192.0.2.1 127.0.0.2
		::2))
	{
		fails("$at $ca name=$name",
			qr/its certificate is not for "\Q$name\E".*name=/, "name=$name");
	}
	my %says = (
		stranger => qr/is not signed by a CA of \S+\/ca\.pem/,
		wrong_name => qr/is not for "127\.0\.0\.1".*name=/,
		name => qr/is not for "127\.0\.0\.1".*name=/,
		expired => qr/has expired/,
	);
	for my $certificate (sort keys %says) {
		my $server = server(certificate => $certificate);
		fails($server->tls_address . " $ca", $says{$certificate},
			"certificate \"$certificate\"");
		$server->settle;
		unlike($server->monitored, qr/ZRANGE/, 'nothing was asked there');
		$server->stop;
	}
	my $server = server(certificate => 'name');
	works($server->tls_address . " $ca name=localhost",
		'a certificate without addresses, and name=');
	$server->stop;
	$server = server(certificate => 'address');
	works($server->tls_address . " $ca", 'one without names');
	fails('rediss://localhost:' . $server->port . " $ca",
		qr/is not for "localhost"/, 'and the name of the host');
	$server->stop;
};

subtest 'client certificates' => sub {
	my $server = server(client_auth => 1);
	my $at = $server->tls_address . " $ca";
	works("$at " . $certs->words('client'), 'a good one');
	fails($at, qr/asks for a client certificate \(give cert= and key=\)/,
		'none');
	fails("$at " . $certs->words('other_client'),
		qr/does not take the client certificate/, 'of another CA');
	$server->stop;
};

subtest 'files' => sub {
	my $cert = 'cert=' . $certs->cert('client');
	open my $fh, '>', "$dir/empty" or die $!;
	close $fh;
	my $locked = "$dir/locked.key";
	system('openssl', 'pkcs8', '-topk8', '-in', $certs->key('client'), '-out',
		$locked, '-passout', 'pass:secret') == 0 or die 'openssl';
	for (['ca', "ca=$dir/none", qr/cannot read ca=\S+none: No such file/],
		['ca', "ca=$dir/empty", qr/cannot use ca=.*certificates of CAs/],
		['cert', "$ca cert=$dir/none key=$dir/none",
			qr/cannot read cert=\S+none: No such file/],
		['key', "$ca $cert key=$dir/none", qr/cannot read key=\S+none/],
		['cert', "$ca cert=$dir/empty key=$dir/empty",
			qr/cannot use cert=.*a certificate in PEM/],
		['another key', "$ca $cert key=" . $certs->key('other_ca'),
			qr/cannot use key=.*mismatch.*the key of cert=/],
		['a locked key', "$ca $cert key=$locked",
			qr/cannot use key=.*without a passphrase/])
	{
		my ($name, $words, $says) = @$_;
		fails("$at $words", $says, $name);
	}
};

subtest 'no TLS there' => sub {
	fails('rediss://127.0.0.1:' . $redis->{port}
		. " $ca connect_timeout=500ms",
		qr/no TLS handshake within 500ms.*TLS port|does not speak TLS there/,
		'the other port of Redis');
	my %says = ("HTTP/1.1 400 Bad Request\r\n\r\n" => qr/does not speak TLS/,
		"-ERR unknown\r\n" => qr/does not speak TLS/,
		'' => qr/closed the connection/);
	for my $bytes (sort keys %says) {
		my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
			Listen => 1) or die $!;
		my $server = PSM::Process->start(name => 'no TLS', keep => [$listen],
			code => sub {
				my $socket = $listen->accept;
				sysread $socket, my $hello, 1;
				syswrite $socket, $bytes;
				shutdown $socket, 1;
				1 while sysread $socket, $hello, 4096;
			});
		fails('rediss://127.0.0.1:' . $listen->sockport . " $ca",
			$says{$bytes}, length $bytes ? $bytes =~ s/\s+\z//r : 'the end');
		$server->stop;
	}
	fails("redis://127.0.0.1:$port timeout=2s",
		qr/redis:.*(?:closed the connection|cannot \w+: .*) \(is it a TLS port\?/,
		'and TLS where it is not expected');
};

subtest 'old TLS' => sub {
	my $port = free_port();
	my $server = PSM::Process->start(name => 'openssl s_server',
		output => "$dir/s_server", run => ['openssl', 's_server', '-accept',
			"127.0.0.1:$port", '-cert', $certs->cert('both'), '-key',
			$certs->key('both'), '-tls1_1', '-www', '-cipher', 'DEFAULT@SECLEVEL=0']);
	ok(wait_for(sub { slurp("$dir/s_server") =~ /ACCEPT/ }), 'a server')
		or diag(slurp("$dir/s_server"));
	fails("rediss://127.0.0.1:$port $ca", qr/offers no TLS 1\.2 or later/,
		'TLS 1.1');
	$server->stop;
};

$redis->stop;
finish();
