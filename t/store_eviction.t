#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T90: a Redis that is told to forget (maxmemory with allkeys-lru) refuses
# tokens: what was evicted is unknown, what is there counts, and nothing is let
# in for it. A full one that is told not to forget still answers the gate.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is code_of);
use PSM::Flood qw(scaled tokens);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'eviction');
$t->start_redis;
my $file = 'noarch/repodata.json';
$t->file("$_/$file", '{}') for qw(main secret open open/inner);
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=10s connect_timeout=10s;
psm_token_cache off;
server { listen %%LISTEN%%; root %%ROOT%%; psm_token on; }
EOC
$t->start_nginx;

sub path_of { return "/t/$_[0]/" . ($_[1] // 'main') . "/$file" }

sub info { return $t->redis('INFO', 'all') =~ /^$_[0]:(\d+)/m ? $1 : 0 }

my $record = '{"v":1,"id":"6f9d4a52-1111-4222-8333-944445555666","rev":1,'
	. '"name":"x","owner":"y","type":"resource","resources":{"main":"read"},'
	. '"created":1790000000,"desc":"' . 'd' x 1000 . '"}';

# ---- it forgets ----

$t->redis(qw(CONFIG SET maxmemory-policy allkeys-lru));
$t->redis(qw(CONFIG SET maxmemory), info('used_memory') + 400_000);
my @tokens = tokens(scaled(1000) < 500 ? 500 : 1000);
$t->redis('SET', $t->token_key($_), $record) for @tokens;
my $evicted = info('evicted_keys');
cmp_ok($evicted, '>', 50, "T90 Redis has evicted $evicted of " . @tokens);

# It may evict while it is read, so look before and after.
my (%seen, @wrong);
for my $token (@tokens) {
	my $key = $t->token_key($token);
	my $before = $t->redis('EXISTS', $key);
	my $r = $t->get(path_of($token));
	my $after = $t->redis('EXISTS', $key);
	my $got = join ' ', $r->{status}, code_of($r);
	$seen{$got}++;
	push @wrong, "$got, there: $before, $after"
		if !($got eq '200 ' && $before || $got eq '401 token_unknown' && !$after);
	push @wrong, 'let in elsewhere'
		if $t->get(path_of($token, 'secret'))->{status} == 200;
}
is_deeply(\@wrong, [], 'T90 who is there is served, who is not is unknown');
is(join(', ', sort keys %seen), '200 , 401 token_unknown', '  both there were')
	or diag(explain \%seen);
answer_is($t->get("/main/$file"), 401, 'token_missing',
	'T90 and nobody is let in for it');

# A channel without a record is as private as the one above it, so that this is
# what eviction would do to a channel that is closed inside an open one.
$t->redis(qw(CONFIG SET maxmemory 0));
$t->set_channel('open', 'public');
$t->set_channel('open/inner', 'private');
answer_is($t->get("/open/inner/$file"), 401, 'token_missing',
	'T90 a private channel inside a public one');
$t->redis('DEL', 'psm:c:open/inner');
is($t->get("/open/inner/$file")->{status}, 200,
	'  is public when its record is lost (README: noeviction)');

# ---- it is full ----

my $good = $t->add_token(resources => { main => 'read' });
$t->redis(qw(CONFIG SET maxmemory-policy noeviction));
$t->redis(qw(CONFIG SET maxmemory 1));
ok(!eval { $t->redis('SET', 'x', 'y'); 1 }, 'T90 Redis is full');
like($@, qr/OOM/, '  and says so');
is($t->get(path_of($good))->{status}, 200, '  the gate reads all the same');
answer_is($t->get(path_of($t->unknown_token)), 401, 'token_unknown',
	'  and knows who is not there');
my $made = $t->cli('create', '--name', 'x', '--resource', 'main:read');
is($made->{exit}, 2, '  psm-token cannot make a token');
unlike($made->{out}, qr/psm-\w{42}/, '  and shows none');
$t->redis(qw(CONFIG SET maxmemory 0));

$t->finish;
