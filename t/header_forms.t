#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The names and the grammar of the carrier headers: names that are almost
# one, every byte at every place of a value, base64 in all its spellings, and
# what a denial says of any of it (threats T45, T47, T48).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Check qw(answer_is code_of lookups_are);
use PSM::Gate;
use PSM::Modes;
use Test::More;

my $t = PSM::Gate->new(name => 'header forms');
$t->start_redis;
$t->file('main/noarch/x', "main\n");
$t->file('open/noarch/x', "open\n");
$t->set_channel('open', 'public');
my $modes = PSM::Modes->new($t, server => 'psm_token on;', more => <<'EOC');
	server {
		listen %%LISTEN5%%;
		root %%ROOT%%;
		underscores_in_headers on;
		psm_token on;
	}
	server {
		listen %%LISTEN6%%;
		root %%ROOT%%;
		underscores_in_headers on;
		ignore_invalid_headers off;
		psm_token on;
	}
EOC
my $T = $t->add_token(resources => { main => 'read' });
my $B = $t->add_token(resources => { other => 'read' });
my $path = '/main/noarch/x';

sub brief { return join ' ', $_[0]{status}, grep { length } code_of($_[0]) }

sub basic { return 'Basic ' . encode_base64($_[0], '') }

# Raw bytes of one header line, the last of a request, in a mode or on a port.
sub with_line {
	my ($where, $name, $value) = @_;

	return brief($modes->ask('h2', GET => $path,
		headers => [$name => $value])) if $where eq 'h2';
	my $port = $where =~ /\d/ ? $where : $modes->port($where);
	my $r = $t->request("GET $path HTTP/1.1\r\nHost: localhost\r\n"
		. "Connection: close\r\n$name: $value\r\n\r\n", port => $port);
	return brief($r);
}

# ------------------------------------------------------------- 1. T45, names

my @almost = (
	qw(X_Auth X.Auth XAuth X--Auth X-Auth- -X-Auth X-Auth_ X-Auth. X-Auth-Token
		X_Auth_Token X-Auth1 X-Aut Y-Auth X_API_Key X-API_Key X_API-Key
		X.API.Key X-API-Keys X-API-Key- XAPIKey Api-Key X-ApiKey
		Authorization_ Authorization. Authorisation X-Authorization
		Proxy-Authorization X-Forwarded-Authorization Authentication
		Private-Token X-PSM-Token Cookie),
);
my %servers = (plain => 'plain', h2 => 'h2', unmerged => 'unmerged',
	proxied => 'proxied', 'underscores on' => $t->port(5),
	'invalid ones, too' => $t->port(6));
for my $server (sort keys %servers) {
	my (%got, %wanted);
	lookups_are($t, 0, sub {
		for my $name (@almost) {
			my $value = $name =~ /^(?:P|X-F|X-Auth[eo]|Authori)/
				? "Bearer $T" : $T;
			$got{$name} = with_line($servers{$server}, $name, $value);
			$wanted{$name} = '401 token_missing';
		}
	}, "T45 $server: no look-up for a name that is almost one", 'psm:t:');
	is_deeply(\%got, \%wanted, '  and each is nobody');
}
# A header that is none of ours is passed on as it came, token or not; what
# nginx does not take for a name is not.
for my $mode ($modes->names) {
	for my $name (grep { $mode ne 'proxied' || /[_.]/ } @almost) {
		answer_is($modes->ask($mode, GET => $path,
			headers => ['X-Auth' => $T, $name => $B]), 200, undef,
			"T45 $mode: $name changes nothing");
	}
}
my $before = $t->{upstreams}[0]->requests;
$modes->ask('proxied', GET => $path, headers => ['X-Auth' => $T, $_ => 'alias'])
	for qw(X_Auth X.Auth X_API_Key Authorization_);
my @passed = ($t->{upstreams}[0]->requests)[$before .. $before + 3];
is(scalar(grep { /\AGET/ } @passed), 4, 'T45 requests with an alias are passed on');
is(scalar(grep { /alias/ } @passed), 0, '  nginx drops the alias');
for my $name (qw(x-auth X-AUTH x-AuTh x-api-key X-Api-Key)) {
	is(with_line('plain', $name, $T), '200', "T45 $name is the name");
}
# A blank belongs to no name, and a folded line is not joined.
for (["X-Auth : $T", '400'], ["X-Auth\t: $T", '400'],
	["X-Auth:\r\n $T", '400'], [" X-Auth: $T", '400'])
{
	my ($line, $status) = @$_;
	my $r = $t->request("GET $path HTTP/1.1\r\nHost: localhost\r\n"
		. "Connection: close\r\n$line\r\n\r\n");
	is($r->{status}, $status, 'T45 refused by nginx: '
		. $line =~ s/\Q$T\E/T/r =~ s/\r\n/ CRLF/r =~ s/\t/ HT/r);
}

# ------------------------------------------------------------- 2. T47, bytes

# At each place: what comes before the byte, what after; the answer to any
# byte, and to those that are otherwise. h2: what differs there.
my $missing = '401 token_missing';
my $malformed = '401 token_malformed';
my %line_end = (0 => '400', 10 => $malformed, 13 => '400');
my %blank = (9 => '200', 32 => '200');
my ($half, $other_half) = (substr($T, 0, 20), substr $T, 20);
my @places = (
	['X-Auth, before', 'X-Auth', '', $T, $malformed, %line_end, %blank],
	['X-Auth, inside', 'X-Auth', $half, $other_half, $malformed, %line_end],
	# A line may end with LF alone, and nginx passes over a second CR.
	['X-Auth, behind', 'X-Auth', $T, '', $malformed, 0 => '400',
		10 => '200', 13 => '200', %blank],
	['X-API-Key, inside', 'X-API-Key', $half, $other_half, $malformed,
		%line_end],
	['Bearer, before', 'Authorization', 'Bearer ', $T, $malformed, %line_end,
		32 => '200'],
	['Bearer, inside', 'Authorization', "Bearer $half", $other_half,
		$malformed, %line_end],
	['Bearer, behind', 'Authorization', "Bearer $T", '', $malformed,
		0 => '400', 10 => '200', 13 => '200', %blank],
	# The byte is part of the scheme, and the scheme is not known.
	['scheme, behind', 'Authorization', 'Bearer', $T, $missing, %line_end,
		9 => $malformed, 32 => '200'],
	['scheme, before', 'Authorization', '', "Bearer $T", $missing, 0 => '400',
		10 => '400', 13 => '400', %blank],
	['scheme token, behind', 'Authorization', 'token', $T, $missing,
		%line_end, 9 => $malformed, 32 => '200'],
);
for (@places) {
	my ($place, $name, $front, $back, $any, %else) = @$_;
	# nginx: a header value over HTTP/2 has no line ends and no zero.
	my %h2 = (%else, map { $_ => '0' } 0, 10, 13);
	for my $mode ('plain', 'h2') {
		my $rule = $mode eq 'h2' ? \%h2 : \%else;
		my (%got, %wanted);
		for my $byte (0 .. 255) {
			$got{$byte} = with_line($mode, $name,
				$front . chr($byte) . $back);
			$wanted{$byte} = $rule->{$byte} // $any;
		}
		is_deeply(\%got, \%wanted, "T47 $mode: 256 bytes, $place");
	}
}

# The same inside Basic, where no byte is special to nginx.
my @pairs = (
	['in the user', sub { "m$_[0]e:$T" }, '200', ord(':') => $malformed],
	['before the password', sub { "me:$_[0]$T" }, $malformed],
	['behind the password', sub { "me:$T$_[0]" }, $malformed],
	['in the password', sub { "me:$half$_[0]$other_half" }, $malformed],
	['before a user that is the token', sub { "$_[0]$T:" }, $malformed],
	['behind a user that is the token', sub { "$T$_[0]:" }, $malformed],
	['for a password', sub { "$T:$_[0]" }, $malformed],
);
for (@pairs) {
	my ($place, $make, $any, %else) = @$_;
	my (%got, %wanted);
	for my $byte (0 .. 255) {
		$got{$byte} = with_line('plain', 'Authorization',
			basic($make->(chr $byte)));
		$wanted{$byte} = $else{$byte} // $any;
	}
	is_deeply(\%got, \%wanted, "T47 Basic: 256 bytes $place");
}

# ------------------------------------------------------------ 3. T47, base64

# A user name of one to three bytes gives each number of padding characters.
for my $user ('a', 'ab', 'abc') {
	my $code = encode_base64("$user:$T", '');
	my $bare = $code =~ s/=+\z//r;
	my $pad = length($code) - length $bare;
	my $digits = substr $bare, -1;
	my @forms = (
		['as it is', $code, '200'],
		['without padding', $bare, '200'],
		['for URLs', $code =~ tr{+/}{-_}r, '200'],
		['padding too long', "$code=", $malformed],
		['padding in the middle', substr($bare, 0, 8) . '=' . substr($bare, 8),
			$malformed],
		['padding first', "=$bare", $malformed],
		['a digit too many', $bare . ($pad == 1 ? 'AA' : 'A'), $malformed],
		['one digit gone', substr($bare, 0, -1), $malformed],
		['a blank inside', substr($bare, 0, 9) . ' ' . substr($bare, 9),
			$malformed],
		['a tab inside', substr($bare, 0, 9) . "\t" . substr($bare, 9),
			$malformed],
		['percent-encoded', $bare =~ s/([A-F])/sprintf '%%%02x', ord $1/er,
			$malformed],
		['two of them', "$code,$code", $malformed],
		['quoted', "\"$code\"", $malformed],
		['encoded twice', encode_base64($code, ''), $malformed],
	);
	# Bits that belong to no byte make a second spelling.
	push @forms, ['bits left over', substr($bare, 0, -1)
		. ($digits =~ tr{A-Za-z0-9+/}{B-Za-z0-9+/A}r), $malformed] if $pad;
	for (@forms) {
		my ($name, $value, $wanted) = @$_;
		$t->secret($value);
		for my $mode ($modes->names) {
			is(with_line($mode, 'Authorization', "Basic $value"), $wanted,
				"T47 $mode: base64 of $user: $name");
		}
	}
}
my @sizes = map {
	my $pair = 'u' x ($_ - 47) . ":$T";
	[length $pair, basic($pair)];
} 48, 511, 512, 513, 2000;
for (@sizes) {
	my ($size, $value) = @$_;
	is(with_line('plain', 'Authorization', $value), $size <= 512 ? '200'
		: $malformed, "T47 a pair of $size bytes");
}

# ---------------------------------------------------------- 4. T48, no echo

# What could end a quoted string, a line, a JSON text or a page.
my @hostile = map { ($_, "$_$_") } '"', '\\', "'", '<script>', '&amp;', '%0d%0a',
	'%22', '","error":"', "\xe2\x80\xa8", '${jndi:x}', '{{1}}';
my (%challenges, %bodies);
for my $text (@hostile) {
	my $escaped = $text =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ger;
	my @requests = (
		[["/t/x$escaped/main/noarch/x"]],
		[["/$escaped/noarch/x"], 'X-Auth' => $T],
		[['/main/noarch/x'], 'X-Auth' => "x$text"],
		[['/main/noarch/x'], Authorization => "Bearer $text"],
		[['/main/noarch/x'], Authorization => basic("$text:x$text")],
		[['/main/noarch/x'], Host => 'h', 'X-Auth' => 'x', 'User-Agent' => $text],
	);
	for (@requests) {
		my ($path, @headers) = @$_;
		my $r = $t->http('GET', $path->[0], headers => \@headers);
		next if $r->{status} !~ /^40[13]$/;
		my $code = code_of($r);
		$challenges{$code}{ $t->header($r, 'WWW-Authenticate') // '-' } = 1;
		$bodies{$code}{ $r->{body} =~ s/[0-9a-f]{32}/ID/gr } = 1;
	}
}
is_deeply(\%challenges, {
	token_malformed => { 'Bearer realm="psm", error="invalid_token"' => 1 },
	action_unknown => { '-' => 1 },
}, 'T48 the challenge is constant') or diag(explain(\%challenges));
is(keys %{ $bodies{$_} }, 1, "T48 so is the body of $_") for sort keys %bodies;

$t->finish;
