# SPDX-License-Identifier: BSD-2-Clause
#
# A private redis-server for one test, and a small RESP client to it. Every
# command that any client sends is recorded through MONITOR.
#
#	my $redis = PSM::Redis->start(dir => "$dir/redis", tcp => 1);
#	my $replica = PSM::Redis->start(dir => "$dir/replica",
#		replicaof => $redis);
#	$replica->wait_synced;
#	my $safe = PSM::Redis->start(dir => "$dir/safe", tls => $certificates,
#		client_auth => 1);      # $safe->tls_address: rediss://127.0.0.1:PORT
#
# pause and resume freeze and thaw it, busy and not_busy let a script hold it
# (--busy-reply-threshold says how soon others are told), kill is kill -9,
# restart starts it again (with the ports it had).

package PSM::Redis;

use strict;
use warnings;

use Carp qw(croak);
use IO::Socket::INET;
use IO::Socket::UNIX;

use PSM::Process qw(wait_for free_port slurp);

# dir: a folder of its own; tcp => 1: also on a port; password => default
# user's; args => more redis-server arguments; wrap => what to run it with.
# tls => PSM::Certificates: also on a TLS port, with the certificate that
# certificate => NAME says ("both" if none); client_auth => 1: clients need
# one of the same CA. replicaof => another PSM::Redis, which has a port: over
# TLS if this one has it.
# sentinel => text of a configuration: it is a sentinel (PSM::Sentinel).
sub start {
	my ($class, %arg) = @_;

	my $self = bless { %arg, socket => "$arg{dir}/redis.sock" }, $class;
	$self->{port} = free_port() if $arg{tcp};
	$self->{tls_port} = free_port() if $arg{tls};
	mkdir $arg{dir};
	if (defined $arg{sentinel}) {
		open my $fh, '>', $self->_config or croak $self->_config . ": $!";
		print $fh $arg{sentinel};
		close $fh;
	}
	$self->restart;
	return $self;
}

sub restart {
	my ($self) = @_;

	$self->stop;
	unlink $self->{socket};
	$self->{process} = PSM::Process->start(
		name => 'redis-server',
		output => "$self->{dir}/redis.log",
		run => [@{ $self->{wrap} // [] }, 'redis-server',
			defined $self->{sentinel} ? ($self->_config, '--sentinel') : (),
			'--port', $self->{port} // 0,
			'--bind', '127.0.0.1', '--unixsocket', $self->{socket},
			'--unixsocketperm', '777', '--dir', $self->{dir},
			$self->_tls_words,
			defined $self->{sentinel} ? () : $self->_store_words,
			@{ $self->{args} // [] }],
	);
	wait_for(sub { eval { $self->command('PING') } }, 15)
		or croak 'redis-server does not start: '
			. slurp("$self->{dir}/redis.log");
	$self->_start_monitor if !defined $self->{sentinel};
}

sub _config { return "$_[0]{dir}/sentinel.conf" }

sub _store_words {
	my ($self) = @_;

	my $master = $self->{replicaof};
	return ('--save', '', '--appendonly', 'no',
		'--repl-diskless-sync-delay', 0, '--repl-ping-replica-period', 1,
		$self->{password} ? ('--requirepass', $self->{password},
			'--masterauth', $self->{password}) : (),
		$master ? ('--replicaof', '127.0.0.1 ' . ($self->{tls}
			? $master->{tls_port} : $master->{port})) : ());
}

sub _tls_words {
	my ($self) = @_;

	my $certs = $self->{tls} or return;
	my $name = $self->{certificate} // 'both';
	return ('--tls-port', $self->{tls_port}, '--tls-cert-file',
		$certs->cert($name), '--tls-key-file', $certs->key($name),
		'--tls-ca-cert-file', $certs->ca, '--tls-replication', 'yes',
		'--tls-auth-clients', $self->{client_auth} ? 'yes' : 'no');
}

sub address { return "unix:$_[0]{socket}" }

sub tcp_address { return "redis://127.0.0.1:$_[0]{port}" }

sub tls_address { return "rediss://127.0.0.1:$_[0]{tls_port}" }

# The port that others know it by: that of TLS, if it has one.
sub port { return $_[0]{tls_port} // $_[0]{port} }

sub pid { return $_[0]{process}->pid }

sub alive { return $_[0]{process} && $_[0]{process}->alive }

# Ends it as a crash would; restart brings it back.
sub kill {
	my ($self) = @_;

	$self->{process}->stop('KILL');
	$self->stop;
}

# Waits until this replica has all that its master has; then a WAIT of the
# master counts it.
sub wait_synced {
	my ($self, $limit) = @_;

	return wait_for(sub {
		my $role = eval { $self->command('ROLE') } or return;
		return $role->[0] eq 'slave' && $role->[3] eq 'connected'
			&& $self->{replicaof}->_all_in_step;
	}, $limit // 15);
}

sub _all_in_step {
	my $info = eval { $_[0]->command('INFO', 'replication') } // '';
	my ($count) = $info =~ /^connected_slaves:(\d+)/m;
	my @online = $info =~ /state=online/g;
	return $count && @online == $count;
}

sub pause {
	my ($self) = @_;
	$self->{paused} = 1;
	CORE::kill 'STOP', $self->pid;
}

sub paused { return $_[0]{paused} }

sub resume {
	my ($self) = @_;
	delete $self->{paused};
	CORE::kill 'CONT', $self->pid;
}

# A script that runs until it is killed, so that all are told BUSY.
sub busy {
	my ($self) = @_;

	$self->{script} = PSM::Process->start(name => 'a busy script', code => sub {
		my $socket = $self->_connect;
		_send($socket, 'EVAL', 'while true do end', 0);
		eval { _reply($socket) };
	});
	wait_for(sub { !eval { $self->command('PING') } && $@ =~ /BUSY/ })
		or croak 'the script does not run';
}

# It is over a moment after the kill is acknowledged.
sub not_busy {
	my ($self) = @_;

	$self->command('SCRIPT', 'KILL');
	(delete $self->{script})->stop;
	wait_for(sub { eval { $self->command('PING') } })
		or croak 'the script does not end';
}

sub stop {
	my ($self) = @_;

	delete $self->{connection};
	if (my $process = delete $self->{process}) {
		$process->signal('CONT');
		$process->stop('TERM');
	}
	if (my $monitor = delete $self->{monitor}) {
		wait_for(sub { !$monitor->alive }, 5);
		$monitor->stop('TERM');
	}
}

sub _start_monitor {
	my ($self) = @_;

	my $path = $self->monitor_path;
	my $before = -s $path // 0;
	$self->{monitor} = PSM::Process->start(
		name => 'redis monitor',
		code => sub {
			open my $out, '>>:raw', $path or die "$path: $!";
			# Again, where a failover or a test killed all connections.
			while (my $socket = eval { $self->_connect }) {
				print $socket "*1\r\n\$7\r\nMONITOR\r\n";
				while (sysread $socket, my $bytes, 65536) {
					syswrite $out, $bytes;
				}
			}
		},
	);
	wait_for(sub { (-s $path // 0) > $before }, 10)
		or croak 'MONITOR does not start';
}

sub monitor_path { return "$_[0]{dir}/monitor.log" }

# The commands recorded so far as one text, our own included.
sub monitored { return slurp($_[0]->monitor_path) }

# Returns when the record of MONITOR holds all that was sent before.
sub settle {
	my ($self) = @_;

	return if !$self->alive || defined $self->{sentinel};
	$self->resume;
	my $mark = "end of test $$ " . rand;
	$self->command('ECHO', $mark);
	wait_for(sub { index($self->monitored, $mark) >= 0 }, 10);
}

sub _connect {
	my ($self) = @_;

	my $socket = IO::Socket::UNIX->new(Peer => $self->{socket})
		or die "redis: $!\n";
	$socket->autoflush(1);
	if ($self->{password}) {
		_send($socket, 'AUTH', $self->{user} // (), $self->{password});
		_reply($socket);
	}
	return $socket;
}

sub _send {
	my ($socket, @words) = @_;

	print $socket '*' . @words . "\r\n",
		map { '$' . length($_) . "\r\n$_\r\n" } @words;
}

sub _reply {
	my ($socket) = @_;

	my $line = <$socket> // die "redis: connection closed\n";
	$line =~ s/\r\n\z//;
	my ($type, $rest) = (substr($line, 0, 1), substr $line, 1);
	return $rest if $type eq '+' || $type eq ':';
	die "redis: $rest\n" if $type eq '-';
	return if $rest < 0;
	if ($type eq '$') {
		read $socket, my $text, $rest + 2;
		return substr $text, 0, $rest;
	}
	return [map { scalar _reply($socket) } 1 .. $rest];
}

# Sends one command; dies with the text of an error reply.
sub command {
	my ($self, @words) = @_;

	local $SIG{PIPE} = 'IGNORE';
	$self->{connection} //= $self->_connect;
	_send($self->{connection}, @words);
	my $reply = eval { _reply($self->{connection}) };
	if (my $error = $@) {
		delete $self->{connection} if $error =~ /closed/;
		die $error;
	}
	return $reply;
}

# Every key and value of every database, as one text.
sub dump_all {
	my ($self) = @_;

	my $text = '';
	my %read = (
		string => sub { $self->command('GET', $_[0]) },
		hash => sub { $self->command('HGETALL', $_[0]) },
		set => sub { $self->command('SMEMBERS', $_[0]) },
		zset => sub { $self->command('ZRANGE', $_[0], 0, -1) },
		list => sub { $self->command('LRANGE', $_[0], 0, -1) },
		stream => sub { $self->command('XRANGE', $_[0], '-', '+') },
	);
	my @databases = $self->command('INFO', 'keyspace') =~ /^db(\d+):/mg;
	for my $db (@databases) {
		$self->command('SELECT', $db);
		for my $key (@{ $self->command('KEYS', '*') }) {
			my $type = $self->command('TYPE', $key);
			$text .= "$key " . _flat($read{$type}->($key)) . "\n";
		}
	}
	$self->command('SELECT', 0);
	return $text;
}

sub _flat {
	my ($value) = @_;
	return ref $value ? join ' ', map { _flat($_) } @$value : $value // '';
}

1;
