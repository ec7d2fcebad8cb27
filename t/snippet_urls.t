#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What psm-token prints is what the gate takes: the URLs and headers of its
# snippets, as printed, get 200; and explain says of requests what the gate
# does.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Test::More;

use PSM::Gate;

my $t = PSM::Gate->new(name => 'snippet urls');
$t->start_redis;
for my $base ('', 'api/repo/') {
	for my $channel ('main', 'main/dev', 'other') {
		$t->file("$base$channel/noarch/repodata.json", "{\"$channel\":1}");
		$t->file("$base$channel/simple/index.html", 'simple');
	}
}
$t->write_conf(<<'EOC');
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	index index.html;
	psm_token_base / /api/repo/;
	psm_token on;
}
EOC
$t->start_nginx;

my $site = 'http://127.0.0.1:' . $t->port;

sub issue {
	my $got = $t->cli('create', '--json', '--name', 'snippets',
		'--resource', 'main:read', '--resource', 'main/dev:read');
	is($got->{exit}, 0, 'created') or diag($got->{err});
	return $t->secret(decode_json($got->{out})->{token});
}

# The commands for a token, from its own output.
sub commands {
	my ($url) = @_;

	my $got = $t->cli('create', '--name', 'snippets', '--resource',
		'main:read', '--resource', 'main/dev:read', '--url', $url);
	is($got->{exit}, 0, 'created') or diag($got->{err});
	my ($token) = $got->{out} =~ /^  (psm-\w+)$/m;
	$t->secret($token);
	return ($token, $got->{out});
}

for my $url ($site, "$site/api/repo") {
	my ($token, $text) = commands($url);

	my @conda = $text =~ m{^conda config --append channels \Q$site\E(\S+)$}mg;
	is(scalar @conda, 2, 'a conda command for each channel');
	is($t->get("$_/noarch/repodata.json")->{status}, 200,
		'the conda URL works') for @conda;

	my ($alias) = $text =~
		m{^conda config --set channel_alias \Q$site\E(\S+)$}m;
	is($t->get("$alias/main/noarch/repodata.json")->{status}, 200,
		'the alias works');

	my ($mamba) = $text =~ m{^mamba install -c \Q$site\E(\S+) }m;
	is($t->get("$mamba/noarch/repodata.json")->{status}, 200,
		'the mamba URL works');

	my ($pixi) = $text =~ m{^pixi workspace channel add \Q$site\E(\S+)$}m;
	is($t->get("$pixi/noarch/repodata.json", Authorization =>
		"Bearer $token")->{status}, 200, 'the pixi channel with --token');
	is($t->get("/t/$token$pixi/noarch/repodata.json")->{status}, 200,
		'and with --conda-token');

	my ($user, $pip) = $text =~
		m{--index-url http://([^@]+)@[^/]+(/\S+) PACKAGE$}m;
	is($t->get($pip, Authorization => 'Basic ' . encode_base64($user, ''))
		->{status}, 200, 'the pip index');
	$t->secret(encode_base64($user, ''));

	my @curl = $text =~ m{^curl -H "([^"]+)" \Q$site\E(\S+)$}mg;
	is(scalar @curl, 4, 'two curl commands');
	while (my ($header, $path) = splice @curl, 0, 2) {
		my ($name, $value) = split /: /, $header, 2;
		is($t->get($path, $name => $value)->{status}, 200, "curl with $name");
		is($t->get($path)->{status}, 401, 'and not without');
	}
}

my $token = issue();
my $got = $t->cli('list', '--json');
my ($id) = map { $_->{id} } grep { $_->{name} eq 'snippets' }
	@{ decode_json($got->{out})->{items} };
$t->cli('channel', 'set', 'other', '--privacy', 'public');
for my $case (['GET', '/main/noarch/repodata.json'], ['GET', '/main/'],
	['GET', '/api/repo/main/dev/noarch/repodata.json'],
	['GET', '/other/noarch/repodata.json'], ['PUT', '/main/noarch/x.conda'],
	['PUT', '/other/noarch/x.conda'], ['GET', '/third/noarch/x.conda'],
	['OPTIONS', '/main/noarch/repodata.json'], ['GET', '/'])
{
	my ($method, $path) = @$case;
	my $said = decode_json($t->cli('explain', '--json', $id, $method, $path,
		'--base', '/', '--base', '/api/repo/')->{out});
	my $answer = $t->http($method, $path, headers => ['X-Auth' => $token]);
	my ($code) = $answer->{body} =~ /"code":\s*"(\w+)"/;
	if ($said->{allowed}) {
		ok($answer->{status} < 400 || !defined $code,
			"$method $path: the gate lets it pass, as explained");
	} else {
		is($answer->{status}, $said->{status}, "$method $path: the status");
		is($code, $said->{reason}, "$method $path: the reason");
	}
}

$t->finish;
