#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The privacy of channels on the page, and what the gate would answer, and why.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use PSM::Web;
use Test::More;

my $t = PSM::Gate->new(name => 'channels and explain');
my $web = PSM::Web->start($t);
my $admin = $web->admin;
my @edit = ('--scope', 'user.token:view', '--scope', 'user.token:edit');

$web->cli('user', 'set', 'kim', '--resource', 'private:manage', '--scope',
	'channel:edit', '--scope', 'subchannel:edit', '--scope',
	'user.token:view', '--scope', 'user.token:edit', '--channel', 'private');
$web->runs('channels', 'privacy', admin => $admin,
	unknown => $t->unknown_token,
	kim => $web->mint('kim here', '--owner', 'kim', '--scope', 'channel:edit',
		'--scope', 'subchannel:edit', @edit, '--channel', 'private'),
	viewer => $web->mint('viewer', '--owner', 'kim', '--scope',
		'user.token:view', '--channel', 'private'));
$web->runs('explain', 'explain', admin => $admin, unknown => $t->unknown_token);

$t->finish;
