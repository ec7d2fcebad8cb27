#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The directives of the API: mistakes are found by `nginx -t`, which names
# directive and value (T103), and what is right is inherited as usual. Where the
# API is there is no gate, and nowhere else is it missing for that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(answer_is);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'configuration of the API');

# Where a directive is tried.
my %at = (
	http => sub { "$_[0]\nserver { listen %%LISTEN%%; }" },
	server => sub { "server { listen %%LISTEN%%;\n$_[0]\n}" },
	location => sub { "server { listen %%LISTEN%%; location /psm/ {\n$_[0]\n} }" },
	api => sub { 'server { listen %%LISTEN%%; location /psm/ { psm_token_api;'
		. "\n$_[0]\n} }" },
	if => sub { 'server { listen %%LISTEN%%; location /psm/ { psm_token_api;'
		. " if (\$arg_x) {\n$_[0]\n} } }" },
	except => sub { 'server { listen %%LISTEN%%; location /psm/ {'
		. " limit_except GET {\n$_[0]\n} } }" },
	upstream => sub { "upstream u { server 127.0.0.1;\n$_[0]\n}" },
);

my $many = qr/invalid number of arguments in "psm_token_api\w*" directive/;
my $elsewhere = qr/"psm_token_api\w*" directive is not allowed here/;
my $prefix = qr/"psm_token_api" needs a location by prefix/;
my @bad = (
	# psm_token_api
	(map { [location => "psm_token_api $_;", $many] } 'on', 'off', '""'),
	[location => 'psm_token_api; psm_token_api;',
		qr/"psm_token_api" directive is duplicate/],
	(map { [$_ => 'psm_token_api;', $elsewhere] }
		qw(http server if except upstream)),
	[server => 'location = /psm { psm_token_api; }', qr/$prefix.*not "\/psm"/],
	[server => 'location ~ ^/psm/ { psm_token_api; }', qr/$prefix.*not "\^\/psm\/"/],
	[server => 'location ~* ^/psm/ { psm_token_api; }', $prefix],
	[server => 'location @psm { psm_token_api; }', qr/$prefix.*not "\@psm"/],
	(map { [location => $_, qr/"psm_token_api" in location "\/psm\/".*"psm_token on"/] }
		'psm_token on; psm_token_api;', 'psm_token_api; psm_token on;'),
	(map { [location => $_, qr/"psm_token_api" in location "\/psm\/": another directive answers/] }
		'psm_token_api; proxy_pass http://127.0.0.1:1;',
		'psm_token_api; psm_token_metrics;', 'psm_token_api; stub_status;'),
	# the identity of nginx
	(map { my $n = "psm_token_api_$_"; (
		[api => "$n;", $many],
		[api => "$n a b;", $many],
		[api => "$n a; $n b;", qr/"$n" directive is duplicate/],
		[api => "$n \$nothing;", qr/unknown "nothing" variable/],
		map { my $where = $_; [$where => "$n x;", $elsewhere] }
			qw(http server if except upstream),
	) } qw(user admin)),
	# who is let in by his address has shown no password
	(map { [server => $_, qr/"psm_token_api" in location "\/psm\/": "psm_token_api_user".*"satisfy any"/] }
		'location /psm/ { satisfy any; psm_token_api; psm_token_api_user $remote_user; }',
		'satisfy any; location /psm/ { psm_token_api; psm_token_api_user $remote_user; }'),
	# times
	(map { my $n = "psm_token_api_$_"; (
		[api => "$n;", $many],
		[api => "$n 1d 2d;", $many],
		[api => "$n 1d; $n 1d;", qr/"$n" directive is duplicate/],
		(map { [api => "$n $_;", qr/"$n" must be a time such as 30d, not "\Q$_\E"/] }
			qw(x -1d 1x never off 99999999999999999999d)),
		[api => "$n \"\";", qr/"$n" must be a time such as 30d, not ""/],
		map { my $where = $_; [$where => "$n 1d;", $elsewhere] }
			qw(http server if except upstream),
	) } qw(max_age default_age)),
	(map { [api => "psm_token_api_default_age $_;",
		qr/"psm_token_api_default_age" must be a time such as 30d, not "$_"/] }
		qw(0 0d)),
	[api => 'psm_token_api_max_age 7d; psm_token_api_default_age 8d;',
		qr/"psm_token_api_default_age" is longer than "psm_token_api_max_age"/],
	[api => 'psm_token_api_default_age 366d;',
		qr/"psm_token_api_default_age" is longer than "psm_token_api_max_age"/],
	# Redis
	[http => 'psm_token_api_redis;', $many],
	[http => 'psm_token_api_redis redis://127.0.0.1; psm_token_api_redis redis://127.0.0.1;',
		qr/"psm_token_api_redis" directive is duplicate/],
	[http => 'psm_token_api_redis http://127.0.0.1;',
		qr/"psm_token_api_redis": "http:.* is no address of Redis/],
	[http => 'psm_token_api_redis redis://127.0.0.1 user=somebody;',
		qr/"psm_token_api_redis" has a user, "somebody"/],
	[http => 'psm_token_api_redis redis://no-such-host.invalid;',
		qr/"psm_token_api_redis".*no-such-host\.invalid/],
	[http => 'psm_token_api_redis rediss://127.0.0.1 ca=nowhere;',
		qr/"psm_token_api_redis" cannot use ca= "nowhere"/],
	(map { [$_ => 'psm_token_api_redis redis://127.0.0.1;', $elsewhere] }
		qw(server location if except upstream)),
);
my @silent;
for (@bad) {
	my ($where, $text, $says) = @$_;
	my ($exit, $said) = $t->nginx_t($at{$where}->($text));
	# nginx names no line for a variable, which it looks for at the end
	push @silent, "$where: $text (exit $exit): $said" if $exit != 1
		|| $said !~ $says || $said !~ / in \S+:\d+$| variable$/m;
}
ok(!@silent, 'T103 ' . @bad . ' mistakes, each with its own words')
	or diag(map { "  $_\n" } @silent);

my @good = (
	[location => 'psm_token_api;'],
	[location => 'psm_token off; psm_token_api;'],
	[server => 'psm_token on; location /psm/ { psm_token_api; }'],
	(map { [server => "location $_ { psm_token_api; }"] }
		'/', '/psm', '/a/b/', '^~ /psm/'),
	[api => 'psm_token_api_user $remote_user; psm_token_api_admin $arg_x;'],
	[api => 'psm_token_api_user ""; psm_token_api_admin 1;'],
	(map { [api => "psm_token_api_$_;"] } 'max_age 0', 'max_age 1', 'max_age 7d',
		'max_age 1y', 'default_age 1h', 'default_age 365d'),
	(map { [api => "psm_token_api_max_age $_; psm_token_api_default_age 400d;"] }
		qw(2y 0)),
	[api => 'satisfy any; allow 127.0.0.1; deny all;'],
	[api => 'limit_except GET { deny all; }'],
	[api => 'if ($arg_x) { expires 1h; }'],
	[api => 'client_max_body_size 1k; client_body_in_file_only on;'],
	(map { [http => "psm_token_api_redis $_;"] } 'redis://127.0.0.1',
		'unix:/run/redis.sock timeout=1s prefix=x:',
		'sentinel://127.0.0.1:26379/psm'),
);
my @wrong = grep { defined } map {
	my ($where, $text) = @$_;
	my ($code, $out) = $t->nginx_t($at{$where}->($text));
	$code == 0 && $out !~ /\[(?:warn|emerg|alert)/ ? undef : "$text: $out";
} @good;
ok(!@wrong, @good . ' good configurations') or diag(map { "  $_" } @wrong);

# ------------------------------------------------------ no gate, and the gate

$t->start_redis;
$t->file("$_/noarch/f", "file\n") for qw(main psm/files api2);
$t->write_conf(<<'EOC');
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	location /psm/ {
		psm_token_api;
		location /psm/files/ { }
		location /psm/free/ { psm_token off; return 204; }
	}
	location /only/ {
		psm_token_api;
		if ($arg_x) { set $y 1; }
		limit_except GET { deny all; }
	}
	location /one { psm_token_api; }
}
server {
	listen %%LISTEN2%%;
	location / { psm_token_api; }
}
server {
	listen %%LISTEN3%%;
	location /t/ { return 204; }
}
EOC
$t->start_nginx;

sub status_of { return $t->get(@_)->{status} }

my $missing = '/account/tokens/x/y';
answer_is($t->get("/psm$missing"), 404, 'route_unknown', 'the API has no gate');
answer_is($t->get('/psm/files/noarch/f'), 401, 'token_missing',
	'  a location inside has it again');
is(status_of('/psm/free/x'), 204, '  and may turn it off');
answer_is($t->get('/main/noarch/f'), 401, 'token_missing',
	'  as all others of the server have');
my $good = $t->add_token(resources => { main => 'read' });
is(status_of("/t/$good/main/noarch/f"), 200, '  with a token they answer');

answer_is($t->get("/only$missing"), 404, 'route_unknown', 'beside an `if`');
answer_is($t->get("/only$missing?x=1"), 404, 'route_unknown', '  and inside of it');
is($t->http('POST', "/only$missing", body => '{}')->{status}, 403,
	'limit_except refuses what it is told to');
answer_is($t->get("/one$missing"), 404, 'route_unknown', 'a prefix without a slash');
answer_is($t->get('/one'), 404, 'route_unknown', '  has no route of its own');
answer_is($t->get('/oneaccount'), 404, 'route_unknown',
	'  nor what only begins like it');
answer_is($t->http('GET', $missing, port => $t->port(2)), 404, 'route_unknown',
	'the API may have all of a server');
is($t->http('GET', '/t/x/y', port => $t->port(3))->{status}, 204,
	'a server without it takes no token');

$t->finish;
