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
#
# A table whose rows are asked in every mode, with the exceptions named:
#
#	$m->rows(['T28 ...', "//t/$T/c/x", '200 text', unmerged => '400'], ...);

package PSM::Modes;

use strict;
use warnings;

use constant WINDOW_UPDATE => 8;

use PSM::Check qw(code_of);
use PSM::Http ();
use PSM::Http2;
use PSM::Process qw(slurp);
use Test::More;

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

# Many requests: as ask, on a connection per mode that is kept while nginx
# keeps it (or until hang_up). The oracle is shown the answers as one text.
sub ask_next {
	my ($self, $mode, $method, $path) = @_;

	my $r = $self->_once($mode, $method, $path)
		// $self->_once($mode, $method, $path);
	my $answers = $self->{test}{answers};
	if ($r->{status} =~ /^3/) {
		push @$answers, $r;    # it has a Location
		return $r;
	}
	push @$answers, $self->{heard} = { headers => [], body => '', reason => '' }
		if !$self->{heard};
	$self->{heard}{body} .= ($r->{raw} // $r->{body}) . "\n";
	return $r;
}

# undef when nginx had ended the connection meanwhile.
sub _once {
	my ($self, $mode, $method, $path) = @_;

	my $is_kept = exists $self->{kept}{$mode};
	my $r = $mode eq 'h2' ? $self->_next_stream($method, $path)
		: $self->_next_request($mode, $method, $path);
	my $is_lost = !exists $self->{kept}{$mode} && !$r->{status}
		&& !length($r->{raw} // '');
	return $is_kept && $is_lost ? undef : $r;
}

sub _next_request {
	my ($self, $mode, $method, $path) = @_;

	my $port = $self->port($mode);
	my $socket = $self->{kept}{$mode} //= PSM::Http::connect_to($port);
	PSM::Http::send_all($socket,
		PSM::Http::format_request($method, $path, [], undef, 1));
	my $r = PSM::Http::receive($socket, $method);
	delete $self->{kept}{$mode} if !$r->{status}
		|| (PSM::Http::header($r, 'Connection') // '') eq 'close';
	return $r;
}

# nginx ends a connection after 1,000 requests.
sub _next_stream {
	my ($self, $method, $path) = @_;

	my $h2 = $self->{kept}{h2};
	if (!$h2 || $h2->{next} > 1000) {
		$h2 = $self->{kept}{h2} = PSM::Http2->connect($self->port('h2'));
		$h2->frame(WINDOW_UPDATE, 0, 0, pack 'N', 0x3fffffff);
	}
	my $stream = $h2->raw([':method', $method, ':scheme', 'http',
		':path', $path, ':authority', 'localhost']);
	my $r = $h2->answer($stream);
	delete $h2->{streams}{$stream};
	delete $self->{kept}{h2} if $h2->{gone} || defined $h2->{goaway};
	$r->{headers} //= [];
	return $r;
}

# Ends the kept connections: before finish, or nginx waits for the client to
# close an HTTP/2 one.
sub hang_up { delete $_[0]{kept} }

# An answer in short, and what was served: "200 text", "401 token_missing",
# "404". HTTP/0.9 shows no status but that of its page. Over HTTP/2 a stream
# that was reset is 0.
sub in_short {
	my ($r) = @_;

	return $1 if !$r->{status} && ($r->{raw} // '') =~ /<title>(\d{3}) /;
	my ($line) = $r->{status} == 200 ? $r->{body} =~ /\A([^\n]*)/ : code_of($r);
	return join ' ', $r->{status}, grep { length } $line;
}

# Rows of [name, path, answer in short, mode => another answer, ...]. In a name
# nothing is hidden: it is the caller's own text.
sub rows {
	my ($self, @rows) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	for my $mode (@names) {
		for (@rows) {
			my ($name, $path, $wanted, %in) = @$_;
			is(in_short($self->ask_next($mode, 'GET', $path)),
				$in{$mode} // $wanted, "$mode: $name");
		}
	}
}

# What the upstream was sent so far: targets, in order.
sub all_forwarded {
	my ($self) = @_;
	return map { /\A\S+ (.*) HTTP/ ? $1 : () }
		$self->{test}{upstreams}[0]->requests;
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
