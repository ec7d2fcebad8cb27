#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Editing a token on the page: its fields, a new text with and without an
# overlap, somebody else who was faster, what the server refuses.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use PSM::Web;
use Test::More;

my $t = PSM::Gate->new(name => 'editing tokens');
my $web = PSM::Web->start($t, redis => 'timeout=1s connect_timeout=1s');
my $admin = $web->admin;

$web->runs('edit', 'its fields', admin => $admin);
$web->runs('reissue', 'a new text', admin => $admin);
$web->runs('conflict', 'somebody else was faster', admin => $admin);

$t->finish;
