#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# pip, that of the venv PSM_VENV, installs the demo's wheels from the simple/
# index of a channel.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/clients";

use Test::More;

use PSM::Clients qw(make_channels site_conf base_url venv run log_mark
	requests_since);
use PSM::Gate;
use PSM::Process qw(slurp);

my $t = PSM::Gate->new(name => 'pip');
$t->start_redis;
$t->write_conf(site_conf('/api/repo/'));
$t->start_nginx;
make_channels($t);

my $host = '127.0.0.1:' . $t->port;
my $pip = venv('pip');
my $token = $t->add_token(resources => {
	authenticated => 'read', private => 'read',
});
my $scope_token = $t->add_token(scopes => [qw(artifact:download
	channel:view-artifacts)]);
my $other = $t->add_token(resources => { authenticated => 'read' });
my $revoked = $t->add_token(resources => { private => 'read' });
$t->revoke($revoked);

# Installs the wheel of a channel from the index; gives what run gives, with
# what was installed, and the requests.
sub install {
	my ($index, $channel, %arg) = @_;

	my $name = 'psm-demo-' . $channel =~ s{/}{-}gr;
	my $from = log_mark($t);
	my $got = run($t, [$pip, '--disable-pip-version-check', '--no-input',
		'install', '--no-deps', '--no-compile', '--retries', 0, '--target', 'site',
		$index ? ('--index-url', $index) : (), $name], %arg);
	$got->{module} = slurp("$got->{home}/site/" . ($name =~ tr/-/_/r)
		. '/__init__.py');
	$got->{seen} = [requests_since($t, $from)];
	return $got;
}

sub succeeds {
	my ($name, $channel, $index, %arg) = @_;

	my $got = install($index, $channel, %arg);
	is($got->{exit}, 0, "$name: installs") or diag($got->{err});
	is($got->{module}, qq{CHANNEL = "$channel"\n}, "$name: the right module");
	my @files = grep { $_->{path} =~ /\.whl$/ } @{ $got->{seen} };
	is_deeply([map { $_->{status} } @files], [200], "$name: one wheel");
	is_deeply([grep { $_->{status} >= 400 } @{ $got->{seen} }], [],
		"$name: no request is refused");
	return $got;
}

sub refused {
	my ($name, $status, $reason, $index, %arg) = @_;

	my $got = install($index, 'private', %arg);
	isnt($got->{exit}, 0, "$name: fails");
	is($got->{module}, '', "$name: nothing installed");
	my %seen = map { ("$_->{status} $_->{reason}" => 1) } @{ $got->{seen} };
	is_deeply([keys %seen], ["$status $reason"], "$name: $status $reason");
}

subtest 'Basic' => sub {
	for my $channel (qw(private authenticated)) {
		my $got = succeeds("the token as the user, $channel", $channel,
			"http://$token:x-auth-token\@$host/$channel/simple/");
		is((grep { $_->{path} =~ m{/t/} } @{ $got->{seen} }), 0,
			'no token in the path');
	}
	succeeds('the token as the password', 'private',
		"http://any:$token\@$host/private/simple/");
	succeeds('scopes, in .netrc', 'private', "http://$host/private/simple/",
		files => { '.netrc' => "machine 127.0.0.1 login $scope_token "
			. "password x-auth-token\n" });
};

subtest 'in the path' => sub {
	my $got = succeeds('first', 'private',
		"http://$host/t/$token/private/simple/");
	is((grep { $_->{path} !~ m{^/t/\*{4}/} } @{ $got->{seen} }), 0,
		'each request carries it');
	succeeds('behind a base', 'private',
		"http://$host/api/repo/t/$token/private/simple/");
	succeeds('from the environment', 'private/dev', undef, env => {
		PIP_INDEX_URL => "http://$host/t/$token/private/dev/simple/" });
};

subtest 'a public channel needs no token' => sub {
	succeeds('public', 'public', "http://$host/public/simple/");
};

subtest 'refused' => sub {
	refused('no token', 401, 'token_missing', "http://$host/private/simple/");
	refused('a revoked token', 401, 'token_disabled',
		"http://$revoked:x-auth-token\@$host/private/simple/");
	refused('a token nobody issued, in the path', 401, 'token_unknown',
		"http://$host/t/" . $t->unknown_token . '/private/simple/');
	refused('a token for another channel', 403, 'channel_not_granted',
		"http://$other:x-auth-token\@$host/private/simple/");
};

$t->finish;
