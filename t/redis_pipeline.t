#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Commands that come together leave together: the kernel of the fake Redis'
# side counts the segments that arrived.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(answers_of);
use PSM::Gate;
use PSM::Http qw(format_request);
use PSM::Journal;
use Socket qw(IPPROTO_TCP);
use Test::More;
use Time::HiRes qw(sleep);

use constant TCP_INFO => 11;
use constant DATA_SEGMENTS_IN => 152;    # where in struct tcp_info

# Segments with data that came in on a socket.
sub segments {
	my ($socket) = @_;

	my $info = getsockopt $socket, IPPROTO_TCP, TCP_INFO;
	return if !defined $info || length $info < DATA_SEGMENTS_IN + 4;
	return unpack 'L', substr $info, DATA_SEGMENTS_IN, 4;
}

my $t = PSM::Gate->new(name => 'pipeline');
my %records;
my $deep = 'a/b/c/d/e/f/g/h';
my @tokens = map {
	$t->add_token(in => \%records, resources => { a => 'read' })
} 1 .. 40;
$t->file("$deep/noarch/repodata.json", '{}');

# Each command as [its number on the connection, segments until then].
my $counts = PSM::Journal->new($t->dir . '/private/segments');
$t->fake_redis(tcp => 1, records => \%records, script => sub {
	my ($client) = @_;
	$counts->add([$client->calls, segments($client->{socket})]);
	$client->usual;
});
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
}
EOC
$t->start_nginx;

sub path_of { return "/t/$_[0]/$deep/noarch/repodata.json" }

sub last_count { return @{ ($counts->entries)[-1] } }

is($t->get('/')->{status}, 401, 'nginx answers');
PSM::Process::wait_for(sub { $counts->entries }, 5);
plan skip_all => 'this kernel does not count segments'
	if !defined((last_count())[1]);

sub gets { return scalar(() = $t->{fake}->commands('GET')) }

is($t->get(path_of(shift @tokens))->{status}, 200, 'a path of eight channels');
my $segments = (last_count())[1];
is(gets(), 9, 'needs nine look-ups');
is($segments, 2, 'that came in one segment, after that of the greeting');

# Many requests in one turn of the event loop.
my ($worker) = $t->workers;
my @sockets = map { $t->connect } @tokens;
sleep 0.3;    # they are accepted
kill 'STOP', $worker;
$t->send($sockets[$_], format_request('GET', path_of($tokens[$_])))
	for 0 .. $#tokens;
sleep 0.1;
kill 'CONT', $worker;
is(scalar(grep { $_->{status} == 200 } answers_of($t, @sockets)),
	scalar @tokens, 'many requests at once');
is(gets() - 9, scalar @tokens, 'one look-up each: the channels are known');
my $more = (last_count())[1] - $segments;
cmp_ok($more, '<=', 4, 'came in very few segments') or diag("segments: $more");

is(scalar(grep { $_->[0] != 1 } $t->{fake}->commands), 0,
	'all on one connection');
$t->finish;
