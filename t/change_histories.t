#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Edit, re-issue and delete of one token by several processes at once, some of
# them killed at a random moment (T109): each rev has one winner, what is
# stored is what the winners made one after the other, and nothing is half
# made.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

use PSM::Cli qw(:all);
use PSM::Indexes qw(index_problems);
use PSM::Process qw(slurp);
use PSM::Token qw(token_digest);

my $seed = srand($ENV{PSM_SEED} // time);
my $redis = start();
my $json = JSON::PP->new->utf8->canonical;
my $output = folder() . '/out';

sub record_of {
	my $digest = $redis->command('GET', "psm:i:$_[0]") // return;
	return $json->decode($redis->command('GET', "psm:t:$digest"));
}

# Starts one; its result is in "$output.$n".
sub begin {
	my ($n, @words) = @_;

	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDOUT, '>', "$output.$n" or POSIX::_exit(126);
		open STDERR, '>', "$output.$n.err" or POSIX::_exit(126);
		exec { program() } 'psm-token', '--redis', $redis->address, '--json',
			@words or POSIX::_exit(127);
	}
	return $pid;
}

# What it made of itself: {code, killed, json}.
sub end {
	my ($pid, $n) = @_;

	waitpid $pid, 0;
	my ($code, $killed) = ($? >> 8, $? & 127);
	my $out = slurp("$output.$n");
	note_secret($_) for $out =~ /$TOKEN/g;
	return { code => $code, killed => $killed,
		json => scalar eval { $json->decode($out) },
		err => slurp("$output.$n.err") };
}

# One change of a token, behind --if-rev: the words, and what it makes of the
# record.
sub change {
	my ($id, $rev, $n) = @_;

	my @guard = ('--if-rev', $rev);
	my $kind = int rand 10;
	return { words => ['delete', $id, @guard], dies => 1 } if $kind == 0;
	return { words => ['reissue', $id, @guard,
		$kind < 3 ? ('--overlap', '1h') : ()], reissue => 1 } if $kind < 5;
	my $channel = "c$n-" . int rand 1000;
	return { words => ['edit', $id, @guard, '--name', "n$channel",
		'--resource', "$channel:read", $kind < 7 ? '--reissue' : ()],
		reissue => $kind < 7, name => "n$channel",
		resources => { $channel => 'read' } };
}

# The record as a change leaves it.
sub after {
	my ($record, $change) = @_;

	my %after = (%$record, rev => $record->{rev} + 1);
	for my $key ('name', 'resources') {
		$after{$key} = $change->{$key} if $change->{$key};
	}
	return \%after;
}

# Without what a deletion or a re-issue adds by itself.
sub core {
	my ($record) = @_;
	my %core = %$record;
	delete @core{qw(deleted supersedes)};
	return \%core;
}

sub audit_of {
	my ($id) = @_;
	return grep { ($_->{id} // '') eq $id } map { { @{ $_->[1] } } }
		@{ $redis->command('XRANGE', 'psm:audit', '-', '+') };
}

# Runs `count` changes at once; kills some of those that a sub says.
sub race {
	my ($count, $kill, $id, $rev) = @_;

	my @changes = map { change($id, $rev, $_) } 1 .. $count;
	my @pids = map { begin($_, @{ $changes[$_ - 1]{words} }) } 1 .. $count;
	for my $pid ($kill ? @pids : ()) {
		sleep rand(0.008);
		kill 'KILL', $pid if rand() < 0.6;
	}
	$changes[$_ - 1]{got} = end($pids[$_ - 1], $_) for 1 .. $count;
	return @changes;
}

sub new_token_id {
	my ($id) = new_id_of('--resource', 'main:read', '--owner', 'al');
	return $id;
}

subtest 'one winner for each rev' => sub {
	my ($rounds, @bad) = (0);
	my $id = new_token_id();
	for my $round (1 .. 40) {
		my $before = record_of($id);
		my @changes = race(4, 0, $id, $before->{rev});
		my @won = grep { $_->{got}{code} == 0 } @changes;
		my @lost = grep { $_->{got}{code} == 1
			&& $_->{got}{err} =~ /now, not $before->{rev}|was deleted at/ }
			@changes;
		my $now = record_of($id);
		push @bad, "round $round: " . @won . ' won, ' . @lost . ' lost: '
			. join '', map { $_->{got}{err} } @changes
			if @won != 1 || @lost != 3;
		my $wanted = after(core($before), $won[0] // {});
		push @bad, "round $round: " . $json->encode([core($now), $wanted])
			if $json->encode(core($now)) ne $json->encode($wanted);
		push @bad, "round $round: shows another rev"
			if @won && !$won[0]{dies} && $won[0]{got}{json}{rev} != $now->{rev};
		my $token = @won ? $won[0]{got}{json}{token} : undef;
		push @bad, "round $round: the string is not the one that was shown"
			if $token && $redis->command('GET', "psm:i:$id")
				ne token_digest($token);
		$rounds++;
		$id = new_token_id() if $now->{deleted};
	}
	is_deeply(\@bad, [], "T109 $rounds rounds (PSM_SEED=$seed)");
	is_deeply([index_problems($redis)], [], 'records and indexes agree');
};

subtest 'killed at any moment' => sub {
	my ($killed, $unknown, @bad) = (0, 0);
	my $id = new_token_id();
	for my $round (1 .. 60) {
		my $before = record_of($id);
		my $entries = audit_of($id);
		my @changes = race(3, 1, $id, $before->{rev});
		$killed += grep { $_->{got}{killed} } @changes;
		my $now = record_of($id);
		my @won = grep { !$_->{got}{killed} && $_->{got}{code} == 0 } @changes;
		my $made = audit_of($id) - $entries;
		push @bad, "round $round: " . @won . " won, $made made, rev "
			. "$before->{rev} to $now->{rev}"
			if @won > 1 || @won > $made || $made > 1
				|| $now->{rev} != $before->{rev} + $made;
		# Whoever it was: the record is what one of them makes.
		my @could = (@won ? @won : $made
			? grep { $_->{got}{killed} } @changes : ());
		$unknown++ if !@won && $made;
		my $is = $json->encode(core($now));
		push @bad, "round $round: nobody makes $is" if !grep { $is eq $_ }
			$made ? map { $json->encode(after(core($before), $_)) } @could
				: $json->encode(core($before));
		my @wrong = index_problems($redis);
		push @bad, "round $round: @wrong" if @wrong;
		$id = new_token_id() if $now->{deleted};
	}
	is_deeply(\@bad, [], "T109 nothing is half made (PSM_SEED=$seed)");
	cmp_ok($killed, '>', 10, "$killed were killed, $unknown of them behind "
		. 'their change');
};

# Without --if-rev all get through, one after the other.
subtest 'all of them, without a guard' => sub {
	my $id = new_token_id();
	my (@bad, %count);
	for my $round (1 .. 10) {
		my $before = record_of($id);
		my @pids = map { begin($_, 'edit', $id, '--name', "r$round-$_") } 1 .. 4;
		my @got = map { end($pids[$_ - 1], $_) } 1 .. 4;
		push @bad, "round $round: $_->{err}" for grep { $_->{code} } @got;
		my $now = record_of($id);
		push @bad, "round $round: rev $now->{rev}"
			if $now->{rev} != $before->{rev} + 4;
		push @bad, "round $round: name $now->{name}"
			if $now->{name} !~ /^r$round-[1-4]\z/;
	}
	is_deeply(\@bad, [], 'T109 each counts once');
	my @audit = audit_of($id);
	my $name = 'x';
	for my $entry (@audit[1 .. $#audit]) {
		push @bad, $entry->{before}
			if $json->decode($entry->{before})->{name} ne $name;
		$name = $json->decode($entry->{after})->{name};
	}
	is_deeply(\@bad, [], 'and the audit is one chain');
	is($name, record_of($id)->{name}, 'that ends in what is stored');
	is_deeply([index_problems($redis)], [], 'records and indexes agree');
};

finish();
