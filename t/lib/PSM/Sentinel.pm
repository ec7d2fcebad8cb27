# SPDX-License-Identifier: BSD-2-Clause
#
# Three sentinels, a master and a replica of one test, on free ports.
#
#	my $trio = PSM::Sentinel->start(dir => "$dir/trio");
#	$trio->address;                 # sentinel://127.0.0.1:P,...:P,...:P/psm
#	$trio->master->command(...);    # PSM::Redis: who is master now
#	$trio->failover;                # by hand; the old master lives on and
#	                                # answers as one for some 10 seconds
#	$trio->master->kill; $trio->wait_switched($port);   # by themselves
#	$trio->sentinel(0)->kill;       # of 0, 1, 2; also pause, resume, restart
#	$trio->stop;
#
# With these for start: password => of both Redis; sentinel_password => of the
# sentinels, for the user that sentinel_user => NAME says (the default one if
# none); tls => PSM::Certificates: all of them speak TLS only (and client_auth
# => 1, certificate => NAME, as for PSM::Redis).

package PSM::Sentinel;

use strict;
use warnings;

use Carp qw(croak);

use PSM::Process qw(wait_for slurp);
use PSM::Redis;

sub start {
	my ($class, %arg) = @_;

	my $self = bless { name => 'psm', %arg }, $class;
	mkdir $arg{dir};
	my @shared = ((map { $_ => $arg{$_} } grep { $arg{$_} }
		qw(tls client_auth certificate)), tcp => !$arg{tls});
	my @of_redis = (@shared, password => $arg{password});
	my $master = PSM::Redis->start(@of_redis, dir => "$arg{dir}/redis-0");
	my $replica = PSM::Redis->start(@of_redis, dir => "$arg{dir}/redis-1",
		replicaof => $master);
	$self->{redis} = [$master, $replica];
	$replica->wait_synced or croak 'the replica does not follow: '
		. slurp("$arg{dir}/redis-1/redis.log");
	$self->{sentinels} = [map { PSM::Redis->start(@shared,
		dir => "$arg{dir}/sentinel-$_",
		sentinel => $self->_configuration($master->port),
		password => $arg{sentinel_password}, user => $arg{sentinel_user}) }
		0 .. 2];
	$self->wait_ready or croak 'the sentinels do not find one another: '
		. slurp("$arg{dir}/sentinel-0/redis.log");
	return $self;
}

sub _configuration {
	my ($self, $port) = @_;

	my ($name, $user, $password) = @$self{qw(name sentinel_user
		sentinel_password)};
	my @lines = ("sentinel monitor $name 127.0.0.1 $port 2",
		"sentinel down-after-milliseconds $name 1000",
		"sentinel failover-timeout $name 4000",
		"sentinel parallel-syncs $name 1");
	push @lines, "sentinel auth-pass $name $self->{password}"
		if $self->{password};
	push @lines, "sentinel sentinel-pass $password" if $password;
	if ($user) {
		push @lines, "user $user on >$password allchannels +\@all",
			'user default off', "sentinel sentinel-user $user";
	} elsif ($password) {
		push @lines, "requirepass $password";
	}
	return join '', map { "$_\n" } @lines;
}

# The URI of psm_token_redis and --redis.
sub address {
	my ($self) = @_;
	return 'sentinel://' . join(',', map { '127.0.0.1:' . $_->port }
		$self->sentinels) . "/$self->{name}";
}

sub sentinels { return @{ $_[0]{sentinels} } }

sub sentinel { return $_[0]{sentinels}[$_[1]] }

# Where this sentinel (0, 1, 2) says the master is: its port.
sub port_by {
	my ($self, $number) = @_;

	my $place = eval { $self->sentinel($number)->command('SENTINEL',
		'get-master-addr-by-name', $self->{name}) } or return;
	return $place->[1];
}

# The port that all live sentinels agree on; none: they do not.
sub master_port {
	my ($self) = @_;

	my %port = map { ($self->port_by($_) // 0) => 1 }
		grep { $self->sentinel($_)->alive } 0 .. 2;
	return keys %port == 1 ? (keys %port)[0] || undef : undef;
}

# The PSM::Redis that the sentinels agree on, and the other one.
sub master {
	my ($self) = @_;

	my $port = wait_for(sub { $self->master_port }, 15)
		or croak 'the sentinels do not agree';
	my ($master) = grep { $_->port == $port } @{ $self->{redis} };
	return $master;
}

sub replica {
	my ($self) = @_;

	my $master = $self->master;
	my ($replica) = grep { $_ != $master } @{ $self->{redis} };
	return $replica;
}

# Until every live sentinel sees a good master, its replica in step and the
# other sentinels, so that a failover can be asked for.
sub wait_ready {
	my ($self, $limit) = @_;

	my @live = grep { $_->alive } $self->sentinels;
	return wait_for(sub {
		for my $sentinel (@live) {
			my $master = eval { $sentinel->command('SENTINEL', 'MASTER',
				$self->{name}) } // return;
			my %of = @$master;
			return if $of{flags} ne 'master' || $of{'num-slaves'} < 1
				|| $of{'num-other-sentinels'} < 2;
			my $replicas = eval { $sentinel->command('SENTINEL', 'REPLICAS',
				$self->{name}) } // return;
			return if !grep { my %r = @$_; $r{flags} eq 'slave'
				&& $r{'master-link-status'} eq 'ok' } @$replicas;
		}
		return 1;
	}, $limit // 40);
}

# Until all live sentinels name another port than this one, and who is there
# is a master: its port.
sub wait_switched {
	my ($self, $old, $limit) = @_;

	return wait_for(sub {
		my $port = $self->master_port // return;
		return if $port == $old;
		my ($new) = grep { $_->port == $port } @{ $self->{redis} };
		my $role = eval { $new->command('ROLE') } or return;
		return $role->[0] eq 'master' && $port;
	}, $limit // 30);
}

# One failover by hand; gives the new port. The old master is told to follow
# only later: wait_ready waits for that too.
sub failover {
	my ($self) = @_;

	my $old = $self->master->port;
	wait_for(sub {
		for my $sentinel (grep { $_->alive } $self->sentinels) {
			return 1 if eval { $sentinel->command('SENTINEL', 'FAILOVER',
				$self->{name}) };
		}
		return;
	}, 30) or croak "no sentinel begins a failover: $@";
	return $self->wait_switched($old) || croak 'no failover came about';
}

sub stop {
	my ($self) = @_;
	$_->stop for $self->sentinels, @{ $self->{redis} };
}

1;
