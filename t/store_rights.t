#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T85: the gate's user of Redis, as README has it, can read the records and
# nothing else: whoever takes over nginx can neither write a grant nor see what
# is not a token's or a channel's. A record that someone else damaged grants
# nothing that it did not grant before.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use PSM::Check qw(answer_is code_of);
use PSM::Flood qw(is_slow);
use PSM::Gate;
use PSM::Process qw(slurp);
use Test::More;

my $t = PSM::Gate->new(name => 'store rights');
$t->start_redis;
my $file = 'noarch/repodata.json';
$t->file("$_/$file", '{}') for qw(main open secret);

# README's line; the hash of a password instead of the password, because our
# own commands are recorded.
my $password = $t->secret('a-password-of-the-gate');
my ($line) = slurp("$PSM::Gate::REPO/README.md")
	=~ /^ACL SETUSER psm-gate on >PASSWORD (.*)$/m;
ok($line, 'README has the line');
my @rights = split ' ', $line // '';
$t->redis(qw(ACL SETUSER psm-gate on), '#' . sha256_hex($password), @rights);

my $file_of_it = $t->private_file('password', "$password\n");
$t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% user=psm-gate password_file=$file_of_it timeout=10s connect_timeout=10s;
psm_token_cache off;
server { listen %%LISTEN%%; root %%ROOT%%; psm_token on; }
EOC
my $token = $t->add_token(resources => { main => 'read' });
$t->set_channel('open', 'public');
$t->start_nginx;

sub path_of { return "/t/$_[0]/$_[1]/$file" }

is($t->get(path_of($token, 'main'))->{status}, 200, 'a token is read by this user');
is($t->get("/open/$file")->{status}, 200, 'so is a channel');
answer_is($t->get(path_of($t->unknown_token, 'main')), 401, 'token_unknown',
	'and what is not there');

# ---- what the user may ----

my $gate = bless { socket => $t->redis_server->{socket} }, 'PSM::Redis';
$gate->command('AUTH', 'psm-gate', $password);
my $key = $t->token_key($token);
my $record = $t->redis('GET', $key);
$t->redis('SET', $_, 'x') for qw(psm:i:1 psm:user:root other psm:tx psm:cx);
my $before = $t->redis_server->dump_all;

is($gate->command('GET', $key), $record, 'T85 it may read a record');
is($gate->command('GET', 'psm:c:absent'), undef, '  and one that is not there');
is($gate->command('PING'), 'PONG', '  and ask whether Redis is there');

# In a line the command and its words; %K is the key of a real record.
my @forbidden = map { [map { $_ eq '%K' ? $key : $_ } split] } split /\n/, <<'EOL';
SET %K x
SETEX %K 9 x
SETNX psm:t:new x
PSETEX %K 9 x
SETRANGE %K 0 x
GETSET %K x
GETDEL %K
GETEX %K PERSIST
APPEND %K x
INCR psm:t:new
MSET %K x
DEL %K
UNLINK %K
EXPIRE %K 1
EXPIREAT %K 1
PERSIST %K
RENAME %K psm:t:new
COPY psm:c:open psm:c:secret
MOVE %K 1
RESTORE psm:t:new 0 x
DUMP %K
MIGRATE 127.0.0.1 1 %K 0 1
HSET psm:t:new a b
LPUSH psm:t:new a
SADD psm:t:new a
ZADD psm:t:new 1 a
XADD psm:audit * a b
PFADD psm:t:new a
SETBIT %K 0 1
BITOP NOT psm:t:new %K
SORT %K STORE psm:t:new
EVAL return(1) 0
EVAL_RO return(1) 0
EVALSHA abc 0
SCRIPT LOAD return(1)
SCRIPT FLUSH
FCALL f 0
FUNCTION LIST
FUNCTION FLUSH
CONFIG GET *
CONFIG SET maxmemory 1
CONFIG REWRITE
KEYS *
SCAN 0
RANDOMKEY
DBSIZE
EXISTS %K
TYPE %K
TTL %K
MGET %K
STRLEN %K
GETRANGE %K 0 -1
OBJECT ENCODING %K
FLUSHALL
FLUSHDB
SWAPDB 0 1
SHUTDOWN NOSAVE
SAVE
BGSAVE
BGREWRITEAOF
LASTSAVE
REPLICAOF NO ONE
SLAVEOF NO ONE
PSYNC ? -1
FAILOVER
CLUSTER INFO
MODULE LIST
ACL LIST
ACL WHOAMI
ACL SETUSER psm-gate +@all
ACL DELUSER default
CLIENT LIST
CLIENT KILL TYPE normal
CLIENT PAUSE 1
CLIENT NO-EVICT on
CLIENT REPLY OFF
MONITOR
SLOWLOG GET
LATENCY DOCTOR
MEMORY DOCTOR
COMMAND
PUBLISH __redis__:invalidate x
SUBSCRIBE other
PSUBSCRIBE *
SSUBSCRIBE __redis__:invalidate
MULTI
WATCH %K
GET psm:i:1
GET psm:user:root
GET psm:audit
GET psm:ix:all
GET psm:u
GET psm:tx
GET psm:cx
GET other
EOL

my @may;
for my $words (@forbidden) {
	my $reply = eval { $gate->command(@$words); 1 };
	my $error = $@;
	push @may, "@$words: " . ($reply ? 'done' : $error)
		if $reply || $error !~ /\bNOPERM\b/;
}
is_deeply(\@may, [], 'T85 ' . @forbidden . ' other commands: NOPERM');
is($t->redis_server->dump_all, $before, '  and nothing has changed');

# Nothing beside the list is let in by a category or a later release.
my %user = @{ $t->redis('ACL', 'GETUSER', 'psm-gate') };
is_deeply([sort split ' ', $user{commands}],
	[sort grep { /^[-+]/ } @rights], 'T85 Redis has no more rights for it');

# ---- records that are damaged ----

# Beginnings of the record, and hundreds with one byte changed, written over it by
# another user.
sub ask_damaged {
	my ($text) = @_;

	$t->redis('SET', $key, $text);
	my @got = map { $t->get(path_of($token, $_)) } qw(main secret);
	push @got, $t->http('PUT', path_of($token, 'main'), body => 'x');
	return map { $_->{status} == 200 ? 'pass' : code_of($_) || $_->{status} } @got;
}

my (%cut, %flipped, @more);
for my $length (map { int $_ * length($record) / 60 } 0 .. 59) {
	my @got = ask_damaged(substr $record, 0, $length);
	$cut{"@got"}++;
}
is_deeply([keys %cut], [join ' ', ('record_invalid') x 3],
	'T85 a record that is cut off grants nothing');

srand 85;
for (1 .. is_slow() ? 100 : 600) {
	my $text = $record;
	substr($text, rand length $text, 1) = chr rand 256;
	my @got = ask_damaged($text);
	$flipped{ $got[0] }++;
	push @more, $text if $got[1] eq 'pass' || $got[2] !~ /^[a-z_]{6,}$/;
}
is_deeply(\@more, [], 'T85 one with a byte changed grants nothing that it did not')
	or diag(explain \%flipped);
my @odd = grep { !/^(?:pass|record_invalid|token_expired|token_disabled|channel_not_granted)$/ }
	keys %flipped;
is_deeply(\@odd, [], '  and is no failure') or diag(explain \%flipped);
ok($flipped{record_invalid}, '  though most are seen to be broken');

$t->redis('SET', $key, $record);
is($t->get(path_of($token, 'main'))->{status}, 200, 'T85 mended, it works again');

$t->finish;
