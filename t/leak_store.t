#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Redis and the command line: what is stored, logged, persisted and shown of a
# token is its digest (T68); no tool takes or gives a token by its arguments or
# its environment (T69); and the alphabet is what clients cut and mask (T70).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Gate;
use PSM::Oracle;
use PSM::Process qw(slurp wait_for);
use PSM::Token qw(new_token token_checksum token_digest);
use Test::More;

my $t = PSM::Gate->new(name => 'store');
my $redis = $t->start_redis(args => ['--slowlog-log-slower-than', 0,
	'--slowlog-max-len', 10000, '--latency-monitor-threshold', 1]);
$t->file('main/noarch/x', "main\n");
$t->write_conf(<<'EOC');
server { listen %%LISTEN%%; root %%ROOT%%; psm_token on; psm_token_strict on; }
EOC
$t->start_nginx;
$redis->command('CONFIG', 'SET', 'appendonly', 'yes');
$redis->command('CONFIG', 'SET', 'appendfsync', 'always');

# Of what Redis saves in the background it does one at a time.
sub aof_is_written {
	return wait_for(sub { $redis->command('INFO', 'persistence')
		=~ /aof_rewrite_in_progress:0.*aof_rewrite_scheduled:0/s }, 20);
}
ok(aof_is_written(), 'T68 the append-only file is begun');

# ------------------------------------------------------------- 1. T68, Redis

my %made;
for my $n (1 .. 3) {
	my $got = $t->cli('--json', 'create', '--name', "n$n", '--resource',
		'main:read');
	is($got->{exit}, 0, 'T68 a token is made') or diag($got->{err});
	my $answer = decode_json($got->{out});
	$made{ $t->secret($answer->{token}) } = $answer->{id};
}
my @tokens = sort keys %made;
my $unknown = $t->unknown_token;
my @asked = (@tokens, $unknown);
is($t->get("/t/$_/main/noarch/x")->{status}, $_ eq $unknown ? 401 : 200,
	'T68 it is used in the path') for @asked;
is($t->get('/main/noarch/x', Authorization => "Bearer $_")->{status},
	$_ eq $unknown ? 401 : 200, '  and in a header') for @asked;
is($t->cli('delete', $made{ $tokens[0] })->{exit}, 0, 'T68 one is deleted');
$redis->command('BGSAVE');
ok(wait_for(sub { $redis->command('INFO', 'persistence')
	=~ /rdb_bgsave_in_progress:0.*rdb_last_bgsave_status:ok/s
	&& -s "$redis->{dir}/dump.rdb" }, 20), 'T68 a dump is written');
$redis->command('BGREWRITEAOF');
ok(aof_is_written(), 'T68 the append-only file is written anew');
$redis->command('SET', 'after', 'the rewrite');
$redis->settle;

my $oracle = PSM::Oracle->new;
$oracle->add(@asked);
my $slow = join ' ', map { ref $_->[3] ? "@{ $_->[3] }" : $_->[3] }
	@{ $redis->command('SLOWLOG', 'GET', 10000) };
my %places = (
	MONITOR => $redis->monitored,
	SLOWLOG => $slow,
	RDB => slurp("$redis->{dir}/dump.rdb"),
	AOF => join('', map { slurp($_) } glob "$redis->{dir}/appendonlydir/*"),
	'every key and value' => $redis->dump_all,
	'CLIENT LIST' => $redis->command('CLIENT', 'LIST'),
	INFO => $redis->command('INFO', 'everything'),
	'its log' => slurp("$redis->{dir}/redis.log"),
);
my $digest = token_digest($tokens[1]);
for my $place (sort keys %places) {
	ok(length $places{$place}, "T68 $place is there");
	is(scalar(() = $oracle->find($places{$place})), 0, '  and shows no token');
	like($places{$place}, qr/\Q$digest\E/, '  but the digest')
		if $place =~ /MONITOR|SLOWLOG|every|AOF/;
}
is_deeply([sort grep { /^psm:t:/ } @{ $redis->command('KEYS', '*') }],
	[sort map { 'psm:t:' . token_digest($_) } @tokens],
	'T68 keys are digests, also of what was deleted');
like($redis->command('GET', "psm:t:" . token_digest($_)), qr/^\{"/,
	'T68 a record') for @tokens;

# ---------------------------------------------------- 2. T69, command line

# A token that is typed as an argument is refused, and not echoed.
my $T = $tokens[1];
my @typed = (['show', $T], ['explain', $T, 'GET', '/main/noarch/x'],
	['snippets', $T], ['delete', $T], ['edit', $T, '--name', 'n'],
	['reissue', $T], ['user', 'set', $T, '--none'], ['create', '--name', 'x', '--token', $T],
	['--token', $T, 'list'], ['list', $T]);
for my $words (@typed) {
	my $got = $t->cli(@$words);
	isnt($got->{exit}, 0, "T69 refused as an argument: $words->[0]");
	is(scalar(() = $oracle->find("$got->{out}$got->{err}")), 0,
		'  and not repeated');
}
$redis->settle;
is(scalar(() = $oracle->find($redis->monitored)), 0,
	'T69 nor sent to Redis as an id');
my $help = join '', map { $t->cli($_, '--help')->{out} } qw(create list show
	edit reissue explain snippets delete user);
unlike($help, qr/--token\b/, 'T69 no option takes one');

# While it runs: arguments and environment of the tool.
sub seen_while {
	my ($input, @words) = @_;

	$redis->pause;
	pipe my $read, my $write or die "pipe: $!";
	my $out = $t->dir . '/private/tool.out';
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		$ENV{PSM_TOKEN_REDIS} = $redis->address
			. ' timeout=20s connect_timeout=20s';
		open STDIN, '<&', $read;
		close $write;
		open STDOUT, '>', $out;
		open STDERR, '>&', \*STDOUT;
		exec { $ENV{PSM_CLI} // "$PSM::Gate::REPO/build/psm-token" }
			'psm-token', @words
			or POSIX::_exit(127);
	}
	close $read;
	syswrite $write, $input;
	close $write;
	wait_for(sub { slurp("/proc/$pid/cmdline") =~ /\Apsm-token/ }, 10);
	Time::HiRes::sleep(0.2);
	my $seen = join ' ', map { slurp("/proc/$pid/$_") } qw(cmdline environ comm);
	$redis->resume;
	waitpid $pid, 0;
	return ($seen, $? >> 8, slurp($out));
}
my @runs = (
	['explain reads standard input', "$T\n", 0, 'explain', '-', 'GET',
		'/main/noarch/x'],
	['snippets too', "$T\n", 0, 'snippets', '-', '--url', 'http://localhost'],
	['create', '', 0, '--json', 'create', '--name', 'x', '--resource',
		'main:read'],
);
for (@runs) {
	my ($name, $input, $wanted, @words) = @$_;
	my ($seen, $exit, $out) = seen_while($input, @words);
	is($exit, $wanted, "T69 $name") or diag($out);
	like($seen, qr/\Apsm-token/, '  seen while it runs');
	$t->secret($out =~ /"token":\s*"(psm-\w+)"/) if $words[1] eq 'create';
	$oracle->add($out =~ /"token":\s*"(psm-\w+)"/);
	is(scalar(() = $oracle->find($seen)), 0,
		'  no token in its arguments or environment');
}
is(() = glob($t->dir . '/private/.*history'), 0, 'T69 no history is written');
for my $command (['list'], ['--json', 'list'], ['show', $made{$T}]) {
	my $got = $t->cli(@$command);
	is($got->{exit}, 0, "T69 @$command[-1 .. -1]") if $command->[0] ne 'show';
	is(scalar(() = $oracle->find($got->{out})), 0,
		'T69 what is shown later has no token');
}

# ------------------------------------------------------- 3. T70, alphabet

# What conda cuts out of a URL, what it masks in its output, and what mamba
# masks, each as one pattern.
my $cut = qr{/t/([a-zA-Z0-9-]*)};
my $mask = qr{/t/[a-z0-9A-Z-]+/};
my $mamba = qr{/t/[a-zA-Z0-9_-]+};
my @known = map { 'psm-' . $_ x 36 } 0 .. 9, 'A' .. 'Z', 'a' .. 'z';
my @texts = (@tokens, (map { new_token() } 1 .. 300),
	map { $_ . token_checksum($_) } @known);
my %odd;
for my $token (@texts) {
	my $url = "http://h.example:8080/t/$token/main/linux-64/repodata.json";
	my ($got) = $url =~ $cut;
	$odd{cut}++ if $got ne $token;
	$odd{split}++ if $url =~ s/$cut//r ne
		'http://h.example:8080/main/linux-64/repodata.json';
	$odd{mask}++ if $url =~ s/$mask/\/t\/<TOKEN>\//r =~ /\Q$token/;
	$odd{mamba}++ if $url =~ s/$mamba/\/t\/*****/r ne
		'http://h.example:8080/t/*****/main/linux-64/repodata.json';
	$odd{letters}++ if $token !~ /\Apsm-[0-9A-Za-z]{42}\z/;
}
is_deeply(\%odd, {}, 'T70 ' . @texts . ' tokens: clients cut them whole and '
	. 'mask them whole');
my $U = $tokens[1] =~ s/-/_/r;
is($t->get("/t/$U/main/noarch/x")->{status}, 401,
	'T70 an underscore for the dash is no token');
is(() = "/t/$U/" =~ $mask, 0, '  and clients would not mask it');

$t->finish;
