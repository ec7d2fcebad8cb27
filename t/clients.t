#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# rattler, the library of pixi: fetches repodata and installs the demo's
# packages with the token in every place where it can put one. PSM_VENV is the
# venv that `make test` makes for it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/clients";

use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Test::More;

use PSM::Clients qw(make_channels site_conf base_url packages_of venv new_home
	log_mark requests_since);
use PSM::Gate;
use PSM::Process qw(slurp);

my $t = PSM::Gate->new(name => 'rattler');
$t->start_redis;
$t->write_conf(site_conf());
$t->start_nginx;
make_channels($t);

my $json = JSON::PP->new->utf8->canonical;
my $url = base_url($t);
my @gated = qw(authenticated private private/dev);
my $token = $t->add_token(resources => {
	authenticated => 'read', private => 'read',
});
my $scope_token = $t->add_token(scopes => [qw(artifact:download
	channel:view-artifacts subchannel:view-artifacts)]);
my $other = $t->add_token(resources => { authenticated => 'read' });

my $rattler = PSM::Clients->start($t, venv('python'),
	"$FindBin::Bin/clients/rattler_client.py");

# A job with caches of its own. files: what is in its home.
sub rattler {
	my ($job, %files) = @_;

	return $rattler->ask({ %$job, home => new_home($t, %files),
		auth => $files{'auth.json'} && 'auth.json' });
}

# Hosts are named without their port, as rattler wants it.
sub auth_file {
	return ('auth.json' => $json->encode({ '127.0.0.1' => $_[0] }));
}

sub basic { return 'Basic ' . encode_base64(join(':', @_), '') }

# Each way gives its name, the URL of a channel, the headers, the files of the
# client's home.
sub ways {
	my ($secret) = @_;

	my $path = sub { "$url/t/$secret/$_[0]" };
	my $plain = sub { "$url/$_[0]" };
	return (
		['in the URL', $path],
		['as Bearer', $plain, { Authorization => "Bearer $secret" }],
		['as Basic password', $plain,
			{ Authorization => basic('any', $secret) }],
		['as Basic user', $plain,
			{ Authorization => basic($secret, 'x-auth-token') }],
		['as X-Auth', $plain, { 'X-Auth' => $secret }],
		['as CondaToken of an auth file', $plain, undef,
			auth_file({ CondaToken => $secret })],
		['as BearerToken of an auth file', $plain, undef,
			auth_file({ BearerToken => $secret })],
		['as BasicHTTP of an auth file', $plain, undef, auth_file({
			BasicHTTP => { username => 'any', password => $secret } })],
		['as login of ~/.netrc', $plain, undef, '.netrc' =>
			"machine 127.0.0.1 login $secret password x-auth-token\n"],
	);
}

# What a prefix holds of these channels: only the paths with the right content.
sub installed {
	my ($prefix, @channels) = @_;

	my @found;
	for my $package (map { values %{ packages_of($_) } } @channels) {
		push @found, $package->{name}
			if slurp("$prefix/$package->{installs}") eq $package->{content}
				&& -s "$prefix/conda-meta/$package->{stem}.json";
	}
	return [sort @found];
}

sub names_of { return sort map { keys %{ packages_of($_) } } @_ }

my $prefixes = 0;

sub new_prefix { return $t->dir . '/private/prefix-' . ++$prefixes }

# Fetches and installs everything; gives the requests that were made.
sub succeeds {
	my ($way, @channels) = @_;
	my ($name, $at, $headers, @files) = @$way;

	my $from = log_mark($t);
	my ($prefix, @names) = (new_prefix(), names_of(@channels));
	my @urls = map { $at->($_) } @channels;
	my $got = rattler({ channels => \@urls, headers => $headers,
		specs => \@names, prefix => $prefix }, @files);
	my %repodata = map { ($urls[$_] => repodata_of($channels[$_])) }
		0 .. $#channels;
	is_deeply($got->{fetched}, \%repodata, "$name: repodata")
		or diag($got->{fetch_error});
	is_deeply($got->{installed}, \@names, "$name: solved and installed")
		or diag($got->{install_error});
	is_deeply(installed($prefix, @channels), \@names, "$name: all is there");
	return requests_since($t, $from);
}

sub repodata_of {
	my ($channel) = @_;

	my %names = (noarch => [], 'linux-64' => []);
	for my $package (values %{ packages_of($channel) }) {
		push @{ $names{ $package->{subdir} } }, $package->{name};
	}
	@$_ = sort @$_ for values %names;
	return \%names;
}

# Every value of one field, once.
sub all_of {
	my ($field, @seen) = @_;

	my %values = map { $_->{$field} => 1 } @seen;
	return join ' ', sort keys %values;
}

subtest 'a resource token in every place' => sub {
	for my $way (ways($token)) {
		my $name = $way->[0];
		my @seen = succeeds($way, @gated);
		is(all_of(reason => @seen), 'granted', "$name: always granted");
		like(all_of(status => @seen), qr/^200 (?:304 )?404$/,
			"$name: found or absent");
		my $in_path = grep { $_->{path} =~ m{^/t/\*{4}/} } @seen;
		my $wanted = $name =~ /URL|CondaToken/ ? @seen : 0;
		is($in_path, $wanted, "$name: where it says it is");
		is(all_of(method => @seen), 'GET HEAD', "$name: by GET and HEAD");
		ok((grep { $_->{path} =~ m{/private-epoch-1!2\.0\+g1-0\.tar\.bz2$}
			&& $_->{status} == 200 } @seen),
			"$name: `!` and `+` stand in a URL as they are");
	}
};

subtest 'a scope token' => sub {
	succeeds($_, @gated) for (ways($scope_token))[0, 1];
};

subtest 'a public channel' => sub {
	my @nothing = ('no token', sub { "$url/$_[0]" });
	my @seen = succeeds(\@nothing, 'public');
	is(all_of(reason => @seen), 'public', 'passes as public');
	succeeds($_, 'public') for (ways($token))[0, 1];
};

# ------------------------------------------------------------------ denied --

# Neither repodata nor an installation, and the error tells the status.
sub refused {
	my ($way, $channel, $status, $reason) = @_;
	my ($name, $at, $headers, @files) = @$way;

	my ($from, $prefix) = (log_mark($t), new_prefix());
	my $got = rattler({ channels => [$at->($channel)], headers => $headers,
		specs => [names_of($channel)], prefix => $prefix }, @files);
	like($got->{fetch_error} // 'none', qr/\b$status\b/,
		"$name: no repodata, $status");
	like($got->{install_error} // 'none', qr/\b$status\b/,
		"$name: no packages, $status");
	ok(!-e $prefix, "$name: nothing installed");
	my @seen = requests_since($t, $from);
	ok(@seen > 0, "$name: requests were made");
	is_deeply([grep { $_->{status} != $status || $_->{reason} ne $reason }
		@seen], [], "$name: all are answered $status $reason");
}

my $revoked = $t->add_token(resources => { private => 'read' });
$t->revoke($revoked);
my $expired = $t->add_token(resources => { private => 'read' },
	expires => time - 1);
my $narrow = $t->add_token(resources => { 'private/dev' => 'read' });
my $no_token = ['no token', sub { "$url/$_[0]" }];

subtest 'refused' => sub {
	refused($no_token, $_, 401, 'token_missing') for @gated;
	refused($_, 'private', 401, 'token_disabled') for ways($revoked);
	refused($_, 'private', 401, 'token_expired') for (ways($expired))[0, 1];
	refused($_, 'private', 401, 'token_unknown')
		for (ways($t->unknown_token))[0, 5];
	refused($_, 'private', 403, 'channel_not_granted') for ways($other);
	refused($_, 'private', 403, 'channel_not_granted') for (ways($narrow))[0];
	refused(['a subchannel', sub { "$url/t/$other/$_[0]" }], 'private/dev',
		403, 'channel_not_granted');
	refused(['a bad token on a public channel', (ways($revoked))[0][1]],
		'public', 401, 'token_disabled');
	refused(['a masked URL of a lock file', sub { "$url/t/********/$_[0]" }],
		'private', 401, 'token_masked');
	refused(['two tokens', sub { "$url/t/$token/$_[0]" }, undef,
		auth_file({ CondaToken => $other })], 'private', 401,
		'token_ambiguous');
};

subtest 'one token twice, a narrow token where it reaches' => sub {
	succeeds(['in the URL and in the auth file', sub { "$url/t/$token/$_[0]" },
		undef, auth_file({ CondaToken => $token })], 'private');
	succeeds((ways($narrow))[0], 'private/dev');
};

# The repodata is there, the packages are asked for with other credentials.
subtest 'packages are gated as repodata is' => sub {
	my %header = map { $_->[0] => { Authorization => "Bearer $_->[1]" } }
		['good', $token], ['revoked', $revoked], ['elsewhere', $other];
	my %case = (
		'no token' => [401, {}],
		'a revoked token' => [401, { headers => $header{revoked} }],
		'a token for another channel' => [403,
			{ headers => $header{elsewhere} }],
		'a revoked token in the URL' => [401,
			{ replace => ["$url/", "$url/t/$revoked/"] }],
		'no token any more' => [401, { replace => ["/t/$token/", '/'] }],
	);
	for my $name (sort keys %case) {
		my ($status, $as) = @{ $case{$name} };
		my $in_path = $name =~ /any more/;
		my $prefix = new_prefix();
		my $got = rattler({
			channels => [$in_path ? "$url/t/$token/private" : "$url/private"],
			headers => $in_path ? undef : $header{good}, as => $as,
			specs => [names_of('private')], prefix => $prefix,
		});
		ok($got->{fetched}, "$name: repodata is there");
		like($got->{install_error} // 'none', qr/\b$status\b/,
			"$name: $status");
		is_deeply(installed($prefix, 'private'), [], "$name: not installed");
	}
};

# An index in shards, as pixi prefers it: each record is a file of its own.
subtest 'sharded repodata' => sub {
	ok(rattler({ index => $t->dir . '/html/private' })->{indexed}, 'made');
	for my $way ((ways($token))[0, 1, 5]) {
		my @seen = succeeds($way, 'private');
		ok((grep { $_->{path} =~ m{/private/noarch/shards/\w+\.msgpack\.zst$}
			&& $_->{status} == 200 } @seen), "$way->[0]: shards are read");
	}
	refused($no_token, 'private', 401, 'token_missing');
	refused((ways($other))[0], 'private', 403, 'channel_not_granted');
};

$rattler->stop;
$t->finish;
