#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# A revocation reaches every worker through its invalidation stream, long
# before `valid` ends: so do a change of a token, a token that comes to be, and
# the privacy of a channel.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(cache_is gets_of until_status);
use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Process qw(wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'revoke', workers => 2);
$t->start_redis;
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');
# Each worker has a port of its own, so that a test can ask it.
$t->write_conf(<<'EOC');
psm_token_cache max=1000 valid=1h negative=1h lease=20s;
server {
	listen %%LISTEN%% reuseport;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache $psm_token_cache always;
	add_header X-Pid $pid always;
}
EOC
$t->start_nginx;

sub ask { return $t->get("/t/$_[0]/$file") }

sub subscribers {
	return scalar grep { / flags=tP / || / flags=Pt / || / sub=1 / }
		split /\n/, $t->redis('CLIENT', 'LIST');
}

ok(wait_for(sub { subscribers() == 2 }, 10), 'each worker has a stream');

# Until both workers have answered from their caches.
sub warm {
	my ($token) = @_;

	my %hits;
	wait_for(sub {
		my $r = ask($token);
		$hits{ $t->header($r, 'X-Pid') }++
			if $t->header($r, 'X-Cache') =~ /HIT|NEGATIVE/;
		keys %hits == 2;
	}, 20);
	return scalar keys %hits;
}

# What both workers answer, once each of them was asked.
sub answers {
	my ($token) = @_;

	my %status;
	wait_for(sub {
		my $r = ask($token);
		$status{ $t->header($r, 'X-Pid') } //= $r->{status};
		keys %status == 2;
	}, 20);
	return join ' ', sort values %status;
}

my $token = $t->add_token(resources => { main => 'read' });
is(warm($token), 2, 'both workers have it in their caches');
$t->revoke($token);
ok(wait_for(sub { answers($token) eq '401 401' }, 10),
	'both refuse it after its revocation');
answer_is(ask($token), 401, 'token_disabled', 'it');

my $deleted = $t->add_token(resources => { main => 'read' });
is(warm($deleted), 2, 'another one');
$t->redis('DEL', $t->token_key($deleted));
ok(wait_for(sub { answers($deleted) eq '401 401' }, 10), 'goes by DEL, too');
answer_is(ask($deleted), 401, 'token_unknown', 'it');

my $unknown = $t->unknown_token;
is(ask($unknown)->{status}, 401, 'not issued');
is(warm($unknown), 2, 'and remembered as such');
$t->add_token(token => $unknown, resources => { main => 'read' });
ok(wait_for(sub { answers($unknown) eq '200 200' }, 10),
	'works as soon as it is issued');

my $other = $t->add_token(resources => { other => 'read' });
is(ask($other)->{status}, 403, 'no grant');
$t->add_token(token => $other, resources => { main => 'read' });
ok(wait_for(sub { answers($other) eq '200 200' }, 10),
	'a grant that was added works');

sub anonymous { return $t->get("/$file")->{status} }

is(anonymous(), 401, 'a private channel') for 1 .. 20;
$t->redis('SET', 'psm:c:main', '{"v":1,"privacy":"public"}');
ok(wait_for(sub { !grep { anonymous() != 200 } 1 .. 20 }, 10),
	'opens when its record says so');
$t->redis('DEL', 'psm:c:main');
ok(wait_for(sub { !grep { anonymous() != 401 } 1 .. 20 }, 10),
	'and closes without it');

# An empty Redis.
my $last = $t->add_token(resources => { main => 'read' });
is(warm($last), 2, 'a token');
$t->redis('FLUSHALL');
ok(wait_for(sub { answers($last) eq '401 401' }, 10), 'goes with FLUSHALL');

$t->finish;
