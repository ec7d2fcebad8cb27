#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Logging in to Redis: the ACL user of README, a password alone, a database, a
# prefix, over TCP and a unix socket; and what happens when Redis refuses.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(until_status);
use PSM::Check qw(answer_is);
use PSM::Gate;
use Test::More;

my $password = 'Correct-Horse-9';
my $t = PSM::Gate->new(name => 'redis auth');
$t->start_redis(tcp => 1);
$t->file('main/noarch/repodata.json', '{}');
$t->file('pub/noarch/repodata.json', '{}');

# The line that README prints is the one that is tried.
open my $fh, '<', "$FindBin::Bin/../README.md" or die "README.md: $!";
my ($acl) = grep { /^ACL SETUSER psm-gate / } <$fh>;
close $fh;
chomp $acl;
$acl =~ s/>PASSWORD/>$password/ or die 'README has no password to set';
is($t->redis(split / /, $acl), 'OK', 'the ACL line of README');
$t->redis('ACL', 'SETUSER', 'alone', 'on', ">$password", '~other:*', '+get');

my $token = $t->add_token(resources => { main => 'read' });
$t->set_channel('pub', 'public');
for my $key ($t->token_key($token), 'psm:c:pub') {
	my $value = $t->redis('GET', $key);
	(my $name = $key) =~ s/^psm:/a.b-c_d:/;
	$t->redis('SET', $name, $value);
}

my $file = $t->private_file('password', "$password\nsecond line\n");
my $wrong = $t->private_file('wrong', "not-$password\n");
my $tcp = $t->redis_server->tcp_address;
my $unix = $t->redis_server->address;
(my $at = $tcp) =~ s{//}{//psm-gate\@};

sub serve {
	my ($redis) = @_;

	$t->write_conf(<<"EOC");
psm_token_redis $redis timeout=20s connect_timeout=20s;
server { listen %%LISTEN%%; root %%ROOT%%; psm_token on; }
EOC
	$t->start_nginx;
}

my $path = 'main/noarch/repodata.json';
for my $redis (
	$unix, $tcp, "$unix user=psm-gate password_file=$file",
	"$at password_file=$file", "$unix prefix=a.b-c_d:",
) {
	serve($redis);
	my $name = $redis =~ s{unix:\S+}{unix}r =~ s{redis://\S+}{tcp}r
		=~ s{=/\S+}{}gr;
	is($t->get("/t/$token/$path")->{status}, 200, "$name: a token");
	is($t->get('/pub/noarch/repodata.json')->{status}, 200,
		"$name: a public channel");
	answer_is($t->get('/t/' . $t->unknown_token . "/$path"), 401,
		'token_unknown', "$name: an unknown token");
	$t->stop;
}

# Another database holds other records.
serve("$unix db=3");
answer_is($t->get("/t/$token/$path"), 401, 'token_unknown',
	'db=3 does not see database 0');
$t->stop;
$t->redis('COPY', $t->token_key($token), $t->token_key($token), 'DB', 3);
serve("$tcp/3");
is($t->get("/t/$token/$path")->{status}, 200, 'and sees its own');
$t->stop;

# ---- refused ----

for my $case (
	['a wrong password', "$unix user=psm-gate password_file=$wrong", 'WRONGPASS'],
	['a user that is not', "$unix user=nobody password_file=$file", 'WRONGPASS'],
	['no database of that number', "$unix db=9999", 'index is out of range'],
) {
	my ($name, $redis, $says) = @$case;
	serve($redis);
	my $r = until_status(sub { $t->get("/t/$token/$path") }, 503, 10);
	answer_is($r, 503, 'store_unavailable', "$name: 503");
	is_deeply([keys %{ $r->{seen} }], [503], 'and nothing else');
	like($t->log_text, qr/\[error\].*redis is unavailable: .*\Q$says\E/,
		'the log tells');
	$t->stop;
}

# A user without the right to read is an outage, not an unknown token.
serve("$unix user=alone password_file=$file");
my $r = $t->get("/t/$token/$path");
answer_is($r, 503, 'store_unavailable', 'no permission to read: 503');
like($t->log_text, qr/\[error\].*NOPERM/, 'the log tells');
$t->stop;

unlike($t->log_text, qr/\Q$password\E/, 'no log line holds the password');

$t->finish;
