# SPDX-License-Identifier: BSD-2-Clause
#
# The leak oracle: finds any trace of a secret in a text. A trace is a window
# of 12 characters of the secret (the whole, when it is shorter), as it
# stands, in any case, percent-encoded, \x-escaped as nginx writes logs, or
# inside base64 text at any of its three offsets.

package PSM::Oracle;

use strict;
use warnings;

use MIME::Base64 qw(encode_base64);

use constant WINDOW => 12;

sub new {
	my ($class) = @_;
	return bless { secrets => {} }, $class;
}

sub add {
	my ($self, @secrets) = @_;

	for my $secret (@secrets) {
		$self->{secrets}{$secret} = 1 if length $secret;
	}
	delete $self->{windows};
}

sub _windows {
	my ($text, $size) = @_;

	return $text if length $text <= $size;
	return map { substr $text, $_, $size } 0 .. length($text) - $size;
}

# The base64 characters that depend on the secret alone, whatever stands
# before and behind it.
sub _base64_cores {
	my ($secret) = @_;

	my @cores;
	return if length $secret < 8;
	for my $offset (0 .. 2) {
		my $code = encode_base64("\0" x $offset . $secret, '');
		my $from = $offset ? $offset + 1 : 0;
		my $whole = int((length($secret) + $offset) * 8 / 6);
		push @cores, substr $code, $from, $whole - $from;
	}
	return map { ($_, tr{+/}{-_}r) } @cores;
}

# What is looked for, and how long it is: a window of either kind.
my %size = (plain => WINDOW, base64 => WINDOW * 4 / 3);

# There is an anchor in each window, wherever that begins: so a text is searched
# for few short strings, and around what is found for the windows themselves.
sub _anchors {
	my ($text, $size) = @_;

	my $half = $size / 2;
	return $text if length $text <= $size;
	return map { substr $text, $_, $half }
		grep { $_ % ($half + 1) == $half } 0 .. length($text) - $half;
}

sub _build {
	my ($self) = @_;

	my %kind;
	for my $secret (keys %{ $self->{secrets} }) {
		push @{ $kind{plain} }, lc $secret;
		push @{ $kind{base64} }, _base64_cores($secret);
	}
	for my $kind (keys %kind) {
		my (%windows, %anchors);
		for my $text (@{ $kind{$kind} }) {
			$windows{$_} = 1 for _windows($text, $size{$kind});
			$anchors{$_} = 1 for _anchors($text, $size{$kind});
		}
		my %lengths = map { length() => 1 } keys %windows;
		$self->{windows}{$kind} = { all => \%windows,
			lengths => [keys %lengths], anchors => [_any(keys %anchors)] };
	}
}

# A regex of literals is a trie: one pass however many there are. Perl gives
# up making one somewhere above 9,000, so there may be several.
sub _any {
	my @literals = map { quotemeta } sort @_;
	my @any;
	while (my @some = splice @literals, 0, 4000) {
		my $list = join '|', @some;
		push @any, qr/(?=($list))/;
	}
	return @any;
}

# Where a window stands in the bytes, or undef: it does not begin behind the anchor
# that is found, and does not end before it does.
sub _place {
	my ($windows, $bytes) = @_;

	for my $any (@{ $windows->{anchors} }) {
		while ($bytes =~ /$any/g) {
			my ($at, $end) = ($-[1], $+[1]);
			for my $length (@{ $windows->{lengths} }) {
				my $first = $end > $length ? $end - $length : 0;
				for my $from ($first .. $at) {
					return $from if $windows->{all}{substr $bytes, $from, $length};
				}
			}
		}
	}
	return;
}

sub _unescape {
	my ($text) = @_;

	$text =~ s/(?:%|\\x)([0-9A-Fa-f]{2})/chr hex $1/ge;
	return $text;
}

# Gives what it found, as a list of "form at byte N": never the secret itself,
# since test output is kept.
sub find {
	my ($self, $text) = @_;

	return if !%{ $self->{secrets} } || !defined $text || !length $text;
	$self->_build if !$self->{windows};
	my $once = _unescape($text);
	my @views = (
		['plain text', lc $text, 'plain'],
		['percent-decoded text', lc $once, 'plain'],
		['twice percent-decoded text', lc _unescape($once), 'plain'],
		['base64', $text, 'base64'],
		['percent-decoded base64', $once, 'base64'],
	);
	my @found;
	for my $view (@views) {
		my ($form, $bytes, $kind) = @$view;
		my $windows = $self->{windows}{$kind} or next;
		my $place = _place($windows, $bytes) // next;
		push @found, "$form at byte $place";
	}
	return @found;
}

1;
