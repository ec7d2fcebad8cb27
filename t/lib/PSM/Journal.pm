# SPDX-License-Identifier: BSD-2-Clause
#
# What a forked helper saw, one JSON text a line: written in the child, read in
# the test. One write per entry on an O_APPEND file, so that several children
# may share it.

package PSM::Journal;

use strict;
use warnings;

use Fcntl qw(O_WRONLY O_APPEND O_CREAT);
use JSON::PP;

my $json = JSON::PP->new->ascii->canonical->allow_nonref;

sub new {
	my ($class, $path) = @_;
	return bless { path => $path }, $class;
}

sub add {
	my ($self, $entry) = @_;

	sysopen my $fh, $self->{path}, O_WRONLY | O_APPEND | O_CREAT
		or die "$self->{path}: $!";
	my $line = $json->encode($entry) . "\n";
	syswrite($fh, $line) == length $line or die "$self->{path}: $!";
	close $fh;
}

sub entries {
	my ($self) = @_;

	open my $fh, '<', $self->{path} or return;
	return map { $json->decode($_) } grep { /\n\z/ } <$fh>;
}

1;
