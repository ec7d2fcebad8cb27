#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token reissue at a gate with two workers (T109): the old string is dead
# at once, or works until its overlap ends; both have the same grants meanwhile,
# and die together.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Process qw(wait_for);
use PSM::Token qw(token_digest);
use PSM::Workers qw(cached_by_all learnt_by_all server_for_workers
	streams_are);
use Test::More;
use Time::HiRes qw(time);

my $t = PSM::Gate->new(name => 'reissue', workers => 2);
my $redis = $t->start_redis;
$t->file("$_/noarch/repodata.json", '{}') for 'main', 'dev';
$t->write_conf('psm_token_cache max=1000 valid=1h negative=1h lease=20s;'
	. server_for_workers());
$t->start_nginx;
streams_are($t, 2, 'each worker has a stream');

# --json and words; what came out, decoded. Its token is kept as a secret.
sub cli {
	my $got = $t->cli('--json', @_);
	my $json = eval { decode_json($got->{out}) } // {};
	$t->secret($json->{token}) if $json->{token};
	return { %$got, json => $json };
}

sub ask {
	my ($token, $channel) = @_;
	return $t->get("/t/$token/" . ($channel // 'main')
		. '/noarch/repodata.json');
}

sub create {
	my $json = cli('create', '--name', 'x', '--owner', 'al', @_)->{json};
	return @$json{qw(id token)};
}

sub record { return decode_json($redis->command('GET',
	'psm:t:' . token_digest($_[0]))) }

# Until every worker has said so, and none says otherwise after that.
sub all_say {
	my ($token, $pattern, $name, $channel) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	learnt_by_all($t, sub { ask($token, $channel) }, $pattern, $name);
}

# ---------------------------------------------------------------- at once --

my ($id, $old) = create('--resource', 'main:read');
cached_by_all($t, sub { ask($old) }, 'T109 in the caches of all workers');
my $got = $t->cli('reissue', $id);
is($got->{exit}, 0, 'T109 reissue: exit 0') or diag($got->{err});
my ($new) = $got->{out} =~ /^  (psm-\w+)$/m;
$t->secret($new);
isnt($new, $old, 'a new token is shown');
like($got->{out}, qr/shown this once/, 'once');
like($got->{out}, qr/^old string +dead from now on.*--overlap/m,
	'and it says that the old one is dead');
like($got->{out}, qr{^conda config .*/t/$new/main$}m, 'with snippets');
all_say($old, qr/^401 .*token_disabled/, 'T109 all workers refuse the old one');
all_say($new, qr/^200 /, 'and take the new one');
is(record($new)->{id}, $id, 'which has the ID of the old one');
is(record($new)->{rev}, 2, 'and a rev that has grown');
ok(record($old)->{deleted}, 'the old one is a tombstone');
is($redis->command('GET', "psm:i:$id"), token_digest($new),
	'the ID leads to the new one');
is_deeply($redis->command('ZRANGE', 'psm:ix:all', 0, -1), [$id],
	'and stands once in the index');
my $entry = $redis->command('XREVRANGE', 'psm:audit', '+', '-', 'COUNT', 1);
is({ @{ $entry->[0][1] } }->{what}, 'reissue', 'audited');

$got = $t->cli('reissue', $id, '-q');
like($got->{out}, qr/^psm-\w{42}\n\z/, '--quiet prints the token alone');
$t->secret($got->{out} =~ s/\n//r);

# ----------------------------------------------------------- with overlap --

($id, $old) = create('--resource', 'main:manage', '--resource', 'dev:read');
cached_by_all($t, sub { ask($old) }, 'another one');
$got = cli('reissue', $id, '--overlap', '1h');
$new = $got->{json}{token};
my $twin = $got->{json}{old_string}{id};
is($got->{json}{id}, $id, 'the ID stays with the new one');
isnt($twin, $id, 'the old one gets another');
all_say($new, qr/^200 /, 'T109 the new one works');
all_say($old, qr/^200 /, 'and the old one');
is(record($old)->{superseded_by}, $id, 'which says what took its place');
my $left = record($old)->{expires} - time;
ok($left > 3500 && $left <= 3600, 'and ends in an hour');
like($t->cli('list')->{out}, qr/^$twin .* overlaps /m, 'list shows it');
like($t->cli('show', $twin)->{out}, qr/superseded by $id/, 'show, too');

# An edit narrows both.
$got = $t->cli('edit', $id, '--resource', 'main:read');
like($got->{out}, qr/^overlapping +$twin was changed, too$/m,
	'an edit says that it changes the old one, too');
is_deeply(record($_)->{resources}, { main => 'read' }, 'it does')
	for $old, $new;
all_say($_, qr/^403 .*channel_not_granted/, 'all workers know it', 'dev')
	for $old, $new;

# Another re-issue leaves no third one behind.
cached_by_all($t, sub { ask($old) }, 'the old one is in the caches');
my $newest = cli('reissue', $id, '--overlap', '1h')->{json}{token};
all_say($old, qr/^401 .*token_disabled/, 'T109 the oldest one is dead');
all_say($_, qr/^200 /, 'the two others work') for $new, $newest;

# A deletion kills both.
is($t->cli('delete', $id)->{exit}, 0, 'deleted');
all_say($_, qr/^401 .*token_disabled/, 'T109 both are dead') for $new, $newest;
is($redis->command('ZCARD', "psm:ix:$_"), 1, "only the first is in ix:$_")
	for 'all', 'exp', 'o:al';

# ----------------------------------------------------- an overlap that ends --

($id, $old) = create('--resource', 'main:read');
my $before = int time;
$got = cli('edit', $id, '--name', 'y', '--reissue', '--overlap', '3s');
$new = $got->{json}{token};
is($got->{json}{changed}{name}{after}, 'y', 'an edit in the same step');
my $until = record($old)->{expires};
ok($until >= $before + 3 && $until <= time + 3, 'an overlap of 3 s');
my $r = ask($old);
answer_is($r, 200, undef, 'the old one works') if time < $until;
ok(wait_for(sub { time > $until }, 10), 'the overlap ends');
all_say($old, qr/^401 .*token_expired/, 'T109 and with it the old string');
all_say($new, qr/^200 /, 'not the new one');

# No longer than the token itself.
($id, $old) = create('--resource', 'main:read', '--expires', '1h');
$new = cli('reissue', $id, '--overlap', '2h')->{json}{token};
is(record($old)->{expires}, record($new)->{expires},
	'no old string outlives the token');

# One that expired.
my $dead = $t->add_token(id => 'dead', resources => { main => 'read' },
	expires => int(time) - 60);
$redis->command('SET', 'psm:i:dead', token_digest($dead));
$got = $t->cli('reissue', 'dead');
is($got->{exit}, 1, 'an expired one is not re-issued');
like($got->{err}, qr/expired at .*`psm-token edit dead --reissue --expires/,
	'and the remedy is told');
$got = cli('edit', 'dead', '--reissue', '--expires', '1d');
is(ask($got->{json}{token})->{status}, 200, 'it works');

$t->finish;
