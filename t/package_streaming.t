#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# conda-package-streaming reads the metadata out of a remote package: of a
# .conda by ranges from its end, of a .tar.bz2 by a download that it drops.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/clients";

use JSON::PP;
use Test::More;

use PSM::Clients qw(make_channels site_conf base_url packages_of run log_mark
	requests_since);
use PSM::Gate;

# The python that Debian's packages belong to.
my $python = '/usr/bin/python3';

my $t = PSM::Gate->new(name => 'package streaming');
$t->start_redis;
$t->write_conf(site_conf('/api/repo/'));
$t->start_nginx;
make_channels($t);

my $url = base_url($t);
my $token = $t->add_token(resources => { private => 'read' });
my $scope_token = $t->add_token(scopes => ['artifact:download']);
my $other = $t->add_token(resources => { authenticated => 'read' });
my $revoked = $t->add_token(resources => { private => 'read' });
$t->revoke($revoked);

# A package much larger than what is to be read of it.
my $maker = <<'EOP';
import pathlib, random, sys
from make_channels import Package
blob = random.Random(1).randbytes(400_000)
package = Package("noarch", "large", "1.0", {"share/large/blob": blob})
stem = pathlib.Path(sys.argv[1], "large-1.0-0")
stem.with_name(stem.name + ".conda").write_bytes(package.as_conda())
stem.with_name(stem.name + ".tar.bz2").write_bytes(package.as_tar_bz2())
EOP
my $folder = $t->dir . '/html/private/noarch';
my $made = run($t, [$python, '-c', $maker, $folder],
	env => { PYTHONPATH => "$PSM::Gate::REPO/demo" });
is($made->{exit}, 0, 'a large package') or diag($made->{err});

my $client = PSM::Clients->start($t, $python,
	"$FindBin::Bin/clients/package_streaming_client.py");
my $bearer = { Authorization => "Bearer $token" };
my %places = (
	'a path token' => ["$url/t/$token"],
	'a path token in front of a base' => ["$url/t/$token/api/repo"],
	'a path token behind a base' => ["$url/api/repo/t/$token"],
	'a path token of scopes' => ["$url/t/$scope_token"],
	'Bearer' => [$url, $bearer],
);

# The package's name and payload, as its metadata tell them.
sub describes {
	my ($name, $answer, $package, @paths) = @_;

	my $index = eval { decode_json($answer->{files}{'info/index.json'}) };
	is($index->{name}, $package, "$name: the index") or diag($answer->{error});
	my $list = eval { decode_json($answer->{files}{'info/paths.json'}) };
	is_deeply([map { $_->{_path} } @{ $list->{paths} }], \@paths,
		"$name: the list of files");
}

for my $name (sort keys %places) {
	my ($at, $headers) = @{ $places{$name} };
	my $from = log_mark($t);
	for my $package (values %{ packages_of('private') }) {
		describes("$name, $package->{file}", $client->ask({
			url => "$at/$package->{path}", headers => $headers,
		}), $package->{name}, $package->{installs});
	}
	is_deeply([grep { $_->{status} !~ /^20[06]$/ } requests_since($t, $from)],
		[], "$name: nothing was refused");
}

subtest 'only what is needed of a .conda' => sub {
	my $from = log_mark($t);
	my $file = 'private/noarch/large-1.0-0.conda';
	describes('large', $client->ask({ url => "$url/t/$token/$file" }),
		'large', 'share/large/blob');
	my @seen = requests_since($t, $from);
	is($seen[0]{range}, 'bytes=-10240', 'starts at the end');
	is_deeply([grep { $_->{status} != 206 } @seen], [], 'in ranges');
	my $size = 0;
	$size += $_->{size} for @seen;
	cmp_ok($size, '<', (-s $t->dir . "/html/$file") / 10, 'not the whole');
};

subtest 'a .tar.bz2 that is dropped part-way' => sub {
	describes('large', $client->ask({
		url => "$url/t/$token/private/noarch/large-1.0-0.tar.bz2" }),
		'large', 'share/large/blob');
};

my %refused = (
	'no token' => [401, 'token_missing', $url],
	'a revoked token' => [401, 'token_disabled', "$url/t/$revoked"],
	'a token nobody issued' => [401, 'token_unknown',
		"$url/t/" . $t->unknown_token],
	'a masked token' => [401, 'token_masked', "$url/t/<TOKEN>"],
	'a token for another channel' => [403, 'channel_not_granted',
		"$url/t/$other"],
);
for my $name (sort keys %refused) {
	my ($status, $reason, $at) = @{ $refused{$name} };
	for my $package (values %{ packages_of('private') }) {
		my $from = log_mark($t);
		my $answer = $client->ask({ url => "$at/$package->{path}" });
		ok(!$answer->{files}, "$name: nothing of $package->{file}");
		# It does not look at the status of a .tar.bz2.
		like($answer->{error}, qr/\b$status\b/, "$name: says $status")
			if $package->{file} =~ /\.conda\z/;
		is_deeply([map { "$_->{status} $_->{reason}" }
			requests_since($t, $from)], ["$status $reason"],
			"$name: answered $status $reason");
	}
}

$client->stop;
$t->finish;
