#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# 60 hostile texts (t/web/xss_payloads.json) in each field of a token and in
# each field of the page, shown by every view: they are shown as they stand,
# and nothing comes of them (T112).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use PSM::Gate;
use PSM::Process qw(slurp);
use PSM::Token qw(new_id new_token token_digest);
use PSM::Web;
use Test::More;

my $t = PSM::Gate->new(name => 'hostile texts on the page');
my $web = PSM::Web->start($t);
my $admin = $web->admin;
my $payloads = JSON::PP->new->utf8->decode(
	slurp("$PSM::Gate::REPO/t/web/xss_payloads.json"));
is(scalar @$payloads, 60, '60 texts');

# In names and descriptions. The last is harmless, to compare with.
my $read = [{ channel => 'private', permission => 'read' }];
$web->import_lines(map { {
	name => $_, description => $_, owner => 'mallory', resources => $read,
} } @$payloads, 'harmless');

# In owners and channels, as far as they may be: names of JavaScript's own.
my @names = qw(constructor toString valueOf hasOwnProperty isPrototypeOf
	javascript.alert-1 length then);
$web->cli('channel', 'set', $_, '--privacy', 'private') for @names;
$web->import_lines(map { {
	name => "of $_", owner => $_, scopes => ['cve:view'], channels => [$_],
} } @names);
$web->import_lines({ name => 'of proto', owner => '__proto__', resources =>
	[map { { channel => $_, permission => 'read' } } @names] });

# What no command writes, but somebody in Redis could.
for my $n (0 .. 9) {
	my $id = new_id();
	my $digest = token_digest(new_token());
	$t->redis('SET', "psm:t:$digest", JSON::PP->new->utf8->encode({ v => 1,
		id => $id, rev => 1, name => $payloads->[$n], by => $payloads->[$n],
		owner => $payloads->[$n], type => 'resource', created => time,
		expires => time + 86400, resources => { $payloads->[$n] => 'read' } }));
	$t->redis('SET', "psm:i:$id", $digest);
	$t->redis('ZADD', 'psm:ix:all', time, $id);
}

$web->runs('xss', 'every view', admin => $admin, payloads => $payloads,
	names => \@names);

$t->finish;
