#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Many change the same token at once (T109): of those who name a rev one wins,
# the others are told; of those who do not, each is done on what the one before
# left. After any of it at most one string works, and what was deleted stays
# so. Who loses his rights meanwhile makes nothing with them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Api qw(says);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'changes that cross', workers => 2);
$t->start_redis;
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
server {
	listen %%LISTEN%%;
	location /api/ { psm_token_api; }
}
EOC
$t->start_nginx;
my $api = PSM::Api->new($t);
$api->cli('user', 'set', 'root', '--admin');
my $root = $api->mint('--owner', 'root', '--expires', '60d', '--scope',
	'user.token:edit', '--scope', 'user.token:view');

my $rounds = 8;
my $at_once = 12;

sub fresh {
	my ($token, $id) = $api->mint('--owner', 'alice', '--resource', 'main:read');
	return ("/account/tokens/$id", $token, $id);
}

sub statuses {
	my %count;
	$count{ $_->{status} }++ for @_;
	return join ' ', map { "$_:$count{$_}" } sort keys %count;
}

# Of the texts, those that work.
sub working {
	return grep { $api->ask('GET', '/account', $_)->{status} == 200 } @_;
}

sub made_by { return grep { defined } map { $_->{json}{token} } @_ }

my @wrong;
sub expect {
	my ($holds, $what, @answers) = @_;
	push @wrong, "$what: " . statuses(@answers) if !$holds;
}

sub none_wrong {
	my ($name) = @_;
	is_deeply(\@wrong, [], "$name, $rounds times $at_once at once");
	@wrong = ();
}

# --------------------------------------------------------- with a rev -------

for (1 .. $rounds) {
	my ($path, undef, $id) = fresh();
	my @answers = $api->ask_all(map { ['PUT', $path, $root, { name => "n$_" },
		headers => ['If-Match', '"1"']] } 1 .. $at_once);
	my @won = grep { $_->{status} == 200 } @answers;
	my $now = $api->ask('GET', $path, $root)->{json};
	expect(@won == 1 && statuses(@answers) eq "200:1 412:" . ($at_once - 1),
		'one winner', @answers);
	expect($now->{rev} == 2 && $now->{name} eq $won[0]{json}{name},
		'what the winner wrote', @answers);
	expect(!(grep { $_->{status} == 412 && $_->{json}{rev} != 2 } @answers),
		'the others are told the rev', @answers);
}
none_wrong('of edits of one rev one wins');

for (1 .. $rounds) {
	my ($path, $old) = fresh();
	my @answers = $api->ask_all(map { ['PUT', $path, $root, {},
		headers => ['If-Match', '"1"']] } 1 .. $at_once);
	my @made = made_by(@answers);
	expect(@made == 1, 'one new string', @answers);
	my @working = working($old, @made);
	expect(@working == 1 && $working[0] eq $made[0], 'which alone works',
		@answers);
}
none_wrong('of re-issues of one rev one wins');

# ------------------------------------------------------ without a rev -------

for (1 .. $rounds) {
	my ($path) = fresh();
	my @answers = $api->ask_all(map { ['PUT', $path, $root,
		$_ % 2 ? { name => "n$_" } : { description => "d$_" }] } 1 .. $at_once);
	my $done = grep { $_->{status} == 200 } @answers;
	expect($done + grep({ $_->{status} == 409 } @answers) == $at_once,
		'done or given up', @answers);
	expect($done > 0, 'done', @answers);
	my %revs = map { $_->{json}{rev} => 1 } grep { $_->{status} == 200 } @answers;
	expect(keys %revs == $done, 'each has a rev of its own', @answers);
	my $now = $api->ask('GET', $path, $root)->{json};
	expect($now->{rev} == 1 + $done, 'as many as were done', @answers);
	my ($last) = grep { $_->{status} == 200 && $_->{json}{rev} == $now->{rev} }
		@answers;
	expect($last->{json}{name} eq $now->{name}
		&& $last->{json}{description} eq $now->{description},
		'the last one said what there is', @answers);
}
none_wrong('edits without a rev build on one another');

for (1 .. $rounds) {
	my ($path, $old) = fresh();
	my @answers = $api->ask_all(map { ['PUT', $path, $root, {}] } 1 .. $at_once);
	my @made = made_by(@answers);
	my @working = working($old, @made);
	expect(@made > 0 && @working == 1, 'one string works of '
		. (1 + @made) . ': ' . @working, @answers);
}
none_wrong('after re-issues one string works');

# ------------------------------------------------------- and deletions ------

for my $round (1 .. $rounds) {
	my ($path, $old) = fresh();
	my @answers = $api->ask_all(map {
		$_ == 1 + $round % $at_once ? ['DELETE', $path, $root]
		: $_ % 2 ? ['PUT', $path, $root, {}]
		: ['PUT', $path, $root, { name => "n$_" }];
	} 1 .. $at_once);
	my $deleted = $answers[$round % $at_once];
	expect($deleted->{status} =~ /^(?:204|409)$/, 'a deletion', $deleted);
	next if $deleted->{status} != 204;
	my @working = working($old, made_by(@answers));
	expect(!@working, 'no string works', @answers);
	my $after = $api->ask('PUT', $path, $root, {});
	expect($after->{status} == 409 && $after->{json}{code} eq 'token_deleted',
		'nor can one be made again', $after);
}
none_wrong('what was deleted stays so');

# ------------------------------------------- who loses his rights meanwhile --

my $children = 0;
for (1 .. $rounds) {
	my ($maker, $id) = $api->mint('--owner', 'alice', '--scope',
		'user.token:edit', '--scope', 'artifact:download');
	my @answers = $api->ask_all((map { ['POST', '/account/tokens', $maker,
		{ name => 'child', scopes => ['artifact:download'] }] }
		1 .. $at_once - 1), ['DELETE', "/account/tokens/$id", $root]);
	my $deleted = pop @answers;
	expect($deleted->{status} == 204, 'the deletion of the maker', $deleted);
	expect(!(grep { $_->{status} !~ /^(?:200|401|409)$/ } @answers),
		'made, or refused', @answers);
	$children += grep { $_->{status} == 200 } @answers;
	# The audit has them in the order in which they were done.
	my @order = map { "$_->[0] $_->[1]" } audit_of($id);
	my ($end) = grep { $order[$_] eq 'delete own' } 0 .. $#order;
	expect(defined $end && $end == $#order,
		'nothing was made behind the deletion', @answers);
}
none_wrong('a maker that is deleted makes no more');
note "$children tokens were made before";

# What a token made and what became of it, in order: [what, own or child].
sub audit_of {
	my ($id) = @_;

	my ($after, @found) = ('');
	while (1) {
		my $page = $api->ask('GET', '/audit?limit=500'
			. ($after && "&after=$after"), $root)->{json};
		push @found, grep { ($_->{token_id} // '') eq $id
			|| ($_->{subject} // '') eq $id } @{ $page->{items} };
		$after = $page->{next} // last;
	}
	return map { [$_->{what}, ($_->{subject} // '') eq $id ? 'own' : 'child'] }
		@found;
}

my $doctor = $t->cli('doctor');
is($doctor->{exit}, 0, 'psm-token doctor finds nothing to mend')
	or diag($doctor->{out}, $doctor->{err});
$t->finish;
