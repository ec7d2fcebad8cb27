#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The page without a mouse: signing in, generating, copying, editing, deleting,
# signing out; and that one always sees where one is.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use PSM::Web;
use Test::More;

my $t = PSM::Gate->new(name => 'the page without a mouse');
my $web = PSM::Web->start($t);
$web->runs('keyboard', 'from signing in to signing out', admin => $web->admin);

$t->finish;
