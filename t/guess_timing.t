#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T72: the time of an answer does not tell how near a guess was. What is
# looked for is the digest of the whole token, so that nothing is compared
# character by character with a secret (t/unit/digest_test.cpp). Here two
# kinds of guess are timed by turns and told apart as well as a Mann-Whitney
# test can: the result is a note, and a failure only when it is gross, since
# machines are busy.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(code_of);
use PSM::Flood qw(flood scaled tokens);
use PSM::Gate;
use PSM::Http qw(format_request);
use PSM::Process qw(wait_for);
use Test::More;
use Time::HiRes qw(time);

my $t = PSM::Gate->new(name => 'guess timing');
$t->start_redis;
my $file = 'noarch/repodata.json';
$t->file("main/$file", '{}');
$t->write_conf(<<'EOC');
psm_token_cache max=10000 valid=1h negative=1h;
keepalive_requests 1000000;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache $psm_token_cache always;
}
EOC
my $good = $t->add_token(resources => { main => 'read' });
$t->start_nginx;

sub path_of { return "/t/$_[0]/main/$file" }

ok(wait_for(sub {
	($t->header($t->get(path_of($good)), 'X-Cache') // '') eq 'HIT';
}, 10), 'the token is known to the worker');

# How often a value of the first list is the greater one, ties half: 0.5 when
# nothing tells them apart. That is U / (n * m).
sub share_above {
	my ($x, $y) = @_;

	my @all = sort { $a->[0] <=> $b->[0] } (map { [$_, 1] } @$x),
		map { [$_, 0] } @$y;
	my ($below, $sum) = (0, 0);
	for (my $at = 0; $at < @all;) {
		my ($end, $of_x, $of_y) = ($at, 0, 0);
		while ($end < @all && $all[$end][0] == $all[$at][0]) {
			$all[$end++][1] ? $of_x++ : $of_y++;
		}
		$sum += $of_x * ($below + $of_y / 2);
		$below += $of_y;
		$at = $end;
	}
	return $sum / (@$x * @$y);
}

is(share_above([3, 4], [1, 2]), 1, 'the statistic: all above');
is(share_above([1, 2], [3, 4]), 0, 'the statistic: all below');
is(share_above([1, 2, 3], [1, 2, 3]), 0.5, 'the statistic: the same');

my $socket = $t->connect;

# The microseconds until the answer.
sub timed {
	my ($token) = @_;

	my $request = format_request('GET', path_of($token), [], undef, 1);
	my $begin = time;
	$t->send($socket, $request);
	my $r = PSM::Http::receive($socket, 'GET');
	my $took = (time - $begin) * 1e6;
	die "answer: $r->{status} " . code_of($r) if $r->{status} != 401;
	return int $took;
}

# Both are asked for before, so that each answer comes from memory.
sub compare {
	my ($name, $near, $far) = @_;

	flood($t, [map { path_of($_) } @$near, @$far]);
	my @took = ([], []);
	my @tokens = map { [0, $near->[$_]], [1, $far->[$_]] } 0 .. $#$near;
	for my $round (1 .. 6) {
		for my $n (0 .. $#tokens) {
			# By turns, each as often the first of a pair.
			my ($kind, $token) = @{ $tokens[$n ^ $round & 1] };
			push @{ $took[$kind] }, timed($token);
		}
	}
	my $n = @{ $took[0] };
	my $share = share_above(@took);
	my $z = ($share - 0.5) * sqrt(6 * $n / (1 + 1 / (2 * $n)));
	note(sprintf 'T72 %s: %d of each, P(near > far) %.3f, z %.1f',
		$name, $n, $share, $z);
	cmp_ok(abs($share - 0.5), '<', 0.25, "T72 $name: nothing gross");
}

my $n = scaled(500);
compare('all but the last two characters of the secret are right',
	[grep { $_ ne $good } tokens($n, with => substr $good, 0, 38)], [tokens($n)]);
compare('half of it is right',
	[tokens($n, with => substr $good, 0, 22)], [tokens($n)]);

# The checksum is no secret; it is looked at as a whole all the same.
my @spoiled = map {
	my $at = $_;
	[map { my $text = $_; substr($text, $at, 1) =~ tr/0-9A-Za-z/1-9A-Za-z0/; $text }
		tokens($n)];
} 40, 45;
compare('the first or the last digit of the checksum is wrong', @spoiled);

close $socket;
$t->secret($good);
$t->finish;
