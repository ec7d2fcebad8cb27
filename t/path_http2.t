#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T35: what only HTTP/2 can do to a path. Pseudo headers in any order and
# number, :authority beside Host, header blocks that are split inside the token,
# padded, indexed or huge, and streams that end half-way: the decision of
# HTTP/1.1, or a refusal.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(lookups_are);
use PSM::Gate;
use PSM::Http2;
use PSM::Modes;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Test::More;

my $t = PSM::Gate->new(name => 'path HTTP/2', log_level => 'error');
$t->start_redis;
$t->file("$_/noarch/x", "$_\n") for qw(main other);
$t->write_conf(<<'EOC');
large_client_header_buffers 4 16k;
psm_token_redis %%REDIS%% timeout=20s;
server {
	listen %%LISTEN%% http2;
	root %%ROOT%%;
	psm_token on;
}
server {
	listen %%LISTEN2%% http2;
	server_name open;
	location / { return 200 "open\n"; }
}
server {
	listen %%LISTEN2%% http2;
	server_name gated;
	root %%ROOT%%;
	psm_token on;
}
EOC
$t->start_nginx;

my $T = $t->add_token(resources => { main => 'read' });
my $O = $t->add_token(resources => { other => 'read' });
my $U = $t->unknown_token;
my ($file, $good) = ('/main/noarch/x', '200 main');
my $path = "/t/$T$file";

# The answer on a stream, or what there is of it when nginx has said that the
# connection ends.
sub final {
	my ($h2, $stream) = @_;

	my $r;
	for (1 .. 50) {
		$r = $h2->answer($stream, 0.1);
		last if $r->{ended} || $h2->{gone} || defined $h2->{goaway};
	}
	return $r;
}

sub ended { return $_[0]{gone} || defined $_[0]{goaway} ? 'ended' : 'open' }

# The answer in short to these headers, on a connection of their own.
sub answer_to {
	my ($headers, %arg) = @_;

	my $h2 = PSM::Http2->connect($arg{port} // $t->port);
	setsockopt $h2->{socket}, IPPROTO_TCP, TCP_NODELAY, 1;
	my $r = final($h2, $h2->raw($headers, %arg));
	push @{ $t->{answers} }, { headers => [], reason => '', %$r };
	return PSM::Modes::in_short($r);
}

# ------------------------------------------------ 1. order and number of them

my %pseudo = (':method' => 'GET', ':scheme' => 'http', ':path' => $path,
	':authority' => 'localhost');

sub orders {
	my (@names) = @_;
	return [] if !@names;
	return map {
		my $at = $_;
		map { [$names[$at], @$_] }
			orders(@names[grep { $_ != $at } 0 .. $#names]);
	} 0 .. $#names;
}

my @decisions = (["/t/$T$file", $good], ["/t/$O$file",
	'403 channel_not_granted'], [$file, '401 token_missing'],
	["/t/$T", '404'], ["/t/word$file", '401 token_malformed']);
my @wrong;
for my $order (orders(sort keys %pseudo)) {
	for (@decisions) {
		my ($to, $wanted) = @$_;
		my %h = (%pseudo, ':path' => $to);
		my $got = answer_to([map { ($_ => $h{$_}) } @$order]);
		push @wrong, "@$order: $got for $wanted" if $got ne $wanted;
	}
}
is(join("\n", @wrong), '', 'T35 24 orders of the pseudo headers, 5 decisions');

# RFC 9113 calls them malformed, nginx 1.22 lets some pass: it is refused, or it
# is the decision of HTTP/1.1 and never another.
my @front = (':method', 'GET', ':scheme', 'http', ':authority', 'localhost');
my @rows = (
	['the path behind a header', [@front, 'x-a', 'b', ':path', $path], $good],
	['all behind a header', ['x-a', 'b', @front, ':path', $path], $good],
	['the path behind the token', [@front, 'x-auth', $T, ':path', $file],
		$good],
	['the path behind another token', [@front, 'x-auth', $O, ':path', $path],
		'401 token_ambiguous'],
	['the path behind an unknown token', [@front, 'x-auth', $U, ':path',
		$file], '401 token_unknown'],
	['the path behind a header, no token', [@front, 'x-a', $T, ':path', $file],
		'401 token_missing'],
	['the authority behind a header', [@front[0 .. 3], ':path', $path, 'x-a',
		'b', ':authority', 'localhost'], $good],
	['no authority, no Host', [@front[0 .. 3], ':path', $path], '400'],
	['an empty authority', [@front[0 .. 3], ':authority', '', ':path', $path],
		'400'],
	['Host only', [@front[0 .. 3], ':path', $path, 'host', 'localhost'],
		$good],
	['authority and Host', [@front, ':path', $path, 'host', 'localhost'],
		$good],
	['another scheme', [':method', 'GET', ':scheme', 'ftp', @front[4, 5],
		':path', $path], $good],
);
for (@rows) {
	my ($name, $headers, $wanted) = @$_;
	like(answer_to($headers), qr/^(?:\Q$wanted\E|400|0)$/,
		"T35 $name: $wanted, or refused");
}
my @refused = (
	['two methods', [@front, ':method', 'GET', ':path', $path]],
	['two methods that differ', [@front, ':method', 'HEAD', ':path', $path]],
	['two schemes', [@front, ':scheme', 'https', ':path', $path]],
	['two paths that differ', [@front, ':path', $file, ':path', $path]],
	['a second path behind a header', [@front, ':path', $file, 'x-a', 'b',
		':path', $path]],
	['two Hosts', [@front[0 .. 3], ':path', $path, 'host', 'a', 'host', 'b']],
	['no scheme', [@front[0, 1, 4, 5], ':path', $path]],
	['no path', [@front]],
	['an empty path', [@front, ':path', '']],
	['an empty method', [':method', '', @front[2 .. 5], ':path', $path]],
	['an empty scheme', [@front[0, 1], ':scheme', '', @front[4, 5],
		':path', $path]],
	['a star', [@front, ':path', '*']],
	['only a query', [@front, ':path', "?$T"]],
	['only a fragment', [@front, ':path', "#$path"]],
	['a blank before the path', [@front, ':path', " $path"]],
	['a blank behind the path', [@front, ':path', "$path "]],
	['the path with a protocol', [@front, ':path', "$path HTTP/1.1"]],
	['a token for a path', [@front, ':path', $T]],
	['a pseudo header of answers', [@front, ':path', $path, ':status', '200']],
	['a bad scheme', [@front[0, 1], ':scheme', "a/$T", @front[4, 5],
		':path', $path]],
	['a token for a method', [':method', $T, @front[2 .. 5], ':path', $path]],
	['a header name with a blank', [@front, ':path', $path, "x $T", 'b']],
);
lookups_are($t, 0, sub {
	for (@refused) {
		my ($name, $headers) = @$_;
		like(answer_to($headers), qr/^(?:400|0)$/, "T35 refused: $name");
	}
}, 'T35 no look-up for any of these', 'psm:t:');

# ------------------------------------------------------ 2. authority and Host

# One port, two servers; whatever chooses, the server chosen decides.
my %in = (gated => $good, open => '200 open');
for my $authority (qw(gated open GATED gated:80)) {
	my $server = lc $authority =~ s/:.*//r;
	for my $host (undef, qw(gated open)) {
		my @host = defined $host ? ('host', $host) : ();
		my @path = (':path', $server eq 'open' ? $file : $path);
		for my $order (0, 1) {
			my @h = (@front[0 .. 3], $order ? @path : (), ':authority',
				$authority, $order ? () : @path, @host);
			like(answer_to(\@h, port => $t->port(2)),
				qr/^(?:$in{$server}|400|0)$/, "T35 :authority $authority"
				. ($host ? ", Host $host" : '')
				. ($order ? ', path first' : ''));
		}
	}
	my $none = $server eq 'open' ? '200 open' : '401 token_missing';
	is(answer_to([@front[0 .. 3], ':authority', $authority, ':path', $file],
		port => $t->port(2)), $none, '  without a token');
}

# --------------------------------------------------------- 3. header blocks

# Everything before the token in the first frame, so many of its bytes too.
my $block = 2 * length($T) + 80;
@wrong = ();
for my $size (1 .. $block) {
	for ([[@front, ':path', $path], $good],
		[[@front, ':path', $file, 'x-auth', $T], $good],
		[[@front, ':path', "/t/$U$file"], '401 token_unknown'])
	{
		my ($headers, $wanted) = @$_;
		next if $size % 5 && $wanted ne $good;
		my $got = answer_to($headers, split => $size);
		push @wrong, "$got for $wanted: $size" if $got ne $wanted;
	}
}
is(join("\n", @wrong), '',
	"T35 CONTINUATION at each byte: 1 to $block a frame");

# HEADERS with padding (8), priority (32), and both.
sub literal { return "\0" . join '', map { PSM::Http2::_string($_) } @_ }

sub block_of {
	my (@h) = @_;
	my $text = '';
	$text .= literal(splice @h, 0, 2) while @h;
	return $text;
}

sub send_block {
	my ($h2, $block, $flags) = @_;

	my $stream = $h2->{next};
	$h2->{next} += 2;
	$h2->frame(1, $flags // 5, $stream, $block);
	return $stream;
}

my $plain = block_of(@front, ':path', $path);
my @odd = (
	['padding', 8 | 5, "\x20$plain" . "\0" x 32],
	['priority', 32 | 5, "\0\0\0\0\x10$plain"],
	['both', 40 | 5, "\x05\0\0\0\0\x10$plain" . "\0" x 5],
	['no padding', 8 | 5, "\0$plain"],
);
for (@odd) {
	my ($name, $flags, $bytes) = @$_;
	my $h2 = PSM::Http2->connect($t->port);
	my $r = $h2->answer(send_block($h2, $bytes, $flags));
	is(PSM::Modes::in_short($r), $good, "T35 HEADERS with $name");
}
for (['more padding than there is', 8 | 5, "\xff$plain"],
	['half a block', 5, substr $plain, 0, length($plain) - 20],
	['a string longer than the block', 5, block_of(@front)
		. "\0\x05:path\x7f\x80\x7f$path"],
	['an index of nothing', 5, "\xff\x7f$plain"],
	['the index 0', 5, "\x80$plain"])
{
	my ($name, $flags, $bytes) = @$_;
	my $h2 = PSM::Http2->connect($t->port);
	my $r = final($h2, send_block($h2, $bytes, $flags));
	is("$r->{status} " . ended($h2), '0 ended', "T35 broken: $name");
}

# The table of a connection: a path and a header that are named by an index
# are the ones that were sent, after the first copy was masked.
my $h2 = PSM::Http2->connect($t->port);
my $common = "\x82\x86\x41" . PSM::Http2::_string('localhost');
my $first = send_block($h2, "$common\x44" . PSM::Http2::_string($path));
is(PSM::Modes::in_short($h2->answer($first)), $good, 'T35 a path that is kept');
for my $n (1 .. 3) {
	my $r = $h2->answer(send_block($h2, "\x82\x86\xbf\xbe"));
	is(PSM::Modes::in_short($r), $good, "  by its index, $n");
}
my $keyed = send_block($h2, "\x82\x86\xbf\x44" . PSM::Http2::_string($file)
	. "\x40" . PSM::Http2::_string('x-auth') . PSM::Http2::_string($T));
is(PSM::Modes::in_short($h2->answer($keyed)), $good,
	'T35 a header that is kept');
is(PSM::Modes::in_short($h2->answer(send_block($h2, "\x82\x86\xc1\xbf\xbe"))),
	$good, '  by its index');
is(PSM::Modes::in_short($h2->answer(send_block($h2, "\x82\x86\xc1\xbf"))),
	'401 token_missing', '  and not without it');
is(PSM::Modes::in_short($h2->answer(send_block($h2,
	"\x82\x86\xc1\xbe\x44" . PSM::Http2::_string("/t/$O$file")))),
	'401 token_ambiguous', '  beside another token in the path');

# --------------------------------------------------------- 4. huge ones

my @huge = (
	['200 headers', [map { ("x-h$_", 'v' x 20) } 1 .. 200], $good],
	['500 headers of one name', [('cookie', 'a=b') x 500], $good],
	['one header of 60 KiB', ['x-h', 'v' x 61_440], '400'],
	['1,000 headers of 100 bytes', [map { ("x-h$_", 'v' x 100) } 1 .. 1000],
		'400'],
	['a token of 60 KiB', ['x-auth', 'psm-' . 'a' x 61_440], '400'],
	['the token 1,000 times', [('x-h', $T) x 1000], $good],
);
for (@huge) {
	my ($name, $more, $wanted) = @$_;
	for my $headers ([@front, ':path', $path, @$more],
		[@front[0 .. 3], @$more, @front[4, 5], ':path', $path])
	{
		like(answer_to($headers, split => 16_000), qr/^(?:$wanted|400|0)$/,
			"T35 huge: $name");
	}
}
is(answer_to([@front, ':path', $path]), $good, '  and then as before');

# --------------------------------------------------------- 5. half-way

# A connection each that ends, or is reset, inside a header block.
for my $at (1, 20, length($plain) - 60, length($plain) - 1) {
	for my $end (qw(reset close goaway data)) {
		my $half = PSM::Http2->connect($t->port);
		my $stream = send_block($half, substr($plain, 0, $at), 1);
		$half->reset($stream) if $end eq 'reset';
		$half->frame(7, 0, 0, pack 'NN', 0, 0) if $end eq 'goaway';
		$half->frame(0, 1, $stream, 'x') if $end eq 'data';
		close $half->{socket} if $end eq 'close';
		next if $end eq 'close';    # finish sees to it
		my $r = final($half, $stream);
		is("$r->{status} " . ended($half), '0 ended',
			"T35 half a block ($at bytes), then $end");
	}
}

# However many streams are reset while they wait for one token, it is asked for
# once, and the one that stays gets its answer.
my $N = $t->add_token(resources => { main => 'read' });
$h2 = PSM::Http2->connect($t->port);
lookups_are($t, 1, sub {
	$t->redis_server->pause;
	my @streams = map { $h2->get("/t/$N$file") } 1 .. 60;
	$h2->reset($_) for @streams[0 .. 58];
	my @again = map { $h2->get("/t/$N$file") } 1 .. 60;
	$h2->reset($_) for @again;
	$t->redis_server->resume;
	is(PSM::Modes::in_short($h2->answer($streams[59], 20)), $good,
		'T35 the stream that was not reset');
}, '  and one look-up for all', 'psm:t:');

undef $h2;
$t->finish;
