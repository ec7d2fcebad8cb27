# SPDX-License-Identifier: BSD-2-Clause
#
# A table of locations in the four modes of PSM::Modes: every server has the
# same locations, and what each of them serves, written %%CONTENT%%, is the
# document root, or in the mode `proxied` the recording upstream.
#
#	my $m = PSM::PhaseModes->new($t, server => <<'EOC');
#	psm_token on;
#	location /any/ { satisfy any; deny all; %%CONTENT%% }
#	EOC
#
# The rest is as PSM::Modes has it: names, port, ask, forwarded. Upstream 1
# answers with the files of the root, ports 1 to 4 are taken. Over a fake Redis
# `asked` tells what the gate has asked for.

package PSM::PhaseModes;

use strict;
use warnings;

use parent 'PSM::Modes';

my %SERVER = (
	plain => 'listen %%LISTEN1%%;',
	h2 => 'listen %%LISTEN2%% http2;',
	unmerged => 'listen %%LISTEN3%%; merge_slashes off;',
	proxied => 'listen %%LISTEN4%%;',
);

# server => directives of every server; location => of its location /, when
# it has none of its own; http => before the servers; more => after them;
# handler => of the upstream, undef from it means the file. Starts nginx.
sub new {
	my ($class, $t, %arg) = @_;

	my $root = $t->dir . '/html';
	my $own = $arg{handler} // sub { return };
	$t->start_upstream(handler => sub {
		return $own->($_[0]) // PSM::Modes::_serve($root, $_[0]);
	});
	my @servers = map { _server($_, %arg) } PSM::Modes->names;
	$t->write_conf(join "\n", $arg{http} // '', @servers, $arg{more} // '');
	$t->start_nginx;
	return bless { test => $t }, $class;
}

# The keys that the scripted Redis was asked for since the last call. What an
# answer needed was asked before it came.
sub asked {
	my ($self) = @_;
	return map { $_->[1] eq 'GET' ? $_->[2] : () }
		$self->{test}{fake}{journal}->news;
}

# The requests that the upstream got since the last call.
sub received {
	my ($self) = @_;
	return $self->{test}{upstreams}[0]{journal}->news;
}

sub _server {
	my ($mode, %arg) = @_;

	my $directives = $arg{server};
	$directives .= "\nlocation / { %%CONTENT%% " . ($arg{location} // '')
		. ' }' if $directives !~ m{location / \{};
	my $content = $mode eq 'proxied' ? 'proxy_pass http://%%UPSTREAM1%%;' : '';
	$directives =~ s/%%CONTENT%%/$content/g;
	$directives =~ s/%%MODE%%/$mode/g;
	return "server { $SERVER{$mode} root %%ROOT%%; $directives }";
}

1;
