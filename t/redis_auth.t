#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The gate's own user of Redis, with no more rights than the contract gives
# it; passwords from files; other databases and prefixes; TCP, a host's name
# and a unix socket. A wrong password is a 503, and is not in any log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use PSM::Async qw(log_count reload_whole until_status);
use PSM::Check qw(answer_is);
use PSM::Gate;
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'redis auth');
$t->start_redis(tcp => 1);
my $file = 'main/noarch/repodata.json';
$t->file($_, '{}') for $file, 'open/noarch/repodata.json';

my $password = $t->secret('a-password-of-the-gate');
my $wrong = $t->secret('not-the-password-of-it');
my %path = (
	right => $t->private_file('password', "$password\n"),
	wrong => $t->private_file('wrong', "$wrong\n"),
);

# As the contract has it; the hash instead of the password, because our own
# commands are recorded.
sub set_user {
	my ($name, $prefix) = @_;

	$t->redis('ACL', 'SETUSER', $name, 'on', '#' . sha256_hex($password),
		qw(resetkeys resetchannels -@all), "%R~${prefix}t:*",
		"%R~${prefix}c:*", qw(&__redis__:invalidate +get +client|id
		+client|tracking +client|setname +subscribe +ping +role +info
		+select));
}

sub conf {
	my ($store) = @_;

	$t->write_conf(<<"EOC");
psm_token_redis $store timeout=10s connect_timeout=10s;
psm_token_cache off;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
}
EOC
}

my $token = $t->add_token(resources => { main => 'read' });
$t->set_channel('open', 'public');
set_user('psm-gate', 'psm:');

sub works {
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($t->get("/t/$token/$file")->{status}, 200, "$name: a good token");
	answer_is($t->get('/t/' . $t->unknown_token . "/$file"), 401,
		'token_unknown', "$name: an unknown one");
	is($t->get('/open/noarch/repodata.json')->{status}, 200,
		"$name: a public channel");
}

# ---- the gate's user ----

my $unix = $t->redis_server->address;
my $port = $t->redis_server->{port};
conf("$unix user=psm-gate password_file=$path{right}");
$t->start_nginx;
works('unix socket');
my ($client) = grep { /name=psm-token/ }
	split /\n/, $t->redis('CLIENT', 'LIST');
like($client // '', qr/ user=psm-gate /, 'it is the user, and has a name');

for my $case (
	['TCP', "redis://127.0.0.1:$port user=psm-gate"],
	['user in the address', "redis://psm-gate\@127.0.0.1:$port"],
	# It may have several addresses; only one of them answers.
	['a name', "redis://localhost:$port user=psm-gate"],
) {
	my ($name, $store) = @$case;
	conf("$store password_file=$path{right}");
	reload_whole($t);
	works($name);
}

# ---- database and prefix ----

set_user('psm-other', 'other:');
my %record;
my $elsewhere = $t->add_token(in => \%record, resources => { main => 'read' });
$t->redis('SELECT', 3);
$t->redis('SET', 'other:' . substr($t->token_key($elsewhere), 4),
	(values %record)[0]);
$t->redis('SET', 'other:c:open', '{"v":1,"privacy":"public"}');
$t->redis('SELECT', 0);

for my $case (
	['db= and prefix=', "$unix db=3 prefix=other: user=psm-other"],
	['database in the address',
		"redis://psm-other\@127.0.0.1:$port/3 prefix=other:"],
) {
	my ($name, $store) = @$case;
	conf("$store password_file=$path{right}");
	reload_whole($t);
	is($t->get("/t/$elsewhere/$file")->{status}, 200, "$name: a token of it");
	answer_is($t->get("/t/$token/$file"), 401, 'token_unknown',
		"$name: a token from elsewhere");
	is($t->get('/open/noarch/repodata.json')->{status}, 200,
		"$name: a channel of it");
}

# ---- refused ----

sub is_refused {
	my ($name, $store, $pattern) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	conf($store);
	my $before = log_count($t, $pattern);
	reload_whole($t);
	for my $n (1 .. 3) {
		answer_is($t->get("/t/$token/$file"), 503, 'store_unavailable',
			"$name: request $n");
	}
	answer_is($t->get('/open/noarch/repodata.json'), 503,
		'store_unavailable', "$name: a public channel");
	is(log_count($t, qr/\[error\] .*$pattern/) - $before, 1,
		"$name: the log tells why, once");
}

is_refused('wrong password', "$unix user=psm-gate password_file=$path{wrong}",
	qr/redis is unavailable: Redis refused AUTH: WRONGPASS/);
is_refused('no such user', "$unix user=nobody password_file=$path{right}",
	qr/redis is unavailable: Redis refused AUTH: WRONGPASS/);
is_refused('no such database', "$unix db=99",
	qr/redis is unavailable: Redis refused SELECT: ERR/);
$t->redis(qw(ACL SETUSER psm-blind on), '#' . sha256_hex($password),
	qw(resetkeys -@all +get +ping +client|setname));
is_refused('no right to the keys',
	"$unix user=psm-blind password_file=$path{right}", qr/NOPERM/);

# ---- a default user with a password ----

$t->redis('ACL', 'SETUSER', 'default', 'resetpass',
	'#' . sha256_hex($password));
$t->redis_server->{password} = $password;
is_refused('no password', $unix, qr/NOAUTH/);
conf("$unix password_file=$path{right}");
reload_whole($t);
works('a password alone');

# ---- a user that is taken away while nginx runs ----

conf("$unix user=psm-gate password_file=$path{right}");
reload_whole($t);
works('the user again');
$t->redis('ACL', 'DELUSER', 'psm-gate');
answer_is($t->get("/t/$token/$file"), 503, 'store_unavailable',
	'the user is gone');
set_user('psm-gate', 'psm:');
is(until_status(sub { $t->get("/t/$token/$file") }, 200)->{status}, 200,
	'and back');

$t->finish;
