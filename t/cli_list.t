#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token list and show: filters, orders, pages, and the three forms of a
# list.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use PSM::Cli qw(:all);

my $redis = start();
my $json = JSON::PP->new->utf8->canonical;
my $now = time;

# Stores tokens as other writers would, in a pipeline of a few commands:
# ([short, {record's members}], ...); the ID of short 7 ends in 7.
sub id { return sprintf '00000000-0000-4000-8000-%012d', $_[0] }

sub store {
	my (@set, %index);
	for (@_) {
		my ($n, $more) = @$_;
		my $id = id($n);
		my %record = (v => 1, id => $id, rev => 1, name => "n$n", owner => 'o',
			type => $more->{scopes} ? 'scope' : 'resource',
			created => $now - 1000, %$more);
		$record{resources} //= { main => 'read' } if !$record{scopes};
		push @set, "psm:i:$id", sprintf('%064d', $n),
			sprintf('psm:t:%064d', $n), $json->encode(\%record);
		if ($record{deleted}) {
			push @{ $index{del} }, $record{deleted}, $id;
			next;
		}
		push @{ $index{$_} }, $record{created}, $id
			for 'all', "o:$record{owner}";
		push @{ $index{exp} }, $record{expires}, $id if $record{expires};
	}
	$redis->command('MSET', @set);
	$redis->command('ZADD', "psm:ix:$_", @{ $index{$_} }) for keys %index;
}

# The shorts of what a list shows, in its order.
sub shorts {
	my $got = run_json('list', @_);
	return "exit $got->{code}: $got->{err}" if $got->{code};
	return join ' ', map { $_->{id} =~ /0*(\d+)$/; $1 }
		@{ $got->{json}{items} };
}

subtest 'list and show' => sub {
	my $got = run('list');
	is_deeply([@$got{qw(code out)}], [0, "There are no tokens.\n"], 'empty');
	is_deeply(run_json('list')->{json}, { items => [], next => undef },
		'empty list in JSON');

	my ($first) = new_id_of('--resource', 'main:read', '--owner', 'alice');
	my ($second) = new_id_of('--scope', 'cve:view', '--owner', 'bob',
		'--expires', 'never', '--description', 'd');
	$redis->command('ZADD', 'psm:ix:all', 5, $second);    # older than first
	$redis->command('HSET', 'psm:u', $first, 1790000000);

	$got = run('list');
	my @lines = split /\n/, $got->{out};
	is(scalar @lines, 3, 'a heading and two rows');
	like($lines[0],
		qr/^ID +NAME +OWNER +TYPE +STATUS +EXPIRES +LAST USED +GRANTS$/,
		'heading');
	like($lines[1], qr/^$second +x +bob +scope +active +never +- +cve:view$/,
		'oldest first');
	like($lines[2], qr/^$first [ ]+x [ ]+alice [ ]+resource [ ]+active [ ]+
		$TIME [ ]+2026-09-21T14:13:20Z [ ]+main:read$/x, 'then the other');

	$got = run_json('list');
	is_deeply([map { $_->{id} } @{ $got->{json}{items} }], [$second, $first],
		'JSON in the same order');
	unlike($got->{out}, $TOKEN, 'and no token');
	is(run('list', '--owner', 'carol')->{out},
		"There are no tokens of carol.\n", 'nobody\'s');

	$got = run_json('show', $first);
	is($got->{code}, 0, 'show');
	is_deeply($got->{json}, $json->decode(run('list', '--owner', 'alice',
		'--json')->{out})->{items}[0], 'is what list shows');
	is($got->{json}{last_used_at}, '2026-09-21T14:13:20Z', 'last use');
	$got = run('show', $second);
	like($got->{out}, $_, "show says $_") for qr/^id +$second$/m,
		qr/^scopes +cve:view$/m, qr/^channels +reaches every channel$/m,
		qr/^status +active$/m, qr/^expires +never$/m,
		qr/^last used +unknown$/m, qr/^description +d$/m;
	$got = run('show', '00000000-0000-4000-8000-000000000000');
	is($got->{code}, 1, 'an unknown ID: exit 1');
	like($got->{err}, qr/no token has the ID 00000000-/, 'says so');
	refused('no ID', ['show', 'a b'], qr/"a b" is not the ID/);

	# Another writer's text must not reach the terminal as it is.
	$redis->command('SET', 'psm:t:' . $redis->command('GET', "psm:i:$first"),
		'{"v":1}');
	$got = run('show', $first);
	is($got->{code}, 2, 'a broken record: exit 2');
	like($got->{err}, qr/not valid.*"id" is missing/, 'says what is wrong');
	$got = run('list');
	is($got->{code}, 0, 'list goes on');
	like($got->{err}, qr/left out, its record is not valid: token $first: /,
		'and says so');
	unlike($got->{out}, qr/$first/, 'the broken one is left out');
};

subtest 'filters' => sub {
	$redis->command('FLUSHALL');
	store([1, { owner => 'al', expires => $now + 86400, created => 100 }],
		[2, { owner => 'al', resources => { 'main/dev' => 'manage' },
			created => 200, expires => $now + 30 * 86400 }],
		[3, { owner => 'bo', scopes => ['cve:view'], channels => ['main'],
			created => 300 }],
		[4, { owner => 'bo', scopes => ['cve:view', 'cve:edit'],
			created => $now - 60 }],
		[5, { owner => 'bo', expires => $now - 10, created => 500 }],
		[6, { owner => 'bo', disabled => JSON::PP::true, created => 600,
			expires => $now - 20 }],
		[7, { owner => 'al', deleted => $now - 5, created => 700 }],
		[8, { owner => 'bo', deleted => $now - 500, created => 800 }]);
	$redis->command('HSET', 'psm:u', id(2), $now - 100, id(5),
		$now - 100 * 86400);
	my @case = (
		['', '1 2 3 5 6 4'], ['--owner al', '1 2'], ['--owner zoe', ''],
		['--channel main/dev', '1 2 3 5 6 4'], ['--channel main', '1 3 5 6 4'],
		['--channel other', '4'], ['--scope cve:edit', '4'],
		['--type scope', '3 4'], ['--type resource', '1 2 5 6'],
		['--state active', '1 2 3 4'], ['--state disabled', '6'],
		['--state expired', '5'], ['--expired', '5'],
		['--state deleted', '8 7'], ['--deleted', '8 7'],
		['--deleted --owner al', '7'], ['--deleted --sort -deleted', '7 8'],
		['--expiring 7d', '1'], ['--expiring 60d', '1 2'],
		['--expiring 60d --sort -expires', '2 1'],
		['--expiring 60d --owner bo', ''], ['--expiring 100y --owner al',
			'1 2'], ['--unused 90d', '1 3 5 6'], ['--unused 1m', '1 2 3 5 6 4'],
		['--unused 90d --owner al --channel main', '1'],
		['--expired --state expired', '5'],
	);
	is(shorts(split / /, $_->[0]), $_->[1], "list $_->[0]") for @case;
	is(run('list', '--expiring', '1s')->{out}, "There are no such tokens.\n",
		'none, in words');

	refused("list @$_", ['list', @{$_}[0 .. $#$_ - 1]], $_->[-1]) for
		['--owner', 'a b', qr/--owner "a b"/],
		['--channel', '/x', qr{--channel "/x" is not a channel path}],
		['--scope', 'cve:fly', qr/--scope "cve:fly" is no scope/],
		['--type', 'any', qr/--type "any" is none: use resource or scope/],
		['--state', 'dead', qr/--state "dead" is none: use active\|expired/],
		['--expiring', 'soon', qr/--expiring "soon" is no span of time/],
		['--unused', '7', qr/--unused "7" is no span/],
		['--expired', '--deleted', qr/contradict one another/],
		['--expired', '--expiring', '7d', qr/contradict one another/],
		['--sort', 'size', qr/--sort "size" is no order: use created\|/],
		['--limit', '0', qr/--limit is less than 1/],
		['--csv', '--json', qr/keep one of them/];
};

subtest 'orders' => sub {
	$redis->command('FLUSHALL');
	store([1, { name => 'beta', owner => 'x', created => 300 }],
		[2, { name => 'Alpha', owner => 'y', created => 100,
			expires => $now + 900 }],
		[3, { name => "al\x{e4}", owner => 'w', created => 200,
			expires => $now + 100 }],
		[4, { name => 'alpha', owner => 'x', created => 200 }]);
	$redis->command('HSET', 'psm:u', id(2), 5000, id(1), 90);
	my %order = (created => '2 3 4 1', expires => '3 2 1 4',
		name => '2 4 3 1', owner => '3 1 4 2', 'last-used' => '3 4 1 2');
	for my $by (sort keys %order) {
		is(shorts('--sort', $by), $order{$by}, "--sort $by");
		is(shorts('--sort', "-$by"), join(' ', reverse split / /, $order{$by}),
			"--sort -$by");
		is(shorts("--sort=$by", '--owner', 'x'),
			join(' ', grep { /[14]/ } split / /, $order{$by}), 'of one owner');
	}
};

# All pages of a list, the shorts of each apart.
sub pages {
	my @pages;
	my @after;
	do {
		my $got = run_json('list', @_, @after);
		push @pages, join ' ', map { $_->{id} =~ /0*(\d+)$/; $1 }
			@{ $got->{json}{items} };
		@after = ('--after', $got->{json}{next} // '');
	} while ($after[1] ne '' && @pages < 20);
	return join ' | ', @pages;
}

subtest 'pages' => sub {
	$redis->command('FLUSHALL');
	store(map { [$_, { created => $_ < 8 ? 500 : 600, name => 'same',
		expires => $now + 100 + $_ % 2, owner => $_ % 3 ? 'a' : 'b' }] }
		1 .. 10);
	is(pages('--limit', 4), '1 2 3 4 | 5 6 7 8 | 9 10', 'over ties');
	is(pages('--limit', 4, '--sort', '-created'),
		'10 9 8 7 | 6 5 4 3 | 2 1', 'in reverse');
	is(pages('--limit', 5), '1 2 3 4 5 | 6 7 8 9 10', 'to the last one');
	is(pages('--limit', 2, '--owner', 'b'), '3 6 | 9', 'of an owner');
	is(pages('--limit', 4, '--sort', 'name'), '1 2 3 4 | 5 6 7 8 | 9 10',
		'in an order without an index');
	is(pages('--limit', 4, '--sort', '-name'), '10 9 8 7 | 6 5 4 3 | 2 1',
		'and its reverse');
	is(pages('--limit', 4, '--expiring', '1h'),
		'2 4 6 8 | 10 1 3 5 | 7 9', 'by expiry');
	is(pages('--limit', 4, '--expiring', '1h', '--sort', '-expires'),
		'9 7 5 3 | 1 10 8 6 | 4 2', 'and its reverse');
	is(pages('--limit', 1, '--channel', 'none'), '', 'none at all');

	my $next = run_json('list', '--limit', 4)->{json}{next};
	like(run('list', '--limit', 4)->{out},
		qr/^There are more: --after \Q$next\E$/m, 'the table says so');
	my $got = run('list', '--limit', 4, '--csv');
	like($got->{err}, qr/there are more: --after \Q$next\E$/m,
		'CSV on stderr');
	run('delete', id(4));
	is(shorts('--limit', 2, '--after', $next), '5 6',
		'where the last one was deleted meanwhile');
	refused("--after $_->[0]", ['list', '--after', @$_],
		qr/--after is not the "next" of a list/) for
		['junk'], ['created:junk'], [$next, '--sort', 'name'],
		[$next, '--sort', '-created'], ['name:zz.x', '--sort', 'name'],
		['name:7.x', '--sort', 'name'];
};

subtest 'CSV' => sub {
	$redis->command('FLUSHALL');
	store([1, { name => '=cmd("x")', owner => '@al', created => 100,
			desc => 'a, b', expires => 200, by => '+b' }],
		[2, { name => '-1', scopes => ['cve:view', 'cve:edit'],
			channels => ['a', 'b/c'], created => 150, rev => 7 }]);
	$redis->command('HSET', 'psm:u', id(1), 1790000000);
	my $got = run('list', '--csv');
	is($got->{code}, 0, 'exit 0');
	is($got->{out}, join("\r\n",
		'id,name,owner,type,state,grants,channels,created_at,expires_at,'
		. 'last_used_at,created_by,description,rev,superseded_by',
		id(1) . q{,"'=cmd(""x"")",'@al,resource,expired,main:read,,}
		. q{1970-01-01T00:01:40Z,1970-01-01T00:03:20Z,2026-09-21T14:13:20Z,}
		. q{'+b,"a, b",1,},
		id(2) . q{,'-1,o,scope,active,cve:view cve:edit,a b/c,}
		. q{1970-01-01T00:02:30Z,never,,,,7,}, ''), 'every cell');
};

subtest 'many tokens' => sub {
	$redis->command('FLUSHALL');
	store(map { [$_, { created => $_ }] } 1 .. 1203);
	is(shorts(), join(' ', 1 .. 1203), 'all of them, in order');
	is(shorts('--sort', '-created'), join(' ', reverse 1 .. 1203),
		'and in reverse');
	is(shorts('--sort', '-name', '--limit', 3), '999 998 997',
		'the last of another order');
	$redis->command('DEL', 'psm:i:' . id(7), sprintf 'psm:t:%064d', 9);
	my @lines = split /\n/, run('list')->{out};
	is(@lines, 1202, 'those that ran out are left out');
	is((grep { /^ID / } @lines), 1, 'one heading');
	is(pages('--limit', 400), join(' | ', join(' ', 1 .. 6, 8, 10 .. 402),
		join(' ', 403 .. 802), join(' ', 803 .. 1202), 1203),
		'and pages are whole');
};

subtest 'a terminal' => sub {
	$redis->command('FLUSHALL');
	my ($id) = new_id_of('--resource', 'main:read', '--owner', 'x' x 40,
		map { ('--resource', "channel-$_:read") } 1 .. 20);
	$redis->command('HSET', 'psm:u', $id, 1790000000);
	local $ENV{PSM_TOKEN_REDIS} = $redis->address;
	my $cli = program();
	my $columns = sub {
		my $out = `script -qec "stty cols $_[0]; $cli list" /dev/null </dev/null`;
		utf8::decode($out);
		my @lines = split /\r?\n/, $out;
		is(scalar(grep { length > $_[0] } @lines), 0, "$_[0] columns: fits");
		like($out, qr/^$id .*\x{2026}/m, 'what is cut is marked');
		return join ' ', split / {2,}/, $lines[0];
	};
	my $all = 'ID NAME OWNER TYPE STATUS EXPIRES LAST USED GRANTS';
	is($columns->(200), $all, 'all columns');
	is($columns->(120), $all, 'the same, with days for times');
	is($columns->(110), $all =~ s/TYPE //r, 'the kind goes first');
	is($columns->(80), 'ID NAME STATUS EXPIRES GRANTS', 'then others');
};

finish();
