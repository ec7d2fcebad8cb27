#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Anyone may ask for any name. Names that no channel can have cost no command
# to Redis; those that one could have cost one each, are remembered in a place
# of their own, and push nothing out that is real.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(all_at_once answers_of gets_of);
use PSM::Check qw(answer_is lookups lookups_are);
use PSM::Gate;
use PSM::Process qw(wait_for);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'anonymous names');
$t->start_redis;
$t->file("$_/noarch/repodata.json", '{}') for qw(open main);
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
psm_token_cache max=10 valid=1h negative=1h;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache $psm_token_cache always;
}
EOC
$t->set_channel('open', 'public');
$t->start_nginx;

my $token = $t->add_token(resources => { main => 'read' });
my $open = '/open/noarch/repodata.json';
my $good = "/t/$token/main/noarch/repodata.json";
is($t->get($open)->{status}, 200, 'a public channel');
is($t->get($good)->{status}, 200, 'a token');

# Nothing is remembered before the worker hears of changes.
wait_for(sub { $t->header($t->get($good), 'X-Cache') eq 'HIT' });
$t->get($open);
my @known = ('psm:c:open', $t->token_key($token));
my %asked = map { $_ => gets_of($t, $_) } @known;

# ---- names that no channel has ----

my $long = 'x' x 65;
my $deep = join '/', ('a') x 9;
for my $path (
	'/', '//', '/-x/noarch/f', '/.x/noarch/f', '/_x/noarch/f', '/x y/noarch/f',
	"/$long/noarch/f", "/$deep/noarch/f", '/%00/noarch/f', '/a%0d%0ab/noarch/f',
	'/a%22b/noarch/f', '/a*/noarch/f', '/a%5cb/noarch/f', '/a,b/noarch/f',
	'/%ff%fe/noarch/f', '/a:b/noarch/f', '/a@b/noarch/f', '/a%25b/noarch/f',
	'/simple/x/f', '/noarch/f', '/linux-64/repodata.json', '/a/-/noarch/f',
	'/a%24%7bb%7d/noarch/f', '/psm:c:open/noarch/f', '/a%0aGET%20x/noarch/f',
) {
	my $shown = $path =~ s/(?:x|a\/){20,}/.../r;
	lookups_are($t, 0, sub {
		my $r = $t->get($path =~ s/ /%20/gr);
		like($r->{status}, qr/^40[013]$/, "$shown is refused");
	}, "$shown: no look-up");
}
lookups_are($t, 0, sub {
	$t->http($_, '/made-up/noarch/f') for qw(PUT DELETE OPTIONS PATCH MKCOL);
}, 'what is no read needs no privacy');
lookups_are($t, 0, sub {
	$t->get('/t/*****/made-up/noarch/f');
	$t->get('/t/psm-nonsense/made-up/noarch/f');
}, 'nor does a token that is none');

# ---- names that a channel could have ----

answer_is($t->get('/made-up/noarch/f'), 401, 'token_missing', 'a made-up name');
lookups_are($t, 0, sub {
	$t->get('/made-up/noarch/f');
	$t->get('/made-up/linux-64/other');
	$t->get('/made-up/noarch/f?x=1');
}, 'is remembered, whatever is asked of it');
lookups_are($t, 3, sub { $t->get('/a/b/c/noarch/f') },
	'a path of three levels: three look-ups');
is(gets_of($t, 'psm:c:a/b/c'), 1, 'of whole paths');

# Answers do not tell what exists.
$t->set_channel('secret', 'private');
my ($there, $not) = map { $t->get("/$_/noarch/f") } qw(secret absent);
my @same = map {
	my $r = $_;
	$r->{body} =~ s/\b[0-9a-f]{32}\b/the request/gr
		. join "\n", map { "@$_" } grep { $_->[0] !~ /^Date$/i }
			@{ $r->{headers} };
} $there, $not;
is($same[0], $same[1], 'a private channel looks as one that does not exist');

# ---- many of them ----

my $before = lookups($t);
$t->get("/name-$_/noarch/f") for 1 .. 100;
cmp_ok(lookups($t) - $before, '<=', 100, '100 names: at most a look-up each');
is($t->get($open)->{status}, 200, 'the public channel is served');
is($t->header($t->get($good), 'X-Cache'), 'HIT', 'the token too');
is(gets_of($t, $_), $asked{$_}, 'and was asked for no more') for @known;

# ---- the same one, many times at once ----

$t->redis_server->pause;
my @sockets = all_at_once($t, ('/crowd/noarch/f') x 100);
sleep 0.3;
$t->redis_server->resume;
my @answers = answers_of($t, @sockets);
is(scalar(grep { $_->{status} == 401 } @answers), 100, 'a crowd is refused');
is(gets_of($t, 'psm:c:crowd'), 1, 'with one look-up');

# ---- more names at once than may wait ----

$t->redis_server->pause;
@sockets = all_at_once($t, map { "/flood-$_/noarch/f" } 1 .. 1100);
sleep 0.3;
$t->redis_server->resume;
my %seen;
$seen{ $_->{status} }++ for answers_of($t, @sockets);
is($seen{401}, 1024, 'as many as may wait are answered');
is($seen{503}, 76, 'the others at once, with 503');
is($t->get($open)->{status}, 200, 'and the gate goes on');

$t->finish;
