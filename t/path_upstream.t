#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T41: what an upstream is sent decodes once to the path that was judged, and
# decodes no further. The bytes on the wire, for each byte of a file's name, in
# each form, with the token in the path and in a header; and every path that
# is something else when it is decoded twice is refused.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Http ();
use PSM::Modes;
use Test::More;

my $t = PSM::Gate->new(name => 'path upstream', log_level => 'error');
$t->start_redis;
$t->file("$_/noarch/x", "$_\n") for qw(main other);
my $m = PSM::Modes->new($t, server => 'psm_token on;', more => <<'EOC');
	server {
		listen %%LISTEN5%%;
		psm_token on;
		location / { proxy_pass http://%%UPSTREAM1%%$request_uri; }
		location /main/noarch/part/ {
			proxy_pass http://%%UPSTREAM1%%/main/noarch/;
		}
		location /main/noarch/rewritten/ {
			rewrite ^/main/noarch/rewritten/(.*) /main/noarch/$1 break;
			proxy_pass http://%%UPSTREAM1%%;
		}
		location /open/ { psm_token off; proxy_pass http://%%UPSTREAM1%%; }
	}
EOC
my $T = $t->add_token(resources => { main => 'read' });
my $port = $m->port('proxied');
my $head = { 'X-Auth' => $T };

# The target that the upstream is sent for a request, or the answer in short
# when it is sent nothing.
my $sent = 0;
sub forwarded {
	my ($path, %arg) = @_;

	my $r = $t->http('GET', $path, port => $port, %arg);
	my @requests = $t->{upstreams}[0]->requests;
	return PSM::Modes::in_short($r) if @requests == $sent;
	$sent = @requests;
	return $m->forwarded;
}

sub decode { return $_[0] =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger }

# ------------------------------------------------------------ 1. decoded twice

my $unknown = '403 action_unknown';
$m->rows(
	['T41 dots', "/t/$T/main/noarch/%252e%252e/x", $unknown],
	['T41 dots, in the channel', "/t/$T/main/%252e%252e/other/noarch/x",
		$unknown],
	['T41 a dot of two', "/t/$T/main/noarch/.%252e/x", $unknown],
	['T41 slashes', "/t/$T/main/noarch/..%252f..%252fother%252fnoarch%252fx",
		$unknown],
	['T41 a backslash', "/t/$T/main/noarch/..%255c..%255cother", $unknown],
	['T41 a zero byte', "/t/$T/main/noarch/x%2500.conda", $unknown],
	['T41 a line end', "/t/$T/main/noarch/x%250d%250aX-Auth:%2520x", $unknown],
	['T41 thrice', "/t/$T/main/noarch/%25252e%25252e/x", $unknown],
	['T41 the percent sign alone', "/t/$T/main/noarch/100%25", $unknown],
	['T41 the percent sign and no digits', "/t/$T/main/noarch/%25zz", $unknown],
	['T41 an escape of Unicode', "/t/$T/main/noarch/%25u002e%25u002e/x",
		$unknown],
	['T41 an escape in two parts', "/t/$T/main/noarch/%252%65%252%65/x",
		$unknown],
	['T41 a letter', "/t/$T/m%2561in/noarch/x", $unknown],
	['T41 the t', "/%2574/$T/main/noarch/x", '401 token_missing'],
	['T41 the slash behind the t', "/t%252f$T/main/noarch/x",
		'401 token_missing'],
	['T41 the slash behind the token', "/t/$T%252fmain/noarch/x",
		'401 token_malformed'],
	['T41 dots behind the token', "/t/$T%252f%252e%252e/main/noarch/x",
		'401 token_malformed'],
	['T41 the whole token', '/t/' . join('', map { sprintf '%%25%02x', ord }
		split //, $T) . '/main/noarch/x', '401 token_malformed'],
);
is(scalar($m->all_forwarded), $sent, 'T41 nothing of it was sent');

# With the token in a header the path is the client's own, and the same holds.
for my $path ('/main/noarch/%252e%252e/x', '/main/noarch/..%252fx',
	'/main/%252e%252e/other/noarch/x', '/main/noarch/x%2500')
{
	is(forwarded($path, headers => $head), $unknown,
		"T41 token in a header: $path");
}

# ------------------------------------------------- 2. the wire, byte for byte

my @wire = (
	# what the client asks for behind the token, what is sent
	['/main/noarch/x', '/main/noarch/x'],
	['/main/noarch/a%20b', '/main/noarch/a%20b'],
	['/main/noarch/a+b', '/main/noarch/a+b'],
	['/main/noarch/a%2Bb', '/main/noarch/a+b'],
	['/main/noarch/a%2bb!1', '/main/noarch/a+b!1'],
	['/main/noarch/a%3Fb', '/main/noarch/a%3Fb'],
	['/main/noarch/a%23b', '/main/noarch/a%23b'],
	['/main/noarch/a%3Fb?c=%3F', '/main/noarch/a%3Fb?c=%3F'],
	['/main/noarch/%c3%a9', '/main/noarch/%C3%A9'],
	['/main/noarch/a%26b%3dc', '/main/noarch/a&b=c'],
	['/main/noarch/%78', '/main/noarch/x'],
	['/main%2fnoarch%2Fx', '/main/noarch/x'],
	['/main/./noarch/y/../x', '/main/noarch/x'],
	['/other/../main/noarch/x', '/main/noarch/x'],
	['//main//noarch//x', '/main/noarch/x'],
	['/main/noarch/x#/../../other', '/main/noarch/x'],
	['/main/noarch/x?q=%252e%252e/&r=%00',
		'/main/noarch/x?q=%252e%252e/&r=%00'],
	['/main/noarch/x?', '/main/noarch/x'],
);
for (@wire) {
	my ($path, $wire) = @$_;
	my $same = qr/\A\Q$wire\E\??\z/;    # an empty query may stay
	like(forwarded("/t/$T$path"), $same, "T41 on the wire: $path");
	like(forwarded($path, headers => $head), $same,
		'  and with the token in a header');
	like(forwarded("/t/$T$path", port => $t->port(5)), $same,
		'  and by $request_uri');
}
for my $to (qw(part rewritten)) {
	for (@wire[1 .. 9]) {
		my ($path, $wire) = @$_;
		my $other = $path =~ s{/noarch/}{/noarch/$to/}r;
		is(decode(forwarded("/t/$T$other", port => $t->port(5))),
			decode($wire), "T41 by a location that is $to: $other");
	}
}

# Where the gate is off the path is not judged; the token is taken all the same,
# and what is sent then decodes once to what was asked for.
for ('%252e%252e/x', '%25', 'a%20b') {
	my $wire = forwarded("/t/$T/open/$_", port => $t->port(5));
	is(decode($wire), "/open/" . decode($_), "T41 the gate off: $_");
}

# ------------------------------------------------------------ 3. each byte

# The requests are made first and the wire is read once: each names itself in
# its query. What the client escaped is sent in one form; what it did not may
# be sent as it came.
my (%wanted, %refused, %escaped);
for my $byte (1 .. 255) {
	my $c = chr $byte;
	my @forms = (sprintf('%%%02x', $byte), sprintf '%%%02X', $byte);
	push @forms, $c if $c =~ /[^\0-\x20\x7f%?#\/]/;
	for my $form (@forms) {
		my $path = "/main/noarch/a${form}b";
		my $n = keys(%wanted) + keys %refused;
		my $bad = $c =~ /[\0-\x1f\x7f%\\]/;
		for my $by (qw(path header)) {
			my $id = "$byte-$n-$by";
			my $r = $t->http('GET', ($by eq 'path' ? "/t/$T" : '')
				. "$path?$id", port => $port,
				headers => $by eq 'path' ? {} : $head);
			($bad ? \%refused : \%wanted)->{$id} = "/main/noarch/a${c}b";
			$escaped{$id} = 1 if $form ne $c && !$bad;
			next if PSM::Modes::in_short($r) eq
				($bad ? '403 action_unknown' : '404');
			fail("T41 byte $form, token in the $by: $r->{status}");
		}
	}
}
my %got = map { reverse /\A(.*)\?(\d+-\d+-\w+)\z/s } $m->all_forwarded;
is(join(' ', grep { exists $got{$_} } sort keys %refused), '',
	'T41 a percent sign, a backslash and a control byte go nowhere: '
		. keys(%refused) . ' requests');
is(join(' ', grep { decode($got{$_} // '') ne $wanted{$_} } sort keys %wanted),
	'', 'T41 on the wire is the path that was judged, decoded once: '
		. keys(%wanted) . ' requests');
is(join(' ', grep { decode(decode($_)) ne decode($_) } values %got), '',
	'T41 and decoding again changes nothing');
my %form;
$form{ $wanted{$_} }{ $got{$_} } = 1 for keys %escaped;
is(join(' ', grep { keys %{ $form{$_} } > 1 } keys %form), '',
	'T41 an escape is sent in one form, however it came');
is(join(' ', grep { /[^!-~]|%(?![0-9A-F]{2})/ } @got{ keys %escaped }), '',
	'T41 and in visible ASCII');

$m->hang_up;
$t->finish;
