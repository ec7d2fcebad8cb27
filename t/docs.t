#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# README and code name the same directives, variables, reasons and commands,
# in both directions.

use strict;
use warnings;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";

sub text {
	my ($file) = @_;
	open my $fh, '<', "$root/$file" or die "$file: $!";
	local $/;
	return scalar <$fh>;
}

sub same {
	my ($what, $code, $readme) = @_;
	ok(scalar @$code, "the code has $what");
	is_deeply([sort @$readme], [sort @$code], "README has the same $what");
}

my $readme = text('README.md');
my ($variables) = $readme =~ /^## Variables\n(.*?)^## /ms;
my ($answers) = $readme =~ /^## Answers\n(.*?)^## /ms;
my ($commands) = $readme =~ /^## Command line\n(.*?)^## /ms;

my $conf = text('ngx_psm_token_module/directives.cpp');
my ($table) = $conf =~ /^ngx_command_t commands\[\] = \{(.*?)^\};/ms;
same('directives',
	[$table =~ /"(psm_token\w*)"/g],
	[$readme =~ /^### (psm_token\w*)$/mg]);

for my $name ($table =~ /"(psm_token\w*)"/g) {
	my ($part) = $readme =~ /^### $name\n(.*?)^##/ms;
	for my $row (qw(Syntax Default Context)) {
		like($part, qr/^\| $row: \|/m, "$name has its $row");
	}
}

same('variables',
	[map { "\$$_" } text('ngx_psm_token_module/variables.cpp')
		=~ /"(psm_token_\w+)"/g],
	[$variables =~ /^\| `(\$psm_token_\w+)`/mg]);

my @reasons = text('lib/policy.cpp') =~ /\{"(\w+)",\s*(\d+),/g;
my %status = @reasons;
same('reasons', [keys %status],
	[$answers =~ /^\| `(\w+)` \| (?:\d+|pass)/mg]);
for my $code (sort keys %status) {
	my $answer = $status{$code} == 200 ? 'pass' : $status{$code};
	like($answers, qr/^\| `$code` \| $answer \|/m, "$code is $answer");
}

my $cli = $ENV{PSM_CLI} // "$root/build/psm-token";
my $help = `$cli --help`;
is($?, 0, 'psm-token --help');
my ($list) = $help =~ /^Subcommands:\n(.*)/ms;
same('commands', [$list =~ /^  (\w+) /mg],
	[do { my %seen; grep { !$seen{$_}++ } map { /(\w+)/ ? $1 : () }
		map { split /, / } $commands =~ /^\| (`[a-z].*?) \| /mg }]);

# Each threat that SECURITY.md lists is cited where it says, and none is
# cited that it does not list.
my $security = text('SECURITY.md');
my %listed = $security =~ /^\| (T\d+) \| .*? \| (`.*`) \|$/mg;
cmp_ok(scalar keys %listed, '>=', 75, 'SECURITY.md lists the threats');
for my $threat (sort keys %listed) {
	for my $file ($listed{$threat} =~ /`([^`]+)`/g) {
		like(text($file), qr/\b$threat\b/, "$threat is in $file");
	}
}
my %cited;
for my $file (map { s{^\Q$root\E/}{}r } glob "$root/t/*.t") {
	$cited{$_} = $file for text($file) =~ /\b(T\d{2,3})\b/g;
}
is_deeply([grep { !$listed{$_} } sort keys %cited], [],
	'no test cites another');
for my $file ($security =~ /`(t\/[\w\/]+\.(?:t|cpp))`/g) {
	ok(-e "$root/$file", "$file is there");
}

for ([README => $readme], [SECURITY => $security]) {
	my ($name, $text) = @$_;
	unlike($text, qr/\x{2014}|TODO|FIXME|\@[A-Z]+\@/, "$name is finished");
}

done_testing();
