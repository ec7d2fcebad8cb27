#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T83: every split of every reply of a whole dialogue with Redis, from AUTH to
# the PONG behind the look-ups: two writes with a pause, single bytes, an end
# or silence at each byte. A connection of the fake serves one request, so that
# its greeting is cut as well.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Async qw(hang_up until_status);
use PSM::Check qw(answer_is code_of);
use PSM::Gate;
use PSM::Journal;
use PSM::Process qw(wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'splits');
my $file = 'main/noarch/repodata.json';
$t->file($_, '{}') for $file, 'open/noarch/repodata.json';

my %records;
my $token = $t->add_token(in => \%records, resources => { main => 'read' });
my $unknown = $t->unknown_token;
$t->set_channel('open', 'public', \%records);

# What became of a connection: its mode, where it was cut, its length.
my $ends = PSM::Journal->new($t->dir . '/private/ends');

# One byte for each connection that began.
my $begun = $t->dir . '/private/begun';

sub count_connection {
	open my $fh, '>>', $begun or die "$begun: $!";
	print $fh '.';
}

# At the byte that the connection's number gives, in these modes.
my %at_cut = (
	two => sub { $_[0]->wait(0.002) },
	bytes => sub {
		my ($client) = @_;
		$client->wait(0.0003)->cut(1, sub { again($client) });
	},
	close => sub { hang_up($_[0]) },
	stall => sub { $_[0]{silent} = 1; hang_up($_[0]->wait(1)) },
);

sub again { $at_cut{bytes}->(@_) }

# The mode is "how from to": `how` is done at a byte in this range.
sub begin {
	my ($client) = @_;

	my ($how, $from, $to) = split / /, $client->mode;
	my $n = $client->number;
	return if !$to || $how =~ /^(?:close|stall)$/ && $n % 2;
	$n /= 2 if $how =~ /^(?:close|stall)$/;
	my $at = $from + $n % ($to - $from + 1);
	$client->cut($at, sub {
		$ends->add([$how, $at]) if $how ne 'bytes';
		$at_cut{$how}->($client);
	});
}

$t->fake_redis(records => \%records, script => sub {
	my ($client, $name) = @_;

	if ($client->calls == 1) {
		begin($client);
		count_connection();
	}
	my $bytes = $client->usual_bytes;
	$client->{length} += length $bytes;
	$client->send($bytes);
	$client->{asked} ||= $name eq 'GET';
	return if $name ne 'PING' || $client->{closed};
	$client->{greeted} //= $client->{length};
	return if !$client->{asked};
	$ends->add(['length', $client->{greeted}, $client->{length}]);
	hang_up($client);
});
$t->{fake}->mode('');
my $password = $t->private_file('password', "a password\n");
$t->write_conf(<<"EOC");
psm_token_redis %%REDIS%% user=psm-gate password_file=$password db=3
	timeout=10s connect_timeout=10s;
psm_token_cache off;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
}
EOC
$t->start_nginx;

my %requests = (
	'a record' => ["/t/$token/$file", 200, undef],
	'nil' => ["/t/$unknown/$file", 401, 'token_unknown'],
	'a public channel' => ['/open/noarch/repodata.json', 200, undef],
);

# The lengths of the greeting's replies and of all, for this request.
sub lengths_of {
	my ($path) = @_;

	$t->{fake}->mode('');
	until_status(sub { $t->get($path) }, $_[1]) for 1, 2;
	my ($last) = reverse grep { $_->[0] eq 'length' } $ends->entries;
	return @$last[1, 2];
}

sub brief { return join ' ', $_[0]{status}, grep { length } code_of($_[0]) }

# Every other connection ends early, the others after one request.
sub turn_of_a_short_one { return (-s $begun) % 2 == 0 }

# Asks until every place of the range was cut so; the answers there were.
sub ask_in_pieces {
	my ($how, $path, $from, $to) = @_;

	my $before = $ends->entries;
	$t->{fake}->mode("$how $from $to");
	my (%answers, %left);
	@left{ $from .. $to } = ();
	for (1 .. 5) {
		for ($from .. $to) {
			wait_for(\&turn_of_a_short_one, 0.3) || $t->get($path)
				while $how eq 'close' && !turn_of_a_short_one();
			$answers{ brief($t->get($path)) }++;
		}
		my @new = $ends->entries;
		delete $left{ $_->[1] }
			for grep { $_->[0] eq $how } @new[$before .. $#new];
		last if !%left;
	}
	is(join(' ', sort { $a <=> $b } keys %left), '',
		"  all places from $from to $to");
	return join ', ', sort keys %answers;
}

sub is_well {
	my ($path, $status) = @_;
	$t->{fake}->mode('');
	return until_status(sub { $t->get($path) }, $status);
}

for my $name (sort keys %requests) {
	my ($path, @wanted) = @{ $requests{$name} };
	my $wanted = join ' ', grep { defined } @wanted;
	my ($greeted, $length) = lengths_of($path, $wanted[0]);
	cmp_ok($length, '>', $greeted, "$name: $length bytes, of these $greeted "
		. 'to the greeting');
	is(ask_in_pieces('two', $path, 1, $length - 1), $wanted,
		"T83 $name, cut in two at every byte");
	$t->{fake}->mode('bytes 1 1');
	answer_is($t->get($path), @wanted, "T83 $name, by single bytes: $_")
		for 1 .. 3;

	# The look-ups are asked again, on another connection.
	is_well($path, $wanted[0]);
	is(ask_in_pieces('close', $path, $greeted + 1, $length - 1), $wanted,
		"T83 $name, the end at any byte behind the greeting");
}

# Before it has greeted there is no Redis.
my ($path) = @{ $requests{'a record'} };
my ($greeted, $length) = lengths_of($path, 200);
$t->{fake}->mode('close 1 ' . ($greeted - 1));
my %seen;
for (1 .. $greeted - 1) {
	my $r = until_status(sub { $t->get($path) }, 200);
	$seen{$_} = 1 for keys %{ $r->{seen} };
}
delete $seen{503};
is(join(' ', keys %seen), 200, 'T83 the end in the greeting: 200, or 503');
is_well($path, 200);

# ---- silence after some bytes ----

my $slow = PSM::Process::slurp($t->dir . '/nginx.conf')
	=~ s/timeout=10s connect_timeout=10s/timeout=300ms connect_timeout=300ms/r;
$t->write_conf($slow);
$t->reload_nginx;
($greeted, $length) = lengths_of($path, 200);
my %stalled;
my $before = $ends->entries;
$t->{fake}->mode("stall 1 $length");
for (1 .. 16) {
	$stalled{ brief($t->get($path)) }++;
}
is_deeply([grep { !/^(?:200|503 store_unavailable)$/ } keys %stalled], [],
	'T83 silence after some bytes: the answer, or 503');
my @new = $ends->entries;
cmp_ok(scalar(grep { $_->[0] eq 'stall' } @new[$before .. $#new]), '>', 0,
	'  there were some');
is(is_well($path, 200)->{status}, 200, 'well again');
$t->finish;
