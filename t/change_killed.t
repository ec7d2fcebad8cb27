#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Workers of nginx, and Redis itself, are killed while clients change tokens
# through the API (T109): what was answered holds, what was not is done or not
# done, and nothing is half made. (psm-token is killed in
# change_histories.t.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Api;
use PSM::Changes;
use PSM::Gate;
use PSM::Indexes qw(index_problems);
use PSM::Process qw(wait_for);
use PSM::Token qw(token_digest);
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = srand($ENV{PSM_SEED} // time);
my $json = JSON::PP->new->utf8;
my $t = PSM::Gate->new(name => 'killed in mid-change', workers => 2);
my $redis = $t->start_redis(tcp => 1,
	args => [qw(--appendonly yes --appendfsync always)]);
$t->write_conf(<<"EOC");
psm_token_redis @{[ $redis->tcp_address ]} timeout=10s;
server {
	listen %%LISTEN%%;
	location /api/ { psm_token_api; }
}
EOC
$t->start_nginx;
$t->expect_log(qr/worker process \d+ exited on signal 9/);
my $api = PSM::Api->new($t);
$api->cli('user', 'set', 'root', '--admin');
my $root = $api->mint('--owner', 'root', '--expires', '60d', '--scope',
	'user.token:edit', '--scope', 'user.token:view');

# ---------------------------------------------------- what must be stored --

sub record_of {
	my $digest = $redis->command('GET', "psm:i:$_[0]") // return;
	return $json->decode($redis->command('GET', "psm:t:$digest") // 'null');
}

# By id what was done to it, in order. Each is one XADD of the change itself.
sub audit_by_id {
	my %by_id;
	for my $entry (@{ $redis->command('XRANGE', 'psm:audit', '-', '+') }) {
		my %fields = @{ $entry->[1] };
		push @{ $by_id{ $fields{id} } }, \%fields;
	}
	return \%by_id;
}

# The entries about a token build on one another, and end in its record.
sub wrong_audit {
	my ($id, $record, @entries) = @_;

	my @whats = map { $_->{what} } @entries;
	my $tail = $record->{deleted} ? 'delete' : '(?:edit|reissue|create)';
	return "$id: @whats" if "@whats" !~ /^create(?: edit| reissue)*(?: delete)?\z/
		|| $whats[-1] !~ /^$tail\z/;
	return "$id: " . @whats . " entries, rev $record->{rev}"
		if @whats != $record->{rev};
	my $name;
	for my $entry (@entries) {
		my $after = $json->decode($entry->{after} // '{}');
		$name = $after->{name} // $name;
	}
	return "$id: $record->{name}, and $name in the audit"
		if $name ne $record->{name};
	return;
}

# A change in doubt was done or was not.
sub could_be {
	my ($token, $record) = @_;

	my $doubt = $token->{doubt} // {};
	my @states = ([@$token{qw(rev name dead)}],
		$token->{doubt} ? [$token->{rev} + 1, $doubt->{name} // $token->{name},
			$doubt->{what} eq 'delete'] : ());
	return grep { $record->{rev} == $_->[0] && $record->{name} eq $_->[1]
		&& !$record->{deleted} == !$_->[2] } @states;
}

# What becomes of a token: a 503 says nothing of it, a worker may still look
# for a Redis that is back.
sub works {
	my ($token) = @_;

	my $r;
	wait_for(sub {
		$r = $api->ask('GET', '/account/token-info', $token);
		return $r->{status} != 503;
	}, 10);
	return $r;
}

sub wrong_strings {
	my ($token, $record) = @_;

	my $reissued = ($token->{doubt}{what} // '') eq 'reissue'
		&& $record->{rev} > $token->{rev};
	my $alive = !$record->{deleted} && !$reissued;
	my $r = works($token->{token});
	return "$token->{id}: alive, and answered $r->{status}"
		if $alive && ($r->{status} != 200 || $r->{json}{id} ne $token->{id});
	return map { "$token->{id}: dead, and answered $_->{status}" }
		grep { $_->{status} != 401 } $alive ? () : $r,
			map { works($_) } @{ $token->{old} };
}

sub wrong_with {
	my ($token, $audit) = @_;

	my $record = record_of($token->{id}) or return "$token->{id} is gone";
	return "$token->{id}: " . $json->encode([$token, $record])
		if !could_be($token, $record);
	return (wrong_strings($token, $record),
		wrong_audit($token->{id}, $record, @{ $audit->{ $token->{id} } // [] }));
}

# Tokens that nobody was told of: at most as many as there were creations
# without an answer.
my %seen;

sub strangers {
	return grep { !$seen{$_}++ && ((record_of($_) // {})->{owner} // '') =~ /^c\d/ }
		map { s/^psm:i://r } @{ $redis->command('KEYS', 'psm:i:*') };
}

sub all_holds {
	my ($changes, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @tokens = $changes->tokens;
	$seen{ $_->{id} } = 1 for @tokens;
	my $audit = audit_by_id();
	is_deeply([map { wrong_with($_, $audit) } @tokens], [],
		"T109 $name: what " . @tokens . ' tokens were answered holds');
	cmp_ok(scalar(strangers()), '<=', $changes->count('lost'),
		'nobody made a token that was not asked for');
	is_deeply([$changes->strange], [], 'no answer but those');
	is_deeply([index_problems($redis)], [], 'records and indexes agree');
	my $doctor = $t->cli('doctor');
	is($doctor->{exit}, 0, 'psm-token doctor finds nothing to mend')
		or diag($doctor->{out}, $doctor->{err});
	# The oracle is slow with many: some of them stand for all.
	my @texts = map { $_->{token}, @{ $_->{old} } } @tokens;
	$api->keep($_) for @texts[0 .. ($#texts < 60 ? $#texts : 60)];
	note join ', ', map { $changes->count($_) . " $_" }
		qw(done none doubt lost);
}

# Kills for so many seconds, at random moments.
sub keep_killing {
	my ($seconds, $wait, $kill) = @_;

	my ($end, $killed) = (time + $seconds, 0);
	while (time < $end) {
		sleep rand $wait;
		$killed += $kill->();
	}
	return $killed;
}

# ------------------------------------------------------------ the killing --

subtest 'workers' => sub {
	my $changes = PSM::Changes->start($api, $root, seed => $seed);
	my $killed = keep_killing(4, 0.12, sub {
		my @workers = $t->workers;
		return @workers && kill 'KILL', $workers[rand @workers];
	});
	ok(wait_for(sub { my @new = $t->workers; @new == 2 }, 10),
		'the master makes new ones');
	$changes->stop;
	cmp_ok($changes->count('done'), '>', 30, 'changes were made');
	cmp_ok($changes->count('doubt'), '>', 0,
		"and cut off by $killed kills (PSM_SEED=$seed)");
	all_holds($changes, 'workers killed');
};

subtest 'Redis' => sub {
	my $changes = PSM::Changes->start($api, $root, seed => $seed);
	my $killed = keep_killing(4, 0.5, sub {
		$redis->kill;
		$redis->restart;
		return 1;
	});
	$changes->stop;
	ok(wait_for(sub { works($root)->{status} == 200 }, 10),
		'the API finds Redis again');
	cmp_ok($killed, '>', 1, "it was killed $killed times (PSM_SEED=$seed)");
	cmp_ok($changes->count('done'), '>', 30, 'changes were made');
	cmp_ok($changes->count('doubt'), '>', 0, 'and cut off');
	all_holds($changes, 'Redis killed');
};

$t->finish;
