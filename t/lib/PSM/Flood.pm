# SPDX-License-Identifier: BSD-2-Clause
#
# Very many requests, and very many tokens that nobody issued. Requests go
# pipelined over one connection, and of the answers only the status and one
# header are kept, so that the client is not what takes the time.
#
#	my %seen = flood($t, [map { "/t/$_/main/x" } tokens(10_000)]);
#	is_deeply(\%seen, { 401 => 10_000 }, '...');
#
# nginx ends a connection after keepalive_requests, so raise that.

package PSM::Flood;

use strict;
use warnings;

use Compress::Raw::Zlib qw(crc32);
use Exporter qw(import);
use IO::Select;

use PSM::Http ();
use PSM::Process ();

our @EXPORT_OK = qw(flood scaled tokens is_slow);

# So many in flight: far below what one send or the socket buffers hold.
use constant BATCH => 100;

my @DIGITS = ('0' .. '9', 'A' .. 'Z', 'a' .. 'z');

# A sanitizer or valgrind is at work, which has its own idea of memory and
# time.
sub is_slow { return $ENV{PSM_PRELOAD} || $ENV{PSM_VALGRIND} }

# As many as there is time for.
sub scaled {
	my ($n) = @_;
	return $ENV{PSM_VALGRIND} ? int $n / 100 : $ENV{PSM_PRELOAD} ? int $n / 10 : $n;
}

# n well-formed tokens that nobody issued: chance as rand gives it will do,
# and the checksum is zlib's. with => what each begins with.
sub tokens {
	my ($n, %arg) = @_;

	my $begin = $arg{with} // 'psm-';
	return map {
		my $head = $begin . join '', map { $DIGITS[rand 62] }
			1 .. 40 - length $begin;
		my ($rest, $sum) = (crc32($head), '');
		for (1 .. 6) {
			$sum = $DIGITS[$rest % 62] . $sum;
			$rest = int $rest / 62;
		}
		$head . $sum;
	} 1 .. $n;
}

# Asks for each path and gives how often which answer came: the status, and
# the value of the header `show` behind it. port, headers (a list), show.
sub flood {
	my ($t, $paths, %arg) = @_;

	my $socket = $arg{sock} // $t->connect($arg{port});
	my $in = { socket => $socket, buffer => '', show => $arg{show} };
	my %seen;
	for (my $at = 0; $at < @$paths; $at += BATCH) {
		my $last = $at + BATCH > @$paths ? $#$paths : $at + BATCH - 1;
		PSM::Http::send_all($socket, join '', map {
			PSM::Http::format_request('GET', $_, $arg{headers}, undef, 1)
		} @$paths[$at .. $last]);
		$seen{ _answer($in) }++ for $at .. $last;
	}
	return %seen;
}

# Every answer here has a length. undef is the end of the connection.
sub _answer {
	my ($in) = @_;

	my $end;
	until (($end = index $in->{buffer}, "\r\n\r\n") >= 0) {
		_fill($in) or return 'closed';
	}
	my $head = substr $in->{buffer}, 0, $end + 4, '';
	my ($status) = $head =~ m{\AHTTP/1\.1 (\d+)} or return 'nonsense';
	my ($size) = $head =~ /^Content-Length: (\d+)/mi or return 'no length';
	while (length $in->{buffer} < $size) {
		_fill($in) or return 'closed';
	}
	substr $in->{buffer}, 0, $size, '';
	return $status if !$in->{show};
	return "$status " . ($head =~ /^\Q$in->{show}\E: (.*?)\r$/mi ? $1 : '-');
}

sub _fill {
	my ($in) = @_;

	IO::Select->new($in->{socket})->can_read(20 * PSM::Process::PATIENCE)
		or return 0;
	return sysread $in->{socket}, $in->{buffer}, 65536, length $in->{buffer};
}

1;
