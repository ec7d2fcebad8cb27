# SPDX-License-Identifier: BSD-2-Clause
#
# The token page of a test of the gate, and a real Chromium that uses it.
#
#	my $web = PSM::Web->start($t);             # page, API, channels, Redis
#	$web->runs('sign_in', 'somebody signs in', more => 'for the flow');
#	$t->finish;
#
# A flow is a program t/web/NAME.mjs. It says what it found as lines of JSON,
# which are the tests of one subtest here; in between it may ask for what a
# browser cannot do. It ends by saying so, or the subtest fails. Chromium's
# profile lies in the test's folder, where the leak oracle looks at the end.

package PSM::Web;

use strict;
use warnings;

use Carp qw(croak);
use Digest::SHA qw(sha256_hex);
use File::Path qw(make_path);
use IO::Handle;
use IO::Select;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

use FindBin;
use lib "$FindBin::Bin/clients";

use PSM::Clients ();
use PSM::Process qw(wait_for children_of slurp);
use PSM::Token qw(token_digest);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# The location of the page, as README says.
sub location {
	return 'location /tokens/ { alias %%REPO%%/web/;'
		. ' include %%REPO%%/conf/psm_token_page.conf; }';
}

# It and the API before the demo's channels. first: text before the server;
# server: text in it; api: text in the location of the API; redis: its words.
sub page_conf {
	my (%arg) = @_;

	my %text = (first => '', server => '', api => '',
		redis => 'timeout=20s connect_timeout=20s', %arg);
	return <<"EOC";
psm_token_redis %%REDIS%% $text{redis};
$text{first}
server {
	listen %%LISTEN%% backlog=1024;
	root %%ROOT%%;
	psm_token on;
	psm_token_privacy private;
	location /api/ {
		psm_token_api;
		$text{api}
	}
	@{[ location() ]}
	$text{server}
}
EOC
}

# channels => 0: none. Other words are page_conf's.
sub start {
	my ($class, $t, %arg) = @_;

	my $self = bless { t => $t, flows => 0 }, $class;
	my $channels = delete $arg{channels} // 1;
	$t->start_redis if !$t->redis_server;
	$t->write_conf(page_conf(%arg));
	$t->start_nginx;
	$self->{do} = $self->_services;
	$self->_make_channels if $channels;
	return $self;
}

# The demo's, as psm-token makes them: the page lists those of the index.
sub _make_channels {
	my ($self) = @_;

	PSM::Clients::make_channels($self->{t});
	my %privacy = %PSM::Clients::CHANNELS;
	$self->cli('channel', 'set', $_, '--privacy', $privacy{$_})
		for sort keys %privacy;
}

sub url { return 'http://127.0.0.1:' . $_[0]{t}->port . '/tokens/' }

# What a flow may ask for: a name, and what gives the answer.
sub serves {
	my ($self, %do) = @_;
	$self->{do}{$_} = $do{$_} for keys %do;
}

sub _services {
	my ($self) = @_;

	my $t = $self->{t};
	return {
		cli => sub { $self->cli(@_) },
		gate => sub { $self->_get(@_) },
		waits => sub {
			my ($path, $status) = @_;
			my $got;
			wait_for(sub {
				($got = $self->_get($path))->{status} == $status }, 10);
			return $got;
		},
		import => sub { $self->import_lines(@{ $_[0] }) },
		refuses => sub { $self->refuses(@_) },
		file => sub { sha256_hex(slurp($t->dir . "/html/$_[0]")) },
		redis => sub { $t->redis(@_) },
		pause => sub { $t->redis_server->pause; 1 },
		resume => sub { $t->redis_server->resume; 1 },
		stop_redis => sub { $t->redis_server->stop; 1 },
		start_redis => sub { $t->redis_server->restart; 1 },
	};
}

# What the gate answers.
sub _get {
	my ($self, $path, %headers) = @_;

	my $r = $self->{t}->get($path, %headers);
	return { status => $r->{status} + 0, size => length $r->{body},
		sha256 => sha256_hex($r->{body}) };
}

# Runs psm-token --json, and gives what it says.
sub cli {
	my ($self, @words) = @_;

	utf8::encode($_) for @words;
	my $got = $self->{t}->cli('--json', @words);
	croak "psm-token $words[0]: $got->{err}" if $got->{exit};
	return $json->decode($got->{out} || 'null');
}

# A token made by psm-token: its text.
sub mint {
	my ($self, $name, @options) = @_;

	my $made = $self->cli('create', '--name', $name, @options);
	return $self->{t}->secret($made->{token});
}

# An administrator, and his token.
sub admin {
	my ($self, $name) = @_;

	$name //= 'root';
	$self->cli('user', 'set', $name, '--admin');
	return $self->mint("$name here", '--owner', $name, '--expires', 'never',
		'--scope', 'user.token:view', '--scope', 'user.token:edit');
}

# Tokens by the thousand, or as no command makes them (psm-token import): hashes
# with name and owner at least. One without token or digest gets a digest.
sub import_lines {
	my ($self, @lines) = @_;

	for my $line (@lines) {
		$self->{t}->secret($line->{token}) if defined $line->{token};
		$line->{digest} //= token_digest(rand . $$) if !defined $line->{token};
	}
	my $file = $self->{t}->private_file('import.jsonl',
		join '', map { $json->encode($_) . "\n" } @lines);
	return $self->cli('import', $file);
}

# Waits until the API knows a token no more.
sub refuses {
	my ($self, $token) = @_;

	my $t = $self->{t};
	return wait_for(sub {
		$t->get('/api/account', 'X-Auth', $token)->{status} == 401 }, 15) // 0;
}

# ---------------------------------------------------------------- a flow ---

sub _environment {
	my ($self, $home) = @_;

	my %env = map { $_ => $ENV{$_} } grep {
		!/_proxy$/i && !/^(?:LD_PRELOAD|NODE_|XDG_|DISPLAY|DBUS_)/ } keys %ENV;
	return (%env, HOME => $home, TMPDIR => "$home/tmp", TZ => 'UTC',
		LC_ALL => 'C.UTF-8', XDG_CONFIG_HOME => "$home/config",
		XDG_CACHE_HOME => "$home/cache", PSM_WEB => _folder());
}

# What `make test` installs for this.
sub _folder {
	my $folder = $ENV{PSM_WEB} // "$PSM::Gate::REPO/build/web-tests";
	croak "no $folder/node: use `make test`" if !-x "$folder/node";
	return $folder;
}

sub _begin {
	my ($self, $flow, $home) = @_;

	my %env = $self->_environment($home);
	pipe my $job, my $jobs or croak "pipe: $!";
	pipe my $answers, my $answer or croak "pipe: $!";
	my $process = PSM::Process->start(name => $flow, keep => [$job, $answer],
		code => sub {
			open STDIN, '<&', $job or die "stdin: $!";
			open STDOUT, '>&', $answer or die "stdout: $!";
			open STDERR, '>', "$home/stderr" or die "stderr: $!";
			%ENV = %env;
			my $node = _folder() . '/node';
			exec { $node } $node, "$PSM::Gate::REPO/t/web/$flow.mjs"
				or die "$node: $!";
		});
	close $job;
	close $answer;
	$jobs->autoflush(1);
	return { process => $process, jobs => $jobs, answers => $answers,
		buffer => '' };
}

# The next line, or undef when it has ended or its time is over.
sub _line {
	my ($run) = @_;

	while ($run->{buffer} !~ /\n/) {
		my $left = $run->{end} - time;
		return if $left <= 0
			|| !IO::Select->new($run->{answers})->can_read($left)
			|| !sysread $run->{answers}, $run->{buffer}, 65536,
				length $run->{buffer};
	}
	$run->{buffer} =~ s/\A([^\n]*)\n//;
	return $1;
}

sub _serve {
	my ($self, $message) = @_;

	my $do = $self->{do}{ $message->{ask} }
		or return { error => "nobody serves $message->{ask}" };
	my $answer = eval { $do->(@{ $message->{with} }) };
	return $@ ? { error => "$@" } : { answer => $answer };
}

sub _take {
	my ($self, $run, $message) = @_;

	if (exists $message->{ok}) {
		utf8::encode(my $name = $message->{name});
		utf8::encode(my $diag = $message->{diag} // '');
		ok($message->{ok}, $name) || diag($diag);
	} elsif (exists $message->{ask}) {
		local $SIG{PIPE} = 'IGNORE';
		print { $run->{jobs} } $json->encode($self->_serve($message)), "\n";
	} elsif (exists $message->{secret}) {
		$self->{t}->secret($message->{secret});
	} elsif (exists $message->{note}) {
		note($message->{note});
	}
	return $message->{end};
}

# Chromium is a group of its own: it and its children are found by parentage.
sub _family {
	my ($pid) = @_;
	return map { ($_, _family($_)) } children_of($pid);
}

sub _end {
	my ($run) = @_;

	my $process = $run->{process};
	wait_for(sub { !$process->alive }, 10) if $run->{ended};
	my @family = $process->alive ? _family($process->pid) : ();
	my $status = $process->stop('TERM', 5);
	kill 'KILL', @family;
	return $status;
}

# Runs t/web/FLOW.mjs as one subtest. limit: seconds (300). What is left goes to
# the flow.
sub runs {
	my ($self, $flow, $name, %arg) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $limit = delete $arg{limit} // 300;
	my $dir = $self->{t}->dir;
	my $home = "$dir/browser-" . ++$self->{flows};
	make_path("$home/tmp");
	return subtest $name => sub {
		my $run = $self->_begin($flow, $home);
		$run->{end} = time + $limit;
		print { $run->{jobs} } $json->encode({ %arg, url => $self->url,
			name => $flow, profile => "$home/profile",
			shots => _shots() }), "\n";
		while (defined(my $line = _line($run))) {
			my $message = eval { $json->decode($line) }
				// { ok => 0, name => 'a line of JSON', diag => $line };
			last if $run->{ended} = $self->_take($run, $message);
		}
		my $late = time > $run->{end};
		my $status = _end($run);
		ok($run->{ended} && !$status, 'the flow is whole') or diag(
			$late ? "it took more than $limit s" : "exit status $status",
			"\n", substr slurp("$home/stderr"), -3000);
	};
}

# Pictures are kept: they are for people.
sub _shots {
	return $ENV{PSM_SHOTS} // "$PSM::Gate::REPO/build/screenshots";
}

1;
