# SPDX-License-Identifier: BSD-2-Clause
#
# A network of the test's own, in which packets can vanish:
#
#	use PSM::Netns;
#	PSM::Netns::enter();    # before anything else
#	...
#	my $host = PSM::Netns->new;
#	$t->start_redis(tcp => 1, wrap => [$host->wrap],
#		args => ['--bind', $host->address, '--protected-mode', 'no']);
#	... psm_token_redis redis://<$host->address>:<$t->redis_server->{port}> ...
#	$host->cut;         # both ways; cut('in'), cut('out'): one
#	$host->heal;
#
# enter runs the test again in a new network namespace, with nothing but a
# loopback in it: as root by unshare, as a plain user in a user namespace. Each
# host is one more namespace, joined by a pair of veth. They have no names, and
# are gone with the processes in them, whatever happens; nothing of the machine
# is changed, and nothing of it can be reached.
#
# A cut is a routing rule at the receiver that drops what comes in: neither side
# sees a closed connection, a refused one or a link that went down. Files, unix
# sockets among them, are shared: the test reaches a Redis through its unix
# socket while its packets vanish.

package PSM::Netns;

use strict;
use warnings;

use Carp qw(croak);

use PSM::Process qw(wait_for slurp);

$ENV{PATH} .= ':/usr/sbin:/sbin';
my $hosts = 0;

# Returns in the new namespace only.
sub enter {
	return if $^C || ($ENV{PSM_NETNS} // '') eq $$;    # perl -c runs nothing
	my @unshare = ('unshare', '--net',
		$> == 0 ? () : qw(--user --map-current-user --keep-caps));
	my $error = `@unshare ip link set lo up 2>&1`;
	croak "This test needs a network namespace of its own: run it as root, or "
		. "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
		. "kernel.apparmor_restrict_unprivileged_userns=0). `@unshare` says: "
		. $error if $?;

	$ENV{PSM_NETNS} = $$;    # exec keeps the process
	my @include = map { "-I$_" } grep { !ref } @INC;
	exec @unshare, 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh',
		$^X, @include, $0, @ARGV or croak "unshare: $!";
}

sub new {
	my ($class) = @_;

	my $n = ++$hosts;
	my $self = bless { n => $n, mine => "10.203.$n.1",
		address => "10.203.$n.2" }, $class;
	$self->{process} = PSM::Process->start(name => "host $n",
		run => ['unshare', '--net', 'sleep', '600']);
	my $pid = $self->{process}->pid;
	my $own = readlink '/proc/self/ns/net';
	wait_for(sub { (readlink "/proc/$pid/ns/net" // $own) ne $own }, 10)
		or croak 'no namespace for another host';
	_ip(qw(link add), "psm$n", qw(type veth peer name eth0 netns), $pid);
	_ip(qw(address add), "$self->{mine}/30", 'dev', "psm$n");
	_ip(qw(link set), "psm$n", 'up');
	$self->_there(qw(address add), "$self->{address}/30", qw(dev eth0));
	$self->_there(qw(link set eth0 up));
	$self->_there(qw(link set lo up));
	# Local addresses come second, so that a rule may come before them.
	for my $ip ($n == 1 ? \&_ip : (), sub { $self->_there(@_) }) {
		$ip->(qw(rule add pref 10 lookup local));
		$ip->(qw(rule delete pref 0));
	}
	return $self;
}

sub _run {
	my (@command) = @_;

	my $said = do {
		open my $out, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command
			or croak "$command[0]: $!";
		local $/;
		my $text = <$out>;
		close $out;
		$text;
	};
	croak "@command: $said" if $?;
}

sub _ip { return _run('ip', @_) }

sub _there {
	my ($self, @words) = @_;
	return _run($self->wrap, 'ip', @words);
}

# How to run a command on this host.
sub wrap { return ('nsenter', '--net', '-t', $_[0]{process}->pid) }

sub address { return $_[0]{address} }

# in: what is sent to the host vanishes; out: what it sends does.
sub cut {
	my ($self, $direction) = @_;

	my @rule = qw(rule add pref 5 blackhole iif);
	$self->_there(@rule, 'eth0') if ($direction // 'in') eq 'in';
	_ip(@rule, "psm$self->{n}") if ($direction // 'out') eq 'out';
	push @{ $self->{cuts} }, $direction // ('in', 'out');
}

sub heal {
	my ($self) = @_;

	for my $direction (@{ delete $self->{cuts} // [] }) {
		my @rule = qw(rule delete pref 5 blackhole iif);
		$direction eq 'in' ? $self->_there(@rule, 'eth0')
			: _ip(@rule, "psm$self->{n}");
	}
}

1;
