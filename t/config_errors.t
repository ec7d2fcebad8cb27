#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Mistakes in the configuration: nginx -t refuses them, names the directive
# and the value, and does not crash. What is right passes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'config errors');
my $password = $t->private_file('password', "secret\n");
my $empty = $t->private_file('empty', '');
my $absent = $t->dir . '/private/absent';
my $redis = 'redis://127.0.0.1:6379';

# Where; directive and values; what the message must hold besides the
# directive's name (the last value by default).
my @bad = (
	(map { [http => "psm_token_redis $_->[0]", $_->[1]] }
		['http://127.0.0.1', 'http'], ['redis://', 'redis://'],
		['127.0.0.1:6379', '127.0.0.1'], ['unix:', 'unix:'],
		['redis://127.0.0.1:0', '0'], ['redis://127.0.0.1:70000', '70000'],
		['redis://127.0.0.1:x', 'x'], ['redis://127.0.0.1/x', 'x'],
		['redis://no.such.host.invalid', 'no.such.host.invalid'],
		['rediss://127.0.0.1', 'rediss'],
		['sentinel://127.0.0.1:26379/psm', 'sentinel'],
		["$redis tls=on", 'tls'], ["$redis ca=/x", 'ca'],
		["$redis name=x", 'name'], ["$redis tracking=on", 'tracking'],
		["$redis bogus=1", 'bogus'], ["$redis bogus", 'bogus'],
		["$redis db=-1", 'db'], ["$redis db=x", 'x'],
		["$redis db=1 db=2", 'db'], ["$redis/1 db=2", 'db'],
		["$redis prefix=", 'prefix'], ['"redis://127.0.0.1 x"', 'x'],
		["$redis 'prefix=a b'", 'prefix'],
		["$redis timeout=0", 'timeout'], ["$redis timeout=x", 'timeout'],
		["$redis timeout=1d", 'timeout'],
		["$redis connect_timeout=-1", 'connect_timeout'],
		["$redis password_file=", 'password_file'],
		["$redis password_file=$absent", $absent],
		["$redis password_file=$empty", $empty],
		["$redis user=psm-gate", 'psm-gate'],
		["redis://a\@127.0.0.1 user=b password_file=$password", 'user'],
		["$redis password=x", 'password'],
	),
	[http => 'psm_token_redis', 'number of arguments'],
	[http => "psm_token_redis $redis; psm_token_redis $redis", 'duplicate'],
	[server => "psm_token_redis $redis", 'not allowed here'],
	(map { [http => "psm_token_cache $_->[0]", $_->[1]] }
		['max=0', 'max=0'], ['max=-1', 'max=-1'], ['max=x', 'max=x'],
		['max=', 'max='], ['max=1 max=2', 'max=2'], ['valid=x', 'valid=x'],
		['valid=0', 'valid=0'], ['negative=', 'negative='],
		['lease=2s', 'lease=2s'], ['stale=1s', 'stale=1s'],
		['on', 'on'], ['off max=1', 'off'], ['bogus=1', 'bogus=1'],
	),
	[http => 'psm_token_cache off; psm_token_cache max=1', 'duplicate'],
	[server => 'psm_token_cache off', 'not allowed here'],
	(map { [server => "psm_token_base $_->[0]", $_->[1]] }
		['api/', 'api/'], ['/api', '/api'], ['//', '//'], ['/a//b/', '/a//b/'],
		['/t/', '/t/'], ['/a/t/', '/a/t/'], ['/a/../b/', '/a/../b/'],
		['/./', '/./'], ['/a%20b/', '/a%20b/'], ['/a/ /a/', '/a/'],
		['/a/ b', 'b'], ['""', '""'],
		[join(' ', map { "/b$_/" } 1 .. 8), '/b8/'],
	),
	[server => 'psm_token_base /a/; psm_token_base /b/', 'duplicate'],
	[location => 'psm_token_base /a/', 'not allowed here'],
	(map { [server => "psm_token_carriers $_->[0]", $_->[1]] }
		['cookie', 'cookie'], ['path path', 'path'], ['Path', 'Path'],
		['all', 'all'], ['path,basic', 'path,basic'],
	),
	[location => 'psm_token_carriers path', 'not allowed here'],
	[server => 'psm_token_format base64', 'base64'],
	[server => 'psm_token_format psm any', 'number of arguments'],
	(map { [location => "psm_token_require $_", $_] }
		qw(none READ admin artifact artifact: artifact:fly :edit off)),
	[location => 'psm_token_require ""', '""'],
	[location => 'psm_token_require auto; psm_token_require read', 'duplicate'],
	(map { [location => "psm_token_channel $_", $_] }
		qw(/main main/ t noarch a//b -x a/linux-64), 'x' x 65),
	(map { [location => "psm_token_privacy $_", $_] }
		qw(open closed Public none)),
	[location => 'psm_token_privacy public; psm_token_privacy public',
		'duplicate'],
	(map { [location => "$_ maybe", 'maybe'] }
		qw(psm_token psm_token_scope_levels psm_token_strict
			psm_token_dry_run psm_token_forward)),
	[location => 'psm_token on on', 'number of arguments'],
	[location => 'psm_token_warn soon', 'soon'],
	[location => 'psm_token_warn -1d', '-1d'],
	[server => 'psm_token_unheard_of on', 'unknown directive'],
);

my %around = (
	http => "%s;\nserver { listen %%%%LISTEN%%%%; psm_token on; }",
	server => "server { listen %%%%LISTEN%%%%; psm_token on; %s; }",
	location => "server { listen %%%%LISTEN%%%%; location / { %s; } }",
);

for my $case (@bad) {
	my ($where, $text, $holds) = @$case;
	my ($name) = $text =~ /^(\w+)/;
	my ($exit, $said) = $t->nginx_t(sprintf $around{$where}, $text);
	my ($line) = grep { /\[emerg\]/ } split /\n/, $said;
	$line //= '';
	ok($exit == 1 && $line =~ /\Q$name\E/ && $line =~ /\Q$holds\E/,
		"$where: $text") or diag("exit $exit: $said");
	unlike($line, qr/secret/, 'and tells no password') if $text =~ /password/;
}

# A variable that does not exist is nginx's own to tell.
for my $name (qw(require channel)) {
	my ($exit, $said) = $t->nginx_t(sprintf $around{location},
		"psm_token_$name \$no_such_variable");
	is($exit, 1, "psm_token_$name with an unknown variable");
	like($said, qr/unknown "no_such_variable" variable/, 'is refused by name');
}

# A password in the URI is told, and not shown.
for my $uri ('redis://u:hunter2@127.0.0.1', 'redis://:hunter2@127.0.0.1') {
	my ($exit, $said) = $t->nginx_t("psm_token_redis $uri;");
	is($exit, 1, 'a password in the URI is refused');
	like($said, qr/password_file/, 'with the remedy');
	unlike($said, qr/hunter2/, 'and not repeated');
}

my @good = (
	(map { [http => "psm_token_redis $_"] }
		$redis, 'redis://127.0.0.1', 'redis://[::1]:6379/3', 'unix:/x/y.sock',
		'unix:/x/y.sock db=2 prefix=a:b: timeout=1s connect_timeout=50ms',
		"redis://gate\@127.0.0.1 password_file=$password",
		"$redis user=gate password_file=$password",
		"$redis password_file=$password"),
	[http => 'psm_token_cache max=1'], [http => 'psm_token_cache off'],
	[http => 'psm_token_cache max=10 valid=1m negative=500ms'],
	[server => 'psm_token_base / /api/repo/ /conda/'],
	[server => 'psm_token_carriers path bearer token basic x-auth x-api-key'],
	[server => 'psm_token_format any'],
	(map { [location => "psm_token_require $_"] }
		qw(auto read write manage artifact:edit channel.group:view $arg_x)),
	[location => 'psm_token_channel main/dev'],
	[location => 'psm_token_channel ""'],
	[location => 'psm_token_channel $arg_channel'],
	[location => 'psm_token_privacy authenticated'],
	[location => 'psm_token_warn 0'], [location => 'psm_token_warn 30d'],
	[location => 'limit_except GET { deny all; } psm_token on'],
	[location => 'if ($arg_x) { expires 1h; } psm_token on'],
);
for my $case (@good) {
	my ($where, $text) = @$case;
	my ($exit, $said) = $t->nginx_t(sprintf $around{$where}, $text);
	is($exit, 0, "good: $text") or diag($said);
}

$t->finish;
