#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token import, export: all or none, every bad line named, again is the
# same, and an export comes back as the same store.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use PSM::Cli qw(:all);
use PSM::Process qw(slurp wait_for);
use PSM::Redis;
use PSM::Token qw(new_token token_digest new_id);

my $redis = start();
my $json = JSON::PP->new->utf8->canonical;
my $dir = folder();
my $foreign = 'abcdef0123456789' x 3;
note_secret($foreign);

sub file {
	my ($name, @lines) = @_;

	open my $fh, '>', "$dir/$name" or die "$dir/$name: $!";
	print $fh map { (ref $_ ? $json->encode($_) : $_) . "\n" } @lines;
	close $fh;
	return "$dir/$name";
}

sub line {
	return { name => 'n', owner => 'al', expires_at => undef,
		resources => [{ channel => 'main', permission => 'read' }], @_ };
}

sub record_of {
	my ($digest) = @_;
	return $json->decode($redis->command('GET', "psm:t:$digest"));
}

# Every key with its value and when it runs out, but for the audit.
sub everything {
	my ($server) = @_;

	my %all;
	for my $key (sort @{ $server->command('KEYS', '*') }) {
		next if $key =~ /audit/;
		my $type = $server->command('TYPE', $key);
		my $value = $type eq 'string' ? $server->command('GET', $key)
			: $type eq 'zset' ? $server->command('ZRANGE', $key, 0, -1,
				'WITHSCORES')
			: $type eq 'hash' ? { @{ $server->command('HGETALL', $key) } }
			: [sort @{ $server->command('SMEMBERS', $key) }];
		$all{$key} = [$value, $server->command('PEXPIRETIME', $key)];
	}
	return \%all;
}

sub sound {
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $got = run_json('doctor');
	is($got->{code}, 0, "$name: the doctor finds nothing")
		or diag($got->{out}, $got->{err});
}

subtest 'strings, digests, and neither' => sub {
	$redis->command('FLUSHALL');
	my $token = new_token();
	note_secret($token);
	my $id = new_id();
	my $file = file('three', line(name => 'ours', token => $token, id => $id),
		'', line(name => 'theirs', token => $foreign),
		line(name => 'digest', digest => 'b' x 64, disabled => JSON::PP::true,
			rev => 4, last_used_at => '2026-09-21T14:13:20Z'),
		line(name => 'new'));
	my $got = run('import', $file);
	is($got->{code}, 1, 'another issuer: exit 1');
	like($got->{err}, qr/^psm-token: \Q$file\E:3: token is of another issuer: give --format any/m,
		'by its number, the blank line counted');
	like($got->{err}, qr/nothing was imported/, 'and nothing is done');
	is($redis->dump_all, '', 'really');

	$got = run('import', $file, '--format', 'any');
	is($got->{code}, 2, 'no place for a new string: exit 2');
	like($got->{err}, qr/1 line of .*--tokens-to FILE/, 'says which');
	is($redis->dump_all, '', 'nothing is done');

	my $to = "$dir/strings";
	$got = run('import', $file, '--format', 'any', '--tokens-to', $to);
	is($got->{code}, 0, 'imported') or diag($got->{err});
	like($got->{out}, qr/^4 lines: 4 imported, 0 there already, 0 bad$/m,
		'says so');
	is((stat $to)[2] & 07777, 0600, 'nobody else reads the strings');
	my $made = $json->decode(slurp($to));
	like($made->{token}, qr/^$TOKEN\z/, 'one was made');
	note_secret($made->{token});
	is($made->{line}, 5, 'for the last line');
	unlike($got->{out} . $got->{err}, $TOKEN, 'it is not printed');
	my $new = record_of(token_digest($made->{token}));
	is($new->{id}, $made->{id}, 'its record');
	is($new->{name}, 'new', 'of that line');
	is(record_of(token_digest($token))->{id}, $id, 'ours keeps its id');
	is(record_of(token_digest($foreign))->{name}, 'theirs', 'theirs is there');
	is_deeply([@{ record_of('b' x 64) }{qw(rev disabled)}],
		[4, JSON::PP::true], 'a digest, with its state');
	is($redis->command('HGET', 'psm:u', record_of('b' x 64)->{id}),
		1790000000, 'and its last use');
	my $entry = { @{ $redis->command('XREVRANGE', 'psm:audit', '+', '-',
		'COUNT', 1)->[0][1] } };
	is($entry->{what}, 'import', 'audited');
	is($json->decode($entry->{after})->{count}, 4, 'with their number');
	like($entry->{after}, qr/"$id"/, 'and their ids');
	sound('imported');

	my ($before, $strings) = (everything($redis), slurp($to));
	$got = run('import', $file, '--format', 'any', '--tokens-to', $to);
	is($got->{code}, 0, 'again');
	like($got->{out}, qr/0 imported, 4 there already, 0 bad/, 'nothing to do');
	is_deeply(everything($redis), $before, 'nothing is changed');
	is(slurp($to), $strings, 'and no string is made');

	chmod 0644, $to;
	$got = run('import', $file, '--format', 'any', '--tokens-to', $to);
	is($got->{code}, 2, 'a file that others read is refused');
	like($got->{err}, qr/no file of mode 0600/, 'says why');
	symlink $to, "$dir/link";
	like(run('import', $file, '--format', 'any', '--tokens-to', "$dir/link")
		->{err}, qr/cannot write --tokens-to/, 'so is a link');
};

subtest 'standard input, defaults' => sub {
	$redis->command('FLUSHALL');
	my $got = run('import', '-', '--owner', 'bob', '--expires', '7d',
		{ stdin => $json->encode({ name => 'n', digest => 'c' x 64,
			scopes => ['cve:view'] }) });
	is($got->{code}, 0, 'a line without an end') or diag($got->{err});
	like($got->{out}, qr/1 token had no owner: bob/, 'the owner is said');
	like($got->{out}, qr/1 token had no expiry: 7d/, 'the expiry, too');
	my $record = record_of('c' x 64);
	is($record->{owner}, 'bob', 'owner');
	ok(abs($record->{expires} - time - 7 * 86400) < 60, 'expiry');
	$got = run_json('import', '-', { stdin => '' });
	is_deeply($got->{json}, { lines => 0, imported => 0, there_already => 0,
		bad => 0, problems => [], replicated => undef }, 'an empty file');
	like(run('import', "$dir/none")->{err}, qr/cannot read .*none: No such/,
		'no file');
	my $before = $redis->dump_all;
	$got = run('import', file('check', line(digest => 'd' x 64)), '--check');
	is_deeply([@$got{qw(code out)}],
		[0, "1 line: 1 can be imported, 0 there already, 0 bad\n"], '--check');
	is($redis->dump_all, $before, 'changes nothing');

	my $line = $json->encode({ name => 'n', digest => 'd' x 64,
		scopes => ['cve:view'] });
	$got = run('import', '-', '--check', { stdin => "\xef\xbb\xbf$line\r\n" });
	is($got->{code}, 0, 'a byte order mark and CRLF') or diag($got->{err});
	$got = run('import', '-', '--check',
		{ stdin => "$line\n\xef\xbb\xbf$line\n" });
	is($got->{code}, 1, 'a mark within is none');
	like($got->{err}, qr/-:2: the line is not JSON/, 'says so');
};

subtest 'bad lines' => sub {
	$redis->command('FLUSHALL');
	my ($taken) = new_id_of('--resource', 'main:read', '--owner', 'al');
	my $digest = $redis->command('GET', "psm:i:$taken");
	my $twice = new_id();
	my $file = file('bad', line(digest => '1' x 64), 'not JSON',
		line(digest => '2' x 64, what => 1),
		line(digest => '3' x 64, name => "\e[31m", owner => 'a b'),
		line(digest => '4' x 64, id => $taken),
		line(digest => $digest, name => 'other'),
		line(digest => '5' x 64, id => $twice),
		line(digest => '5' x 64), line(digest => '6' x 64, id => $twice),
		line(digest => '7' x 64, expires_at => '2001-01-01'));
	my @says = (
		[2, 'the line is not JSON'], [3, 'what is not known here'],
		[4, 'name "\\x1b[31m" holds control characters'],
		[4, 'owner "a b"'], [5, 'id is that of another token'],
		[6, "the line is there already, as token $taken, which differs in "
			. 'expires_at, name'],
		[8, 'digest is that of line 7, too'], [9, 'id is that of line 7, too'],
	);
	my $before = $redis->dump_all;
	my $got = run_json('import', $file);
	is($got->{code}, 1, 'exit 1');
	for (@says) {
		my ($number, $text) = @$_;
		# The order of what differs is not promised.
		my $begin = $text =~ s/ differs in \K.*//r;
		like($got->{err}, qr/^psm-token: \Q$file:$number: $begin\E/m,
			"line $number: $begin");
	}
	is($got->{json}{bad}, 7, 'seven are bad');
	is_deeply([map { $_->{line} } @{ $got->{json}{problems} }],
		[map { $_->[0] } @says], 'in JSON, too');
	is($redis->dump_all, $before, 'nothing is changed');

	$got = run('import', $file, '--skip-bad');
	is($got->{code}, 1, '--skip-bad: still exit 1');
	like($got->{out}, qr/^10 lines: 3 imported, 0 there already, 7 bad$/m,
		'the good ones are imported');
	ok($redis->command('EXISTS', 'psm:t:' . $_ x 64), "line of $_") for 1, 5, 7;
	is($redis->command('EXISTS', map { 'psm:t:' . $_ x 64 } 2, 3, 4, 6), 0,
		'the others are not');
	sound('bad lines');
};

subtest 'an export comes back' => sub {
	$redis->command('FLUSHALL');
	my (undef, $token) = new_id_of('--resource', 'main:read', '--resource',
		'main/x:write', '--owner', 'al', '--description', "d\x{c3}\x{a9}");
	my ($used) = new_id_of('--scope', 'cve:view', '--channel', 'main',
		'--expires', 'never', '--owner', 'bob');
	my ($dead) = new_id_of('--resource', 'main:read');
	my ($again) = new_id_of('--resource', 'main:read');
	my ($overlap) = new_id_of('--resource', 'main:read');
	$redis->command('HSET', 'psm:u', $used, 1790000000);
	is(run('delete', $dead)->{code}, 0, 'one is deleted');
	for ([$again], [$overlap, '--overlap', '1h']) {
		my $got = run_json('reissue', @$_);
		is($got->{code}, 0, 'one is re-issued') or diag($got->{err});
	}
	my $digest = token_digest($token);
	my $record = $redis->command('GET', "psm:t:$digest");
	$redis->command('SET', "psm:t:$digest",
		$record =~ s/\}\z/,"theirs":{"a":[1,"x"]}}/r, 'KEEPTTL');

	my $got = run('export', '--deleted');
	is($got->{code}, 0, 'exported') or diag($got->{err});
	unlike($got->{out}, $TOKEN, 'no string in it');
	my @lines = map { $json->decode($_) } split /\n/, $got->{out};
	is(scalar @lines, 7, 'all of them, a line each');
	is(scalar(grep { $_->{deleted_at} } @lines), 2, 'with two tombstones');
	is(scalar(split /\n/, run('export')->{out}), 5, 'which are left out usually');
	is(scalar(split /\n/, run('export', '--owner', 'bob')->{out}), 1, '--owner');

	my $file = file('exported', @lines);
	my $other = PSM::Redis->start(dir => "$dir/other");
	my $there = { redis => $other->address };
	$got = run('import', $file, $there);
	is($got->{code}, 0, 'imported elsewhere') or diag($got->{err});
	is_deeply(everything($other), everything($redis),
		'the store is the same, byte for byte');
	is(run('export', '--deleted', $there)->{code}, 0, 'exported again');
	$got = run('import', $file, $there);
	like($got->{out}, qr/0 imported, 7 there already, 0 bad/, 'and again');
	is(run('doctor', $there)->{code}, 0, 'the doctor finds nothing there');
	my $explained = run('explain', '-', 'GET', '/main/noarch/repodata.json',
		{ %$there, stdin => "$token\n" });
	is($explained->{code}, 0, 'the string works there');

	is(run('edit', $used, '--name', 'changed', $there)->{code}, 0,
		'one is edited');
	$got = run('import', $file, $there);
	is($got->{code}, 1, 'then it is refused');
	like($got->{err}, qr/is there already, as token $used, which differs in .*name.*rev/,
		'by name');
	$other->stop;

	$redis->command('SET', "psm:t:$digest", '{"v":1}');
	$got = run('export');
	is($got->{code}, 1, 'a broken record: exit 1');
	like($got->{err}, qr/left out, its record is not valid: digest $digest/,
		'and which');
};

subtest 'many, interrupted' => sub {
	$redis->command('FLUSHALL');
	my $count = 20000;
	my $file = file('many', map { line(name => "n$_",
		$_ % 2 ? (digest => sprintf '%064x', $_) : ()) } 1 .. $count);
	my $to = "$dir/many.strings";

	# Killed half-way, then interrupted, then let through.
	for my $signal (qw(KILL INT)) {
		my $pid = fork // die "fork: $!";
		if ($pid == 0) {
			open STDOUT, '>', "$dir/many.out";
			open STDERR, '>', "$dir/many.err";
			$SIG{INT} = 'DEFAULT';
			$ENV{PSM_TOKEN_REDIS} = $redis->address;
			exec { program() } program(), 'import', $file, '--tokens-to', $to
				or POSIX::_exit(127);
		}
		my $already = $redis->command('ZCARD', 'psm:ix:all');
		ok(wait_for(sub {
			$redis->command('ZCARD', 'psm:ix:all') > $already + 1000;
		}, 60), 'it has begun');
		kill $signal, $pid;
		waitpid $pid, 0;
		is($? & 127, $signal eq 'KILL' ? 9 : 2, "ended by SIG$signal");
		my $made = $redis->command('ZCARD', 'psm:ix:all');
		cmp_ok($made, '<', $count, "$made of $count are there");
		is($made % 100, 0, 'whole steps of them');
		like(slurp("$dir/many.err"), qr/interrupted: \d+ of \d+ tokens are imported; the same command goes on/,
			'which is said') if $signal eq 'INT';
		sound("after SIG$signal");
	}
	my $got = run('import', $file, '--tokens-to', $to);
	is($got->{code}, 0, 'the rest') or diag($got->{err});
	like($got->{out}, qr/^20000 lines: \d+ imported, \d+ there already, 0 bad$/m,
		'says so');
	is($redis->command('ZCARD', 'psm:ix:all'), $count, 'all are there, once');
	sound('many');

	# Each token that was made has its string in the file, the last one that
	# was written for its line.
	my %string = map { $_->{id} => $_->{token} } map { $json->decode($_) }
		split /\n/, slurp($to);
	note_secret($_) for (values %string)[0 .. 50];
	my @bad = grep {
		my $digest = $redis->command('GET', "psm:i:$_");
		!$digest || $digest ne token_digest($string{$_});
	} keys %string;
	is(scalar @bad, 0, 'and each new one works with the string in the file');
	is(scalar keys %string, $count / 2, 'half of them were made');
};

finish();
