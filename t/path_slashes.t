#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T28: each slash of a path doubled in each way, in every mode and in those
# that merge_slashes off makes of HTTP/2 and of a proxy. Slashes merged, it is
# the same path; else an empty segment in the prefix is refused, and one behind
# the token names no channel. What an upstream is sent has none.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use PSM::Http2;
use PSM::Modes;
use Test::More;

my $t = PSM::Gate->new(name => 'path slashes', log_level => 'error');
$t->start_redis;
$t->file("$_/noarch/x", "$_\n") for qw(main api/repo/main);
my $server = 'psm_token on; psm_token_base / /api/repo/;';
my $m = PSM::Modes->new($t, server => $server, more => <<"EOC");
	server {
		listen %%LISTEN5%% http2;
		merge_slashes off;
		root %%ROOT%%;
		$server
	}
	server {
		listen %%LISTEN6%%;
		merge_slashes off;
		$server
		location / { proxy_pass http://%%UPSTREAM1%%; }
	}
EOC

my $T = $t->add_token(resources => { main => 'read' });
my $B = $t->add_token(resources => { main => 'read' });

# The answer in short, in a mode of PSM::Modes or one of the two others.
sub short {
	my ($mode, $path) = @_;

	if ($mode eq 'h2, unmerged') {
		my $h2 = PSM::Http2->connect($t->port(5));
		return PSM::Modes::in_short($h2->answer($h2->get($path)));
	}
	return PSM::Modes::in_short($mode eq 'proxied, unmerged'
		? $t->http('GET', $path, port => $t->port(6))
		: $m->ask_next($mode, 'GET', $path));
}

my %doubled = (
	'//' => 'twice', '///' => 'three times', '/%2f' => 'once more, encoded',
	'%2F/' => 'once before, encoded', '%2f%2F' => 'twice, both encoded',
	'/.//' => 'with a dot before', '//./' => 'with a dot behind',
	'/x/..//' => 'behind a dot-dot', '////////' => 'eight times',
);
my %single = (
	'%2f' => 'encoded', '/./' => 'with a dot', '/%2e/' => 'with an encoded dot',
	'/x/../' => 'with a dot-dot', '/./././' => 'with three dots',
);
my @paths = (
	# name, the segments, how many of the slashes stand in the prefix
	['the front', ['t', $T, 'main', 'noarch', 'x'], 2, '200 main'],
	['behind a base', ['api', 'repo', 't', $T, 'main', 'noarch', 'x'], 4,
		'200 api/repo/main'],
	['in front of a base', ['t', $T, 'api', 'repo', 'main', 'noarch', 'x'], 2,
		'200 api/repo/main'],
	['at both places', ['t', $T, 'api', 'repo', 't', $T, 'main', 'noarch', 'x'],
		6, '200 api/repo/main'],
	['twice', ['t', $T, 't', $T, 'main', 'noarch', 'x'], 4, '200 main'],
);
my @modes = ($m->names, 'h2, unmerged', 'proxied, unmerged');
my @granted = ('200 main', '200 api/repo/main');
for my $mode (@modes) {
	for (@paths) {
		my ($where, $segments, $prefix, $granted) = @$_;
		my @wrong;
		for my $at (0 .. $#$segments) {
			for my $slash (keys %doubled, keys %single) {
				# A target begins with a slash as it is.
				next if $at == 0 && $slash =~ /^%/;
				my $path = join '', map {
					($_ == $at ? $slash : '/') . $segments->[$_]
				} 0 .. $#$segments;
				my $wanted = $mode !~ /unmerged/ || $single{$slash} ? $granted
					: $at < $prefix ? '400' : '403 action_unknown';
				my $got = short($mode, $path);
				push @wrong, "$got for $wanted: slash $at "
					. ($doubled{$slash} // $single{$slash})
					if $got ne $wanted;
			}
		}
		is(join("\n", @wrong), '', "T28 $mode: $where: each slash, each way");
	}
}

# Where nothing or another thing stands behind them.
my @rows = (
	['only slashes', '//////', '401 token_missing'],
	['slashes behind the token', "/t/$T////", '403 action_unknown'],
	['slashes behind the channel', "/t/$T/main//", '403',
		proxied => '404', unmerged => '403 action_unknown'],
	['slashes behind the file', "/t/$T/main/noarch/x//", '404',
		unmerged => '403 action_unknown'],
	['an empty t', "/t///main/noarch/x", '401 token_malformed',
		unmerged => '400'],
	['two tokens', "//t//$T//t//$B//main/noarch/x", '401 token_ambiguous',
		unmerged => '400'],
	['dot-dot eats an empty segment', "/t/$T/main//../noarch/x",
		'403 action_unknown', unmerged => '200 main'],
	['dot-dot eats one in the prefix', "/t//../$T/main/noarch/x",
		'401 token_missing', unmerged => '200 main'],
	['slashes in the query', "/t/$T/main/noarch/x?//t//$T//", '200 main'],
	['slashes in the fragment', "/t/$T/main/noarch/x#//t//$T//", '200 main'],
);
$m->rows(map { ["T28 $_->[0]", @$_[1 .. $#$_]] } @rows);
for (@rows) {
	my ($name, $path, $wanted, %in) = @$_;
	for my $mode (@modes[4, 5]) {
		my $answer = $in{unmerged} // $wanted;
		$answer = '404' if $mode =~ /proxied/ && $answer =~ /^(?:301|403)$/;
		is(short($mode, $path), $answer, "T28 $mode: $name");
	}
}

my %sent = map { $_ => 1 } $m->all_forwarded;
is(join(' ', grep { s/\?.*//r =~ m{//}; } keys %sent), '',
	'T28 an upstream is sent no empty segment');
ok($sent{'/main/noarch/x'} && $sent{'/api/repo/main/noarch/x'},
	'T28 but the paths that were granted');

$m->hang_up;
$t->finish;
