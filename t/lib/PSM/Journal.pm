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

# Those since the last call: reading all of them each time takes long.
sub news {
	my ($self) = @_;

	if (!$self->{reader}) {    # made with the first entry
		open my $new, '<', $self->{path} or return;
		$self->{reader} = $new;
	}
	my $fh = $self->{reader};
	seek $fh, 0, 1;    # beyond the end that was there
	my $text = ($self->{rest} // '') . do { local $/; <$fh> // '' };
	$text =~ s/([^\n]*)\z//;    # the end may still be written
	$self->{rest} = $1;
	return map { $json->decode($_) } split /\n/, $text;
}

1;
