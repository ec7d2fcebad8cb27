#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The decision of real nginx with real Redis against the reference model
# (t/model): forty thousand random cases over 32 servers, each path in one
# of its many writings (T24, T25, T26, T27, T28, T40, T42, T43, T44, T49).
# PSM_MODEL_SEED repeats a run, PSM_MODEL_NGINX_CASES makes it longer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use Test::More;

my $python = $ENV{PSM_PYTHON} // 'python3';
my $check = "$FindBin::Bin/model/check_nginx.py";
my $seed = $ENV{PSM_MODEL_SEED} // int rand 2**31;
my $cases = $ENV{PSM_MODEL_NGINX_CASES} // 40_000;

# (exit code, what it printed)
sub run_check {
	my (@arg) = @_;

	local $ENV{PYTHONDONTWRITEBYTECODE} = 1;
	open my $out, '-|', $python, $check, '--seed', $seed, @arg
		or die "$python: $!";
	my $text = do { local $/; <$out> };
	close $out;
	return ($? >> 8, $text);
}

note("seed $seed");
my $t = PSM::Gate->new(name => 'model');
my $redis = $t->start_redis;
my ($exit, $conf) = run_check('--conf');
is($exit, 0, 'a configuration');
$t->write_conf($conf);
$t->start_nginx;

my $tokens = $t->private_file('tokens', '');
($exit, my $text) = run_check('--ports', $t->port, $t->port(3), '--redis',
	$redis->address =~ s/^unix://r, '--cases', $cases, '--tokens', $tokens);
is($exit, 0, 'the model and nginx agree, and every reason occurs');
like($text, qr/^cases $cases$/m, "in $cases cases");
like($text, qr/^differences 0$/m,
	'T24 to T28, T40, T42 to T44, T49: no difference');
diag($text) if $exit;
note($text);

# The oracle looks for some of them only: for all it would take minutes.
open my $in, '<', $tokens or die "$tokens: $!";
chomp(my @sent = <$in>);
$t->secret(@sent);
cmp_ok(scalar @sent, '>=', 20, 'tokens for the oracle');

$t->finish;
