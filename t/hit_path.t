#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# A request that the worker can answer from what it knows takes nothing from
# the heap and no lock (design.md section 8): counted, call by call, by a
# preloaded library. What nginx and OpenSSL do on their own account does not
# count.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Process qw(slurp);
use Test::More;

my $counter = $ENV{PSM_COUNTER} // "$PSM::Gate::REPO/build/count_calls.so";
plan(skip_all => 'a sanitizer has its own malloc') if $ENV{PSM_PRELOAD};
plan(skip_all => 'valgrind has its own malloc') if $ENV{PSM_VALGRIND};

my $t = PSM::Gate->new(name => 'hit path');
$t->start_redis;
$t->file("$_/noarch/repodata.json", "{}\n") for qw(main open secret main/dev);
$t->write_conf(<<'EOC');
# No PING of the invalidation stream while calls are counted.
psm_token_cache max=1000 valid=1h negative=1h lease=10m;
keepalive_requests 100000;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
}
EOC
my $counts = $t->private_file('counts', "\0" x 24);
{
	local @ENV{qw(LD_PRELOAD PSM_COUNT_FILE)} = ($counter, $counts);
	$t->start_nginx;
}

# [allocations, frees, locks] so far.
sub counts { return unpack 'Q3', slurp($counts) }

sub grown {
	my ($sub) = @_;
	my @before = counts();
	$sub->();
	my @after = counts();
	return map { $after[$_] - $before[$_] } 0 .. 2;
}

# How often Redis was asked for INFO, before this time.
sub infos {
	return $t->redis('INFO', 'commandstats') =~ /cmdstat_info:calls=(\d+)/
		? $1 : 0;
}

my $resource = $t->add_token(resources => { main => 'read', open => 'read' });
my $scope = $t->add_token(scopes => ['artifact:download', 'artifact:create'],
	channels => ['main']);
my $expired = $t->add_token(resources => { main => 'read' }, expires => time - 9);
my $unknown = $t->unknown_token;
$t->set_channel('open', 'public');

my $file = 'noarch/repodata.json';
my @hits = (
	# what, path, headers, status
	['a token in the path', "/t/$resource/main/$file", [], 200],
	['a subchannel', "/t/$resource/main/dev/$file", [], 200],
	['a token in a header', "/main/$file", ['X-Auth', $resource], 200],
	['Bearer', "/main/$file", ['Authorization', "Bearer $resource"], 200],
	['a scope token', "/t/$scope/main/$file", [], 200],
	['a public channel', "/t/$resource/open/$file", [], 200],
	['nobody, a public channel', "/open/$file", [], 200],
	['an encoded path', "/t/$resource/main/%6eoarch/repodata.json", [], 200],
);
my @denials = (
	['nobody', "/secret/$file", [], 401],
	['a channel not granted', "/t/$resource/secret/$file", [], 403],
	['an expired token', "/t/$expired/main/$file", [], 401],
	['an unknown token', "/t/$unknown/main/$file", [], 401],
	['a malformed token', "/t/junk/main/$file", [], 401],
);

# The first request of each is a look-up, which takes memory: the count can
# tell.
my @first = grown(sub {
	answer_is($t->get("/t/$resource/main/$file"), 200, undef, 'a miss');
});
cmp_ok($first[0], '>', 0, "a miss allocates: $first[0] times");

# The gate asks each second whether Redis is still the master, and that takes
# memory: where it came in between, the rounds are run again.
my $rounds = 200;
for my $case (@hits, @denials) {
	my ($name, $path, $headers, $status) = @$case;
	my $socket = $t->connect;
	my $ask = sub {
		my $r = $t->http('GET', $path, headers => $headers, sock => $socket);
		return $r->{status};
	};
	my (%seen, @grown);
	for (1 .. 20) {
		my $infos = infos();
		$ask->() for 1 .. 2;
		%seen = ();
		@grown = grown(sub { $seen{ $ask->() }++ for 1 .. $rounds });
		last if infos() == $infos + 1;
	}
	is_deeply(\%seen, { $status => $rounds }, "$name: $rounds x $status");
	is_deeply(\@grown, [0, 0, 0],
		'  no allocation, no free, no lock of ours');
}

$t->finish;
