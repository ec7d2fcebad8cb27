# SPDX-License-Identifier: BSD-2-Clause
#
# One test of the gate: real nginx, real (or scripted) Redis, a recording
# upstream, all private to the test and in one temporary folder.
#
#	my $t = PSM::Gate->new(name => 'path token');
#	$t->start_redis;
#	$t->write_conf('server { listen %%LISTEN%%; root %%ROOT%%; psm_token on; }');
#	$t->start_nginx;
#	my $token = $t->add_token(resources => { main => 'read' });
#	is($t->get("/t/$token/main/noarch/x")->{status}, 200, 'granted');
#	$t->finish;
#
# finish ends everything, then asserts that nginx left with 0, that its log
# holds no alert and no sanitizer text, and that no token is to be found in
# logs, upstream traffic, Redis, answers, cache and temporary files. It also
# does done_testing. PSM_KEEP=1 keeps the folder.
#
# Names in a configuration: %%LISTEN%% (127.0.0.1:port), %%PORT%%, %%PORT2%%
# and so on, %%DIR%%, %%ROOT%%, %%REDIS%%, %%UPSTREAM%%, %%UPSTREAM2%%,
# %%REPO%%.

package PSM::Gate;

use strict;
use warnings;

use Carp qw(croak);
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

use PSM::FakeRedis;
use PSM::Http ();
use PSM::Nginx;
use PSM::Oracle;
use PSM::Process qw(wait_for free_port slurp);
use PSM::Redis;
use PSM::Teardown;
use PSM::Token qw(new_token token_digest new_id);
use PSM::Upstream;

our $REPO = abs_path(dirname(__FILE__) . '/../../..');

my $json = JSON::PP->new->utf8->canonical;
my @open;    # tests that are not finished

# An interrupted test ends its servers too.
$SIG{$_} //= sub { exit 130 } for qw(INT TERM HUP);

# name; log_level (notice), workers (1).
sub new {
	my ($class, %arg) = @_;

	my $dir = tempdir('psm-gate-XXXXXX', TMPDIR => 1,
		CLEANUP => !$ENV{PSM_KEEP});
	make_path(map { "$dir/$_" } qw(html logs cache tmp private));
	diag("keeping $dir") if $ENV{PSM_KEEP};
	my $self = bless {
		name => 'gate', %arg, dir => $dir, oracle => PSM::Oracle->new,
		ports => [], upstreams => [], answers => [], allowed_leaks => [],
		expected_log => [], owner => $$,
	}, $class;
	$self->{nginx} = PSM::Nginx->new($self);
	push @open, $self;
	return $self;
}

sub dir { return $_[0]{dir} }

# The n-th port of this test, from 1.
sub port {
	my ($self, $n) = @_;
	return $self->{ports}[($n // 1) - 1] //= free_port();
}

# A file under the document root.
sub file {
	my ($self, $path, $content) = @_;

	$path = "$self->{dir}/html/" . ($path =~ s{^/+}{}r);
	make_path(dirname($path));
	open my $fh, '>:raw', $path or croak "$path: $!";
	print $fh $content // "file\n";
	close $fh;
	return $path;
}

# A file that may hold secrets (a password file, a client's credentials): the
# oracle does not read it.
sub private_file {
	my ($self, $name, $content, $mode) = @_;

	my $path = "$self->{dir}/private/$name";
	open my $fh, '>:raw', $path or croak "$path: $!";
	print $fh $content;
	close $fh;
	chmod $mode // 0600, $path;
	return $path;
}

# ---------------------------------------------------------------- servers --

sub start_redis {
	my ($self, %arg) = @_;
	return $self->{redis} = PSM::Redis->start(%arg,
		dir => "$self->{dir}/redis");
}

sub redis_server { return $_[0]{redis} }

sub redis {
	my ($self, @command) = @_;
	return $self->{redis}->command(@command);
}

# fake_redis(sub {...}) or fake_redis(script => sub, tcp => 1, records => {}).
sub fake_redis {
	my ($self, @arg) = @_;

	unshift @arg, 'script' if @arg % 2;
	return $self->{fake} = PSM::FakeRedis->start(@arg,
		dir => "$self->{dir}/fake");
}

sub start_upstream {
	my ($self, %arg) = @_;

	my $upstream = PSM::Upstream->start(%arg, dir => "$self->{dir}/private",
		number => 1 + @{ $self->{upstreams} });
	push @{ $self->{upstreams} }, $upstream;
	return $upstream;
}

sub write_conf { return $_[0]{nginx}->write_conf(@_[1 .. $#_]) }

sub nginx_t { return $_[0]{nginx}->test_conf(@_[1 .. $#_]) }

sub start_nginx { return $_[0]{nginx}->start }

sub reload_nginx { return $_[0]{nginx}->reload }

sub workers { return $_[0]{nginx}->workers }

sub nginx_pid { return $_[0]{nginx}->pid }

# Ends nginx alone; gives its exit code.
sub stop { return $_[0]{nginx}->stop(@_[1 .. $#_]) }

sub log_text { return slurp("$_[0]{dir}/logs/" . ($_[1] // 'error.log')) }

# Waits for a line of a log (error.log).
sub wait_log {
	my ($self, $pattern, $file) = @_;
	return wait_for(sub { $self->log_text($file) =~ $pattern }, 5);
}

# ---------------------------------------------------------------- records --

# Makes the oracle look for this text; gives it back.
sub secret {
	my ($self, @texts) = @_;
	$self->{oracle}->add(@texts);
	return $texts[0];
}

# A well-formed token that nobody issued.
sub unknown_token { return $_[0]->secret(new_token()) }

# Issues a token as design.md section 6 stores it, and gives its text. A
# resource token has resources => { channel => level }, a scope token has
# scopes => [...] and perhaps channels => [...]. Other keys go into the record
# as they stand; undef leaves a usual one out. token => a text of one's own;
# raw => the record as text; in => a hash of records instead of Redis.
sub add_token {
	my ($self, %arg) = @_;

	my $token = $self->secret(delete $arg{token} // new_token());
	my ($raw, $in) = delete @arg{qw(raw in)};
	my %record = (
		v => 1, id => new_id(), rev => 1, name => 'test', owner => 'tester',
		type => $arg{scopes} ? 'scope' : 'resource',
		created => time - 60, expires => time + 30 * 86400, by => 'tester',
		%arg,
	);
	delete @record{ grep { !defined $record{$_} } keys %record };
	$self->{tokens}{$token} = \%record;
	$self->_store("psm:t:" . token_digest($token),
		$raw // $json->encode(\%record), $in);
	return $token;
}

sub _store {
	my ($self, $key, $value, $in) = @_;
	return $in->{$key} = $value if $in;
	$self->redis('SET', $key, $value);
}

sub token_record { return $_[0]{tokens}{ $_[1] } }

sub token_key { return 'psm:t:' . token_digest($_[1]) }

# Writes changed fields of an issued token.
sub edit_token {
	my ($self, $token, %change) = @_;

	my $record = $self->{tokens}{$token};
	%$record = (%$record, %change, rev => $record->{rev} + 1);
	$self->_store($self->token_key($token), $json->encode($record));
}

# The tombstone that a deletion leaves.
sub revoke { return $_[0]->edit_token($_[1], deleted => time) }

sub set_channel {
	my ($self, $path, $privacy, $in) = @_;
	$self->_store("psm:c:$path",
		$json->encode({ v => 1, privacy => $privacy }), $in);
}

# ---------------------------------------------------------------- clients --

sub connect {
	my ($self, $port) = @_;

	my $socket = PSM::Http::connect_to($port // $self->port)
		or croak "no connection to nginx: $!";
	return $socket;
}

sub send { return PSM::Http::send_all(@_[1, 2]) }

sub receive {
	my ($self, $socket, $method, $limit) = @_;

	my $response = PSM::Http::receive($socket, $method // 'GET', $limit);
	push @{ $self->{answers} }, $response;
	return $response;
}

# Sends raw bytes and reads one response. sock, port, limit.
sub request {
	my ($self, $raw, %arg) = @_;

	my $socket = $arg{sock} // $self->connect($arg{port});
	$self->send($socket, $raw);
	my ($method) = $raw =~ /^(\S+)/;
	return $self->receive($socket, $method, $arg{limit});
}

# headers (hash or list), body, sock (a connection that is kept), port, limit.
sub http {
	my ($self, $method, $path, %arg) = @_;
	return $self->request(PSM::Http::format_request($method, $path,
		@arg{qw(headers body)}, $arg{sock}), %arg);
}

sub get {
	my ($self, $path, @headers) = @_;
	return $self->http('GET', $path, headers => \@headers);
}

sub header { return PSM::Http::header(@_[1, 2]) }

# The same over HTTP/2 without TLS, by curl. method, body, port.
sub h2 {
	my ($self, $path, $headers, %arg) = @_;

	my @h = ref $headers eq 'HASH' ? %$headers : @{ $headers // [] };
	my $config = qq{http2-prior-knowledge\nsilent\ninclude\nmax-time = 10\n}
		. qq{path-as-is\nurl = "http://127.0.0.1:}
		. ($arg{port} // $self->port) . qq{$path"\n};
	my $method = $arg{method} // 'GET';
	$config .= $method eq 'HEAD' ? "head\n" : qq{request = "$method"\n};
	while (my ($name, $value) = splice @h, 0, 2) {
		$config .= qq{header = "$name: $value"\n};
	}
	$config .= qq{data-binary = "$arg{body}"\n} if defined $arg{body};
	my $file = $self->private_file('curl.conf', $config);
	open my $out, '-|', 'curl', '-q', '-K', $file or croak "curl: $!";
	binmode $out;
	my $raw = do { local $/; <$out> // '' };
	close $out;

	my ($head, $body) = split /\r\n\r\n/, $raw, 2;
	my ($first, @lines) = split /\r\n/, $head // '';
	my ($status) = ($first // '') =~ m{^HTTP/2 (\d+)};
	my $response = { status => $status // 0, body => $body // '',
		raw => $raw, headers => [map { [split /: ?/, $_, 2] } @lines] };
	push @{ $self->{answers} }, $response;
	return $response;
}

# Runs psm-token against this test's Redis: { exit, out, err }.
sub cli {
	my ($self, @args) = @_;

	my $program = $ENV{PSM_CLI} // "$REPO/build/psm-token";
	my ($out, $err) = map { "$self->{dir}/private/cli.$_" } qw(out err);
	my $pid = fork // croak "fork: $!";
	if ($pid == 0) {
		$ENV{PSM_TOKEN_REDIS} //= $self->{redis}->address;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $out;
		open STDERR, '>', $err;
		exec { $program } $program, @args or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	return { exit => $? & 127 ? 128 + ($? & 127) : $? >> 8,
		out => slurp($out), err => slurp($err) };
}

# ---------------------------------------------------------------- the end --

# A line of the error log at alert, crit or emerg that this test provokes.
sub expect_log { push @{ $_[0]{expected_log} }, $_[1] }

# A place where a secret may stand, as finish names it: `access.log`,
# `upstream 1`, `redis monitor`, `redis data`, `response header location`,
# `response body`, `cache/...`. With a secret: this one only.
sub allow_leak {
	my ($self, $where, $secret) = @_;
	push @{ $self->{allowed_leaks} }, [$where, $secret];
}

sub finish {
	my ($self) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	@open = grep { $_ != $self } @open;
	PSM::Teardown::check($self);
	done_testing();
}

END {
	local ($!, $@);
	my $status = $?;
	for my $self (grep { $_->{owner} == $$ } @open) {
		diag("$self->{name}: ended without finish; see the error log:\n"
			. substr slurp("$self->{dir}/logs/error.log"), -2000);
		$status ||= 1;
		PSM::Teardown::stop_all($self);
	}
	@open = ();
	$? = $status;
}

1;
