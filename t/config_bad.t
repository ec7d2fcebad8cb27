#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T103: mistakes are found by `nginx -t`, which leaves with 1, names directive,
# value and line, and never crashes; what is right passes (design.md section
# 5). What is not built yet is refused as clearly.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'configuration');
my %file = (
	good => $t->private_file('password', "secret\n"),
	empty => $t->private_file('empty', ''),
	blank => $t->private_file('blank', "\nsecret\n"),
	long => $t->private_file('long', 'x' x 600),
);

# Where a directive is tried.
my %at = (
	http => sub { "$_[0]\nserver { listen %%LISTEN%%; psm_token on; }" },
	server => sub { "server { listen %%LISTEN%%; psm_token on;\n$_[0]\n}" },
	location => sub { 'server { listen %%LISTEN%%; location / { psm_token on;'
		. "\n$_[0]\n} }" },
	alone => sub { "server { listen %%LISTEN%%;\n$_[0]\n}" },
	if => sub { "server { listen %%LISTEN%%; location / { if (\$arg_x) {\n"
		. "$_[0]\n} } }" },
	except => sub { "server { listen %%LISTEN%%; location / {"
		. " limit_except GET {\n$_[0]\n} } }" },
	upstream => sub { "upstream u { server 127.0.0.1;\n$_[0]\n}" },
);

# where, the directive's name, its values: each is a mistake, and named.
my @bad = (
	[alone => psm_token => qw(maybe 1 yes), '""', '"on "'],
	[http => psm_token_redis => qw(localhost http://h redis: redis:// redis:///
		redis://:6379 redis://h:0 redis://h:65536 redis://h:x redis://h:-1
		redis://h/x redis://h/-1 redis://h/1/2 redis://h:6379:1 redis://[::1
		redis://h?x=1 unix: unix:relative
		memcached://h REDIS 127.0.0.1:6379), '""', '" "', '"redis://h x"', "redis://\x01", 'redis://' . 'h' x 2000],
	['http', 'psm_token_redis redis://127.0.0.1', qw(nothing=1 timeout=
		timeout=x timeout=0 timeout=-1 timeout=1y connect_timeout=x db=x db=-1
		db= db=99999999999 prefix= password=secret password_file= user= =
		tracking=maybe redis://127.0.0.2 timeouts=1s TIMEOUT=1s),
		'db=1 db=2', 'timeout=1s timeout=2s', "password_file=$file{empty}",
		"password_file=$file{blank}", "password_file=$file{long}",
		'password_file=/nonexistent/file', 'user=somebody'],
	[http => psm_token_cache => qw(on max max= max=0 max=-1 max=x max=1k
		max=99999999999999999999 valid= valid=0 valid=x valid=-1s valid=1q
		lease=0 lease=x stale=x stale=-1
		negative=x negative=-1 size=1 maximum=1 =1), '""', 'max=1 max=2',
		'max=1 off'],
	[server => psm_token_base => qw(x /x x/ // /a//b/ /t/ /a/t/ /t/a/ /./ /../
		/a/./ /a/../ /%61/ /a?/ /a*/ http://h/), '""', '"/a b/"', '"/a;b/"',
		"\"/\xc3\xa9/\"", '/a/ /b/ /a/', '/ /', '/a/ b', '/' . 'a' x 2000,
		'/1/ /2/ /3/ /4/ /5/ /6/ /7/ /8/'],
	[server => psm_token_carriers => qw(cookie off none Path BEARER x_auth
		authorization all), 'path,basic', '""', 'path path', 'path query', 'bearer path bearer'],
	[server => psm_token_format => qw(hex PSM both), '""'],
	[location => psm_token_require => qw(admin Read none artifact artifact:
		artifact:nothing artifact:downloads :edit channel:* : off), '""', '"read "',
		'x' x 3000],
	[location => psm_token_channel => qw(/main main/ a//b t a/t noarch main/linux-64
		simple jupyter . .. a/.. -a a%20b), '"a b"', "\"\xc3\xa9\"",
		'a/b/c/d/e/f/g/h/i', 'a' x 65],
	[location => psm_token_privacy => qw(open Public secret off), '""'],
	(map { [location => "psm_token_$_" => qw(yes 1 maybe), '""'] }
		qw(scope_levels strict dry_run forward)),
	[location => psm_token_warn => qw(x -1 1x 1d1y off), '""',
		'99999999999999999999d'],
);
for (@bad) {
	my ($where, $directive, @values) = @$_;
	my ($name) = $directive =~ /^(\w+)/;
	my @wrong;
	for my $value (@values) {
		my ($exit, $said) = $t->nginx_t($at{$where}->("$directive $value;"));
		# the last word is the mistake, or the one that makes it one
		my ($word) = $value =~ /([^" ]*)[" ]*;?\z/;
		my $shown = substr $word, 0, 200;
		$shown = "$1" if $shown =~ /^[\w]+=(\/.*)/;
		my $named = $said =~ /"\Q$name\E"/ && $said =~ / in \S+:\d+$/m
			&& index($said, $shown =~ s/=.*//r) >= 0;
		$value = substr($value, 0, 40) . '...' if length $value > 40;
		push @wrong, "$value (exit $exit): $said" if $exit != 1 || !$named;
	}
	ok(!@wrong, "T103 $directive: " . @values . ' bad values, each refused by name')
		or diag(map { "  $_" } @wrong);
}

# No value, too many, twice, at the wrong place.
my %good = (psm_token => 'on', psm_token_redis => 'redis://127.0.0.1',
	psm_token_cache => 'off', psm_token_base => '/a/', psm_token_carriers =>
	'path', psm_token_format => 'any', psm_token_require => 'read',
	psm_token_channel => 'main', psm_token_scope_levels => 'on',
	psm_token_privacy => 'public', psm_token_strict => 'on',
	psm_token_dry_run => 'on', psm_token_forward => 'on', psm_token_warn => '1d');
my %only_http = map { $_ => 1 } qw(psm_token_redis psm_token_cache);
my %only_server = map { $_ => 1 }
	qw(psm_token_base psm_token_carriers psm_token_format);
my %many = map { $_ => 1 } qw(psm_token_redis psm_token_cache psm_token_base
	psm_token_carriers);
for my $name (sort keys %good) {
	my @tries = (
		['http', "$name;", qr/invalid number of arguments/],
		['http', "$name $good{$name}; $name $good{$name};", qr/is duplicate/],
		['if', "$name $good{$name};", qr/is not allowed here/],
		['except', "$name $good{$name};", qr/is not allowed here/],
		['upstream', "$name $good{$name};", qr/is not allowed here/],
	);
	push @tries, ['http', "$name $good{$name} $good{$name};",
		qr/invalid number of arguments/] if !$many{$name};
	push @tries, ['alone', "$name $good{$name};", qr/is not allowed here/]
		if $only_http{$name};
	push @tries, ['location', "$name $good{$name};", qr/is not allowed here/]
		if $only_http{$name} || $only_server{$name};
	my @wrong;
	for (@tries) {
		my ($where, $text, $says) = @$_;
		my ($exit, $said) = $t->nginx_t($at{$where}->($text));
		push @wrong, "$where: $text (exit $exit): $said"
			if $exit != 1 || $said !~ $says || $said !~ /"$name"/;
	}
	ok(!@wrong, "T103 $name: no value, too many, twice, elsewhere")
		or diag(map { "  $_" } @wrong);
}

# Values with variables are read while requests run; their names are not.
for my $name (qw(psm_token_require psm_token_channel)) {
	my ($exit, $said) = $t->nginx_t($at{location}->("$name \$nothing;"));
	is($exit, 1, "$name: an unknown variable");
	like($said, qr/unknown "nothing" variable/, '  is named');
	($exit, $said) = $t->nginx_t($at{location}->("$name x\${uri;"));
	is($exit, 1, "$name: a broken variable") or diag($said);
}
my ($exit, $said) = $t->nginx_t($at{location}->('psm_tokens on;'));
like($said, qr/unknown directive "psm_tokens"/, 'a name nobody knows');
for my $path ($file{empty}, 'password_file=/nonexistent') {
	($exit, $said) = $t->nginx_t($at{http}->('psm_token_redis redis://127.0.0.1 '
		. 'user=u password_file=' . ($path =~ s/.*=//r) . ';'));
	is($exit, 1, 'no password to read');
	like($said, qr/\Q@{[ $path =~ s{.*=}{}r ]}\E/, '  the file is named');
}
($exit, $said) = $t->nginx_t($at{http}->(
	'psm_token_redis redis://me:hush@127.0.0.1;'));
is($exit, 1, 'a password in the URI');
like($said, qr/"psm_token_redis".*password_file/, '  is refused');
unlike($said, qr/hush/, '  and not repeated');
($exit, $said) = $t->nginx_t($at{http}->('psm_token_cache off max=1;'));
like($said, qr/"psm_token_cache".*"off"/, 'off beside a parameter');
($exit, $said) = $t->nginx_t($at{http}->(
	'psm_token_redis redis://no-such-host.invalid;'));
is($exit, 1, 'a host that has no address');
like($said, qr/"psm_token_redis".*no-such-host\.invalid/, '  is named');

# --------------------------------------------- what is said, word for word

my $redis = 'psm_token_redis redis://127.0.0.1';
my $too = qr/invalid number of arguments in "\w+" directive/;
my $cache = qr/"psm_token_cache" has an invalid or repeated parameter/;
my $base = qr/"psm_token_base" must begin and end with "\/"/;
my @said = (
	# a password has no place in the configuration, and is not shown
	[http => 'psm_token_redis redis://:hush@127.0.0.1;',
		qr/"psm_token_redis": a password must not stand here(?!.*hush)/],
	[http => "$redis pass=hush;", qr/pass= is not taken(?!.*hush)/],
	[http => "$redis auth=hush;", qr/auth= is not taken(?!.*hush)/],
	[http => "$redis password_file=%%DIR%%;",
		qr/password of 1 to 512 characters.*password_file "\S+"/],
	[http => "$redis password_file=/dev/null;",
		qr/password of 1 to 512 characters.*"\/dev\/null"/],
	[http => "$redis password_file=nowhere;",
		qr/cannot read password_file "\/.*\/nowhere"/],
	[http => "$redis password_file=$file{good} password_file=$file{good};",
		qr/"psm_token_redis": password_file= is given twice/],
	# the address and its parameters
	[http => 'psm_token_redis redis://a@127.0.0.1 user=b password_file=x;',
		qr/"psm_token_redis": user= and the user in the URI differ/],
	[http => 'psm_token_redis redis://127.0.0.1/1 db=2;',
		qr/"psm_token_redis": db= and the database in the URI differ/],
	[http => 'psm_token_redis redis://a*b@127.0.0.1;', qr/bad user name/],
	[http => 'psm_token_redis redis://@127.0.0.1;', qr/bad user name/],
	[http => "$redis user=a*b;", qr/"psm_token_redis": bad user=/],
	[http => 'psm_token_redis redis://[]:6379;', qr/no IPv6 address.*\[ and \]/s],
	[http => 'psm_token_redis redis://[::1]6379;', qr/text behind the \]/],
	[http => 'psm_token_redis redis://127.0.0.1/65536;',
		qr/"redis:\/\/127\.0\.0\.1\/65536" has a bad database/],
	[http => 'psm_token_redis redis://127.0.0.1:;', qr/bad port/],
	[http => 'psm_token_redis unix:/' . 'a' x 107 . ';', qr/is no socket/],
	[http => 'psm_token_redis user=a redis://127.0.0.1;',
		qr/"psm_token_redis": "user=\.\.\." is no address of Redis/],
	[http => "$redis unix:/tmp/x;", qr/unknown parameter "unix:\/tmp\/x"/],
	[http => "$redis db;", qr/unknown parameter "db"/],
	[http => "$redis db=+1;", qr/bad db=\+1/],
	[http => "$redis db=1.0;", qr/bad db=1\.0/],
	[http => "$redis timeout=61s;", qr/bad timeout=61s: write a time from 1ms/],
	[http => "$redis timeout=0ms;", qr/bad timeout=0ms/],
	[http => "$redis timeout=1h;", qr/bad timeout=1h/],
	[http => "$redis timeout=1.5s;", qr/bad timeout=1\.5s/],
	[http => "$redis connect_timeout=2m;", qr/bad connect_timeout=2m/],
	[http => "$redis connect_timeout=1s connect_timeout=1s;",
		qr/connect_timeout= is given twice/],
	[http => "$redis prefix=a prefix=b;", qr/prefix= is given twice/],
	[http => "$redis user=a user=a password_file=x;", qr/user= is given twice/],
	(map { [http => "$redis \"prefix=$_\";", qr/"psm_token_redis": bad prefix=/] }
		'a b', 'a*', "\xc3\xa9", '{x}', 'a/b', "a\tb", 'a%', 'a' x 65),
	# TLS and sentinels
	[http => 'psm_token_last_used redis://127.0.0.1 flush=x;',
		qr/"psm_token_last_used" needs a time such as flush=30s, not "flush=x"/],
	[http => 'psm_token_last_used http://127.0.0.1;',
		qr/"psm_token_last_used": "http:.* is no address of Redis/],
	[http => 'psm_token_last_used off; psm_token_last_used off;',
		qr/"psm_token_last_used" directive is duplicate/],
	[http => "$redis tls=on ca=nowhere;",
		qr/"psm_token_redis" cannot use ca= "nowhere"/],
	[http => "$redis tls=on cert=nowhere key=nowhere;",
		qr/"psm_token_redis" cannot use cert= and key= "nowhere"/],
	[http => "psm_token_redis sentinel://h.invalid/name;",
		qr/"psm_token_redis": host not found in "h\.invalid:26379"/],
	(map { [http => "$redis $_=x;", qr/"psm_token_redis": $_= counts for/] }
		qw(ca cert key name sentinel_user sentinel_password_file)),
	(map { [http => "$redis $_=off;", qr/"psm_token_redis": bad $_=off/] }
		qw(tls sentinel_tls)),
	[http => "$redis tracking=maybe;",
		qr/bad tracking=maybe: write tracking=on or tracking=off/],
	[http => 'psm_token_redis rediss://;', qr/"rediss:\/\/" names no host/],
	[http => 'psm_token_redis sentinel://h;',
		qr/"sentinel:\/\/h" names no master/],
	(map { [http => "psm_token_cache $_;", qr/$cache "\Q$_\E"/] }
		qw(lease=0 lease=0s lease=1y1 stale=1x lease=-1s max=0 max=abc max=-5 max=1.5 max=0x10
			valid=-1s valid=1.5s valid=9999999999999d negative=0 MAX=1 max)),
	[http => 'psm_token_cache max=1 valid=1s valid=1s;', qr/$cache "valid=1s"/],
	[http => 'psm_token_cache negative=1s max=1 negative=2s;',
		qr/$cache "negative=2s"/],
	[http => 'psm_token_cache off off;', qr/$cache "off"/],
	[http => 'psm_token_cache valid=1s off;', qr/$cache "off"/],
	# bases, carriers
	(map { [server => "psm_token_base $_;", qr/$base.*unlike "\Q$_\E"/] }
		qw(api /api api/ // /a//b/ /t/ /api/t/ /api/t/x/ /../ /%74/)),
	[server => 'psm_token_base /a/ /b/ /a/;',
		qr/"psm_token_base" has too many or repeated bases at "\/a\/"/],
	[server => 'psm_token_carriers bearer cookie;',
		qr/"psm_token_carriers" has no carrier "cookie"/],
	[server => 'psm_token_carriers x-auth path x-auth;',
		qr/"psm_token_carriers" repeats "x-auth"/],
	[server => 'psm_token_format any psm;', $too],
	# values
	[location => 'psm_token_require "";', qr/"psm_token_require" must be auto/],
	[location => 'psm_token_require cve:write;', qr/not "cve:write"/],
	[location => 'psm_token_privacy "";', qr/"psm_token_privacy" must be public/],
	[location => 'psm_token_warn 7days;', qr/"psm_token_warn".*not "7days"/],
	[location => 'psm_token_channel a/t/b;', qr/"psm_token_channel".*not "a\/t\/b"/],
	[location => 'psm_token ON OFF;', $too],
	[location => 'psm_token on; psm_token off;', qr/"psm_token" directive is duplicate/],
	# metrics: a location's, without a value
	(map { [location => "psm_token_metrics $_;", $too] } 'on', 'json', '""'),
	[location => 'psm_token_metrics; psm_token_metrics;',
		qr/"psm_token_metrics" directive is duplicate/],
	(map { [$_ => 'psm_token_metrics;',
		qr/"psm_token_metrics" directive is not allowed here/] }
		qw(http server alone if except upstream)),
	# variables are read-only, and have names
	[location => 'set $psm_token_id x;', qr/duplicate "psm_token_id" variable/],
	[location => 'return 200 $psm_token_ids;', qr/unknown "psm_token_ids" variable/],
	[http => 'map $uri $psm_token_status { default x; }',
		qr/duplicate "psm_token_status" variable/],
);
my @silent;
for (@said) {
	my ($where, $text, $says) = @$_;
	my ($exit, $said) = $t->nginx_t($at{$where}->($text));
	# nginx names no line for a variable, which it looks for at the end
	push @silent, "$where: $text (exit $exit): $said" if $exit != 1
		|| $said !~ $says || $said !~ / in \S+:\d+$| variable$/m;
}
ok(!@silent, 'T103 ' . @said . ' mistakes, each with its own words')
	or diag(map { "  $_\n" } @silent);

# Outside of http, and the module itself.
my $load = 'load_module %%MODULE%%;';
my @whole = (
	['in main', "$load\npsm_token on;\nevents { }", qr/"psm_token" directive is not allowed here/],
	['in events', "$load\nevents { psm_token on; }", qr/"psm_token" directive is not allowed here/],
	['without the module', 'events { } http { psm_token on; }',
		qr/unknown directive "psm_token"/],
	['too late', "events { }\n$load", qr/"load_module" directive is specified too late/],
	['a file that is not there', "load_module %%DIR%%/no.so;\nevents { }", qr/no\.so/],
	['twice', "$load\n$load\nevents { }", qr/module "ngx_psm_token_module" is already loaded/],
	['an open block', "$load\nevents { }\nhttp { psm_token on;", qr/unexpected end of file/],
	['no semicolon', "$load\nevents { }\nhttp { psm_token on }", qr/unexpected "\}"|invalid/],
);
for (@whole) {
	my ($name, $text, $says) = @$_;
	my ($exit, $said) = $t->nginx_t("$text\n");
	is($exit, 1, "T103 $name") or diag($said);
	like($said, $says, '  is said');
}

# ------------------------------------------------------------------ the good

my @good = (
	(map { [http => "psm_token_redis $_;"] } 'redis://127.0.0.1',
		'redis://127.0.0.1:6380', 'redis://127.0.0.1/3', 'redis://[::1]:6379/0',
		'redis://localhost:6379', 'unix:/run/redis.sock',
		"redis://me\@127.0.0.1 password_file=$file{good}",
		"redis://127.0.0.1 user=me password_file=$file{good}",
		"unix:/run/redis.sock db=2 password_file=$file{good} prefix=x:",
		'redis://127.0.0.1 connect_timeout=1s timeout=50ms db=15'),
	(map { [http => "psm_token_cache $_;"] } 'off', 'max=1', 'valid=10s',
		'max=10 valid=500ms negative=1m', 'negative=1s max=100000'),
	(map { [server => "psm_token_base $_;"] } '/', '/a/', '/a/b/c/', '/ /a/ /b/',
		'/b/ /', '/1/ /2/ /3/ /4/ /5/ /6/ /7/', '/T/', '/a.b-c_d~e/'),
	(map { [server => "psm_token_carriers $_;"] } 'path',
		'path bearer token basic x-auth x-api-key', 'x-api-key'),
	(map { [server => "psm_token_format $_;"] } qw(psm any)),
	(map { [location => "psm_token_require $_;"] } qw(auto read write manage
		artifact:download user.token:view $uri ${uri}x $psm_token_id)),
	(map { [location => "psm_token_channel $_;"] } qw(main main/dev
		a/b/c/d/e/f/g/h A1._- $arg_channel main/$arg_sub ""), 'a' x 64),
	(map { [location => "psm_token_privacy $_;"] }
		qw(public authenticated private)),
	(map { my $n = $_; map { [location => "psm_token_$n $_;"] } qw(on off) }
		qw(scope_levels strict dry_run forward)),
	(map { [location => "psm_token_warn $_;"] } qw(0 1 30s 7d 1w)),
	[location => 'limit_except GET { deny all; }'],
	[location => 'if ($arg_x) { expires 1h; }'],
	[location => 'psm_token_metrics;'],
	[location => "psm_token_metrics;\npsm_token_require read;\ndeny all;"],
	[alone => 'location / { psm_token_metrics; }'],
	[alone => 'psm_token off;'],
	[alone => ''],
);
my @wrong = grep { defined } map {
	my ($where, $text) = @$_;
	my ($code, $out) = $t->nginx_t($at{$where}->($text));
	$code == 0 && $out !~ /\[(?:warn|emerg|alert)/ ? undef : "$text: $out";
} @good;
ok(!@wrong, @good . ' good configurations') or diag(map { "  $_" } @wrong);

# The same directive at every level, and the inner one wins without a word.
($exit, $said) = $t->nginx_t(join '', map({ "$_ $good{$_};\n" }
	grep { !$only_http{$_} } sort keys %good), "server { listen %%LISTEN%%;\n",
	map({ "$_ $good{$_};\n" } grep { !$only_http{$_} } sort keys %good),
	"location / {\n", map({ "$_ $good{$_};\n" }
	grep { !$only_http{$_} && !$only_server{$_} } sort keys %good), "} }");
is($exit, 0, 'inherited and set again') or diag($said);

# Nothing of it ran: the teardown looks for crashes only.
is_deeply([glob $t->dir . '/core*'], [], 'no core');
$t->finish;
