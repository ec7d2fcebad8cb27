#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What conda sends, replayed byte for byte: the order of its requests, where it
# puts the token, what it asks for again, and how.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/clients";

use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Test::More;

use PSM::Clients qw(packages_of);
use PSM::Conda qw(start request_text conda_channel $AGENT $WORKERS);
use PSM::Token qw(token_digest);

my $t = start('conda');
my $url = 'http://127.0.0.1:' . $t->port;
my $token = $t->add_token(resources => {
	private => 'read', plain => 'read',
});
my $other = $t->add_token(resources => { authenticated => 'read' });
my $revoked = $t->add_token(resources => { private => 'read' });
$t->revoke($revoked);

sub ask { return PSM::Conda::ask($t, @_) }

sub on_disk { return PSM::Conda::on_disk($t, @_) }

# A channel without the compressed index.
$t->file("plain/$_/repodata.json", on_disk("private/$_/repodata.json"))
	for qw(noarch linux-64);

# Asks for files below a channel, one after another on one connection, and
# compares the statuses.
sub asks {
	my ($name, $channel, @expected) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $session = $t->connect;
	while (my ($file, $status) = splice @expected, 0, 2) {
		my $r = ask($session, 'GET', "$channel/$file");
		is($r->{status}, $status, "$name: $file: $status");
		is($t->header($r, 'Location'), undef, "$name: $file: no redirect")
			if $file eq 'notices.json';
	}
}

# What conda keeps of an answer to ask again.
sub validators {
	my ($r) = @_;

	return ('If-None-Match' => $t->header($r, 'ETag'),
		'If-Modified-Since' => $t->header($r, 'Last-Modified'));
}

sub path_of { return $_[0] =~ s{^\Q$url\E}{}r }

# ------------------------------------------------------------------- paths --

# The user's words, channel_alias, and what conda was seen to make of them.
my @written = (
	["$url/t/$token/private", undef, "/t/$token/private"],
	["$url/t/$token/private/dev", undef, "/t/$token/private/dev"],
	["$url/t/$token/api/repo/private", undef, "/t/$token/api/repo/private"],
	["$url/api/repo/t/$token/private", undef, "/t/$token/api/repo/private"],
	["$url/conda/t/$token/private", undef, "/conda/t/$token/private"],
	["$url/t/$token/conda/private", undef, "/conda/t/$token/private"],
	["$url/api/repo/t/$token/private", "$url/api/repo",
		"/api/repo/t/$token/private"],
	['private', "$url/api/repo/t/$token/", "/api/repo/t/$token/private"],
	['private', "$url/t/$token/api/repo/", "/api/repo/t/$token/private"],
	['private', "$url/t/$token", "/t/$token/private"],
	['private/dev', "$url/t/$token", "/t/$token/private/dev"],
);
my %shapes;

subtest 'every place where conda puts a token' => sub {
	for my $case (@written) {
		my ($channel, $alias, $path) = @$case;
		my $name = path_of($channel) . ($alias ? ', alias '
			. path_of($alias) : '');
		$name =~ s/psm-\w+/T/g;
		is(path_of(conda_channel($channel, $alias)), $path, "$name: the path");
		$shapes{$path} = 1;
		my $session = $t->connect;
		for my $subdir (qw(noarch linux-64)) {
			my $r = ask($session, 'GET', "$path/$subdir/repodata.json.zst");
			is($r->{status}, 200, "$name: $subdir");
			my ($real) = $path =~ m{/(private(?:/dev)?)\z};
			is($r->{body}, on_disk("$real/$subdir/repodata.json.zst"),
				"$name: $subdir, the file");
		}
	}
};

# -------------------------------------------------------------------- runs --

for my $path (sort keys %shapes) {
	my $name = $path =~ s/psm-\w+/T/r;
	my $clean = $path =~ s{/t/[^/]+}{}r;

	subtest "a cold run in $name" => sub {
		asks('no token', $clean, 'notices.json' => 401);
		asks('libmamba', $path, map { (
			"$_/repodata_shards.msgpack.zst" => 404,
			"$_/repodata.json.zst" => 200,
		) } qw(noarch linux-64));
		asks('classic', $path, map { (
			"$_/current_repodata.json.zst" => 404,
			"$_/current_repodata.json" => 404,
			"$_/repodata.json.zst" => 200,
		) } qw(noarch linux-64));
		asks('what else it may ask for', $path, 'channeldata.json' => 200,
			map { ("noarch/$_" => 404) } qw(run_exports.json.zst
				run_exports.json repodata.json.bz2 repodata.jlap
				repodata_from_packages.json patch_instructions.json
				absent-1.0-0.conda absent-1.0-0.tar.bz2));
	};
}

subtest 'a channel without the compressed index' => sub {
	asks('cold', "/t/$token/plain", map { (
		"$_/repodata_shards.msgpack.zst" => 404,
		"$_/repodata.json.zst" => 404,
		"$_/repodata.json" => 200,
	) } qw(noarch linux-64));
	asks('a platform that is not there', "/t/$token/plain", map { (
		"osx-arm64/$_" => 404) } qw(repodata_shards.msgpack.zst
			repodata.json.zst repodata.json));
};

subtest 'tokenless notices' => sub {
	asks('public', '/public', 'notices.json' => 404);
	asks('authenticated', '/authenticated', 'notices.json' => 401);
	asks('a subchannel', '/private/dev', 'notices.json' => 401);
	asks('an absent channel', '/absent', 'notices.json' => 401);
	$t->file('public/notices.json', '{"notices":[]}');
	asks('public', '/public', 'notices.json' => 200);
};

subtest 'a warm run' => sub {
	my $session = $t->connect;
	for my $path (sort keys %shapes) {
		my $name = $path =~ s/psm-\w+/T/r;
		for my $file (qw(repodata.json repodata.json.zst)) {
			my $at = "$path/noarch/$file";
			my %known = validators(ask($session, 'GET', $at));
			my $r = ask($session, 'GET', $at,
				'If-None-Match' => $known{'If-None-Match'});
			is($r->{status}, 304, "$name, $file: If-None-Match");
			is(ask($session, 'GET', $at, %known)->{status}, 304,
				"$name, $file: with If-Modified-Since");
			is(ask($session, 'GET', $at, 'If-None-Match' => '"old"')
				->{status}, 200, "$name, $file: it has changed");
			for my $bad ($revoked, $other) {
				my $status = ask($session, 'GET', $at =~ s/psm-\w+/$bad/r,
					%known)->{status};
				is($status, $bad eq $other ? 403 : 401,
					"$name, $file: no 304 without the right");
			}
			my $status = ask($session, 'GET', $at =~ s{/t/[^/]+}{}r, %known)
				->{status};
			is($status, 401, "$name, $file: nor without a token");
		}
	}
};

subtest 'shards' => sub {
	my $shard = ('0123456789abcdef' x 4) . '.msgpack.zst';
	$t->file("private/noarch/shards/$shard", 'shard');
	my $session = $t->connect;
	my $r = ask($session, 'GET', "/t/$token/private/noarch/shards/$shard");
	is("$r->{status} $r->{body}", '200 shard', 'one that is there');
	is(ask($session, 'GET', "/t/$token/private/noarch/shards/"
		. ('f' x 64) . '.msgpack.zst')->{status}, 404, 'one that is not');
	$r = ask($session, 'HEAD',
		"/t/$token/private/noarch/repodata_shards.msgpack.zst");
	is($r->{status}, 404, 'HEAD of an absent index');
	is(ask($session, 'HEAD', "/t/$token/private/noarch/shards/$shard")
		->{status}, 200, 'HEAD of a shard');
	is(ask($session, 'GET', "/t/$other/private/noarch/shards/$shard")
		->{status}, 403, 'another token');
};

# ---------------------------------------------------------------- packages --

subtest 'packages' => sub {
	my $session = $t->connect;
	for my $path (sort keys %shapes) {
		my ($channel) = $path =~ m{/(private(?:/dev)?)\z};
		my $packages = packages_of($channel);
		for my $package (map { $packages->{$_} } sort keys %$packages) {
			my $r = ask($session, 'GET',
				"$path/$package->{subdir}/$package->{file}");
			ok($r->{status} == 200 && $r->{body} eq on_disk($package->{path}),
				"$package->{file}, " . $path =~ s/psm-\w+/T/r);
		}
	}
};

subtest '`!` and `+` in a name' => sub {
	my $package = packages_of('private')->{'private-epoch'};
	my $content = on_disk($package->{path});
	my $raw = $package->{file};
	like($raw, qr/!.*\+/, 'as the demo has it');
	my $session = $t->connect;
	my @forms = ($raw, $raw =~ s/!/%21/r, $raw =~ s/\+/%2B/r,
		$raw =~ s/\+/%2b/r, $raw =~ s/!/%21/r =~ s/\+/%2B/r);
	for my $path (sort keys %shapes) {
		next if $path !~ m{/private\z};
		for my $form (@forms) {
			my $r = ask($session, 'GET', "$path/noarch/$form");
			ok($r->{status} == 200 && $r->{body} eq $content,
				"$form, " . $path =~ s/psm-\w+/T/r);
		}
		is(ask($session, 'GET', "$path/noarch/" . $raw =~ s/\+/%20/r)
			->{status}, 404, '`+` is not a space');
	}
	for my $form (@forms) {
		is(ask($session, 'GET', "/private/noarch/$form")->{status}, 401,
			"$form without a token");
		is(ask($session, 'GET', "/t/$other/private/noarch/$form")->{status},
			403, "$form with another one");
	}
};

subtest 'a download that is resumed' => sub {
	my $file = packages_of('private')->{'private-data'}{path};
	my $content = on_disk($file);
	my $size = length $content;
	my $session = $t->connect;
	for my $path (sort keys %shapes) {
		next if $path !~ m{^(.*)/private\z};
		my $at = "$1/$file";
		for my $have (1, int($size / 2), $size - 1) {
			my $r = ask($session, 'GET', $at, Range => "bytes=$have-");
			is($r->{status}, 206, "from byte $have");
			is($t->header($r, 'Content-Range'), sprintf('bytes %d-%d/%d',
				$have, $size - 1, $size), "from byte $have: says so");
			ok(substr($content, 0, $have) . $r->{body} eq $content,
				"from byte $have: whole");
		}
		is(ask($session, 'GET', $at, Range => "bytes=$size-")->{status}, 416,
			'nothing is left');
		for my $range ('bytes=1-', "bytes=$size-", 'bytes=-5') {
			is(ask($session, 'GET', $at =~ s/psm-\w+/$other/r,
				Range => $range)->{status}, 403, "$range: another token");
			is(ask($session, 'GET', $at =~ s{/t/[^/]+}{}r, Range => $range)
				->{status}, 401, "$range: no token");
		}
	}
};

# Every request is sent before any answer is read. The token is not in the
# cache of any worker yet.
subtest 'fifty at once' => sub {
	my $fresh = $t->add_token(resources => { private => 'read' });
	my $package = packages_of('private')->{'private-tool'};
	my @sessions = map { $t->connect } 1 .. 50;
	for my $session (@sessions) {
		$t->send($session, request_text($t, 'GET',
			"/t/$fresh/$package->{path}"));
	}
	my $content = on_disk($package->{path});
	my $good = grep {
		my $r = $t->receive($_, 'GET');
		$r->{status} == 200 && $r->{body} eq $content;
	} @sessions;
	is($good, 50, 'all whole');
	$t->redis_server->settle;
	my $key = 'psm:t:' . token_digest($fresh);
	my $asked = () = $t->redis_server->monitored =~ /"GET" "\Q$key\E"/gi;
	ok($asked >= 1 && $asked <= $WORKERS, 'Redis is asked once by a worker')
		or diag("$asked times");
};

# One connection, one byte in a packet.
subtest 'a request in pieces' => sub {
	my $session = $t->connect;
	setsockopt $session, IPPROTO_TCP, TCP_NODELAY, 1;
	my $text = request_text($t, 'GET',
		"/t/$token/private/noarch/repodata.json");
	$t->send($session, $_) for split //, $text;
	is($t->receive($session)->{status}, 200, 'is understood');
};

subtest 'who asked is in the log' => sub {
	like($t->log_text('access.log'), qr/"\Q$AGENT\E"$/m, 'conda');
};

$t->finish;
