# SPDX-License-Identifier: BSD-2-Clause
#
# A name server for one test, over UDP: an address for each name that it was
# told, nothing else. Takes port 53, which needs a network of the test's own,
# or another one.
#
#	my $dns = PSM::Dns->start(address => '192.0.2.53', dir => $folder);
#	$dns->set(redis => '192.0.2.2');
#	PSM::Dns->start(address => '127.0.0.1', port => $port, dir => $folder);

package PSM::Dns;

use strict;
use warnings;

use IO::Socket::INET;

use PSM::Process qw(slurp);

sub start {
	my ($class, %arg) = @_;

	my $self = bless { %arg, names => {} }, $class;
	$self->_write;
	my $socket = IO::Socket::INET->new(Proto => 'udp',
		LocalAddr => $arg{address}, LocalPort => $arg{port} // 53)
		or die "$arg{address}: $!";
	$self->{process} = PSM::Process->start(name => 'dns', keep => [$socket],
		code => sub { $self->_serve($socket) });
	return $self;
}

sub stop { return $_[0]{process}->stop('TERM') }

# From the next question on.
sub set {
	my ($self, $name, $address) = @_;

	$self->{names}{$name} = $address;
	$self->_write;
}

sub _write {
	my ($self) = @_;

	my $file = "$self->{dir}/names";
	open my $fh, '>', "$file.new" or die "$file: $!";
	print $fh map { "$_ $self->{names}{$_}\n" } sort keys %{ $self->{names} };
	close $fh;
	rename "$file.new", $file or die "$file: $!";
}

sub _serve {
	my ($self, $socket) = @_;

	while (my $peer = $socket->recv(my $question, 512)) {
		my %names = slurp("$self->{dir}/names") =~ /^(\S+) (\S+)$/mg;
		my ($id, $body) = unpack 'a2 x10 a*', $question;
		my ($labels, $type) = $body =~ /^(.*?\0)(..)/s or next;
		my $name = join '.', unpack '(C/a)*', $labels =~ s/\0\z//r;
		my $address = $names{$name};
		# An A record that points back to the name in the question; an
		# answer without one where another type was asked for.
		my $answer = $address && unpack('n', $type) == 1
			? pack('n3Nn', 0xc00c, 1, 1, 600, 4)
				. pack('C4', split /\./, $address) : '';
		my $flags = 0x8180 | ($address ? 0 : 3);
		$socket->send(pack('a2n5', $id, $flags, 1, length $answer ? 1 : 0,
			0, 0) . substr($body, 0, 4 + length $labels) . $answer, 0, $peer);
	}
}

1;
