#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The list of tokens on the page: what it shows of each, search, filters,
# order, pages, its empty, loading and error states, and deletion.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw(strftime);
use PSM::Gate;
use PSM::Web;
use Test::More;

my $t = PSM::Gate->new(name => 'the list of tokens');
my $web = PSM::Web->start($t, redis => 'timeout=1s connect_timeout=1s');
my $day = 86400;

sub at { return strftime '%Y-%m-%dT%H:%M:%SZ', gmtime time + $_[0] * $day }

sub read_on { return [map { { channel => $_, permission => 'read' } } @_] }

# Names say what is special about a token.
$web->import_lines(
	{ name => 'nightly', owner => 'alice', created_at => at(-40),
		expires_at => at(40.5), description => 'builds at night',
		resources => [@{ read_on('private') }, { channel => 'public',
			permission => 'write' }], last_used_at => at(-2.1) },
	{ name => 'ends soon', owner => 'bob', created_at => at(-30),
		expires_at => at(3.5), resources => read_on('private/dev') },
	{ name => 'ended', owner => 'bob', created_at => at(-90),
		expires_at => at(-4.5), resources => read_on('public') },
	{ name => 'endless', owner => 'carol', created_at => at(-20),
		expires_at => undef, scopes => ['cve:view', 'role:view'] },
	{ name => 'off', owner => 'carol', created_at => at(-10),
		expires_at => at(100.5), disabled => JSON::PP::true,
		scopes => ['artifact:download', 'channel:view-artifacts',
			'mirror:view'], channels => ['public'] },
	map({ { name => sprintf('page %03d', $_), owner => 'pat',
		created_at => at(-100 - $_), expires_at => at(200 + $_),
		resources => read_on('authenticated') } } 1 .. 110),
	map({ { name => "to go $_", owner => 'gil', created_at => at(-5 - $_ / 24),
		expires_at => at(50), resources => read_on('public') } } 1 .. 6),
);

$web->runs('list', 'what is listed', admin => $web->admin,
	unknown => $t->unknown_token);
$web->runs('delete', 'what is deleted', admin => $web->admin);

$t->finish;
