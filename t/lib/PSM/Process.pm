# SPDX-License-Identifier: BSD-2-Clause
#
# A child process that a test owns: started, waited for, ended by its id.

package PSM::Process;

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(wait_for free_port children_of slurp);

# Under valgrind everything takes its time.
use constant PATIENCE => $ENV{PSM_VALGRIND} ? 10 : 1;

# Polls until the sub gives a true value, and gives that; false after `limit`
# seconds.
sub wait_for {
	my ($sub, $limit) = @_;

	my $end = time + ($limit // 10) * PATIENCE;
	while (1) {
		my $got = $sub->();
		return $got if $got;
		return if time > $end;
		sleep 0.02;
	}
}

# The socket stays bound, not listening, so that nobody else is given the
# port; a server that sets SO_REUSEADDR can still listen on it.
my @held;

sub free_port {
	my $socket = IO::Socket::INET->new(
		LocalAddr => '127.0.0.1', LocalPort => 0,
		Proto => 'tcp', ReuseAddr => 1,
	) or die "no free port: $!";
	push @held, $socket;
	return $socket->sockport;
}

sub slurp {
	my ($path) = @_;

	open my $fh, '<:raw', $path or return '';
	local $/;
	return <$fh> // '';
}

sub children_of {
	my ($parent) = @_;

	my @found;
	for my $stat (glob '/proc/[0-9]*/stat') {
		my ($pid, $state, $ppid) = slurp($stat) =~ /^(\d+) \(.*\) (\S) (\d+)/s
			or next;
		push @found, $pid if $ppid == $parent && $state ne 'Z';
	}
	@found = sort { $a <=> $b } @found;
	return @found;
}

# A socket that a forked helper also holds would not close when the test
# closes it. Its number is not given up: Perl counts the handles of a number,
# and would not close another file that came to have it.
sub _close_files {
	my %keep = map { fileno($_) => 1 } @_;

	opendir my $dir, '/proc/self/fd' or die "/proc/self/fd: $!";
	my @open = grep { /^\d+$/ && $_ > 2 && !$keep{$_} } readdir $dir;
	closedir $dir;
	my $null = POSIX::open('/dev/null', POSIX::O_RDWR()) // die "/dev/null: $!";
	POSIX::dup2($null, $_) for @open;
	POSIX::close($null);
}

# run => [command], or code => sub with keep => [handles]; output => file for
# stdout and stderr; env => {}; group => 1 for children that fork themselves.
sub start {
	my ($class, %arg) = @_;

	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		my $ok = eval {
			setpgrp(0, 0) if $arg{group};
			open STDIN, '<', '/dev/null' or die $!;
			if ($arg{output}) {
				open STDOUT, '>>', $arg{output} or die "$arg{output}: $!";
				open STDERR, '>&', \*STDOUT or die $!;
			}
			local %ENV = (%ENV, %{ $arg{env} // {} });
			if ($arg{code}) {
				_close_files(@{ $arg{keep} // [] });
				$arg{code}->();
			} else {
				no warnings 'exec';
				exec { $arg{run}[0] } @{ $arg{run} }
					or die "$arg{run}[0]: $!";
			}
			1;
		};
		print STDERR $@ if !$ok;
		POSIX::_exit($ok ? 0 : 127);
	}
	setpgrp($pid, $pid) if $arg{group};
	return bless {
		pid => $pid, group => $arg{group}, owner => $$, name => $arg{name},
	}, $class;
}

sub pid { return $_[0]{pid} }

sub alive {
	my ($self) = @_;

	return 0 if defined $self->{status};
	if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
		$self->{status} = $?;
		return 0;
	}
	return 1;
}

sub signal {
	my ($self, $name) = @_;
	return $self->alive && kill $name, $self->{pid};
}

# Ends it with `name`, with KILL after `limit` seconds; gives the wait status.
sub stop {
	my ($self, $name, $limit) = @_;

	if ($self->alive) {
		kill $name // 'TERM', $self->{pid};
		wait_for(sub { !$self->alive }, $limit // 10) or do {
			$self->{killed} = 1;
			kill 'KILL', $self->{pid};
			wait_for(sub { !$self->alive }, 10);
		};
	}
	kill '-KILL', $self->{pid} if $self->{group};
	return $self->{status};
}

sub killed { return $_[0]{killed} }

sub DESTROY {
	my ($self) = @_;

	local ($?, $!, $@);
	$self->stop('KILL') if $self->{owner} == $$ && !defined $self->{status};
}

1;
