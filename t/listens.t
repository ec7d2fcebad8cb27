#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Nothing of ours listens anywhere but where the configuration says (T105): the
# API is a location of nginx and has no port, links to Redis open none, and
# what we ship as an example is on the loopback unless one says otherwise.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp qw(tempdir);
use PSM::Gate;
use PSM::Process qw(children_of free_port slurp);
use Socket qw(AF_INET6 inet_ntop inet_ntoa);
use Test::More;

my $repo = $PSM::Gate::REPO;

# ------------------------------------------------- as ss -ltnp would say ---

# An address of /proc/net: 32-bit words as the machine has them, the port.
sub address {
	my ($text) = @_;

	my ($host, $port) = split /:/, $text;
	my $bytes = pack 'L*', unpack 'N*', pack 'H*', $host;
	return (length $bytes == 4 ? inet_ntoa($bytes)
		: '[' . inet_ntop(AF_INET6, $bytes) . ']') . ':' . hex $port;
}

# By inode what listens; UDP when it is bound.
sub all_listeners {
	my %by_inode;
	for my $kind (qw(tcp tcp6 udp udp6)) {
		my $state = $kind =~ /tcp/ ? '0A' : '07';
		for (split /\n/, slurp("/proc/net/$kind")) {
			my @row = split;
			$by_inode{ $row[9] } = "$kind " . address($row[1])
				if ($row[3] // '') eq $state;
		}
	}
	for (split /\n/, slurp('/proc/net/unix')) {
		my @row = split;
		$by_inode{ $row[6] } = "unix $row[7]"
			if ($row[3] // '') eq '00010000' && defined $row[7];
	}
	return \%by_inode;
}

sub listeners_of {
	my @pids = @_;

	my ($all, %found) = (all_listeners());
	for my $link (map { glob "/proc/$_/fd/*" } @pids) {
		my ($inode) = (readlink $link // '') =~ /^socket:\[(\d+)\]/ or next;
		$found{ $all->{$inode} } = 1 if $all->{$inode};
	}
	return [sort keys %found];
}

# ------------------------------------------------------------------ nginx ---

my $t = PSM::Gate->new(name => 'what listens', workers => 2);
my $redis = $t->start_redis(tcp => 1);
$t->write_conf(<<"EOC");
psm_token_redis @{[ $redis->tcp_address ]};
psm_token_api_redis %%REDIS%%;
psm_token_last_used %%REDIS%%;
server {
	listen %%LISTEN%%;
	listen unix:%%DIR%%/api.sock;
	root %%ROOT%%;
	psm_token on;
	location /api/ { psm_token off; psm_token_api; }
	location = /metrics { psm_token off; psm_token_metrics; }
}
EOC
$t->start_nginx;
$t->file('main/noarch/x', 'x');
my $token = $t->add_token(resources => { main => 'read' });
is($t->get("/t/$token/main/noarch/x")->{status}, 200, 'the gate works');
is($t->get('/api/account', 'X-Auth', $token)->{status}, 200, 'and the API');
is_deeply(listeners_of($t->nginx_pid, $t->workers),
	[sort 'tcp 127.0.0.1:' . $t->port, "unix $t->{dir}/api.sock"],
	'T105 nginx listens where it was told to, and nowhere else');
is_deeply(listeners_of($redis->pid), [sort 'tcp 127.0.0.1:' . $redis->port,
	"unix $redis->{socket}"], '(a Redis is seen in the same way)');

# --------------------------------------------------------------- the demo ---

sub demo {
	my ($build, @words) = @_;

	my $out = `BUILD=\Q$build\E @words 2>&1`;
	is($?, 0, "@words") or diag($out);
}

subtest 'the demo' => sub {
	plan skip_all => 'it runs an nginx without sanitizers'
		if $ENV{PSM_PRELOAD};
	my $build = tempdir('psm-demo-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	symlink $ENV{PSM_MODULE} // "$repo/build/ngx_psm_token_module.so",
		"$build/ngx_psm_token_module.so";
	symlink $ENV{PSM_CLI} // "$repo/build/psm-token", "$build/psm-token";
	my $port = free_port();
	delete local $ENV{LISTEN};
	demo($build, "PORT=$port", 'DETACH=1', "$repo/demo/run");
	my ($nginx, $server) = map { slurp("$build/run/$_.pid") =~ /(\d+)/ }
		qw(nginx redis);
	my ($socket) = slurp("$build/run/demo.env")
		=~ /^PSM_TOKEN_REDIS=unix:(.*)/m;
	is_deeply(listeners_of($nginx, children_of($nginx)),
		["tcp 127.0.0.1:$port"], 'T105 its nginx is on the loopback');
	is_deeply(listeners_of($server), ["unix $socket"],
		'its Redis on a socket');
	is((stat $socket)[2] & 077, 0, 'of nobody else');
	demo($build, "$repo/demo/run", 'stop');
};

# -------------------------------------------------------- what we ship -------

my %published = ('docker/nginx.conf' => qr/^8080$/);
for my $file ('README.md', 'docker/nginx.conf', glob "$repo/conf/*.conf") {
	my $name = $file =~ s{^\Q$repo\E/}{}r;
	my @listens = slurp("$repo/$name") =~ /^[#\s]*listen\s+([^;]+);/mg;
	my @wide = grep { !/^127\.0\.0\.1:/ && !/ ssl$/
		&& !($published{$name} && $_ =~ $published{$name}) } @listens;
	is_deeply(\@wide, [], "$name: on the loopback, or with TLS");
	ok(scalar @listens, "$name: it listens") if $name !~ /^conf/;
}
my @ports = slurp("$repo/docker/compose.yaml") =~ /^\s*ports: (.*)$/mg;
is_deeply(\@ports, ['["${PSM_PUBLISH:-127.0.0.1:8080}:8080"]'],
	'the containers publish that port, on the loopback');

$t->finish;
