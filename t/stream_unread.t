#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# A stream that says what cannot be read at all: it may have been a change, so
# that everything that was remembered goes at once, and not when there is a
# stream again: there is none, and the lease is long. The metrics tell why
# connections were lost.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(reload_whole until_status);
use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Metrics qw(metrics);
use PSM::Process qw(wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'stream: unread');
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');
my $token = $t->add_token(in => \my %records, resources => { main => 'read' });
my $password = $t->private_file('password', "a password\n");

# What comes instead of the answer to a PING of the stream.
my %said = (
	'no protocol' => "HTTP/1.1 400 Bad Request\r\n\r\n",
	'a push of RESP3' => ">2\r\n+invalidate\r\n*1\r\n+x\r\n",
	'more keys than we read' => "*3\r\n\$7\r\nmessage\r\n\$20\r\n"
		. "__redis__:invalidate\r\n*9000000\r\n",
);

# Whoever said that makes no stream any more, and has lost the record.
$t->fake_redis(tracking => 1, records => \%records, script => sub {
	my ($client, $name, @args) = @_;

	my $mode = $client->mode;
	if ($said{$mode}) {
		return $client->send($said{$mode})
			if $name eq 'PING' && $client->{subscribed};
		return $client->stall if "$name $args[0]" eq 'CLIENT TRACKING';
		return $client->bulk(undef) if $name eq 'GET';
	}
	return $client->send("-$1 for some reason\r\n")
		if "$name $mode" =~ /^(?:AUTH login|GET answer): (.*)/;
	return $client->send("HTTP/1.1 400 Bad Request\r\n\r\n")
		if "$name $mode" eq 'GET nonsense';
	return $client->usual;
});

$t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% password_file=$password timeout=3s connect_timeout=3s;
psm_token_cache valid=1h lease=16s;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache \$psm_token_cache always;
}
server {
	listen %%LISTEN2%%;
	location = /metrics { psm_token_metrics; }
}
EOC
$t->{fake}->mode('');

sub ask { return $t->get("/t/$token/$file") }

my $started;
for my $case (sort keys %said) {
	$t->{fake}->mode('');
	$started++ ? reload_whole($t) : $t->start_nginx;
	is(until_status(sub { ask() }, 200)->{status}, 200, 'a stream');
	ok(wait_for(sub { $t->header(ask(), 'X-Cache') eq 'HIT' }, 10), '  a HIT');
	my $lost = metrics($t)->{stream_reconnects}{protocol};
	$t->{fake}->mode($case);
	ok(wait_for(sub { metrics($t)->{stream_reconnects}{protocol} > $lost }, 15),
		"$case: the stream is lost for it");
	answer_is(ask(), 401, 'token_unknown', '  what was remembered is gone');
}

# ---- why a connection was lost ----

for my $case (['nonsense', 'protocol', 'an answer that is none'],
	['login: LOADING', 'loading', 'a Redis that loads'],
	['login: WRONGPASS', 'refused', 'a wrong password']) {
	my ($mode, $cause, $name) = @$case;
	$t->{fake}->mode($mode);
	my $before = metrics($t)->{redis_reconnects}{$cause};
	reload_whole($t);
	answer_is(ask(), 503, 'store_unavailable', $name);
	ok(wait_for(sub { metrics($t)->{redis_reconnects}{$cause} > $before }, 5),
		"  is counted as $cause");
}

$t->finish;
