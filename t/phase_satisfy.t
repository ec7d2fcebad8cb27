#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T02, T03, T21: the gate beside nginx's other access modules, under satisfy
# any and all, in four modes; with Redis there and gone. The expected answer
# of each request is computed from nginx's rule for the access phase.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Check qw(answer_is code_of spoiled_token);
use PSM::Gate;
use PSM::PhaseModes;
use PSM::Process qw(wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'satisfy');
$t->start_redis;
my @kinds = map { my $s = $_; map { "${s}_$_" } qw(allow deny) } qw(any all);
$t->file("$_/noarch/x", "$_\n") for @kinds, qw(user_any user_all ask);
$t->private_file('users', "me:{PLAIN}secret\n");

my $locations = join "\n", map {
	my ($satisfy, $rule) = split /_/;
	"location /$_/ { satisfy $satisfy; $rule all; %%CONTENT%% }";
} @kinds;
# What the upstream refuses by itself.
my %theirs = ('/theirs/auth' => ['Negotiate'],
	'/theirs/noarch/x' => ['Negotiate', 'Bearer realm="theirs"']);
sub refuse {
	my ($request) = @_;
	my $challenges = $theirs{ $request->{uri} } or return;
	return [401, [map { ('WWW-Authenticate' => $_) } @$challenges], 'theirs'];
}
my $m = PSM::PhaseModes->new($t, handler => \&refuse, http => <<'EOC',
	log_format seen '$request|$request_uri|$uri|$status|$psm_token_status';
	access_log %%DIR%%/logs/seen.log seen;
	psm_token_cache off;
EOC
	server => <<"EOC");
	psm_token on;
	add_header X-Status \$psm_token_status always;
	add_header X-Seen "\$request|\$request_uri|\$http_authorization" always;
	$locations
	location /user_any/ {
		satisfy any;
		auth_basic "a realm";
		auth_basic_user_file %%DIR%%/private/users;
		%%CONTENT%%
	}
	location /user_all/ {
		auth_basic "a realm";
		auth_basic_user_file %%DIR%%/private/users;
		%%CONTENT%%
	}
	location /user_gated/ {
		satisfy any;
		auth_basic "a realm";
		auth_basic_user_file %%DIR%%/private/users;
		error_page 401 /page/noarch/x;
		%%CONTENT%%
	}
	location /asked_any/ {
		satisfy any;
		auth_request /auth;
		%%CONTENT%%
	}
	location /added/ { add_header WWW-Authenticate 'Digest realm="x"' always; }
	location = /auth {
		internal;
		psm_token off;
		proxy_pass http://%%UPSTREAM1%%/theirs/auth;
	}
	location /theirs/ { proxy_pass http://%%UPSTREAM1%%; }
EOC

my %resources = map { $_ => 'read' } @kinds,
	qw(user_any user_all user_gated asked_any theirs page);
my %token = (
	valid => $t->add_token(resources => \%resources),
	unknown => $t->unknown_token,
	expired => $t->add_token(resources => \%resources, expires => time - 1),
	'without the right' => $t->add_token(resources => { other => 'read' }),
	malformed => spoiled_token($t),
	masked => '********',
	none => undef,
);
my %denial = (
	unknown => [401, 'token_unknown'], expired => [401, 'token_expired'],
	'without the right' => [403, 'channel_not_granted'],
	malformed => [401, 'token_malformed'], masked => [401, 'token_masked'],
	none => [401, 'token_missing'],
);

# What nginx makes of the verdict of allow or deny and that of the gate,
# which is asked last: [status, code of the gate's body].
sub expected {
	my ($kind, $gate) = @_;

	my ($satisfy, $rule) = split /_/, $kind;
	if ($satisfy eq 'any') {
		return [200] if $rule eq 'allow';    # nobody asks the gate
		return $gate;
	}
	return $rule eq 'deny' ? [403] : $gate;
}

my %carrier = (
	path => sub { ("/t/$_[0]", []) },
	bearer => sub { ('', [Authorization => "Bearer $_[0]"]) },
	basic => sub { ('', [Authorization => 'Basic '
		. encode_base64("x:$_[0]", '')]) },
	'x-auth' => sub { ('', ['X-Auth' => $_[0]]) },
);

# Every kind of token in every place by every carrier.
sub combinations {
	my @who;
	for my $who (@_) {
		push @who, map { [$who, $_] } defined $token{$who}
			? sort keys %carrier : 'none';
	}
	return map { my $kind = $_; map { [$kind, @$_] } @who } @kinds;
}

# All of them in all modes; the verdict of the gate by kind of token.
sub matrix {
	my ($name, %gate) = @_;

	my @all = combinations(sort keys %gate);
	for my $mode ($m->names) {
		my @wrong;
		for (@all) {
			my ($kind, $who, $carrier) = @$_;
			my ($before, $headers) = $carrier eq 'none' ? ('', [])
				: $carrier{$carrier}->($token{$who});
			my $r = $m->ask($mode, GET => "$before/$kind/noarch/x",
				headers => $headers);
			my $fault = fault($r, $mode, $kind,
				@{ expected($kind, $gate{$who}) });
			push @wrong, "$kind, $who by $carrier: $fault" if $fault;
		}
		ok(!@wrong, "$name, $mode: " . @all . ' requests')
			or diag(map { "  $_\n" } @wrong);
	}
	return $m->names * @all;
}

# What is wrong with an answer, or nothing.
sub fault {
	my ($r, $mode, $kind, $status, $code) = @_;

	return "$r->{status} for $status" if $r->{status} != $status;
	return code_of($r) . ' for ' . ($code // 'none')
		if code_of($r) ne ($code // '');
	return "body $r->{body}" if $status == 200 && $r->{body} ne "$kind\n";
	return '' if $mode eq 'h2';    # whose headers are not read here
	my %sent;
	push @{ $sent{ lc $_->[0] } }, $_->[1] for @{ $r->{headers} };
	my $challenges = @{ $sent{'www-authenticate'} // [] };
	return "$challenges challenges" if $challenges != ($status == 401);
	my $retry = join ',', @{ $sent{'retry-after'} // [] };
	return "Retry-After $retry" if $retry ne ($status == 503 ? '2' : '');
	my $store = join ',', @{ $sent{'cache-control'} // [] };
	return "Cache-Control $store" if $code && $store ne 'no-store';
	return '';
}

# ------------------------------------------------------- T02: Redis is there

my ($all, @lines) = matrix('T02', valid => [200], %denial);
wait_for(sub {
	@lines = split /\n/, $t->log_text('seen.log');
	return @lines >= $all;
}, 10);
is(scalar @lines, $all, 'T02 all of them were logged');
is(scalar(grep { m{^GET (?:/t/\*{4})?/\w+/noarch/x HTTP/[12]\.[01]\|}
	&& m{\|/\w+/noarch/x\|/\w+/noarch/x\|} } @lines), scalar @lines,
	'T02 stripped and masked, also where the gate was not asked');
is(scalar(grep { /any_allow/ && !/\|200\|(?:granted|token_\w+|channel_\w+)$/ }
	@lines), 0, 'T02 the gate decided all the same, for the log');
# A write is let in by the other module as well: nginx's own 405, or the
# upstream.
for (['any_allow', 405], ['any_deny', 401], ['all_allow', 401],
	['all_deny', 403]) {
	my ($kind, $status) = @$_;
	my $r = $m->ask(plain => PUT => "/$kind/noarch/x", body => 'x');
	is($r->{status}, $status, "T02 PUT of nobody, $kind");
}

# --------------------------------------------------- T21: several challenges

sub challenges {
	my ($r) = @_;
	return join ' + ', sort map { $_->[1] =~ s/ .*//r }
		grep { lc $_->[0] eq 'www-authenticate' } @{ $r->{headers} };
}
my ($V, $U, $N) = @token{'valid', 'unknown', 'without the right'};
my $good = [Authorization => 'Basic ' . encode_base64('me:secret', '')];
my $bad = [Authorization => 'Basic ' . encode_base64('me:wrong', '')];
# name, path, headers, status, code, the schemes of the challenges
my @challenged = (
	['any, nobody', '/user_any/noarch/x', [], 401, 'token_missing',
		'Basic + Bearer'],
	['any, an unknown token', "/t/$U/user_any/noarch/x", [], 401,
		'token_unknown', 'Basic + Bearer'],
	['any, a wrong password', '/user_any/noarch/x', $bad, 401,
		'token_malformed', 'Basic + Bearer'],
	['any, an unknown token and a wrong password', "/t/$U/user_any/noarch/x",
		$bad, 401, 'token_unknown', 'Basic + Bearer'],
	['any, no right', "/t/$N/user_any/noarch/x", [], 401, '', 'Basic'],
	['any, a good token', "/t/$V/user_any/noarch/x", [], 200, '', ''],
	['any, a good token and a wrong password', "/t/$V/user_any/noarch/x",
		$bad, 200, '', ''],
	['any, a good password', '/user_any/noarch/x', $good, 200, '', ''],
	['any, a good password and an unknown token', "/t/$U/user_any/noarch/x",
		$good, 200, '', ''],
	['all, nobody', '/user_all/noarch/x', [], 401, '', 'Basic'],
	['all, a good token', "/t/$V/user_all/noarch/x", [], 401, '', 'Basic'],
	['all, a good password', '/user_all/noarch/x', $good, 401,
		'token_malformed', 'Bearer'],
	['all, a good password and an unknown token', "/t/$U/user_all/noarch/x",
		$good, 401, 'token_unknown', 'Bearer'],
	['all, both good', "/t/$V/user_all/noarch/x", $good, 200, '', ''],
	['any, a gated page', '/user_gated/noarch/x', [], 401, 'token_missing',
		'Basic + Bearer'],
	['auth_request, nobody', '/asked_any/noarch/x', [], 401, 'token_missing',
		'Bearer + Negotiate'],
	['auth_request, a good token', "/t/$V/asked_any/noarch/absent", [], 404,
		'', ''],
	['add_header, nobody', '/added/noarch/x', [], 401, 'token_missing',
		'Bearer + Digest'],
	['add_header, no right', "/t/$N/added/noarch/x", [], 403,
		'channel_not_granted', 'Digest'],
	["an upstream's own", "/t/$V/theirs/noarch/x", [], 401, '',
		'Bearer + Negotiate'],
);
for (@challenged) {
	my ($name, $path, $headers, $status, $code, $schemes) = @$_;
	for my $way ('plain', 'h2', 'proxied') {
		my $r = $way eq 'h2'
			? $t->h2($path, $headers, port => $m->port('h2'))
			: $m->ask($way, GET => $path, headers => $headers);
		is(join(', ', $r->{status}, code_of($r), challenges($r)),
			"$status, $code, $schemes", "T21 $name, $way");
	}
}

# ---------------------------------------------------------- T03: Redis is gone

$t->redis_server->stop;
my $away = [503, 'store_unavailable'];
# Whoever cannot be looked up, and nobody, who might read a public channel.
matrix('T03', (map { $_ => $away } qw(valid unknown expired none),
	'without the right'), map { $_ => $denial{$_} } qw(malformed masked));
for (['any_allow', 405, ''], ['any_deny', 401, 'token_missing'],
	['all_allow', 401, 'token_missing'], ['all_deny', 403, '']) {
	my ($kind, $status, $code) = @$_;
	my $r = $m->ask(plain => PUT => "/$kind/noarch/x", body => 'x');
	is("$r->{status} " . code_of($r), "$status $code",
		"T03 PUT of nobody needs no Redis, $kind");
}
my @away = (
	['any, a good password', '/user_any/noarch/x', $good, 200],
	# the core ends at once: it collects 401 and 403 only
	['any, nobody', '/user_any/noarch/x', [], 503, 'store_unavailable'],
	['all, nobody', '/user_all/noarch/x', [], 401],
	['all, a good password', "/t/$V/user_all/noarch/x", $good, 503,
		'store_unavailable'],
);
for (@away) {
	my ($name, $path, $headers, $status, $code) = @$_;
	my $r = $t->http(GET => $path, headers => $headers);
	answer_is($r, $status, $code, "T03 $name");
	unlike(challenges($r), qr/Bearer/, '  no challenge of ours');
	is($t->header($r, 'Retry-After'), $status == 503 ? '2' : undef,
		'  Retry-After');
}

$t->finish;
