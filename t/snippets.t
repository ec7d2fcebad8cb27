#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What psm-token prints to paste works: every URL of every snippet, asked for
# as the client that it is for would ask, is served by the gate.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/clients";

use MIME::Base64 qw(encode_base64);
use Test::More;

use PSM::Clients qw(make_channels site_conf base_url run);
use PSM::Conda qw(conda_channel);
use PSM::Gate;

my $t = PSM::Gate->new(name => 'snippets');
$t->start_redis;
$t->write_conf(site_conf('/api/repo/', '/conda/'));
$t->start_nginx;
make_channels($t);

my $url = base_url($t);
my $psm_token = $ENV{PSM_CLI} // "$PSM::Gate::REPO/build/psm-token";
my $repodata = 'noarch/repodata.json';

sub psm_token {
	my ($words, %arg) = @_;

	my $got = run($t, [$psm_token, @$words], %arg, env => {
		%{ $arg{env} // {} },
		PSM_TOKEN_REDIS => $t->redis_server->address });
	is($got->{exit}, 0, "psm-token $words->[0]") or diag($got->{err});
	$t->secret($1) while $got->{out} =~ /(psm-[0-9A-Za-z]{42})/g;
	return $got->{out};
}

sub status {
	my ($address, @headers) = @_;

	my ($path) = $address =~ m{^\Q$url\E(/.*)} or return "not ours: $address";
	return $t->get($path, @headers)->{status};
}

sub is_served {
	my ($name, $address, @headers) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(status($address, @headers), 200, "$name: 200");
}

# The matches of a pattern at the start of lines; there has to be one.
sub lines_of {
	my ($text, $name, $pattern) = @_;

	my @found = $text =~ /^$pattern$/mg;
	ok(@found > 0, "$name: is printed");
	return @found;
}

# Every snippet of a text; channels: those for which conda gets a line.
sub works {
	my ($text, $base, @channels) = @_;

	my @conda = lines_of($text, 'conda',
		qr/conda config --append channels (\S+)/);
	is(scalar @conda, scalar @channels, 'conda: a line for each channel');
	for my $n (0 .. $#conda) {
		my $name = "conda, $channels[$n]";
		like($conda[$n], qr{^\Q$url\E/t/[^/]+\Q$base/$channels[$n]\E\z},
			"$name: the token comes first");
		is_served("$name, as written", "$conda[$n]/$repodata");
		is_served("$name, as conda asks",
			conda_channel($conda[$n]) . "/$repodata");
	}

	my ($alias) = lines_of($text, 'channel_alias',
		qr/conda config --set channel_alias (\S+)/);
	my ($name) = lines_of($text, 'conda install',
		qr/conda install -c (\S+) PACKAGE/);
	is_served('channel_alias, as written', "$alias/$name/$repodata");
	is_served('channel_alias, as conda asks',
		conda_channel($name, $alias) . "/$repodata");

	my ($mamba) = lines_of($text, 'mamba', qr/mamba install -c (\S+) PACKAGE/);
	is_served('mamba', "$mamba/$repodata");

	my ($host, $bearer) = lines_of($text, 'pixi, Bearer',
		qr/pixi auth login (\S+) --token (\S+)/);
	my ($channel) = lines_of($text, 'pixi channel',
		qr/pixi workspace channel add (\S+)/);
	is($host, '127.0.0.1', 'pixi: the host without its port');
	is_served('pixi', "$channel/$repodata", Authorization => "Bearer $bearer");
	is(status("$channel/$repodata"), 401, 'pixi: only so');
	my ($same_host, $in_path) = lines_of($text, 'pixi, CondaToken',
		qr/pixi auth login (\S+) --conda-token (\S+)/);
	is($same_host, $host, 'pixi: the same host');
	is_served('pixi with a CondaToken',
		($channel =~ s{^\Q$url\E}{$url/t/$in_path}r) . "/$repodata");

	my ($login, $index) = lines_of($text, 'pip',
		qr{pip install --index-url http://(\S+)\@(\S+) PACKAGE});
	is_served('pip', "http://$index", Authorization =>
		'Basic ' . encode_base64($login, ''));

	for my $curl (lines_of($text, 'curl', qr/(curl -H .+)/)) {
		my $got = run($t, ['/bin/sh', '-c', "$curl --noproxy '*' --silent "
			. "--output body --write-out '%{http_code}'"]);
		is($got->{out}, 200, 'curl: 200') or diag($got->{err});
	}
}

subtest 'create, a resource token' => sub {
	works(psm_token(['create', '--name', 'a', '--url', $url,
		'--resource', 'private:read', '--resource', 'authenticated:read']),
		'', 'authenticated', 'private');
};

subtest 'create, a subchannel and PSM_URL' => sub {
	works(psm_token(['create', '--name', 'a', '--resource',
		'private/dev:write'], env => { PSM_URL => "$url/" }), '',
		'private/dev');
};

subtest 'create, a base in the URL' => sub {
	works(psm_token(['create', '--name', 'a', '--url', "$url/api/repo/",
		'--resource', 'private:read', '--resource', 'private/dev:read']),
		'/api/repo', 'private', 'private/dev');
};

subtest 'create, a base that conda treats in its own way' => sub {
	works(psm_token(['create', '--name', 'a', '--url', $url, '--base',
		'/conda/', '--resource', 'private:manage']), '/conda', 'private');
};

my @scopes = map { ('--scope', $_) } qw(artifact:download
	channel:view-artifacts);

subtest 'create, a scope token' => sub {
	works(psm_token(['create', '--name', 'a', '--url', $url, @scopes,
		'--channel', 'private']), '', 'private');
	my $text = psm_token(['create', '--name', 'a', '--url', $url, @scopes]);
	like($text, qr{/t/psm-\w+/CHANNEL$}m, 'a channel is to be filled in');
	works($text =~ s/\bCHANNEL\b/authenticated/gr, '', 'authenticated');
};

subtest 'snippets, for a token that one has' => sub {
	my $token = $t->add_token(resources => { private => 'read' });
	works(psm_token(['snippets', '-', '--url', $url], stdin => "$token\n"),
		'', 'private');
	my $text = psm_token(['snippets', '--url', $url, '--channel', 'private']);
	works($text =~ s/\bTOKEN\b/$token/gr, '', 'private');
};

$t->finish;
