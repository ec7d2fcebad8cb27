#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Two credentials in one request: every pair of values in every pair of
# places, against the rule of design.md section 2 written here once more; and
# several lines of one header (threats T42 to T44).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Check qw(answer_is code_of lookups spoiled_token);
use PSM::Gate;
use PSM::Modes;
use Test::More;

my $t = PSM::Gate->new(name => 'ambiguity');
$t->start_redis;
$t->file('main/noarch/x', "main\n");
my $modes = PSM::Modes->new($t, server => <<'EOC');
	psm_token on;
	psm_token_strict on;
	large_client_header_buffers 8 16k;
EOC

my %text = (
	A => $t->add_token(resources => { main => 'read' }),
	B => $t->add_token(resources => { other => 'read' }),
	expired => $t->add_token(resources => { main => 'read' },
		expires => time - 1),
	unknown => $t->unknown_token,
	typo => spoiled_token($t),
	garbage => 'word',
	placeholder => '*****',
	empty => '',
);
# Who holds a well-formed token is looked up, and this comes of it.
my %known = (
	A => '200', B => '403 channel_not_granted',
	expired => '401 token_expired', unknown => '401 token_unknown',
);
my @values = sort keys %text;
my @places = qw(path bearer token basic x-auth x-api-key);

# The header line of a place: three places are in one line.
my %line = (map({ $_ => 'Authorization' } qw(bearer token basic)),
	'x-auth' => 'X-Auth', 'x-api-key' => 'X-API-Key');

sub header_of {
	my ($place, $text) = @_;

	my %value = (
		bearer => "Bearer $text", token => "token $text",
		basic => 'Basic ' . encode_base64("me:$text", ''),
		'x-auth' => $text, 'x-api-key' => $text,
	);
	return $line{$place} => $value{$place};
}

# The path and the headers of a request that holds [place, value] pairs.
sub request_of {
	my ($before, @headers) = ('');
	for (@_) {
		my ($place, $value) = @$_;
		if ($place eq 'path') {
			$before .= "/t/$text{$value}";
		} else {
			push @headers, header_of($place, $text{$value});
		}
	}
	return ("$before/main/noarch/x", @headers);
}

# The rule. An empty segment is refused where nginx does not merge slashes;
# where it does, what comes next is the token, and is none.
sub expected {
	my ($mode, @pairs) = @_;

	my %lines;
	for my $place (grep { $_ ne 'path' } map { $_->[0] } @pairs) {
		return '400' if $lines{ $line{$place} }++;
	}
	my @path = map { $_->[1] } grep { $_->[0] eq 'path' } @pairs;
	return '400' if $mode eq 'unmerged' && grep { $_ eq 'empty' } @path;
	# "/t//t/B" is "/t/t/B": one pair, whose token is "t".
	@pairs = (['path', 'garbage'], grep { $_->[0] ne 'path' } @pairs)
		if @path && $path[0] eq 'empty';

	my %token = map { $_ => 1 } grep { $known{$_} } map { $_->[1] } @pairs;
	return '401 token_ambiguous' if keys %token > 1;
	# Beside a token, a header that holds none is nobody's business.
	my @counts = grep { !$known{ $_->[1] } && (!%token || $_->[0] eq 'path') }
		@pairs;
	return '401 token_masked' if grep { $_->[1] eq 'placeholder' } @counts;
	return '401 token_malformed' if @counts;
	return $known{ (keys %token)[0] };
}

sub brief { return join ' ', $_[0]{status}, grep { length } code_of($_[0]) }

# Every pair of values in a pair of places: the answers, and one look-up for
# each that needs one.
sub all_values {
	my ($mode, $one, $two) = @_;

	my (%got, %wanted);
	my ($before, $needed) = (lookups($t, 'psm:t:'), 0);
	for my $v (@values) {
		for my $w (@values) {
			my @pairs = ([$one, $v], [$two, $w]);
			my ($path, @headers) = request_of(@pairs);
			my $row = "$one $v, $two $w";
			$got{$row} = brief($modes->ask($mode, GET => $path,
				headers => \@headers));
			$wanted{$row} = expected($mode, @pairs);
			$needed++ if grep { $_ eq $wanted{$row} } values %known;
		}
	}
	is_deeply(\%got, \%wanted, "T42 $mode: all pairs in $one and $two");
	is(lookups($t, 'psm:t:') - $before, $needed, '  no look-up too many');
}

# ------------------------------------------------------------- 1. one by one

for my $mode ($modes->names) {
	my (%got, %wanted);
	for my $place (@places) {
		for my $value (@values) {
			my ($path, @headers) = request_of([$place, $value]);
			$got{"$place $value"} = brief($modes->ask($mode, GET => $path,
				headers => \@headers));
			$wanted{"$place $value"} = expected($mode, [$place, $value]);
		}
	}
	is_deeply(\%got, \%wanted, "T42 $mode: one carrier, all values");
}

# ------------------------------------------------------------- 2. every pair

my @pairs = map {
	my $i = $_;
	map { [$places[$i], $places[$_]] } $i .. $#places;
} 0 .. $#places;
all_values('plain', @$_) for @pairs;

# In the other ways, what differs by kind: path and path, path and header,
# header and header, one header twice.
for my $mode (grep { $_ ne 'plain' } $modes->names) {
	all_values($mode, @$_) for ['path', 'path'], ['path', 'basic'],
		['bearer', 'x-auth'], ['x-api-key', 'x-api-key'];
}

# ---------------------------------------------------------- 3. all the places

my @rest = grep { $_ !~ /^(?:bearer|token)$/ } @places;
for my $mode ($modes->names) {
	my @rows = (
		['one token everywhere', [map { [$_, 'A'] } @rest], 200],
		['twice in the path, and everywhere', [['path', 'A'],
			map { [$_, 'A'] } @rest], 200],
		['one of them expired', [['path', 'A'], ['basic', 'A'],
			['x-api-key', 'expired']], 401, 'token_ambiguous'],
		['two bad ones agree: no fallback', [['path', 'expired'],
			['basic', 'expired'], ['x-auth', 'garbage']], 401,
			'token_expired'],
		['noise in three headers', [['path', 'A'], ['basic', 'garbage'],
			['x-auth', 'placeholder'], ['x-api-key', 'typo']], 200],
		['noise alone', [['basic', 'garbage'], ['x-auth', 'typo'],
			['x-api-key', 'empty']], 401, 'token_malformed'],
		['a placeholder among noise', [['basic', 'garbage'],
			['x-auth', 'placeholder'], ['x-api-key', 'empty']], 401,
			'token_masked'],
	);
	for (@rows) {
		my ($name, $pairs, $status, $code) = @$_;
		my ($path, @headers) = request_of(@$pairs);
		answer_is($modes->ask($mode, GET => $path, headers => \@headers),
			$status, $code, "T42 $mode: $name");
	}
}

# --------------------------------------------------------- 4. lines of a name

# More lines between them than a part of nginx's header list holds.
my @many = map { ("X-N$_" => $_) } 1 .. 45;
my ($A, $B) = @text{qw(A B)};
my @lines = (
	(map {
		my ($first, $second) = @$_;
		["T43 $first, then $second", [Authorization => $first =~ s/A$/$A/r,
			Authorization => $second =~ s/A$/$A/r]];
	} ['Bearer A', 'Bearer A'], ['Bearer A', 'Digest x="y"'],
		['Digest x="y"', 'Bearer A'], ['Bearer A', ''], ['', 'Bearer A'],
		['Negotiate YII=', 'Negotiate YII=']),
	['T43 in lower case', [Authorization => "Bearer $A",
		authorization => "Bearer $A"]],
	['T43 far apart', [Authorization => "Bearer $A", @many,
		Authorization => "Bearer $A"]],
	(map {
		my $name = $_;
		(["T44 $name, the same", [$name => $A, $name => $A]],
		["T44 $name, two", [$name => $A, $name => $B]],
		["T44 $name, the second empty", [$name => $A, $name => '']],
		["T44 $name, the first empty", [$name => '', $name => $A]],
		["T44 $name, noise twice", [$name => 'word', $name => 'word']],
		["T44 $name, three", [($name => $A) x 3]],
		["T44 $name in two cases", [$name => $A, uc $name => $A]],
		["T44 $name, far apart", [$name => $A, @many, $name => $A]],
		["T44 $name beside a good Bearer", [Authorization => "Bearer $A",
			$name => $A, $name => $A]]);
	} 'X-Auth', 'X-API-Key'),
);
my @one_line = (
	['T44 a list in one line', ['X-Auth' => "$A, $B"], 401, 'token_malformed'],
	['T44 the same in a list', ['X-API-Key' => "$A,$A"], 401,
		'token_malformed'],
	['T43 a list of Bearers', [Authorization => "Bearer $A, Bearer $B"], 401,
		'token_malformed'],
	['T44 one line of each, the same', ['X-Auth' => $A, @many,
		'X-API-Key' => $A], 200],
	['T44 one line of each, two tokens', ['X-Auth' => $A, @many,
		'X-API-Key' => $B], 401, 'token_ambiguous'],
);
for my $mode ($modes->names) {
	my $before = lookups($t, 'psm:t:');
	for (@lines) {
		my ($name, $headers) = @$_;
		answer_is($modes->ask($mode, GET => '/main/noarch/x',
			headers => $headers), 400, undef, "$name, $mode");
		answer_is($modes->ask($mode, GET => "/t/$A/main/noarch/x",
			headers => $headers), 400, undef, '  beside a path token');
	}
	is(lookups($t, 'psm:t:') - $before, 0, "$mode: no look-up for any of these");
	for (@one_line) {
		my ($name, $headers, $status, $code) = @$_;
		answer_is($modes->ask($mode, GET => '/main/noarch/x',
			headers => $headers), $status, $code, "$name, $mode");
	}
}

$t->finish;
