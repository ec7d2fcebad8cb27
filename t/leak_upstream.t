#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What upstreams are sent: every kind of upstream that this nginx has, every
# carrier, every mode (threat T62). The recorders write where the teardown
# looks for tokens; upstream 1 stands behind the gate, upstream 2 where a
# token may be passed on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use PSM::Gate;
use PSM::Http ();
use PSM::Http2;
use PSM::Process qw(free_port slurp wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'upstreams');
$t->start_redis;
my $up = $t->start_upstream;
my $allowed = $t->start_upstream;

# Records all that comes, and hangs up: for protocols that are read as bytes.
my %recorder = map { $_ => free_port() } qw(fastcgi uwsgi scgi memcached);
my @recorders;
for my $kind (sort keys %recorder) {
	my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 32,
		LocalPort => $recorder{$kind}, ReuseAddr => 1) or die "$kind: $!";
	my $file = $t->dir . "/tmp/$kind.raw";
	push @recorders, PSM::Process->start(name => $kind, group => 1,
		keep => [$listen], code => sub {
			while (my $socket = $listen->accept) {
				open my $out, '>>:raw', $file or die "$file: $!";
				$socket->recv(my $bytes, 65536);
				syswrite $out, $bytes;
				close $out;
				close $socket;
			}
		});
}

my $down = free_port();
my $params = sub {
	my ($kind) = @_;
	return join "\n", map { "\t\t${kind}_param $_;" } 'REQUEST "$request"',
		'REQUEST_URI $request_uri', 'QUERY_STRING $query_string',
		'DOCUMENT_URI $document_uri', 'REMOTE_USER $remote_user',
		'REQUEST_METHOD $request_method', 'REFERER $http_referer';
};
my $locations = join "\n", map({ <<"EOC" } qw(fastcgi uwsgi scgi)), <<"EOC";
	location /main/$_/ {
		${_}_pass 127.0.0.1:$recorder{$_};
		${_}_next_upstream off;
@{[$params->($_)]}
	}
EOC
	location /main/memcached/ {
		set \$memcached_key "\$request_uri|\$uri|\$args";
		memcached_pass 127.0.0.1:$recorder{memcached};
	}
	location /main/http10/ { proxy_pass http://%%UPSTREAM1%%; }
	location /main/http11/ {
		proxy_http_version 1.1;
		proxy_set_header Connection "";
		proxy_set_header X-Seen "\$request|\$http_authorization|\$http_x_auth";
		proxy_set_header Authorization \$http_authorization;
		proxy_pass http://%%UPSTREAM1%%;
	}
	location /main/retried/ { proxy_pass http://some; }
	location /main/sliced/ {
		slice 4;
		proxy_set_header Range \$slice_range;
		proxy_pass http://%%UPSTREAM1%%;
	}
	location /main/grpc/ { grpc_pass grpc://127.0.0.1:%%PORT4%%; }
	location /main/forward/ {
		psm_token_forward on;
		proxy_pass http://%%UPSTREAM2%%;
	}
EOC
my $server = "psm_token on;\n$locations";
$t->write_conf(<<"EOC");
upstream some { server 127.0.0.1:$down; server %%UPSTREAM1%% backup; }
server { listen %%LISTEN1%%; $server }
server { listen %%LISTEN2%% http2; $server }
server { listen %%LISTEN3%%; merge_slashes off; $server }
# HTTP/2 is packed on the wire: an nginx without a gate unpacks it.
server {
	listen %%LISTEN4%% http2;
	location / { proxy_pass http://%%UPSTREAM1%%; }
}
EOC
$t->start_nginx;

my $T = $t->add_token(resources => { main => 'write' });
my $F = $t->add_token(resources => { main => 'read' });
$t->allow_leak('upstream 2', $F);
my $E = join '', map { sprintf '%%%02X', ord } split //, $T;
sub basic { return 'Basic ' . encode_base64($_[0], '') }

my @carriers = (
	['the path', "/t/$T"], ['the path, encoded', "/t/$E"],
	['the path, an encoded t', "/%74/$T"], ['the path, dots', "/y/../t/$T/."],
	['the path, twice', "/t/$T/t/$T"],
	['Bearer', '', Authorization => "Bearer $T"],
	['token', '', Authorization => "token $T"],
	['Basic', '', Authorization => basic("me:$T")],
	['Basic, the user', '', Authorization => basic("$T:")],
	['Basic, pip', '', Authorization => basic("$T:x-auth-token")],
	['X-Auth', '', 'X-Auth' => $T], ['X-API-Key', '', 'X-API-Key' => $T],
	['all of them', "/t/$T", Authorization => "Bearer $T", 'X-Auth' => $T,
		'X-API-Key' => $T],
	['a path and a broken header', "/t/$T", 'X-Auth' => "$T, x"],
	['a path and a list', "/t/$T", Authorization => "Bearer $T, Basic x"],
);

# What a kind of upstream has been sent so far.
sub sent {
	my ($kind) = @_;
	return $recorder{$kind} ? slurp($t->dir . "/tmp/$kind.raw")
		: join "\n", $up->requests;
}

my %port = (plain => 1, h2 => 2, unmerged => 3);
my @kinds = (sort(keys %recorder), qw(http10 http11 retried sliced grpc));
for my $mode (sort keys %port) {
	# Slashes tell on the path alone, which is one for all kinds.
	for my $kind ($mode eq 'unmerged' ? 'http10' : @kinds) {
		for (@carriers) {
			my ($name, $before, @headers) = @$_;
			my $size = length sent($kind);
			my $path = "$before/main/$kind/noarch/x?a=$T";
			my @all = (@headers, Referer => "http://h/t/$T/x", Via => 'here');
			my $port = $t->port($port{$mode});
			# What was passed on counts here, not what comes back.
			my $client;
			if ($mode eq 'h2') {
				my @h = map { $_ % 2 ? $all[$_] : lc $all[$_] } 0 .. $#all;
				$client = PSM::Http2->connect($port);
				$client->get($path, @h);
			} else {
				$client = $t->connect($port);
				$t->send($client, PSM::Http::format_request('GET', $path,
					\@all));
			}
			ok(wait_for(sub { length sent($kind) > $size }, 10),
				"T62 $mode, $kind: $name: is passed on");
			my $raw = substr sent($kind), $size;
			like($raw, qr{/main/$kind/noarch/x\?a=\*{46}}, '  the clean path');
			unlike($raw, qr/^(?:x-auth|x-api-key):|HTTP_(?:X_AUTH|X_API)/mi,
				'  no carrier');
			unlike($raw, qr/Bearer|Basic|^authorization: token/mi,
				'  no Authorization');
		}
	}
}
is(scalar(() = sent('http10') =~ m{^Referer: http://h/t/\*+/x\r$}mg) > 0, 1,
	'T62 a Referer is masked in its place');

# Where it may be passed on, the header is as it came, and nothing else is.
for my $mode (sort keys %port) {
	for my $pair ([Authorization => "Bearer $F"], ['X-Auth' => $F],
		['X-API-Key' => $F], [Authorization => basic("me:$F")])
	{
		my $r = $mode eq 'h2'
			? $t->h2("/t/$F/main/forward/x?a=$F", $pair, port => $t->port(2))
			: $t->http('GET', "/t/$F/main/forward/x?a=$F", headers => $pair,
				port => $t->port($port{$mode}));
		my $raw = $allowed->last_request;
		like($raw, qr/^\Q$pair->[0]: $pair->[1]\E\r$/mi,
			"T62 $mode, forward on: $pair->[0]");
		like($raw, qr{\AGET /main/forward/x\?a=\*{46} HTTP}, '  not in the URI');
		# The answer is the upstream's echo of that header.
		pop @{ $t->{answers} };
	}
}

$_->stop('TERM') for @recorders;
$t->finish;
