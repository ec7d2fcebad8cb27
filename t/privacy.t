#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Public, authenticated and private channels: who reads them, and which record
# counts.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Check qw(ask_as spoiled_token);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'privacy');
$t->start_redis;

my %privacy = (
	pub => 'public', auth => 'authenticated', priv => 'private',
	'pub/closed' => 'private', 'pub/members' => 'authenticated',
	'pub/closed/open' => 'public', 'priv/open' => 'public',
	'priv/members' => 'authenticated',
);
$t->set_channel($_, $privacy{$_}) for keys %privacy;
my ($file, $index) = ('noarch/x-1-0.conda', 'noarch/repodata.json');
$t->file("$_/$file", "package of $_"), $t->file("$_/$index", "index of $_")
	for keys %privacy, qw(
		plain pub/plain auth/plain priv/plain pub/closed/plain
		pub/closed/open/plain priv/open/plain
	);

$t->write_conf(<<'EOC');
root %%ROOT%%;
psm_token on;
add_header X-Status $psm_token_status always;

server {
	listen %%LISTEN1%%;
}
server {
	listen %%LISTEN2%%;
	psm_token_privacy public;
}
server {
	listen %%LISTEN3%%;
	psm_token_privacy authenticated;
}
server {
	listen %%LISTEN4%%;
	psm_token_require $http_x_need;
}
EOC
$t->start_nginx;

my $last;

# The answer in short; the response is $last then.
sub call {
	(my $answer, $last) = ask_as($t, @_);
	return $answer;
}

# ------------------------------------------------------- who may read it ---

my @view = qw(artifact:download channel:view-artifacts
	subchannel:view-artifacts);
my %token = (
	'no token' => undef,
	'read on all' => $t->add_token(
		resources => { map { $_ => 'read' } qw(pub auth priv) }),
	'manage on another' => $t->add_token(resources => { other => 'manage' }),
	'read on a longer name' => $t->add_token(
		resources => { map { $_ => 'read' } qw(pub2 auth2 priv2) }),
	'read scopes' => $t->add_token(scopes => \@view),
	'read scopes in reach' => $t->add_token(scopes => \@view,
		channels => [qw(pub auth priv)]),
	'read scopes out of reach' => $t->add_token(scopes => \@view,
		channels => ['other']),
	'other scopes' => $t->add_token(
		scopes => ['channel:edit', 'cve:view', 'artifact:view']),
	'other scopes out of reach' => $t->add_token(scopes => ['channel:edit'],
		channels => ['other']),
	expired => $t->add_token(resources => { map { $_ => 'manage' }
		qw(pub auth priv) }, expires => time - 1),
	'expired now' => $t->add_token(scopes => \@view, expires => time),
	disabled => $t->add_token(scopes => \@view,
		disabled => JSON::PP::true),
	deleted => $t->add_token(scopes => \@view),
	broken => $t->add_token(raw => '{"v":1,"type":"scope"'),
	unknown => $t->unknown_token,
	malformed => spoiled_token($t),
	masked => '********',
);
$t->revoke($token{deleted});

my ($yes, $public) = ('200 granted', '200 public');
my ($where, $scope) = ('403 channel_not_granted', '403 scope_missing');

# who => public, authenticated, private
my %who = (
	'no token' => [$public, ('401 token_missing') x 2],
	'read on all' => [($yes) x 3],
	'manage on another' => [$public, $where, $where],
	'read on a longer name' => [$public, $where, $where],
	'read scopes' => [($yes) x 3],
	'read scopes in reach' => [($yes) x 3],
	'read scopes out of reach' => [$public, $yes, $where],
	'other scopes' => [$public, $scope, $scope],
	'other scopes out of reach' => [$public, $where, $where],
	# A token that is no good says so, even where none is needed.
	expired => [('401 token_expired') x 3],
	'expired now' => [('401 token_expired') x 3],
	disabled => [('401 token_disabled') x 3],
	deleted => [('401 token_disabled') x 3],
	broken => [('401 record_invalid') x 3],
	unknown => [('401 token_unknown') x 3],
	malformed => [('401 token_malformed') x 3],
	masked => [('401 token_masked') x 3],
);
my %column = (public => 0, authenticated => 1, private => 2);

# Each channel that counts as public, authenticated, private: by its own
# record, by the nearest one above, or by none.
my %effective = (
	%privacy, 'pub/plain' => 'public', 'auth/plain' => 'authenticated',
	'priv/plain' => 'private', 'pub/closed/plain' => 'private',
	'pub/closed/open/plain' => 'public', 'priv/open/plain' => 'public',
);
for my $channel (sort keys %effective) {
	subtest "$channel is $effective{$channel}" => sub {
		for my $who (sort keys %who) {
			my $expected = $who{$who}[$column{ $effective{$channel} }];
			for my $path ("/$channel/$file", "/$channel/$index") {
				is(call('GET', $path, $token{$who}), $expected,
					"GET $path with $who");
				is(call('HEAD', $path, $token{$who}), $expected,
					"HEAD $path with $who");
			}
		}
	};
}

# A token in the path decides as one in a header.
for my $who (sort grep { defined $token{$_} } keys %who) {
	my @got = map { call('GET', "/t/$token{$who}/$_/$file") } qw(pub auth priv);
	is_deeply(\@got, $who{$who}, "in the path: $who");
}

# Privacy is about reading. A write needs its grant on any channel.
my %writer = (
	'no token' => [undef, '401 token_missing'],
	'a grant on another channel' => [$token{'manage on another'}, $where],
	'read' => [$token{'read on all'}, '403 level_too_low'],
	'read scopes' => [$token{'read scopes'}, $scope],
	'write scopes out of reach' => [$t->add_token(channels => ['other'],
		scopes => [map { "artifact:$_" } qw(create edit delete)]), $where],
	'an expired token' => [$token{expired}, '401 token_expired'],
);
for my $who (sort keys %writer) {
	my ($token, $expected) = @{ $writer{$who} };
	for my $channel (qw(pub auth priv)) {
		is(call($_, "/$channel/$file", $token), $expected,
			"$_ to $effective{$channel} with $who")
			for qw(POST PUT PATCH DELETE);
	}
}
is(call('OPTIONS', "/pub/$file"), '401 token_missing', 'OPTIONS is no read');
is(call('OPTIONS', "/pub/$file", $token{'read scopes'}), '403 action_unknown',
	'with a token neither');
is(call('GET', '/'), '401 token_missing', 'the root is no public channel');

# ------------------------------------- where no record says anything -------

my %port = (private => 1, public => 2, authenticated => 3);
for my $default (sort keys %port) {
	my @port = (port => $t->port($port{$default}));
	for my $who (sort keys %who) {
		next if $who =~ /^(?:read on all|.* in reach)$/;
		is(call('GET', "/plain/$file", $token{$who}, @port),
			$who{$who}[$column{$default}],
			"psm_token_privacy $default: $who");
	}
	for my $channel (sort keys %effective) {
		is(call('GET', "/$channel/$file", undef, @port),
			$who{'no token'}[$column{ $effective{$channel} }],
			"psm_token_privacy $default: the records of $channel win");
	}
}

# A record that cannot be read is not as good as none: it opens nothing.
$t->redis('SET', 'psm:c:bad', '{"v":1,"privacy":"open"}');
$t->redis('SET', 'psm:c:worse', 'public');
my $bad = $t->add_token(resources => { bad => 'read', worse => 'read' });
$t->file("$_/$file", "package of $_") for qw(bad worse bad/sub);
for my $channel (qw(bad worse bad/sub)) {
	for my $port (1, 2) {
		my @port = (port => $t->port($port));
		unlike(call('GET', "/$channel/$file", undef, @port), qr/^200/,
			"a broken record of $channel opens nothing");
		is(call('GET', "/$channel/$file", $bad, @port), $yes,
			'nor does it take a grant away');
	}
}

# ----------------------------------------------- public and psm_token_require

for my $case (
	['auto', 'GET', $public], ['read', 'GET', $public], ['read', 'HEAD', $public],
	['read', 'PUT', '401 token_missing'], ['write', 'GET', '401 token_missing'],
	['manage', 'GET', '401 token_missing'],
	['artifact:download', 'GET', '401 token_missing'],
	['channel:view', 'GET', '401 token_missing'],
) {
	my ($need, $method, $expected) = @$case;
	is(call($method, "/pub/$file", undef, port => $t->port(4),
		headers => ['X-Need', $need]), $expected,
		"$method of a public channel under psm_token_require $need");
}

$t->finish;
