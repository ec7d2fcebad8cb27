#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T87: the fence. Answers and changes come on two connections, so an answer may
# be older than a change that was told already. Redis answers a look-up, the
# answer is held on its way, the record changes, the stream tells it, and only
# then is the answer let through: it must be neither used nor kept. And one that
# was asked before a revocation must not be used by who came after the bound.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(all_at_once answers_of gets_of until_status);
use PSM::Check qw(code_of);
use PSM::FaultProxy;
use PSM::Gate;
use PSM::Process qw(wait_for);
use Test::More;
use Time::HiRes qw(sleep);

my $t = PSM::Gate->new(name => 'stream: fence');
$t->start_redis;
my $proxy = PSM::FaultProxy->start(dir => $t->dir . '/private/proxy',
	to => $t->redis_server->{socket});
my $file = 'noarch/repodata.json';
$t->file("$_/$file", '{}') for qw(main open);

sub conf {
	my ($lease) = @_;

	$t->write_conf('psm_token_redis ' . $proxy->address
		. " timeout=20s connect_timeout=20s;\n"
		. "psm_token_cache max=1000 valid=1h negative=1h lease=$lease;" . <<'EOC');
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	psm_token_base / /strict/;
	add_header X-Cache $psm_token_cache always;
	location /strict/ { psm_token_strict on; alias %%ROOT%%/; }
	location = /plain { psm_token off; return 204; }
}
EOC
}

conf('60s');
$t->start_nginx;

sub issue { return $t->add_token(resources => { main => 'read' }, @_) }

sub path_of { return "/t/$_[0]/main/$file" }

sub said { return join ' ', grep { length } $_[0]{status}, code_of($_[0]) }

# The worker's stream and connection for look-ups are there, and known as such.
sub ready {
	my $token = issue();
	until_status(sub { $t->get(path_of($token)) }, 200);
	ok(wait_for(sub {
		$proxy->open_connections('data') == 1
			&& $proxy->open_connections('stream') == 1;
	}, 10), 'two connections');
}

# Bytes that have passed down the stream.
sub told { my $n = 0; $n += $_->{down} for $proxy->connections('stream'); $n }

# Requests whose look-ups Redis has answered, with the answers on their way.
sub held {
	my ($key, @paths) = @_;

	my $before = gets_of($t, $key);
	$proxy->rule(data => down => { hold => 1 });
	my @sockets = all_at_once($t, @paths);
	wait_for(sub { gets_of($t, $key) > $before }, 10);
	sleep 0.1;
	return @sockets;
}

# A change, which the worker has read.
sub change {
	my ($change) = @_;

	my $before = told();
	$change->();
	wait_for(sub { told() > $before }, 10);
	sleep 0.1;
	$t->get('/plain');    # its loop has turned
}

ready();

# name; what the token is before; what is done to it; what is answered, once all
# is let through, and how often Redis was asked.
for my $case (
	['a revocation' => sub { issue() }, sub { $t->revoke($_[0]) },
		'401 token_disabled', 2],
	['DEL' => sub { issue() }, sub { $t->redis('DEL', $t->token_key($_[0])) },
		'401 token_unknown', 2],
	['less than it had' => sub { issue() }, sub { $t->edit_token($_[0],
		resources => { open => 'read' }) }, '403 channel_not_granted', 2],
	['a token that comes to be' => sub { $t->unknown_token },
		sub { issue(token => $_[0]) }, '200', 2],
	['FLUSHALL' => sub { issue() }, sub { $t->redis('FLUSHALL') },
		'401 token_unknown', 2],
	["somebody's PUBLISH" => sub { issue() }, sub { $t->redis('PUBLISH',
		'__redis__:invalidate', 'x') }, '200', 2],
	['another token' => sub { issue() }, sub { issue() }, '200', 1],
) {
	my ($name, $make, $do, $answer, $gets) = @$case;
	my $token = $make->();
	my $key = $t->token_key($token);
	my $before = gets_of($t, $key);
	my @sockets = held($key, (path_of($token)) x 10);
	change(sub { $do->($token) });
	$proxy->heal;
	my %seen;
	$seen{ said($_) }++ for answers_of($t, @sockets);
	is_deeply(\%seen, { $answer => 10 }, "$name: the answer from before is not used")
		or diag(explain(\%seen));
	is(gets_of($t, $key) - $before, $gets, '  asked so often');
	is(said($t->get(path_of($token))), $answer, '  nor kept');
}

# The privacy of a channel.
$t->set_channel('open', 'public');
my @sockets = held('psm:c:open', ("/open/$file") x 5);
change(sub { $t->set_channel('open', 'private') });
$proxy->heal;
is(join(' ', map { said($_) } answers_of($t, @sockets)),
	join(' ', ('401 token_missing') x 5), 'privacy: not used either');
is(said($t->get("/open/$file")), '401 token_missing', '  nor kept');

# Where Redis is asked each time.
my $strict = issue();
@sockets = held($t->token_key($strict), "/t/$strict/strict/main/$file");
change(sub { $t->revoke($strict) });
$proxy->heal;
is(said(answers_of($t, @sockets)), '401 token_disabled', 'strict: nor there');

# The stream is made anew meanwhile: nobody knows what it has missed.
my $missed = issue();
my $key = $t->token_key($missed);
my $before = gets_of($t, $key);
@sockets = held($key, path_of($missed));
my $streams = $proxy->connections('stream');
$proxy->cut('stream');
ok(wait_for(sub { $proxy->connections('stream') > $streams }, 10),
	'another stream');
sleep 0.2;
$t->get('/plain');
$proxy->heal;
is(said(answers_of($t, @sockets)), '200', '  the answer from before it');
is(gets_of($t, $key) - $before, 2, '  was asked for once more');

# A record that changes all the time: given up, and not guessed.
my $restless = issue();
$key = $t->token_key($restless);
$before = gets_of($t, $key);
$proxy->rule(data => down => { delay => 300 });
@sockets = all_at_once($t, path_of($restless));
for (1 .. 30) {
	$t->edit_token($restless, name => "no $_");
	sleep 0.05;
}
is(said(answers_of($t, @sockets)), '503 store_unavailable',
	'a record that changes all the time');
is(gets_of($t, $key) - $before, 3, '  is asked for three times');
$proxy->heal;
is(said($t->get(path_of($restless))), '200', '  and is well when it rests');

# ---- who comes after the bound ----

# The stream is held, so nobody tells the worker; a look-up that was answered
# before the revocation is still on its way when the bound is over.
conf('500ms');
$t->reload_nginx;
wait_for(sub { 1 == (() = $t->workers) }, 10);
ready();
my $late = issue();
$key = $t->token_key($late);
$proxy->rule(stream => both => { hold => 1 });
my ($first) = held($key, path_of($late));
$t->revoke($late);
sleep 0.8;    # longer than lease + stale
my ($second) = all_at_once($t, path_of($late));
sleep 0.2;
$proxy->rule(data => down => {});
like(said(answers_of($t, $first)), qr/^(?:200|401 |503 )/,
	'who asked before the revocation gets any answer');
like(said(answers_of($t, $second)), qr/^(?:401 token_disabled|503 )/,
	'who came after the bound does not get the old one');
$proxy->heal;
until_status(sub { $t->get(path_of($late)) }, 401);
is(said($t->get(path_of($late))), '401 token_disabled', 'nor is it kept');

$proxy->stop;
$t->finish;
