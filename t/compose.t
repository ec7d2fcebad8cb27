#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# docker/compose.yaml and what it and the Dockerfile refer to, without running
# anything: the compose specification's schema, then what we promise of it.
# PSM_VENV is the venv that `make test` makes for it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp qw(tempdir);
use Test::More;

use PSM::Image;
use PSM::Process qw(slurp);

my $root = $PSM::Image::REPO;
my ($compose, $wrong) = PSM::Image::compose();
ok($compose, 'compose.yaml is as the schema wants it') or diag($wrong);
my %service = %{ $compose->{services} };
is_deeply([sort keys %service], [qw(gate psm-token redis)], 'its services');

subtest 'a compose file with a mistake is noticed' => sub {
	my $dir = tempdir(CLEANUP => 1);
	my $text = slurp("$root/docker/compose.yaml");
	for my $case (
		['an unknown key', qr/cap_drop:/, 'cap_dorp:', qr/cap_dorp/],
		['a wrong type', qr/read_only: true/, 'read_only: 3', qr/not of type/],
		['no image', qr/^services:$/m, "services:\n  x: [1]",
			qr{services/x}],
		['a key twice', qr/^networks:\n/m, "networks:\n  front: {}\n",
			qr/front stands twice/],
	) {
		my ($name, $from, $to, $message) = @$case;
		(my $bad = $text) =~ s/$from/$to/ or die "$name: not in the file";
		open my $fh, '>', "$dir/bad.yaml" or die $!;
		print $fh $bad;
		close $fh;
		my ($value, $out) = PSM::Image::compose("$dir/bad.yaml");
		ok(!$value, "$name: refused");
		like($out, $message, "$name: and named");
	}
};

# ------------------------------------------------------------ each service --

for my $name (sort keys %service) {
	my $spec = $service{$name};
	ok($spec->{read_only}, "$name: read-only root");
	is_deeply($spec->{cap_drop}, ['ALL'], "$name: no capability");
	is_deeply($spec->{security_opt}, ['no-new-privileges:true'],
		"$name: no new privileges");
	is_deeply([map { /^([^:]+)/ } @{ $spec->{tmpfs} }], ['/tmp'],
		"$name: writes to /tmp");
	ok(!grep({ exists $spec->{$_} } qw(privileged cap_add network_mode pid
		ipc devices user userns_mode env_file)), "$name: asks for no more");
	like($spec->{image}, qr/^[\w.-]+:\d[\w.-]*\z/, "$name: a version, no latest");
	my ($version) = slurp("$root/cli/version.hpp") =~ /"([\d.]+)"/;
	like($spec->{image}, qr/:\Q$version\E\z/, "$name: this version");
	ok($spec->{healthcheck}, "$name: says how its health is seen");
}

is_deeply([@{ $service{gate} }{qw(image build)}],
	[@{ $service{'psm-token'} }{qw(image build)}],
	'psm-token runs in the image of the gate');
is_deeply($service{'psm-token'}{profiles}, ['tools'],
	'and is not started with the others');
is_deeply($service{$_}{depends_on}, { redis => {
	condition => 'service_healthy' } }, "$_: waits for Redis")
	for qw(gate psm-token);

# What is published, with the variable's own default.
my %published = map { my $name = $_; $name => [map {
	s/\$\{\w+:-([^}]*)\}/$1/r } @{ $service{$name}{ports} // [] }] } keys %service;
is_deeply(\%published, { gate => ['127.0.0.1:8080:8080'], redis => [],
	'psm-token' => [] }, 'only the gate is published, on loopback');
ok($compose->{networks}{store}{internal}, 'the network of Redis leads nowhere');
is_deeply($service{redis}{networks}, ['store'], 'Redis is in no other');
is_deeply($service{'psm-token'}{networks}, ['store'], 'nor is psm-token');

is_deeply($service{redis}{volumes}, ['records:/data'], 'records have a volume');
ok(exists $compose->{volumes}{records}, 'which is a named one');
my $redis_conf = slurp("$root/docker/redis.conf");
like($redis_conf, qr/^$_$/m, "redis.conf: $_") for 'appendonly yes',
	'dir /data', 'maxmemory-policy noeviction';

# ------------------------------------------------------------ secrets -------

is_deeply({ map { ($_ => $service{$_}{secrets}) } keys %service },
	{ gate => ['psm-gate'], 'psm-token' => ['psm-admin'],
		redis => ['psm-gate', 'psm-admin'] },
	'each has the passwords that it needs, and no other');
for my $name (sort keys %{ $compose->{secrets} }) {
	my $file = $compose->{secrets}{$name}{file};
	is($file, "./secrets/$name", "$name: from a file");
	like(slurp("$root/docker/make-secrets"), qr/\b\Q$name\E\b/,
		"$name: is made by make-secrets");
}
like(slurp("$root/.gitignore"), qr{^/docker/secrets/$}m, 'git ignores them');
for my $file (glob "$root/docker/{*,.*}") {
	next if -d $file;
	unlike(slurp($file), qr/(?:password|auth)\s*[:=]\s*["']?\w|requirepass/i,
		($file =~ s{.*/}{}r) . ': no password in it') if -f $file;
}

subtest 'make-secrets' => sub {
	my $dir = tempdir(CLEANUP => 1);
	system('cp', "$root/docker/make-secrets", $dir);
	my $first = `$dir/make-secrets`;
	my @made = map { slurp("$dir/secrets/$_") } qw(psm-gate psm-admin);
	like($_, qr/^[0-9a-f]{64}\n\z/, 'a long password') for @made;
	isnt($made[0], $made[1], 'they differ');
	unlike($first, qr/$made[0]|$made[1]/, 'and are not shown');
	is((stat "$dir/secrets")[2] & 07777, 0700, 'the folder is closed');
	is((stat "$dir/secrets/psm-gate")[2] & 0777, 0644,
		'the container may read the file, whoever owns it');
	is(`$dir/make-secrets`, '', 'the second time does nothing');
	is(slurp("$dir/secrets/psm-gate"), $made[0], 'and keeps the first');
};

# ------------------------------------------------------------ users ---------

my %acl = slurp("$root/docker/users.acl") =~ /^user (\S+) (.*)$/mg;
is_deeply([sort keys %acl], [qw(default psm-admin psm-gate)], 'its users');
my ($readme) = slurp("$root/README.md") =~ /^ACL SETUSER psm-gate (.*)$/m;
is($acl{'psm-gate'}, $readme, 'the gate has the rights that README gives it');
like($acl{default}, qr/^off .*-\@all$/, 'nobody comes in without a name');
like($acl{'psm-admin'}, qr/^on >PASSWORD resetkeys resetchannels ~psm:\* /,
	'the one who writes is limited to our keys');

# ------------------------------------------------------------ files ---------

my $dockerfile = slurp("$root/docker/Dockerfile");
like($dockerfile, qr/^ARG BASE=debian:bookworm-slim$/m, 'built on Debian');
my %stage = map { $_ => 1 } $dockerfile =~ /^FROM \S+ AS (\S+)$/mg;
for my $name (qw(gate redis)) {
	my $build = $service{$name}{build};
	is($build->{context}, '..', "$name: built of the repository");
	ok(-f "$root/$build->{dockerfile}", "$name: $build->{dockerfile} is there");
	ok($stage{ $build->{target} }, "$name: has the stage $build->{target}");
}
my @context = $dockerfile =~ /^COPY (?!--from)(.+) \S+$/mg;
my %seen = map { s{/$}{}r => 1 }
	slurp("$root/docker/Dockerfile.dockerignore") =~ /^!(\S+)$/mg;
for my $path (map { split ' ' } @context) {
	ok(-e "$root/$path", "$path, which is copied, is there");
	my @up = $path =~ m{^(([^/]+).*)};
	ok($seen{ $up[0] } || $seen{ $up[1] }, "$path is not ignored");
}
like(slurp("$root/docker/Dockerfile.dockerignore"), qr{^\*\n.*^docker/secrets\n}ms,
	'all else is ignored, and docker/secrets too');

done_testing();
