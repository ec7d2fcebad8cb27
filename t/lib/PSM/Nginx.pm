# SPDX-License-Identifier: BSD-2-Clause
#
# The nginx of one test: its configuration, its master process, its end.

package PSM::Nginx;

use strict;
use warnings;

use Carp qw(croak);
use Scalar::Util qw(weaken);

use PSM::Process qw(wait_for children_of slurp);

my $FRAME = <<'EOC';
load_module %%MODULE%%;
%%USER%%
worker_processes %%WORKERS%%;
daemon off;
pid %%DIR%%/nginx.pid;
working_directory %%DIR%%;
error_log %%DIR%%/logs/error.log %%LEVEL%%;
events {
	worker_connections 2048;
}
http {
	access_log %%DIR%%/logs/access.log;
	client_body_temp_path %%DIR%%/tmp/body;
	proxy_temp_path %%DIR%%/tmp/proxy;
	fastcgi_temp_path %%DIR%%/tmp/fastcgi;
	uwsgi_temp_path %%DIR%%/tmp/uwsgi;
	scgi_temp_path %%DIR%%/tmp/scgi;
	%%STORE%%
%%BODY%%
}
EOC

sub new {
	my ($class, $test) = @_;

	my $self = bless { test => $test }, $class;
	weaken($self->{test});
	return $self;
}

sub _program {
	return $ENV{PSM_NGINX} if $ENV{PSM_NGINX};
	for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin') {
		return "$dir/nginx" if -x "$dir/nginx";
	}
	croak 'nginx not found';
}

# The module may be built with sanitizers (make test SAN=1): their run-time
# then comes before everything else in nginx. Leaks are looked for when it ends
# in good order; PSM_LEAKS=0 where the kernel does not let a process trace
# itself.
sub _environment {
	my ($self, $leaks) = @_;

	my $logs = "$self->{test}{dir}/logs";
	$leaks &&= $ENV{PSM_LEAKS} // 1;
	return {
		$ENV{PSM_PRELOAD} ? (LD_PRELOAD => $ENV{PSM_PRELOAD}) : (),
		ASAN_OPTIONS => "detect_leaks=$leaks:log_path=$logs/sanitizer",
		LSAN_OPTIONS => 'print_suppressions=0:suppressions='
			. "$PSM::Gate::REPO/t/lib/lsan.supp",
		UBSAN_OPTIONS => 'print_stacktrace=1:halt_on_error=1'
			. ":log_path=$logs/sanitizer",
	};
}

sub _expand {
	my ($self, $text, %more) = @_;

	my $test = $self->{test};
	my $redis = $test->{redis} // $test->{fake};
	my %value = (
		DIR => sub { $test->{dir} },
		ROOT => sub { "$test->{dir}/html" },
		REPO => sub { $PSM::Gate::REPO },
		MODULE => sub { $ENV{PSM_MODULE}
			// "$PSM::Gate::REPO/build/ngx_psm_token_module.so" },
		USER => sub { $> == 0 ? 'user root;' : '' },
		WORKERS => sub { $test->{workers} // 1 },
		LEVEL => sub { $test->{log_level} // 'notice' },
		REDIS => sub { $redis ? $redis->address
			: "unix:$test->{dir}/redis/redis.sock" },
		LISTEN => sub { '127.0.0.1:' . $test->port($_[0]) },
		PORT => sub { $test->port($_[0]) },
		UPSTREAM => sub {
			my $up = $test->{upstreams}[($_[0] || 1) - 1]
				or croak 'no such upstream';
			$up->address;
		},
		map { my $name = $_; $name => sub { $more{$name} } } keys %more,
	);
	1 while $text =~ s{%%([A-Z]+)(\d*)%%}{
		my $make = $value{$1} or croak "%%$1%% is not known";
		$make->($2 || 1);
	}ge;
	return $text;
}

# A body for http { } gets the usual frame, and a Redis that may take its time
# as a busy machine does; a text with an events block is a whole configuration.
sub _complete {
	my ($self, $text) = @_;

	return $self->_expand($text) if $text =~ /^\s*events\b/m;
	my $store = $text =~ /\bpsm_token_redis\b/ ? ''
		: 'psm_token_redis %%REDIS%% timeout=10s connect_timeout=10s;';
	return $self->_expand($FRAME, BODY => $text, STORE => $store);
}

sub write_conf {
	my ($self, $text) = @_;

	my $path = "$self->{test}{dir}/nginx.conf";
	open my $fh, '>', $path or croak "$path: $!";
	print $fh $self->_complete($text);
	close $fh;
	return $path;
}

# PSM_VALGRIND=1 (make memcheck): nginx runs under memcheck, the workers that
# it forks too. What it finds stands in logs/valgrind.PID, which finish reads.
sub _valgrind {
	my ($self) = @_;

	return if !$ENV{PSM_VALGRIND};
	return ('valgrind', '--quiet', '--trace-children=yes', '--vgdb=no',
		'--error-exitcode=99', '--leak-check=full',
		'--show-leak-kinds=definite', '--errors-for-leak-kinds=definite',
		'--num-callers=24', '--keep-debuginfo=yes',
		"--suppressions=$PSM::Gate::REPO/t/lib/valgrind.supp",
		"--log-file=$self->{test}{dir}/logs/valgrind.%p");
}

sub _arguments {
	my ($self, $conf, $log) = @_;
	return (_program(), '-p', "$self->{test}{dir}/", '-c', $conf, '-e', $log);
}

# nginx -t on a configuration that is not kept: (exit code, what it said).
sub test_conf {
	my ($self, $text) = @_;

	my $dir = $self->{test}{dir};
	my ($conf, $out) = ("$dir/private/test.conf", "$dir/private/test.out");
	open my $fh, '>', $conf or croak "$conf: $!";
	print $fh $self->_complete($text);
	close $fh;
	unlink $out;
	my $process = PSM::Process->start(
		name => 'nginx -t', output => $out, env => $self->_environment(0),
		run => [$self->_arguments($conf, "$conf.log"), '-t'],
	);
	wait_for(sub { !$process->alive }, 20);
	my $status = $process->stop('KILL');
	return ($status >> 8 || $status, slurp($out));
}

sub start {
	my ($self) = @_;

	my $test = $self->{test};
	my $conf = "$test->{dir}/nginx.conf";
	$self->{process} = PSM::Process->start(
		name => 'nginx', output => "$test->{dir}/logs/stderr.log",
		env => $self->_environment(1), run => [$self->_valgrind,
			$self->_arguments($conf, "$test->{dir}/logs/error.log")],
	);
	my @ports = slurp($conf) =~ /^[^#\n]*?\blisten\s+(?:127\.0\.0\.1:)?(\d+)/mg;
	for my $port (@ports) {
		wait_for(sub {
			!$self->{process}->alive || PSM::Http::connect_to($port);
		}, 15);
	}
	# The master listens before it has workers.
	my $workers = $test->{workers} // 1;
	wait_for(sub {
		!$self->{process}->alive || $self->workers >= $workers;
	}, 15);
	if ($self->{process}->alive) {
		$self->_await_streams;
		return;
	}
	croak 'nginx does not start: ' . slurp("$test->{dir}/logs/stderr.log")
		. slurp("$test->{dir}/logs/error.log");
}

sub pid { return $_[0]{process}->pid }

sub alive { return $_[0]{process} && $_[0]{process}->alive }

sub workers { return children_of($_[0]->pid) }

# Returns when new workers run; old ones may still have requests to end.
sub reload {
	my ($self) = @_;

	my %old = map { $_ => 1 } $self->workers;
	my $wanted = $self->{test}{workers} // 1;
	$self->{process}->signal('HUP');
	my $reloaded = wait_for(sub {
		my @new = grep { !$old{$_} } $self->workers;
		@new >= $wanted;
	}, 10);
	$self->_await_streams;
	return $reloaded;
}

# Until the workers are told of changes, so that what they learn is cached:
# nginx takes connections some milliseconds before. Where they cannot be told,
# this gives up soon.
sub _await_streams {
	my ($self) = @_;

	my $redis = $self->{test}{redis};
	my $conf = slurp("$self->{test}{dir}/nginx.conf");
	return if !$redis || !$redis->{process} || !$redis->{process}->alive || $redis->paused
		|| $conf !~ /\bpsm_token on;/ || $conf =~ /tracking=off|token_cache off/;
	wait_for(sub {
		my $clients = eval { $redis->command('CLIENT', 'LIST') } // return 1;
		my $streams = () = $clients =~ / sub=1 /g;
		my @workers = $self->workers;
		return $streams >= @workers || slurp(
			"$self->{test}{dir}/logs/error.log") =~ /redis.* is unavailable/;
	}, 10);
}

# Graceful, so that a worker that cannot end is noticed; gives the exit code.
sub stop {
	my ($self, $signal) = @_;

	my $process = delete $self->{process} or return;
	my $status = $process->stop($signal // 'QUIT', 20);
	$self->{exit} = $process->killed ? 'killed: it did not end' : $status;
	return $self->{exit};
}

# What the last end gave, 0 when all was well; undef when it never ran.
sub exit_status { return $_[0]{exit} }

1;
