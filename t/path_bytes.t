#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T31: each of the 256 bytes, as it is and percent-encoded, at seven places of
# a path, in all modes. PSM::PathRule says what each must be answered; what is
# no more than that is written out here: never a 5xx, and the file only where
# the decoded path is the file's. Then what does not fit into one byte.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(lookups_are);
use PSM::Gate;
use PSM::Modes;
use PSM::PathRule;
use Test::More;

my $t = PSM::Gate->new(name => 'path bytes', log_level => 'error');
$t->start_redis;
my %files = map { $_ => "main\n" } '/main/noarch/pkg.conda';
$files{'/other/noarch/pkg.conda'} = "other\n";
$t->file($_, $files{$_}) for keys %files;
my $m = PSM::Modes->new($t, server => 'psm_token on;');

my $T = $t->add_token(resources => { main => 'read' });
my $rule = PSM::PathRule->new(files => \%files, tokens => { $T => ['main'] });
# So near the end that what follows a byte which ends the token (a slash, a
# question mark, a blank) is too short to be a trace of it: that is path or
# query then, and shown.
my ($head, $of_token, $tail) = $T =~ /\A(.{38})(.)(.{7})\z/;

# What stands before the byte, what behind it, and the byte that was there.
my @places = (
	['before the t', '/', "t/$T/main/noarch/pkg.conda", undef],
	['for the t', '/', "/$T/main/noarch/pkg.conda", 't'],
	['in the token', "/t/$head", "$tail/main/noarch/pkg.conda", $of_token],
	['between token and channel', "/t/$T", 'main/noarch/pkg.conda', '/'],
	['as the channel begins', "/t/$T/", 'ain/noarch/pkg.conda', 'm'],
	['in the channel', "/t/$T/ma", 'n/noarch/pkg.conda', 'i'],
	['in the file', "/t/$T/main/noarch/pk", '.conda', 'g'],
);

sub short { return PSM::Modes::in_short($m->ask_next($_[0], 'GET', $_[1])) }

# The bytes at which an answer is not the one wanted.
sub wrong_bytes {
	my ($mode, $before, $behind, $own, $form) = @_;

	my @wrong;
	for my $n (0 .. 255) {
		my $byte = $form eq 'raw' ? chr $n : sprintf $form, $n;
		my $wanted = $rule->answer($mode, $before . $byte . $behind);
		my $got = short($mode, $before . $byte . $behind);
		my $may_be_served = defined $own && chr $n eq $own
			|| !defined $own && $n == ord '/' && $mode ne 'unmerged';
		push @wrong, sprintf '%02x: %s for %s', $n, $got, $wanted
			if $got ne $wanted || $got =~ /^5/
				|| ($got eq '200 main') != !!$may_be_served;
	}
	return join "\n", @wrong;
}

for my $mode ($m->names) {
	for (@places) {
		my ($place, @around) = @$_;
		for my $form (qw(raw %%%02x %%%02X)) {
			next if $form =~ /X/ && $mode ne 'plain';
			is(wrong_bytes($mode, @around, $form), '',
				"T31 $mode: each byte $place, $form");
		}
	}
}

# ------------------------------------------- more bytes than one, T31 and T32

my $e_acute = "\xc3\xa9";
my @rows = (
	# what, path behind the token, answer
	['an overlong dot-dot', '/main/%c0%ae%c0%ae/other/noarch/pkg.conda',
		'403 action_unknown'],
	['an overlong slash in the channel', '/other%c0%af..%c0%afmain/noarch/x',
		'403 action_unknown'],
	['an overlong zero', '/main%c0%80/noarch/pkg.conda',
		'403 action_unknown'],
	['three bytes for a slash', '/main%e0%80%afnoarch/pkg.conda',
		'403 action_unknown'],
	['a full-width slash', "/main%ef%bc%8fnoarch/pkg.conda",
		'403 action_unknown'],
	['full-width dots', '/main/%ef%bc%8e%ef%bc%8e/other/noarch/pkg.conda',
		'403 action_unknown'],
	['full-width letters', '/%ef%bd%8dain/noarch/pkg.conda',
		'403 action_unknown'],
	['a raw full-width letter', "/\xef\xbd\x8dain/noarch/pkg.conda",
		'403 action_unknown'],
	['a composed letter', "/${e_acute}main/noarch/x", '403 action_unknown'],
	['a combining accent', "/main\xcc\x81/noarch/x", '403 action_unknown'],
	['a zero-width joiner', '/ma%e2%80%8din/noarch/pkg.conda',
		'403 action_unknown'],
	['a byte order mark', '/%ef%bb%bfmain/noarch/pkg.conda',
		'403 action_unknown'],
	['the dotless i', '/ma%c4%b1n/noarch/pkg.conda', '403 action_unknown'],
	['half a character', '/main%c3/noarch/pkg.conda', '403 action_unknown'],
	['a surrogate', '/main%ed%a0%80/noarch/pkg.conda', '403 action_unknown'],
	['two lines', '/main%0d%0aX-Auth:%20x/noarch/pkg.conda',
		'403 action_unknown'],
	['two lines in the file', '/main/noarch/a%0d%0aSet-Cookie:%20x',
		'403 action_unknown'],
	['a tab behind the file', '/main/noarch/pkg.conda%09',
		'403 action_unknown'],
	['a zero byte behind the file', '/main/noarch/pkg.conda%00.txt', '400'],
	['a file in UTF-8 that is missing', '/main/noarch/%c3%a9', '404'],
	['a file in no encoding that is missing', '/main/noarch/%ff%fe', '404'],
);
$m->rows(map { ["T31 $_->[0]", "/t/$T$_->[1]", $_->[2]] } @rows);

my @tokens = (
	['a full-width letter in the token', $head . "\xef\xbd\x81" . $tail],
	['a full-width hyphen', $T =~ s/-/%ef%bc%8d/r],
	['a zero-width space behind it', "$T%e2%80%8b"],
	['a line end in it', "$head%0d%0a$tail"],
	['an overlong letter', $head . '%c1' . sprintf('%%%02x', 0x80
		| ord($of_token) & 0x3f) . $tail],
	['a high bit', $head . chr(ord($of_token) | 0x80) . $tail],
);
lookups_are($t, 0, sub {
	$m->rows(map { ["T31 $_->[0]", "/t/$_->[1]/main/noarch/pkg.conda",
		'401 token_malformed'] } @tokens);
}, 'T31 no look-up for any of these tokens', 'psm:t:');

$m->hang_up;
$t->finish;
