#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T30, T32, T36, T37: parameters, letter case, the end of a path, and a token
# that comes again. No part of a path means anything but its decoded bytes;
# one token prefix is taken, what is left of another names no channel.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(lookups_are);
use PSM::Gate;
use PSM::Modes;
use Test::More;

my $t = PSM::Gate->new(name => 'path forms', log_level => 'error');
$t->start_redis;
$t->file("$_/noarch/x", "$_\n")
	for qw(main Main Conda-Forge conda-forge t T main;v=1);
$t->file('main/noarch/a;b', "parameter\n");
$t->file('main/noarch/a?b', "question mark\n");
$t->file('main/noarch/a#b', "hash\n");
my $m = PSM::Modes->new($t,
	server => 'psm_token on; psm_token_base / /api/repo/;');

my $T = $t->add_token(resources => { main => 'read' });
my $B = $t->add_token(resources => { main => 'read' });
my $C = $t->add_token(resources => { 'Conda-Forge' => 'read' });
my $U = $t->unknown_token;

my ($granted, $denied) = ('200 main', '403 channel_not_granted');
my ($unknown, $malformed) = ('403 action_unknown', '401 token_malformed');
my ($missing, $ambiguous) = ('401 token_missing', '401 token_ambiguous');

# ------------------------------------------------------------ T30 parameters

my @parameters = (
	['behind the token', "/t/$T;x=1/main/noarch/x", $malformed],
	['behind the token, encoded', "/t/$T%3bx=1/main/noarch/x", $malformed],
	['behind the token, nothing in it', "/t/$T;/main/noarch/x", $malformed],
	['before the token', "/t/;$T/main/noarch/x", $malformed],
	['for the token', '/t/;/main/noarch/x', $malformed],
	['behind the t', "/t;x/$T/main/noarch/x", $missing],
	['behind the base', "/api/repo;x/t/$T/main/noarch/x", $missing],
	['another separator behind the token', "/t/$T,x/main/noarch/x", $malformed],
	['a comma and two tokens', "/t/$T,$B/main/noarch/x", $malformed],
	['an equals sign', "/t/$T=/main/noarch/x", $malformed],
	['a colon', "/t/$T:x/main/noarch/x", $malformed],
	['an ampersand', "/t/$T&x/main/noarch/x", $malformed],
	['a plus is no blank', "/t/$T+/main/noarch/x", $malformed],
	['an at sign', "/t/me\@$T/main/noarch/x", $malformed],
);
lookups_are($t, 0, sub {
	$m->rows(map { ["T30 $_->[0]", @$_[1, 2]] } @parameters);
}, 'T30 no look-up for any of these');
$m->rows(
	['T30 behind the channel', "/t/$T/main;v=1/noarch/x", $unknown],
	['T30 behind the channel, encoded', "/t/$T/main%3bv=1/noarch/x", $unknown],
	['T30 a session behind the channel', "/t/$T/main;jsessionid=1/noarch/x",
		$unknown],
	['T30 behind the platform, which is none then',
		"/t/$T/main/noarch;x/x", $unknown],
	['T30 a dot-dot with parameters', "/t/$T/main/..;/other/noarch/x",
		$unknown],
	['T30 a dot-dot with parameters behind the platform',
		"/t/$T/main/noarch/..;x/..;x/other/noarch/x", $unknown],
	['T30 a dot-dot with parameters, encoded',
		"/t/$T/main/noarch/%2e%2e%3b/x", $unknown],
	['T30 a dot-dot with parameters before the channel',
		"/t/$T/..;/main/noarch/x", $unknown],
	['T30 a dot with parameters', "/t/$T/main/noarch/.;x/x", $unknown],
	['T30 a segment of parameters alone', "/t/$T/main/noarch/;x=1/x",
		$unknown],
	['T30 a dot-dot with parameters is no file',
		"/t/$T/main/noarch/..;x", $unknown],
	['T30 a file with a semicolon', "/t/$T/main/noarch/a;b", '200 parameter'],
	['T30 a file with a semicolon, encoded', "/t/$T/main/noarch/a%3bb",
		'200 parameter'],
	['T30 a file with parameters is another file', "/t/$T/main/noarch/x;v=1",
		'404'],
);

# ------------------------------------------------------------------ T32 case

$m->rows(
	['T32 a capital T', "/T/$T/main/noarch/x", $missing],
	['T32 a capital T, encoded', "/%54/$T/main/noarch/x", $missing],
	['T32 a capital channel', "/t/$T/Main/noarch/x", $denied],
	['T32 all capitals', "/t/$T/MAIN/noarch/x", $denied],
	['T32 a capital channel, granted', "/t/$C/Conda-Forge/noarch/x",
		'200 Conda-Forge'],
	['T32 the same in small letters', "/t/$C/conda-forge/noarch/x", $denied],
	['T32 one letter, encoded', "/t/$C/%63onda-Forge/noarch/x", $denied],
	['T32 a capital platform is a channel', "/t/$T/main/Noarch/x", '404'],
	['T32 a capital platform alone is a channel', "/t/$T/NOARCH/x", $denied],
	['T32 a capital in the file', "/t/$T/main/noarch/X", '404'],
	['T32 a capital base', "/API/repo/t/$T/main/noarch/x", $missing],
	['T32 a capital base behind the token', "/t/$T/Api/repo/main/noarch/x",
		$denied],
	['T32 the token in capitals', '/t/' . uc($T) . '/main/noarch/x',
		$malformed],
	['T32 the prefix in capitals', "/t/PSM" . substr($T, 3) . '/main/noarch/x',
		$malformed],
	['T32 a channel called T', "/t/$T/T/noarch/x", $denied],
);

# --------------------------------------------------- T36 the end of the path

$m->rows(
	['T36 a query behind the token', "/t/$T?main/noarch/x", '404'],
	['T36 a query behind the slash', "/t/$T/?main/noarch/x", $unknown],
	['T36 a fragment behind the token', "/t/$T#/main/noarch/x", '404'],
	['T36 a fragment behind the slash', "/t/$T/#/main/noarch/x", $unknown],
	['T36 a fragment behind the t', "/t#/$T/main/noarch/x", $malformed],
	['T36 a query behind the t', "/t?/$T/main/noarch/x", $malformed],
	['T36 a query behind t and slash', "/t/?$T/main/noarch/x", $malformed],
	['T36 a fragment in the token', '/t/' . substr($T, 0, 40) . '#'
		. substr($T, 40) . '/main/noarch/x', '404'],
	['T36 an encoded question mark in the token', "/t/$T%3F/main/noarch/x",
		$malformed],
	['T36 an encoded hash behind it', "/t/$T%23x/main/noarch/x", $malformed],
	['T36 an encoded hash at the end', "/t/$T%23", '404'],
	['T36 an encoded question mark in the channel', "/t/$T/main%3f/noarch/x",
		$unknown],
	['T36 an encoded hash in the channel', "/t/$T/main%23/noarch/x", $unknown],
	['T36 a query in the channel', "/t/$T/main?/noarch/x", '301',
		proxied => '404'],
	['T36 a file with a question mark', "/t/$T/main/noarch/a%3Fb",
		'200 question mark'],
	['T36 a file with a hash', "/t/$T/main/noarch/a%23b", '200 hash'],
	['T36 a query behind the file', "/t/$T/main/noarch/x?a#b", $granted],
	['T36 a fragment behind the file', "/t/$T/main/noarch/x#a?b", $granted],
	['T36 two question marks', "/t/$T/main/noarch/x??", $granted],
	['T36 a folder called t is no file', '/t', $malformed],
	['T36 nor with a query', '/t?x', $malformed],
	['T36 nor what lies in it', '/t/noarch/x', $malformed],
	['T36 only the token, unknown', "/t/$U", '404'],
);
# A directory without its slash is sent there, and the token with it (design.md
# section 4, Location): that is the client's own.
$t->allow_leak('response header location', $T);

# ----------------------------------------------------- T37 the token, again

$m->rows(
	['T37 the same, twice', "/t/$T/t/$T/main/noarch/x", $granted],
	['T37 the same, eight times', "/t/$T" x 8 . '/main/noarch/x', $granted],
	['T37 the same, with a base between', "/t/$T/api/repo/t/$T/main/noarch/x",
		'404'],
	['T37 another', "/t/$T/t/$B/main/noarch/x", $ambiguous],
	['T37 an unknown one', "/t/$T/t/$U/main/noarch/x", $ambiguous],
	['T37 another, eighth', "/t/$T" x 7 . "/t/$B/main/noarch/x", $ambiguous],
	['T37 three', "/t/$T/t/$B/t/$U/main/noarch/x", $ambiguous],
	['T37 two, and a placeholder', "/t/$T/t/*****/t/$B/main/noarch/x",
		$ambiguous],
	['T37 one, and a placeholder', "/t/$T/t/*****/main/noarch/x",
		'401 token_masked'],
	['T37 one, and a word', "/t/$T/t/word/main/noarch/x", $malformed],
	['T37 a placeholder, and a word', '/t/*****/t/word/main/noarch/x',
		'401 token_masked'],
	['T37 one, and no other', "/t/$T/t//main/noarch/x", $malformed,
		unmerged => '400'],
	['T37 one, and a t alone', "/t/$T/t", $malformed],
	['T37 one, and a t and a slash', "/t/$T/t/", $malformed],
	['T37 one, and a t and a query', "/t/$T/t?x", $malformed],
	['T37 again behind the channel', "/t/$T/main/t/$T/noarch/x", $unknown],
	['T37 another behind the channel', "/t/$T/main/t/$B/noarch/x", $unknown],
	['T37 again behind the platform', "/t/$T/main/noarch/t/$T/x", '404'],
	['T37 again as the file', "/t/$T/main/noarch/$T", '404'],
	['T37 again as the file, with more', "/t/$T/main/noarch/$T-0.conda", '404'],
	['T37 only behind the channel', "/main/t/$T/noarch/x", $missing],
	['T37 for a channel', "/t/$T/$T/noarch/x", $unknown],
	['T37 without a t', "/$T/main/noarch/x", $missing],
	['T37 two that are one text', "/t/$T$B/main/noarch/x", $malformed],
	['T37 two that are one text, deeper', "/t/$T/main/noarch/$T$B", '404'],
	['T37 two and a hyphen, deeper', "/t/$T/main/noarch/$T-$B", '404'],
	['T37 two and a dot, deeper', "/t/$T/main/noarch/$T.$B", '404'],
	['T37 two that are one text, nowhere', "/main/noarch/$T$B", $missing],
);
my @queries = ("token=$T", "t=$T", "t=/t/$T/", "access_token=$T", "$T",
	"a=1&$T&b=2", "next=/t/$T/main/noarch/x", "x=$T$B", "x=$T-$B", "x=$T,$B",
	'x=' . join('', map { sprintf '%%%02x', ord } split //, $T), "\@$T", "?$T");
for my $n (0 .. $#queries) {
	$m->rows(
		["T37 only in the query ($n)", "/main/noarch/x?$queries[$n]", $missing],
		["T37 another in the query ($n)", "/t/$T/main/noarch/x?"
			. $queries[$n] =~ s/\Q$T\E/$U/gr, $granted],
	);
}
lookups_are($t, 0, sub {
	$m->rows(map { ["T37 an unknown one in the query ($_)", "/main/noarch/x?"
		. $queries[$_] =~ s/\Q$T\E/$U/gr, $missing] } 0 .. $#queries);
}, 'T37 no look-up for a query', 'psm:t:');

$m->hang_up;
$t->finish;
