# SPDX-License-Identifier: BSD-2-Clause
#
# Assertions that tables of requests share. Each is one test with one name;
# a failure shows what came instead.

package PSM::Check;

use strict;
use warnings;

use Exporter qw(import);
use Test::More;

our @EXPORT_OK = qw(answer_is ask_as code_of last_line lookups lookups_are
	spoiled_token);

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

# Asks with the token in X-Auth, if there is one: the answer in short ("200
# public", "401 token_missing"; the status alone without our X-Status), and the
# response. port, headers.
sub ask_as {
	my ($t, $method, $path, $token, %arg) = @_;

	my $r = $t->http($method, $path, port => $arg{port},
		headers => [
			defined $token ? ('X-Auth', $token) : (),
			$method =~ /^P/ ? ('Content-Length', 0) : (),
			@{ $arg{headers} // [] },
		]);
	return ("$r->{status} " . ($t->header($r, 'X-Status') // ''), $r);
}

# A token of which one character of the checksum is another.
sub spoiled_token {
	my ($t) = @_;

	my $text = $t->unknown_token;
	substr($text, -1) =~ tr/0-9A-Za-z/1-9A-Za-z0/;
	return $t->secret($text);
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
