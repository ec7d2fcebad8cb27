#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T14: whatever a request waits for, it goes on, to its end, and so does its
# connection: each kind of wait over HTTP/1.1 (ten connections that are kept,
# ten requests behind one another on each) and over HTTP/2 (a hundred streams),
# alone and with another module that makes the request wait once more.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use PSM::Async qw(begun hang_up reload_whole until_status wait_begun
	wide_h2);
use PSM::Check qw(code_of);
use PSM::Gate;
use PSM::Http qw(format_request);
use PSM::Process qw(wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'resume');
my $file = 'noarch/repodata.json';
$t->file("$_/$file", '{}') for qw(main open);
$t->file("main/noarch/$_", "$_\n") for qw(index.html other);

my %records;
my @tokens = map {
	$t->add_token(in => \%records, resources => { main => 'read' })
} 1 .. 25;
my $stranger = $t->add_token(in => \%records, resources => { x => 'read' });
$t->set_channel('open', 'public', \%records);

# Asleep until the mode changes; then the connection dies, if that is the mode.
$t->fake_redis(records => \%records, script => sub {
	my ($client) = @_;

	my $slept = $client->mode eq 'asleep'
		&& wait_for(sub { $client->mode ne 'asleep' }, 60);
	return $client->usual if !$slept || $client->mode ne 'dying';
	hang_up($client);
});
my $up = $t->start_upstream;

sub conf {
	my ($timeout) = @_;

	$t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% timeout=$timeout connect_timeout=$timeout;
psm_token_cache off;
limit_req_zone \$psm_token_id zone=one:1m rate=100r/s;
server {
	listen %%LISTEN%%;
	listen %%LISTEN2%% http2;
	root %%ROOT%%;
	psm_token on;
	psm_token_base / /strict/ /limited/ /asked/ /any/ /up/ /tried/;
	location = /status { psm_token off; stub_status; }
	location = /ask { internal; psm_token off; proxy_pass http://%%UPSTREAM%%; }
	location /strict/ { psm_token_strict on; alias %%ROOT%%/; }
	location /limited/ { limit_req zone=one burst=1000; alias %%ROOT%%/; }
	location /asked/ { auth_request /ask; alias %%ROOT%%/; }
	location /any/ { satisfy any; deny all; alias %%ROOT%%/; }
	location /up/ { proxy_pass http://%%UPSTREAM%%; }
	location /tried/ { try_files /none /main/noarch/other; }
	location /main/lost/ { error_page 404 /main/noarch/other; }
}
EOC
}

$t->{fake}->mode('');
conf('60s');
$t->start_nginx;

# 200 requests for what the sub makes of a number, sent while Redis sleeps; the
# answers in short, counted.
sub waiting {
	my ($path_of, $wake, $path_is_new) = @_;

	$t->{fake}->mode('asleep');
	reload_whole($t) if $path_is_new;
	my $before = begun($t);
	my @plain;
	for my $n (1 .. 10) {
		push @plain, $t->connect;
		$t->send($plain[-1], join '', map {
			format_request('GET', $path_of->($n * 10 + $_), [], undef, 1)
		} 1 .. 10);
	}
	my $h2 = wide_h2($t->port(2));
	my @streams = map { $h2->get($path_of->(200 + $_)) } 1 .. 100;
	wait_begun($t, $before, 110, 20);
	$t->{fake}->mode($wake);

	my %seen;
	my $count = sub {
		$seen{ join ' ', $_[0]{status}, grep { length } code_of($_[0]) }++;
	};
	for my $socket (@plain) {
		$count->($_) for in_turn($socket, 10);
	}
	$count->($h2->answer($_, 30)) for @streams;
	my $last = $h2->answer($h2->get('/status'), 10);
	$seen{'the connection goes on'} = 1 if $last->{status} == 200;
	$t->{fake}->mode('');
	return \%seen;
}

# So many answers on a connection, and the status of one more request.
sub in_turn {
	my ($socket, $n) = @_;

	$t->send($socket, format_request('GET', '/status'));
	my $bytes = '';
	while (IO::Select->new($socket)->can_read(30)) {
		sysread $socket, $bytes, 65536, length $bytes or last;
	}
	my @got;
	while ($bytes =~ s/\A(HTTP\S+ (\d+).*?\r\n\r\n)//s) {
		my ($head, $status) = ($1, $2);
		my ($size) = $head =~ /^Content-Length: (\d+)/mi;
		push @got, { status => $status, body => substr $bytes, 0, $size // 0, '' };
	}
	my $last = pop @got;
	push @got, { status => "then $last->{status}, $bytes", body => '' }
		if !$last || $last->{status} != 200 || length $bytes || @got != $n;
	return @got;
}

sub resumes {
	my ($name, $wanted, $path_of, %arg) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $seen = waiting($path_of, $arg{wake} // '', $arg{new});
	is_deeply($seen, { $wanted => 200, 'the connection goes on' => 1 },
		"T14 $name");
	until_status(sub { $t->get("/t/$tokens[0]/main/$file") }, 200);
}

sub token { return $tokens[$_[0] % @tokens] }

is(until_status(sub { $t->get("/t/$tokens[0]/main/$file") }, 200)->{status},
	200, 'Redis answers');
resumes('one look-up for all', 200, sub { "/t/$tokens[0]/main/$file" });
resumes('a look-up for some', 200, sub { "/t/@{[token($_[0])]}/main/$file" });
resumes('look-ups of channels', '401 token_missing',
	sub { "/name-$_[0]/a/b/$file" });
resumes('a public channel', 200, sub { "/open/$file" });
resumes('the token, then the channel decides', 200,
	sub { "/t/$stranger/open/$file" });
resumes('a denial', '403 channel_not_granted',
	sub { "/t/$stranger/main/$file" });
resumes('each asks for itself', 200,
	sub { "/strict/t/@{[token($_[0])]}/main/$file" });
resumes('another address afterwards: index', 200,
	sub { "/t/@{[token($_[0])]}/main/noarch/" });
resumes('another address afterwards: try_files', 200,
	sub { "/tried/t/@{[token($_[0])]}/main/$file" });
resumes('another address afterwards: error_page', 404,
	sub { "/t/@{[token($_[0])]}/main/lost/noarch/x" });
resumes('then limit_req delays', 200,
	sub { "/limited/t/@{[token($_[0])]}/main/$file" });
resumes('then auth_request asks', 200,
	sub { "/asked/t/@{[token($_[0])]}/main/$file" });
resumes('satisfy any', 200,
	sub { "/any/t/@{[token($_[0])]}/main/$file" });
resumes('then a proxied answer', 200,
	sub { "/up/t/@{[token($_[0])]}/main/$file" });
resumes('a connection to Redis that is being made', 200,
	sub { "/t/@{[token($_[0])]}/main/$file" }, new => 1);

# A connection that dies of them: they are asked again, on the next.
my $seen = waiting(sub { "/t/@{[token($_[0])]}/main/$file" }, 'dying');
is(join(', ', grep { !/^(?:200|503 store_unavailable)$/ } sort keys %$seen),
	'the connection goes on', 'T14 a connection that dies: 200, or 503');

# Nobody answers.
conf('2s');
reload_whole($t);
until_status(sub { $t->get("/t/$tokens[0]/main/$file") }, 200);
$seen = waiting(sub { "/t/@{[token($_[0])]}/main/$file" }, 'asleep');
is_deeply($seen, { '503 store_unavailable' => 200,
	'the connection goes on' => 1 }, 'T14 Redis does not wake');
is(until_status(sub { $t->get("/t/$tokens[0]/main/$file") }, 200)->{status},
	200, 'then it does');
$t->finish;
