# SPDX-License-Identifier: BSD-2-Clause
#
# The end of every test: all processes ended, then what must hold of any run
# of the gate.

package PSM::Teardown;

use strict;
use warnings;

use File::Find ();
use Test::More;

use PSM::Process qw(slurp);

sub stop_all {
	my ($test) = @_;

	$test->{nginx}->stop;
	$_->stop for grep { defined } $test->{fake}, @{ $test->{upstreams} };
	$test->{redis}->stop if $test->{redis};
}

sub check {
	my ($test) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$test->{nginx}->stop;
	$test->{redis}->settle if $test->{redis};
	my @leaks = leaks($test);
	stop_all($test);

	my $exit = $test->{nginx}->exit_status;
	ok(!$exit, 'nginx ended by itself, with 0') or diag("exit: $exit");
	_nothing('no alert in the error log', alerts($test));
	_nothing('no sanitizer report, no core', _crashes($test));
	_nothing('no token anywhere', @leaks);
}

sub _nothing {
	my ($name, @found) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(!@found, $name) or diag(map { "  $_\n" } @found);
}

sub alerts {
	my ($test) = @_;

	my @expected = @{ $test->{expected_log} };
	return grep {
		my $line = $_;
		!grep { $line =~ $_ } @expected;
	} grep { /\[(?:alert|crit|emerg)\]/ }
		split /\n/, slurp("$test->{dir}/logs/error.log");
}

sub _crashes {
	my ($test) = @_;

	my @found;
	for my $file (glob "$test->{dir}/logs/*") {
		my $text = slurp($file);
		push @found, ($file =~ s{.*/}{}r) . ': ' . substr $text, $-[0], 3000
			if $text =~ /Sanitizer|runtime error:/;
	}
	for my $file (glob "$test->{dir}/logs/valgrind.*") {
		my $text = slurp($file);    # quiet: it has lines only for errors
		push @found, ($file =~ s{.*/}{}r) . ': ' . substr $text, 0, 6000
			if length $text;
	}
	return @found, map { "core file $_" } glob "$test->{dir}/core*";
}

# ---------------------------------------------------------------- oracle ---

# Every text to search, as [where, text].
sub _places {
	my ($test) = @_;

	my @places;
	File::Find::find({ no_chdir => 1, wanted => sub {
		return if $File::Find::name eq $test->{dir};
		my $name = substr $File::Find::name, 1 + length $test->{dir};
		if ($name =~ m{^(?:html|private|redis|fake|nginx\.conf)}) {
			$File::Find::prune = 1;
			return;
		}
		push @places, [$name =~ s{^logs/}{}r, slurp($File::Find::name)]
			if -f $File::Find::name;
	} }, $test->{dir});
	for my $upstream (@{ $test->{upstreams} }) {
		push @places, ["upstream $upstream->{number}",
			join "\n", $upstream->requests];
	}
	if ($test->{fake}) {
		push @places, ['redis monitor', join "\n",
			map { join ' ', @$_ } $test->{fake}->commands];
	}
	if ($test->{redis}) {
		push @places, ['redis monitor', $test->{redis}->monitored];
		push @places, ['redis data', eval { $test->{redis}->dump_all } // ''];
		push @places, ['redis log', slurp("$test->{redis}{dir}/redis.log")];
	}
	for my $answer (@{ $test->{answers} }) {
		push @places, map { ["response header \L$_->[0]", $_->[1]] }
			@{ $answer->{headers} };
		push @places, ['response reason', $answer->{reason}],
			['response body', $answer->{body}];
	}
	return @places;
}

sub leaks {
	my ($test) = @_;

	my (@found, %oracles);
	for my $place (_places($test)) {
		my ($where, $text) = @$place;
		my $oracle = _oracle_for($test, $where, \%oracles) or next;
		push @found, map { "$where: $_" } $oracle->find($text);
	}
	my %seen;
	return grep { !$seen{$_}++ } @found;
}

# The oracle for one place: none where everything is allowed, one without the
# secrets that are allowed there. `made`: those of other places.
sub _oracle_for {
	my ($test, $where, $made) = @_;

	my @rules = grep {
		ref $_->[0] ? $where =~ $_->[0] : $where eq $_->[0];
	} @{ $test->{allowed_leaks} };
	return $test->{oracle} if !@rules;
	return if grep { !defined $_->[1] } @rules;
	my %allowed = map { $_->[1] => 1 } @rules;
	return $made->{join "\0", sort keys %allowed} //= do {
		my $oracle = PSM::Oracle->new;
		$oracle->add(grep { !$allowed{$_} } keys %{ $test->{oracle}{secrets} });
		$oracle;
	};
}

1;
