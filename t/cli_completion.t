#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token completion: what bash, zsh and fish make of a word that was begun,
# in a real terminal where they have one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

use PSM::Process qw(slurp);
use PSM::Terminal;

my $repo = "$FindBin::Bin/..";
my $cli = $ENV{PSM_CLI} // "$repo/build/psm-token";
my $dir = tempdir('psm-words-XXXXXX', TMPDIR => 1, CLEANUP => 1);

# The program is only there by name, and must not be run by a Tab.
mkdir "$dir/bin" or die $!;
write_file("$dir/bin/psm-token", "#!/bin/sh\ntouch $dir/was-run\n");
chmod 0755, "$dir/bin/psm-token";

sub write_file {
	my ($path, $text) = @_;
	open my $fh, '>', $path or die "$path: $!";
	print $fh $text;
	close $fh;
}

for my $shell (qw(bash zsh fish)) {
	write_file("$dir/words.$shell", scalar `$cli completion $shell`);
	is($?, 0, "the script of $shell");
}
my $help = `$cli --help`;
my ($list) = $help =~ /^Subcommands:\n((?:  \w.*\n)+)/m;
my @commands = sort $list =~ /^  (\w+)/mg;
my @scopes = sort map { /^(\S+:\S+)/ ? $1 : () } split /\n/, `$cli scopes`;
is(scalar @scopes, 37, 'the scopes');

# What is typed, what it may become; '' for nothing.
my @words = (
	['psm-token ', @commands],
	['psm-token comp', 'completion'],
	['psm-token --json del', 'delete'],
	['psm-token --redis list ', @commands],
	['psm-token channel ', qw(list set)],
	['psm-token channel set main --pri', '--privacy'],
	['psm-token channel set main --privacy ',
		qw(authenticated private public)],
	['psm-token channel set main --privacy=pu', '--privacy=public'],
	['psm-token create --name list --sco', '--scope'],
	['psm-token create --scope ', @scopes],
	['psm-token create --scope artifact:d',
		qw(artifact:delete artifact:download)],
	['psm-token create --resource main', ''],
	['psm-token create --resource main:', qw(main:manage main:read main:write)],
	['psm-token create --resource a/b:w', 'a/b:write'],
	['psm-token create --owner ', ''],
	['psm-token explain --require man', 'manage'],
	['psm-token explain - PO', 'POST'],
	['psm-token completion ', qw(bash fish zsh)],
	['psm-token list --js', '--json'],
);

# bash's own splitting of words is imitated, as `complete` would do it.
sub bash_words {
	my ($line) = @_;

	my @pieces = $line =~ /([:=]+|[^\s:=]+)/g;
	push @pieces, '' if $line =~ /[\s]\z/;
	my $script = join "\n", "source $dir/words.bash",
		'COMP_WORDBREAKS=$\' \t\n"\\\'><=;|&(:\'',
		"COMP_LINE='$line'", 'COMP_POINT=${#COMP_LINE}',
		"COMP_WORDS=(@{[map { qq('$_') } @pieces]})",
		"COMP_CWORD=$#pieces", '_psm_token',
		'((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}"';
	write_file("$dir/ask.bash", "$script\n");
	my ($kept) = $line =~ /(\S*[:=])[^\s:=]*\z/;
	return map { ($kept // '') . $_ } split /\n/, `bash $dir/ask.bash 2>&1`;
}

sub fish_words {
	my ($line) = @_;

	write_file("$dir/ask.fish", "source $dir/words.fish\n"
		. "complete -C '$line'\n");
	return map { s/\t.*//r } split /\n/, `fish --no-config $dir/ask.fish 2>&1`;
}

for my $shell ([bash => \&bash_words], [fish => \&fish_words]) {
	my ($name, $ask) = @$shell;
	for my $case (@words) {
		my ($line, @want) = @$case;
		@want = grep { $_ ne '' } @want;
		# fish offers the words of an argument at every place.
		my @got = $ask->($line);
		@got = grep { /^\w/ } @got if $line =~ / \z/;
		is_deeply([sort @got], [sort @want], "$name: $line")
			or diag(explain(\@got));
	}
}

# A Tab must not do what was typed.
bash_words('psm-token create --resource $(touch${IFS}' . "$dir/was-run):");
ok(!-e "$dir/was-run", 'bash: nothing is run');

subtest 'bash in a terminal' => sub {
	my $bash = PSM::Terminal->start(dir => $dir,
		run => ['bash', '--norc', '--noprofile'],
		env => { PS1 => '% ', PATH => "$dir/bin:$ENV{PATH}" });
	$bash->shows(qr/\A%\s*\z/);
	$bash->type("source $dir/words.bash; clear");
	$bash->press('Enter');
	$bash->shows(qr/\A%\s*\z/);
	for my $case (
		['psm-token comp', 'psm-token completion '],
		['psm-token channel set main --privacy=au',
			'--privacy=authenticated '],
		['psm-token create --scope artifact:do', '--scope artifact:download '],
		['psm-token create --scope=artifact:do', '--scope=artifact:download '],
		['psm-token create --resource main:m', '--resource main:manage '],
		['psm-token create --name "a b" --res', '"a b" --resource '],
	) {
		my ($typed, $becomes) = @$case;
		$bash->type($typed);
		$bash->press('Tab');
		$bash->type('<');    # shows whether a blank stands there
		ok($bash->shows(qr/\Q$becomes<\E$/m), $typed);
		$bash->press('C-u');
	}
	$bash->type('psm-token create --scope artifact:');
	$bash->press('Tab', 'Tab');
	ok($bash->shows(qr/\bdownload\b/), 'a list of what is possible');
	$bash->stop;
};

subtest 'zsh in a terminal' => sub {
	my $zsh = PSM::Terminal->start(dir => $dir, columns => 120,
		run => ['zsh', '-f'], env => { PS1 => '%# ',
			PATH => "$dir/bin:$ENV{PATH}" });
	$zsh->shows(qr/\A[%#]\s*\z/);
	$zsh->type("autoload -U compinit; compinit -D; source $dir/words.zsh; "
		. 'clear');
	$zsh->press('Enter');
	$zsh->shows(qr/\A[%#]\s*\z/);
	for my $case (
		['psm-token comp', 'psm-token completion '],
		['psm-token channel se', 'psm-token channel set '],
		['psm-token channel set main --privacy=au',
			'--privacy=authenticated '],
		['psm-token create --scope artifact:do', '--scope artifact:download '],
		['psm-token create --resource main:m', '--resource main:manage '],
		['psm-token explain - PO', 'psm-token explain - POST '],
		['psm-token completion f', 'psm-token completion fish '],
	) {
		my ($typed, $becomes) = @$case;
		$zsh->type($typed);
		$zsh->press('Tab');
		$zsh->type('<');
		ok($zsh->shows(qr/\Q$becomes<\E$/m), $typed);
		$zsh->press('C-u');
	}
	$zsh->type('psm-token ');
	$zsh->press('Tab');
	ok($zsh->shows(qr/^create +-- Create a token and print it once/m),
		'commands are listed with what they do');
	$zsh->press('C-u');
	$zsh->type('psm-token create --');
	$zsh->press('Tab');
	ok($zsh->shows(qr/^--expires +-- .*\(its 00:00 UTC\)/m), 'options, too');
	$zsh->stop;
};

subtest 'fish knows what is described' => sub {
	write_file("$dir/ask.fish", "source $dir/words.fish\n"
		. "complete -C 'psm-token cre'\n");
	is(`fish --no-config $dir/ask.fish`,
		"create\tCreate a token and print it once\n", 'a command');
};

for my $shell (qw(bash zsh fish)) {
	is(system($shell, '-n', "$dir/words.$shell"), 0, "$shell reads its script");
}
my $error = `$cli completion tcsh 2>&1`;
is($? >> 8, 2, 'another shell: exit 2');
like($error, qr/"tcsh" is no shell with completions: use bash, zsh or fish/,
	'and which there are');
ok(!-e "$dir/was-run", 'the program itself was never run');

done_testing;
