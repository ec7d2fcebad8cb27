# SPDX-License-Identifier: BSD-2-Clause
#
# Token texts and their digests, worked out here a second time so that a test
# does not believe the code under test: "psm-", 36 characters of base62, the
# CRC-32 of these 40 in base62.

package PSM::Token;

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Exporter qw(import);

our @EXPORT_OK = qw(new_token token_checksum token_digest new_id);

my @DIGITS = ('0' .. '9', 'A' .. 'Z', 'a' .. 'z');

sub _random_bytes {
	my ($n) = @_;

	open my $fh, '<:raw', '/dev/urandom' or die "/dev/urandom: $!";
	read($fh, my $bytes, $n) == $n or die "/dev/urandom: short read";
	return $bytes;
}

sub crc32 {
	my ($text) = @_;

	my $crc = 0xffffffff;
	for my $byte (unpack 'C*', $text) {
		$crc ^= $byte;
		$crc = $crc & 1 ? ($crc >> 1) ^ 0xedb88320 : $crc >> 1 for 1 .. 8;
	}
	return $crc ^ 0xffffffff;
}

sub token_checksum {
	my ($head) = @_;

	my ($n, $text) = (crc32($head), '');
	for (1 .. 6) {
		$text = $DIGITS[$n % 62] . $text;
		$n = int($n / 62);
	}
	return $text;
}

sub new_token {
	my $head = 'psm-';
	while (length $head < 40) {
		my $byte = ord _random_bytes(1);
		$head .= $DIGITS[$byte % 62] if $byte < 248;
	}
	return $head . token_checksum($head);
}

sub token_digest { return sha256_hex($_[0]) }

sub new_id {
	my @b = unpack 'C16', _random_bytes(16);
	$b[6] = $b[6] & 0x0f | 0x40;
	$b[8] = $b[8] & 0x3f | 0x80;
	my $hex = join '', map { sprintf '%02x', $_ } @b;
	return join '-', unpack 'A8 A4 A4 A4 A12', $hex;
}

1;
