#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The bad network of the other tests is as bad as it says: a real Redis is
# talked to through it, over TCP and a unix socket, on a connection that reads
# (data) and on one that subscribes (stream). What is delayed has half a second,
# what must not be there has two tenths, and what comes has ten seconds, so that
# a busy machine does not matter.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp qw(tempdir);
use IO::Select;
use PSM::FaultProxy;
use PSM::Process qw(wait_for);
use PSM::Redis;
use Test::More;
use Time::HiRes qw(sleep time);

my $dir = tempdir('psm-proxy-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $redis = PSM::Redis->start(dir => "$dir/redis");
$redis->command('SET', 'key', 'value');

my $proxy;

sub client {
	my $socket = $proxy->{tcp}
		? IO::Socket::INET->new(PeerAddr => '127.0.0.1',
			PeerPort => $proxy->{port})
		: IO::Socket::UNIX->new(Peer => $proxy->{socket});
	return $socket;
}

sub say_to { return syswrite $_[0], "$_[1]\r\n" }

# What comes until it matches, or the connection ends, or for `limit` seconds.
sub hear {
	my ($socket, $pattern, $limit) = @_;

	my ($text, $end) = ('', time + ($limit // 10));
	while ($text !~ $pattern) {
		my $left = $end - time;
		last if $left <= 0 || !IO::Select->new($socket)->can_read($left);
		sysread $socket, $text, 4096, length $text or return "$text(end)";
	}
	return $text;
}

my $get = "*2\r\n\$3\r\nGET\r\n\$3\r\nkey";
my $value = "\$5\r\nvalue\r\n";
my $subscribe = "*2\r\n\$9\r\nSUBSCRIBE\r\n\$1\r\nc";

sub both_kinds {
	my ($data, $stream) = (client(), client());
	say_to($data, $get);
	is(hear($data, qr/value\r\n/), $value, "$proxy->{name}: a reply comes");
	say_to($stream, $subscribe);
	like(hear($stream, qr/:1\r\n/), qr/subscribe/, '  a subscription too');
	return ($data, $stream);
}

sub comes {
	my ($data, $name) = @_;
	say_to($data, $get);
	return is(hear($data, qr/value\r\n/), $value, "  $name");
}

sub published {
	my ($stream, $limit) = @_;
	$redis->command('PUBLISH', 'c', 'news');
	return hear($stream, qr/news\r\n/, $limit);
}

sub kinds { return join ' ', sort map { $_->{kind} } $proxy->open_connections }

for my $tcp (0, 1) {
	$proxy = PSM::FaultProxy->start(dir => "$dir/proxy$tcp", tcp => $tcp,
		to => $redis->{socket}, name => $tcp ? 'TCP' : 'unix');
	my ($data, $stream) = both_kinds();
	my $new = client();
	ok(wait_for(sub { kinds() eq 'data new stream' }), '  kinds are known')
		or diag(kinds());
	is_deeply([map { $_->{commands} } $proxy->connections('data')], [['GET']],
		'  and what was asked');
	is_deeply([map { $_->{peer} } $proxy->connections('data')],
		[$tcp ? 0 : $$], '  and by whom');

	# Delay, per kind and direction.
	$proxy->rule(data => down => { delay => 500 });
	my $begin = time;
	say_to($data, $get);
	like(published($stream), qr/news/, '  the other kind is not delayed');
	is(hear($data, qr/value/, 0.2), '', '  a delayed reply is not there');
	is(hear($data, qr/value\r\n/), $value, '  it comes');
	cmp_ok(time - $begin, '>=', 0.5, '  after the delay');
	$proxy->rule(data => down => {});
	comes($data, 'no delay without the rule');

	# Hold: for those that are there, and for new ones.
	$proxy->rule(all => both => { hold => 1 });
	my $late = client();
	say_to($_, $get) for $data, $late;
	is(hear($_, qr/value/, 0.2), '', '  nothing comes through') for $data, $late;
	$redis->command('CLIENT', 'KILL', 'TYPE', 'pubsub');
	is(hear($stream, qr/./, 0.2), '', '  the end neither');
	$proxy->heal;
	is(hear($_, qr/value\r\n/), $value, '  then all of it') for $data, $late;
	is(hear($stream, qr/never/), '(end)', '  and the end');

	# One byte at a time: nine pauses before the last of ten.
	$proxy->rule(data => down => { slice => 60 });
	$begin = time;
	comes($data, 'a sliced reply is whole');
	cmp_ok(time - $begin, '>=', 0.5, '  and slow');
	$proxy->rule(data => down => { corrupt => 4 });
	say_to($data, $get);
	is(hear($data, qr/alue\r\n/), "\$5\r\nwalue\r\n", '  a byte is another');
	$proxy->heal;

	# Ends.
	($data, $stream) = both_kinds();
	is($proxy->cut('stream'), 1, '  one kind is cut');
	is(hear($stream, qr/x/), '(end)', '  it ends');
	comes($data, 'and the other goes on');
	cmp_ok($proxy->reset('data'), '>=', 1, '  a reset');
	like(hear($data, qr/x/), qr/\(end\)/, '  ends, too');
	($data, $stream) = both_kinds();
	$proxy->half_close('data', 'down');
	is(hear($data, qr/x/), '(end)', '  half of it ends');
	ok(say_to($data, $get), '  and half does not');

	# New connections.
	$proxy->refuse;
	is(client(), undef, '  refused');
	like(published($stream), qr/news/, '  who is there is not');
	$proxy->listen;
	$proxy->refuse('accepted');
	like(hear(client(), qr/x/), qr/\(end\)/, '  taken and ended');
	$proxy->listen;
	comes(client(), 'and let in again');

	is(eval { $proxy->rule(data => down => { dealy => 1 }); 1 }, undef,
		'  a rule that is none is refused');
	like($@, qr/dealy is no rule/, '  by name');
	$proxy->stop;
	is(client(), undef, '  gone');
	is($proxy->{process}, undef, '  and ended');
	ok(!-s "$dir/proxy$tcp/proxy.log", '  without a word')
		or diag(PSM::Process::slurp("$dir/proxy$tcp/proxy.log"));
}

$redis->stop;
done_testing();
