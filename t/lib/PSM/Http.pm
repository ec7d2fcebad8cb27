# SPDX-License-Identifier: BSD-2-Clause
#
# An HTTP/1.x client that sends the bytes it is given and shows the bytes it
# got. A response is a hash: status, reason, headers (list of [name, value]),
# body, raw, interim (statuses of 1xx answers), error (when it is not whole).

package PSM::Http;

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

use PSM::Process ();

our @EXPORT_OK = qw(connect_to send_all receive format_request header);

sub connect_to {
	my ($port) = @_;

	return IO::Socket::INET->new(
		PeerAddr => '127.0.0.1', PeerPort => $port,
		Proto => 'tcp', Timeout => 5,
	);
}

sub send_all {
	my ($socket, $bytes) = @_;

	local $SIG{PIPE} = 'IGNORE';
	my $at = 0;
	while ($at < length $bytes) {
		my $n = syswrite $socket, $bytes, length($bytes) - $at, $at;
		return 0 if !defined $n;
		$at += $n;
	}
	return 1;
}

# headers: a hash, or a list of names and values where order or doubles
# matter. Host and Connection are added unless given.
sub format_request {
	my ($method, $path, $headers, $body, $keep) = @_;

	my @h = ref $headers eq 'HASH'
		? map { ($_, $headers->{$_}) } sort keys %$headers
		: @{ $headers // [] };
	my %given = map { lc $h[$_] => 1 } grep { $_ % 2 == 0 } 0 .. $#h;
	unshift @h, Host => 'localhost' if !$given{host};
	push @h, Connection => 'close' if !$keep && !$given{connection};
	push @h, 'Content-Length' => length $body
		if defined $body && !$given{'content-length'}
			&& !$given{'transfer-encoding'};

	my $text = "$method $path HTTP/1.1\r\n";
	while (my ($name, $value) = splice @h, 0, 2) {
		$text .= "$name: $value\r\n";
	}
	return "$text\r\n" . ($body // '');
}

# The first value of a header, or undef.
sub header {
	my ($response, $name) = @_;

	for my $h (@{ $response->{headers} }) {
		return $h->[1] if lc $h->[0] eq lc $name;
	}
	return;
}

# Reads one response to a request of the given method.
sub receive {
	my ($socket, $method, $limit) = @_;

	my $in = { socket => $socket, buffer => '', end => time + ($limit // 10) * PSM::Process::PATIENCE };
	my $r = { status => 0, reason => '', headers => [], body => '',
		raw => '', interim => [] };

	my $ok = eval {
		while (1) {
			_read_head($in, $r);
			last if $r->{status} >= 200 || $r->{status} == 101;
			push @{ $r->{interim} }, $r->{status};
		}
		_read_body($in, $r, $method);
		1;
	};
	if (!$ok) {
		$r->{error} = $@ =~ s/ at \S+ line \d+\.\n\z//r;
		$r->{raw} .= $in->{buffer};
	}
	return $r;
}

sub _fill {
	my ($in) = @_;

	my $left = $in->{end} - time;
	die 'timeout' if $left <= 0 || !IO::Select->new($in->{socket})->can_read($left);
	my $n = sysread $in->{socket}, $in->{buffer}, 65536, length $in->{buffer};
	die "read: $!" if !defined $n;
	return $n;
}

sub _take_bytes {
	my ($in, $n) = @_;

	while (length $in->{buffer} < $n) {
		_fill($in) or die 'closed early';
	}
	return substr $in->{buffer}, 0, $n, '';
}

sub _take_line {
	my ($in) = @_;

	my $at;
	while (($at = index $in->{buffer}, "\n") < 0) {
		_fill($in) or die 'closed early';
	}
	return substr $in->{buffer}, 0, $at + 1, '';
}

sub _read_head {
	my ($in, $r) = @_;

	my $line = _take_line($in);
	$r->{raw} .= $line;
	$line =~ m{^HTTP/1\.[01] (\d{3}) ?(.*?)\r?\n} or die 'no status line';
	($r->{status}, $r->{reason}, $r->{headers}) = ($1, $2, []);
	while (1) {
		$line = _take_line($in);
		$r->{raw} .= $line;
		last if $line =~ /^\r?\n\z/;
		$line =~ /^([^:]+):\s*(.*?)\s*\z/s or die 'bad header line';
		push @{ $r->{headers} }, [$1, $2];
	}
}

sub _read_body {
	my ($in, $r, $method) = @_;

	return if $method eq 'HEAD' || $r->{status} =~ /^(?:101|204|304)$/;
	if ((header($r, 'Transfer-Encoding') // '') =~ /chunked/i) {
		while (1) {
			my $line = _take_line($in);
			$line =~ /^([0-9a-f]+)/i or die 'bad chunk';
			my $size = hex $1;
			$r->{body} .= _take_bytes($in, $size);
			_take_line($in);
			last if !$size;
		}
	} elsif (defined(my $size = header($r, 'Content-Length'))) {
		while (length($r->{body}) < $size) {
			if (!length $in->{buffer}) {
				_fill($in) or die 'closed early';
			}
			$r->{body} .= substr $in->{buffer}, 0,
				$size - length $r->{body}, '';
		}
	} else {
		1 while _fill($in);
		$r->{body} = $in->{buffer};
		$in->{buffer} = '';
	}
	$r->{raw} .= $r->{body};
}

1;
