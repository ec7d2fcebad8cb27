#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The images of docker/Dockerfile, built by buildah, looked at, and run as
# compose.yaml says in namespaces of the test's own: Redis at 192.0.2.2 or 4,
# the gate at 192.0.2.3, a name server at 192.0.2.53. Takes root, or a sudo
# without password.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Image;

BEGIN { PSM::Image::build_and_enter() }

use IO::Socket::INET;
use JSON::PP;
use Test::More;

use PSM::Container;
use PSM::Dns;
use PSM::Gate;
use PSM::Process qw(wait_for slurp);

my $t = PSM::Gate->new(name => 'docker');
my ($compose, $wrong) = PSM::Image::compose();
$compose or die $wrong;
my %password = map { $_ => $t->secret(
	slurp("$PSM::Image::CONTEXT/docker/secrets/$_") =~ s/\n//r) }
	qw(psm-gate psm-admin);

# ---------------------------------------------------------------- images ----

# How often some bytes stand in a file of any size.
sub lines_with {
	my ($text, $file) = @_;

	open my $out, '-|', 'grep', '-a', '-c', '-F', '-e', $text, $file or die $!;
	return 0 + <$out>;
}

my (%image, %config);
for my $case (
	['demo', 'gate-is-healthy', 8080],
	['redis', 'redis-is-healthy', 6379],
) {
	my ($target, $check, $port) = @$case;
	my $image = $image{$target} = PSM::Image->new($target);
	my $archive = $image->archive;
	my $said = $image->description($archive);
	my $config = $config{$target} = $said->{config};
	like($config->{User}, qr/^[1-9]\d{3,}:[1-9]\d{3,}\z/,
		"$target: a user of its own, by number");
	is_deeply([keys %{ $config->{ExposedPorts} }], ["$port/tcp"],
		"$target: one port, which needs no privilege");
	is_deeply($config->{Healthcheck}{Test}, ['CMD', $check],
		"$target: a health check");
	my ($service) = grep { ($_->{build}{target} // '') eq $target
		&& !$_->{profiles} } values %{ $compose->{services} };
	is_deeply($service->{healthcheck}{test}, $config->{Healthcheck}{Test},
		"$target: which is that of compose.yaml");
	is_deeply([grep { !/^PATH=/ } @{ $config->{Env} }], [],
		"$target: nothing in its environment");
	my $history = join "\n", map { $_->{created_by} } @{ $said->{history} };
	cmp_ok(length $history, '>', 300, "$target: its history tells");
	unlike($history, qr/$_/, "$target: no password in its history")
		for values %password;
	cmp_ok(lines_with("exec 3<> /dev/tcp", $archive), '>', 0,
		'what is in a layer is found') if $target eq 'demo';
	is(lines_with($_, $archive), 0, "$target: no password in any layer")
		for values %password;
	unlink $archive;
}
ok(!-e $image{$_}->tree . '/src' && !-x $image{$_}->tree . '/usr/bin/gcc',
	"$_: no sources and no compiler") for sort keys %image;

# ---------------------------------------------------------------- services --

for my $words ([qw(link set lo up)], map { ['addr', 'add', $_, 'dev', 'lo'] }
	qw(192.0.2.2/32 192.0.2.3/32 192.0.2.4/32 192.0.2.53/32)) {
	system('ip', @$words) == 0 or die "ip @$words";
}
mkdir $t->dir . '/volumes';
my $dns = PSM::Dns->start(address => '192.0.2.53', dir => $t->dir . '/volumes');

sub service {
	my ($name, %arg) = @_;

	my $target = $name eq 'redis' ? 'redis' : 'demo';
	return PSM::Container->new(service => $name, compose => $compose,
		image => $image{$target}, config => $config{$target},
		dir => $t->dir . "/volumes/$name", name_server => '192.0.2.53', %arg);
}

my ($redis, $gate, $cli) = map { service($_) } qw(redis gate psm-token);

sub start_redis {
	my ($address) = @_;

	$dns->set(redis => $address);
	my $log = $t->dir . '/logs/redis.log';
	$redis->start(out => $log, err => $log, program => [
		@{ $config{redis}{Entrypoint} }, '--bind', $address, '127.0.0.1']);
	return wait_for(sub { $redis->health == 0 }, 30);
}

sub start_gate {
	$gate->start(out => $t->dir . '/logs/access.log',
		err => $t->dir . '/logs/error.log');
	# finish ends it and looks at how it ends.
	$t->{nginx}{process} = $gate->process;
	return wait_for(sub { $gate->health == 0 }, 30);
}

sub get {
	my ($path, @headers) = @_;

	my $socket = IO::Socket::INET->new(PeerAddr => '192.0.2.3',
		PeerPort => 8080, Timeout => 5) or return { status => 0 };
	return $t->http('GET', $path, headers => \@headers, sock => $socket);
}

sub answer_is {
	my ($r, $status, $code, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($r->{status}, $status, "$name: $status");
	like($r->{body}, qr/"code":\s*"$code"/, "$name: $code");
}

isnt($gate->run('gate-is-healthy')->{exit}, 0,
	'the check of the gate fails where nginx does not run');
isnt($redis->run('redis-is-healthy')->{exit}, 0,
	'the check of Redis fails where it does not run');
ok(start_redis('192.0.2.2'), 'Redis is healthy')
	or diag(slurp($t->dir . '/logs/redis.log'));
ok(start_gate(), 'the gate is healthy') or diag($t->log_text);

subtest 'they run as they should' => sub {
	for my $container ($redis, $gate) {
		my $name = $container->{service};
		for my $pid ($container->process->pid, $name eq 'gate'
			? $t->workers : ()) {
			my $status = slurp("/proc/$pid/status");
			my ($uid) = $container->user =~ /^(\d+)/;
			like($status, qr/^Uid:(?:\t$uid){4}$/m, "$name: its user");
			like($status, qr/^CapBnd:\t0+$/m, "$name: no capability");
			like($status, qr/^NoNewPrivs:\t1$/m, "$name: no new privileges");
		}
		for my $path (qw(/etc/psm/x /run/x /var/log/x /srv/x)) {
			isnt($container->inside('touch', $path)->{exit}, 0,
				"$name: cannot write $path");
		}
		is($container->inside('touch', '/tmp/x')->{exit}, 0,
			"$name: can write to /tmp");
	}
	my @workers = $t->workers;
	cmp_ok(scalar @workers, '>', 0, 'nginx has workers');
};

# ---------------------------------------------------------------- tokens ----

my $file = 'private/noarch/repodata.json';

sub make_token {
	my (@words) = @_;

	my $got = $cli->words('create', '--quiet', '--name', 'ci', @words);
	is($got->{exit}, 0, "psm-token create @words") or diag($got->{err});
	return $t->secret($got->{out} =~ s/\n\z//r);
}

my $token = make_token('--resource', 'private:read');
like($token, qr/^psm-\w{42}\z/, 'it prints a token');

my $served = get("/t/$token/$file");
is($served->{status}, 200, 'a granted channel is served');
my $demo = $image{demo}->tree . '/srv/channels';
is($served->{body}, slurp("$demo/$file"), 'whole');
my ($package) = map { s{^\Q$demo/}{}r } glob "$demo/private/noarch/*.conda";
my $fetched = get("/t/$token/$package");
is($fetched->{status}, 200, 'a package: 200');
is($fetched->{body}, slurp("$demo/$package"), 'byte for byte');
is(get("/$package", Authorization => "Bearer $token")->{status}, 200,
	'by a header: 200');
answer_is(get("/$package"), 401, 'token_missing', 'no token');
answer_is(get('/t/' . $t->unknown_token . "/$package"), 401, 'token_unknown',
	'one that nobody issued');
answer_is(get("/t/$token/public/noarch/repodata.json"), 403,
	'channel_not_granted', 'another channel');

wait_for(sub { $t->log_text('access.log') =~ /channel_not_granted/ }, 10);
my $line = qr{^192\.0\.2\.3 \[\S+\] "GET /t/\*{4}/$file HTTP/1\.1" 200 };
like($t->log_text('access.log'), qr{$line.* granted [0-9a-f-]{36}$}m,
	'the log, on stdout, tells who was served');
unlike($t->log_text('access.log'), qr/health/, 'and not of health checks');

is($cli->words('channel', 'set', 'public', '--privacy', 'public')->{exit}, 0,
	'psm-token channel set');
is(wait_for(sub { get('/public/noarch/repodata.json')->{status} == 200 }, 30),
	1, 'a public channel needs no token');

# ---------------------------------------------------------------- rights ----

sub redis_says {
	my ($user, @words) = @_;

	my %env = $user ? (REDISCLI_AUTH => $password{$user}) : ();
	my $got = $redis->inside({ env => \%env }, 'redis-cli',
		'--no-auth-warning', $user ? ('--user', $user) : (), @words);
	return $got->{out} =~ s/\n+\z//r;
}

subtest 'the rights of the users in Redis' => sub {
	my $key = $t->token_key($token);
	like(redis_says('psm-gate', 'GET', $key), qr/"name":"ci"/, 'gate: reads');
	my $own = "CLIENT TRACKING ON BCAST PREFIX psm:t: PREFIX psm:c:";
	is(redis_says('psm-gate', split / /, $own), 'OK', 'gate: tracking');
	like(redis_says('psm-gate', split / /), qr/^NOPERM/, "gate: no $_") for
		"SET $key x", "DEL $key", 'GET psm:ix:all', 'KEYS *', 'CONFIG GET *',
		'ACL LIST', 'FLUSHALL', 'SHUTDOWN', 'PUBLISH __redis__:invalidate x',
		'MONITOR', 'EVAL return 0';
	is(redis_says('psm-admin', qw(EXISTS psm:ix:all)), 1, 'admin: reads');
	like(redis_says('psm-admin', split / /), qr/NOPERM/, "admin: no $_") for
		'SET other x', 'CONFIG GET *', 'ACL LIST', 'FLUSHALL', 'SHUTDOWN',
		'KEYS *', 'MONITOR';
	like(redis_says('', 'GET', $key), qr/^NOAUTH/, 'nobody: no GET');
	my $got = $redis->inside({ env => { REDISCLI_AUTH => 'x' } }, 'redis-cli',
		'--no-auth-warning', '--user', 'default', 'GET', $key);
	like($got->{out} . $got->{err}, qr/WRONGPASS/, 'default: no password');
};

# ------------------------------------------------------ revoked, and kept ---

my $other = make_token('--scope', 'artifact:download', '--channel', 'private');
is(get("/t/$other/$package")->{status}, 200, 'a scope token: 200');
my $known = JSON::PP->new->utf8->decode($cli->words('--json', 'list')->{out});
my ($id) = map { $_->{id} } grep { $_->{type} eq 'resource' }
	@{ $known->{items} };
is($cli->words('delete', $id)->{exit}, 0, 'psm-token delete');
ok(wait_for(sub { get("/t/$token/$package")->{status} == 401 }, 30),
	'its token is refused');

$redis->stop('KILL');
isnt($redis->run('redis-is-healthy')->{exit}, 0, 'Redis is gone');
is($gate->health, 0, 'the gate is healthy without: another would not help');
answer_is(get('/t/' . $t->unknown_token . "/$package"), 503,
	'store_unavailable', 'what is not known');
ok(start_redis('192.0.2.4'), 'Redis is back elsewhere, with its volume');
ok(wait_for(sub { get("/t/$token/$package")->{status} == 401 }, 30),
	'what was revoked stays so after a crash');
ok(wait_for(sub { get("/t/$other/$package")->{status} == 200 }, 30),
	'what was issued, too');

# ---------------------------------------------------------------- the end ---

$gate->stop('QUIT');
is($t->{nginx}->stop, 0, 'nginx ends by itself');

# The check must see the gate, not only a server.
my $open = $t->dir . '/volumes/open.conf';
(my $conf = slurp("$PSM::Image::CONTEXT/docker/nginx.conf"))
	=~ s/psm_token on;/psm_token off;/ or die 'no psm_token on';
open my $fh, '>', $open or die $!;
print $fh $conf;
close $fh;
my $without = service('gate', bind => [[$open, '/etc/psm/nginx.conf']]);
my @logs = map { $t->dir . "/logs/without.$_" } qw(out err);
$without->start(out => $logs[0], err => $logs[1]);
ok(wait_for(sub { get("/$package")->{status} == 200 }, 30),
	'nginx without the gate serves');
isnt($without->health, 0, 'and is not healthy');
$without->stop('QUIT');
is($redis->stop('TERM'), 0, 'Redis ends by itself');
$dns->stop;
$t->finish;
