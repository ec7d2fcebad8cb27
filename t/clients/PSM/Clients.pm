# SPDX-License-Identifier: BSD-2-Clause
#
# Real clients against the gate of one test: the demo's channels, and programs
# that run with a home and caches of their own, inside the test's folder. What
# a client prints or stores is the client's business, so these files are where
# the leak oracle does not look.
#
#	make_channels($t);
#	my $got = run($t, ['curl', ...], env => {...}, stdin => '...');
#	is($got->{exit}, 0) or diag($got->{err});
#	my $client = PSM::Clients->start($t, 'a_script.py');
#	my $answer = $client->ask({ url => ... });

package PSM::Clients;

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use File::Path qw(make_path);
use IO::Handle;
use IO::Select;
use JSON::PP;

use PSM::Process qw(wait_for slurp);

our @EXPORT_OK = qw(make_channels site_conf base_url packages_of
	venv api_venv run new_home log_mark requests_since);

# What demo/make_channels.py makes, and the privacy that the demo gives them.
our %CHANNELS = (
	public => 'public', authenticated => 'authenticated',
	private => 'private', 'private/dev' => 'private',
);

# The demo's channels under the document root, with the demo's privacy.
sub make_channels {
	my ($t) = @_;

	my $maker = "$PSM::Gate::REPO/demo/make_channels.py";
	my $got = run($t, ['python3', $maker, $t->dir . '/html']);
	croak "make_channels.py: $got->{err}" if $got->{exit};
	$t->set_channel($_, $CHANNELS{$_}) for keys %CHANNELS;
}

# The demo's server on the first port, the same for HTTP/2 on the second. The
# bases are further paths that lead to the channels.
sub site_conf {
	my (@bases) = @_;

	my $all = join ' ', '/', @bases;
	my $more = join '', map { "\tlocation $_ { alias %%ROOT%%/; }\n" } @bases;
	my $server = "root %%ROOT%%;\n\tpsm_token on;\n"
		. "\tpsm_token_base $all;\n$more";
	return <<"EOC";
types {
	text/html         html;
	application/json  json;
}
default_type application/octet-stream;
log_format clients '"\$request" \$status \$psm_token_status '
                   '\$body_bytes_sent "\$http_range" "\$http_user_agent"';
access_log %%DIR%%/logs/clients.log clients;
server {
	listen %%LISTEN%%;
	$server}
server {
	listen %%LISTEN2%% http2;
	$server}
EOC
}

sub base_url { return 'http://127.0.0.1:' . $_[0]->port($_[1]) }

# The packages of a channel by name: name, subdir, file, stem (file without its
# suffix), path (of its URL), installs (a path in the prefix), content (of it).
sub packages_of {
	my ($channel) = @_;

	my $label = $channel =~ s{/}{-}gr;
	my $text = sub { "This is $_[0] from the channel $channel.\n" };
	my $script = sub { "#!/bin/sh\necho 'Hello from $channel: $_[0]'\n" };
	my %make = (
		notes => ['noarch', '1.0-0.tar.bz2', 'notes.txt', $text],
		data => ['noarch', '2.1.0-0.conda', 'data.txt', $text],
		epoch => ['noarch', '1!2.0+g1-0.tar.bz2', 'epoch.txt', $text],
		tool => ['linux-64', '1.2-0.conda', undef, $script],
		extra => ['linux-64', '0.9-0.tar.bz2', undef, $script],
	);
	my %packages;
	for my $kind (keys %make) {
		my ($subdir, $suffix, $file, $content) = @{ $make{$kind} };
		my $name = "$label-$kind";
		$packages{$name} = {
			name => $name, subdir => $subdir, file => "$name-$suffix",
			path => "$channel/$subdir/$name-$suffix",
			stem => "$name-$suffix" =~ s/\.(?:conda|tar\.bz2)\z//r,
			installs => $file ? "share/$name/$file" : "bin/$name",
			content => $content->($name),
		};
	}
	return \%packages;
}

# ---------------------------------------------------------------- running --

# A program of the venvs that `make test` makes.
sub venv { return _program($ENV{PSM_VENV} // 'venv', @_) }
sub api_venv { return _program($ENV{PSM_API_VENV} // 'venv-api', @_) }

sub _program {
	my ($venv, $name) = @_;

	$venv = "$PSM::Gate::REPO/build/$venv" if $venv !~ m{/};
	croak "no $venv/bin/$name: use `make test`" if !-x "$venv/bin/$name";
	return "$venv/bin/$name";
}

# A fresh home with its caches, and nothing of the user's configuration.
sub _environment {
	my ($home, $more) = @_;

	my %env = map { $_ => $ENV{$_} } grep {
		!/_proxy$/i && !/^(?:PIP|CONDA|MAMBA|RATTLER|PIXI|PYTHON|XDG)_?/
			&& !/^(?:NETRC|VIRTUAL_ENV|CURL_HOME|LD_PRELOAD)$/;
	} keys %ENV;
	return (%env,
		HOME => $home, TMPDIR => "$home/tmp", LC_ALL => 'C.UTF-8',
		XDG_CACHE_HOME => "$home/cache", XDG_CONFIG_HOME => "$home/config",
		XDG_DATA_HOME => "$home/data", RATTLER_CACHE_DIR => "$home/rattler",
		PIP_CACHE_DIR => "$home/pip", PIP_CONFIG_FILE => '/dev/null',
		PYTHONDONTWRITEBYTECODE => 1, %{ $more // {} });
}

my $homes = 0;

# files: path in it => text.
sub new_home {
	my ($t, %files) = @_;

	my $home = sprintf '%s/private/client-%d', $t->dir, ++$homes;
	make_path("$home/tmp");
	for my $name (keys %files) {
		open my $fh, '>:raw', "$home/$name" or croak "$home/$name: $!";
		print $fh $files{$name};
		close $fh;
		chmod 0600, "$home/$name";
	}
	return $home;
}

# env => {}, stdin => text, files => { path in its home => text }, limit
# (seconds). Gives exit, out, err, home. Ends it when it takes too long.
sub run {
	my ($t, $command, %arg) = @_;

	my $home = new_home($t, stdin => $arg{stdin} // '', %{ $arg{files} // {} });
	my %env = _environment($home, $arg{env});
	my $process = PSM::Process->start(name => $command->[0], code => sub {
		open STDIN, '<', "$home/stdin" or die "stdin: $!";
		open STDOUT, '>', "$home/stdout" or die "stdout: $!";
		open STDERR, '>', "$home/stderr" or die "stderr: $!";
		_become($command, $home, %env);
	});
	wait_for(sub { !$process->alive }, $arg{limit} // 60);
	my $status = $process->stop('KILL');
	return {
		exit => $status & 127 ? 128 + ($status & 127) : $status >> 8,
		out => slurp("$home/stdout"), err => slurp("$home/stderr"),
		home => $home,
	};
}

sub _become {
	my ($command, $home, %env) = @_;

	%ENV = %env;
	chdir $home or die "$home: $!";
	no warnings 'exec';
	exec { $command->[0] } @$command or die "$command->[0]: $!";
}

# One of our scripts, which stays and takes a job as one line of JSON and
# answers it with another.
sub start {
	my ($class, $t, @command) = @_;

	my $home = new_home($t);
	my %env = _environment($home);
	pipe my $job, my $jobs or croak "pipe: $!";
	pipe my $answers, my $answer or croak "pipe: $!";
	my $process = PSM::Process->start(
		name => $command[0], keep => [$job, $answer], code => sub {
			open STDIN, '<&', $job or die "stdin: $!";
			open STDOUT, '>&', $answer or die "stdout: $!";
			open STDERR, '>', "$home/stderr" or die "stderr: $!";
			_become(\@command, $home, %env);
		},
	);
	$jobs->autoflush(1);
	return bless { process => $process, jobs => $jobs, home => $home,
		answers => $answers, json => JSON::PP->new->utf8->canonical }, $class;
}

# limit: seconds, 60.
sub ask {
	my ($self, $job, $limit) = @_;

	local $SIG{PIPE} = 'IGNORE';
	print { $self->{jobs} } $self->{json}->encode($job) . "\n";
	my $text = '';
	while ($text !~ /\n\z/) {
		my $more = IO::Select->new($self->{answers})->can_read($limit // 60)
			&& sysread $self->{answers}, $text, 65536, length $text;
		croak 'no answer: ' . slurp("$self->{home}/stderr") if !$more;
	}
	return $self->{json}->decode($text);
}

sub stop { return $_[0]{process}->stop('TERM') }

# ------------------------------------------------------------------- logs --

# A place in the log of requests. With one worker a request that was answered
# before the mark's own stands before it.
sub log_mark {
	my ($t) = @_;

	$t->get('/mark');
	wait_for(sub { $t->log_text('clients.log') =~ m{^"GET /mark .*\n\z}m },
		5);
	return length $t->log_text('clients.log');
}

# What the log tells since then, as { method, path, version, status, reason,
# size, range, agent }.
sub requests_since {
	my ($t, $from) = @_;

	my $end = log_mark($t);
	my $text = substr $t->log_text('clients.log'), $from, $end - $from;
	my @seen;
	for my $line (grep { !m{^"GET /mark } } split /\n/, $text) {
		my %request;
		@request{qw(method path version status reason size range agent)} =
			$line =~ m{^"(\S+) (\S+) (\S+)" (\d+) (\S+) (\d+) "(.*)" "(.*)"\z}
			or croak "a line of the log: $line";
		push @seen, \%request;
	}
	return @seen;
}

1;
