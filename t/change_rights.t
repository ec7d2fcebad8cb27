#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The user of Redis that README has for psm-token and the API may do all that
# these do. One that lacks a right is told so, and has changed nothing: a script
# that ends half-way would leave half of a change behind, and no audit of it
# (T116).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use PSM::Cli qw(:all);
use PSM::Process qw(slurp);

my $redis = start();
my $dir = folder();

my ($line) = slurp("$FindBin::Bin/../README.md")
	=~ /^ACL SETUSER psm-admin on >PASSWORD (.*)$/m;
ok($line, 'README has the line');
my @rights = split ' ', $line // '';

sub file {
	my ($name, $content) = @_;

	open my $fh, '>', "$dir/$name" or die "$dir/$name: $!";
	print $fh $content;
	close $fh;
	return "$dir/$name";
}

my $admin = $redis->address . ' user=psm-admin password_file='
	. file('password', "pw\n");

# `without`: these rights.
sub set_user {
	my %without = map { ("+$_", 1) } @_;
	$redis->command(qw(ACL SETUSER psm-admin reset on >pw),
		grep { !$without{$_} } @rights);
}

sub as_admin {
	return run(@_, { redis => $admin });
}

# Each change, on a store made anew.
my ($id, $twin, $lines);

sub make_store {
	$redis->command('FLUSHDB');
	($id) = new_id_of('--resource', 'a:read', '--owner', 'bob');
	($twin) = new_id_of('--resource', 'a:read');
	run('reissue', $twin, '--overlap', '1h');
}

my @last = (last_used_at => '2026-01-01T00:00:00Z');
$lines = file('lines', encode_json({ name => 'n', digest => 'd' x 64, @last,
	resources => [{ channel => 'a', permission => 'read' }] }) . "\n");
my %change = (
	create => sub { as_admin(qw(create --name n --resource a:read)) },
	edit => sub { as_admin('edit', $twin, qw(--name m --expires never)) },
	reissue => sub { as_admin('reissue', $id, '--overlap', '1h') },
	'reissue again' => sub { as_admin('reissue', $twin) },
	delete => sub { as_admin('delete', $twin) },
	import => sub { as_admin('import', $lines) },
	'channel set' => sub { as_admin(qw(channel set a --privacy public)) },
	'user set' => sub { as_admin(qw(user set bob --none)) },
);

set_user();
for my $what (sort keys %change) {
	make_store();
	my $got = $change{$what}->();
	is($got->{code}, 0, "README's user: $what") or diag($got->{err});
}
for my $words (['list'], ['list', '--expired'], ['show', $id], ['export'],
	['audit'], [qw(channel list)], [qw(user list)],
	['explain', $id, 'GET', '/a/noarch/repodata.json'])
{
	my $got = as_admin(@$words);
	cmp_ok($got->{code}, '<', 2, "README's user: @$words") or diag($got->{err});
}

# What the doctor needs beside.
my ($more) = slurp("$FindBin::Bin/../README.md")
	=~ /^`psm-token doctor` looks at more.*?`(\+[^`]+)`/ms;
$redis->command(qw(ACL SETUSER psm-admin), split ' ', $more // '');
my $doctor = as_admin('doctor', '--gate-user', 'default', '--json');
is($doctor->{code}, 0, "README's user with these: doctor")
	or diag($doctor->{out}, $doctor->{err});
unlike($doctor->{out}, qr/not told|unknown|may not/, '  is told all it asks for');

for my $right (qw(set pexpireat zadd zrem zremrangebyscore sadd hset xadd)) {
	set_user($right);
	my @half;
	my $refused = 0;
	for my $what (sort keys %change) {
		make_store();
		my $before = $redis->dump_all;
		my $got = $change{$what}->();
		next if $got->{code} == 0;
		$refused++;
		push @half, $what if $redis->dump_all ne $before;
		like($got->{err}, qr/NOPERM/, "without $right, $what: says so");
	}
	ok($refused, "without $right something is refused");
	# It is two changes, of which the first may be made.
	is_deeply([grep { $_ ne 'user set' } @half], [],
		'  and nothing is half done');
}

finish();
