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

sub _build {
	my ($self) = @_;

	my (%plain, %base64);
	for my $secret (keys %{ $self->{secrets} }) {
		$plain{ lc $_ } = 1 for _windows($secret, WINDOW);
		for my $core (_base64_cores($secret)) {
			$base64{$_} = 1 for _windows($core, WINDOW * 4 / 3);
		}
	}
	$self->{windows} = {
		map { $_->[0] => [_any(keys %{ $_->[1] })] }
			['plain', \%plain], ['base64', \%base64],
	};
}

# A regex of literals is a trie: one pass however many there are. Perl gives
# up making one somewhere above 9,000, so there may be several.
sub _any {
	my @literals = map { quotemeta } sort @_;
	my @any;
	while (my @some = splice @literals, 0, 4000) {
		my $list = join '|', @some;
		push @any, qr/($list)/;
	}
	return @any;
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
		for my $any (@{ $self->{windows}{$kind} }) {
			push @found, "$form at byte $-[1]" if $bytes =~ $any;
		}
	}
	return @found;
}

1;
