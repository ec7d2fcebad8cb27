#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# A node of a Cluster answers each key with another slot, and perhaps another
# node: the log says once that a Cluster is not supported, and is not filled by
# whoever asks for many tokens.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(log_count);
use PSM::Check qw(answer_is);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'outage: cluster');
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');
$t->fake_redis(sub {
	my ($client, $name, $key) = @_;

	return $client->usual if $name ne 'GET';
	my $slot = unpack('%32C*', $key) % 16384;
	return $client->send('-' . ($slot % 3 ? 'MOVED' : 'ASK')
		. " $slot 127.0.0.1:7000\r\n");
});
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=5s connect_timeout=5s;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
}
EOC
$t->start_nginx;

my %status;
for (1 .. 60) {
	$status{ $t->get('/t/' . $t->unknown_token . "/$file")->{status} }++;
}
is_deeply(\%status, { 503 => 60 }, 'each is an outage');
for my $kind (qw(MOVED ASK)) {
	cmp_ok(log_count($t, qr/with: .*$kind .*Cluster is not supported yet/), '<', 4,
		"the log does not say $kind each time");
	cmp_ok(log_count($t, qr/with: .*$kind .*Cluster is not supported yet/), '>', 0,
		'  but it does');
}
$t->finish;
