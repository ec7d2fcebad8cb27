# SPDX-License-Identifier: BSD-2-Clause
#
# One table of requests, asked in every way nginx can be asked: a server each
# over one document root, which differ in what is named here and in nothing
# else.
#
#	plain      HTTP/1.1, files
#	h2         HTTP/2 with prior knowledge, files
#	unmerged   HTTP/1.1, files, merge_slashes off
#	proxied    HTTP/1.1, proxy_pass to a recording upstream of the same files
#
#	my $m = PSM::Modes->new($t, server => 'psm_token on;');
#	for my $mode ($m->names) {
#		answer_is($m->ask($mode, GET => $path), 200, undef, "$mode: ...");
#	}
#
# Ports 1 to 4 of the test are taken, and its first upstream. Headers of an
# answer over HTTP/2 are not read (see PSM::Http2): status and body are.

package PSM::Modes;

use strict;
use warnings;

use PSM::Http2;
use PSM::Process qw(slurp);

my @names = qw(plain h2 unmerged proxied);

my $SERVERS = <<'EOC';
	server { listen %%LISTEN1%%; root %%ROOT%%; %%SERVER%% }
	server { listen %%LISTEN2%% http2; root %%ROOT%%; %%SERVER%% }
	server {
		listen %%LISTEN3%%;
		merge_slashes off;
		root %%ROOT%%;
		%%SERVER%%
	}
	server {
		listen %%LISTEN4%%;
		%%SERVER%%
		location / { proxy_pass http://%%UPSTREAM1%%; %%LOCATION%% }
	}
EOC

# server => directives of every server; location => of the proxied server's
# location, where the others have what a server has; http => before the
# servers; more => after them, for servers of the test's own. Starts nginx.
sub new {
	my ($class, $t, %arg) = @_;

	my $root = $t->dir . '/html';
	$t->start_upstream(handler => sub { _serve($root, $_[0]) });
	my $servers = $SERVERS;
	my %text = (SERVER => $arg{server}, LOCATION => $arg{location});
	$servers =~ s/%%(SERVER|LOCATION)%%/$text{$1} \/\/ ''/ge;
	$t->write_conf(join "\n", $arg{http} // '', $servers, $arg{more} // '');
	$t->start_nginx;
	return bless { test => $t }, $class;
}

sub names { return @names }

# The port of a mode, for requests in the raw.
sub port {
	my ($self, $mode) = @_;

	my ($n) = grep { $names[$_] eq $mode } 0 .. $#names;
	return $self->{test}->port($n + 1);
}

# headers => [...], body. The same response as PSM::Gate::http gives; over
# HTTP/2 without headers.
sub ask {
	my ($self, $mode, $method, $path, %arg) = @_;

	my $t = $self->{test};
	return $t->http($method, $path, %arg, port => $self->port($mode))
		if $mode ne 'h2';

	my @h = @{ $arg{headers} // [] };
	my @lines;
	while (my ($name, $value) = splice @h, 0, 2) {
		push @lines, lc $name, $value;
	}
	my $h2 = PSM::Http2->connect($self->port('h2'));
	my $stream = $h2->raw([':method', $method, ':scheme', 'http',
		':path', $path, ':authority', 'localhost', @lines],
		body => $arg{body});
	my $r = $h2->answer($stream);
	push @{ $t->{answers} }, $r;
	$r->{headers} //= [];
	return $r;
}

# What the upstream was sent last: the target of its request line.
sub forwarded {
	my ($self) = @_;
	my ($uri) = ($self->{test}{upstreams}[0]->last_request // '')
		=~ /\A\S+ (.*) HTTP/;
	return $uri;
}

# The file that a decoded path names, as nginx would serve it.
sub _serve {
	my ($root, $request) = @_;

	my $path = $request->{uri} =~ s/\?.*//sr;
	$path =~ s/%([0-9a-fA-F]{2})/chr hex $1/ge;
	my $file = "$root$path";
	return -f $file && $path !~ m{(?:^|/)\.\.?(?:/|$)}
		? [200, ['Content-Type' => 'application/octet-stream'], slurp($file)]
		: [404, ['Content-Type' => 'text/plain'], "no such file\n"];
}

1;
