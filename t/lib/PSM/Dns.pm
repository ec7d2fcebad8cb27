# SPDX-License-Identifier: BSD-2-Clause
#
# A name server for one test, over UDP: addresses for each name that it was
# told, nothing else. Port 53 takes an address where it is free, so a network of
# the test's own; others can be chosen.
#
#	my $dns = PSM::Dns->start(address => '192.0.2.53', dir => $folder);
#	$dns->set(redis => '192.0.2.2');
#	my $dns = PSM::Dns->start(address => '127.0.0.1', port => free_port(),
#		dir => $folder);
#	$dns->set(redis => '127.0.0.1', '127.0.0.2');
#	$dns->pause;    # nobody is answered

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

sub pause { return $_[0]{process}->signal('STOP') }

sub resume { return $_[0]{process}->signal('CONT') }

# From the next question on.
sub set {
	my ($self, $name, @addresses) = @_;

	$self->{names}{$name} = join ',', @addresses;
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
		my $known = $names{$name};
		# A records that point back to the name in the question; an
		# answer without any where another type was asked for.
		my @answers = map { pack('n3Nn', 0xc00c, 1, 1, 600, 4)
				. pack('C4', split /\./, $_) }
			unpack('n', $type) == 1 ? split(/,/, $known // '') : ();
		my $flags = 0x8180 | ($known ? 0 : 3);
		$socket->send(join('', pack('a2n5', $id, $flags, 1,
			scalar @answers, 0, 0), substr($body, 0, 4 + length $labels),
			@answers), 0, $peer);
	}
}

1;
