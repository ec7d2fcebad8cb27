#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T25 to T27 and T29: dots. The token is taken from the URI when nginx has
# resolved them, so that nothing is resolved behind the gate: what is left
# begins with a slash and has no dot segment. By tables, then by random paths,
# each compared with PSM::PathRule; PSM_SEED repeats a run, PSM_PATHS says how
# many in each mode (500).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(lookups_are);
use PSM::Gate;
use PSM::Modes;
use PSM::PathRule;
use PSM::Process qw(wait_for slurp);
use Test::More;

my $seed = srand($ENV{PSM_SEED} // time);
diag("PSM_SEED=$seed");

my $t = PSM::Gate->new(name => 'path dots', log_level => 'error');
$t->start_redis;
my %files = map { ("/$_/noarch/x" => "$_\n") }
	qw(main main/dev other api/repo/main api/repo/other t);
$t->file($_, $files{$_}) for keys %files;
$t->file('/pub.txt', "pub\n");
$t->file('/d/a/noarch/x', "alias\n");
$t->file('/d/noarch/x', "beside\n");
my @bases = ('/', '/api/repo/');
my $m = PSM::Modes->new($t,
	http => 'log_format seen escape=none "$status $uri";'
		. 'access_log %%DIR%%/logs/seen.log seen;',
	server => "psm_token on; psm_token_base @bases;"
		. 'location /q { alias %%ROOT%%/d/a/; }');

my $T = $t->add_token(resources => { main => 'read', q => 'read' });
my $O = $t->add_token(resources => { other => 'read' });
my $U = $t->unknown_token;
my $rule = PSM::PathRule->new(files => { %files, '/pub.txt' => "pub\n" },
	bases => \@bases, tokens => { $T => ['main', 'q'], $O => ['other'] });

sub short { return PSM::Modes::in_short($m->ask_next($_[0], 'GET', $_[1])) }

# ---------------------------------------------------- T25 nothing is left over

my $granted = '200 main';
my $denied = '403 channel_not_granted';
my $malformed = '401 token_malformed';
my @rows = (
	['T25 dots glued to the token', "/t/$T../other/noarch/x", $malformed],
	['T25 dots glued to it, encoded', "/t/$T%2e%2e/main/noarch/x", $malformed],
	['T25 one dot glued to it', "/t/$T./main/noarch/x", $malformed],
	['T25 dots in front of it', "/t/..$T/main/noarch/x", $malformed],
	['T25 three dots for it', '/t/.../main/noarch/x', $malformed],
	['T25 a dot behind it', "/t/$T/./main/noarch/x", $granted],
	['T25 dots, encoded, each in its way', "/t/$T/%2e/.%2fmain/%2E%2f/noarch/x",
		$granted, unmerged => '403 action_unknown'],
	['T25 dot-dot from another channel', "/t/$T/other/%2e./main/noarch/x",
		$granted],
	['T25 dot-dot into another channel', "/t/$T/main/.%2E/other/noarch/x",
		$denied],
	['T25 an encoded slash behind the dots', "/t/$T/main/..%2Fother/noarch/x",
		$denied],
	['T25 dots from behind the platform',
		"/t/$T/main/noarch/../../other/noarch/x", $denied],
	['T25 as many back as there are', "/t/$T/main/noarch/../../main/noarch/x",
		$granted],
	['T25 dots at the end', "/t/$T/main/noarch/x/..", '403', proxied => '404'],
	['T25 a dot at the end', "/t/$T/main/noarch/x/.", '404'],
	['T25 dots to the channel', "/t/$T/main/noarch/..", '403',
		proxied => '404'],
	['T25 dots to the token', "/t/$T/main/..", '403 action_unknown'],
	['T25 a segment of three dots', "/t/$T/.../main/noarch/x",
		'403 action_unknown'],
	['T25 a file of three dots', "/t/$T/main/noarch/...", '404'],
	['T25 a channel that begins with a dot', "/t/$T/.main/noarch/x",
		'403 action_unknown'],
	['T25 a channel that ends in dots', "/t/$T/main../noarch/x", $denied],
	['T25 dots encoded twice', "/t/$T/main/%252e%252e/other/noarch/x",
		'403 action_unknown'],
	['T25 a backslash for the slash', "/t/$T/main/..%5cother/noarch/x",
		'403 action_unknown'],
	['T25 a raw backslash', "/t/$T/main\\..\\other/noarch/x",
		'403 action_unknown'],
	['T25 behind a base', "/api/repo/t/$T/main/../other/noarch/x", $denied],
	['T25 out of the base', "/api/repo/t/$T/../../main/noarch/x",
		'401 token_missing'],
	['T25 out of the base and the token', "/t/$T/api/repo/../../main/noarch/x",
		$granted],
	['T25 into the base', "/t/$T/x/../api/./repo/main/noarch/x",
		'200 api/repo/main'],
	['T25 above the root', "/t/$T/../../../main/noarch/x", '400'],
	['T25 above the root, encoded', "/%2e%2e/t/$T/main/noarch/x", '400'],
);
$m->rows(@rows);

# -------------------------------------------- T26, T27 what the dots do to it

@rows = (
	['T26 they take it', "/t/$T/../../main/noarch/x", '401 token_missing'],
	['T26 they take it, encoded', "/t/$T/%2e%2e%2f%2e%2e/main/noarch/x",
		'401 token_missing'],
	['T26 they take it behind a base', "/api/repo/t/$T/.././../main/noarch/x",
		'401 token_missing'],
	['T26 they take the first of two', "/t/$O/../../t/$T/main/noarch/x",
		$granted],
	['T26 they take the second of two', "/t/$T/t/$O/../../main/noarch/x",
		$granted],
	['T26 and another comes in its place', "/t/$O/../$T/main/noarch/x",
		$granted],
	['T26 what they take before it counts for nothing',
		"/x/%2e%2e/t/$T/main/noarch/x", $granted],
	['T26 they take the t alone', "/t/../$T/main/noarch/x",
		'401 token_missing'],
	['T26 a token before them is no token', "/$T/../main/noarch/x",
		'401 token_missing'],
	['T27 they make a channel the token', "/t/$T/%2e%2e/main/noarch/x",
		$malformed],
	['T27 they make a file the token', "/t/$T/%2e%2e/pub.txt", '404'],
	['T27 they make a file the token, as a directory', "/t/$T/../pub.txt/",
		$malformed],
	['T27 they make nothing the token', "/t/$T/..", $malformed],
	['T27 they make a placeholder the token', "/t/$T/../*****/main/noarch/x",
		'401 token_masked'],
	['T27 they bring a t to the front', "/x/../t/main/noarch/x", $malformed],
	['T27 one from the docroot', "/t/$T/../../t/noarch/x", $malformed],
	['T27 they bring a t behind the base',
		"/t/$T/api/x/../repo/t/main/noarch/x", $malformed],
	['T27 they bring two tokens together', "/t/$T/x/../t/$O/main/noarch/x",
		'401 token_ambiguous'],
);
lookups_are($t, 0, sub { $m->rows(grep { $_->[2] =~ /^401/ } @rows) },
	'T27 no look-up for what the dots made');
$m->rows(grep { $_->[2] !~ /^401/ } @rows);

# ------------------------------------------------- T29 an alias without slash

# `location /q { alias .../d/a/; }` serves /a../x from .../d/a/../x.
$m->rows(
	['T29 the alias as it is meant', "/t/$T/q/noarch/x", '200 alias'],
	['T29 beside the alias', "/t/$T/q../noarch/x", $denied],
	['T29 beside the alias, encoded', "/t/$T/q%2e%2e%2fnoarch/x", $denied],
	['T29 beside the alias with one more', "/t/$T/q..%2f%2e/noarch/x", $denied],
	['T29 a name that begins so', "/t/$T/qb/noarch/x", $denied],
	['T29 without a token', '/q../noarch/x', '401 token_missing'],
);

# Nothing that is shown to users has such a location.
sub leaky_aliases {
	return grep { !m{/\z} } $_[0] =~
		m!location\s+(?:\^~\s+)?(/[^\s{]*)\s*\{[^{}]*\balias\s+\S+/;!g;
}
is(join(' ', leaky_aliases("location /c {\n\talias /d/;\n}\n"
	. 'location /e/ { alias /f/; } location ^~ /g { alias /h/; }')), '/c /g',
	'T29 such a location is found');
for my $sample ("$PSM::Gate::REPO/README.md", glob("$PSM::Gate::REPO/conf/*"),
	glob("$PSM::Gate::REPO/{docker,web,bench}/*.{conf,md}"))
{
	is(join(' ', leaky_aliases(slurp($sample))), '',
		'T29 none in ' . $sample =~ s{.*/}{}r);
}

# ------------------------------------------------------------------ by chance

# A path that is in order, and up to three pieces anywhere between its segments.
my @pieces = ('', '/', '%2f', '.', '..', '/./', '/../', '%2e', '/%2E%2e/',
	'...', '..;', ';x', 'x/..', 't', '/t/', '%74', "/t/$T", "t/$T/", "t/$O/",
	"t/$U/", $T, 'api', 'api/repo', 'main', 'main/dev', 'other/', 'noarch', 'x',
	'simple/', 'pub.txt', '*****', '%25', '%5c', '%20', '?', '#', 'T');

sub one_of { return $_[rand @_] }

sub random_path {
	my $token = one_of($T, $T, $T, $O, $U, '*****', 'word');
	my @pair = ('t', $token);
	my @path = (one_of([], [], ['api', 'repo']),
		one_of([@pair], [@pair], [@pair], [@pair, @pair], []),
		one_of([], [], ['api', 'repo']),
		one_of(['main'], ['main'], ['main', 'dev'], ['other'], ['main2']),
		['noarch', 'x']);
	@path = map { @$_ } @path;
	for (1 .. rand 4) {
		splice @path, rand @path + 1, 0, one_of(@pieces);
	}
	return '/' . join one_of('/', '/', '/', '/', '%2F', '//'), @path;
}

for my $mode ($m->names) {
	my (@wrong, %kinds);
	for (1 .. $ENV{PSM_PATHS} // 500) {
		my $path = random_path();
		my $wanted = $rule->answer($mode, $path);
		$kinds{$wanted} = 1;
		next if $wanted =~ /^301/;
		my $got = short($mode, $path);
		push @wrong, "$got for $wanted: "
			. $path =~ s/\Q$T\E/T/gr =~ s/\Q$O\E/O/gr =~ s/\Q$U\E/U/gr
			if $got ne $wanted;
	}
	is(join("\n", @wrong), '', "T25 $mode: random paths are as the rule says");
	cmp_ok(scalar keys %kinds, '>=', 8, '  of many kinds: '
		. join ', ', sort keys %kinds);
}

# The oracle of the whole file: no dot segment, nor a relative one, was ever
# left for what is behind the gate; refused while it was parsed, there is none.
wait_for(sub { $t->log_text('seen.log') =~ /\n\z/ }, 5);
my @uris = map { /^(?!400)\d+ (.+)/ ? $1 : () } split /\n/,
	$t->log_text('seen.log');
cmp_ok(scalar @uris, '>', 1000, 'T25 many URIs were seen');
is(join("\n", grep { !m{\A/} || m{/\.\.?(?:/|\z)} } @uris), '',
	'T25 each begins with a slash and has no dot segment');
is(join("\n", grep { m{\A[^/]|//|\\|%25|/\.\.?(?:/|\z|;)} }
	map { s/\?.*//sr } $m->all_forwarded), '',
	'T25 an upstream is sent no path to be resolved');

$m->hang_up;
$t->finish;
