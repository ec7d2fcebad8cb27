#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What mamba and micromamba send through libcurl, replayed byte for byte; and
# the requests of conda-mirror, which looks for every platform by HEAD.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/clients";

use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Test::More;

use PSM::Clients qw(make_channels site_conf packages_of);
use PSM::Gate;
use PSM::Process qw(slurp wait_for);

my $AGENT = 'mamba/2.3.3 libcurl/8.16.0 OpenSSL/3.5.3 zlib/1.3.1 '
	. 'zstd/1.5.7 libssh2/1.11.1 nghttp2/1.67.0';

my $t = PSM::Gate->new(name => 'mamba');
$t->start_redis;
$t->write_conf(site_conf('/api/repo/'));
$t->start_nginx;
make_channels($t);

my $host = '127.0.0.1:' . $t->port;
my $token = $t->add_token(resources => { private => 'read' });
my $other = $t->add_token(resources => { authenticated => 'read' });
my $revoked = $t->add_token(resources => { private => 'read' });
$t->revoke($revoked);

sub on_disk { return slurp($t->dir . "/html/$_[0]") }

# libcurl writes the credentials it knows before the agent, and headers that
# the program adds last and as they are given.
sub mamba_request {
	my ($method, $path, %arg) = @_;

	my $text = "$method $path HTTP/1.1\r\nHost: $host\r\n";
	$text .= 'Authorization: Basic ' . encode_base64($arg{login}, '') . "\r\n"
		if $arg{login};
	$text .= "User-Agent: $AGENT\r\nAccept: */*\r\n";
	$text .= "Accept-Encoding: deflate, gzip, br, zstd\r\n"
		if $path =~ /\.json$/;
	return $text . join('', map { "$_\r\n" } @{ $arg{added} // [] }) . "\r\n";
}

sub ask {
	my ($session, @request) = @_;
	return $t->request(mamba_request(@request), sock => $session);
}

# Where mamba has the token: in the URL as the user wrote it, first in the path
# when it is stored as CondaToken, or in a header.
my %places = (
	'in the URL' => ["/t/$token/private"],
	'in the URL, in front of a base' => ["/t/$token/api/repo/private"],
	'in the URL, behind a base' => ["/api/repo/t/$token/private"],
	'stored as CondaToken, in a subchannel' => ["/t/$token/private/dev"],
	'stored as BearerToken' => ['/private',
		added => ["Authorization: Bearer $token"]],
	'stored as BearerToken, below a base' => ['/api/repo/private',
		added => ["Authorization: Bearer $token"]],
	'stored as BasicHTTPAuthentication' => ['/private',
		login => "any:$token"],
	'stored as CondaToken, and a .netrc' => ["/t/$token/private",
		login => 'someone:else'],
);

# Adds headers to those of a place.
sub with {
	my ($options, @added) = @_;
	return (%$options, added => [@{ $options->{added} // [] }, @added]);
}

for my $name (sort keys %places) {
	my ($path, %with) = @{ $places{$name} };
	my ($channel) = $path =~ m{(private(?:/dev)?)\z};

	subtest "token $name" => sub {
		my $session = $t->connect;
		for my $subdir (qw(noarch linux-64)) {
			my $at = "$path/$subdir";
			my $r = ask($session, 'HEAD', "$at/repodata.json.zst", %with);
			is($r->{status}, 200, "$subdir: HEAD of the compressed index");
			is(ask($session, 'HEAD', "$at/repodata_shards.msgpack.zst",
				%with)->{status}, 404, "$subdir: HEAD of the shards");

			my $whole = ask($session, 'GET', "$at/repodata.json.zst", %with);
			is($whole->{status}, 200, "$subdir: GET");
			ok($whole->{body} eq on_disk("$channel/$subdir/repodata.json.zst"),
				"$subdir: the file");
			is($t->header($r, $_), $t->header($whole, $_),
				"$subdir: HEAD and GET have the same $_")
				for qw(Content-Length ETag Last-Modified Content-Type
					Cache-Control Vary);

			# As mamba has it, without a space behind the colon.
			my @known = ('If-None-Match:' . $t->header($whole, 'ETag'),
				'If-Modified-Since:' . $t->header($whole, 'Last-Modified'));
			is(ask($session, 'GET', "$at/repodata.json.zst",
				with(\%with, @known))->{status}, 304, "$subdir: unchanged");
			is(ask($session, 'GET', "$at/repodata.json", %with)->{status},
				200, "$subdir: the plain index");
		}
		is(ask($session, 'GET', "$path/osx-arm64/repodata.json", %with)
			->{status}, 404, 'a platform that is not there');

		# Five downloads at once.
		my @packages = values %{ packages_of($channel) };
		my @sessions = map { $t->connect } @packages;
		$t->send($sessions[$_], mamba_request('GET',
			"$path/$packages[$_]{subdir}/$packages[$_]{file}", %with))
			for 0 .. $#packages;
		for my $n (0 .. $#packages) {
			my $r = $t->receive($sessions[$n]);
			ok($r->{status} == 200
				&& $r->{body} eq on_disk($packages[$n]{path}),
				"$packages[$n]{file}");
		}
		my $odd = packages_of($channel)->{ ($channel =~ s{/}{-}r) . '-epoch' };
		my $encoded = $odd->{file} =~ s/!/%21/r =~ s/\+/%2B/r;
		is(ask($session, 'GET', "$path/noarch/$encoded", %with)->{body},
			on_disk($odd->{path}), $encoded);
	};
}

# mamba ignores what happens to a platform, so that noarch has to be refused;
# and it takes a failed HEAD for an absent file.
subtest 'refused' => sub {
	my %case = (
		'no token' => ['/private', 401, 'token_missing'],
		'a revoked token' => ["/t/$revoked/private", 401, 'token_disabled'],
		'behind a base' => ["/api/repo/t/$revoked/private", 401,
			'token_disabled'],
		'as Bearer' => ['/private', 401, 'token_disabled',
			added => ["Authorization: Bearer $revoked"]],
		'as Basic' => ['/private', 401, 'token_disabled',
			login => "any:$revoked"],
		'a masked token' => ['/t/*****/private', 401, 'token_masked'],
		'another token' => ["/t/$other/private", 403, 'channel_not_granted'],
		'another token, base first' => ["/api/repo/t/$other/private", 403,
			'channel_not_granted'],
		'an absent channel' => ["/t/$token/absent", 403,
			'channel_not_granted'],
	);
	for my $name (sort keys %case) {
		my ($path, $status, $code, %with) = @{ $case{$name} };
		my $session = $t->connect;
		for my $file (map { ("noarch/$_", "linux-64/$_") } qw(repodata.json
			repodata.json.zst repodata_shards.msgpack.zst absent-1-0.conda))
		{
			my @conditions = ('If-None-Match:*',
				'If-Modified-Since:Fri, 01 Jan 2038 00:00:00 GMT');
			my $head = ask($session, 'HEAD', "$path/$file", %with);
			is($head->{status}, $status, "$name, HEAD $file");
			my $r = ask($session, 'GET', "$path/$file",
				with(\%with, @conditions));
			is($r->{status}, $status, "$name, GET $file");
			is(eval { decode_json($r->{body})->{code} }, $code,
				"$name, GET $file: $code");
			is($t->header($head, 'Content-Length'), length $r->{body},
				"$name, $file: HEAD and GET say the same");
		}
	}
};

# 404 would make clients forget for days that the file is there; and mamba
# waits only as long as it is told.
subtest 'Redis does not answer' => sub {
	my $fresh = $t->add_token(resources => { private => 'read' });
	$t->redis_server->pause;
	for my $method (qw(HEAD GET)) {
		for my $file (qw(repodata_shards.msgpack.zst repodata.json.zst
			absent-1-0.conda))
		{
			my $r = ask($t->connect, $method, "/t/$fresh/private/noarch/$file");
			is($r->{status}, 503, "$method $file: 503");
			is($t->header($r, 'Retry-After'), 2, "$method $file: Retry-After");
			is($t->header($r, 'Cache-Control'), 'no-store',
				"$method $file: not to be kept");
		}
	}
	$t->redis_server->resume;
	my $file = "/t/$fresh/private/noarch/repodata.json.zst";
	ok(wait_for(sub {
		ask($t->connect, 'HEAD', $file)->{status} == 200;
	}, 10), 'served again');
};

subtest 'conda-mirror looks for every platform' => sub {
	my @platforms = qw(noarch emscripten-wasm32 freebsd-64 linux-32 linux-64
		linux-aarch64 linux-armv6l linux-armv7l linux-ppc64 linux-ppc64le
		linux-riscv32 linux-riscv64 linux-s390x osx-64 osx-arm64 wasi-wasm32
		win-32 win-64 win-arm64 zos-z);
	my $bearer = "authorization: Bearer $token";
	my @sessions = map { $t->connect } @platforms;
	for my $n (0 .. $#platforms) {
		$t->send($sessions[$n], "HEAD /private/$platforms[$n]/repodata.json "
			. "HTTP/1.1\r\nuser-agent: conda-mirror/0.2.0\r\n"
			. "$bearer\r\naccept: */*\r\naccept-encoding: gzip\r\n"
			. "host: $host\r\n\r\n");
	}
	for my $n (0 .. $#platforms) {
		is($t->receive($sessions[$n], 'HEAD')->{status},
			$platforms[$n] =~ /^(?:noarch|linux-64)$/ ? 200 : 404,
			$platforms[$n]);
	}
	my $session = $t->connect;
	my $package = packages_of('private')->{'private-tool'};
	my $r = $t->request("GET /private/linux-64/$package->{file} HTTP/1.1\r\n"
		. "x-expected-sha256: " . ('0' x 64) . "\r\nrange: bytes=-64\r\n"
		. "$bearer\r\nhost: $host\r\n\r\n",
		sock => $session);
	is($r->{status}, 206, 'a suffix range');
	is($r->{body}, substr(on_disk($package->{path}), -64), 'its bytes');
};

subtest 'who asked is in the log' => sub {
	like($t->log_text('access.log'), qr/"\Q$AGENT\E"$/m, 'mamba');
};

$t->finish;
