#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm_token_metrics counts what happens, once each, and shows no token (T66).
# One worker: what it shows is of this moment.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(all_at_once answers_of until_status);
use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Metrics qw(metrics flat grown grown_is);
use Test::More;

my $t = PSM::Gate->new(name => 'metrics');
$t->start_redis;
$t->file("$_/noarch/repodata.json", '{}') for qw(main open main/dev index);
$t->file('index/noarch/index.html', "<p>\n");
my $file = 'noarch/repodata.json';

$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
psm_token_cache max=1000 valid=1h negative=1h lease=60s;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	index index.html;
	psm_token on;
	psm_token_base / /dry/ /strict/;
	location /dry/ { alias %%ROOT%%/; psm_token_dry_run on; }
	location /strict/ { alias %%ROOT%%/; psm_token_strict on; }
	location /free/ { psm_token off; return 200; }
	location /paged/ {
		root %%ROOT%%/..;
		error_page 401 /page/401.html;
	}
	location /page/ { }
}
server {
	listen %%LISTEN2%%;
	location = /metrics { psm_token_metrics; }
}
EOC
$t->start_nginx;
PSM::Process::wait_for(sub {
	metrics($t)->{workers}[0]{stream_state} eq 'live';
}, 20);

sub ask { return $t->get(@_)->{status} }

# ---- at first ----

my $m = metrics($t);
my %flat = flat($m);
is_deeply([grep { $flat{$_} && $_ ne 'redis_sends' } keys %flat],
	['evict_alls subscribed'], 'at first all is zero, but for a subscription');
cmp_ok(scalar keys %flat, '>', 60, 'of what there is to count');
is(scalar @{ $m->{workers} }, 1, 'one worker');
my %sizes = map { $_ => 0 } qw(tokens no_tokens channels no_channels);
is_deeply($m->{workers}[0]{cache_entries}, \%sizes, 'which remembers nothing');
cmp_ok($m->{workers}[0]{lease_age_seconds}, '<', 60, 'and has a lease');
is($m->{workers}[0]{stream_state}, 'live', 'a stream that is live');

# ---- decisions ----

my $token = $t->add_token(resources => { main => 'read', index => 'read' });
my $scope = $t->add_token(scopes => ['artifact:create']);
my $expired = $t->add_token(resources => { main => 'read' },
	expires => time - 9);
my $disabled = $t->add_token(resources => { main => 'read' },
	disabled => JSON::PP::true());
my $broken = $t->add_token(raw => '{"v":1}');
my $unknown = $t->unknown_token;
my $other = $t->unknown_token;
$t->set_channel('open', 'public');

my @reasons = (
	# reason, status, path, X-Auth
	[granted => 200, "/t/$token/main/$file"],
	[public => 200, "/open/$file"],
	[token_missing => 401, "/main/$file"],
	[token_ambiguous => 401, "/t/$unknown/main/$file", $other],
	[token_malformed => 401, "/t/junk/main/$file"],
	[token_masked => 401, "/t/*****/main/$file"],
	[token_expired => 401, "/t/$expired/main/$file"],
	[token_disabled => 401, "/t/$disabled/main/$file"],
	[record_invalid => 401, "/t/$broken/main/$file"],
	[token_unknown => 401, "/t/$unknown/main/$file"],
	[channel_not_granted => 403, "/t/$token/other/$file"],
	[scope_missing => 403, "/t/$scope/main/$file"],
	[action_unknown => 403, "/t/$token/noarch/-/x"],
);
sub decisions {
	my (%by) = @_;
	return { map { $_ => $by{$_} } grep { /decisions/ } keys %by };
}

for (@reasons) {
	my ($reason, $status, $path, $header) = @$_;
	my @headers = $header ? ('X-Auth', $header) : ();
	my %by = grown($t, sub {
		answer_is($t->get($path, @headers), $status,
			$status == 200 ? undef : $reason, $reason);
	});
	is_deeply(decisions(%by), { "decisions $reason" => 1 },
		'  is counted once, and nothing else');
}
my $put = sub {
	$t->http('PUT', "/t/$token/main/noarch/x", headers => [], body => 'x');
};
is_deeply(decisions(grown($t, $put)), { 'decisions level_too_low' => 1 },
	'level_too_low too');

my %hit = ('cache_requests hit' => 1);
grown_is($t, sub { is(ask("/t/$token/main/$file"), 200, 'again') },
	{ %hit, 'decisions granted' => 1 }, '  a hit asks nobody');
ask("/t/$token/index/$file");
grown_is($t, sub { is(ask("/t/$token/index/noarch/"), 200, 'a directory') },
	{ %hit, 'decisions granted' => 1 },
	'  an internal redirect that repeats the decision is not another');
my $dry = "/dry/main/$file";
grown_is($t, sub { is(ask($dry), 200, 'a dry run') },
	{ 'dry_run_decisions token_missing' => 1 }, '  is counted apart');
grown_is($t, sub { is(ask("/dry/t/$token/main/$file"), 200, 'a good one') },
	{ %hit, 'dry_run_decisions granted' => 1 }, '  too');
grown_is($t, sub { is(ask('/free/x'), 200, 'where the gate is off') }, {},
	'  nothing is counted');
my %paged = grown($t, sub { is(ask("/paged/$file"), 401, 'an error page') });
is_deeply(decisions(%paged), { 'decisions token_missing' => 1 },
	'  that is refused for the same reason is not another');
grown_is($t, sub { $t->request("GET /\x01 HTTP/1.1\r\n\r\n") }, {},
	'what nginx refuses is not counted');

# ---- where identities came from ----

my $new = $t->add_token(resources => { main => 'read' });
my %found = ('lookup_duration_seconds count' => 1, 'lookups token' => 1);
grown_is($t, sub { is(ask("/t/$new/main/$file"), 200, 'a new token') },
	{ %found, 'cache_requests miss' => 1, 'decisions granted' => 1 },
	'  is a miss and a look-up');
grown_is($t, sub { is(ask("/strict/t/$new/main/$file"), 200, 'strict') },
	{ %found, 'cache_requests bypass' => 1, 'decisions granted' => 1,
		'lookups channel' => 1, 'lookup_duration_seconds count' => 2 },
	'  is a bypass, and asks for the channel too');
grown_is($t, sub { is(ask("/t/$unknown/main/$file"), 401, 'known unknown') },
	{ 'cache_requests negative' => 1, 'decisions token_unknown' => 1 },
	'  is negative');

# ---- one look-up for many ----

$t->redis_server->pause;
my $late = $t->add_token(resources => { main => 'read' }, in => \my %later);
my @sockets;
my %burst = grown($t, sub {
	@sockets = all_at_once($t, ("/t/$late/main/$file") x 10);
	PSM::Process::wait_for(sub {
		metrics($t)->{lookups_coalesced} >= 9;
	}, 10);
});
is($burst{lookups_coalesced}, 9, 'ten at once: nine join');
is($burst{'lookups token'}, 1, '  the look-up of the first');
is(metrics($t)->{workers}[0]{lookups_outstanding}, 1, '  which is under way');
my %before = flat(metrics($t));
$t->redis_server->resume;
is(scalar(grep { $_->{status} == 401 } answers_of($t, @sockets)), 10,
	'  until all are answered');
my %after = flat(metrics($t));
is($after{'cache_requests miss'} - $before{'cache_requests miss'}, 10,
	'  each was a miss');
is($after{'lookup_duration_seconds count'}
	- $before{'lookup_duration_seconds count'}, 1, '  timed once');
is(metrics($t)->{workers}[0]{lookups_outstanding}, 0, '  nothing is left');

my $times = metrics($t)->{lookup_duration_seconds};
my @counts = map { $times->{buckets}{$_} }
	sort { $a <=> $b } keys %{ $times->{buckets} };
is_deeply(\@counts, [sort { $a <=> $b } @counts], 'buckets only grow');
is($times->{buckets}{'+Inf'}, $times->{count}, '  up to the count');
cmp_ok($times->{sum}, '>', 0, '  the sum is a time');

# ---- what is remembered ----

$m = metrics($t);
my $cache = $m->{workers}[0]{cache_entries};
cmp_ok($cache->{tokens}, '>=', 5, "tokens remembered: $cache->{tokens}");
cmp_ok($cache->{no_tokens}, '>=', 3, "and unknown: $cache->{no_tokens}");
is($cache->{channels}, 1, 'channels');
cmp_ok($cache->{no_channels}, '>=', 1, 'and those without a record');
cmp_ok($m->{workers}[0]{cache_bytes}{tokens}, '>', 100 * $cache->{tokens},
	'their bytes');
my %full = grown($t, sub {
	ask('/t/' . $t->unknown_token . "/main/$file") for 1 .. 110;
});
is($full{'cache_requests miss'}, 110, '110 unknown tokens');
my $no = metrics($t)->{workers}[0]{cache_entries}{no_tokens};
is($no, 100, '  are more than are remembered');
is($full{'cache_evictions no_tokens'}, $cache->{no_tokens} + 110 - 100,
	'  the others went');

# ---- no Redis ----

is($m->{workers}[0]{redis_state}, 'ready', 'Redis is there');
is($m->{workers}[0]{stream_state}, 'live', 'and tells its changes');
$t->redis_server->stop;
my $lost = $t->unknown_token;
until_status(sub { $t->get("/t/$lost/main/$file") }, 503);
my %down = grown($t, sub { is(ask("/t/$lost/main/$file"), 503, 'no Redis') });
delete @down{grep { /reconnects/ } keys %down};    # in their own time
is_deeply(\%down, { 'decisions store_unavailable' => 1,
	'cache_requests miss' => 1, 'lookups_unavailable' => 1 },
	'  is an answer, counted once') or diag(explain(\%down));
is(metrics($t)->{workers}[0]{redis_state}, 'down', '  and seen');
$t->redis_server->restart;
until_status(sub { $t->get("/t/$lost/main/$file") }, 401);
is(metrics($t)->{workers}[0]{redis_state}, 'ready', 'Redis is back');
ok(PSM::Process::wait_for(sub {
	metrics($t)->{workers}[0]{stream_state} eq 'live';
}, 20), '  with its changes');

$t->finish;
