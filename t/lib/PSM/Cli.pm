# SPDX-License-Identifier: BSD-2-Clause
#
# A test of psm-token with a private Redis.
#
#	my $redis = start();
#	my $got = run('list');              # {code, out, err}
#	finish();
#
# finish also asserts that no token that was made is to be found in Redis (or
# in those it is given) or in what was sent to it, stops it and them, and does
# done_testing.

package PSM::Cli;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use JSON::PP;
use POSIX ();
use Test::More;

use PSM::Process qw(slurp);
use PSM::Redis;

our @EXPORT_OK = qw(start folder program run run_json refused new_id_of
	note_secret finish $UUID $TIME $TOKEN);
our %EXPORT_TAGS = (all => \@EXPORT_OK);

our $UUID = qr/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;
our $TIME = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/;
our $TOKEN = qr/psm-[0-9A-Za-z]{42}/;

my $repo = abs_path(dirname(__FILE__) . '/../../..');
my $cli = $ENV{PSM_TOKEN_CLI} // $ENV{PSM_CLI} // "$repo/build/psm-token";
my ($dir, $redis, %secret);

sub start {
	BAIL_OUT("no $cli: run `make build`") if !-x $cli;
	delete @ENV{qw(PSM_URL PSM_TOKEN_REDIS)};
	$dir = tempdir('psm-cli-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	return $redis = PSM::Redis->start(dir => "$dir/redis");
}

sub folder { return $dir }

sub program { return $cli }

# A token that must not be seen in Redis; those that run() prints are known.
sub note_secret { $secret{$_[0]} = 1 }

# Words, then optionally {stdin, env, redis}.
sub run {
	my $arg = ref $_[-1] ? pop : {};
	my @words = @_;

	my $address = exists $arg->{redis} ? $arg->{redis} : $redis->address;
	my %env = (defined $address ? (PSM_TOKEN_REDIS => $address) : (),
		%{ $arg->{env} // {} });
	open my $in, '>:raw', "$dir/stdin" or die "$dir/stdin: $!";
	print $in $arg->{stdin} // '';
	close $in;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', "$dir/stdin" or POSIX::_exit(126);
		open STDOUT, '>', "$dir/stdout" or POSIX::_exit(126);
		open STDERR, '>', "$dir/stderr" or POSIX::_exit(126);
		%ENV = (%ENV, %env);
		exec { $cli } $cli, @words or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	my %got = (code => $? & 127 ? "signal $?" : $? >> 8,
		out => slurp("$dir/stdout"), err => slurp("$dir/stderr"));
	note_secret($_) for $got{out} =~ /$TOKEN/g;
	return \%got;
}

# Runs with --json and decodes what came out.
sub run_json {
	my $got = run('--json', @_);
	$got->{json} = eval { JSON::PP->new->utf8->decode($got->{out}) };
	return $got;
}

# Asserts exit 2, words on stderr that match the patterns, and no change.
sub refused {
	my ($name, $words, @patterns) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $before = $redis->dump_all;
	my $got = run(@$words);
	is($got->{code}, 2, "$name: exit 2");
	like($got->{err}, $_, "$name: says $_") for @patterns;
	is($got->{out}, '', "$name: nothing on stdout");
	is($redis->dump_all, $before, "$name: nothing changed");
}

# ID and text of a new token with these options.
sub new_id_of {
	my $got = run_json('create', '--name', 'x', @_);
	return @{ $got->{json} }{qw(id token)};
}

sub finish {
	my @all = ($redis, @_);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $text = '';
	for my $server (@all) {
		$server->settle;
		$text .= $server->dump_all if $server->alive;
		$text .= $server->monitored;
		$server->stop;
	}
	my @found = grep { index($text, $_) >= 0
		|| index($text, substr $_, 4, 12) >= 0 } keys %secret;
	is(scalar @found, 0, 'no token is in Redis or was sent to it');
	done_testing;
}

1;
