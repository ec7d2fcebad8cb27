# SPDX-License-Identifier: BSD-2-Clause
#
# One service of the compose file, run by t/lib/container as the file and its
# image say. The network is the test's.
#
#	my $redis = PSM::Container->new(service => 'redis', compose => $compose,
#		image => $image, config => $config, dir => $folder,
#		name_server => '192.0.2.53');
#	$redis->start(out => $file, err => $file);
#	my $got = $redis->run('id', '-u');       # a program in another one
#	my $got = $redis->inside('redis-cli');   # a program beside the first
#	$redis->stop;

package PSM::Container;

use strict;
use warnings;

use Carp qw(croak);
use File::Path qw(make_path);

use PSM::Image;
use PSM::Process qw(wait_for slurp);

my $CONTAINER = "$PSM::Image::REPO/t/lib/container";

# bind => [[file, path]...] for what the compose file does not mount.
sub new {
	my ($class, %arg) = @_;

	my $self = bless { bind => [], %arg }, $class;
	my $services = $self->{compose}{services};
	$self->{spec} = $services->{ $self->{service} }
		or croak "no service $self->{service}";
	make_path($self->{dir});
	return $self;
}

sub user { return $_[0]{spec}{user} // $_[0]{config}{User} }

sub process { return $_[0]{process} }

# ---------------------------------------------------------------- arguments -

sub _environment {
	my ($self) = @_;

	my $more = $self->{spec}{environment} // {};
	return (@{ $self->{config}{Env} // [] },
		map { "$_=$more->{$_}" } sort keys %$more);
}

# The file of a secret, beside the compose file.
sub _secret {
	my ($self, $name) = @_;

	my $file = $self->{compose}{secrets}{$name}{file};
	return "$PSM::Image::CONTEXT/docker/$file";
}

# A named volume: a folder that gets, when it is new, the owner and the mode
# that the image has there, as an engine does it.
sub _volume {
	my ($self, $name, $path) = @_;

	my $folder = "$self->{dir}/$name";
	if (!-d $folder) {
		mkdir $folder or croak "$folder: $!";
		my @like = stat $self->{image}->tree . $path or croak "$path: $!";
		chown @like[4, 5], $folder;
		chmod $like[2] & 07777, $folder;
	}
	return $folder;
}

# A file in /etc that an engine writes.
sub _etc {
	my ($self, $name, $text) = @_;

	my $file = "$self->{dir}/$name";
	open my $fh, '>', $file or croak "$file: $!";
	print $fh $text;
	close $fh;
	return ('--bind', $file, "/etc/$name");
}

sub _command {
	my ($self, @program) = @_;

	my ($spec, $config) = @$self{qw(spec config)};
	croak "$self->{service} keeps capabilities or may gain privileges"
		if "@{ $spec->{cap_drop} }" ne 'ALL'
		|| "@{ $spec->{security_opt} }" ne 'no-new-privileges:true';
	@program = (@{ $spec->{entrypoint} // $config->{Entrypoint} },
		@{ $spec->{command} // [] }) if !@program;
	return ($CONTAINER, $self->{image}->tree, $self->user,
		$spec->{read_only} ? '--read-only' : (),
		(map { ('--tmpfs', $_) } @{ $spec->{tmpfs} // [] }),
		(map { ('--bind', $self->_secret($_), "/run/secrets/$_") }
			@{ $spec->{secrets} // [] }),
		(map { my ($name, $path) = split /:/;
			('--bind', $self->_volume($name, $path), $path) }
			@{ $spec->{volumes} // [] }),
		(map { ('--bind', @$_) } @{ $self->{bind} }),
		$self->_etc('hosts', "127.0.0.1 localhost\n"),
		$self->_etc('resolv.conf', "nameserver $self->{name_server}\n"),
		(map { ('--env', $_) } $self->_environment), '--', @program);
}

# ---------------------------------------------------------------- running ---

# Its standard output and standard error, which its user may open again.
sub _open_output {
	my ($self, $name, $handle) = @_;

	my ($user, $group) = split /:/, $self->user;
	open $handle, '>>', $name or die "$name: $!";
	chown $user, $group, $name;
}

# out, err: files; program: instead of the image's.
sub start {
	my ($self, %arg) = @_;

	my @command = $self->_command(@{ $arg{program} // [] });
	return $self->{process} = PSM::Process->start(
		name => $self->{service}, code => sub {
			$self->_open_output($arg{out}, \*STDOUT);
			$self->_open_output($arg{err}, \*STDERR);
			exec { $command[0] } @command or die "$command[0]: $!";
		},
	);
}

# Waits for a program: { exit, out, err }; 128 and more when it was ended.
sub _wait {
	my ($self, $limit, $stdin, @command) = @_;

	my %file = map { ($_ => "$self->{dir}/$_") } qw(stdin stdout stderr);
	unlink values %file;
	open my $fh, '>', $file{stdin} or croak "$file{stdin}: $!";
	print $fh $stdin // '';
	close $fh;
	my $process = PSM::Process->start(name => $command[0], code => sub {
		open STDIN, '<', $file{stdin} or die "stdin: $!";
		$self->_open_output($file{stdout}, \*STDOUT);
		$self->_open_output($file{stderr}, \*STDERR);
		exec { $command[0] } @command or die "$command[0]: $!";
	});
	wait_for(sub { !$process->alive }, $limit);
	my $status = $process->stop('KILL');
	my $got = {
		exit => $status & 127 ? 128 + ($status & 127) : $status >> 8,
		map { ($_ => slurp($file{"std$_"})) } qw(out err),
	};
	unlink values %file;
	return $got;
}

# One that starts for this program, as `compose run` does; with the image's
# entry point in front when it is called with `words`.
sub run {
	my ($self, @program) = @_;
	return $self->_wait(60, undef, $self->_command(@program));
}

sub words {
	my ($self, @words) = @_;

	my $spec = $self->{spec};
	return $self->run(
		@{ $spec->{entrypoint} // $self->{config}{Entrypoint} }, @words);
}

# A program in the one that runs, as `compose exec` does. env => {}, limit
# (seconds, 20) in front.
sub inside {
	my ($self, @program) = @_;

	my %arg = ref $program[0] ? %{ shift @program } : ();
	my ($user, $group) = split /:/, $self->user;
	my %more = %{ $arg{env} // {} };
	return $self->_wait($arg{limit} // 20, undef,
		'nsenter', '--target', $self->{process}->pid, '--mount', '--root',
		'env', '-i', $self->_environment, (map { "$_=$more{$_}" } keys %more),
		'setpriv', '--reuid', $user, '--regid', $group, '--clear-groups',
		'--no-new-privs', '--bounding-set', '-all', '--inh-caps', '-all',
		@program);
}

# The exit code of the image's health check, within its own time.
sub health {
	my ($self) = @_;

	my $check = $self->{config}{Healthcheck};
	my ($kind, @program) = @{ $check->{Test} };
	croak "a health check by $kind" if $kind ne 'CMD';
	return $self->inside({ limit => $check->{Timeout} / 1e9 },
		@program)->{exit};
}

sub stop {
	my ($self, $signal) = @_;
	return $self->{process} && $self->{process}->stop($signal // 'TERM', 20);
}

1;
