# SPDX-License-Identifier: BSD-2-Clause
#
# What stands in the writable memory of a running process, read through
# /proc: the same bytes that a core file would hold, without one.

package PSM::Memory;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(can_read_memory copies_of);

use constant CHUNK => 4 << 20;

# Why the memory of this process cannot be read; undef when it can.
sub can_read_memory {
	my ($pid) = @_;

	open my $mem, '<:raw', "/proc/$pid/mem" or return "/proc/PID/mem: $!";
	my ($range) = _ranges($pid) or return '/proc/PID/maps is empty';
	sysseek $mem, $range->[0], 0;
	return defined sysread($mem, my $byte, 1) ? undef : "/proc/PID/mem: $!";
}

# Writable and private, as [from, to, name]: heap, stacks, data, anonymous.
sub _ranges {
	my ($pid) = @_;

	open my $maps, '<', "/proc/$pid/maps" or return;
	my @ranges;
	while (my $line = <$maps>) {
		my ($from, $to, $name) = $line
			=~ /^([0-9a-f]+)-([0-9a-f]+) rw\S* \S+ \S+ \d+ *(.*)$/ or next;
		no warnings 'portable';
		push @ranges, [hex $from, hex $to, $name];
	}
	return @ranges;
}

# For each text: where it stands, as a list of names of mappings.
sub copies_of {
	my ($pid, @texts) = @_;

	my %found = map { $_ => [] } @texts;
	my $longest = (sort { $b <=> $a } map { length } @texts)[0];
	open my $mem, '<:raw', "/proc/$pid/mem" or die "/proc/$pid/mem: $!";
	for my $range (_ranges($pid)) {
		my ($at, $to, $name) = @$range;
		my $rest = '';
		sysseek $mem, $at, 0 or next;
		while ($at < $to) {
			my $size = $to - $at < CHUNK ? $to - $at : CHUNK;
			my $n = sysread($mem, my $bytes, $size) or last;
			$at += $n;
			# What lies across two chunks is found with the second, and what
			# lies in the rest of the first was found with that.
			my $all = $rest . $bytes;
			for my $text (@texts) {
				my $from = -1;
				while (($from = index $all, $text, $from + 1) >= 0) {
					push @{ $found{$text} }, $name || 'anonymous'
						if $from + length $text > length $rest;
				}
			}
			$rest = substr $all, -$longest;
		}
	}
	return \%found;
}

1;
