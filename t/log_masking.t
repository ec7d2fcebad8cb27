#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Logs: every message that nginx writes at `error` names the request and the
# Referer, requests refused while parsing never reach a phase, and a log
# format may hold any variable. The teardown looks for tokens in all of it;
# here it is seen that the lines were written at all, and how they read.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Check qw(answer_is last_line);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'log masking', log_level => 'error');
$t->start_redis;
$t->start_upstream(handler => sub { sleep 2; return });
$t->file('main/noarch/repodata.json', "main\n");
$t->file('main/noarch/dir/file', "file\n");
$t->private_file('users', "someone:{PLAIN}x\n");
my $server = <<'EOC';
	root %%ROOT%%;
	psm_token on;
	large_client_header_buffers 4 2k;
	client_max_body_size 1k;
	client_header_timeout 1s;

	location /main/refused/ { proxy_pass http://127.0.0.1:%%PORT8%%; }
	location /main/slow/ {
		proxy_read_timeout 100ms;
		proxy_pass http://%%UPSTREAM%%;
	}
	location /main/deny/ { deny all; }
	location /main/basic/ {
		auth_basic x;
		auth_basic_user_file %%DIR%%/private/users;
	}
	location /main/forward/ {
		satisfy any;
		psm_token_forward on;
		auth_basic x;
		auth_basic_user_file %%DIR%%/private/users;
	}
	location /main/limit/ { limit_req zone=slow; }
	location /main/cycle/ { rewrite ^ /main/cycle/x last; }
	location /main/ask/ { auth_request /broken; }
	location = /broken { psm_token off; return 500; }
	location /main/require/ { psm_token_require $arg_nothing; }
EOC
$t->write_conf(<<"EOC");
log_format all '\$remote_addr - \$remote_user [\$time_local] "\$request" \$status '
	'"\$request_uri" "\$uri" "\$document_uri" "\$args" "\$query_string" '
	'"\$http_referer" "\$http_authorization" "\$http_x_auth" '
	'"\$http_x_api_key" "\$request_filename" "\$arg_a" "\$is_args"';
access_log %%DIR%%/logs/all.log all;
limit_req_zone \$server_port zone=slow:32k rate=1r/m;
server {
	listen %%LISTEN%%;
$server
}
server {
	listen %%LISTEN2%% http2;
$server
}
server {
	listen %%LISTEN3%%;
	psm_token on;
	root %%ROOT%%;
	error_page 400 414 405 = /sorry;
	location = /sorry { psm_token off; return 200 "sorry"; }
}
server {
	listen %%LISTEN4%%;
	psm_token on;
	psm_token_format any;
	root %%ROOT%%;
}
EOC
$t->start_nginx;

my $T = $t->add_token(resources => { main => 'read' });
my $E = join '', map { sprintf '%%%02X', ord } split //, $T;
my $broken = $t->add_token(raw => '{"v":1,');
my $file = 'main/noarch/repodata.json';
my $n = 0;

# ------------------------------------------------------------ 1. error log

# channel path, status, what nginx says
my @errors = (
	['noarch/missing', 404, qr/open\(\) ".*missing" failed/],
	['noarch/dir/', 403, qr/directory index of ".*" is forbidden/],
	['refused/noarch/x', 502, qr/connect\(\) failed .*Connection refused/],
	['slow/noarch/x', 504, qr/upstream timed out/],
	['deny/noarch/x', 403, qr/access forbidden by rule/],
	['basic/noarch/x', 401, qr/user "nobody" was not found/],
	['cycle/noarch/x', 500, qr/rewrite or internal redirection cycle/],
	['ask/noarch/x', 500, qr/auth request unexpected status: 500/],
	['require/noarch/x', 403, qr/"psm_token_require" is ""/],
	['limit/noarch/x', 503, qr/limiting requests/],
);
my %forms = (
	plain => ["/t/$T/main", '/t/\*{4}'],
	encoded => ["/t/$E/main", '/t/\*{4}'],
	header => ['/main', ''],
);
$t->get("/t/$T/main/limit/noarch/x");
$t->h2("/t/$T/main/limit/noarch/x", [], port => $t->port(2));
for my $form (sort keys %forms) {
	my ($before, $shown) = @{ $forms{$form} };
	for (@errors) {
		my ($path, $status, $says) = @$_;
		for my $version (1, 2) {
			my $id = 'n' . ++$n;
			my @headers = (Referer => "http://localhost/t/$T/x?$id");
			push @headers, Authorization => 'Basic '
				. encode_base64('nobody:x', '') if $path =~ /basic/;
			push @headers, 'X-Auth' => $T if $form eq 'header';
			my $url = "$before/$path?a=$T&$id";
			my $r = $version == 1 ? $t->get($url, @headers)
				: $t->h2($url, \@headers, port => $t->port(2));
			is($r->{status}, $status, "$form, HTTP/$version: $path");
			my $line = last_line($t, qr/request: "\S+ \S+$id /, 'error.log');
			like($line, $says, '  is logged');
			like($line, qr{request: "GET $shown/main/\Q$path\E\?a=\*{46}&$id },
				'  masked');
			like($line, qr{referrer: "http://localhost/t/\*+/x\?$id"},
				'  the Referer, too');
		}
	}
}
answer_is($t->get("/t/$broken/$file?broken"), 401, 'record_invalid',
	'a broken record');
like(last_line($t, 'psm token: record', 'error.log'), qr/\[error\].*is invalid/,
	'  is logged');
is($t->http('POST', "/t/$T/$file?post", body => 'x' x 2000)->{status}, 413,
	'too large a body');
like(last_line($t, 'POST \S+\?post', 'error.log'),
	qr/too large body/, '  is logged');
for my $pair ("$T:", "me:$T", "$T:secret") {
	$t->get('/main/forward/noarch/x?' . $n++, Authorization => 'Basic '
		. encode_base64($pair, ''));
}

# ----------------------------------------------------------- 2. access logs

my $r = $t->get("/t/$T/$file?log1&a=$T", 'X-API-Key' => $T,
	Referer => "http://x/y?u=http%3A%2F%2Fz%2Ft%2F$T%2Fmain",
	Authorization => 'Basic ' . encode_base64("$T:$T", ''));
is($r->{status}, 200, 'a request that is full of tokens');
like(last_line($t, 'log1'), qr{"GET /t/\*{4}/$file\?log1&a=\*{46} HTTP/1\.1" 200},
	'  the common log');
like(last_line($t, 'log1', 'all.log'),
	qr{ 200 "/$file\?log1&a=\*{46}" "/$file" "/$file" "log1&a=\*{46}" },
	'  any other format');
$t->h2("/t/$T/$file?log2", [], port => $t->port(2));
like(last_line($t, 'log2'), qr{"GET /t/\*{4}/$file\?log2 HTTP/2\.0" 200},
	'  HTTP/2');

# A Referer of another issuer's token: what follows a segment t is hidden.
my $foreign = $t->secret('cafe0123babe4567' x 3);
$t->http('GET', "/t/$foreign/$file?log3", port => $t->port(4),
	headers => [Referer => "http://localhost/t/$foreign/x?y=$foreign#z"]);
like(last_line($t, 'log3'), qr{"http://localhost/t/\*+/x\?y=\*+#z"},
	'a foreign token in the Referer');
$t->http('GET', "/$file?log4", port => $t->port(4), headers => [
	Referer => "http://localhost/api/%74%2F$foreign/x"]);
like(last_line($t, 'log4'), qr{"http://localhost/api/%74%2F\*+/x"},
	'  encoded, with none in the path');

# ---------------------------------------------------- 3. refused by the parser

my $host = "Host: localhost\r\n";
my $at = "/t/$T/$file";
my $end = "Connection: close\r\n\r\n";
my @bad = (
	# what, bytes, status, what $request shows
	['no host', "GET $at HTTP/1.1\r\n$end", 400],
	['two hosts', "GET $at HTTP/1.1\r\n$host$host$end", 400],
	['a bad host', "GET $at HTTP/1.1\r\nHost: a/$T\r\n$end", 400],
	['a bad version', "GET $at HTTP/1.x\r\n$host$end", 400],
	['version 2', "GET $at HTTP/2.0\r\n$host$end", 505],
	['a bad escape', "GET $at%x HTTP/1.1\r\n$host$end", 400],
	['a zero byte', "GET $at%00 HTTP/1.1\r\n$host$end", 400],
	['above the root', "GET /..$at HTTP/1.1\r\n$host$end", 400],
	['a bad method', "g\@t $at HTTP/1.1\r\n$host$end", 400],
	['a blank', "GET /t/ $T HTTP/1.1\r\n$host$end", 400],
	['a control byte', "GET /t/$T\x01/x HTTP/1.1\r\n$host$end", 400],
	['no slash', "GET t/$T/x HTTP/1.1\r\n$host$end", 400],
	['a bad scheme', "GET ht!tp://h/t/$T/x HTTP/1.1\r\n$host$end", 400],
	['HTTP/0.9', "GET $at\r\n", 400],
	['too long a line', "GET $at?" . 'a' x 3000 . " HTTP/1.1\r\n$end", 414],
	['too long, encoded', "GET /t/$E/" . 'a' x 3000 . " HTTP/1.1\r\n$end", 414],
	['too long a header', "GET $at HTTP/1.1\r\n${host}X-Auth: $T"
		. 'a' x 3000 . "\r\n$end", 400],
	['two lengths', "POST $at HTTP/1.1\r\n${host}Content-Length: 1\r\n"
		. "Content-Length: 2\r\n$end", 400],
	['a bad length', "POST $at HTTP/1.1\r\n${host}Content-Length: x\r\n$end",
		400],
	['a length and chunks', "POST $at HTTP/1.1\r\n${host}Content-Length: 1\r\n"
		. "Transfer-Encoding: chunked\r\n$end", 400],
	['a coding nobody knows', "POST $at HTTP/1.1\r\n$host"
		. "Transfer-Encoding: psm\r\n$end", 501],
	['two Authorization lines', "GET $at HTTP/1.1\r\n$host"
		. "Authorization: Bearer $T\r\nAuthorization: Bearer $T\r\n$end", 400],
	['a broken header with a Referer', "GET $at HTTP/1.1\r\n$host"
		. "Referer: http://localhost/t/$T/x\r\nBad\x01: $T\r\n$end", 400],
	['TRACE', "TRACE $at HTTP/1.1\r\n$host$end", 405],
	['CONNECT', "CONNECT $at HTTP/1.1\r\n$host$end", 405],
	['TLS to a plain port', "\x16\x03\x01\x02\x00$T\r\n", 400],
);

# The answer, and the line of it, which is written after it was sent.
sub ask_and_read {
	my ($bytes, $port) = @_;

	my $size = length $t->log_text('access.log');
	my $raw = $t->request($bytes, port => $port)->{raw};
	PSM::Process::wait_for(sub {
		length $t->log_text('access.log') > $size }, 5);
	return ($raw, substr $t->log_text('access.log'), $size);
}

for (@bad) {
	my ($name, $bytes, $status) = @$_;
	my ($raw, $line) = ask_and_read($bytes, $t->port);
	like($raw, qr/\b$status /, "refused: $name");
	like($line, qr/" $status \d+ /, '  is logged');
	ask_and_read($bytes, $t->port(3));
}
like($t->log_text('all.log'), qr{"GET /t/\*{46}/$file%x HTTP/1\.1" 400},
	'the line is masked in its place');

# Never whole: the client sends no more, or goes away.
my @parts = ("GET /t/$T/$file HTTP/1.1\r\nHost: x\r\nReferer: /t/$T",
	"GET /t/$T/mai", "GET /t/$E", "GET /%74%2f$T");
for my $part (@parts) {
	my $size = length $t->log_text('access.log');
	my @socks = map { $t->connect } 1, 2;
	$t->send($_, $part) for @socks;
	close $socks[0];
	PSM::Process::wait_for(sub { substr($t->log_text('access.log'), $size)
		=~ /" 400 .*\n.*" 408 /s }, 5);
	like(substr($t->log_text('access.log'), $size), qr/" 400 .*" 408 /s,
		'half a request is logged twice');
}

$t->finish;
