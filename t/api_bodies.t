#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T107, T118: a body says exactly what it may say, or it is refused by the
# names of its members, nothing is done, and nothing of it comes back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Api qw(says fields_of);
use PSM::Check qw(code_of);
use PSM::Gate;
use POSIX qw(strftime);
use Test::More;

my $t = PSM::Gate->new(name => 'bodies of the API');
$t->start_redis;
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
server {
	listen %%LISTEN%%;
	location /api/ { psm_token_api; }
}
EOC
$t->start_nginx;
my $api = PSM::Api->new($t);
$api->cli('user', 'set', 'root', '--admin');
my $root = $api->mint('--owner', 'root', '--scope', 'user.token:edit',
	'--scope', 'user.token:view');
my (undef, $id) = $api->mint('--owner', 'root', '--expires', '1d', '--resource',
	'main:read');
my ($tokens, $one) = ('/account/tokens', "/account/tokens/$id");
my $before = $t->redis_server->dump_all;

# What is wrong, where, and which members are named. NAME stands for a good
# name, GRANT for good resources.
my $many = join ',', map { qq{{"channel":"c$_","permission":"read"}} } 1 .. 257;
my $deep = '[' x 100 . ']' x 100;
my $secret = $t->unknown_token;
my @bad = (
	# JSON that is none
	['nothing', POST => $tokens, '', ''],
	['a text', POST => $tokens, '"x"', ''],
	['a list', POST => $tokens, '[]', ''],
	['half of it', POST => $tokens, '{"name":', ''],
	['more than it', POST => $tokens, '{NAME,GRANT} {}', ''],
	['a comma too many', POST => $tokens, '{NAME,GRANT,}', ''],
	['single quotes', POST => $tokens, "{'name':'x'}", ''],
	['a comment', POST => $tokens, '{NAME,GRANT/**/}', ''],
	['not a number', POST => $tokens, '{NAME,GRANT,"expires_at":NaN}', ''],
	['half a character', POST => $tokens, qq({"name":"\xc3",GRANT}), ''],
	['half a surrogate pair', POST => $tokens, '{"name":"\ud800",GRANT}', ''],
	['too deep', POST => $tokens, qq({NAME,GRANT,"x":$deep}), undef],
	['another encoding', POST => $tokens, "\xff\xfe{\0}\0", ''],
	# members
	['a member of another time', POST => $tokens, '{NAME,GRANT,"admin":true}',
		'admin'],
	['a member in capitals', POST => $tokens, '{"Name":"x",GRANT}', 'Name name'],
	['a member twice', POST => $tokens, '{NAME,NAME,GRANT}', 'name'],
	['an id', POST => $tokens, '{NAME,GRANT,"id":"x","rev":7}', 'id rev'],
	['who made it', POST => $tokens, '{NAME,GRANT,"created_by":"x"}',
		'created_by'],
	['a token', POST => $tokens, qq({NAME,GRANT,"token":"$secret"}), 'token'],
	['a name that is a token', POST => $tokens, qq({"name":"$secret",GRANT}),
		'name'],
	['a member of a grant', POST => $tokens, '{NAME,"resources":[{"channel":'
		. '"main","permission":"read","x":1}]}', 'resources[0].x'],
	# types
	['a number for a name', POST => $tokens, '{"name":1,GRANT}', 'name'],
	['an empty name', POST => $tokens, '{"name":"",GRANT}', 'name'],
	['a long name', POST => $tokens, '{"name":"' . 'x' x 129 . '",GRANT}',
		'name'],
	['a name with a line feed', POST => $tokens, '{"name":"a\nb",GRANT}', 'name'],
	['a time that is none', POST => $tokens, '{NAME,GRANT,"expires_at":"soon"}',
		'expires_at'],
	['a time as a number', POST => $tokens,
		'{NAME,GRANT,"expires_at":18446744073709551616}', 'expires_at'],
	['a time long past', POST => $tokens, '{NAME,GRANT,"expires_at":"2001-01-01"}',
		'expires_at'],
	['an owner that is none', POST => $tokens, '{NAME,GRANT,"owner":"a b"}',
		'owner'],
	['grants as an object', POST => $tokens, '{NAME,"resources":{"main":"read"}}',
		'resources'],
	['no grant', POST => $tokens, '{NAME,"resources":[]}', 'resources'],
	['both kinds', POST => $tokens, '{NAME,GRANT,"scopes":["cve:view"]}',
		'resources'],
	['a level that is none', POST => $tokens, '{NAME,"resources":[{"channel":'
		. '"main","permission":"admin"}]}', 'resources[0].permission'],
	['a channel that is none', POST => $tokens, '{NAME,"resources":[{"channel":'
		. '"../x","permission":"read"}]}', 'resources[0].channel'],
	['a channel twice', POST => $tokens, '{NAME,"resources":[{"channel":"a",'
		. '"permission":"read"},{"channel":"a","permission":"write"}]}',
		'resources[1].channel'],
	['too many channels', POST => $tokens, qq({NAME,"resources":[$many]}),
		'resources'],
	['a scope that is none', POST => $tokens, '{NAME,"scopes":["cve:fly"]}',
		'scopes[0]'],
	['a scope twice', POST => $tokens, '{NAME,"scopes":["cve:view","cve:view"]}',
		'scopes[1]'],
	# of a change
	['an owner for a token that has one', PUT => $one, '{"owner":"bob"}',
		'owner'],
	['another kind', PUT => $one, '{"scopes":["cve:view"]}', 'scopes'],
	['an overlap of nothing', PUT => $one, '{"overlap":5}', 'overlap'],
	['an overlap without end', PUT => $one,
		'{"reissue":true,"overlap":99999999999}', 'overlap'],
	['an overlap back in time', PUT => $one, '{"reissue":true,"overlap":-1}',
		'overlap'],
	['a word for a flag', PUT => $one, '{"reissue":"yes"}', 'reissue'],
	# elsewhere
	['a privacy that is none', PUT => '/channels/main', '{"privacy":"secret"}',
		'privacy'],
	['a channel that is to be frozen', PUT => '/channels/main',
		'{"indexing_behavior":"frozen"}', 'indexing_behavior'],
	['a URL with a token', POST => '/explain',
		qq({"method":"GET","url":"/t/$secret/main/x"}), 'url'],
	['a token and an id', POST => '/explain',
		qq({"method":"GET","url":"/x","token":"$secret","id":"x"}), 'id'],
);
for (@bad) {
	my ($name, $method, $path, $body, $fields) = @$_;
	$body =~ s/NAME/"name":"ci"/g;
	$body =~ s/GRANT/"resources":[{"channel":"main","permission":"read"}]/g;
	my $r = $api->ask($method, $path, $root, $body);
	is("$r->{status} " . code_of($r), '400 request_invalid', $name)
		or diag(substr $r->{body}, 0, 300);
	is(fields_of($r), $fields, '  is named') if defined $fields;
	my @whole = grep { !length $_->{detail} } @{ $r->{json}{errors} // [{}] };
	is(scalar @whole, 0, '  with what is wrong');
}
is($t->redis_server->dump_all, $before, 'nothing was done');

# All that is wrong at once, so that nobody has to try five times.
my $r = $api->ask('POST', $tokens, $root, '{"name":"","expires_at":"x","x":1,'
	. '"resources":[{"channel":"t","permission":"fly"},7]}');
is(fields_of($r), join(' ', qw(expires_at x resources[0].permission
	resources[0].channel resources[1] name)), 'all that is wrong is named')
	or diag($r->{body});
cmp_ok(length $r->{body}, '<', 8192, '  in few words');

# What PSM's own clients send.
says($api->ask('POST', $tokens, $root, $_->[1]), '200', $_->[0]) for
	['a date', '{"name":"cli","expires_at":"'
		. strftime('%Y-%m-%d', gmtime time + 20 * 86400)
		. '","scopes":["cve:view"]}'],
	['resources that are empty', '{"name":"cli","scopes":["cve:view"],'
		. '"resources":[]}'],
	['scopes that are none', '{"name":"cli","scopes":null,"resources":['
		. '{"channel":"main","permission":"read"}]}'];
my $old = $api->ask('PUT', $one, $root, '', headers => ['Content-Type',
	'application/json']);
says($old, '200', 'no body at all');
ok($old->{json}{token}, '  is a re-issue');

# A body as large as may be.
my $big = '{"name":"big","resources":[{"channel":"main","permission":"read"}]'
	. ' ' x 65000;
says($api->ask('POST', $tokens, $root, "$big}"), '200', 'a large body');
says($api->ask('POST', $tokens, $root, $big . ' ' x 1000 . '}'),
	'413 body_too_large', '  one that is too large');
$t->finish;
