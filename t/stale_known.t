#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# stale=: what Redis has said since the stream was lost cannot be remembered, but
# it is known. A token that was seen to be revoked is not served as it was
# before when Redis fails; one that was seen to be as before still is.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(cache_is until_status);
use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Process qw(wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'stale: known');
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');
my %records;
my ($revoked, $edited, $kept, $unasked) = map {
	$t->add_token(in => \%records, resources => { main => 'read' })
} 1 .. 4;
my $gone = $t->token_key($revoked);
my $other = $t->token_key($edited);

# well; then deaf: no stream, and two records have changed; then down.
$t->fake_redis(tracking => 1, records => \%records, script => sub {
	my ($client, $name, @args) = @_;

	my $mode = $client->mode;
	return $client->usual if $mode eq 'well';
	return $client->close
		if $client->{subscribed} || "$name $args[0]" eq 'CLIENT TRACKING';
	if ($name eq 'GET') {
		return $client->close if $mode eq 'down';
		return $client->bulk(undef) if $args[0] eq $gone;
		return $client->bulk($records{$other} =~ s/"main"/"elsewhere"/r)
			if $args[0] eq $other;
	}
	$client->usual;
});
$t->{fake}->mode('well');
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=2s connect_timeout=2s;
psm_token_cache valid=1h lease=2s stale=1h;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache $psm_token_cache always;
}
EOC
$t->start_nginx;

sub ask { return $t->get("/t/$_[0]/$file") }

sub cache { return $t->header(ask($_[0]), 'X-Cache') }

for my $token ($revoked, $edited, $kept, $unasked) {
	is(until_status(sub { ask($token) }, 200)->{status}, 200, 'a token');
	ok(wait_for(sub { cache($token) eq 'HIT' }, 10), '  a HIT');
}

$t->{fake}->mode('deaf');
ok(wait_for(sub { cache($kept) eq 'MISS' }, 20), 'the lease ends');
answer_is(ask($revoked), 401, 'token_unknown', 'one is revoked');
answer_is(ask($edited), 403, 'channel_not_granted', 'one has another grant');
is(ask($kept)->{status}, 200, 'one is as before');

$t->{fake}->mode('down');
cache_is($t, ask($kept), 200, 'STALE', 'Redis fails: the one as before');
cache_is($t, ask($unasked), 200, 'STALE', '  one that was not asked for');
answer_is(ask($revoked), 503, 'store_unavailable', '  not the one that is gone');
answer_is(ask($edited), 503, 'store_unavailable', '  nor the old grant');

$t->finish;
