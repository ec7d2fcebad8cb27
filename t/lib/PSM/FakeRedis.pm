# SPDX-License-Identifier: BSD-2-Clause
#
# A scripted Redis, for answers a real one does not give: half replies, wrong
# types, silence, a close in the middle. The script is called in a forked
# child for each command:
#
#	my $fake = $t->fake_redis(sub {
#		my ($client, $name, @args) = @_;   # $name in upper case
#		return $client->drip("\$5\r\nhello\r\n", 0.01) if $name eq 'GET';
#		return $client->usual;
#	});
#
# A client knows: send(bytes), drip(bytes, seconds between bytes), wait(s),
# stall (no answer to this one), close, usual (what a Redis with the
# records would answer), mode (what the test set last with $fake->mode),
# number (of the connection, from 1), calls (commands on it so far).

package PSM::FakeRedis;

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;

use PSM::Journal;
use PSM::Process qw(wait_for free_port slurp);

# dir; script; tcp => 1; records => { key => value } for `usual`.
sub start {
	my ($class, %arg) = @_;

	my $self = bless {
		%arg,
		socket => "$arg{dir}/fake.sock",
		script => $arg{script} // sub { $_[0]->usual },
		journal => PSM::Journal->new("$arg{dir}/fake.journal"),
	}, $class;
	mkdir $arg{dir};
	$self->{port} = free_port() if $arg{tcp};
	$self->restart;
	return $self;
}

sub restart {
	my ($self) = @_;

	$self->stop;
	my $listen = $self->{tcp}
		? IO::Socket::INET->new(LocalAddr => '127.0.0.1',
			LocalPort => $self->{port}, Listen => 64, ReuseAddr => 1)
		: IO::Socket::UNIX->new(Local => $self->{socket}, Listen => 64);
	croak "fake redis: $!" if !$listen;
	chmod 0777, $self->{socket} if !$self->{tcp};
	$self->{process} = PSM::Process->start(
		name => 'fake redis', group => 1, keep => [$listen],
		output => "$self->{dir}/fake.log",
		code => sub { $self->_serve($listen) },
	);
}

sub address {
	my ($self) = @_;
	return $self->{tcp} ? "redis://127.0.0.1:$self->{port}"
		: "unix:$self->{socket}";
}

sub stop {
	my ($self) = @_;

	my $process = delete $self->{process} or return;
	$process->stop('TERM');
	unlink $self->{socket};
}

# With a value: what `mode` gives in the script from now on.
sub mode {
	my ($self, $value) = @_;

	my $path = "$self->{dir}/fake.mode";
	return slurp($path) if @_ < 2;
	open my $fh, '>', "$path.new" or croak "$path: $!";
	print $fh $value;
	close $fh;
	rename "$path.new", $path or croak "$path: $!";
}

# What came in: a list of [connection number, name, args...]; only commands
# of the given name, when there is one.
sub commands {
	my ($self, $name) = @_;
	return grep { !defined $name || $_->[1] eq $name }
		$self->{journal}->entries;
}

# Waits until at least n commands (of that name) have come.
sub wait_commands {
	my ($self, $n, $name) = @_;
	return wait_for(sub { $self->commands($name) >= $n }, 5);
}

sub _serve {
	my ($self, $listen) = @_;

	# One process per connection, so that a script may sleep.
	$SIG{CHLD} = 'IGNORE';
	my $number = 0;
	while (my $socket = $listen->accept) {
		$number++;
		my $pid = fork // die "fork: $!";
		if ($pid == 0) {
			close $listen;
			eval { $self->_talk($socket, $number); 1 } or print STDERR $@;
			POSIX::_exit(0);
		}
		close $socket;
	}
}

sub _talk {
	my ($self, $socket, $number) = @_;

	$socket->autoflush(1);
	$SIG{PIPE} = 'IGNORE';
	my $client = bless { fake => $self, socket => $socket,
		number => $number, calls => 0 }, 'PSM::FakeRedis::Client';
	while (defined(my $line = <$socket>)) {
		my ($count) = $line =~ /^\*(\d+)\r\n/ or die "not a command: $line";
		my @words = map {
			my ($length) = <$socket> =~ /^\$(\d+)\r\n/ or die 'bad length';
			read $socket, my $word, $length + 2;
			substr $word, 0, $length;
		} 1 .. $count;
		my $name = uc shift @words;
		$self->{journal}->add([$number, $name, @words]);
		$client->{calls}++;
		$client->{last} = [$name, @words];
		$self->{script}->($client, $name, @words);
		last if $client->{closed};
	}
}

package PSM::FakeRedis::Client;

use Time::HiRes ();

sub send {
	my ($self, $bytes) = @_;
	print { $self->{socket} } $bytes;
	return $self;
}

sub drip {
	my ($self, $bytes, $pause) = @_;

	for my $byte (split //, $bytes) {
		$self->send($byte);
		Time::HiRes::sleep($pause // 0.005);
	}
	return $self;
}

sub wait {
	my ($self, $seconds) = @_;
	Time::HiRes::sleep($seconds);
	return $self;
}

sub stall { return $_[0] }

sub close {
	my ($self) = @_;
	$self->{closed} = 1;
	CORE::close($self->{socket});
	return $self;
}

sub mode { return $_[0]{fake}->mode }

sub number { return $_[0]{number} }

sub calls { return $_[0]{calls} }

sub bulk {
	my ($self, $text) = @_;
	return $self->send(defined $text
		? '$' . length($text) . "\r\n$text\r\n" : "\$-1\r\n");
}

sub usual {
	my ($self) = @_;

	my ($name, @args) = @{ $self->{last} };
	my $records = $self->{fake}{records} // {};
	return $self->bulk($records->{ $args[0] }) if $name eq 'GET';
	return $self->send("+PONG\r\n") if $name eq 'PING';
	return $self->send(":$self->{number}\r\n")
		if $name eq 'CLIENT' && uc $args[0] eq 'ID';
	return $self->send("*3\r\n\$9\r\nsubscribe\r\n\$"
		. length($args[0]) . "\r\n$args[0]\r\n:1\r\n")
		if $name eq 'SUBSCRIBE';
	return $self->send("*3\r\n\$6\r\nmaster\r\n:0\r\n*0\r\n")
		if $name eq 'ROLE';
	return $self->send("+OK\r\n")
		if $name =~ /^(?:AUTH|SELECT|CLIENT)$/;
	return $self->send("-ERR unknown command\r\n");
}

1;
