# SPDX-License-Identifier: BSD-2-Clause
#
# A server behind nginx that records every byte of each request and answers
# JSON: {"method","uri","headers":{name: value},"length"}. A handler (called
# in a forked child with the request as a hash: method, uri, headers, body)
# may return [status, [name, value, ...], body] instead.

package PSM::Upstream;

use strict;
use warnings;

use Carp qw(croak);
use IO::Socket::INET;
use JSON::PP;

use PSM::Journal;
use PSM::Process qw(wait_for free_port);

# dir, number, handler.
sub start {
	my ($class, %arg) = @_;

	my $self = bless {
		%arg, port => free_port(),
		journal => PSM::Journal->new("$arg{dir}/upstream-$arg{number}.journal"),
	}, $class;
	my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		LocalPort => $self->{port}, Listen => 128, ReuseAddr => 1)
		or croak "upstream: $!";
	$self->{process} = PSM::Process->start(
		name => 'upstream', group => 1, keep => [$listen],
		output => "$arg{dir}/upstream-$arg{number}.log",
		code => sub { $self->_serve($listen) },
	);
	return $self;
}

sub port { return $_[0]{port} }

sub address { return "127.0.0.1:$_[0]{port}" }

sub stop {
	my ($self) = @_;
	my $process = delete $self->{process} or return;
	$process->stop('TERM');
}

# The requests so far: raw bytes, body and all.
sub requests { return $_[0]{journal}->entries }

sub last_request { return ($_[0]->requests)[-1] }

sub _serve {
	my ($self, $listen) = @_;

	$SIG{CHLD} = 'IGNORE';
	while (my $socket = $listen->accept) {
		my $pid = fork // die "fork: $!";
		if ($pid == 0) {
			close $listen;
			eval { $self->_talk($socket); 1 } or print STDERR $@;
			POSIX::_exit(0);
		}
		close $socket;
	}
}

sub _talk {
	my ($self, $socket) = @_;

	$socket->autoflush(1);
	$SIG{PIPE} = 'IGNORE';
	while (my $request = _read_request($socket)) {
		$self->{journal}->add($request->{raw});
		my $answer = $self->{handler} && $self->{handler}->($request);
		$answer //= _echo($request);
		my ($status, $headers, $body) = @$answer;
		my $keep = $request->{raw} =~ m{ HTTP/1\.1\r\n}
			&& lc($request->{headers}{connection} // '') ne 'close';
		my @h = (@$headers, 'Content-Length', length $body,
			'Connection', $keep ? 'keep-alive' : 'close');
		my $head = "HTTP/1.1 $status Answer\r\n";
		while (my ($name, $value) = splice @h, 0, 2) {
			$head .= "$name: $value\r\n";
		}
		$body = '' if $request->{method} eq 'HEAD';
		print $socket "$head\r\n$body";
		last if !$keep;
	}
}

sub _echo {
	my ($request) = @_;

	my $body = JSON::PP->new->ascii->canonical->encode({
		map { $_ => $request->{$_} } qw(method uri headers length),
	});
	return [200, ['Content-Type' => 'application/json'], $body];
}

sub _read_request {
	my ($socket) = @_;

	my $raw = '';
	while ($raw !~ /\r\n\r\n\z/) {
		$raw .= <$socket> // return;
	}
	my ($method, $uri) = $raw =~ /^(\S+) (.*) HTTP/ or die "bad request";
	my %headers;
	while ($raw =~ /^([^:\r\n]+): ?(.*?)\r\n/mg) {
		my $name = lc $1;
		$headers{$name} = defined $headers{$name} ? "$headers{$name}, $2" : $2;
	}
	my $body = '';
	if (($headers{'transfer-encoding'} // '') =~ /chunked/i) {
		while (1) {
			my $line = <$socket> // last;
			my $size = hex $line;
			read $socket, my $part, $size + 2;
			$body .= substr $part, 0, $size;
			last if !$size;
		}
	} elsif (my $size = $headers{'content-length'}) {
		read $socket, $body, $size;
	}
	return { raw => $raw . $body, method => $method, uri => $uri,
		headers => \%headers, body => $body, length => length $body };
}

1;
