#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token in a real terminal: tables that fit, a progress bar that goes, and
# Ctrl-C, behind which the terminal is sane and the store is whole.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use PSM::Cli qw(:all);
use PSM::Process qw(wait_for);
use PSM::Terminal;

my $redis = start();
my $json = JSON::PP->new->utf8->canonical;
my $dir = folder();

sub terminal {
	my (%arg) = @_;

	my $terminal = PSM::Terminal->start(dir => $dir, %arg,
		run => ['bash', '--norc', '--noprofile'],
		env => { PS1 => '% ', PSM_TOKEN_REDIS => $redis->address });
	$terminal->shows(qr/\A%\s*\z/);
	return $terminal;
}

my $commands = 0;

# What a command shows, once its exit code stands there.
sub enter {
	my ($terminal, $command) = @_;

	my $mark = 'code' . $commands++;
	$terminal->type("clear; $command; echo \"$mark \$?\"");
	$terminal->press('Enter');
	my $shown = $terminal->shows(qr/^$mark \d+$/m) // '';
	return $shown =~ s/^code\K\d+(?= \d+$)//mr;
}

# The kernel's own view of the terminal.
sub is_sane {
	my ($terminal, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $modes = enter($terminal, 'stty -a');
	like($modes, qr/(?<!-)\b$_\b/, "$name: $_") for 'echo', 'icanon', 'isig',
		'icrnl', 'opost';
	like(enter($terminal, 'echo seen'), qr/^seen$/m, "$name: it can be used");
}

my @file;
for my $n (1 .. 60000) {
	push @file, $json->encode({ name => "token number $n of the import",
		owner => 'al', expires_at => undef, digest => sprintf('%064x', $n),
		resources => [{ channel => 'main', permission => 'read' }] });
}
my $many = "$dir/many.jsonl";
open my $fh, '>', $many or die $!;
print $fh map { "$_\n" } @file;
close $fh;
my $cli = program();

subtest 'tables' => sub {
	my ($id) = new_id_of('--owner', 'somebody@with.a.long.name', map {
		('--resource', "channel-$_/sub:read") } 1 .. 20);
	run('channel', 'set', 'main/a-long-name/below', '--privacy', 'public');
	for my $columns (80, 40) {
		my $terminal = terminal(columns => $columns);
		for my $command ('list', "show $id", 'channel list', 'scopes', 'audit',
			'doctor', 'doctor --help')
		{
			# A pipe would not be a terminal: what wraps is seen by its tail.
			my $shown = enter($terminal, "$cli $command | tail -n 20");
			like($shown, qr/^code 0$/m, "$command at $columns");
		}
		my $shown = enter($terminal, "$cli list");
		my @rows = grep { /^(?:ID|$id)/ } split /\n/, $shown;
		is(scalar @rows, 2, "list at $columns: a heading and a row");
		is(scalar(() = $shown =~ /^(?!code|%).+$/mg), 2,
			'neither of them wraps') if $columns == 80;
		my $doctor = enter($terminal, "$cli doctor");
		utf8::decode($doctor);
		unlike($doctor, qr/^.{@{[$columns + 1]}}/m, "doctor at $columns fits");
		like($doctor, qr/^ok +what is there/m, 'and says what it found');
		$terminal->stop;
	}
};

subtest 'a progress bar' => sub {
	$redis->command('FLUSHALL');
	my $terminal = terminal(columns => 80);
	$terminal->type("clear; $cli import $many");
	$terminal->press('Enter');
	my $shown = $terminal->shows(
		qr/^importing [\d,]+ of 60,000  \[#*\.*\]  [\d,]+\/s  \d+:\d\d left/m, 60);
	ok($shown, 'how many, how fast, how long') or return;
	my ($done) = $shown =~ /^importing ([\d,]+) of/m;
	$terminal->resize(40);
	$shown = $terminal->shows(qr/^importing [\d,]+ of 60,000(?!  \[)/m);
	ok($shown, 'on 40 columns without the bar');
	my ($later) = ($shown // '') =~ /^importing ([\d,]+) of/m;
	cmp_ok($later =~ tr/,//dr, '>=', $done =~ tr/,//dr, 'it goes on');
	ok($terminal->shows(qr/^60000 lines: 60000 imported/m, 120), 'to the end');
	unlike($terminal->screen, qr/importing|\/s/, 'and is gone then');
	is_sane($terminal, 'afterwards');
	$terminal->stop;
	is(run('import', $many)->{err}, '', 'there is none where no terminal is');
};

subtest 'Ctrl-C' => sub {
	$redis->command('FLUSHALL');
	my $terminal = terminal(columns => 80);
	$terminal->type("clear; $cli import $many; echo code \$?");
	$terminal->press('Enter');
	ok($terminal->shows(qr/^importing [1-9]/m, 60), 'it imports');
	$terminal->press('C-c');
	my $shown = $terminal->shows(qr/interrupted: [1-9]\d* of 60000 tokens are/);
	ok($shown, 'says how far it came');
	unlike($shown // '', qr/^code/m, 'a script would end, too');
	unlike($shown // '', qr/^importing/m, 'the bar is gone');
	like(enter($terminal, '(exit 7)'), qr/code 7/, 'the shell goes on');
	$terminal->type("clear; (trap : INT; $cli import $many; echo code \$?)");
	$terminal->press('Enter');
	ok($terminal->shows(qr/^importing [1-9]/m, 60), 'it goes on importing');
	$terminal->press('C-c');
	ok($terminal->shows(qr/^code 130$/m), 'Ctrl-C is 130');
	is_sane($terminal, 'interrupted');
	my $there = $redis->command('ZCARD', 'psm:ix:all');
	cmp_ok($there, '<', 60000, "$there are there");
	my $got = run('doctor');
	is($got->{code}, 0, 'and the doctor finds nothing') or diag($got->{out});

	# What is typed unseen is seen again.
	$terminal->type("clear; $cli snippets -");
	$terminal->press('Enter');
	ok($terminal->shows(qr/Token \(not shown\):/), 'it asks for a token');
	$terminal->type('psm-abc');
	$terminal->press('C-c');
	ok($terminal->shows(qr/interrupted: nothing was done/), 'Ctrl-C ends it');
	unlike($terminal->screen, qr/psm-abc/, 'what was typed is not shown');
	is_sane($terminal, 'no token');

	$terminal->type("clear; $cli audit --follow");
	$terminal->press('Enter');
	ok($terminal->shows(qr/^\d{4}-.*  import/m), 'following');
	$terminal->press('C-c');
	like(enter($terminal, 'true'), qr/code 0/, 'ends with Ctrl-C');
	is_sane($terminal, 'followed');
	$terminal->stop;
};

$redis->command('FLUSHALL');
finish();
