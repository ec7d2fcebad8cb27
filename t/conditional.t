#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What a request asks besides the path: conditions, ranges, a tunnel, a
# compressed answer. The right is asked for first; what was granted goes on to
# its end (threats T50, T51, T55 to T57).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use IO::Uncompress::Gunzip qw(gunzip);
use PSM::Check qw(answer_is code_of);
use PSM::Gate;
use PSM::Http;
use PSM::Http2;
use PSM::Modes;
use PSM::Process qw(free_port slurp);
use PSM::Token qw(new_token);
use Test::More;

my $t = PSM::Gate->new(name => 'conditional');
$t->start_redis;
my $content = join '', map { sprintf "%04d\n", $_ } 0 .. 99;
$t->file('main/noarch/x', $content);
my $large = join '', map { sprintf "%09d\n", $_ } 0 .. 5999;
$t->file('main/noarch/slow/x', $large);
utime 1_700_000_000, 1_700_000_000, $t->dir . '/html/main/noarch/x';

# Says 101 and sends back what it gets.
my $tunnel = free_port();
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8,
	LocalPort => $tunnel, ReuseAddr => 1) or die "tunnel: $!";
my $asked = $t->dir . '/tmp/tunnel.raw';
my $server = PSM::Process->start(name => 'tunnel', group => 1,
	keep => [$listen], code => sub { serve_tunnels() });
close $listen;

my $modes = PSM::Modes->new($t, server => <<'EOC',
	psm_token on;
	limit_rate_after 1k;
	limit_rate $rate;
	gzip on;
	gzip_min_length 1;
	gzip_types application/problem+json;
	gzip_http_version 1.0;
EOC
	http => <<'EOC', more => <<"EOC");
	psm_token_cache off;
	map $uri $rate { default 0; ~/slow/ 30k; }
	proxy_cache_path %%DIR%%/cache keys_zone=c:1m;
EOC
	server {
		listen %%LISTEN5%%;
		psm_token on;
		location / {
			proxy_pass http://127.0.0.1:$tunnel;
			proxy_http_version 1.1;
			proxy_set_header Upgrade \$http_upgrade;
			proxy_set_header Connection upgrade;
		}
	}
	server {
		listen %%LISTEN6%%;
		psm_token on;
		location / {
			proxy_pass http://%%UPSTREAM1%%;
			proxy_cache c;
			proxy_cache_valid 200 10m;
		}
	}
EOC

sub token { return $t->add_token(resources => { main => 'read' }, @_) }

# ------------------------------------------- 1. T50, conditions and ranges

my $seen = $t->get('/t/' . token() . '/main/noarch/x');
my $etag = $t->header($seen, 'ETag');
my $date = $t->header($seen, 'Last-Modified');
my $old = 'Sun, 06 Nov 1994 08:49:37 GMT';
# the headers, and what they give to who has the right
my @conditions = (
	['If-None-Match', [$etag], 304], ['If-None-Match', ['*'], 304],
	['If-None-Match', ["W/$etag"], 304],
	['If-None-Match', ["\"x\", $etag"], 304], ['If-None-Match', ['"x"'], 200],
	['If-Modified-Since', [$date], 304], ['If-Modified-Since', [$old], 200],
	['If-Match', ['"x"'], 412], ['If-Match', [$etag], 200],
	['If-Unmodified-Since', [$old], 412], ['If-Unmodified-Since', [$date], 200],
	['Range', ['bytes=0-3'], 206], ['Range', ['bytes=-5'], 206],
	['Range', ['bytes=495-'], 206], ['Range', ['bytes=0-0,9-9'], 206],
	['Range', ['bytes=9999-'], 416], ['Range', ['lines=1-2'], 200],
	['Range', ['bytes=0-3', 'If-Range' => $etag], 206],
	['Range', ['bytes=0-3', 'If-Range' => '"x"'], 200],
	['Range', ['bytes=0-3', 'If-None-Match' => $etag], 304],
	['Range', ['bytes=0-3', 'If-Match' => '"x"'], 412],
	['Accept-Encoding', ['gzip'], 200], ['TE', ['trailers'], 200],
);
my $revoked = token();
$t->revoke($revoked);
my %denied = (
	'no token' => [undef, '401 token_missing'],
	revoked => [$revoked, '401 token_disabled'],
	expired => [token(expires => time - 1), '401 token_expired'],
	unknown => [$t->unknown_token, '401 token_unknown'],
	malformed => ['word', '401 token_malformed'],
	'of another channel' => [$t->add_token(resources => { other => 'read' }),
		'403 channel_not_granted'],
);

# What two answers may not share: the id of the request.
sub words { return $_[0]{body} =~ s/[0-9a-f]{32}/ID/gr }

for my $mode ($modes->names) {
	my $good = token();
	for my $method (qw(GET HEAD)) {
		for my $who (sort keys %denied) {
			my ($token, $wanted) = @{ $denied{$who} };
			my @auth = defined $token ? ('X-Auth' => $token) : ();
			my $plain = $modes->ask($mode, $method => '/main/noarch/x',
				headers => \@auth);
			my %got;
			for (@conditions) {
				my ($name, $value) = @$_;
				next if $name eq 'Accept-Encoding';
				my $r = $modes->ask($mode, $method => '/main/noarch/x',
					headers => [$name, @$value, @auth]);
				$got{"$r->{status} " . words($r)}{"$name: @$value"} = 1;
			}
			is_deeply([keys %got], ["$plain->{status} " . words($plain)],
				"T50 $mode, $method: $who gets one answer whatever is asked");
			is($method eq 'HEAD' ? $wanted =~ s/ .*//r : "$plain->{status} "
				. code_of($plain), $method eq 'HEAD' ? $plain->{status}
				: $wanted, '  and it is the denial');
		}
		next if $mode eq 'proxied';    # the upstream knows no condition
		for (@conditions) {
			my ($name, $value, $status) = @$_;
			is($modes->ask($mode, $method => '/main/noarch/x',
				headers => [$name, @$value, 'X-Auth' => $good])->{status},
				$status, "T50 $mode, $method, with the right: $name @$value");
		}
	}
	# One and the same token, before and after.
	$t->revoke($good);
	for (@conditions) {
		my ($name, $value) = @$_;
		answer_is($modes->ask($mode, GET => "/t/$good/main/noarch/x",
			headers => [$name, @$value, 'Accept-Encoding' => 'identity']),
			401, 'token_disabled', "T50 $mode, revoked: $name")
			if $name ne 'Accept-Encoding';
	}
}

# --------------------------------------------------- 2. T51, absurd ranges

my $G = token();
my @absurd = map { "bytes=$_" } '-9223372036854775608,-9223372036854775808',
	'-600,-9223372036854774591', '0-18446744073709551615',
	'9223372036854775807-', '-9223372036854775807', '18446744073709551616-1',
	'5-1', '-', '0-,' x 300 . '0-', '--1', '-0';
for my $port ($t->port(1), $t->port(3), $t->port(6), $t->port(6)) {
	for my $range (@absurd) {
		my $r = $t->http('GET', '/main/noarch/x', port => $port,
			headers => ['X-Auth' => $G, Range => $range]);
		my ($type) = $t->header($r, 'Content-Type') // '';
		my @parts = $r->{status} != 206 ? ()
			: $type =~ m{^multipart/} ? $r->{body} =~ /\r\n\r\n(.*?)\r\n--/gs
			: $r->{body};
		my $name = 'T51 ' . substr $range, 0, 30;
		ok($r->{status} =~ /^(?:200|206|416)$/, "$name: 200, 206 or 416");
		is(scalar(grep { index($content, $_) < 0 } @parts), 0,
			'  and no byte that is not of the file');
		is($r->{body}, $content, '  the whole') if $r->{status} == 200;
	}
}

# ------------------------------------------ 3. T55, downloads under way

for my $mode ($modes->names) {
	my $token = token();
	my $path = "/t/$token/main/noarch/slow/x";
	my ($first, $rest);
	if ($mode eq 'h2') {
		my $h2 = PSM::Http2->connect($modes->port($mode));
		my $stream = $h2->get($path);
		$h2->answer($stream, 0.3);
		$first = length $h2->{streams}{$stream}{body};
		$t->revoke($token);
		$rest = $h2->answer($stream, 20)->{body};
		answer_is($h2->answer($h2->get($path)), 401, 'token_disabled',
			"T55 $mode: the next stream of the connection");
	} else {
		my $socket = $t->connect($modes->port($mode));
		$t->send($socket, PSM::Http::format_request('GET', $path, [], undef, 1));
		sysread $socket, $rest, 1000;
		$first = length $rest;
		$t->revoke($token);
		my $size = 0;
		while ($rest !~ /\r\n\r\n\Q$large\E\z/ && sysread $socket, my $more, 65536)
		{
			$rest .= $more;
		}
		$rest =~ s/\A.*?\r\n\r\n//s;
		answer_is($t->http('GET', $path, sock => $socket), 401,
			'token_disabled', "T55 $mode: the next request of the connection");
	}
	cmp_ok($first, '<', length $large, '  it was revoked on the way');
	ok($rest eq $large, '  what was under way went on to its end');
	answer_is($modes->ask($mode, GET => $path,
		headers => [Range => 'bytes=30000-']), 401, 'token_disabled',
		'  a download cannot be taken up again');
}

# ------------------------------------------------------- 4. T56, tunnels

my @upgrade = (Upgrade => 'websocket', Connection => 'Upgrade',
	'Sec-WebSocket-Key' => 'x' x 22 . '==', 'Sec-WebSocket-Version' => 13);

sub tunnel_for {
	my ($token, @headers) = @_;

	my $socket = $t->connect($t->port(5));
	$t->send($socket, PSM::Http::format_request('GET',
		defined $token ? "/t/$token/main/noarch/ws" : '/main/noarch/ws',
		[@upgrade, @headers], undef, 1));
	return ($t->receive($socket), $socket);
}

sub echoes {
	my ($socket, $text) = @_;

	$t->send($socket, $text);
	my $got = '';
	while (length $got < length $text) {
		IO::Select->new($socket)->can_read(10) or last;
		sysread $socket, $got, 4096, length $got or last;
	}
	return $got;
}
my $W = token();
my ($r, $socket) = tunnel_for($W, 'X-Auth' => $W);
is($r->{status}, 101, 'T56 a tunnel with the right');
is(echoes($socket, 'before'), 'before', '  is one');
my ($r2, $second) = tunnel_for(undef, 'X-Auth' => $W);
is($r2->{status}, 101, 'T56 by a header, too');
$t->revoke($W);
is(echoes($socket, 'after'), 'after', 'T56 one under way goes on, as a download');
my $entries = () = slurp($asked) =~ /^GET /mg;
for my $who (sort keys %denied) {
	my ($token, $wanted) = @{ $denied{$who} };
	($r) = tunnel_for($token);
	is("$r->{status} " . code_of($r), $wanted, "T56 no tunnel: $who");
}
answer_is((tunnel_for($W))[0], 401, 'token_disabled', 'T56 nor one for it again');
is(scalar(() = slurp($asked) =~ /^GET /mg), $entries,
	'T56 nothing was passed on for these');
like(slurp($asked), qr{\AGET /main/noarch/ws HTTP/1\.1\r\n.*^Upgrade: websocket}ms,
	'T56 what was passed on is clean');
close $_ for $socket, $second;
$server->stop('TERM');

# ------------------------------------------- 5. T57, lengths of what is packed

# Nothing that the client sends comes back, so no guess of his can make an
# answer shorter: he sees one text whatever he asks for. nginx packs 403, and
# leaves 401 as it is.
my %texts;
my $likeness = new_token();    # of nobody: the log may show parts of it
for my $guess ($likeness, substr($likeness, 0, 20), 'token_malformed' x 4) {
	for my $request (["/t/$guess-/main/noarch/x"], ["/-$guess/noarch/x"],
		['/main/noarch/x', 'X-Auth' => "$guess."],
		["/-$guess/noarch/x", 'X-Auth' => $G],
		["/x/noarch/$guess", 'X-Auth' => $G, 'User-Agent' => $guess])
	{
		my ($path, @headers) = @$request;
		$r = $t->http('GET', $path, headers => ['Accept-Encoding' => 'gzip',
			@headers]);
		my $body = $r->{body};
		if ($r->{status} == 403) {
			is($t->header($r, 'Content-Encoding'), 'gzip', 'T57 a packed 403');
			gunzip(\$r->{body}, \$body) or $body = 'not packed';
		} else {
			is($t->header($r, 'Content-Encoding'), undef, 'T57 a plain 401');
		}
		my ($code) = $body =~ /"code":"(\w+)"/;
		$texts{ $code // 'none' }{ words({ body => $body }) } = 1;
		unlike($body, qr/\Q$guess/, '  without the guess')
			if $guess !~ /^token_/;
	}
}
is(join(' ', sort keys %texts), 'action_unknown channel_not_granted '
	. 'token_malformed token_missing', 'T57 the denials');
is(keys %{ $texts{$_} }, 1, "T57 one text for all of $_") for sort keys %texts;

sub serve_tunnels {
	$SIG{CHLD} = 'IGNORE';
	while (my $socket = $listen->accept) {
		next if fork;
		my $head = '';
		$head .= <$socket> // last while $head !~ /\r\n\r\n\z/;
		open my $out, '>>', $asked or die "$asked: $!";
		print $out $head;
		close $out;
		syswrite $socket, "HTTP/1.1 101 Switching Protocols\r\n"
			. "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
		while (sysread $socket, my $bytes, 4096) {
			syswrite $socket, $bytes;
		}
		POSIX::_exit(0);
	}
}

$t->finish;
