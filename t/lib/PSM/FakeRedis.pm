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
# records would answer), usual_bytes (the same, not sent), mode (what the test
# set last with $fake->mode), number (of the connection, from 1), calls
# (commands on it so far), cut (n, sub: the sub is called once n bytes more
# have left, before the next one does).
#
# The bytes that came in are recorded as they came: frames, and what is no
# command at all: garbled.

package PSM::FakeRedis;

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;

use PSM::Journal;
use PSM::Process qw(wait_for free_port slurp);

# dir; script; tcp => 1; tracking => 1; records => { key => value } for `usual`.
sub start {
	my ($class, %arg) = @_;

	my $self = bless {
		%arg,
		socket => "$arg{dir}/fake.sock",
		script => $arg{script} // sub { $_[0]->usual },
		journal => PSM::Journal->new("$arg{dir}/fake.journal"),
		bytes => PSM::Journal->new("$arg{dir}/fake.bytes"),
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

# With the parameters that it needs: only with tracking => 1 does the gate
# subscribe to its changes, which takes a connection of its own.
sub address {
	my ($self) = @_;
	return ($self->{tcp} ? "redis://127.0.0.1:$self->{port}"
		: "unix:$self->{socket}") . ($self->{tracking} ? '' : ' tracking=off');
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

# The commands as the bytes that came, as a list of [connection number, bytes].
sub frames { return grep { defined $_->[0] } $_[0]{bytes}->entries }

# Why what came was no command, and the bytes: a list of texts.
sub garbled { return map { $_->[1] } grep { !defined $_->[0] } $_[0]{bytes}->entries }

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
	while (my ($bytes, @words) = eval { _command($socket) }) {
		my $name = uc shift @words;
		$self->{bytes}->add([$number, $bytes]);
		$self->{journal}->add([$number, $name, @words]);
		$client->{calls}++;
		$client->{last} = [$name, @words];
		$self->{script}->($client, $name, @words);
		last if $client->{closed};
	}
	$self->{bytes}->add([undef, $@]) if $@;
}

# One command, to the letter: its bytes and its words; nothing at the end.
sub _command {
	my ($socket) = @_;

	my $bytes = <$socket> // return;
	my ($count) = $bytes =~ /\A\*([1-9][0-9]*)\r\n\z/
		or die "not a command: $bytes";
	my @words;
	for (1 .. $count) {
		my $head = <$socket> // return;    # the connection was given up
		my ($length) = $head =~ /\A\$([0-9]+)\r\n\z/
			or die "not a length: $bytes$head";
		(read $socket, my $word, $length + 2) == $length + 2 or return;
		$bytes .= "$head$word";
		$word =~ s/\r\n\z// or die "longer than it says: $bytes";
		push @words, $word;
	}
	return ($bytes, @words);
}

# Replies that answer nothing, by name: bytes; undef for the end; a reference
# for the right answer twice. texts: by name, what would be right elsewhere.
sub wrong_replies {
	my (%texts) = @_;

	my @errors = qw(LOADING NOAUTH MOVED ASK READONLY MASTERDOWN OOM BUSY
		WRONGTYPE ERR unknown);
	return (
		(map { ("-$_" => "-$_ for some reason\r\n") } @errors),
		(map { ($_ => PSM::FakeRedis::Client::_bulk($texts{$_})) } keys %texts),
		'an empty error' => "-\r\n",
		'a status' => "+Fine\r\n",
		'a PONG to another PING' => "+PONG\r\n",
		'an integer' => ":1\r\n",
		'nil' => "\$-1\r\n",
		'an array' => "*1\r\n\$2\r\nOK\r\n",
		'an array of nil' => "*1\r\n\$-1\r\n",
		'an array of itself' => "*2\r\n\$4\r\npong\r\n\$0\r\n\r\n",
		'a nested array' => "*1\r\n*1\r\n*1\r\n+OK\r\n",
		'an empty array' => "*0\r\n",
		'an empty text' => "\$0\r\n\r\n",
		'a push' => ">2\r\n+invalidate\r\n*1\r\n+x\r\n",
		'null of RESP3' => "_\r\n",
		'true of RESP3' => "#t\r\n",
		'a length that is none' => "\$1e3\r\n",
		'a promise of 2 GiB' => "\$2147483647\r\n",
		'a huge text' => "\$3000000\r\n" . 'x' x 3_000_000 . "\r\n",
		'2^63 elements' => "*9223372036854775807\r\n",
		'2,000 levels' => "*1\r\n" x 2000,
		'no line end' => 'OK',
		'NUL bytes' => "\0" x 100,
		'the end' => undef,
		'two of it' => \2,
	);
}

package PSM::FakeRedis::Client;

use Time::HiRes ();

sub send {
	my ($self, $bytes) = @_;

	while (my $cut = $self->{cut}) {
		last if length $bytes < $cut->[0];
		print { $self->{socket} } substr $bytes, 0, $cut->[0], '';
		delete $self->{cut};
		$cut->[1]->($self);
		return $self if $self->{closed};
	}
	$self->{cut}[0] -= length $bytes if $self->{cut};
	print { $self->{socket} } $bytes if length $bytes;
	return $self;
}

sub cut {
	my ($self, $n, $sub) = @_;
	$self->{cut} = [$n, $sub];
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

sub bulk { return $_[0]->send(_bulk($_[1])) }

sub usual { return $_[0]->send($_[0]->usual_bytes) }

sub _bulk {
	my ($text) = @_;
	return defined $text ? '$' . length($text) . "\r\n$text\r\n" : "\$-1\r\n";
}

sub usual_bytes {
	my ($self) = @_;

	my ($name, @args) = @{ $self->{last} };
	my $records = $self->{fake}{records} // {};
	return _bulk($records->{ $args[0] }) if $name eq 'GET';
	return "*2\r\n" . _bulk('pong') . _bulk($args[0] // '')
		if $name eq 'PING' && $self->{subscribed};
	return @args ? _bulk($args[0]) : "+PONG\r\n" if $name eq 'PING';
	return ":$self->{number}\r\n"
		if $name eq 'CLIENT' && uc $args[0] eq 'ID';
	if ($name eq 'SUBSCRIBE') {
		$self->{subscribed} = 1;
		return "*3\r\n" . _bulk('subscribe') . _bulk($args[0]) . ":1\r\n";
	}
	return _bulk("# Server\r\nrun_id:" . 'f' x 40 . "\r\n")
		if $name eq 'INFO';
	return "*3\r\n" . _bulk('master') . ":0\r\n*0\r\n" if $name eq 'ROLE';
	return "+OK\r\n" if $name =~ /^(?:AUTH|SELECT|CLIENT)$/;
	return "-ERR unknown command\r\n";
}

1;
