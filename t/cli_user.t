#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token user: what a user may hand out, and his tokens, which are cut to
# it: revocations first, the record before all of them, so that a crash in
# between is fail-closed and the same command finishes the work (T106).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use PSM::Cli qw(:all);
use PSM::Process qw(wait_for);

my $redis = start();
my $json = JSON::PP->new->utf8->canonical;

sub record_of {
	return $json->decode($redis->command('GET', 'psm:t:'
		. $redis->command('GET', "psm:i:$_[0]")));
}

sub user { return $json->decode($redis->command('GET', "psm:user:$_[0]")) }

# What each audit entry is about, oldest first.
sub audit {
	return map { { @{ $_->[1] } } }
		@{ $redis->command('XRANGE', 'psm:audit', '-', '+') };
}

subtest 'set, show, list' => sub {
	my $got = run('user', 'list');
	is($got->{code}, 0, 'an empty list: exit 0');
	like($got->{out}, qr/no users: `psm-token user set root --admin`/,
		'and how to begin');
	$got = run('user', 'set', 'root', '--admin');
	is($got->{code}, 0, 'the first admin') or diag($got->{err});
	is_deeply(user('root'), { v => 1, admin => JSON::PP::true }, 'his record');
	like($got->{out}, $_, "says $_") for qr/^name +root$/m, qr/^admin +yes$/m,
		qr/^before +no record, all of which this replaces$/m,
		qr/^tokens +0 revoked, 0 narrowed; 0 are left/m;

	$got = run('user', 'set', 'al', '--resource', 'main:write', '--scope',
		'artifact:download', '--channel', 'x/y');
	is_deeply(user('al'), { v => 1, resources => { main => 'write' },
		scopes => ['artifact:download'], channels => ['x/y'] }, 'grants');
	run('user', 'set', 'al', '--admin');
	is_deeply([@{ user('al') }{'admin', 'resources'}], [JSON::PP::true,
		{ main => 'write' }], '--admin alone leaves the grants');
	$got = run('user', 'set', 'al', '--resource', 'dev:read', '--no-admin');
	is_deeply(user('al'), { v => 1, resources => { dev => 'read' } },
		'grants are replaced as a whole');
	run('user', 'set', 'al', '--resource', 'main:read');
	is_deeply(user('al'), { v => 1, resources => { main => 'read' } },
		'and the role stays where it is not named');
	my $before = (audit())[-1];
	is_deeply([@$before{'what', 'id'}], ['user set', 'al'], 'audited');
	is_deeply($json->decode($before->{before}),
		{ resources => { dev => 'read' } }, 'with what it was');

	$got = run('user', 'show', 'al');
	like($got->{out}, $_, "show says $_") for qr/^admin +no$/m,
		qr/^resources +main:read$/m, qr/^scopes +none$/m;
	is_deeply(run_json('user', 'show', 'al')->{json}, { name => 'al',
		admin => JSON::PP::false, scopes => [], resources =>
		[{ channel => 'main', permission => 'read' }] }, 'JSON');
	run('user', 'set', 'nix', '--none');
	is_deeply(user('nix'), { v => 1 }, '--none');
	is(run('user', 'list')->{out} =~ s/ +/ /gr, "NAME ADMIN MAY HAND OUT\n"
		. "al no main:read\nnix no nothing\nroot yes everything\n", 'list');
	is_deeply([map { $_->{name} } @{ run_json('user', 'list')->{json}{items} }],
		['al', 'nix', 'root'], 'in JSON');

	$got = run('user', 'show', 'zoe');
	is($got->{code}, 1, 'nobody: exit 1');
	like($got->{err}, qr/no user has the name zoe/, 'says so');
	$redis->command('SET', 'psm:user:nix', '{}');
	is(run('user', 'show', 'nix')->{code}, 2, 'a broken record: exit 2');
	like(run('user', 'list')->{err}, qr/left out, the record of nix is not/,
		'the list leaves it out');
	$got = run('user', 'set', 'nix', '--admin');
	is($got->{code}, 2, 'is not guessed at');
	like($got->{err}, qr/not valid.*Give all of it/, 'says what to do');
	is(run('user', 'set', 'nix', '--no-admin', '--none')->{code}, 0, 'mended');
};

subtest 'refused' => sub {
	my @set = ('user', 'set', 'u');
	refused("user set u @$_", [@set, @{$_}[0 .. $#$_ - 1]], $_->[-1]) for
		[qr/say what u may hand out: --resource/],
		['--none', '--resource', 'a:read', qr/--none is for nothing/],
		['--admin', '--no-admin', qr/contradict one another/],
		['--channel', 'a', qr/--channel limits scopes, and there are none/],
		['--scope', 'cve:fly', qr/--scope "cve:fly" is no scope/],
		['--scope', 'cve:view', '--scope', 'cve:view', qr/given twice/],
		['--resource', 'a', qr/--resource "a" has no level/],
		['--scope', 'cve:view', '--channel', '/a', qr/--channel "\/a"/];
	refused('a bad name', ['user', 'set', 'a b', '--none'], qr/NAME "a b"/);
	is(run('user', $_)->{code}, 2, "user $_ alone") for 'set', 'show', 'x';
};

subtest 'tokens are cut' => sub {
	$redis->command('FLUSHALL');
	my @al = ('--owner', 'al');
	my ($in) = new_id_of('--resource', 'main:read', @al);
	my ($more) = new_id_of('--resource', 'main:manage', '--resource',
		'dev:read', @al);
	my ($out) = new_id_of('--resource', 'dev:read', @al);
	my ($scoped) = new_id_of('--scope', 'artifact:download', '--scope',
		'cve:view', @al);
	my ($alien) = new_id_of('--scope', 'cve:view', @al);
	my ($other) = new_id_of('--resource', 'dev:manage', '--owner', 'bo');
	my $old = run_json('reissue', $more, '--overlap', '1h')
		->{json}{old_string}{id};
	my $dying = run_json('reissue', $out, '--overlap', '1h')
		->{json}{old_string}{id};
	my ($broken) = new_id_of('--resource', 'dev:read', @al);
	$redis->command('SET', 'psm:t:' . $redis->command('GET', "psm:i:$broken"),
		'not JSON');
	my %before = map { $_ => record_of($_) } $in, $other;

	my $got = run_json('user', 'set', 'al', '--resource', 'main:write',
		'--scope', 'artifact:download', '--channel', 'main');
	is($got->{code}, 0, 'exit 0') or diag($got->{err});
	my $said = $got->{json};
	is_deeply([sort @{ $said->{narrowed} }],
		[sort { $a cmp $b } $more, $scoped, $old], 'narrowed, old strings too');
	is_deeply([sort @{ $said->{revoked} }],
		[sort { $a cmp $b } $out, $alien, $dying], 'revoked');
	is_deeply($said->{damaged}, [$broken], 'damaged');
	is($said->{within}, 4, 'and so many are left');
	is_deeply(record_of($_)->{resources}, { main => 'write' }, 'no more than '
		. 'he has') for $more, $old;
	is_deeply([@{ record_of($scoped) }{'scopes', 'channels'}],
		[['artifact:download'], ['main']], 'scopes and their reach');
	ok(record_of($_)->{deleted}, 'nothing left: a tombstone')
		for $out, $alien, $dying;
	is_deeply(record_of($_), $before{$_}, 'others are as they were')
		for $in, $other;

	$got = run('user', 'set', 'al', '--admin');
	like($got->{out}, qr/^tokens +0 revoked, 0 narrowed; 4 are left/m,
		'more rights later');
	is_deeply(record_of($more)->{resources}, { main => 'write' },
		'give nothing back');
	$got = run('user', 'set', 'al', '--no-admin', '--none');
	like($got->{out}, qr/^tokens +4 revoked, 0 narrowed; 0 are left/m,
		'--none takes all');
	like($got->{out}, qr/^damaged +1 whose records are not valid/m,
		'what cannot be read is told');
	like($got->{out}, qr/is not given back when al may hand out more/, 'said');
	ok(record_of($_)->{deleted}, 'dead') for $in, $more, $old, $scoped;
	ok(!record_of($other)->{deleted}, 'others live');
};

# 2,500 of al's: of every five one goes, two are narrowed.
sub store_many {
	$redis->command('FLUSHALL');
	my (@set, @index);
	for my $n (1 .. 2500) {
		my $id = sprintf '00000000-0000-4000-8000-%012d', $n;
		my %grants = $n % 5 == 0 ? (dev => 'read')
			: $n % 5 < 3 ? (main => 'manage', dev => 'read')
			: (main => 'read');
		push @set, "psm:i:$id", sprintf('%064d', $n),
			sprintf('psm:t:%064d', $n), $json->encode({ v => 1, id => $id,
			rev => 1, name => 'n', owner => 'al', type => 'resource',
			created => int($n / 100), resources => \%grants });
		push @index, int($n / 100), $id;
	}
	$redis->command('MSET', @set);
	$redis->command('ZADD', "psm:ix:$_", @index) for 'all', 'o:al';
}

my @narrow = ('user', 'set', 'al', '--resource', 'main:write');

subtest 'in batches, revocations first' => sub {
	store_many();
	my $got = run_json(@narrow);
	is($got->{code}, 0, 'exit 0') or diag($got->{err});
	is(@{ $got->{json}{revoked} }, 500, 'revoked');
	is(@{ $got->{json}{narrowed} }, 1000, 'narrowed');
	is($got->{json}{within}, 2000, 'left');
	is($got->{err}, "psm-token: so far 500 tokens are revoked, 500 narrowed\n",
		'it is told after each thousand');
	my $order = join ' ', map { $_->{what} } audit();
	$order =~ s/(\w+)(?: \1\b)+/$1+/g;
	is($order, 'user set delete+ edit+',
		'T106 the record, then the revocations, then the others');
};

subtest 'killed in between' => sub {
	store_many();
	my $cut = PSM::Process->start(name => 'cut', run => [program(), '--redis',
		$redis->address, @narrow], output => folder() . '/cut');
	wait_for(sub { $redis->command('XLEN', 'psm:audit') > 100 }, 20);
	$cut->stop('KILL');
	my $done = $redis->command('XLEN', 'psm:audit') - 1;
	cmp_ok($done, '<', 1500, "killed after $done tokens");
	is_deeply(user('al'), { v => 1, resources => { main => 'write' } },
		'T106 the record counts already');
	my $got = run_json(@narrow);
	is($got->{code}, 0, 'again: exit 0');
	is(@{ $got->{json}{revoked} } + @{ $got->{json}{narrowed} }, 1500 - $done,
		'does the rest');
	is($got->{json}{within}, 2000, 'all of it');
};

subtest 'interrupted' => sub {
	store_many();
	my $output = folder() . '/interrupted';
	my $cut = PSM::Process->start(name => 'cut', run => [program(), '--redis',
		$redis->address, @narrow], output => $output);
	wait_for(sub { $redis->command('XLEN', 'psm:audit') > 100 }, 20);
	$cut->stop('INT');
	my $done = $redis->command('XLEN', 'psm:audit') - 1;
	my $text = PSM::Process::slurp($output);
	like($text, qr/interrupted: the record of al is set, \d+ tokens are rev/,
		'says how far it came');
	my ($revoked, $narrowed) = $text =~ /(\d+) tokens are revoked, (\d+)/;
	is($revoked + $narrowed, $done, 'and that is so');
};

subtest 'what others keep in the record' => sub {
	$redis->command('SET', 'psm:user:kim',
		'{"v":1,"resources":{"a":"read"},"mail":"kim@example.org"}');
	is(run('user', 'set', 'kim', '--none')->{code}, 0, 'set');
	is($redis->command('GET', 'psm:user:kim'),
		'{"v":1,"mail":"kim@example.org"}', 'stays');
};

# Whoever makes a token at a terminal is bound by its owner's record, too.
subtest 'tokens beyond the record' => sub {
	run('user', 'set', 'eve', '--resource', 'main:write');
	my @create = ('create', '--name', 'x', '--owner', 'eve');
	my $got = run(@create, '--resource', 'main:manage', '--resource', 'dev:read');
	is($got->{code}, 1, 'more than the owner may have: exit 1');
	like($got->{err}, $_, "says $_") for qr/a token of eve may not have that/,
		qr/resources main /, qr/resources dev /,
		qr/change the user first with `psm-token user set eve`/;
	is(run_json('list', '--owner', 'eve')->{json}{items}[0], undef,
		'and no token is made');
	$got = run_json(@create, '--resource', 'main:write');
	is($got->{code}, 0, 'as much as he may have') or diag($got->{err});
	my $id = $got->{json}{id};

	is(run('edit', $id, '--resource', 'main:manage')->{code}, 1, 'an edit');
	is(run('edit', $id, '--resource', 'main:read', '--name', 'y')->{code}, 0,
		'  to less');

	# A grant that is there from before, as another writer may leave it.
	my $record = { %{ record_of($id) }, resources => { main => 'manage' } };
	$redis->command('SET', 'psm:t:' . $redis->command('GET', "psm:i:$id"),
		$json->encode($record));
	is(run('edit', $id, '--name', 'z')->{code}, 0, 'what is there may stay');
	is(run('reissue', $id)->{code}, 1, '  but gets no new string');

	my $file = folder() . '/eve.jsonl';
	open my $lines, '>', $file or die "$file: $!";
	print $lines $json->encode({ name => 'x', owner => 'eve',
		digest => 'ab' x 32, resources => [{ channel => 'main',
			permission => 'manage' }] }), "\n";
	close $lines;
	$got = run('import', $file);
	is($got->{code}, 1, 'an import');
	like($got->{err}, qr/eve\.jsonl:1: resources main /, '  names the line');
	run('user', 'set', 'eve', '--admin');
	is(run('import', $file)->{code}, 0, '  of an administrator may');
};

finish();
