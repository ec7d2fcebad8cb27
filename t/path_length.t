#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T38: tokens of every size that is near a limit, up to 64 KiB, paths of many
# segments and of ten thousand slashes. What is too long for nginx is 414 (over
# HTTP/2 the connection ends); nothing too long is ever looked up.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(lookups_are);
use PSM::Gate;
use PSM::Http2;
use PSM::Modes;
use PSM::Token qw(token_checksum);
use Test::More;

my $t = PSM::Gate->new(name => 'path length', log_level => 'error');
$t->start_redis;
$t->file('main/noarch/x', "main\n");
my $deep = 'd/' x 60;
$t->file("main/noarch/${deep}x", "deep\n");
my $longest = 'c' x 64;
$t->file("$longest/noarch/x", "longest\n");
my $eight = join '/', map { "s$_" } 1 .. 8;
$t->file("$eight/noarch/x", "eight\n");
my @large = ('http2_max_concurrent_streams 128;',
	'large_client_header_buffers 4 256k;', 'client_header_buffer_size 1k;');
my $m = PSM::Modes->new($t, http => "@large", server => 'psm_token on;',
	more => <<'EOC');
	server {
		listen %%LISTEN5%%;
		large_client_header_buffers 4 8k;
		root %%ROOT%%;
		psm_token on;
	}
	server {
		listen %%LISTEN6%% http2;
		large_client_header_buffers 4 8k;
		root %%ROOT%%;
		psm_token on;
	}
	server {
		listen %%LISTEN7%%;
		large_client_header_buffers 4 256k;
		root %%ROOT%%;
		psm_token on;
		psm_token_format any;
	}
EOC

my $T = $t->add_token(resources => { main => 'read', $longest => 'read',
	s1 => 'read' });
my $malformed = '401 token_malformed';
my $unknown = '403 action_unknown';
my @sizes = (1, 2, 3, 4, 12, 15, 16, 45, 47, 48, 127, 128, 129, 255, 256, 1024,
	4096, 8192, 32_768, 65_536);

# A text of that length which begins as a token does; one of 46 has no valid
# checksum.
sub text_of { return substr 'psm-' . 'a' x $_[0], 0, $_[0] }

# ------------------------------------------------------------ 1. the token

# Everything but the last character of a well-formed one, and one more, with
# the checksum that would be right there.
my @near = map { my $n = $_; my $head = 'psm-' . 'A' x $n;
	['T38 ' . (10 + $n) . ' characters, with a checksum',
		"/t/$head" . token_checksum($head) . '/main/noarch/x', $malformed]
} 0, 1, 34, 35, 37, 38, 82, 118, 119;
lookups_are($t, 0, sub {
	$m->rows(
		['T38 a token of 0 characters', '/t/', $malformed],
		['T38 a token of 0 characters before a channel', '/t//main/noarch/x',
			$malformed, unmerged => '400'],
		(map { ["T38 a token of $_ characters",
			'/t/' . text_of($_) . '/main/noarch/x', $malformed] } @sizes, 46),
		(map { ["T38 a token of $_ characters, encoded",
			'/t/' . text_of($_) =~ s/a/%61/gr . '/main/noarch/x', $malformed]
		} 16, 46, 128, 4096, 32_768),
		(map { ["T38 a token of $_ characters and nothing behind",
			'/t/' . text_of($_), '404'] } 1, 46, 4096, 65_536),
		(map { ["T38 $_ stars", '/t/' . '*' x $_ . '/main/noarch/x',
			'401 token_masked'] } 5, 46, 128, 4096),
		@near,
	);
}, 'T38 no look-up for any size but the right one');
$m->rows(['T38 the right size', "/t/$T/main/noarch/x", '200 main']);

for my $size (@sizes) {
	my $wanted = $size >= 16 && $size <= 128 ? '401 token_unknown' : $malformed;
	my $n = $wanted eq $malformed ? 0 : 1;
	lookups_are($t, $n, sub {
		my $r = $t->http('GET', '/t/' . 'k' x $size . '/main/noarch/x',
			port => $t->port(7));
		is(PSM::Modes::in_short($r), $wanted,
			"T38 format any: $size characters");
	}, "  and $n look-up", 'psm:t:');
}

# ------------------------------------------------- 2. segments and slashes

my $many = 10_000;
$m->rows(
	['T38 a segment of 64', "/t/$T/$longest/noarch/x", '200 longest'],
	['T38 a segment of 65', "/t/$T/c$longest/noarch/x", $unknown],
	['T38 a segment of 32768', "/t/$T/" . 'c' x 32_768 . '/noarch/x', $unknown],
	['T38 a channel of eight segments', "/t/$T/$eight/noarch/x", '200 eight'],
	['T38 a channel of nine', "/t/$T/$eight/s9/noarch/x", $unknown],
	['T38 a channel of ten thousand', "/t/$T/" . 'a/' x $many . 'noarch/x',
		$unknown],
	['T38 many segments behind the platform', "/t/$T/main/noarch/${deep}x",
		'200 deep'],
	['T38 a file of 4096', "/t/$T/main/noarch/" . 'x' x 4096, '404'],
	['T38 ten thousand slashes in front', '/' x $many . "t/$T/main/noarch/x",
		'200 main', unmerged => '400'],
	['T38 ten thousand slashes for a token', '/t' . '/' x $many
		. 'main/noarch/x', $malformed, unmerged => '400'],
	['T38 ten thousand slashes behind the token', "/t/$T" . '/' x $many
		. 'main/noarch/x', '200 main', unmerged => $unknown],
	['T38 ten thousand slashes in the channel', "/t/$T/main" . '/' x $many
		. 'noarch/x', '200 main', unmerged => $unknown],
	['T38 ten thousand encoded slashes', "/t/$T" . '%2f' x $many
		. 'main/noarch/x', '200 main', unmerged => $unknown],
	['T38 ten thousand dots', "/t/$T" . '/.' x $many . '/main/noarch/x',
		'200 main'],
	['T38 ten thousand dot-dots', "/t/$T" . '/a' x $many . '/..' x $many
		. '/main/noarch/x', '200 main'],
	['T38 ten thousand dot-dots and one', "/t/$T" . '/..' x $many, '400'],
	['T38 the token a thousand times', "/t/$T" x 1000 . '/main/noarch/x',
		'200 main'],
	['T38 ten thousand empty tokens', '/t' x $many . '/main/noarch/x',
		$malformed],
	['T38 ten thousand escapes', "/t/$T/main/noarch/" . '%78' x $many, '404'],
	['T38 a query of 32768', "/t/$T/main/noarch/x?" . 'q=1&' x 8192,
		'200 main'],
	['T38 a query of ten thousand escapes', "/t/$T/main/noarch/x?"
		. '%70' x $many, '200 main'],
	['T38 a fragment of 32768', "/t/$T/main/noarch/x#" . 'f' x 32_768,
		'200 main'],
);

# ------------------------------------------------- 3. too long for nginx

my @too_long = (
	['a long token', '/t/' . text_of(9000) . '/main/noarch/x'],
	['a long channel', "/t/$T/" . 'c' x 9000],
	['slashes in front', '/' x 9000 . "t/$T/main/noarch/x"],
	['a long query', "/t/$T/main/noarch/x?" . 'q' x 9000],
	['a token at the end of what fits', '/' . 'x' x 8100 . "/t/$T/"
		. 'y' x 900],
	['a token across the limit', '/' . 'x' x (8192 - 4 - 24) . "/t/$T/x"],
	['a token behind the limit', '/' . 'x' x 9000 . "/t/$T/main/noarch/x"],
	['64 KiB', "/t/$T/" . 'x' x 65_536],
);
lookups_are($t, 0, sub {
	for (@too_long) {
		my ($name, $path) = @$_;
		my $r = $t->http('GET', $path, port => $t->port(5));
		is(PSM::Modes::in_short($r), '414', "T38 too long: $name");
		unlike($r->{body}, qr/psm|^main$/m, '  nothing is told');
		my $h2 = PSM::Http2->connect($t->port(6));
		my $answer = $h2->answer($h2->get($path));
		like($answer->{status}, qr/^(?:0|4\d\d)$/, '  over HTTP/2');
		unlike($answer->{body}, qr/psm|^main$/m, '  nothing is told');
	}
}, 'T38 no look-up for what is too long');
for my $fits (7000, 8000) {
	my $path = "/t/$T/main/noarch/x?" . 'q' x $fits;
	my $r = $t->http('GET', $path, port => $t->port(5));
	is(PSM::Modes::in_short($r), '200 main', "T38 a query of $fits fits");
}

$m->hang_up;
$t->finish;
