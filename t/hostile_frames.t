#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T82: no byte of a client reaches Redis but through a digest or the grammar of
# a channel. The fake Redis records what it was sent to the byte: under
# psm_token_format any, with line ends, NUL, formats of printf and RESP in
# tokens, paths, queries and headers, every frame is one of the few a gate has.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Async qw(until_status wide_h2);
use PSM::Gate;
use PSM::Token qw(token_digest);
use Test::More;

my $t = PSM::Gate->new(name => 'frames');
my $file = 'noarch/repodata.json';
$t->file("main/$file", '{}');

my %records;
my $token = $t->add_token(in => \%records, resources => { main => 'read' });
my $long = $t->secret('A-z0' x 32);    # 128 characters of the alphabet
my $short = $t->secret('q7Xw-z9Kd3Lm5Rt1');
$t->add_token(in => \%records, token => $_, resources => { main => 'read' })
	for $long, $short;
$t->fake_redis(records => \%records);
my $server = <<'EOC';
	root %%ROOT%%;
	psm_token on;
	psm_token_format any;
	large_client_header_buffers 4 64k;
	http2_max_field_size 64k;
	http2_max_header_size 128k;
	ignore_invalid_headers off;
EOC
$t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% timeout=10s connect_timeout=10s;
psm_token_cache off;
server { listen %%LISTEN1%%; $server }
server { listen %%LISTEN2%% http2; $server }
server { listen %%LISTEN3%%; merge_slashes off; $server }
EOC
$t->start_nginx;

sub frame {
	return '*' . @_ . "\r\n"
		. join '', map { '$' . length($_) . "\r\n$_\r\n" } @_;
}

sub get_token { return frame('GET', 'psm:t:' . token_digest($_[0])) }

# The frames that have come since the last call, the PINGs and the greeting
# apart.
my $seen = 0;

sub new_frames {
	my @all = map { $_->[1] } $t->{fake}->frames;
	my @new = @all[$seen .. $#all];
	$seen = @all;
	my $channel = qr/[A-Za-z0-9][A-Za-z0-9._-]{0,63}/;
	return grep {
		!/\A\*[12]\r\n\$4\r\nPING\r\n(?:\$\d+\r\n[0-9a-zA-Z]+\r\n)?\z/
			&& $_ ne frame('CLIENT', 'SETNAME', 'psm-token')
			&& !(m{\A\*2\r\n\$3\r\nGET\r\n\$\d+\r\n
				psm:c:$channel(?:/$channel){0,7}\r\n\z}x);
	} @new;
}

# ---- what a look-up is, to the byte ----

is(until_status(sub { $t->get("/t/$token/main/$file") }, 200)->{status}, 200,
	'a Redis that behaves');
is((grep { /psm:c:/ } map { $_->[1] } $t->{fake}->frames)[0],
	"*2\r\n\$3\r\nGET\r\n\$10\r\npsm:c:main\r\n", 'T82 a channel, to the byte');
new_frames();
for ([$token, 'of ours'], [$long, 'of 128 characters'], [$short, 'of 16']) {
	my ($text, $what) = @$_;
	for (["/t/$text/main/$file"],
		["/main/$file", 'X-Auth' => $text],
		["/main/$file", 'X-API-Key' => $text],
		["/main/$file", Authorization => "Bearer $text"],
		["/main/$file", Authorization => "token $text"],
		["/main/$file", Authorization => 'Basic '
			. encode_base64("user:$text", '')])
	{
		my ($path, @headers) = @$_;
		my $r = $t->get($path, @headers);
		is(join(' ', $r->{status}, new_frames()),
			"200 *2\r\n\$3\r\nGET\r\n\$70\r\npsm:t:"
			. token_digest($text) . "\r\n",
			"T82 a token $what, to the byte: "
			. ($headers[0] // 'path'));
	}
}

# ---- what is no token is no frame ----

my @nasty = (
	"\r\nFLUSHALL\r\n", "\r\n*1\r\n\$8\r\nFLUSHALL\r\n", "\n", "\r", "\0",
	"abcdefghijklmnop\0qrst", "abcdefghijklmnop\r\nGET x", '%s%s%s%s%s%s%s%s',
	'%b%b%b%b%b%b%b%b', '%n%n%n%n%n%n%n%n', '%d%i%u%x%99999999s', '%',
	'abcdefghijklmnop%s', 'abcdefghijklmnop%b', 'abcdefghijklmnop x',
	'abcdefghijklmnop"; DEL *', '${jndi:x}0123456789', '*' x 20, '$' x 20,
	'$70' . "\r\n", '*3' . "\r\n\$3\r\nSET\r\n\$1\r\na\r\n\$1\r\nb\r\n",
	"\xff" x 32, "\xc0\xae" x 16, 'A' x 129, 'A' x 4096, 'A' x 30_000,
	"\x1b[2J0123456789abc", '../../../../../../etc', '{' x 40, "\t" x 20,
	'EVAL return(1)000', "SCRIPT\x0bLOAD\x0c000000", '*****', '<TOKEN>',
);

sub encode { return join '', map { sprintf '%%%02X', ord } split //, $_[0] }

# Every place a client can put it: encoded where it must be, else as it is.
sub places {
	my ($text) = @_;

	my $code = encode($text);
	my @h = ("X-Auth: $text", "X-API-Key: $text", "Authorization: $text",
		"Authorization: Bearer $text", "Authorization: token $text",
		'Authorization: Basic ' . encode_base64("u:$text", ''),
		'Authorization: Basic ' . encode_base64("$text:", ''),
		"Referer: $text", "$text: x", "Host: $text");
	return (
		(map { "GET $_ HTTP/1.1\r\nHost: x\r\n" } "/t/$code/main/$file",
			"/t/$text/main/$file", "/$code/$file", "/main/$code/$file",
			"/main/$file?token=$code&t=/t/$code/", "/t/$code", "/$text/$file",
			"/t/$short/$code/$file", "http://x/t/$code/main/$file"),
		"GET" . $text . " /main/$file HTTP/1.1\r\nHost: x\r\n",
		(map { "GET /main/$file HTTP/1.1\r\nHost: x\r\n$_\r\n" } @h),
	);
}

my $own = get_token($short);
my (%stray, %statuses);
for my $text (@nasty) {
	for my $head (places($text)) {
		for my $port (1, 3) {
			my $r = $t->request("${head}Connection: close\r\n\r\n",
				port => $t->port($port));
			$statuses{ $r->{status} }++;
		}
	}
	$stray{$_}++ for grep { $_ ne $own } new_frames();
}
is(join(', ', map { s/\s+/ /gr } sort keys %stray), '',
	'T82 nothing else reaches Redis over HTTP/1.1');
my $served = delete $statuses{200};
is(join(' ', grep { $_ !~ /^(?:400|401|403|404|405|414|0)$/ } keys %statuses),
	'', '  and what was asked is refused');
cmp_ok(scalar(() = $t->{fake}->commands('GET')), '>', 100,
	'  there were look-ups');

# The same bytes through HTTP/2, which has no line ends to break.
for my $text (grep { length() < 5000 } @nasty) {
	my $code = encode($text);
	my @asks = (
		(map { [":path", $_] } "/t/$code/main/$file", "/t/$text/main/$file",
			"/$text/$file", "/main/$file?$text"),
		(map { [':path', "/main/$file", $_->[0], $_->[1]] }
			['x-auth', $text], ['x-api-key', $text], ['authorization', $text],
			['authorization', "Bearer $text"], ['referer', $text]),
	);
	my $h2 = wide_h2($t->port(2));
	for my $ask (@asks) {
		$h2 = wide_h2($t->port(2)) if $h2->{gone} || $h2->{goaway};
		$h2->answer($h2->raw([':method', 'GET', ':scheme', 'http',
			':authority', 'x', @$ask], split => 8000));
	}
	$stray{$_}++ for grep { $_ ne $own } new_frames();
}
is(join(', ', map { s/\s+/ /gr } sort keys %stray), '',
	'T82 nor over HTTP/2');

is(join("\n", $t->{fake}->garbled), '', 'T82 every byte belonged to a command');
is($t->get("/t/$token/main/$file")->{status}, 200, 'the worker serves on');
$t->finish;
