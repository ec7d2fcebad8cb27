#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T77, T79: a worker's memory is flat. Unique tokens, issued and not, unique
# names, connections, losses of Redis, reloads: after the first of each kind
# the rest add nothing that is kept. And a cache of one place is right.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(all_at_once answers_of reload_whole until_status);
use PSM::Check qw(code_of);
use PSM::Flood qw(flood is_slow scaled tokens);
use PSM::Gate;
use PSM::Process qw(slurp wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'memory growth');
$t->start_redis;
my $file = 'noarch/repodata.json';
$t->file("$_/$file", '{}') for qw(main open);

sub conf {
	my ($cache) = @_;

	$t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
psm_token_cache $cache;
keepalive_requests 1000000;
access_log off;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
}
EOC
}

sub path_of { return "/t/$_[0]/main/$file" }

# ---- T77: one place ----

conf('max=1 valid=1h negative=1h');
$t->start_nginx;
my @good = map { $t->add_token(resources => { main => 'read' }) } 1 .. 3;
my @bad = map { $t->unknown_token } 1 .. 3;
my $elsewhere = $t->add_token(resources => { other => 'read' });
$t->set_channel('open', 'public');

# By turns and at once, so that each pushes out the one before.
my @asked = ((map { [path_of($_), 'granted'] } @good),
	(map { [path_of($_), 'token_unknown'] } @bad),
	[path_of($elsewhere), 'channel_not_granted'],
	["/open/$file", 'granted'], ["/closed/$file", 'token_missing']);
my @order = map { ($_) x 3, reverse 0 .. $#asked } 0 .. $#asked;
my $told = sub { return $_[0]{status} == 200 ? 'granted' : code_of($_[0]) };
my @wrong = grep { $told->($t->get($asked[$_][0])) ne $asked[$_][1] } @order;
is(scalar(@wrong), 0, 'T77 a cache of one: ' . @order . ' right answers');
my @answers = answers_of($t, all_at_once($t, map { $asked[$_][0] } @order));
@wrong = grep { $told->($answers[$_]) ne $asked[$order[$_]][1] } 0 .. $#order;
is(scalar(@wrong), 0, '  and as many at once');

# ---- T79 ----

conf('max=1000 valid=1h negative=1h');
reload_whole($t);

# Kilobytes that a process has written to and holds.
sub held_by { return slurp("/proc/$_[0]/status") =~ /^RssAnon:\s+(\d+)/m ? $1 : 0 }

# Four times the same: after the first the memory has found its size. `most` is
# what the other three may add together, in kilobytes.
sub is_flat {
	my ($name, $process, $most, $sub) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$sub->();
	my @held = held_by($process->());
	for (1 .. 3) {
		$sub->();
		push @held, held_by($process->());
	}
	note("T79 $name: @held kB");
	return pass("T79 $name: leaks are looked for at the end") if is_slow();
	my $grown = $held[-1] - $held[0];
	ok($held[0] > 0 && $grown <= $most, "T79 $name: flat") or diag("@held kB");
}

my $worker = sub { return ($t->workers)[0] };
my $n = scaled(10_000);

is_flat('unknown tokens, ' . 4 * $n, $worker, 300, sub {
	my %seen = flood($t, [map { path_of($_) } tokens($n)]);
	is_deeply(\%seen, { 401 => $n }, '  refused');
});

my $number = 0;
is_flat('made-up names, ' . 4 * $n, $worker, 300, sub {
	my %seen = flood($t, [map { '/name-' . ++$number . "/$file" } 1 .. $n]);
	is_deeply(\%seen, { 401 => $n }, '  refused');
});

# Records of the same size; the cache holds 1,000 of them.
my $record = '{"v":1,"id":"6f9d4a52-1111-4222-8333-944445555666","rev":1,'
	. '"name":"x","owner":"y","type":"resource","resources":{"main":"read"},'
	. '"created":1790000000}';
my $issued = scaled(1500);
is_flat('issued tokens, ' . 4 * $issued, $worker, 300, sub {
	my @tokens = tokens($issued);
	$t->redis('SET', $t->token_key($_), $record) for @tokens;
	my %seen = flood($t, [map { path_of($_) } @tokens]);
	is_deeply(\%seen, { 200 => $issued }, '  served');
});

$n = scaled(1000);
is_flat('connections, ' . 4 * $n, $worker, 300, sub {
	my @status = map { $t->get($_ % 2 ? path_of($good[0]) : '/')->{status} }
		1 .. $n;
	is(scalar(grep { !/^(?:200|401)$/ } @status), 0, '  answered');
	$t->{answers} = [];
});

my $losses = scaled(50) || 1;
is_flat('losses of Redis, ' . 4 * $losses, $worker, 300, sub {
	for (1 .. $losses) {
		for (split /\n/, $t->redis('CLIENT', 'LIST')) {
			$t->redis('CLIENT', 'KILL', 'ID', $1)
				if /^id=(\d+) .* name=psm-token/;
		}
		$t->get(path_of($bad[0]));
		$t->get('/lost-' . ++$number . "/$file");
	}
	is(until_status(sub { $t->get('/lost-' . ++$number . "/$file") }, 401)
		->{status}, 401, '  Redis is back');
});

my $reloads = is_slow() ? 1 : 5;
is_flat('the master, ' . 4 * $reloads . ' reloads', sub { $t->nginx_pid }, 100,
	sub {
		reload_whole($t) for 1 .. $reloads;
		is($t->get(path_of($good[0]))->{status}, 200, '  served');
	});

$t->finish;
