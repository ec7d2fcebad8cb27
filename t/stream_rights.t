#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T87: a stream that cannot be set up: no right to what it needs, or a Redis
# that has no such thing, or another Redis than the look-ups reach. The gate
# works, remembers nothing that it would not be told of, and says once why. And
# tracking=off: one connection, and a short life for what is remembered.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use PSM::Async qw(log_count reload_whole until_status);
use PSM::FaultProxy;
use PSM::Gate;
use PSM::Process qw(wait_for);
use PSM::Redis;
use PSM::Workers qw(cached_by_all learnt_by_all said_by server_for_workers
	streams_are subscribers);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = PSM::Gate->new(name => 'stream: rights', workers => 2);
my $password = $t->secret('the-password-of-the-gate');
my $secret = $t->private_file('password', "$password\n");
my @all = qw(resetkeys resetchannels -@all %R~psm:t:* %R~psm:c:*
	&__redis__:invalidate +get +client|id +client|tracking +client|setname
	+subscribe +ping +role +info +select);
my $redis = $t->start_redis(args => ['--user', 'psm-gate', 'on',
	'#' . sha256_hex($password), @all]);
my $proxy = PSM::FaultProxy->start(dir => $t->dir . '/private/proxy',
	to => $redis->{socket});
my $file = 'noarch/repodata.json';
$t->file("main/$file", '{}');

sub conf {
	my ($cache, $more) = @_;

	$t->write_conf('psm_token_redis ' . $proxy->address . ' user=psm-gate '
		. "password_file=$secret timeout=10s connect_timeout=10s "
		. ($more // '') . ";$cache" . server_for_workers());
}

sub issue { return $t->add_token(resources => { main => 'read' }) }

sub asks {
	my ($token) = @_;
	return sub { $t->get("/t/$token/main/$file") };
}

# Every answer is right, and none comes from the cache.
sub nothing_is_cached {
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($good, $bad) = (issue(), $t->unknown_token);
	my %seen;
	for (1 .. 20) {
		$seen{ said_by($t, asks($_)->()) }++ for $good, $bad;
	}
	is_deeply(\%seen, { '200 MISS' => 20, '401 MISS token_unknown' => 20 },
		"$name: it works, and nothing is cached") or diag(explain(\%seen));
	$t->revoke($good);
	is(asks($good)->()->{status}, 401, '  so a revocation is seen at once');
}

# ---- no right ----

conf('psm_token_cache max=1000 valid=1h negative=1h lease=500ms;');
$t->start_nginx;
streams_are($t, 2, 'with all rights each worker has a stream');
cached_by_all($t, asks(issue()), 'and remembers');

for my $case (
	['CLIENT TRACKING', '-client|tracking', '+client|tracking'],
	['CLIENT ID', '-client|id', '+client|id'],
	['SUBSCRIBE', '-subscribe', '+subscribe'],
	['SUBSCRIBE', 'resetchannels', '&__redis__:invalidate'],
	['ROLE', '-role', '+role'],
	['INFO', '-info', '+info'],
) {
	my ($command, $take, $give) = @$case;
	reload_whole($t);    # workers that have nothing to complain of
	my $known = issue();
	cached_by_all($t, asks($known), "no right ($take): a token that all know");
	my $at = length $t->log_text;
	$t->redis('ACL', 'SETUSER', 'psm-gate', $take);
	$t->redis(qw(CLIENT KILL USER psm-gate));
	learnt_by_all($t, asks($known), qr/^200 MISS/,
		'  it is not believed when the lease is over');
	nothing_is_cached('  then');
	streams_are($t, 0, '  no stream');
	my @said = substr($t->log_text, $at)
		=~ /^(.*\[error\].*psm token: redis invalidation stream.*)$/mg;
	# A worker that is killed while it still greets tells that first.
	my %by;
	/(\d+)#/ && $by{$1}++ for grep { !/closed by Redis$/ } @said;
	is_deeply([values %by], [1, 1], '  one error line of each worker')
		or diag(@said);
	is(scalar(grep { /nothing is cached.*$command.*NOPERM/ } @said), 2,
		'  which says why');
	$t->redis('ACL', 'SETUSER', 'psm-gate', $give);
}
reload_whole($t);
streams_are($t, 2, 'with all rights again');
cached_by_all($t, asks(issue()), 'it remembers again');

# A worker that never had one.
$t->redis(qw(ACL SETUSER psm-gate -client|tracking));
reload_whole($t);
nothing_is_cached('a new worker without the right');
$t->redis(qw(ACL SETUSER psm-gate +client|tracking));
cached_by_all($t, asks(issue()), 'it tries again by itself');

# ---- another Redis ----

# A balancer sends the two connections of a worker to different servers.
my $other = PSM::Redis->start(dir => $t->dir . '/private/other',
	args => ['--user', 'psm-gate', 'on', '#' . sha256_hex($password), @all]);
my ($here, $there) = (issue(), issue());
$other->command('SET', $t->token_key($there),
	JSON::PP->new->encode($t->token_record($there)));
$t->redis('DEL', $t->token_key($there));
cached_by_all($t, asks($here), 'two servers: a token of the first');
cached_by_all($t, asks($there), 'and one of the second, not known yet');
$proxy->route($other->{socket});
$proxy->cut('stream');
learnt_by_all($t, asks($here), qr/^401 \w+ token_unknown/,
	'the stream reaches another: look-ups follow', 20);
learnt_by_all($t, asks($there), qr/^200/, 'all of them');
cached_by_all($t, asks($there), 'and what it says is remembered');
$proxy->route($redis->{socket});
$proxy->cut('data');
learnt_by_all($t, asks($here), qr/^200/,
	'look-ups reach another: the stream follows', 20);
$t->revoke($here);
learnt_by_all($t, asks($here), qr/^401 \w+ token_disabled/,
	'and tells of its changes', 20);
$other->stop;

# ---- tracking=off ----

sub tracking {
	my ($cache) = @_;

	$t->{workers} = 1;
	conf($cache, 'tracking=off');
	reload_whole($t);
	is(until_status(asks(issue()), 200)->{status}, 200, 'tracking=off: it works');
	streams_are($t, 0, '  without a stream');
	is(scalar(grep { $_->{peer} == ($t->workers)[0] } $proxy->open_connections), 1,
		'  and with one connection');
}

tracking('psm_token_cache max=1000 negative=1h;');
my $token = issue();
is(said_by($t, asks($token)->()), '200 MISS', '  asked once');
my $begin = time;
is(said_by($t, asks($token)->()), '200 HIT', '  remembered');
$t->revoke($token);
my $r = until_status(asks($token), 401, 20);
is($r->{status}, 401, '  for as long as `valid` says');
cmp_ok(time - $begin, '>', 3, '  which is five seconds');
tracking('psm_token_cache max=1000 valid=1h;');
$token = issue();
asks($token)->();
$t->revoke($token);
is(said_by($t, asks($token)->()), '200 HIT', '  or as one wants it');

$proxy->stop;
$t->finish;
