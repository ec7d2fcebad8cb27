#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What stands in Redis is not what it should be. A record that breaks a rule
# grants nothing, ever: 401 record_invalid and a line in the error log. A
# channel's record that does makes the channel private.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Async qw(log_count);
use PSM::Check qw(answer_is);
use PSM::Gate;
use PSM::Token qw(new_id);
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $t = PSM::Gate->new(name => 'record invalid');
$t->start_redis;
my $file = 'main/noarch/repodata.json';
$t->file($file, '{}');
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=10s connect_timeout=10s;
psm_token_cache off;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	location /public/ { psm_token_privacy public; alias %%ROOT%%/; }
}
EOC
$t->start_nginx;

my %good = (
	v => 1, id => new_id(), rev => 1, name => 'test', owner => 'tester',
	type => 'resource', resources => { main => 'manage' },
	created => time - 60, expires => time + 86400, by => 'tester',
);
my %scopes = (type => 'scope', resources => undef,
	scopes => ['artifact:download', 'channel:view-artifacts']);

# The good record with other values; undef takes one out.
sub with {
	my (%change) = @_;

	my %record = (%good, %change);
	delete @record{ grep { !defined $record{$_} } keys %record };
	return $json->encode(\%record);
}

# The good record with a piece of its text replaced.
sub text_with {
	my ($from, $to) = @_;

	my $text = with();
	$text =~ s/$from/$to/ or die "no $from in $text";
	return $text;
}

# One token throughout: nothing of a record is remembered here.
my $token = $t->secret(PSM::Token::new_token());
my $key = $t->token_key($token);

sub ask { return $t->get("/t/$token/$file") }

sub stored {
	my ($record) = @_;
	$t->redis('SET', $key, $record);
	return ask();
}

# ---- what is good ----

my %fine = (
	'the record' => with(),
	'a scope token' => with(%scopes),
	'no expiry' => with(expires => undef),
	'a key that is not ours' => with(theirs => { a => [1, undef, 'x'] }),
	'a scope that is unknown beside a known one' =>
		with(%scopes, scopes => ['artifact:download', 'x:y']),
	'white space' => text_with(qr/,/, " ,\n\t"),
);
is(stored($fine{$_})->{status}, 200, "good: $_") for sort keys %fine;

# ---- what breaks a rule ----

my %broken = (
	'empty' => '',
	'no JSON' => 'main=read',
	'JSON null' => 'null',
	'an array' => '[' . with() . ']',
	'a string' => '"' . 'x' x 100 . '"',
	'cut short' => substr(with(), 0, -1),
	'two documents' => with() . with(),
	'something behind it' => with() . 'x',
	'a NUL byte behind it' => with() . "\0",
	'no UTF-8' => text_with(qr/"tester"/, "\"\xff\xfe\""),
	'unknown version' => with(v => 2),
	'version 0' => with(v => 0),
	'version as text' => with(v => '1'),
	'no version' => with(v => undef),
	'no id' => with(id => undef),
	'no type' => with(type => undef),
	'unknown type' => with(type => 'super'),
	'type as number' => with(type => 1),
	'no grants' => with(resources => undef),
	'resources and scopes' =>
		with(scopes => ['artifact:download']),
	'a scope token with resources' =>
		with(%scopes, resources => { main => 'read' }),
	'a resource token with a reach' => with(channels => ['main']),
	'resources as a list' => with(resources => ['main']),
	'resources as text' => with(resources => 'main'),
	'an unknown level' => with(resources => { main => 'admin' }),
	'a level as number' => with(resources => { main => 3 }),
	'a level with a capital' => with(resources => { main => 'Read' }),
	'every channel by *' => with(resources => { '*' => 'read' }),
	'a channel that is none' => with(resources => { '../main' => 'read' }),
	'an empty channel' => with(resources => { '' => 'read' }),
	'a channel twice' =>
		text_with(qr/\{"main":"manage"\}/, '{"main":"read","main":"manage"}'),
	'a key twice' => text_with(qr/^\{/, '{"rev":1,'),
	'a type twice' => text_with(qr/^\{/, '{"type":"resource",'),
	'257 resources' => with(resources =>
		{ main => 'read', map { ("c$_" => 'read') } 1 .. 256 }),
	'scopes as text' => with(%scopes, scopes => 'artifact:download'),
	'scopes with a number' => with(%scopes, scopes => ['artifact:download', 1]),
	'a reach as text' => with(%scopes, channels => 'main'),
	'a reach that is none' => with(%scopes, channels => ['*']),
	'expires as text' => with(expires => 'never'),
	'expires null' => text_with(qr/"expires":\d+/, '"expires":null'),
	'expires negative' => with(expires => -1),
	'expires with a fraction' =>
		text_with(qr/"expires":\d+/, '"expires":1999999999.5'),
	'expires with an exponent' =>
		text_with(qr/"expires":\d+/, '"expires":1e18'),
	'expires above 63 bits' =>
		text_with(qr/"expires":\d+/, '"expires":9223372036854775808'),
	'expires above all' =>
		text_with(qr/"expires":\d+/, '"expires":1' . '0' x 400),
	'expires NaN' => text_with(qr/"expires":\d+/, '"expires":NaN'),
	'disabled as text' => with(disabled => 'false'),
	'disabled as number' => with(disabled => 0),
	'deleted as text' => with(deleted => 'no'),
	'deleted negative' => with(deleted => -5),
	'above 64 KiB' => with(desc => 'x' x 66_000),
	'far above 64 KiB' => with(desc => 'x' x 500_000),
	'deep' => text_with(qr/^\{/, '{"x":' . '[' x 5000 . ']' x 5000 . ','),
);
for my $name (sort keys %broken) {
	my $before = log_count($t, qr/\[error\].*\Q$key\E.* is invalid/);
	answer_is(stored($broken{$name}), 401, 'record_invalid', "broken: $name");
	is(log_count($t, qr/\[error\].*\Q$key\E.* is invalid/) - $before, 1,
		'... and logged');
}
is(stored(with())->{status}, 200, 'a good record, all the same');

# ---- good records of tokens that are not ----

for my $case (
	['token_disabled', disabled => JSON::PP::true],
	['token_disabled', deleted => time - 5],
	['token_disabled', deleted => time - 5, expires => time - 10],
	['token_expired', expires => time - 1],
	['token_expired', expires => 0],
	['token_expired', %scopes, expires => 1],
) {
	my ($code, %change) = @$case;
	answer_is(stored(with(%change)), 401, $code,
		join ' ', $code, grep { !ref } map { $_ // 'none' } %change);
}
is(stored(with(disabled => JSON::PP::false))->{status}, 200, 'not disabled');

# Something else than a string is no record at all: Redis refuses.
$t->redis('DEL', $key);
$t->redis('HSET', $key, 'v', 1);
answer_is(ask(), 503, 'store_unavailable', 'a hash');
$t->redis('DEL', $key);
answer_is(ask(), 401, 'token_unknown', 'nothing');

# ---- channels ----

my $open = '/public/' . $file;
is($t->get($open)->{status}, 200, 'public by default');
for my $record ('', 'public', '{}', '{"v":1}', '{"v":2,"privacy":"public"}',
	'{"v":1,"privacy":"open"}', '{"v":1,"privacy":1}', '{"v":1,"privacy":null}',
	'{"v":1,"privacy":"public","privacy":"public"}', '["public"]',
	'{"v":1,"privacy":"public"}x')
{
	$t->redis('SET', 'psm:c:public', $record);
	answer_is($t->get($open), 401, 'token_missing', "channel: '$record'");
}
like($t->log_text, qr/\[error\].*"psm:c:\w+" is invalid/, 'and logged');
$t->redis('SET', 'psm:c:public', '{"v":1,"privacy":"public"}');
is($t->get($open)->{status}, 200, 'a good record opens it again');

unlike($t->log_text, qr/tester/, 'the log repeats nothing of a record');
$t->finish;
