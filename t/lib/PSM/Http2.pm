# SPDX-License-Identifier: BSD-2-Clause
#
# HTTP/2 by hand, over TCP with prior knowledge: streams side by side, resets,
# and headers that no decent client sends. Header blocks are written as
# literals without indexing; of an answer only the status and the body are
# read, so that no HPACK table is needed.

package PSM::Http2;

use strict;
use warnings;

use IO::Select;
use Time::HiRes qw(time);

use PSM::Http ();

use constant {
	DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, GOAWAY => 7,
	CONTINUATION => 9, END_STREAM => 1, END_HEADERS => 4, ACK => 1,
};

# What nginx sends as an index of the static table.
my %INDEXED = (0x88 => 200, 0x89 => 204, 0x8a => 206, 0x8b => 304,
	0x8c => 400, 0x8d => 404, 0x8e => 500);

sub connect {
	my ($class, $port) = @_;

	my $self = bless { socket => PSM::Http::connect_to($port), next => 1,
		buffer => '', streams => {} }, $class;
	$self->_send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	$self->frame(SETTINGS, 0, 0, '');
	return $self;
}

sub _send { return PSM::Http::send_all($_[0]{socket}, $_[1]) }

sub frame {
	my ($self, $type, $flags, $stream, $payload) = @_;
	return $self->_send(substr(pack('N', length $payload), 1)
		. pack('CCN', $type, $flags, $stream) . $payload);
}

sub _string {
	my ($text) = @_;

	my $n = length $text;
	return chr($n) . $text if $n < 127;
	my $size = "\x7f";
	for ($n -= 127; $n >= 128; $n >>= 7) {
		$size .= chr($n & 127 | 128);
	}
	return $size . chr($n) . $text;
}

# A request; gives its stream. headers: all of them, in order, the pseudo
# headers too; body; split => so many bytes of the header block in a frame.
sub raw {
	my ($self, $headers, %arg) = @_;

	my ($stream, @h) = ($self->{next}, @$headers);
	$self->{next} += 2;
	my $block = '';
	while (my ($name, $value) = splice @h, 0, 2) {
		$block .= "\0" . _string($name) . _string($value);
	}
	my $end = defined $arg{body} ? 0 : END_STREAM;
	my @parts = $arg{split} ? unpack "(a$arg{split})*", $block : $block;
	my ($type, $flags) = (HEADERS, $end);
	while (defined(my $part = shift @parts)) {
		$self->frame($type, $flags | (@parts ? 0 : END_HEADERS), $stream,
			$part);
		($type, $flags) = (CONTINUATION, 0);
	}
	$self->frame(DATA, END_STREAM, $stream, $arg{body}) if defined $arg{body};
	return $stream;
}

sub get {
	my ($self, $path, @headers) = @_;
	return $self->raw([':method', 'GET', ':scheme', 'http', ':path', $path,
		':authority', 'localhost', @headers]);
}

sub reset {
	my ($self, $stream) = @_;
	return $self->frame(RST_STREAM, 0, $stream, pack 'N', 8);
}

# The answer on a stream, when it has ended: { status, body }; status 0 when
# the stream was reset or the connection ended.
sub answer {
	my ($self, $stream, $limit) = @_;

	my $s = $self->{streams}{$stream} //= { status => 0, body => '' };
	my $end = time + ($limit // 5) * PSM::Process::PATIENCE;
	while (!$s->{ended}) {
		last if $self->{gone};
		my $left = $end - time;
		last if $left <= 0;
		next if !IO::Select->new($self->{socket})->can_read($left);
		sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer}
			or $self->{gone} = 1;
		$self->_take_frames;
	}
	return $s;
}

sub _take_frames {
	my ($self) = @_;

	while (length $self->{buffer} >= 9) {
		my ($high, $low, $type, $flags, $stream) =
			unpack 'CnCCN', $self->{buffer};
		my $length = $high << 16 | $low;
		last if length $self->{buffer} < 9 + $length;
		my $payload = substr $self->{buffer}, 9, $length;
		substr $self->{buffer}, 0, 9 + $length, '';
		$self->_take($type, $flags, $stream, $payload);
	}
}

sub _take {
	my ($self, $type, $flags, $stream, $payload) = @_;

	my $s = $self->{streams}{$stream} //= { status => 0, body => '' };
	if ($type == SETTINGS && !($flags & ACK)) {
		$self->frame(SETTINGS, ACK, 0, '');
	} elsif ($type == HEADERS) {
		$s->{block} = $payload;
		$s->{status} = _status($payload);
	} elsif ($type == DATA) {
		$s->{body} .= $payload;
	} elsif ($type == GOAWAY) {
		$self->{goaway} = unpack 'x4 N', $payload;
	}
	$s->{ended} = 1 if $type == RST_STREAM
		|| $type <= HEADERS && $flags & END_STREAM;
}

sub _status {
	my ($block) = @_;

	$block =~ s/\A(?:\x20|\x3f[\x80-\xff]*[\0-\x7f])//;    # a table size
	return $INDEXED{ ord $block } // ($block =~ /\A[\x08\x48]\x03(\d{3})/)[0]
		// 0;
}

1;
