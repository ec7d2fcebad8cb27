#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Anonymous requests for names that somebody made up: an ungrammatical one
# causes no Redis traffic, a grammatical one one look-up, and no more while it
# is remembered as absent.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(gets_of);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'anonymous names');
$t->start_redis;
$t->set_channel('pub', 'public');
$t->file('pub/noarch/repodata.json', '{}');
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
psm_token_cache max=100 negative=1h;
server { listen %%LISTEN%%; root %%ROOT%%; psm_token on; }
EOC
$t->start_nginx;

sub commands {
	$t->redis_server->settle;
	return scalar grep { /"GET" "psm:/ } split /\n/,
		$t->redis_server->monitored;
}

is($t->get('/pub/noarch/repodata.json')->{status}, 200, 'a public channel');
my $before = commands();

for my $path (
	'/', '/-x/noarch/repodata.json', '/a%20b/noarch/repodata.json',
	'/' . 'x' x 65 . '/noarch/repodata.json', '/noarch/repodata.json',
	'/a/b/c/d/e/f/g/h/i/noarch/repodata.json', '/a/t/b/noarch/x.conda',
	'/a%25/noarch/x.conda', '/a/../../x%5Cy/noarch/x.conda',
) {
	next if $path =~ m{/\.\./\.\.};    # nginx refuses it by itself
	is($t->get($path)->{status}, 401, "$path: 401");
}
for my $method (qw(PUT POST DELETE PATCH OPTIONS)) {
	my $r = $t->http($method, '/made-up/noarch/x.conda',
		headers => ['Content-Length' => 0]);
	is($r->{status}, 401, "$method of a made-up channel: 401");
}
is($t->get('/t/psm-nonsense/made-up/noarch/x.conda')->{status}, 401,
	'a malformed token');
is(commands(), $before, 'and none of them reached Redis');

my $name = 'made-up-1';
is($t->get("/$name/noarch/repodata.json")->{status}, 401, 'a made-up name')
	for 1 .. 20;
is(gets_of($t, "psm:c:$name"), 1, 'twenty requests, one look-up');

# The memory of what is absent is bounded, and does not push out what exists.
for my $i (1 .. 300) {
	$t->get("/made-up-$i/noarch/repodata.json");
}
my $known = gets_of($t, 'psm:c:pub');
is($t->get('/pub/noarch/repodata.json')->{status}, 200,
	'the public channel after 300 made-up ones');
is(gets_of($t, 'psm:c:pub'), $known, 'is still remembered');
$t->get("/$name/noarch/repodata.json");
is(gets_of($t, "psm:c:$name"), 2, 'the first made-up one is not');

$t->finish;
