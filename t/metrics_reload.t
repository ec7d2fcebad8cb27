#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The counters are those of all workers, lose nothing at a reload or when a
# worker dies, and begin anew, rather than mean something else, when another
# build of the module takes over. Gauges are those of the workers that live.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use PSM::Journal;
use PSM::Metrics qw(metrics flat grown);
use PSM::Process qw(wait_for slurp);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'metrics of workers', workers => 2);
$t->start_redis;
$t->file('main/noarch/repodata.json', '{}');

# The sockets of the two workers are apart, so that the kernel deals out the
# connections.
sub conf {
	$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
server {
	listen %%LISTEN%% reuseport;
	root %%ROOT%%;
	psm_token on;
}
server {
	listen %%LISTEN2%%;
	location = /metrics { psm_token_metrics; }
}
EOC
}

conf();
$t->start_nginx;
my $token = $t->add_token(resources => { main => 'read' });
my $path = "/t/$token/main/noarch/repodata.json";

sub granted { return metrics($t)->{decisions}{granted} }

sub workers_shown { return @{ metrics($t)->{workers} } }

sub restarted {
	my ($sub) = @_;
	my %old = map { $_ => 1 } $t->workers;
	$sub->();
	return wait_for(sub {
		my @now = $t->workers;
		@now == $t->{workers} && !grep { $old{$_} } @now;
	}, 20);
}

# ---- two workers ----

ok(wait_for(sub { workers_shown() == 2 }, 10), 'two workers');
my %by = grown($t, sub { $t->get($path) for 1 .. 200 });
is($by{'decisions granted'}, 200, '200 requests, counted by either');
is($by{'cache_requests hit'} + $by{'cache_requests miss'}, 200,
	'each looked for its token');
is($by{'cache_requests miss'}, $by{'lookups token'}, 'each miss asked');
ok(wait_for(sub {
	2 == grep { $_->{cache_entries}{tokens} == 1
		&& $_->{redis_state} eq 'ready' } workers_shown();
}, 10), 'both remember it, and both show so')
	or diag(explain([workers_shown()]));

# ---- reload ----

my $before = granted();
ok(restarted(sub { $t->reload_nginx }), 'reload');
is(granted(), $before, '  keeps the counters');
ok(wait_for(sub { workers_shown() == 2 }, 10), '  and shows the new workers');
is_deeply([map { $_->{cache_entries}{tokens} } workers_shown()], [0, 0],
	'  which remember nothing');

# Old and new workers count side by side.
my $journal = PSM::Journal->new($t->dir . '/private/load');
my @loads = map {
	PSM::Process->start(name => "load $_", code => sub {
		my $go = 1;
		local $SIG{TERM} = sub { $go = 0 };
		while ($go) {
			my $socket = PSM::Http::connect_to($t->port) or next;
			for (1 .. 20) {
				PSM::Http::send_all($socket,
					PSM::Http::format_request('GET', $path, {}, undef, 1));
				my $r = PSM::Http::receive($socket, 'GET', 20);
				$journal->add([$r->{status}]) if $r->{status};
				last if !$r->{status}
					|| (PSM::Http::header($r, 'Connection') // '') eq 'close';
			}
		}
	});
} 1 .. 2;
for (1 .. 6) {
	restarted(sub { $t->reload_nginx });
	sleep 0.1;
}
$_->stop('TERM') for @loads;
my $asked = () = $journal->entries;
my %statuses = map { $_->[0] => 1 } $journal->entries;
is_deeply([keys %statuses], [200], "$asked requests over 6 reloads, all granted");
cmp_ok($asked, '>', 200, '  which are many');
# Of a connection that a reload closed, the request may have been decided.
my $lost = granted() - $before - $asked;
ok($lost >= 0 && $lost <= 12, '  each counted once') or diag("off by $lost");

# ---- a worker dies ----

$before = granted();
ok(restarted(sub { kill 'KILL', $t->workers }), 'workers are killed');
$t->expect_log(qr/worker process \d+ exited on signal 9/);
is(granted(), $before, '  their counts stay');
ok(wait_for(sub { workers_shown() == 2 }, 10), '  the next ones count on');
$t->get($path) for 1 .. 10;
is(granted(), $before + 10, '  in their place');

# ---- more workers, fewer workers ----

for my $n (4, 1) {
	$t->{workers} = $n;
	conf();
	ok(restarted(sub { $t->reload_nginx }), "$n workers");
	ok(wait_for(sub { workers_shown() == $n }, 10), '  are shown')
		or diag(explain([workers_shown()]));
	is(granted(), $before + 10, '  and keep the counts');
}

# ---- another build (T99) ----

# In which a counter of the same size has another name.
my $module = $t->dir . '/private/other.so';
my $code = slurp($ENV{PSM_MODULE}
	// "$PSM::Gate::REPO/build/ngx_psm_token_module.so");
cmp_ok($code =~ s/dry_run_decisions/dry_ran_decisions/g, '>', 0,
	'another build');
open my $fh, '>:raw', $module or die "$module: $!";
print $fh $code;
close $fh;
{
	local $ENV{PSM_MODULE} = $module;
	conf();
}
ok(restarted(sub { $t->reload_nginx }), '  takes over');
my $m = metrics($t);
ok(exists $m->{dry_ran_decisions}, '  counts what it knows');
is($m->{decisions}{granted}, 0, '  from zero');
$t->get($path) for 1 .. 5;
is(granted(), 5, '  on');

$t->finish;
