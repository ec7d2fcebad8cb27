#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The decision of the compiled library against the reference model (t/model),
# which is written from the contract and not from the C++: a million random
# cases, no difference (T40, T49). PSM_MODEL_SEED repeats a run, PSM_MODEL_CASES
# makes it longer. Then: that a gate which is wrong in one reason is found.

use strict;
use warnings;

use FindBin;
use Test::More;

my $python = $ENV{PSM_PYTHON} // 'python3';
my $check = "$FindBin::Bin/model/check_library.py";
my $harness = $ENV{PSM_MODEL} // "$FindBin::Bin/../build/model/harness";
my $seed = $ENV{PSM_MODEL_SEED} // int rand 2**31;
my $cases = $ENV{PSM_MODEL_CASES} // 1_000_000;

# (exit code, what it printed)
sub run_check {
	my (@arg) = @_;

	local $ENV{PYTHONDONTWRITEBYTECODE} = 1;
	open my $out, '-|', $python, $check, '--harness', $harness, @arg
		or die "$python: $!";
	my $text = do { local $/; <$out> };
	close $out;
	return ($? >> 8, $text);
}

-x $harness or die "$harness is not built\n";
note("seed $seed");

my ($exit, $text) = run_check('--seed', $seed, '--cases', $cases);
is($exit, 0, 'the model and the library agree, and every reason occurs');
like($text, qr/^cases $cases$/m, "in $cases cases");
like($text, qr/^differences 0$/m, 'T40 T49 no difference');
diag($text) if $exit;
note($text);

# ---- a library that gives one reason for another ----

my %spoiled = (
	(map { $_ => 'granted' } qw(token_ambiguous token_masked token_malformed
		store_unavailable token_unknown record_invalid token_disabled
		token_expired token_missing action_unknown channel_not_granted
		scope_missing level_too_low)),
	granted => 'scope_missing', public => 'token_missing',
);
for my $reason (sort keys %spoiled) {
	my $other = $spoiled{$reason};
	($exit, $text) = run_check('--seed', 7, '--cases', 3000,
		'--spoil', "$reason=$other");
	is($exit, 1, "$reason told as $other: found");
	like($text, qr/"reason": "$reason".*\n.*"reason": "$other"/,
		'... and both answers are shown');
}

# The smallest case that shows it is a request and a record, or less.
($exit, $text) = run_check('--seed', 7, '--cases', 3000, '--spoil',
	'level_too_low=granted');
my ($report) = $text =~ /^difference, seed 7:\n(.*?)(?:\n\n|\z)/ms;
like($report, qr{^request   \S+ /}m, 'shrunk: the request');
is(() = $report =~ /^token /mg, 1, 'shrunk: one record');
is(() = $report =~ /^channel /mg, 0, 'shrunk: no channel');
like($report, qr/"resources": \{"[^"]+": "(?:read|write)"\}/,
	'shrunk: one grant');
unlike($report, qr/created|superseded_by|theirs/,
	'shrunk: nothing that has no part in it');

done_testing();
