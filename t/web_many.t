#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# 10,000 tokens on the page: a page of the list is all that is drawn, and the
# browser stays free for whoever uses it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw(strftime);
use PSM::Gate;
use PSM::Web;
use Test::More;

my $t = PSM::Gate->new(name => '10,000 tokens');
my $web = PSM::Web->start($t, channels => 0);
my $admin = $web->admin;
my @owners = qw(ada ben cyd dan eve);
$web->import_lines(map { {
	name => sprintf('job %05d', $_), owner => $owners[$_ % 5],
	created_at => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime time - 100 * $_),
	expires_at => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime time + 3600 * $_),
	resources => [{ channel => 'team' . $_ % 40, permission => 'read' }],
} } 1 .. 10_000);

$web->runs('many', 'the list', admin => $admin);

$t->finish;
