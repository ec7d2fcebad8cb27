#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T40: which channel a path means, and who may read it. A table of the cases
# that are confused with one another, then every grant against every path in
# every form, compared with PSM::PathRule: whole segments of the decoded path,
# byte for byte.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use PSM::Modes;
use PSM::PathRule;
use Test::More;

my $t = PSM::Gate->new(name => 'path channels', log_level => 'error');
$t->start_redis;
my @channels = qw(main main2 mai main/dev main/dev/x main/dev2 main-dev main.dev
	dev Main main/label label a a/b a/b/c ab noarch64 t2);
my %files = map { ("/$_/noarch/x" => "$_\n") } @channels;
$files{"/$_/f"} = "$_ without a platform\n" for qw(main main/dev a a/b);
$files{'/main/simple/pkg/x'} = "simple\n";
$files{'/main/noarch/linux-64/x'} = "two platforms\n";
$t->file($_, $files{$_}) for keys %files;
for (qw(open main/open main/open/x)) {
	$t->file("$_/noarch/x", "$_\n");
}
$t->set_channel($_, 'public') for qw(open main/open);
my $m = PSM::Modes->new($t, server => 'psm_token on;');

my %grants = (
	main => ['main'], sub => ['main/dev'], deep => ['main/dev/x'],
	other => ['main2'], label => ['main/label'], a => ['a'], b => ['a/b'],
	both => ['main/dev', 'a'],
);
my %token;
for my $name (sort keys %grants) {
	$token{$name} = $t->add_token(
		resources => { map { $_ => 'read' } @{ $grants{$name} } });
}
my $rule = PSM::PathRule->new(files => \%files,
	tokens => { map { $token{$_} => $grants{$_} } keys %grants });

# ------------------------------------------------------------ 1. by hand

my $denied = '403 channel_not_granted';
my $unknown = '403 action_unknown';
my %static_directory = (proxied => '404');
my @rows = (
	# T40: what, whose token, path, answer
	['a grant covers what is below it', main => 'main/dev/x/noarch/x',
		'200 main/dev/x'],
	['a grant below covers nothing above', sub => 'main/noarch/x', $denied],
	['a grant below covers itself', sub => 'main/dev/noarch/x', '200 main/dev'],
	['and what is below it', sub => 'main/dev/x/noarch/x', '200 main/dev/x'],
	['but not what begins so', sub => 'main/dev2/noarch/x', $denied],
	['a name that begins so', main => 'main2/noarch/x', $denied],
	['a name that is the beginning', main => 'mai/noarch/x', $denied],
	['a name and a hyphen', main => 'main-dev/noarch/x', $denied],
	['a name and a dot', main => 'main.dev/noarch/x', $denied],
	['the longer name does not cover the shorter', other => 'main/noarch/x',
		$denied],
	['an encoded slash is a slash', sub => 'main%2fdev%2Fnoarch/x',
		'200 main/dev'],
	['an encoded slash makes no name', a => 'a%2fb/noarch/x', '200 a/b'],
	['nor one that is covered', b => 'a%2Fb%2fnoarch%2fx', '200 a/b'],
	['an encoded slash and dots', a => 'a/b%2f..%2fnoarch/x', '200 a'],
	['dots to the parent', b => 'a/b/../noarch/x', $denied],
	['dots to a sister', b => 'a/b/../../main/noarch/x', $denied],
	['dots back into it', b => 'a/../a/b/noarch/x', '200 a/b'],
	['a slash encoded twice', a => 'a%252fb/noarch/x', $unknown],
	['a backslash', a => 'a%5cb/noarch/x', $unknown],
	['the channel alone', a => 'a', '301', %static_directory],
	['the channel alone, not granted', a => 'main', $denied],
	['a channel that is not there', a => 'a2', $denied],
	['the channel as a directory', a => 'a/', '403', %static_directory],
	['the channel and its platform', a => 'a/noarch/', '403',
		%static_directory],
	['a file in the channel', a => 'a/f', '200 a without a platform'],
	['a file in the subchannel', a => 'a/b/f', '200 a/b without a platform'],
	['the last segment is a file, not a subchannel', b => 'a/b', $denied],
	['unless a slash says so', b => 'a/b/', '403', %static_directory],
	['without a platform, more segments are more channel', b => 'a/b/c/x',
		'404'],
	['a platform as the first segment', a => 'noarch/x', $unknown],
	['a platform alone', a => 'linux-64', $unknown],
	['a platform before the channel', a => 'noarch/a/x', $unknown],
	['a platform in a name', main => 'noarch64/noarch/x', $denied],
	['two platforms: the first ends it', main => 'main/noarch/linux-64/x',
		'200 two platforms'],
	['simple ends it', main => 'main/simple/pkg/x', '200 simple'],
	['simple as the channel', main => 'simple/pkg/x', $unknown],
	['jupyter as the channel', main => 'jupyter/x', $unknown],
	['another channel behind the platform', b => 'a/noarch/../b/noarch/x',
		'200 a/b'],
	['another channel behind the platform, without dots',
		main => 'main/noarch/a/b/noarch/x', '404'],
	['a label is a subchannel', main => 'main/label/noarch/x',
		'200 main/label'],
	['of its own', label => 'main/label/noarch/x', '200 main/label'],
	['and no other', label => 'main/noarch/x', $denied],
	['a label below a label', label => 'main/label/dev/noarch/x', '404'],
	['a label as the channel', label => 'label/noarch/x', $denied],
	['another case', main => 'Main/noarch/x', $denied],
	['a name of one character', a => 't2/noarch/x', $denied],
	['a segment t', a => 'a/t/x', $unknown],
	['a file called t', a => 'a/t', '404'],
	['two grants: the first', both => 'main/dev/noarch/x', '200 main/dev'],
	['two grants: the second', both => 'a/b/noarch/x', '200 a/b'],
	['two grants: neither', both => 'main/noarch/x', $denied],
	['an underscore first', a => '_a/noarch/x', $unknown],
	['a hyphen first', a => '-a/noarch/x', $unknown],
	['a digit first', a => '9a/noarch/x', $denied],
	['a tilde', a => '~a/noarch/x', $unknown],
	['a blank behind it', a => 'a%20/noarch/x', $unknown],
	['a dot behind it', a => 'a./noarch/x', $denied],
);
$m->rows(map {
	my ($what, $who, $path, @wanted) = @$_;
	["T40 $what", "/t/$token{$who}/$path", @wanted];
} @rows);
# A directory without its slash is sent there, and the token with it (design.md
# section 4, Location).
$t->allow_leak('response header location', $_) for values %token;

# ---------------------------------------------------------- 2. every pair

# The ways to write one and the same path.
my %written = (
	plain => sub { $_[0] },
	'slashes encoded' => sub { $_[0] =~ s{/}{%2f}gr },
	'the first letter encoded' => sub { sprintf('%%%02X', ord $_[0])
		. substr $_[0], 1 },
	'dots before' => sub { "./$_[0]" },
	'from beside' => sub { "main/..%2f$_[0]" },
	'from below' => sub { $_[0] =~ s{/}{/q/%2e%2e/}gr },
	'slashes doubled' => sub { $_[0] =~ s{/}{//}gr },
	'dot-dot to the parent' => sub { $_[0] =~ s{/(?=noarch)}{/../}r },
	'a dot at its end' => sub { $_[0] =~ s{(?=/)}{.}r },
	'encoded twice' => sub { $_[0] =~ s{/}{%252f}gr },
	'a parameter' => sub { $_[0] =~ s{(?=/)}{;v=1}r },
	'another file' => sub { "$_[0]2" },
	'index of a channel' => sub { $_[0] =~ s{noarch/x}{channeldata.json}r },
);
my @paths = sort { $a cmp $b } keys %files;
for my $mode ($m->names) {
	my ($asked, %seen, @wrong) = 0;
	for my $who (sort keys %token) {
		for my $path (@paths) {
			# All forms of all for one, a form in turn for the others.
			my @forms = sort keys %written;
			@forms = ('plain', $forms[$asked % @forms]) if $who !~ /main|sub/;
			for my $form (@forms) {
				my $asked_for = $written{$form}->($path =~ s{\A/}{}r);
				my $target = "/t/$token{$who}/$asked_for";
				my $wanted = $rule->answer($mode, $target);
				my $got = PSM::Modes::in_short(
					$m->ask_next($mode, 'GET', $target));
				$asked++;
				$seen{ $wanted =~ s/^200 .*/200/r }++;
				push @wrong, "$got for $wanted: $who, $form, $asked_for"
					if $got ne $wanted;
			}
		}
	}
	is(join("\n", @wrong), '', "T40 $mode: grants, paths and forms: $asked");
	my @thin = grep { ($seen{$_} // 0) < 20 } '200', '404', $denied, $unknown;
	is("@thin", '', '  of each answer at least twenty');
}

# ------------------------------------------------ 3. beside a public channel

# Nobody's way into a private channel leads through one that is public.
my ($missing, $malformed) = ('401 token_missing', '401 token_malformed');
@rows = (
	['itself', 'open/noarch/x', '200 open'],
	['itself, encoded', '%6fpen%2fnoarch%2Fx', '200 open'],
	['a subchannel that is', 'main/open/noarch/x', '200 main/open'],
	['what is below it', 'main/open/x/noarch/x', '200 main/open/x'],
	['what is above it', 'main/noarch/x', $missing],
	['dots to what is above it', 'main/open/../noarch/x', $missing],
	['dots to another', 'open/../main/noarch/x', $missing],
	['dots to another, encoded', 'open%2f%2e%2e%2fmain/noarch/x', $missing],
	['dots from behind the platform', 'open/noarch/../../main/noarch/x',
		$missing],
	['dots encoded twice', 'open/%252e%252e/main/noarch/x', $missing],
	['dots encoded twice, behind the platform',
		'open/noarch/%252e%252e/%252e%252e/main/noarch/x', $missing],
	['dots with parameters', 'open/noarch/..;/..;/main/noarch/x', $missing],
	['a backslash', 'open/noarch/..%5c..%5cmain%5cnoarch%5cx', $missing],
	['dots that come back to it', 'main/../open/noarch/x', '200 open'],
	['a name that begins so', 'open2/noarch/x', $missing],
	['another case', 'Open/noarch/x', $missing],
	['a subchannel that begins so', 'main/opened/noarch/x', $missing],
	['a parameter behind it', 'open;x/noarch/x', $missing],
	['a blank behind it', 'open%20/noarch/x', $missing],
	['its name below another', 'main/x/open/noarch/x', $missing],
	['its name behind the platform of another', 'main/noarch/open/noarch/x',
		$missing],
	['another behind its platform', 'open/noarch/main/noarch/x', '404'],
	['a token that is none before it', 't/word/open/noarch/x', $malformed],
	['no token before it', 't//open/noarch/x', $malformed,
		unmerged => '400'],
);
$m->rows(map { ["T40 public: $_->[0]", "/$_->[1]", @$_[2 .. $#$_]] } @rows);

$m->hang_up;
$t->finish;
