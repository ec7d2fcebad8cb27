#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The error log. At `error` no line shows a token, whatever goes wrong (T59);
# at `info` nginx itself shows what it objects to before any module runs, and
# that is a closed list (T60); at `debug` it shows all (T61). The teardown
# reads what is logged at `error`; the other logs are read here.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use PSM::Check qw(last_line);
use PSM::Gate;
use PSM::Http2;
use PSM::Oracle;
use PSM::Process qw(free_port slurp wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'error log', log_level => 'error');
$t->start_redis;
$t->file('main/noarch/x', "x\n");
$t->file('main/ssi/noarch/x.html', '<!--# psm -->');
$t->private_file('users', "someone:{PLAIN}x\n");

# An upstream that breaks the rules in the way that the path says.
my $broken = free_port();
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 32,
	LocalPort => $broken, ReuseAddr => 1) or die "upstream: $!";
my $upstream = PSM::Process->start(name => 'broken upstream', group => 1,
	keep => [$listen], code => sub { serve_broken() });
close $listen;

my $server = <<"EOC";
	root %%ROOT%%;
	psm_token on;
	large_client_header_buffers 4 2k;
	client_header_timeout 1s;
	client_max_body_size 1k;
	keepalive_timeout 1s;
	location /main/up/ { proxy_pass http://127.0.0.1:$broken; }
	location /main/resolve/ { proxy_pass http://\$server_port.invalid; }
	location /main/prefix/ { proxy_pass \$arg_host; }
	location /main/down/ { proxy_pass http://down; }
	location /main/fastcgi/ {
		fastcgi_param REQUEST_URI \$request_uri;
		fastcgi_pass 127.0.0.1:$broken;
	}
	location /main/ssi/ { ssi on; }
	location /main/empty/ { rewrite ^ \$arg_nothing last; }
	location /main/named/ { error_page 404 = \@nowhere; }
	location /main/basic/ {
		auth_basic x;
		auth_basic_user_file %%DIR%%/private/users;
	}
	location /main/dav/ { dav_methods PUT; }
	location /main/limit/ { limit_req zone=slow; }
EOC
$t->write_conf(<<"EOC");
error_log %%DIR%%/logs/error.log error;
error_log %%DIR%%/private/info.log info;
limit_req_zone \$server_port zone=slow:32k rate=1r/m;
upstream down { server 127.0.0.1:$broken down; }
server { listen %%LISTEN1%%; $server }
server { listen %%LISTEN2%% http2; $server }
server { listen %%LISTEN3%%; merge_slashes off; $server }
server {
	listen %%LISTEN4%%;
	error_log %%DIR%%/private/debug.log debug;
	$server
}
EOC
$t->start_nginx;

my $T = $t->add_token(resources => { main => 'write' });
my $E = join '', map { sprintf '%%%02X', ord } split //, $T;
my $oracle = PSM::Oracle->new;
$oracle->add($T);

# -------------------------------------------------- 1. T59, at error: nothing

# channel path, what nginx says, method
my @errors = (
	['up/noarch/close', qr/prematurely closed connection while reading resp/],
	['up/noarch/big', qr/upstream sent too big header/],
	['up/noarch/short', qr/prematurely closed connection while reading upstr/],
	['up/noarch/garbage', qr/upstream sent no valid HTTP/],
	['up/noarch/bad-line', qr/upstream sent invalid header/],
	['fastcgi/noarch/garbage', qr/upstream sent unsupported FastCGI/],
	['resolve/noarch/x', qr/no resolver defined to resolve/],
	['prefix/noarch/x', qr/invalid URL prefix/],
	['down/noarch/x', qr/no live upstreams/],
	['noarch/x/below', qr/\(20: Not a directory\)/],
	['noarch/' . 'n' x 300, qr/\(36: File name too long\)/],
	['noarch/absent/', qr/is not found \(2: No such file/],
	['ssi/noarch/x.html', qr/invalid SSI command/],
	['empty/noarch/x', qr/the rewritten URI has a zero length/],
	['named/noarch/x', qr/could not find named location/],
	['basic/noarch/x', qr/user "someone": password mismatch/],
	['dav/noarch/', qr/cannot PUT to a collection/, 'PUT'],
	['limit/noarch/x', qr/limiting requests/],
);
my %ports = (plain => 1, h2 => 2, unmerged => 3);
my @forms = (
	['the path', "/t/$T", '/t/\*{4}'], ['encoded', "/t/$E", '/t/\*{4}'],
	['Bearer', '', ''],
);
my $n = 0;
for my $mode (sort keys %ports) {
	my $port = $t->port($ports{$mode});
	my $ask = sub {
		my ($method, $url, @headers) = @_;
		my $body = $method eq 'PUT' ? 'b' : undef;
		return $mode eq 'h2' ? $t->h2($url, \@headers, port => $port,
			method => $method, body => $body)
			: $t->http($method, $url, headers => \@headers, port => $port,
				body => $body);
	};
	$ask->('GET', "/t/$T/main/limit/noarch/x");
	for (@errors) {
		my ($path, $says, $method) = @$_;
		for my $form (@forms) {
			my ($name, $before, $shown) = @$form;
			my $id = 'n' . ++$n;
			my @headers = (Referer => "http://localhost/t/$T/x?$id");
			if ($path =~ /basic/) {
				next if $name eq 'Bearer';
				push @headers, Authorization => 'Basic '
					. encode_base64('someone:wrong', '');
			}
			push @headers, Authorization => "Bearer $T" if $name eq 'Bearer';
			$ask->($method // 'GET', "$before/main/$path?a=$T&$id", @headers);
			my $line = last_line($t, qr/request: "\S+ \S+&$id /, 'error.log');
			like($line, $says, "T59 $mode, $name: $path");
			like($line, qr{request: "[A-Z]+ $shown/main/\Q$path\E\?a=\*{46}&$id },
				'  the request line');
			like($line, qr{referrer: "http://localhost/t/\*+/x\?$id"},
				'  the Referer');
		}
	}
}

# ------------------------------------- 2. T60, at info: what nginx reads itself

# The lines that a piece of work adds to a log.
sub logged {
	my ($log, $work) = @_;

	my $path = $t->dir . "/private/$log";
	my $size = -s $path // 0;
	$work->();
	return split /\n/, substr slurp($path), $size;
}

# nginx may write after it has answered: the mark comes last.
sub mark {
	my $id = 'mark' . ++$n;
	$t->get("/t/word/$id/x");
	wait_for(sub { slurp($t->dir . '/private/info.log')
		=~ /denied.*request: "GET \/t\/\*{4}\/$id/ }, 5);
}

my ($line, $headers) = map { "while reading client request $_" } 'line',
	'headers';
my $at = "/t/$T/main/noarch/x";
my $host = "Host: localhost\r\n";
my $end = "Connection: close\r\n\r\n";
# What is sent, and the message of the one line that shows the token; none
# where nothing does.
my @raw = (
	['no Host', "GET $at HTTP/1.1\r\n$end",
		qr/request without "Host" header $headers/],
	['two Hosts', "GET $at HTTP/1.1\r\n$host$host$end",
		qr/duplicate host header: .* $headers/],
	['a bad Host', "GET $at HTTP/1.1\r\nHost: a/b\r\n$end",
		qr/invalid host header $headers/],
	['the token in a bad Host', "GET /main/x HTTP/1.1\r\nHost: a/$T\r\n$end",
		qr/invalid host header $headers/],
	['a bad version', "GET $at HTTP/1.x\r\n$host$end",
		qr/invalid request $line/],
	['version 2', "GET $at HTTP/2.0\r\n$host$end", qr/invalid version $line/],
	['a bad escape', "GET $at%x HTTP/1.1\r\n$host$end",
		qr/invalid request $line/],
	['a zero byte', "GET $at%00 HTTP/1.1\r\n$host$end",
		qr/invalid request $line/],
	['above the root', "GET /..$at HTTP/1.1\r\n$host$end",
		qr/invalid request $line/],
	['a bad method', "g\@t $at HTTP/1.1\r\n$host$end",
		qr/invalid method $line/],
	['no slash', "GET t/$T/x HTTP/1.1\r\n$host$end", qr/invalid request $line/],
	['TLS to a plain port', "\x16\x03\x01\x02\x00$T\r\n",
		qr/invalid method $line/],
	['too long a line', "GET $at?" . 'a' x 3000 . " HTTP/1.1\r\n$end",
		qr/too long URI $line/],
	['too long a header', "GET /main/x HTTP/1.1\r\n${host}X-Auth: $T"
		. 'a' x 3000 . "\r\n$end", qr/too long header line: .* $headers/],
	['two lengths', "POST $at HTTP/1.1\r\n${host}Content-Length: 1\r\n"
		. "Content-Length: 2\r\n$end", qr/duplicate header line: .* $headers/],
	['a bad length', "POST $at HTTP/1.1\r\n${host}Content-Length: x\r\n$end",
		qr/invalid "Content-Length" header $headers/],
	['a length and chunks', "POST $at HTTP/1.1\r\n${host}Content-Length: 1\r\n"
		. "Transfer-Encoding: chunked\r\n$end", qr/at the same time $headers/],
	['a coding nobody knows', "POST $at HTTP/1.1\r\n${host}Transfer-Encoding: "
		. "psm\r\n$end", qr/unknown "Transfer-Encoding": "psm" $headers/],
	['two Authorization lines', "GET /main/x HTTP/1.1\r\n${host}Authorization: "
		. "Bearer $T\r\nAuthorization: Basic x\r\n$end",
		qr/duplicate header line: .* $headers/],
	['an underscore', "GET /main/x HTTP/1.1\r\n${host}X_Auth: $T\r\n$end",
		qr/invalid header line: .* $headers/],
	['a dot', "GET /main/x HTTP/1.1\r\n${host}X.Auth: $T\r\n$end",
		qr/invalid header line: .* $headers/],
	['a bad value', "GET /main/x HTTP/1.1\r\n${host}X-Auth: $T\0\r\n$end",
		qr/invalid header line: .* $headers/],
	['a Referer, no Host', "GET /x HTTP/1.1\r\nReferer: http://h/t/$T/\r\n$end",
		qr/request without "Host" header $headers/],
	['TRACE', "TRACE $at HTTP/1.1\r\n$host$end", qr/TRACE method $headers/],
	['CONNECT', "CONNECT $at HTTP/1.1\r\n$host$end",
		qr/CONNECT method $headers/],
	['half a line', "GET /t/$T/mai", qr/client timed out .* $line/],
	['half a header', "GET $at HTTP/1.1\r\n$host",
		qr/client timed out .* $headers/],
	['junk behind a request', "GET $at HTTP/1.1\r\n$host\r\n\x01$T\r\n",
		qr/invalid method while reading client pipelined request line/],
	# What came through to the modules.
	['a bad X-Auth', "GET /main/x HTTP/1.1\r\n${host}X-Auth: ${T}x\r\n$end"],
	['two X-Auth lines', "GET $at HTTP/1.1\r\n${host}X-Auth: $T\r\n"
		. "X-Auth: $T\r\n$end"],
	['HTTP/0.9', "GET $at\r\n"],
	['a denial', "GET /t/$T/other/x HTTP/1.1\r\n$host$end"],
	['a denial by header', "GET /other/x HTTP/1.1\r\n${host}Authorization: "
		. "Bearer $T\r\nReferer: http://h/t/$T/\r\n$end"],
	['what is granted', "GET $at HTTP/1.1\r\n$host$end"],
	['a missing file', "GET $at.not HTTP/1.1\r\n$host$end"],
	['a body cut short', "POST /t/$T/main/up/x HTTP/1.1\r\n${host}"
		. "Content-Length: 100\r\n\r\nabc"],
);
for (@raw) {
	my ($name, $bytes, $says) = @$_;
	my @lines = logged('info.log', sub {
		my $socket = $t->connect;
		$t->send($socket, $bytes);
		my $cut = $name =~ /cut/ ? shutdown $socket, 1 : 0;
		$t->receive($socket, 'GET') if $bytes =~ /\n\z/ || $cut;
		$t->receive($socket, 'GET') if $name =~ /junk/;
		wait_for(sub { slurp($t->dir . '/private/info.log')
			=~ /timed out.*\Q$T\E/ }, 10) if $name =~ /half/;
		close $socket;
		mark();
	});
	closed_list("T60 $name", $says, @lines);
}
sub closed_list {
	my ($name, $says, @lines) = @_;

	my @shown = map { s/\Q$T\E/TOKEN/gr } grep { scalar $oracle->find($_) }
		@lines;
	is(scalar(@shown), $says ? 1 : 0, "$name: lines with a token");
	like($shown[0], qr/\[info\] .*$says/, '  nginx says why') if $says;
}

my @pseudo = (':method', 'GET', ':scheme', 'http', ':authority', 'localhost');
my @streams = (
	['no slash', [@pseudo, ':path', "t/$T/x"],
		qr/invalid :path header: .* $headers/],
	['a raw zero byte', [@pseudo, ':path', "/t/$T\0/x"],
		qr/header ":path" with invalid value: /],
	['a bad method', [':method', "G $T", ':scheme', 'http', ':path', '/x'],
		qr/invalid method: .* $headers/],
	['a bad scheme', [':method', 'GET', ':scheme', "ht/tp$T", ':path', '/x'],
		qr/invalid :scheme header: .* $headers/],
	['a bad name', [@pseudo, ':path', '/x', $T, 'x'],
		qr/invalid header name: .* $headers/],
	['a bad value', [@pseudo, ':path', '/x', 'x-auth', "$T\0"],
		qr/header "x-auth" with invalid value: /],
	['two Authorization lines', [@pseudo, ':path', '/x', 'authorization',
		"Bearer $T", 'authorization', 'x'],
		qr/duplicate header line: .* $headers/],
	['no authority', [':method', 'GET', ':scheme', 'http', ':path', $at],
		qr/request without "Host" header $headers/],
	['a bad length', [@pseudo, ':path', $at, 'content-length', 'x'],
		qr/invalid "Content-Length" header $headers/],
	['TRACE', [':method', 'TRACE', @pseudo[2 .. 5], ':path', $at],
		qr/TRACE method $headers/],
	['a bad escape', [@pseudo, ':path', "/t/$T%zz"]],
	['above the root', [@pseudo, ':path', "/../t/$T/x"]],
	['two paths', [@pseudo, ':path', $at, ':path', $at]],
	['a pseudo header nobody knows', [@pseudo, ':path', $at, ':psm', $T]],
	['an underscore', [@pseudo, ':path', $at, 'x_auth', $T]],
	['too long', [@pseudo, ':path', $at, 'x-auth', $T . 'a' x 9000]],
	['a denial', [@pseudo, ':path', "/t/$T/other/x", 'referer', "/t/$T/"]],
	['what is granted', [@pseudo, ':path', $at]],
);
for (@streams) {
	my ($name, $all, $says) = @$_;
	closed_list("T60 h2: $name", $says, logged('info.log', sub {
		my $h2 = PSM::Http2->connect($t->port(2));
		$h2->answer($h2->raw($all), 10);
		mark();
	}));
}
my $info = slurp($t->dir . '/private/info.log');
is(scalar(grep { scalar $oracle->find($_)
	&& !/while reading client (?:pipelined )?request|client sent header "/ }
	split /\n/, $info), 0,
	'T60 no other line of the whole log shows a token');
is(scalar(grep { /psm token/ && scalar $oracle->find($_) } split /\n/, $info),
	0, '  and none of the gate');

# ------------------------------------------------------------- 3. T61, debug

my @debug = logged('debug.log', sub {
	$t->http('GET', $at, port => $t->port(4), headers => ['X-Auth' => $T]);
	$t->http('GET', "/t/$T/other/x", port => $t->port(4));
});
SKIP: {
	skip 'this nginx has no debug log', 2
		if !grep { /\[debug\]/ } @debug;
	ok(scalar(grep { scalar $oracle->find($_) } @debug),
		'T61 at debug nginx shows the request');
	is(scalar(grep { /psm token/ && scalar $oracle->find($_) } @debug), 0,
		'  the gate shows no token even there');
}
like(slurp("$FindBin::Bin/../README.md"), qr/`debug` it prints\s+everything/,
	'T61 README says so');

sub serve_broken {
	my %say = (
		big => "HTTP/1.1 200 OK\r\nX-Big: " . 'b' x 100_000 . "\r\n\r\n",
		short => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
		garbage => "\x09garbage that is no answer\r\n\r\n",
		'bad-line' => "HTTP/1.1 200 OK\r\nBad\0Line: x\r\n\r\n",
	);
	while (my $socket = $listen->accept) {
		sysread $socket, my $head, 65536;
		my ($kind) = $head =~ m{/noarch/([\w-]+)};
		syswrite $socket, $say{$kind} if $kind && $say{$kind};
		shutdown $socket, 1;
		close $socket;
	}
}

$upstream->stop('TERM');
$t->finish;
