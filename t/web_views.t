#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Every view, in both themes and on a phone: axe-core, nothing wider than the
# screen, nothing that jumps, times in the reader's zone. Pictures of all of
# them go to build/screenshots/.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw(strftime);
use PSM::Gate;
use PSM::Web;
use Test::More;

my $t = PSM::Gate->new(name => 'all views');
my $web = PSM::Web->start($t);
my $admin = $web->admin;

sub at { return strftime '%Y-%m-%dT%H:%M:%SZ', gmtime time + $_[0] * 86400 }

# What a list of some weeks looks like.
my @jobs = (
	['Nightly builds', 'ci-linux', 'Fetches what the night needs', 61, 0.1],
	['Release pipeline', 'ci-release', 'Uploads what was signed', 30, 0.4],
	['Laptop of Ada', 'ada@example.org', '', 12, 2],
	['Notebook server', 'jupyter', 'One for all notebooks of the lab', 5, 0.01],
	['Old mirror', 'ops', 'Until the new one is there', -3, 5],
	['Course in spring', 'teaching', '', 250, undef],
	['A name that somebody made as long as names may be, to see what becomes'
		. ' of the list when such a one is in it, and of the edge', 'ops',
		'And_a_description_without_a_single_blank_' x 6, 90, undef],
);
my $n = 0;
$web->import_lines(map {
	my ($name, $owner, $description, $left, $used) = @$_;
	{
		name => $name, owner => $owner, created_at => at(-40 - ++$n),
		expires_at => at($left), description => $description,
		defined $used ? (last_used_at => at(-$used)) : (),
		$n % 3 == 2 ? (scopes => [qw(artifact:create artifact:download
				channel:view-artifacts)], channels => ['private'])
			: (resources => [
				{ channel => 'private', permission => 'read' },
				{ channel => 'public', permission => 'write' },
				$n == 7 ? map { { channel => 'team/with/a/long/path'
					. "-number-$_", permission => 'manage' } } 1 .. 5 : ()]),
	}
} @jobs);
$web->cli('user', 'set', 'kim', '--resource', 'private:write', '--scope',
	'user.token:view', '--scope', 'user.token:edit');

$web->runs('views', 'what they look like', admin => $admin);
$web->runs('views_slow', 'nothing jumps, slow as the answers may be',
	admin => $admin);
$web->runs('zones', 'times', admin => $admin);

$t->finish;
