#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Location: on an answer to a path-token request the token comes back where it
# stood, for this site only (design.md section 4).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'Location');
$t->start_redis;
# The upstream redirects to what the query says, percent-encoded.
$t->start_upstream(handler => sub {
	my ($request) = @_;
	my ($to) = $request->{uri} =~ /\?(.*)/ or return;
	$to =~ s/%([0-9a-f]{2})/chr hex $1/gei;
	my $status = $request->{method} eq 'PUT' ? 201 : 302;
	return [$status, [Location => $to], ''];
});
$t->file('main/noarch/dir/file', "file\n");
$t->file('api/repo/main/noarch/dir/file', "file\n");
$t->write_conf(<<'EOC');
proxy_cache_path %%DIR%%/cache keys_zone=c:1m;
server {
	listen %%LISTEN%%;
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
	psm_token_base / /api/repo/;

	location /main/slash/ { proxy_pass http://%%UPSTREAM%%; }
	location /main/up/ {
		proxy_pass http://%%UPSTREAM%%;
		proxy_redirect off;
	}
	location /api/repo/main/up/ {
		proxy_pass http://%%UPSTREAM%%;
		proxy_redirect off;
	}
	location /main/default/ { proxy_pass http://%%UPSTREAM%%/elsewhere/; }
	location /main/cached/ {
		proxy_pass http://%%UPSTREAM%%;
		proxy_redirect off;
		proxy_cache c;
		proxy_cache_valid any 1m;
		add_header X-Cache $upstream_cache_status always;
	}
	location /main/return/ { return 301 /main/noarch/x; }
	location /main/host/ { return 301 http://$http_host/main/x; }
	location /main/secure/ { return 301 https://$host$request_uri; }
	location /main/rewrite/ {
		rewrite ^/main/rewrite/(.*)$ /main/noarch/$1 permanent;
	}
	location /main/page/ { error_page 404 http://$http_host/main/sorry; }
	location /main/away/ { error_page 404 http://sorry.example/main/; }
	location /main/added/ { add_header Location /main/noarch/y always; }
	location /main/relative/ {
		absolute_redirect off;
		alias %%ROOT%%/main/;
	}
	location /open/ { psm_token off; return 302 /open/y; }
	error_page 401 = @login;
	location @login { return 302 /login; }
}
EOC
$t->start_nginx;

my $T = $t->add_token(resources => { main => 'write' });
my $B = $t->add_token(resources => { main => 'read' });
my $U = $t->unknown_token;
my $host = 'localhost:' . $t->port;
my $site = "http://$host";

sub location {
	my ($path, %arg) = @_;
	my @headers = (Host => $arg{host} // $host, @{ $arg{headers} // [] });
	my $r = $t->http($arg{method} // 'GET', $path, headers => \@headers,
		body => $arg{body});
	return $t->header($r, 'Location') // "none ($r->{status})";
}

# -------------------------------------------------------- 1. nginx's redirects

my @own = (
	['a folder', '/main/noarch/dir', "$site/t/$T/main/noarch/dir/"],
	['a folder, arguments', '/main/noarch/dir?a=/b',
		"$site/t/$T/main/noarch/dir/?a=/b"],
	['a folder, relative', '/main/relative/noarch/dir',
		"/t/$T/main/relative/noarch/dir/"],
	['a location with a slash', '/main/slash', "$site/t/$T/main/slash/"],
	['return', '/main/return/x', "$site/t/$T/main/noarch/x"],
	['return with the host', '/main/host/x', "$site/t/$T/main/x"],
	['return to https', '/main/secure/x?y',
		"https://localhost/t/$T/main/secure/x?y"],
	['rewrite', '/main/rewrite/x?y', "$site/t/$T/main/noarch/x?y"],
	['error_page', '/main/page/noarch/x', "$site/t/$T/main/sorry"],
	['error_page elsewhere', '/main/away/noarch/x',
		'http://sorry.example/main/'],
	['add_header', '/main/added/noarch/x', "/t/$T/main/noarch/y"],
	['a location with the gate off', '/open/x', "$site/t/$T/open/y"],
);
for (@own) {
	my ($name, $path, $wanted) = @$_;
	# What is nginx's own stays relative: it does not know the client's port.
	my $restored = $wanted =~ /^\Q$site\E/ && $name !~ /^(?:return with the host|error_page)\z/
		? $wanted =~ s/^\Q$site\E//r : $wanted;
	is(location("/t/$T$path"), $restored, "nginx: $name");
	is(location($path, headers => ['X-Auth' => $T]),
		$wanted =~ s{/t/$T}{}r, '  none for a token in a header');
}

# ---------------------------------------------------- 2. what an upstream says

my @same = (
	['/main/y', "/t/$T/main/y"],
	['/', "/t/$T/"],
	['/other?u=http://evil.example/', "/t/$T/other?u=http://evil.example/"],
	["$site/main/y", "$site/t/$T/main/y"],
	["HTTP://LOCALHOST:" . $t->port . '/y', "HTTP://LOCALHOST:" . $t->port
		. "/t/$T/y"],
	["//$host/main/y", "//$host/t/$T/main/y"],
	['https://localhost/main/y', "https://localhost/t/$T/main/y"],
	["https://localhost:8443/y", "https://localhost:8443/t/$T/y"],
	['/\\evil.example/y', "/t/$T/\\evil.example/y"],
);
my @other = ('http://evil.example/main/y', '//evil.example/main/y',
	'///evil.example/y', 'http://localhost/main/y',
	'http://localhost:1/y', "http://$host.evil.example/y",
	"http://$host\@evil.example/y", "http://evil.example\\\@$host/y",
	"http://me:x\@$host/y", "http://$host\\y", "http:///$host/y",
	"http:/$host/y", "http:$host/y", "ftp://$host/y", "javascript://$host/%0ay",
	"x?//$host/y", "?u=$site/y", '#/y', 'y', '../y', './y', "http://$host?y",
	"http://$host#/y", "http://$host", "http://[::1]:80/y",
	'http://127.0.0.1:' . $t->port . '/y', 'https://evil.example/y');
sub encoded { return join '', map { sprintf '%%%02x', ord } split //, $_[0] }

for (@same) {
	my ($to, $wanted) = @$_;
	is(location("/t/$T/main/up/noarch/x?" . encoded($to)), $wanted,
		"this site: $to");
}
for my $to (@other) {
	unlike(location("/t/$T/main/up/noarch/x?" . encoded($to)), qr/psm-|none/,
		"not this site: $to");
}
is(location("/t/$T/main/up/noarch/x?" . encoded("http://localhost/main/y"),
	host => 'localhost'), "http://localhost/t/$T/main/y",
	'the port of the scheme');
is(location("/t/$T/main/up/noarch/x?" . encoded('http://localhost:80/y'),
	host => 'localhost'), "http://localhost:80/t/$T/y", '  written out');
is(location("/t/$T/main/up/noarch/x?" . encoded('http://[::1]/y'),
	host => '[::1]'), "http://[::1]/t/$T/y", 'an IPv6 host');
is(location("/t/$T/main/up/noarch/x?" . encoded('/t/word/main/y')),
	'/t/word/main/y', 'not before another');
is(location("/t/$T/main/default/noarch/x?" . encoded('http://127.0.0.1:'
	. $t->{upstreams}[0]->port . '/elsewhere/y')),
	"/t/$T/main/default/y", 'after proxy_redirect');
is(location("/t/$T/main/up/noarch/x?/main/y", method => 'PUT', body => 'x'),
	"/t/$T/main/y", 'a 201');
is(location("/t/$T/main/up/noarch/x?/main/y", method => 'HEAD'),
	"/t/$T/main/y", 'HEAD');
like($t->request("GET /t/$T/main/up/noarch/x?http%3a%2f%2f/main/y HTTP/1.0\r\n"
	. "\r\n")->{raw}, qr{^Location: http:///main/y\r}m, 'no host at all');

# --------------------------------------------------------- 3. where it stood

my @places = (
	["/api/repo/t/$T", '/api/repo/main/y', "/api/repo/t/$T/main/y"],
	["/api/repo/t/$T", '/api/repo/', "/api/repo/t/$T/"],
	["/api/repo/t/$T", '/main/y', '/main/y'],
	["/api/repo/t/$T", '/api/repo2/y', '/api/repo2/y'],
	["/api/repo/t/$T", '/api/repo', '/api/repo'],
	["/api/repo/t/$T", '/api/repo/t/x/y', '/api/repo/t/x/y'],
	["/t/$T/api/repo", '/api/repo/main/y', "/t/$T/api/repo/main/y"],
	["/t/$T/api/repo", '/main/y', "/t/$T/main/y"],
	["/t/$T/api/repo/t/$T", '/api/repo/y', "/t/$T/api/repo/y"],
	["/%61pi/repo/%74/" . encoded($T), '/api/repo/y', "/api/repo/t/$T/y"],
	["//t//$T//api//repo", '/api/repo/y', "/t/$T/api/repo/y"],
);
for (@places) {
	my ($before, $to, $wanted) = @$_;
	is(location("$before/main/up/noarch/x?$to"), $wanted,
		'where it stood: ' . ($before =~ s/(?:psm-|%70)[%\w]+/T/gr) . " $to");
}
is(location("/api/repo/t/$T/main/noarch/dir"),
	"/api/repo/t/$T/main/noarch/dir/", 'a folder behind a base');

# ------------------------------------------------------------- 4. whose it is

for my $token ($T, $B, $T) {
	my $r = $t->get("/t/$token/main/cached/noarch/x?/main/y", Host => $host);
	is($t->header($r, 'Location'), "/t/$token/main/y",
		'from the cache: ' . $t->header($r, 'X-Cache'));
}
my $r = $t->get('/main/cached/noarch/x?/main/y', 'X-Auth' => $B, Host => $host);
is($t->header($r, 'X-Cache'), 'HIT', 'from the cache, no path token');
is($t->header($r, 'Location'), '/main/y', '  none');
is(location("/t/$U/main/noarch/x"), "/t/$U/login",
	'after a denial: the client keeps what it has');
is(location('/main/noarch/x'), "$site/login", '  nothing, when it had nothing');

$r = $t->h2("/t/$T/main/noarch/dir", [], port => $t->port(2));
is($t->header($r, 'location'), "/t/$T/main/noarch/dir/", 'HTTP/2');
$r = $t->h2("/t/$T/main/up/x?//127.0.0.1:" . $t->port(2) . '/y', [],
	port => $t->port(2));
is($t->header($r, 'location'), '//127.0.0.1:' . $t->port(2) . "/t/$T/y",
	'  the authority is the host');

$t->allow_leak('response header location');
$t->finish;
