#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What an idle worker still holds of the tokens it has seen: its writable
# memory is searched, as a core file would be (threat T67). Our copies are
# wiped, and so is what nginx read them from; what nginx copies by itself is
# shown here, row by row.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Gate;
use PSM::Http ();
use PSM::Http2;
use PSM::Memory qw(can_read_memory copies_of);
use PSM::Token qw(new_token token_digest);
use Test::More;

plan skip_all => 'a sanitizer or valgrind keeps what was freed'
	if $ENV{PSM_PRELOAD} || $ENV{PSM_VALGRIND};

my $t = PSM::Gate->new(name => 'memory');
$t->start_redis;
$t->start_upstream;
$t->file('main/noarch/x', "main\n");
$t->file('main/noarch/dir/x', "main\n");
$t->write_conf(<<'EOC');
client_header_buffer_size 4k;
server {
	listen %%LISTEN1%%;
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
	location /main/up/ { proxy_pass http://%%UPSTREAM%%; }
	location /main/forward/ {
		psm_token_forward on;
		alias %%ROOT%%/main/;
	}
	location /off/ { psm_token off; return 200 x; }
}
EOC
$t->start_nginx;
my ($worker) = $t->workers;
if (my $why = can_read_memory($worker)) {
	SKIP: { skip $why, 1 }
	$t->finish;
	exit;
}

# Hundreds of them, so the oracle of all other tests is not told.
sub issue {
	my $token = new_token();
	$t->redis('SET', 'psm:t:' . token_digest($token), '{"v":1,"id":"'
		. PSM::Token::new_id() . '","rev":1,"name":"x","owner":"x","type":'
		. '"resource","resources":{"main":"write"},"created":1700000000}');
	return $token;
}

sub encoded { return join '', map { sprintf '%%%02X', ord } split //, $_[0] }

sub basic { return encode_base64($_[0], '') }

# The forms in which a token may have come.
sub forms {
	my ($token) = @_;
	return ($token, encoded($token), basic("me:$token"), basic("$token:"));
}

my $x = 'main/noarch/x';
# The answer, what is asked, whether nginx keeps a copy of its own
my @kinds = (
	['a path token', 200, sub { "/t/$_[0]/$x" }],
	['encoded', 200, sub { '/t/' . encoded($_[0]) . "/$x" }],
	['an encoded t', 200, sub { "/%74/$_[0]/$x" }],
	['a path with dots', 200, sub { "/y/../t/$_[0]/./$x" }],
	['twice in the path', 200, sub { "/t/$_[0]/t/$_[0]/$x" }],
	['also in the query', 200, sub { "/t/$_[0]/$x?a=$_[0]" }],
	['also in the Referer', 200, sub { "/t/$_[0]/$x",
		Referer => "http://h/t/$_[0]/" }],
	['proxied', 200, sub { "/t/$_[0]/main/up/x" }],
	['denied', 403, sub { "/t/$_[0]/other/x" }],
	['not found', 404, sub { "/t/$_[0]/$x.not" }],
	['nothing behind it', 404, sub { "/t/$_[0]" }],
	['Bearer', 200, sub { "/$x", Authorization => "Bearer $_[0]" }],
	['Basic', 200, sub { "/$x", Authorization => 'Basic '
		. basic("me:$_[0]") }],
	['Basic, the user', 200, sub { "/$x", Authorization => 'Basic '
		. basic("$_[0]:") }],
	['X-Auth', 200, sub { "/$x", 'X-Auth' => $_[0] }],
	['X-API-Key', 200, sub { "/$x", 'X-API-Key' => $_[0] }],
	['X-Auth, proxied', 200, sub { '/main/up/x', 'X-Auth' => $_[0] }],
	['X-Auth, denied', 403, sub { '/other/x', 'X-Auth' => $_[0] }],
	['a token and more', 401, sub { "/$x", 'X-Auth' => "$_[0]x" }],
	['path and header', 200, sub { "/t/$_[0]/$x", 'X-Auth' => $_[0] }],
	['a redirect', 301, sub { "/t/$_[0]/main/noarch/dir" }, 1],
	['forward on', 200, sub { "/main/forward/noarch/x",
		'X-Auth' => $_[0] }, 1],
	['gate off', 200, sub { '/off/x', 'X-Auth' => $_[0] }, 1],
);
my %ask = (
	'a connection each' => sub {
		return map { $t->http('GET', $_->[0],
			headers => [@$_[1 .. $#$_]])->{status} } @_;
	},
	'one connection' => sub {
		my $socket = $t->connect;
		return map { $t->http('GET', $_->[0], sock => $socket,
			headers => [@$_[1 .. $#$_]])->{status} } @_;
	},
	'HTTP/2' => sub {
		my $h2 = PSM::Http2->connect($t->port(2));
		return map {
			my ($path, %h) = @$_;
			$h2->answer($h2->get($path, map { (lc, $h{$_}) } sort keys %h))
				->{status};
		} @_;
	},
);

my @all;
for my $way (sort keys %ask) {
	for (@kinds) {
		my ($name, $status, $make, $own) = @$_;
		my @tokens = map { issue() } 1 .. 12;
		push @all, @tokens;
		my %seen = map { $_ => 1 }
			$ask{$way}->(map { [$make->($_)] } @tokens);
		is_deeply([keys %seen], [$status], "T67 $way, $name: answered");
		$t->{answers} = [];    # a Location holds a token
		# The worker is idle when it has answered somebody else.
		$t->get('/');
		my $found = copies_of($worker, map { forms($_) } @tokens);
		my %left = map { $_ => 1 } grep {
			my $token = $_;
			grep { @{ $found->{$_} } } forms($token);
		} @tokens;
		my @where = map { @{ $found->{$_} } } keys %$found;
		if ($own) {
			note("T67 $way, $name: left by nginx, of 12: " . keys %left);
			next;
		}
		# Over HTTP/2 nginx reads into a buffer of the worker, in a mapping
		# of its own, where the last frame stays until the next.
		my @held = $way eq 'HTTP/2' ? grep { $_ ne 'anonymous' } @where
			: @where;
		is("@held", '', '  no copy of 12 tokens');
		cmp_ok(scalar(keys %left), '<=', 1, '  but of the last one in the '
			. 'buffer that is read into') if $way eq 'HTTP/2';
	}
}

# A redirect holds its token: nginx's own copy of the header is what was sent.
# Over HTTP/2 that one is packed, and any other is ours.
for my $way (sort keys %ask) {
	my @tokens = map { issue() } 1 .. 12;
	$ask{$way}->(map { ["/t/$_/main/noarch/dir"] } @tokens);
	$t->{answers} = [];
	$t->get('/');
	my $end = '/main/noarch/dir/';
	my $found = copies_of($worker, map { ("$_$end", "$_$end\r\n") } @tokens);
	my $count = sub {
		my ($line_end) = @_;
		return scalar grep { $_ ne 'anonymous' }
			map { @{ $found->{"$_$end$line_end"} } } @tokens;
	};
	my ($all, $sent) = map { $count->($_) } '', "\r\n";
	is($all, $sent, "T67 $way, a redirect: no copy but what was sent");
}

# All of them, when others have come since.
$t->get("/$x", 'X-Filler' => 'f' x 3000) for 1 .. 50;
my $h2 = PSM::Http2->connect($t->port(2));
$h2->answer($h2->get("/$x", 'x-filler', 'f' x 3000)) for 1 .. 20;
undef $h2;
my $found = copies_of($worker, @all);
my @left = grep { @{ $found->{$_} } } keys %$found;
is(scalar(@left), 0, 'T67 ' . @all . ' tokens later: none is left')
	or diag(map { "@{ $found->{$_} }\n" } @left);

# The search finds what is there.
my $kept = issue();
my $socket = $t->connect;
$t->send($socket, "GET /t/$kept/$x HTTP/1.1\r\nHost: x\r\n");
ok(PSM::Process::wait_for(sub { @{ copies_of($worker, $kept)->{$kept} } }, 10),
	'T67 a request half read is seen');
close $socket;
$t->secret($kept);

$t->finish;
