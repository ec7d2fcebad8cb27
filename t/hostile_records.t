#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T84: poisoned records, generated: every field of a good one with every value
# that is not of its kind, each field missing, doubled, misspelt; and the same
# for the privacy of a channel. None of them grants anything.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(log_count until_status);
use PSM::Check qw(code_of);
use PSM::Gate;
use PSM::Token qw(new_id);
use Test::More;

my $t = PSM::Gate->new(name => 'records');
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');
$t->start_redis;
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=10s connect_timeout=10s;
psm_token_cache off;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	keepalive_requests 100000;
}
EOC
$t->start_nginx;

my $token = $t->unknown_token;
my $key = $t->token_key($token);
my $later = time + 86400;

# A record as a list of [key, JSON], so that a key may stand twice.
my %common = (
	v => '1', id => '"' . new_id() . '"', rev => '1', name => '"n"',
	owner => '"o"', created => '1790000000', expires => $later, by => '"o"',
	desc => '"d"',
);
my %good = (
	resource => { %common, type => '"resource"',
		resources => '{"main":"manage"}' },
	scope => { %common, type => '"scope"', channels => '["main"]',
		scopes => '["artifact:download","channel:view-artifacts"]' },
);

sub json { return '{' . join(',', map { qq("$_->[0]":$_->[1]) } @_) . '}' }

sub fields { my ($r) = @_; return map { [$_, $r->{$_}] } sort keys %$r }

# ---- values that are not of a kind ----

my %values = (
	number => [qw(0 1 -1 -0 1.0 1.5 1e3 1E400 9223372036854775807
		9223372036854775808 18446744073709551616 -9223372036854775809)],
	text => ['""', '"1"', '"*"', '"x"', '"NaN"', '"true"', '"null"', '"\u0000"',
		'"a\nb"', '"../main"', '"' . 'x' x 3000 . '"', '"main"'],
	word => [qw(true false null)],
	list => ['[]', '[1]', '["*"]', '[null]', '[["main"]]', '[{}]', '["main",1]',
		'["main","main"]', '["a"' . ',"a"' x 300 . ']'],
	object => ['{}', '{"*":"read"}', '{"main":"*"}', '{"main":1}',
		'{"main":null}', '{"main":["read"]}', '{"main":{"main":"read"}}',
		'{"main":"READ"}', '{"main":"read "}', '{"":"read"}',
		'{"main/":"read"}', '{"/main":"read"}', '{"main//x":"read"}',
		'{"main/*":"read"}', '{"t":"read"}', '{"noarch":"read"}',
		'{"main":"read","main":"manage"}',
		'{"m\u0061in":"read","main":"manage"}', '{"main\u0000":"read"}'],
	nothing => ['', 'NaN', 'Infinity', 'undefined', "'x'", '01', '+1', '0x1',
		'.5', '"open', '[1', '{"a":1', '1 1', '"\ud800"', "\"\xff\""],
);

# The kinds of value that are right for a field; what else is of this kind and
# yet wrong is told by the rows behind.
my %kind = (
	v => 'number', rev => 'number', created => 'number', expires => 'number',
	deleted => 'number', id => 'text', name => 'text', owner => 'text',
	type => 'text', resources => 'object', scopes => 'list',
	channels => 'list', disabled => 'word',
);
my %also_wrong = (
	v => [grep { $_ ne '1' } @{ $values{number} }],
	rev => [qw(-1 1.5 1E400 9223372036854775808)],
	created => [qw(-1 1.5 1E400 9223372036854775808 18446744073709551616)],
	expires => [qw(0 1 -1 1.0 1.5 1e3 1E400 9223372036854775808
		18446744073709551616 -9223372036854775809)],
	deleted => [qw(1 -1 1.5 1E400 9223372036854775808)],
	type => [$values{text}->@*, '"Resource"', '"resource "', '"scopes"',
		'"resource\u0000"', '"admin"'],
	resources => [grep { $_ ne '{}' } $values{object}->@*],
	scopes => [grep { !/a.*a|^\["main/ } $values{list}->@*],
	channels => [$values{list}->@*],
	disabled => ['true', 'null'],
	id => ['""', '"*"', '"a\nb"', '"\u0000"'],
	name => ['""', '"a\nb"', '"\u0000"'],
	owner => ['""', '"*"', '"a\nb"', '"\u0000"', '"../main"'],
);

# [what it is, the text]
my @poisoned;
for my $type (sort keys %good) {
	my %base = %{ $good{$type} };
	for my $field (sort keys %kind) {
		next if $field =~ /^(?:resources|scopes|channels)$/ && !$base{$field};
		my @wrong = (@{ $also_wrong{$field} // [] },
			map { @{ $values{$_} } }
				grep { $_ ne $kind{$field} } sort keys %values);
		push @poisoned, map {
			["$type, $field: " . substr($_, 0, 30),
				json(fields({ %base, $field => $_ }))];
		} @wrong;
		push @poisoned, ["$type, $field in capitals and as it is",
			json(fields({ %base, $field => $also_wrong{$field}[0],
				uc $field => $base{$field} // 1 }))];
	}
	for my $field (sort keys %base) {
		for my $value ($base{$field}, '1', 'null', '"x"', '{}', '[]') {
			push @poisoned, ["$type, $field twice: $value",
				json(fields(\%base), [$field, $value])],
				["$type, $field twice, first: $value",
				json([$field, $value], fields(\%base))];
		}
		next if $field =~ /^(?:by|desc|expires|channels|rev|created)$/;
		my %less = %base;
		delete $less{$field};
		push @poisoned, ["$type without $field", json(fields(\%less))],
			["$type, \u$field for $field",
				json(fields(\%less), [ucfirst $field, $base{$field}])];
	}
}

# Both kinds at once, and one under the other's name.
for my $type (sort keys %good) {
	my %both = (%{ $good{resource} }, %{ $good{scope} },
		type => $good{$type}{type});
	push @poisoned, ["both kinds, called $type", json(fields(\%both))];
	my ($other) = grep { $_ ne $type } keys %good;
	push @poisoned, ["$other, called $type",
		json(fields({ %{ $good{$other} }, type => $good{$type}{type} }))];
}

# Scopes that are none, alone: the record may be sound, it grants nothing.
push @poisoned, map {
	["the scope $_ alone",
		json(fields({ %{ $good{scope} }, scopes => qq(["$_"]) }))]
} '*', '*:*', 'artifact:*', 'artifact', 'artifact:', ':download',
	'ARTIFACT:DOWNLOAD', 'artifact:download ', ' artifact:download',
	'artifact:download,channel:view-artifacts', 'artifact:down', 'admin',
	'artifact:download\u0000', 'read', 'manage';

# ---- asked ----

my $socket;

sub ask {
	my ($path) = @_;

	for (1, 2) {
		$socket //= $t->connect;
		my $r = $t->http('GET', $path, sock => $socket);
		return $r if $r->{status};
		undef $socket;
	}
}

sub stored {
	my ($name, $text) = @_;
	$t->redis('SET', $name, $text);
}

my $path = "/t/$token/$file";
stored($key, json(fields($good{$_}))),
	is(until_status(sub { ask($path) }, 200)->{status}, 200,
		"a good $_ token") for sort keys %good;
my (@granted, %seen);
for my $one (@poisoned) {
	my ($name, $text) = @$one;
	stored($key, $text);
	my $r = ask($path);
	$seen{ "$r->{status} " . code_of($r) }++;
	push @granted, "$name: $r->{status}" if $r->{status} !~ /^40[13]$/;
}
cmp_ok(scalar @poisoned, '>', 1000, 'T84 ' . @poisoned . ' poisoned records');
is(join("\n", @granted), '', 'T84 none of them grants');
delete @seen{'401 record_invalid', '401 token_disabled', '401 token_expired',
	'403 scope_missing', '403 channel_not_granted'};
is(join(', ', %seen), '', '  and each is told why');
stored($key, json(fields($good{resource})));
is(ask($path)->{status}, 200, 'a good one, all the same');

# ---- the privacy of a channel ----

my @privacies = (map { @$_ } values %values);
my @channels = (
	(map { json(['v', 1], ['privacy', $_]) } @privacies, '"Public"',
		'"public "', '" public"', '"public\u0000"', '"publi"', '["public"]',
		'{"public":true}'),
	(map { json(['v', $_], ['privacy', '"public"']) }
		grep { $_ ne '1' } @privacies),
	(map { json(@$_) }
		[['v', 1], ['privacy', '"public"'], ['privacy', '"public"']],
		[['v', 1], ['v', 1], ['privacy', '"public"']],
		[['v', 1], ['Privacy', '"public"']], [['v', 1]], []),
	'', 'public', '"public"', '1', 'null', json(['privacy', '"public"']),
	json(['v', 1], ['privacy', '"public"']) . 'x',
	"\0" . json(['v', 1], ['privacy', '"public"']),
);
stored('psm:c:main', json(['v', 1], ['privacy', '"public"']));
is(ask("/$file")->{status}, 200, 'a public channel');
my @open;
for my $text (@channels) {
	stored('psm:c:main', $text);
	my $r = ask("/$file");
	push @open, substr($text, 0, 80) . ": $r->{status}"
		if "$r->{status} " . code_of($r) ne '401 token_missing';
}
is(join("\n", @open), '',
	'T84 none of ' . @channels . ' poisoned channels is open');
cmp_ok(log_count($t, qr/\[error\].*is invalid/), '>=', 500, 'it is logged');
$t->finish;
