#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T24: every percent-encoding of a valid URI is the same decision, the same
# file and the same line in the log. Systematic encodings (each byte by itself,
# each part, everything) and random ones, in all modes; PSM_SEED repeats a run.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use PSM::Modes;
use PSM::Process qw(wait_for);
use Test::More;

my $seed = srand($ENV{PSM_SEED} // time);
diag("PSM_SEED=$seed");

my $t = PSM::Gate->new(name => 'path encoding', log_level => 'error');
$t->start_redis;
my $name = 'a-1!1.0+g1 x-0.conda';
$t->file("$_/noarch/$name", "main\n") for qw(main api/repo/main);
my $m = PSM::Modes->new($t,
	http => 'log_format seen escape=none "$server_port|$status|'
		. '$psm_token_status|$psm_token_channel|$uri|$request_uri|$request";'
		. 'access_log %%DIR%%/logs/seen.log seen;',
	server => 'psm_token on; psm_token_base / /api/repo/;');

my $T = $t->add_token(resources => { main => 'read' });
my $O = $t->add_token(resources => { other => 'read' });
my $U = $t->unknown_token;

# A URI of each kind, in the parts that are encoded: what stands before the
# token, the token, what follows; and what every form of it must come to.
my $file = $name =~ s/ /%20/r;
my @kinds = (
	# name, parts, answer, code, $uri, how $request shows it
	['the front', ['/t/', $T, '/main', "/noarch/$name"], '200 main',
		'granted', "/main/noarch/$name", "/t/****/main/noarch/$file"],
	['behind a base', ['/api/repo/t/', $T, '/main', "/noarch/$name"],
		'200 main', 'granted', "/api/repo/main/noarch/$name",
		"/api/repo/t/****/main/noarch/$file"],
	['another channel', ['/t/', $O, '/main', "/noarch/$name"],
		'403 channel_not_granted', 'channel_not_granted',
		"/main/noarch/$name", "/t/****/main/noarch/$file"],
	['an unknown token', ['/t/', $U, '/main', "/noarch/$name"],
		'401 token_unknown', 'token_unknown', "/main/noarch/$name",
		"/t/****/main/noarch/$file"],
	['nothing behind it', ['/t/', $T], '404', '', '/', '/t/****'],
);

sub hex_of { return sprintf $_[1] ? '%%%02X' : '%%%02x', ord $_[0] }

# The characters at which `wanted` is true are encoded, and those that cannot
# stand in a request line. The first slash is never: a target begins with one.
sub encode {
	my ($text, $wanted, $upper) = @_;

	my @out = map {
		my $c = substr $text, $_, 1;
		$_ > 0 && ($c eq ' ' || $wanted->($_))
			? hex_of($c, $upper // int rand 2) : $c;
	} 0 .. length($text) - 1;
	return join '', @out;
}

# Each byte, then each run of parts, in both cases of the hexadecimal digits.
sub systematic {
	my (@parts) = @_;

	my $text = join '', @parts;
	my @forms;
	for my $upper (0, 1) {
		for my $at (1 .. length($text) - 1) {
			push @forms, encode($text, sub { $_[0] == $at }, $upper);
		}
		my @ends = (0);
		push @ends, $ends[-1] + length for @parts;
		for my $from (0 .. $#parts) {
			for my $to ($from + 1 .. @parts) {
				push @forms, encode($text, sub {
					$_[0] >= $ends[$from] && $_[0] < $ends[$to]
				}, $upper);
			}
		}
		push @forms, encode($text,
			sub { substr($text, $_[0], 1) eq '/' }, $upper);
	}
	return @forms;
}

sub random {
	my ($n, @parts) = @_;

	my $text = join '', @parts;
	return map {
		my $share = (0.02, 0.1, 0.5, 0.9)[int rand 4];
		encode($text, sub { rand() < $share });
	} 1 .. $n;
}

my ($asked, $log) = (0, $t->dir . '/logs/seen.log');
for my $mode ($m->names) {
	my %lines;
	for (@kinds) {
		my ($what, $parts, $wanted, $code, $uri, $line) = @$_;
		my @forms = (encode(join('', @$parts), sub { 0 }));
		push @forms, systematic(@$parts) if $what =~ /front|base/;
		push @forms, random($what eq 'the front' ? 120 : 50, @$parts);
		my @wrong;
		for my $form (@forms) {
			my $got = PSM::Modes::in_short($m->ask_next($mode, 'GET', $form));
			push @wrong, "$got: " . $form =~ s/$T|$O|$U/TOKEN/r
				if $got ne $wanted;
		}
		is(join("\n", @wrong), '', "T24 $mode: $what: " . @forms
			. ' encodings, one answer');
		$asked += @forms;

		my ($status) = $wanted =~ /(\d+)/;
		my $channel = $code ? 'main' : '';
		my $protocol = $mode eq 'h2' ? 'HTTP/2.0' : 'HTTP/1.1';
		$lines{ join '|', $m->port($mode), $status, $code, $channel, $uri,
			$uri =~ s/ /%20/r, "GET $line $protocol" } = @forms;
	}
	my $port = $m->port($mode);
	my %seen;
	wait_for(sub {
		%seen = ();
		$seen{$_}++ for grep { /^$port\|/ } split /\n/,
			$t->log_text('seen.log');
		my $n = 0;
		$n += $_ for values %seen;
		my $sent = 0;
		$sent += $_ for values %lines;
		return $n >= $sent;
	}, 10);
	is_deeply(\%seen, \%lines, "T24 $mode: one line in the log for all forms");
}
cmp_ok($asked, '>=', 2000, "T24 $asked encodings in all");

my %sent;
$sent{$_}++ for $m->all_forwarded;
is_deeply([sort keys %sent], ["/api/repo/main/noarch/$file",
	"/main/noarch/$file"], 'T24 an upstream is sent one form');

# A request line whose target begins with an escape is none.
$m->rows(
	['T24 an encoded first slash', "%2ft/$T/main/noarch/$file", '400'],
	['T24 an encoded capital T is no t', "/%54/$T/main/noarch/$file",
		'401 token_missing'],
	['T24 encoded twice is another text', "/%2574/$T/main/noarch/$file",
		'401 token_missing'],
	['T24 a token whose first byte is encoded twice',
		'/t/%25' . substr(hex_of($T, 0), 1) . substr($T, 1)
			. "/main/noarch/$file", '401 token_malformed'],
	['T24 half an escape', "/t/$T/main/noarch/%7", '400'],
	['T24 an escape that is none', "/t/%g0$T/main/noarch/$file", '400'],
	['T24 an escape of another kind', "/t/%u0070" . substr($T, 1)
		. "/main/noarch/$file", '400'],
);

$m->hang_up;
$t->finish;
