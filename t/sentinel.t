#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T88, T89. Sentinels name the master: the gate finds it, and leaves the old
# one at once, although that goes on answering as a master. A revocation on
# the new master counts, whatever the old one says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(log_count reload_whole until_status);
use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Process qw(slurp wait_for);
use PSM::Sentinel;
use PSM::Token qw(token_digest);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = PSM::Gate->new(name => 'sentinel', workers => 2);
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');
my $trio = PSM::Sentinel->start(dir => $t->dir . '/redis',
	password => 'of-redis', sentinel_password => 'of-sentinels',
	sentinel_user => 'watcher');
# The user that README gives to the gate's sentinels.
my ($rules) = slurp("$FindBin::Bin/../README.md")
	=~ /^ACL SETUSER psm-watch on >PASSWORD (.*)$/m
	or die 'README has no psm-watch';
$_->command('ACL', 'SETUSER', 'psm-watch', 'on', '>of-sentinels',
	split / /, $rules) for $trio->sentinels;
my $redis_password = $t->private_file('redis', "of-redis\n");
my $sentinel_password = $t->private_file('sentinel', "of-sentinels\n");

sub conf {
	my ($address, $more) = @_;

	return <<"EOC";
psm_token_redis $address password_file=$redis_password
	sentinel_user=psm-watch sentinel_password_file=$sentinel_password
	timeout=2s connect_timeout=2s;
psm_token_cache lease=30s;
server {
	listen %%LISTEN%% reuseport;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache \$psm_token_cache always;
	add_header X-Pid \$pid always;
}
EOC
}

sub ask { return $t->get("/t/$_[0]/$file") }

# Until both workers were seen to give this status.
sub both {
	my ($token, $status, $cache) = @_;

	my %seen;
	return wait_for(sub {
		my $r = ask($token);
		$seen{ $t->header($r, 'X-Pid') } = 1 if $r->{status} == $status
			&& $t->header($r, 'X-Cache') =~ ($cache // qr/./);
		keys %seen == 2;
	}, 20);
}

# A token of whoever is master.
sub issue {
	my %record;
	my $token = $t->add_token(in => \%record, resources => { main => 'read' });
	$trio->master->command('SET', %record);
	$record{$token} = $record{ $t->token_key($token) };
	return $token;
}

sub revoke_on {
	my ($redis, $token) = @_;
	$redis->command('DEL', $t->token_key($token));
}

$t->write_conf(conf($trio->address));
$t->start_nginx;
my $token = issue();
is(until_status(sub { ask($token) }, 200)->{status}, 200,
	'the master is found through the sentinels');
ok(both($token, 200, qr/HIT/), 'and its stream');
is(log_count($t, 'no sentinel has named'), 0,
	'a new worker waits for the sentinels');

# ---- a failover by hand ----

my $old = $trio->master;
my $port = $trio->failover;
my $new = $trio->master;
isnt($new->port, $old->port, 'another master');
my $other = issue();
is(until_status(sub { ask($other) }, 200, 20)->{status}, 200,
	'the gate is there');
ok(both($token, 200, qr/HIT/), 'and remembers again');

# The old master, as long as it believes that it is one, still has the token.
revoke_on($new, $token);
my $role = eval { $old->command('ROLE')->[0] } // 'gone';
my $has = eval { $old->command('EXISTS', $t->token_key($token)) } // 0;
diag("the old master is a $role, and has the token: $has");
my $revoked = time;
ok(both($token, 401), 'a revocation on the new master reaches both workers');
my %allowed;
while (time - $revoked < 3) {
	$allowed{ ask($token)->{status} }++;
}
is_deeply([keys %allowed], [401], 'and holds');
cmp_ok(log_count($t, qr/sentinels name "127.0.0.1 $port" the master/), '>=', 2,
	'each worker says where it went');

# ---- sentinels that go ----

$trio->sentinel(0)->kill;
my $third = issue();
is(until_status(sub { ask($third) }, 200)->{status}, 200,
	'one sentinel is enough to be without');
reload_whole($t);
is(until_status(sub { ask($third) }, 200)->{status}, 200,
	'for a new worker, too');
$_->kill for $trio->sentinel(1), $trio->sentinel(2);
is(ask($third)->{status}, 200, 'the master that is known goes on');
ok(both($third, 200, qr/HIT/), 'with its stream');

# ---- none that answers ----

reload_whole($t);
answer_is(ask($third), 503, 'store_unavailable',
	'a new worker without sentinels has no Redis');
ok($t->wait_log(qr/no sentinel has named the master/), 'and says so');
$trio->sentinel($_)->restart for 0 .. 2;    # who keep their users in no file
$t->write_conf(conf($trio->address) =~ s/psm-watch/watcher/r);
$t->reload_nginx;
is(until_status(sub { ask($third) }, 200, 20)->{status}, 200,
	'until they are back');

unlike($t->log_text, qr/of-redis|of-sentinels/, 'no password in the log');
$trio->stop;
$t->finish;
