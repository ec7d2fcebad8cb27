#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T71: nobody learns from an answer what exists. Who has no right sees the
# same bytes for a channel, a folder or a file that is there and for one that
# is not: status, headers, length and body, whatever was asked before and
# however it is asked.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use MIME::Base64 qw(encode_base64);
use PSM::Check qw(answer_is code_of spoiled_token);
use PSM::Gate;
use PSM::Http2;
use Test::More;

my $t = PSM::Gate->new(name => 'guess names');
$t->start_redis;
$t->file("$_/noarch/repodata.json", '{}') for qw(main secret secret/inner);
$t->file('secret/noarch/pkg-1.conda', 'x' x 5000);
$t->file('secret/index.html', 'a page');
my $upstream = $t->start_upstream(handler => sub {
	my ($request) = @_;
	return $request->{uri} =~ m{^/(?:main|secret)/}
		? [200, ['Content-Type' => 'text/plain', 'X-From' => 'upstream'], 'there']
		: [404, [], 'not there'];
});

$t->write_conf(<<'EOC');
psm_token_cache max=1000 valid=1h negative=1h;
server { listen %%LISTEN%%; listen %%LISTEN3%% http2; root %%ROOT%%; psm_token on; }
server {
	listen %%LISTEN2%%;
	psm_token on;
	location / { proxy_pass http://%%UPSTREAM%%; }
}
EOC

# Redis has heard of some: a record says private, as does no record.
$t->set_channel('secret', 'private');
my %token = (
	nobody => undef,
	malformed => spoiled_token($t),
	unknown => $t->unknown_token,
	expired => $t->add_token(resources => { secret => 'manage' },
		expires => time - 9),
	disabled => $t->add_token(resources => { secret => 'manage' },
		disabled => JSON::PP::true),
	broken => $t->add_token(raw => '{"v":2}'),
	'no right' => $t->add_token(resources => { main => 'manage' }),
	'out of reach' => $t->add_token(scopes => ['artifact:download',
		'channel:view-artifacts'], channels => ['main']),
	'no scope' => $t->add_token(scopes => ['user.token:view']),
);
my %status = map { $_ => /^no (?:right|scope)|reach/ ? 403 : 401 } keys %token;

# What is there, and twins of the same length that are not.
my @twins = (
	['a file', 'secret/noarch/repodata.json', 'absent/noarch/repodata.json'],
	['a package', 'secret/noarch/pkg-1.conda', 'secret/noarch/pkg-2.conda'],
	['a subchannel', 'secret/inner/noarch/repodata.json',
		'secret/other/noarch/repodata.json'],
	['a folder', 'secret/', 'absent/'],
	['a folder without its slash', 'secret', 'absent'],
	['a platform', 'secret/noarch/', 'absent/noarch/'],
	['a platform without its slash', 'secret/noarch', 'absent/noarch'],
);

# The whole of an answer but for the date and the number of the request.
sub bytes {
	my ($r) = @_;

	return join "\n", $r->{status}, (map {
		$_->[0] =~ /^date$/i ? () : "$_->[0]: $_->[1]"
	} @{ $r->{headers} }), $r->{body} =~ s/\b[0-9a-f]{32}\b/-/gr;
}

sub ways_of {
	my ($token) = @_;

	return ['', []] if !defined $token;
	return (["/t/$token", []], ['', ['X-Auth', $token]],
		['', ['Authorization', "Bearer $token"]],
		['', ['Authorization', 'Basic ' . encode_base64("u:$token", '')]]);
}

# Asks for both of each pair in every way; the number of pairs that differ,
# and the statuses.
sub compare {
	my ($who, $port, @requests) = @_;

	my (@differ, %seen);
	for my $pair (@twins) {
		my ($what, @paths) = @$pair;
		for my $way (ways_of($token{$who})) {
			my ($before, $headers) = @$way;
			for my $request (@requests) {
				my ($method, @more) = @$request;
				my @got = map {
					$t->http($method, "$before/$_", port => $port,
						headers => [@$headers, @more])
				} @paths;
				$seen{ $_->{status} }++ for @got;
				push @differ, "$method $what" if bytes($got[0]) ne bytes($got[1]);
			}
		}
	}
	return (join(', ', sort keys %seen), \@differ);
}

my @requests = (['GET'], ['HEAD'], ['GET', 'Range', 'bytes=0-9'],
	['GET', 'If-Modified-Since', 'Fri, 01 Jan 2100 00:00:00 GMT'],
	['GET', 'If-None-Match', '*'], ['PUT', 'Content-Length', 0], ['DELETE'],
	['GET', 'Accept-Encoding', 'gzip']);

$t->start_nginx;
for my $round ('asked for the first time', 'known to the worker') {
	for my $port (map { $t->port($_) } 1, 2) {
		my $name = $port == $t->port ? 'files' : 'an upstream';
		for my $who (sort keys %token) {
			my ($seen, $differ) = compare($who, $port, @requests);
			is($seen, $status{$who}, "T71 $name, $who, $round");
			is_deeply($differ, [], '  the same bytes, there or not');
		}
	}
}
is(scalar(() = $upstream->requests), 0, 'T71 the upstream was asked for none of it');

# Over HTTP/2, as far as PSM::Http2 reads it: status and body.
for my $who (sort keys %token) {
	my $h2 = PSM::Http2->connect($t->port(3));
	my @headers = defined $token{$who} ? ('x-auth', $token{$who}) : ();
	my @differ = grep {
		my @got = map {
			my $r = $h2->answer($h2->get("/$_", @headers));
			$r->{status} . $r->{body} =~ s/\b[0-9a-f]{32}\b/-/gr;
		} @$_[1, 2];
		$got[0] ne $got[1] || $got[0] !~ /^$status{$who}/;
	} @twins;
	is(scalar(@differ), 0, "T71 HTTP/2, $who: the same bytes");
}

# Who may read the channel is told what is there; who may read another is not.
my $reader = $t->add_token(resources => { secret => 'read' });
answer_is($t->get("/t/$reader/secret/noarch/pkg-1.conda"), 200, undef,
	'T71 a reader of the channel sees what is there');
answer_is($t->get("/t/$reader/secret/noarch/pkg-2.conda"), 404, undef,
	'  and what is not');
my @write = map { $t->http('PUT', "/t/$reader/$_", headers =>
	['Content-Length', 0]) } 'secret/noarch/pkg-1.conda', 'secret/noarch/pkg-2.conda';
is(bytes($write[0]), bytes($write[1]), 'T71 a write that is refused tells nothing');
is(code_of($write[0]), 'level_too_low', '  but why');

# The five bad states differ from one another in nothing but the reason.
my %shape = map {
	my $r = $t->get("/t/$token{$_}/secret/noarch/repodata.json");
	join("\n", map { $_->[0] =~ /^(?:date|content-length)$/i ? ()
		: "$_->[0]: $_->[1]" } @{ $r->{headers} }) => $_
} qw(malformed unknown expired disabled broken);
is(scalar(keys %shape), 1, 'T71 a bad token: the same headers, however bad');

$t->finish;
