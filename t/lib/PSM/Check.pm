# SPDX-License-Identifier: BSD-2-Clause
#
# Assertions that tables of requests share. Each is one test with one name;
# a failure shows what came instead.

package PSM::Check;

use strict;
use warnings;

use Exporter qw(import);
use Test::More;

our @EXPORT_OK = qw(answer_is code_of last_line lookups lookups_are);

# The `code` of a denial's body; empty when there is none.
sub code_of {
	my ($r) = @_;
	return $r->{body} =~ /"code":"(\w+)"/ ? $1 : '';
}

# The status, and the code of our denials: answer_is($r, 401,
# 'token_missing', 'name'); undef when nobody of ours speaks.
sub answer_is {
	my ($r, $status, $code, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $got = join ' ', $r->{status}, grep { length } code_of($r);
	my $ok = is($got, join(' ', $status, $code // ()), $name);
	diag('error: ', $r->{error}) if !$ok && $r->{error};
	return $ok;
}

# How many keys that begin so (all, by default) the gate has asked for.
sub lookups {
	my ($t, $prefix) = @_;

	$prefix = quotemeta($prefix // '');
	$t->redis_server->settle;
	my $n = () = $t->redis_server->monitored =~ /"GET" "$prefix/g;
	return $n;
}

# The sub makes so many look-ups.
sub lookups_are {
	my ($t, $wanted, $sub, $name, $prefix) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $before = lookups($t, $prefix);
	$sub->();
	return is(lookups($t, $prefix) - $before, $wanted, $name);
}

# The last line of a log, once the request that made it has ended. A line is
# written after the answer was sent, so the caller says what it waits for.
sub last_line {
	my ($t, $pattern, $file) = @_;

	$file //= 'access.log';
	$t->wait_log(qr/$pattern/, $file);
	my @found = grep { /$pattern/ } split /\n/, $t->log_text($file);
	return $found[-1] // '';
}

1;
