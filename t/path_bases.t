#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T39: where conda and others put the token. It is taken in front of the path
# and behind each configured base, and is the same decision there; anywhere else
# it is none. Bases are anchored, whole segments, and the longest counts.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(lookups_are);
use PSM::Gate;
use PSM::Modes;
use PSM::PathRule;
use Test::More;

my $t = PSM::Gate->new(name => 'path bases', log_level => 'error');
$t->start_redis;
my @bases = ('/', '/psm/repo/', '/conda/', '/api/', '/api/repo/');
my @under = ('', map { s{\A/|/\z}{}gr . '/' } grep { $_ ne '/' } @bases);
my %files;
for my $base (@under) {
	$files{"/$base$_/noarch/x"} = "$base$_\n" for qw(main other);
}
$files{'/repo/main/noarch/x'} = "repo\n";
$t->file($_, $files{$_}) for keys %files;
my $m = PSM::Modes->new($t, server => "psm_token on; psm_token_base @bases;",
	more => <<'EOC');
	server {
		listen %%LISTEN5%%;
		root %%ROOT%%;
		psm_token on;
		psm_token_base /api/repo/;
	}
EOC

my $T = $t->add_token(resources => { main => 'read', repo => 'read' });
my $O = $t->add_token(resources => { other => 'read' });
my $rule = PSM::PathRule->new(bases => \@bases, files => \%files,
	tokens => { $T => ['main', 'repo'], $O => ['other'] });

# ---------------------------------------------- 1. what the clients do send

# What a user writes, and where the token then stands on the wire.
$m->rows(
	['T39 conda, in front of the whole path', "/t/$T/conda/main/noarch/x",
		'200 conda/main'],
	['T39 conda, moved there for an unknown host',
		"/t/$T/psm/repo/main/noarch/x", '200 psm/repo/main'],
	['T39 conda, a first segment called conda', "/conda/t/$T/main/noarch/x",
		'200 conda/main'],
	['T39 conda, behind a channel alias', "/psm/repo/t/$T/main/noarch/x",
		'200 psm/repo/main'],
	['T39 conda, an alias that holds the token, of another base',
		"/api/repo/t/$T/main/noarch/x", '200 api/repo/main'],
	['T39 conda, the placeholder', '/t/<TOKEN>/main/noarch/x',
		'401 token_masked'],
	['T39 conda, the placeholder behind an alias',
		'/psm/repo/t/<TOKEN>/main/noarch/x', '401 token_masked'],
	['T39 rattler, one stored and one written: the same',
		"/t/$T/t/$T/main/noarch/x", '200 main'],
	['T39 rattler, one stored, another written behind a base',
		"/t/$O/psm/repo/t/$T/main/noarch/x", '401 token_ambiguous'],
	['T39 mamba, a masked one', '/t/*****/main/noarch/x', '401 token_masked'],
);

# The six forms that conda's splitter knows: a token in front, an empty one, one
# behind api, one behind conda, none, and one with nothing behind it.
$m->rows(
	['T39 in front', "/t/$T/main/noarch/x", '200 main'],
	['T39 empty', '/t//main/noarch/x', '401 token_malformed',
		unmerged => '400'],
	['T39 behind api', "/api/t/$T/main/noarch/x", '200 api/main'],
	['T39 behind conda', "/conda/t/$T/main/noarch/x", '200 conda/main'],
	['T39 none', '/main/noarch/x', '401 token_missing'],
	['T39 behind conda, and nothing behind it', "/conda/t/$T", '404'],
);

# -------------------------------------------------- 2. and what none does

my @elsewhere = (
	['behind a channel', "/main/t/$T/noarch/x"],
	['behind no base', "/x/t/$T/main/noarch/x"],
	['behind half a base', "/psm/t/$T/repo/main/noarch/x"],
	['behind what begins as a base', "/condax/t/$T/main/noarch/x"],
	['behind what ends as a base', "/xconda/t/$T/main/noarch/x"],
	['behind a base that is not in front', "/x/conda/t/$T/main/noarch/x"],
	['behind a base in capitals', "/Conda/t/$T/main/noarch/x"],
	['behind a base and a segment', "/conda/x/t/$T/main/noarch/x"],
	['behind the platform', "/main/noarch/t/$T/x"],
	['before the t', "/conda/$T/t/main/noarch/x"],
);
lookups_are($t, 0, sub {
	$m->rows(map { ["T39 not taken $_->[0]", $_->[1], '401 token_missing'] }
		@elsewhere);
}, 'T39 no look-up for a token where none is taken', 'psm:t:');
$m->rows(
	['T39 two bases, the one behind the other', "/conda/api/t/$T/main/noarch/x",
		'401 token_missing'],
	['T39 a base in the base of another', "/api/t/$T/repo/main/noarch/x",
		'200 api/repo/main'],
	['T39 at three places', "/t/$T/api/t/$T/repo/t/$T/main/noarch/x",
		'200 api/repo/main'],
	['T39 at three places, another at the last',
		"/t/$T/api/t/$T/repo/t/$O/main/noarch/x", '401 token_ambiguous'],
	['T39 the longest base counts', "/t/$T/api/repo/main/noarch/x",
		'200 api/repo/main'],
	['T39 the channel repo behind the longest base',
		"/t/$T/api/repo/repo/noarch/x", '404'],
	['T39 a base alone', "/t/$T/api/repo/", '403 action_unknown'],
	['T39 a base alone, without its slash', "/t/$T/conda",
		'403 channel_not_granted'],
	['T39 the root', "/t/$T/", '403 action_unknown'],
);

# Where / is no base nothing else is, and the front takes a token all the same.
my @only = (
	["/api/repo/t/$T/main/noarch/x", '200 api/repo/main'],
	["/t/$T/api/repo/main/noarch/x", '200 api/repo/main'],
	["/t/$T/main/noarch/x", '403 action_unknown'],
	["/t/$T/api/main/noarch/x", '403 action_unknown'],
	["/conda/t/$T/main/noarch/x", '401 token_missing'],
	["/t/$T/api/repo", '403 action_unknown'],
	["/t/word/api/repo/main/noarch/x", '401 token_malformed'],
);
for (@only) {
	my ($path, $wanted) = @$_;
	my $r = $t->http('GET', $path, port => $t->port(5));
	is(PSM::Modes::in_short($r), $wanted,
		'T39 one base only: ' . $path =~ s/\Q$T\E/T/gr);
}

# ------------------------------------ 3. every place, in every form: the same

# The token before each segment of each path, plain, twice, doubled with
# another's, compared with the rule; and wherever it is taken, the decision is
# the one of the front.
for my $mode ($m->names) {
	my @wrong;
	for my $base (@under) {
		for my $channel (qw(main other)) {
			my @segments = (split(m{/}, $base), $channel, 'noarch', 'x');
			for my $at (0 .. $#segments) {
				for my $pair ("t/$T", "t/$T/t/$T", "t/$T/./", "%74/$T", "t/$O",
					"t/$T/t/$O", "T/$T", "t/")
				{
					my @path = @segments;
					splice @path, $at, 0, $pair;
					my $path = '/' . join '/', @path;
					my $wanted = $rule->answer($mode, $path);
					my $got = PSM::Modes::in_short(
						$m->ask_next($mode, 'GET', $path));
					push @wrong, "$got for $wanted: "
						. $path =~ s/\Q$T\E/T/gr =~ s/\Q$O\E/O/gr
						if $got ne $wanted;
				}
			}
		}
	}
	is(join("\n", @wrong), '', "T39 $mode: at each place as the rule says");
}

$m->hang_up;
$t->finish;
