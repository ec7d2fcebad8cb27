#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm_token_metrics counts what happens, once each, over all workers and over
# reloads, and shows no token (T66).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Copy qw(copy);
use PSM::Gate;
use PSM::Metrics qw(metrics flat grown grown_is);
use PSM::Process qw(wait_for);
use Test::More;

my $workers = 2;
my $t = PSM::Gate->new(name => 'metrics', workers => $workers);
$t->start_redis;
$t->file("$_/noarch/repodata.json", '{}') for qw(main open main/dev);
$t->file('index/noarch/index.html', "<p>\n");
my $file = 'noarch/repodata.json';

# The module may be replaced by another build under its feet.
my $module = $t->dir . '/private/module.so';
copy($ENV{PSM_MODULE} // "$PSM::Gate::REPO/build/ngx_psm_token_module.so",
	$module) or die "$module: $!";
local $ENV{PSM_MODULE} = $module;

sub conf {
	my ($cache) = @_;

	$t->write_conf(<<"EOC");
psm_token_cache $cache;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	index index.html;
	psm_token on;
	location /dry/ { alias %%ROOT%%/; psm_token_dry_run on; }
	location /strict/ { alias %%ROOT%%/; psm_token_strict on; }
	psm_token_base / /dry/ /strict/;
	location = /status { psm_token off; psm_token_metrics; }
	location = /gated { psm_token_metrics; }
}
server {
	listen %%LISTEN2%%;
	location = /metrics { psm_token_metrics; }
}
EOC
}

conf('max=1000 valid=1h negative=1h');
$t->start_nginx;

# ---- nothing yet ----

my $m;
wait_for(sub { @{ ($m = metrics($t))->{workers} } == $workers }, 10);
my %flat = flat($m);
is_deeply([grep { $flat{$_} && !/^(?:lookup|redis)/ } keys %flat], [],
	'at first all is zero');
is(scalar @{ $m->{workers} }, $workers, 'each worker is there');
is_deeply([map { $_->{worker} } @{ $m->{workers} }], [0, 1], '  by number');

# ---- each request is counted once ----

# A connection stays with its worker, and so with one cache.
my $socket = $t->connect;

sub ask {
	my ($path, @headers) = @_;
	return $t->http('GET', $path, headers => \@headers, sock => $socket);
}

my $token = $t->add_token(resources => { main => 'read', index => 'read' });
my $expired = $t->add_token(resources => { main => 'read' },
	expires => time - 9);
my $broken = $t->add_token(raw => '{"v":1}');
$t->set_channel('open', 'public');

my @reasons = (
	[granted => 200, "/t/$token/main/$file"],
	[public => 200, "/open/$file"],
	[token_missing => 401, "/main/$file"],
	[token_malformed => 401, "/t/junk/main/$file"],
	[token_masked => 401, "/t/*****/main/$file"],
	[token_expired => 401, "/t/$expired/main/$file"],
	[record_invalid => 401, "/t/$broken/main/$file"],
	[token_unknown => 401, '/t/' . $t->unknown_token . "/main/$file"],
	[channel_not_granted => 403, "/t/$token/other/$file"],
	[action_unknown => 403, "/t/$token/noarch/-/x"],
);
for (@reasons) {
	my ($reason, $status, $path) = @$_;
	my %by = grown($t, sub { is(ask($path)->{status}, $status, $reason) });
	is_deeply({ map { $_ => $by{$_} } grep { /decisions/ } keys %by },
		{ "decisions $reason" => 1 }, '  is counted once, and nothing else');
}

my %hit = ('cache_requests hit' => 1);
ask("/t/$token/index/$file");
grown_is($t, sub { is(ask("/t/$token/index/noarch/")->{status}, 200, 'index') },
	{ %hit, 'decisions granted' => 1 },
	'an internal redirect that repeats a decision is not another');
grown_is($t, sub { is(ask("/dry/main/$file")->{status}, 200, 'dry run') },
	{ 'dry_run_decisions token_missing' => 1 },
	'a dry run is counted apart');

$t->finish;
