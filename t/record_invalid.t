#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Records that break the rules or have ended: refused with their own reason,
# on a public channel too, and the log says what is wrong.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Check qw(answer_is);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'records');
$t->start_redis;
$t->set_channel('pub', 'public');
$t->file("$_/noarch/repodata.json", "index of $_") for qw(main pub);
$t->write_conf(<<'EOC');
psm_token_cache off;
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
server { listen %%LISTEN%%; root %%ROOT%%; psm_token on; }
EOC
$t->start_nginx;

my %right = (v => 1, id => '11111111-2222-4333-8444-555555555555', rev => 1,
	name => 'n', owner => 'o', type => 'resource',
	resources => { main => 'manage' }, created => 1790000000);
my $json = JSON::PP->new->canonical;

sub record {
	my (%change) = @_;

	my %record = (%right, %change);
	delete @record{ grep { !defined $record{$_} } keys %record };
	return $json->encode(\%record);
}

sub asked {
	my ($raw, $channel) = @_;
	my $token = $t->add_token(raw => $raw);
	return $t->get('/' . ($channel // 'main') . '/noarch/repodata.json',
		'X-Auth' => $token);
}

is(asked(record())->{status}, 200, 'a record that is right');
is(asked(record(future => { a => [1, { b => 2 }] }))->{status}, 200,
	'a key of somebody else is no harm');
is(asked(record(expires => time + 100))->{status}, 200, 'one that expires');

my $good = record();
my %bad = (
	'no JSON' => 'nonsense', 'nothing' => '', 'not an object' => '[]',
	'a string' => '"x"', 'cut short' => substr($good, 0, -1),
	'something behind' => "$good x", 'two records' => $good . $good,
	'an unknown version' => record(v => 2), 'no version' => record(v => undef),
	'a version in text' => record(v => '1'),
	'no id' => record(id => undef), 'an id with a blank' => record(id => 'a b'),
	'no name' => record(name => undef), 'no owner' => record(owner => undef),
	'no type' => record(type => undef), 'an unknown type' => record(type => 'x'),
	'no resources' => record(resources => undef),
	'empty resources' => record(resources => {}),
	'resources as a list' => record(resources => ['main']),
	'an unknown level' => record(resources => { main => 'admin' }),
	'a level in capitals' => record(resources => { main => 'READ' }),
	'no level' => record(resources => { main => '' }),
	'a channel with a slash' => record(resources => { 'main/' => 'read' }),
	'a channel of all' => record(resources => { '*' => 'manage' }),
	'an empty channel' => record(resources => { '' => 'manage' }),
	'both kinds' => record(scopes => ['artifact:download']),
	'a reach' => record(channels => ['main']),
	'257 resources' => record(
		resources => { map { ("c$_" => 'read') } 1 .. 257 }),
	'expires in text' => record(expires => '1800000000'),
	'expires before 1970' => record(expires => -1),
	'expires beyond all time' => ($good =~ s/\}\z/,"expires":1e30}/r),
	'expires with a fraction' => ($good =~ s/\}\z/,"expires":1800000000.5}/r),
	'expires of nothing' => ($good =~ s/\}\z/,"expires":null}/r),
	'a key twice' => ($good =~ s/\}\z/,"type":"resource"}/r),
	'a resource twice' =>
		($good =~ s/"main":"manage"/"main":"read","main":"manage"/r),
	'disabled in text' => record(disabled => 'true'),
	'deep nesting' => ($good =~ s/\}\z/',"x":' . '[' x 200 . ']' x 200 . '}'/er),
	'65 KiB' => record(desc => 'x' x 66000),
	'NUL behind' => "$good\0",
	'scopes as text' => record(type => 'scope', resources => undef,
		scopes => 'artifact:download'),
	'no scopes' => record(type => 'scope', resources => undef, scopes => []),
	'a scope twice' => record(type => 'scope', resources => undef,
		scopes => ['artifact:download', 'artifact:download']),
	'an empty reach' => record(type => 'scope', resources => undef,
		scopes => ['artifact:download'], channels => []),
);
for my $what (sort keys %bad) {
	answer_is(asked($bad{$what}), 401, 'record_invalid', "bad: $what");
	answer_is(asked($bad{$what}, 'pub'), 401, 'record_invalid',
		'on a public channel, too');
}

my %ended = (
	token_disabled => record(disabled => JSON::PP::true),
	token_expired => record(expires => time - 1),
);
for my $code (sort keys %ended) {
	answer_is(asked($ended{$code}), 401, $code, $code);
	answer_is(asked($ended{$code}, 'pub'), 401, $code,
		'on a public channel, too');
}
answer_is(asked(record(deleted => time - 5)), 401, 'token_disabled',
	'a tombstone');
answer_is(asked(record(disabled => JSON::PP::true, expires => 1)), 401,
	'token_disabled', 'disabled is told before expired');
is(asked(record(disabled => JSON::PP::false))->{status}, 200,
	'disabled: false is not disabled');

# A scope that nobody knows grants nothing, and spoils nothing.
my $some = record(type => 'scope', resources => undef,
	scopes => ['future:scope', 'channel:view-artifacts']);
is(asked($some)->{status}, 200, 'an unknown scope beside a known one');
answer_is(asked(record(type => 'scope', resources => undef,
	scopes => ['future:scope'])), 403, 'scope_missing', 'alone');

# Another type of key is no record at all: an outage, not an unknown token.
my $list = $t->unknown_token;
$t->redis('LPUSH', $t->token_key($list), 'x');
answer_is($t->get('/main/noarch/repodata.json', 'X-Auth' => $list), 503,
	'store_unavailable', 'a key of another type');

$t->stop;
my $invalid = () = $t->log_text
	=~ /\[error\].*psm token: record "psm:t:[0-9a-f]{64}" is invalid: /g;
is($invalid, 2 * keys %bad, 'each bad record is logged');

$t->finish;
