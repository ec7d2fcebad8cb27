#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# conda's credentials in headers, tokens that were masked and are replayed, and
# what conda reads from a denial to print it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/clients";

use JSON::PP;
use MIME::Base64 qw(encode_base64);
use POSIX qw(strftime);
use Test::More;

use PSM::Conda qw(start);

my $t = start('conda, denied');
my $token = $t->add_token(resources => { private => 'read' });
my $other = $t->add_token(resources => { authenticated => 'read' });
my $revoked = $t->add_token(resources => { private => 'read' });
$t->revoke($revoked);
my $died = time - 3600;
my $expired = $t->add_token(resources => { private => 'read' },
	expires => $died);

sub ask { return PSM::Conda::ask($t, @_) }

subtest 'the token in a header' => sub {
	my $basic = sub { 'Basic ' . encode_base64(join(':', @_), '') };
	my %value = (
		'user and password in the URL, or .netrc' => $basic->('any', $token),
		'the token as the user' => $basic->($token, ''),
		'conda-auth' => "Bearer $token",
		'a token for the public service' => "token $token",
	);
	my $session = $t->connect;
	for my $name (sort keys %value) {
		for my $place ('', '/api/repo') {
			my $r = ask($session, 'GET',
				"$place/private/noarch/repodata.json.zst",
				Authorization => $value{$name});
			is($r->{status}, 200, "$name, $place/");
		}
	}
	is(ask($session, 'GET', "/t/$token/private/noarch/repodata.json",
		Authorization => $basic->('someone', 'else'))->{status}, 200,
		'a .netrc for the same host does not disturb a token in the path');
	is(ask($session, 'GET', "/t/$token/private/noarch/repodata.json",
		Authorization => "Bearer $other")->{status}, 401,
		'two tokens do');
};

sub look_ups {
	$t->redis_server->settle;
	return scalar(() = $t->redis_server->monitored =~ /"GET" "psm:/gi);
}

subtest 'a masked token that is replayed' => sub {
	my $before = look_ups();
	my $session = $t->connect;
	for my $mask ('<TOKEN>', '%3CTOKEN%3E', '*****', '********', '$TOKEN',
		'${TOKEN}', '%24%7BTOKEN%7D')
	{
		for my $path ("/t/$mask/private", "/api/repo/t/$mask/private",
			"/t/$mask/api/repo/private", "/t/$mask/public")
		{
			my $r = ask($session, 'GET', "$path/noarch/repodata.json");
			is($r->{status}, 401, $path);
			is(eval { decode_json($r->{body})->{code} }, 'token_masked',
				"$path: says why");
		}
	}
	is(look_ups(), $before, 'and Redis is not asked');
};

# ------------------------------------------------------------------ denied --

# conda prints `reason` in place of the reason phrase and `message` in place of
# its own help; with problem+json, `detail` instead. 1024 characters at most.
sub is_printable {
	my ($name, $r, $status, $code) = @_;

	is($r->{status}, $status, "$name: $status");
	like($t->header($r, 'Content-Type'), qr{\Aapplication/problem\+json\z},
		"$name: type");
	cmp_ok(length $r->{body}, '<', 1024, "$name: conda shows it whole");
	my $problem = eval { decode_json($r->{body}) } // {};
	is($problem->{code}, $code, "$name: $code");
	is($problem->{status}, $status, "$name: the status again");
	for my $field (qw(detail reason message error title)) {
		like($problem->{$field}, qr/\A[A-Z][\x20-\x7e]* [\x20-\x7e]+\z/,
			"$name: $field is a line to print");
		unlike($problem->{$field}, qr/%|</, "$name: $field has no mark-up");
	}
	like($problem->{request_id}, qr/\A[0-9a-f]{32}\z/, "$name: request ID");
	like($problem->{detail}, qr/\b$problem->{request_id}\b/,
		"$name: detail tells the request ID, the only place conda shows");
	return $problem;
}

subtest 'what conda prints' => sub {
	my $session = $t->connect;
	my %case = (
		'no token' => ['', 401, 'token_missing'],
		'unknown' => ['/t/' . $t->unknown_token, 401, 'token_unknown'],
		'mistyped' => ['/t/' . $t->secret($token =~ s/.\z/-/r), 401,
			'token_malformed'],
		'revoked' => ["/t/$revoked", 401, 'token_disabled'],
		'expired' => ["/t/$expired", 401, 'token_expired'],
		'masked' => ['/t/<TOKEN>', 401, 'token_masked'],
		'elsewhere' => ["/t/$other", 403, 'channel_not_granted'],
	);
	my %texts;
	for my $name (sort keys %case) {
		my ($prefix, @answer) = @{ $case{$name} };
		for my $file (qw(noarch/repodata.json.zst noarch/repodata.json
			linux-64/repodata.json noarch/absent.tar.bz2))
		{
			my $r = ask($session, 'GET', "$prefix/private/$file");
			my $problem = is_printable("$name, $file", $r, @answer);
			my $text = $problem->{detail} =~ s/[0-9a-f]{32}//r;
			$texts{$name} //= $text;
			is($text, $texts{$name}, "$name, $file: always the same");
		}
	}
	my %different = reverse %texts;
	is(scalar keys %different, scalar keys %case, 'each has its own words');
	my $time = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $died);
	like($texts{expired}, qr/\Q$time\E/, 'an expired token: since when');
};

$t->finish;
