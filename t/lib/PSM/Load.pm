# SPDX-License-Identifier: BSD-2-Clause
#
# Clients that ask for the same things again and again, each a process of its
# own, a new connection for each request, and write down what they saw by
# CLOCK_MONOTONIC, which is one clock for all processes:
#
#	my $load = PSM::Load->start($t, clients => 3,
#		paths => { good => $path, victim => $other });
#	...
#	$load->stop;
#	$history->add_request($_) for $load->requests;
#
# A request is a hash: start, end, name, status (0: none), worker (its pid),
# reason, cache, error (why the answer is not whole), client. The server must
# say so:
#	add_header X-Pid $pid always;
#	add_header X-Status $psm_token_status always;
#	add_header X-Cache $psm_token_cache always;
# pause: seconds between two requests of a client; limit: how long it waits;
# body: how long each body is, if it matters.

package PSM::Load;

use strict;
use warnings;

use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);

use PSM::Http ();
use PSM::Process qw(wait_for);

my @FIELDS = qw(start end name status worker reason cache error client);
my $loads = 0;

# What is to be said to a server, for a configuration.
sub headers {
	return join '', map { "add_header $_ always;\n" } 'X-Pid $pid',
		'X-Status $psm_token_status', 'X-Cache $psm_token_cache';
}

sub now { return clock_gettime(CLOCK_MONOTONIC) }

sub start {
	my ($class, $t, %arg) = @_;

	my $self = bless { clients => 3, pause => 0.004, limit => 10, %arg,
		t => $t, owner => $$ }, $class;
	my $number = ++$loads;
	for my $client (1 .. $self->{clients}) {
		my $file = $t->dir . "/private/load.$number.$client";
		push @{ $self->{files} }, $file;
		push @{ $self->{processes} }, PSM::Process->start(
			name => "client $client", output => "$file.err",
			code => sub { $self->_ask_on($client, $file) },
		);
	}
	return $self;
}

# Until each client has asked for everything twice since now.
sub wait_round {
	my ($self, $limit) = @_;

	my @before = map { -s // 0 } @{ $self->{files} };
	my $wanted = 2 * keys %{ $self->{paths} };
	return wait_for(sub {
		my @lines = map { _lines_behind($self->{files}[$_], $before[$_]) }
			0 .. $#before;
		!grep { $_ < $wanted } @lines;
	}, $limit // 20);
}

sub _lines_behind {
	my ($file, $at) = @_;

	open my $in, '<', $file or return 0;
	seek $in, $at, 0;
	my $n = () = <$in>;
	return $n;
}

sub stop {
	my ($self) = @_;
	$_->stop('TERM') for @{ delete $self->{processes} // [] };
}

sub requests {
	my ($self) = @_;

	my @found;
	for my $file (@{ $self->{files} }) {
		open my $in, '<', $file or next;
		while (my $line = <$in>) {
			last if $line !~ s/\n\z//;    # the client was ended here
			my %request;
			@request{@FIELDS} = split /\t/, $line, -1;
			push @found, \%request;
		}
	}
	return sort { $a->{start} <=> $b->{start} } @found;
}

# ---------------------------------------------------------------- a client --

sub _ask_on {
	my ($self, $client, $file) = @_;

	my $going = 1;
	local $SIG{TERM} = sub { $going = 0 };
	open my $out, '>>', $file or die "$file: $!";
	$out->autoflush(1);
	my @names = sort keys %{ $self->{paths} };
	push @names, splice @names, 0, $client % @names;    # not all in step
	while ($going) {
		for my $name (@names) {
			last if !$going;
			my $seen = ask($self->{t}->port, $self->{paths}{$name}, $self);
			last if !$going && $seen->{error};    # we were interrupted
			@$seen{qw(name client)} = ($name, $client);
			print $out join("\t", map { $_ // '' } @$seen{@FIELDS}), "\n";
			sleep $self->{pause};
		}
	}
}

# One request on a connection of its own.
sub ask {
	my ($port, $path, $arg) = @_;

	my %seen = (start => now(), status => 0);
	my $socket = PSM::Http::connect_to($port);
	my $error = $socket ? undef : "connect: $!";
	if ($socket) {
		PSM::Http::send_all($socket, PSM::Http::format_request('GET', $path));
		my $r = PSM::Http::receive($socket, 'GET', $arg->{limit});
		$error = $r->{error};
		$error //= "a body of @{[ length $r->{body} ]}"
			if $arg->{body} && $r->{status} == 200
				&& length $r->{body} != $arg->{body};
		$seen{status} = $r->{status};
		@seen{qw(worker reason cache)} = map { PSM::Http::header($r, $_) // '' }
			qw(X-Pid X-Status X-Cache);
		close $socket;
	}
	@seen{qw(end error)} = (now(), defined $error ? $error =~ s/\s+/ /gr : '');
	return \%seen;
}

1;
