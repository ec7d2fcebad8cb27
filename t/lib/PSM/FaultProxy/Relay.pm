# SPDX-License-Identifier: BSD-2-Clause
#
# The process behind PSM::FaultProxy: one loop over all sockets. Each connection
# has two pipes, `up` to Redis and `down` to nginx; a pipe is a queue of pieces
# with the time when each may go on.

package PSM::FaultProxy::Relay;

use strict;
use warnings;

use Errno qw(EAGAIN EINTR);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use Socket qw(SOL_SOCKET SO_LINGER SO_PEERCRED IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

# What a pipe takes in before it lets its sender wait.
use constant WINDOW => 1 << 20;

my $json = JSON::PP->new->ascii->canonical;
my %does = (
	rule => \&_set_rule, heal => \&_heal, end => \&_end_kind,
	refuse => \&_refuse, listen => \&_listen, connections => \&_tell,
	route => sub { $_[0]{to} = $_[1] },
);

sub new {
	my ($class, %arg) = @_;
	return bless { %arg, rules => {}, links => [], past => [] }, $class;
}

sub now { return clock_gettime(CLOCK_MONOTONIC) }

sub run {
	my ($self, $control) = @_;

	local $SIG{PIPE} = 'IGNORE';
	$self->{controllers} = {};
	while (1) {
		my ($reads, $writes, $due) = $self->_wishes($control);
		my ($ready, $writable) = IO::Select->select($reads, $writes, undef,
			defined $due ? $due : 5);
		$self->_accept_control($control, $ready);
		$self->_accept_link if $self->{server}
			&& grep { $_ == $self->{server} } @{ $ready // [] };
		my %ready = map { fileno($_) // -1 => 1 } @{ $ready // [] };
		for my $link (@{ $self->{links} }) {
			$self->_take_in($link, $_, \%ready) for qw(up down);
			$self->_pass_on($link, $_) for qw(up down);
		}
		$self->_forget_closed;
	}
}

# What select is to look at, and when the next piece is due.
sub _wishes {
	my ($self, $control) = @_;

	my $reads = IO::Select->new($control);
	my $writes = IO::Select->new;
	my $due;
	$reads->add($self->{server}) if $self->{server};
	$reads->add($_->{socket}) for values %{ $self->{controllers} };
	for my $link (@{ $self->{links} }) {
		for my $direction (qw(up down)) {
			my $pipe = $link->{$direction};
			$reads->add($pipe->{from})
				if !$pipe->{ended} && $pipe->{size} < WINDOW;
			next if !@{ $pipe->{queue} } || $self->_rule($link, $direction)->{hold};
			my $wait = $pipe->{queue}[0][0] - now();
			if ($wait <= 0) {
				$writes->add($pipe->{to});
			} elsif (!defined $due || $wait < $due) {
				$due = $wait;
			}
		}
	}
	return ($reads, $writes, $due);
}

# ---------------------------------------------------------------- control --

sub _accept_control {
	my ($self, $control, $ready) = @_;

	for my $socket (@{ $ready // [] }) {
		if ($socket == $control) {
			my $new = $control->accept or next;
			$self->{controllers}{ fileno $new } = { socket => $new, text => '' };
		} elsif (my $who = $self->{controllers}{ fileno($socket) // -1 }) {
			my $n = sysread $socket, $who->{text}, 65536, length $who->{text};
			$self->_obey($who) if $n && $who->{text} =~ /\n\z/;
			delete $self->{controllers}{ fileno $socket } if !$n;
		}
	}
}

sub _obey {
	my ($self, $who) = @_;

	my $answer = eval {
		my ($name, @words) = @{ $json->decode($who->{text}) };
		my $do = $does{$name} or die "$name is no command\n";
		[1, $self->$do(@words)];
	} // [0, $@];
	$who->{text} = '';
	syswrite $who->{socket}, $json->encode($answer) . "\n";
}

sub _set_rule {
	my ($self, $kind, $direction, $rule) = @_;

	$kind =~ /^(?:data|stream|new|all)$/ or die "$kind is no kind\n";
	$direction =~ /^(?:up|down|both)$/ or die "$direction is no direction\n";
	my @unknown = grep { !/^(?:delay|slice|hold|corrupt)$/ } keys %$rule;
	die "@unknown is no rule\n" if @unknown;
	$self->{rules}{$kind}{$_} = $rule
		for $direction eq 'both' ? qw(up down) : $direction;
	return 1;
}

# What was held or delayed goes on at once.
sub _heal {
	my ($self) = @_;

	$self->{rules} = {};
	for my $pipe (map { @$_{qw(up down)} } @{ $self->{links} }) {
		$_->[0] = 0 for @{ $pipe->{queue} };
	}
	return 1;
}

sub _rule {
	my ($self, $link, $direction) = @_;
	return $self->{rules}{ $link->{kind} }{$direction}
		// $self->{rules}{all}{$direction} // {};
}

sub _end_kind {
	my ($self, $kind, $how) = @_;

	my @links = grep { $kind eq 'all' || $_->{kind} eq $kind } @{ $self->{links} };
	for my $link (@links) {
		if ($how =~ /^(?:up|down)$/) {
			shutdown $link->{$how}{to}, 1;
			@{ $link->{$how} }{qw(ended queue)} = (1, []);
		} else {
			_close($link, $how eq 'reset');
		}
	}
	$self->_forget_closed;
	return scalar @links;
}

sub _refuse {
	my ($self, $how) = @_;

	return $self->{hang_up} = 1 if $how eq 'accepted';
	my $server = delete $self->{server};
	close $server if $server;
	return 1;
}

sub _listen {
	my ($self) = @_;

	delete $self->{hang_up};
	return 1 if $self->{server};
	unlink $self->{socket};
	$self->{server} = $self->{tcp}
		? IO::Socket::INET->new(LocalAddr => '127.0.0.1',
			LocalPort => $self->{port}, Listen => 256, ReuseAddr => 1)
		: IO::Socket::UNIX->new(Local => $self->{socket}, Listen => 256);
	$self->{server} or die "cannot listen: $!\n";
	chmod 0777, $self->{socket} if !$self->{tcp};
	return 1;
}

sub _tell {
	my ($self) = @_;

	return [map { {
		open => $_->{closed} ? 0 : 1,
		%$_{qw(number kind began peer commands)},
		map { $_->[0] => $_->[1]{bytes} } ['up', $_->{up}], ['down', $_->{down}],
	} } @{ $self->{past} }, @{ $self->{links} }];
}

# ------------------------------------------------------------ connections --

sub _accept_link {
	my ($self) = @_;

	my $client = $self->{server}->accept or return;
	my %link = (number => ++$self->{number}, kind => 'new', began => now(),
		peer => $self->{tcp} ? 0 : unpack('i',
			getsockopt($client, SOL_SOCKET, SO_PEERCRED)), commands => []);
	if ($self->{hang_up}) {
		push @{ $self->{past} }, { %link, closed => 1,
			map { $_ => { bytes => 0 } } qw(up down) };
		setsockopt $client, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0;
		return close $client;
	}
	my $redis = $self->{to} =~ m{^/}
		? IO::Socket::UNIX->new(Peer => $self->{to})
		: IO::Socket::INET->new(PeerAddr => $self->{to}, Timeout => 2);
	return close $client if !$redis;    # Redis is down: so is this
	for my $socket ($client, $redis) {
		$socket->blocking(0);
		binmode $socket;
		setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1
			if $socket->isa('IO::Socket::INET');
	}
	push @{ $self->{links} }, {
		%link, sockets => [$client, $redis], text => '',
		up => _pipe($client, $redis), down => _pipe($redis, $client),
	};
}

sub _pipe {
	my ($from, $to) = @_;
	return { from => $from, to => $to, queue => [], size => 0, bytes => 0 };
}

sub _close {
	my ($link, $reset) = @_;

	for my $socket (@{ $link->{sockets} }) {
		setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0 if $reset;
		close $socket;
	}
	$link->{closed} = 1;
}

sub _forget_closed {
	my ($self) = @_;

	my @closed = grep { $_->{closed} } @{ $self->{links} } or return;
	for my $link (@closed) {
		$link->{$_} = { bytes => $link->{$_}{bytes} } for qw(up down);
		delete @$link{qw(sockets text)};
	}
	push @{ $self->{past} }, @closed;
	$self->{links} = [grep { !$_->{closed} } @{ $self->{links} }];
}

# ------------------------------------------------------------------ bytes --

sub _take_in {
	my ($self, $link, $direction, $ready) = @_;

	my $pipe = $link->{$direction};
	return if $link->{closed} || $pipe->{ended}
		|| !$ready->{ fileno($pipe->{from}) // -1 };
	my $n = sysread $pipe->{from}, my $bytes, 65536;
	return if !defined $n && ($!{EAGAIN} || $!{EINTR});
	if (!$n) {
		# An end is a piece like any other: it is held and delayed.
		@$pipe{qw(ended reset)} = (1, !defined $n);
		my $delay = $self->_rule($link, $direction)->{delay} // 0;
		push @{ $pipe->{queue} }, [now() + $delay / 1000, undef];
		return;
	}
	$self->_classify($link, $bytes) if $direction eq 'up';
	$self->_enqueue($link, $direction, $bytes);
}

sub _enqueue {
	my ($self, $link, $direction, $bytes) = @_;

	my ($pipe, $rule) = ($link->{$direction}, $self->_rule($link, $direction));
	my $at = now() + ($rule->{delay} // 0) / 1000;
	my $last = @{ $pipe->{queue} } ? $pipe->{queue}[-1][0] : 0;
	$at = $last if $last > $at;    # a piece never overtakes another
	if (defined(my $n = $rule->{corrupt})) {
		substr($bytes, $n, 1) ^= "\x01" if $n < length $bytes;
	}
	$pipe->{size} += length $bytes;
	if (my $pause = $rule->{slice}) {
		push @{ $pipe->{queue} }, map { [$at += $pause / 1000, $_] }
			split //, $bytes;
	} else {
		push @{ $pipe->{queue} }, [$at, $bytes];
	}
}

# Which commands pass; a command may come in two pieces.
sub _classify {
	my ($self, $link, $bytes) = @_;

	$link->{text} .= $bytes;
	while ($link->{text} =~ s/\A\*([0-9]+)\r\n((?:\$[0-9]+\r\n[^\r]*\r\n)*)//) {
		my ($count, $rest) = ($1, $2);
		my @words = $rest =~ /\$[0-9]+\r\n([^\r]*)\r\n/g;
		if (@words < $count) {
			$link->{text} = "*$count\r\n$rest$link->{text}";
			last;
		}
		my $name = uc $words[0];
		$name .= ' ' . uc $words[1] if $name eq 'CLIENT';
		push @{ $link->{commands} }, $name if @{ $link->{commands} } < 50;
		$link->{kind} = 'stream' if $name =~ /^(?:SUBSCRIBE|CLIENT TRACKING)$/;
		$link->{kind} = 'data' if $name eq 'GET' && $link->{kind} eq 'new';
	}
}

sub _pass_on {
	my ($self, $link, $direction) = @_;

	return if $link->{closed} || $self->_rule($link, $direction)->{hold};
	my $pipe = $link->{$direction};
	my $queue = $pipe->{queue};
	while (@$queue && $queue->[0][0] <= now()) {
		if (!defined $queue->[0][1]) {
			return _close($link, $pipe->{reset});
		}
		my $n = syswrite $pipe->{to}, $queue->[0][1];
		if (!defined $n) {
			return if $!{EAGAIN} || $!{EINTR};
			return _close($link);
		}
		$pipe->{size} -= $n;
		$pipe->{bytes} += $n;
		return substr $queue->[0][1], 0, $n, '' if $n < length $queue->[0][1];
		shift @$queue;
	}
}

1;
