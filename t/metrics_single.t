#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# `master_process off`: one process that is its own worker. And worker_processes
# may stand behind http, where it comes too late to size shared memory by it.
# (A reload leaves nginx 1.22 deaf in this mode, without the module too.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use PSM::Metrics qw(metrics grown_is);
use Test::More;

my $t = PSM::Gate->new(name => 'metrics of one process');
$t->start_redis;
$t->file('main/noarch/repodata.json', '{}');

$t->write_conf(<<'EOC');
load_module %%MODULE%%;
%%USER%%
master_process off;
daemon off;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/logs/error.log notice;
events { }
http {
	access_log %%DIR%%/logs/access.log;
	client_body_temp_path %%DIR%%/tmp/body;
	proxy_temp_path %%DIR%%/tmp/proxy;
	fastcgi_temp_path %%DIR%%/tmp/fastcgi;
	uwsgi_temp_path %%DIR%%/tmp/uwsgi;
	scgi_temp_path %%DIR%%/tmp/scgi;
	psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
	server {
		listen %%LISTEN%%;
		root %%ROOT%%;
		psm_token on;
	}
	server {
		listen %%LISTEN2%%;
		location = /metrics { psm_token_metrics; }
	}
}
worker_processes 3;
EOC
$t->start_nginx;
my $token = $t->add_token(resources => { main => 'read' });
my $path = "/t/$token/main/noarch/repodata.json";

my %once = ('decisions granted' => 1, 'cache_requests hit' => 1);
is($t->get($path)->{status}, 200, 'a request');
grown_is($t, sub { $t->get($path) }, \%once, 'another is counted once');
is(metrics($t)->{workers}[0]{cache_entries}{tokens}, 1, 'the gauges are there');

my $m = metrics($t);
is($m->{decisions}{granted}, 2, 'both are there');
is(scalar @{ $m->{workers} }, 1, 'of the one worker');
is($m->{workers}[0]{redis_state}, 'ready', '  with its gauges');

$t->finish;
