#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The leak oracle finds what it is there to find: a token in each form, in
# each place; and it finds nothing where there is nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Gate;
use PSM::Oracle;
use PSM::Teardown;
use PSM::Token qw(new_token token_checksum token_digest);
use Test::More;

# ---- forms ----

my $token = new_token();
my $oracle = PSM::Oracle->new;
$oracle->add($token, new_token());

my $hex = join '', map { sprintf '%%%02x', ord } split //, $token;
my $twice = $hex =~ s/%/%25/gr;
my @forms = (
	['as it stands', "GET /t/$token/main"],
	['its first 12 characters', 'x' . substr($token, 0, 12) . '*'],
	['its last 12 characters', '*' . substr($token, -12) . '*'],
	['12 characters of the middle', '/' . substr($token, 17, 12) . '/'],
	['in lower case', lc $token],
	['percent-encoded', "/t/$hex/main"],
	['percent-encoded twice', "/t/$twice/main"],
	['partly percent-encoded',
		$token =~ s/(.)(.)/$1 . sprintf '%%%02X', ord $2/ger],
	['escaped as nginx writes logs', $hex =~ s/%/\\x/gr],
	(map {
		['base64 behind ' . length() . ' bytes',
			'Basic ' . encode_base64("$_$token:x", '')];
	} '', 'u', 'u:', 'u:v', 'user-name:'),
	['base64 for URLs', encode_base64("\xff\xff$token", '') =~ tr{+/}{-_}r],
	['percent-encoded base64',
		encode_base64("u:$token", '') =~ s/([a-m])/sprintf '%%%02X', ord $1/ger],
);
for my $form (@forms) {
	ok(scalar $oracle->find("before $form->[1] after"), "found $form->[0]");
}

# Wherever a trace begins, of whatever the secret is.
for my $secret ($token, 'cafe0123babe4567' x 3, 'p@ss w.rd*(1)', 'x' x 40) {
	my $one = PSM::Oracle->new;
	$one->add($secret, new_token());
	my @missed;
	for my $at (0 .. length($secret) - 12) {
		my $window = substr $secret, $at, 12;
		push @missed, "at $at" if !$one->find($window)
			|| !$one->find("psm-$window-psm");
	}
	for my $before (0 .. 2) {
		my $code = encode_base64('?' x $before . "$secret?", '');
		my ($from, $to) = (int(($before * 8 + 5) / 6),
			int(($before + length $secret) * 8 / 6));
		for my $at ($from .. $to - 16) {
			push @missed, "base64 $before at $at"
				if !$one->find('/' . substr($code, $at, 16) . '/');
		}
	}
	is_deeply(\@missed, [], 'each window of ' . length($secret) . ' characters');
}
my $short = PSM::Oracle->new;
$short->add('pass', 'secret-9');
ok(scalar $short->find('a pass b'), 'a short secret is found whole');
ok(scalar $short->find(encode_base64('me:secret-9', '')), '  in base64, too');
is(scalar(() = $short->find('pas secret-')), 0, '  not a part of it');

my $other = new_token();
my @clean = (
	['another token', "GET /t/$other/main"],
	['its digest', token_digest($token)],
	['11 characters of it', substr($token, 5, 11)],
	['a masked path', 'GET /t/****/main/noarch/repodata.json'],
	['the base64 of another token', encode_base64("u:$other", '')],
	['nothing', ''],
);
for my $text (@clean) {
	is(scalar(() = $oracle->find($text->[1])), 0, "quiet on $text->[0]");
}
unlike(join(' ', $oracle->find("x $token")), qr/\Q@{[substr $token, 4, 8]}/,
	'the report does not repeat the token');

# ---- the token library the tests rely on ----

is(token_checksum('psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'), '4OPBnF',
	'the checksum of the contract');

# ---- places ----

my $t = PSM::Gate->new(name => 'oracle');
$t->start_redis;
my $upstream = $t->start_upstream;
my $issued = $t->add_token(resources => { main => 'read' });
$t->private_file('token', $issued);
$t->redis('PING');
$t->redis_server->settle;
is_deeply([PSM::Teardown::leaks($t)], [], 'an issued token is no leak');

sub plant {
	my ($path, $text) = @_;

	open my $fh, '>', $t->dir . "/$path" or die "$path: $!";
	print $fh $text;
	close $fh;
}

sub found {
	my ($where) = @_;
	$t->redis_server->settle;
	return scalar grep { /^\Q$where\E: / } PSM::Teardown::leaks($t);
}

for my $path (qw(logs/access.log logs/error.log cache/0a tmp/body)) {
	plant($path, "something $issued\n");
	ok(found($path =~ s{^logs/}{}r), "found in $path");
	unlink $t->dir . "/$path";
}

$t->http('GET', '/echo', port => $upstream->port,
	headers => ['X-Auth' => $issued]);
ok(found('upstream 1'), 'found in what the upstream got');
ok(found('response body'), 'found in a response body');
$t->{answers} = [{ status => 302, reason => '', body => '',
	headers => [[Location => "/t/$issued/x"]] }];
ok(found('response header location'), 'found in a response header');

$t->redis('SET', 'psm:t:x', $issued);
ok(found('redis data'), 'found in a value of Redis');
ok(found('redis monitor'), 'found in a command to Redis');

$t->allow_leak('response header location', new_token());
ok(found('response header location'), 'another token is not allowed there');
$t->allow_leak('response header location', $issued);
ok(!found('response header location'), 'this token is allowed there');
$t->allow_leak(qr/^(?:redis|upstream|response)/);
is_deeply([PSM::Teardown::leaks($t)], [], 'all is allowed there');

plant('logs/error.log', "2026/01/01 [alert] 1#1: worker process 2 exited\n"
	. "2026/01/01 [error] 1#1: a usual error\n");
is(scalar(() = PSM::Teardown::alerts($t)), 1, 'an alert is seen');
$t->expect_log(qr/worker process 2 exited/);
is(scalar(() = PSM::Teardown::alerts($t)), 0, 'an expected one is not');

$t->finish;
