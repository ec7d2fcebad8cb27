# SPDX-License-Identifier: BSD-2-Clause
#
# A bad network between nginx and Redis, as a process of its own:
#
#	my $proxy = PSM::FaultProxy->start(dir => $t->dir . '/proxy',
#		to => $t->redis_server->{socket});
#	... psm_token_redis @{[ $proxy->address ]} ...
#	$proxy->rule(data => down => { delay => 300 });
#	$proxy->rule(stream => both => { hold => 1 });
#	$proxy->cut('stream');
#	$proxy->heal;
#
# A rule is in force when the call returns, for connections that are there and
# for those to come. It is kept per kind of connection and per direction.
#
# Kinds: `data` (a GET has passed), `stream` (CLIENT TRACKING or SUBSCRIBE has:
# it is known before these bytes go on), `new` (neither yet), `all`. A rule for
# a kind replaces that for `all`.
# Directions: `up` (to Redis), `down` (to nginx), `both`.
# Rules, together if need be:
#	delay => ms	each piece goes on so much later
#	slice => ms	one byte, then a pause
#	hold => 1	a black hole: nothing goes on, an end neither, until healed
#	corrupt => n	the n-th byte of each piece, from 0, is another
# An empty rule lets everything pass; heal takes all rules away.
#
# cut and reset (RST where it is TCP) end the connections of a kind, half_close
# ends one direction of them; refuse ends to listen, refuse('accepted') takes
# new connections and ends them at once, listen lets them in again. route sends
# new ones to another Redis.
# connections tells of all there were: number, kind, open, up and down (bytes),
# began (CLOCK_MONOTONIC), commands (names that passed up, in order), peer (the
# process that connected, where it is a unix socket).
#
# tcp => 1 listens on a port of 127.0.0.1, else it is a unix socket; `to` is
# a unix socket, or host:port. Any process of the test may call.

package PSM::FaultProxy;

use strict;
use warnings;

use Carp qw(croak);
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;

use PSM::FaultProxy::Relay;
use PSM::Process qw(free_port);

my $json = JSON::PP->new->ascii->canonical;

sub start {
	my ($class, %arg) = @_;

	my $self = bless { %arg }, $class;
	mkdir $arg{dir};
	$self->{port} = free_port() if $arg{tcp};
	$self->{socket} = "$arg{dir}/proxy.sock";
	$self->{control} = "$arg{dir}/proxy.control";
	unlink $self->{control};
	my $control = IO::Socket::UNIX->new(Local => $self->{control},
		Listen => 64) or croak "fault proxy: $self->{control}: $!";
	chmod 0777, $self->{control};
	my $relay = PSM::FaultProxy::Relay->new(%$self);
	$self->{process} = PSM::Process->start(
		name => 'fault proxy', output => "$arg{dir}/proxy.log",
		keep => [$control], code => sub { $relay->run($control) },
	);
	$self->_ask('listen');
	return $self;
}

sub address {
	my ($self) = @_;
	return $self->{tcp} ? "redis://127.0.0.1:$self->{port}"
		: "unix:$self->{socket}";
}

sub pid { return $_[0]{process}->pid }

sub stop {
	my ($self) = @_;

	my $process = delete $self->{process} or return;
	$process->stop('TERM');
	unlink @$self{qw(socket control)};
}

# One question, one answer, a line each.
sub _ask {
	my ($self, @words) = @_;

	my $socket = IO::Socket::UNIX->new(Peer => $self->{control})
		or croak "fault proxy: $self->{control}: $!";
	print $socket $json->encode(\@words), "\n";
	$socket->flush;
	my $line = <$socket> // croak "fault proxy: no answer to $words[0]: see "
		. "$self->{dir}/proxy.log";
	my ($ok, $answer) = @{ $json->decode($line) };
	croak "fault proxy: $answer" if !$ok;
	return $answer;
}

sub rule {
	my ($self, $kind, $direction, $rule) = @_;
	return $self->_ask(rule => $kind, $direction, $rule);
}

sub heal { return $_[0]->_ask('heal') }

sub cut { return $_[0]->_ask(end => $_[1] // 'all', 'close') }

sub reset { return $_[0]->_ask(end => $_[1] // 'all', 'reset') }

# direction: which one ends.
sub half_close { return $_[0]->_ask(end => $_[1] // 'all', $_[2] // 'down') }

sub refuse { return $_[0]->_ask('refuse', $_[1] // '') }

sub route { return $_[0]->_ask('route', $_[1]) }

sub listen { return $_[0]->_ask('listen') }

# With a kind: those of it alone.
sub connections {
	my ($self, $kind) = @_;
	return grep { !defined $kind || $_->{kind} eq $kind }
		@{ $self->_ask('connections') };
}

sub open_connections { return grep { $_->{open} } connections(@_) }

1;
