#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token(1): sound roff that says all that --help says; and make install
# puts it, and the completions, where they are looked for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

use PSM::Process qw(slurp);

my $repo = "$FindBin::Bin/..";
my $cli = $ENV{PSM_CLI} // "$repo/build/psm-token";
my $dir = tempdir('psm-man-XXXXXX', TMPDIR => 1, CLEANUP => 1);

my $page = "$dir/psm-token.1";
is(system("$cli man > $page"), 0, 'the page');
is(slurp($page), slurp(dirname($cli) . '/psm-token.1'),
	'is what make build left beside the program');

# No date: the same sources give the same page.
my @lint = grep { !/missing date/ }
	split /\n/, `mandoc -T lint -W warning $page 2>&1`;
is_deeply(\@lint, [], 'mandoc has nothing against it');

my $text = `mandoc -T ascii -O width=100 $page`;
$text =~ s/.\x08//g;    # bold and underlined
$text =~ s/\s+/ /g;
for my $part ('NAME psm-token - ', 'SYNOPSIS psm-token ',
	'EXIT STATUS Exit code: 0 yes or done, 1 no, 2 cannot tell',
	'ENVIRONMENT PSM_TOKEN_REDIS In the place of --redis', 'EXAMPLES ')
{
	like($text, qr/\Q$part/, $part);
}

# The rows of a list of --help, as name and what it says.
sub rows {
	my ($help, $heading) = @_;

	my ($list) = $help =~ /^$heading:\n((?:  .*\n)+)/m or return;
	return map { [/^  (\S+).*?(?:\s{2,}|\n\s+)(\S.*)/] }
		$list =~ /^(  \S.*(?:\n {20,}\S.*)*)/mg;
}

sub compare {
	my (@path) = @_;

	my $help = `$cli @path --help`;
	is($?, 0, "psm-token @path --help");
	my @below = rows($help, 'Subcommands');
	for my $below (@below) {
		compare(@path, $below->[0]);
	}
	return if !@path || @below;
	my ($says) = $help =~ /\A(.*)\n/;
	like($text, qr/psm-token @path (?:-|\[|[A-Z]).*?\Q$says\E/,
		"@path: in the page");
	for my $row (rows($help, 'Options'), rows($help, 'Positionals')) {
		my ($names, $says) = @$row;
		next if $names =~ /--help/;
		$names =~ s/,/, /;
		like($text, qr/\Q$names\E .*?\Q@{[$says =~ tr{`}{}dr]}\E/,
			"@path: $names: $says");
	}
}

compare();

SKIP: {
	skip 'installs what an ordinary build left', 6
		if dirname($cli) =~ m{/san\z};
	# What was built is taken as it is.
	my $build = dirname($cli);
	my $make = "env -u MAKEFLAGS -u MAKELEVEL make -s -C $repo -o build "
		. "-o $build/psm-token BUILD=$build DESTDIR=$dir/root PREFIX=/usr "
		. 'MODULESDIR=/modules';
	is(system("$make install > $dir/make.log 2>&1"), 0, 'make install')
		or diag(slurp("$dir/make.log"));
	my $share = "$dir/root/usr/share";
	is(slurp("$share/man/man1/psm-token.1"), slurp($page), 'the page');
	is(slurp("$share/bash-completion/completions/psm-token"),
		scalar `$cli completion bash`, 'the words for bash');
	is(slurp("$share/zsh/site-functions/_psm-token"),
		scalar `$cli completion zsh`, 'for zsh');
	is(slurp("$share/fish/vendor_completions.d/psm-token.fish"),
		scalar `$cli completion fish`, 'for fish');
	is(system("$make uninstall > $dir/make.log 2>&1"), 0, 'make uninstall');
	is(`find $dir/root -type f`, '', 'takes all of it away');
}

done_testing;
