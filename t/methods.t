#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Methods: what each of them needs of a token, against a table written here
# from design.md section 3, with nginx's own WebDAV behind the gate; verbs
# that are none, headers that name a second path or another verb (threat T49).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is code_of);
use PSM::Gate;
use PSM::Modes;
use PSM::Process qw(slurp);
use Test::More;

my $t = PSM::Gate->new(name => 'methods');
$t->start_redis;
my @files = qw(main/noarch/x-1-0.conda main/noarch/repodata.json
	main/noarch/index.html main/index.html main/noarch/kept
	other/noarch/kept);
$t->file($_, "$_\n") for @files;
my $modes = PSM::Modes->new($t, server => <<'EOC');
	psm_token on;
	dav_methods PUT DELETE MKCOL COPY MOVE;
EOC

my %rank = (read => 1, write => 2, manage => 3);
my %level = (GET => 'read', HEAD => 'read', POST => 'write', PUT => 'write',
	PATCH => 'manage', DELETE => 'manage');
my %scope = (POST => ['artifact:create'], PUT => ['artifact:create'],
	PATCH => ['artifact:edit'], DELETE => ['artifact:delete']);
my @view = ('artifact:download', 'channel:view-artifacts');
my @unknown = qw(OPTIONS MKCOL COPY MOVE PROPFIND PROPPATCH LOCK UNLOCK REPORT
	SEARCH ACL PURGE LINK UNLINK GETX XGET GET- _GET HEADER DEL ETE FROB);

my %target = (
	artifact => '/main/noarch/x-1-0.conda',
	index => '/main/noarch/repodata.json',
	directory => '/main/noarch/',
	channel => '/main/',
);

# What would change a file goes to one of the same kind that is not there.
sub path_for {
	my ($method, $kind) = @_;

	return $target{$kind} if $method !~ /^(?:PUT|DELETE)$/;
	return $target{$kind} =~ m{/\z} ? "$target{$kind}absent/"
		: "$target{$kind}.absent";
}

# The denial, or "pass". HEAD has no body to tell why.
sub outcome {
	my ($method, $r) = @_;

	my $code = code_of($r);
	return "$r->{status} $code" if $code;
	return $r->{status} if !$r->{status};
	return $method eq 'HEAD' && $r->{status} =~ /^40[13]$/ ? $r->{status}
		: 'pass';
}

sub ask {
	my ($mode, $method, $path, $token, @headers) = @_;

	my $body = $method =~ /^(?:POST|PUT|PATCH)$/ ? 'body' : undef;
	return $modes->ask($mode, $method => $path, body => $body,
		headers => [defined $token ? ('X-Auth' => $token) : (), @headers]);
}

# Every method on every target, for one token; the sub tells what is wanted.
sub all_methods {
	my ($name, $token, $wanted) = @_;

	for my $mode ($modes->names) {
		my (%got, %wanted);
		for my $method (sort(keys %level), @unknown) {
			for my $kind (sort keys %target) {
				my $path = path_for($method, $kind);
				my $row = "$method $path";
				$got{$row} = outcome($method,
					ask($mode, $method, $path, $token));
				my $answer = $wanted->($method, $kind);
				$wanted{$row} = $method eq 'HEAD'
					? $answer =~ s/ .*//r : $answer;
			}
			unlink map { $t->dir . "/html$_.absent" } values %target;
		}
		is_deeply(\%got, \%wanted, "T49 $mode: $name");
	}
}

# ------------------------------------------------------------ 1. every right

for my $held (sort keys %rank) {
	all_methods("a token that may $held",
		$t->add_token(resources => { main => $held }), sub {
			my ($method) = @_;
			return '403 action_unknown' if !$level{$method};
			return $rank{$held} >= $rank{ $level{$method} } ? 'pass'
				: '403 level_too_low';
		});
}
my @scopes = (@view, map({ $_->[0] } @scope{qw(PUT PATCH DELETE)}),
	'artifact:view', 'channel:edit');
for my $held (@scopes) {
	all_methods("a token of the scope $held",
		$t->add_token(scopes => [$held]), sub {
			my ($method, $kind) = @_;
			return '403 action_unknown' if !$level{$method};
			my @needed = $scope{$method} ? @{ $scope{$method} }
				: $kind eq 'artifact' ? $view[0] : @view;
			return (grep { $_ eq $held } @needed) ? 'pass'
				: '403 scope_missing';
		});
}
all_methods('no token', undef, sub { return '401 token_missing' });
all_methods('a token for another channel',
	$t->add_token(resources => { other => 'manage' }), sub {
		return $level{ $_[0] } ? '403 channel_not_granted'
			: '403 action_unknown';
	});

# ----------------------------------------------------- 2. what nginx refuses

my $W = $t->add_token(resources => { main => 'manage' });
my @refused = (
	['TRACE', 405, 405], ['CONNECT', 405, 405], ['get', 400, 400],
	['Get', 400, 400], ['GeT', 400, 400], ["G\@T", 400, 400],
	['GET1', 400, 400], ['*', 400, 400],
);
for (@refused) {
	my ($method, $status, $h2) = @$_;
	for my $mode ($modes->names) {
		answer_is(ask($mode, $method, '/main/noarch/kept', $W),
			$mode eq 'h2' ? $h2 : $status, undef, "T49 $mode: $method");
	}
}

# --------------------------------------- 3. a second path, a second method

my $R = $t->add_token(resources => { main => 'read' });
my $site = 'http://localhost';
for my $mode ($modes->names) {
	for my $method (qw(COPY MOVE)) {
		for my $to ('/main/noarch/made', "$site/other/noarch/made",
			'/other/noarch/kept', "/t/$W/main/noarch/made",
			"$site/t/$W/main/noarch/made")
		{
			answer_is(ask($mode, $method, '/main/noarch/kept', $W,
				Destination => $to, Overwrite => 'T', Depth => 'infinity'),
				403, 'action_unknown', "T49 $mode: $method to "
				. $to =~ s/\Q$W\E/T/r);
		}
	}
	answer_is(ask($mode, 'MKCOL', '/main/made/', $W), 403, 'action_unknown',
		"T49 $mode: MKCOL");
	for my $name (qw(X-HTTP-Method-Override X-HTTP-Method X-Method-Override)) {
		answer_is(ask($mode, 'POST', '/main/noarch/kept', $R, $name => 'GET'),
			403, 'level_too_low', "T49 $mode: $name gives no right");
		is(ask($mode, 'GET', '/main/noarch/kept', $R, $name => 'DELETE')
			->{body}, "main/noarch/kept\n", '  and does nothing');
	}
	answer_is(ask($mode, 'POST', '/main/noarch/kept?_method=GET', $R), 403,
		'level_too_low', "T49 $mode: a query is no method");
	is(ask($mode, 'GET', '/main/noarch/kept?_method=DELETE', $R)->{status},
		200, '  either way');
	is(ask($mode, 'HEAD', '/main/noarch/kept', $R)->{status}, 200,
		"T49 $mode: HEAD as GET");
}
is_deeply([map { slurp($t->dir . "/html/$_") } @files], [map { "$_\n" } @files],
	'T49 every file is as it was');
is_deeply([grep { -e } map { $t->dir . "/html/$_" } qw(main/noarch/made
	other/noarch/made main/made)], [], '  and none is new');

# With the right, WebDAV does what it is asked.
my $put = $t->dir . '/html/main/noarch/put';
for my $mode (qw(plain h2 unmerged)) {
	is(ask($mode, 'PUT', '/main/noarch/put', $W)->{status}, 201,
		"T49 $mode: PUT with the right");
	is(slurp($put), 'body', '  is there');
	answer_is(ask($mode, 'DELETE', '/main/noarch/put',
		$t->add_token(resources => { main => 'write' })), 403,
		'level_too_low', '  DELETE needs more');
	is(ask($mode, 'DELETE', '/main/noarch/put', $W)->{status}, 204,
		'  DELETE with the right');
	ok(!-e $put, '  is gone');
}

$t->finish;
