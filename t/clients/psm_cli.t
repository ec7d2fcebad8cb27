#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The command lines of Package Security Manager against our API. conda-repo-cli
# cannot be had from PyPI: what it sends is sent here by the library that it is
# made of (requests), and the answers are read as strictly as it reads them.
# Its successor for channels, anaconda-client's repocore, runs itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", $FindBin::Bin;

use JSON::PP;
use MIME::Base64 ();
use POSIX qw(strftime);
use Test::More;

use PSM::Certificates;
use PSM::Clients qw(api_venv);
use PSM::Gate;

my $json = JSON::PP->new->utf8->canonical;
my $t = PSM::Gate->new(name => 'psm cli');
$t->start_redis;
my $certs = PSM::Certificates->new(dir => $t->dir . '/private/tls');
my $server = <<'EOC';
	psm_token_base  /api/repo/;
	include         %%REPO%%/conf/psm_cli.conf;
	location /api/ {
		psm_token_api;
	}
	location /api/repo/ {
		psm_token  on;
		alias      %%ROOT%%/;
	}
EOC
$t->write_conf(<<"EOC");
server {
	listen %%LISTEN%%;
$server}
server {
	listen %%LISTEN2%% ssl;
	ssl_certificate @{[ $certs->cert('both') ]};
	ssl_certificate_key @{[ $certs->key('both') ]};
$server}
EOC
$t->start_nginx;
$t->file('main/noarch/repodata.json', '{}');
my $url = 'http://127.0.0.1:' . $t->port . '/api';

# A token of alice; more words for `psm-token create`.
sub create {
	my ($name, @words) = @_;

	my $got = $t->cli('--json', 'create', '--name', $name, '--owner', 'alice',
		@words);
	is($got->{exit}, 0, "psm-token makes the token \"$name\"")
		or BAIL_OUT($got->{err});
	my $made = $json->decode($got->{out});
	$t->secret($made->{token});
	return @$made{qw(token id)};
}

# What the command line asks of its server and is to hand out.
my @content = qw(artifact:create artifact:delete artifact:download
	artifact:edit channel:edit channel:view channel:view-artifacts);
my ($token, $own) = create('for netrc', '--expires', '300d',
	map { ('--scope', $_) } @content, qw(user.token:edit user.token:view));
my ($reader) = create('reader', '--resource', 'main:read');
is($t->cli('channel', 'set', 'main', '--privacy', 'private')->{exit}, 0,
	'the channel main is private');

# ------------------------------------------------------ as conda-repo-cli ---

my $client = PSM::Clients->start($t, api_venv('python'),
	"$FindBin::Bin/requests_client.py");
my $netrc = $t->private_file('netrc',
	"machine 127.0.0.1\nlogin $token\npassword x-auth-token\n");

# Every request says that it is JSON, also one without a body.
sub sends {
	my ($method, $path, $headers, $body) = @_;

	my $got = $client->ask({ method => $method, url => "$url$path",
		headers => { 'Content-Type' => 'application/json', %$headers },
		netrc => $netrc, defined $body ? (body => $body) : () });
	$got->{json} = eval { $json->decode($got->{text}) };
	$t->secret($got->{json}{token})
		if ref $got->{json} eq 'HASH' && $got->{json}{token};
	return $got;
}

# Before it has logged in it shows the word None; netrc goes before either.
my %bearer = (Authorization => 'Bearer None');
my %x_auth = ('X-Auth' => undef);

sub tells {
	my ($got, $status, $what) = @_;
	return is($got->{status}, $status, $what) || diag($got->{text});
}

# The shape of a token that it can print: these are taken without a look.
sub printable {
	my ($item) = @_;

	my @missing = grep { !exists $item->{$_} }
		qw(id name created_at expires_at type);
	is("@missing", '', 'it has all that is printed');
}

# What any command does that needs a login first; gives the token it makes.
sub log_in {
	my ($host, @force) = @_;

	my $got = sends('POST', '/auth/login', {},
		$json->encode({ username => 'alice', password => 'none' }));
	tells($got, 200, 'login');
	my (undef, $claims) = split /\./, $got->{json}{token};
	is(length($claims) % 4, 0, 'its answer can be cut in parts');
	is_deeply($json->decode(MIME::Base64::decode_base64($claims)),
		{ realm_access => { roles => [] } }, 'and read');
	%bearer = (Authorization => "Bearer $got->{json}{token}");

	my $list = sends('GET', '/account/tokens', \%bearer);
	tells($list, 200, 'tokens after the login');
	my ($mine) = grep { $_->{name} eq "repo-cli-token-$host" }
		@{ $list->{json}{items} };
	if ($mine && !@force) {
		my $again = sends('PUT', "/account/tokens/$mine->{id}", \%bearer, '{}');
		tells($again, 200, 'its own token gets a new string');
		is($again->{json}{id}, $mine->{id}, 'and keeps its id');
		return $again->{json}{token};
	}
	if ($mine) {
		tells(sends('DELETE', "/account/tokens/$mine->{id}", \%bearer), 204,
			'its own token is removed');
	}
	my $scopes = sends('GET', '/account/scopes', \%bearer);
	tells($scopes, 200, 'scopes after the login');
	my $made = sends('POST', '/account/tokens', \%bearer, $json->encode({
		name => "repo-cli-token-$host", expires_at => date_in(30),
		scopes => $scopes->{json}{scopes} }));
	tells($made, 200, 'all that may be handed out can be asked for');
	return $made->{json}{token};
}

sub date_in { return strftime('%Y-%m-%d', localtime(time + 86400 * $_[0])) }

subtest 'auth --list-scopes' => sub {
	my $got = sends('GET', '/account/scopes', \%bearer);
	tells($got, 200, 'without a login');
	like($got->{sent}{Authorization}, qr/^Basic /, 'netrc goes before "None"');
	is(join(',', sort @{ $got->{json}{scopes} }),
		join(',', sort @content, qw(user.token:edit user.token:view)),
		'the scopes are those of the token');
};

subtest 'without a netrc' => sub {
	my $got = $client->ask({ method => 'GET', url => "$url/account/scopes",
		headers => \%bearer });
	tells($got, 401, 'it is told to sign in');
};

my $first;
subtest 'login' => sub {
	$first = log_in('host');
	ok($first, 'it has a token');
	my $second = log_in('host');
	isnt($second, $first, 'the next time another');
	is($t->get("/api/account", 'X-Auth', $first)->{status}, 401,
		'the one before is dead');
	my $third = log_in('host', '--force-scopes');
	is($t->get("/api/account", 'X-Auth', $third)->{status}, 200,
		'with --force-scopes, a new one');
	is($t->get("/api/account", 'X-Auth', $token)->{status}, 200,
		'that of netrc is as it was');
};

subtest 'auth --create, --list, --remove' => sub {
	my $made = sends('POST', '/account/tokens', \%bearer, $json->encode({
		name => 'conda_repo:host', expires_at => date_in(30),
		scopes => ['artifact:download', 'channel:view-artifacts'] }));
	tells($made, 200, 'created');
	ok($made->{json}{id} && $made->{json}{token}, 'with id and token');
	is($t->get("/api/repo/main/noarch/repodata.json", 'X-Auth',
		$made->{json}{token})->{status}, 200, 'which opens the channel');

	my $list = sends('GET', '/account/tokens', \%bearer);
	tells($list, 200, 'listed');
	my @items = @{ $list->{json}{items} };
	ok(grep({ $_->{id} eq $made->{json}{id} } @items), 'with the new one');
	printable($_) for @items;
	unlike($list->{text}, qr/psm-\w{42}/, 'and no token');

	tells(sends('DELETE', "/account/tokens/$made->{json}{id}", \%bearer), 204,
		'removed');
	is($t->get("/api/repo/main/noarch/repodata.json", 'X-Auth',
		$made->{json}{token})->{status}, 401, 'it opens nothing');
	$list = sends('GET', '/account/tokens', \%bearer);
	ok(!grep({ $_->{id} eq $made->{json}{id} } @{ $list->{json}{items} }),
		'and is not listed');
	tells(sends('DELETE',
		'/account/tokens/00000000-0000-4000-8000-000000000000', \%bearer),
		404, 'an unknown one');
};

subtest 'what it is told when it asks for too much' => sub {
	my $got = sends('POST', '/account/tokens', \%bearer, $json->encode({
		name => 'x', expires_at => date_in(30), scopes => ['cve:edit'] }));
	tells($got, 403, 'a scope that the maker has not');
	$got = sends('POST', '/account/tokens', \%bearer, $json->encode({
		name => 'x', expires_at => date_in(-1), scopes => ['cve:view'] }));
	tells($got, 400, 'a date that is over');
	like($got->{json}{message}, qr/expires_at/, 'is named');
};

subtest 'the first command line (2020)' => sub {
	my ($other, $id) = create('older client', '--scope', 'artifact:download');
	my $got = sends('PUT', "/account/tokens/$id", \%bearer);
	is($got->{sent}{'Content-Length'}, 0, 'no body at all');
	tells($got, 200, 'is a new string');
	ok($got->{json}{token}, 'which is told');
};

subtest 'whoami, auth --info' => sub {
	my $got = sends('GET', '/account', \%x_auth);
	tells($got, 200, 'whoami');
	is($got->{json}{username}, 'alice', 'the user');
	is(ref $got->{json}{roles}, 'ARRAY', 'roles are a list');
	ok(exists $got->{json}{$_}, "there is $_")
		for qw(user_id default_channel_name);

	$got = sends('GET', '/account/token-info', \%x_auth);
	tells($got, 200, '--info');
	like($got->{json}{expires_at}, qr/^\d{4}-\d\d-\d\dT.*Z\z/, 'its end');
	is($got->{json}{id}, $own, 'of the token of netrc');
};

subtest 'channel --list, --show, --lock, --soft-lock, --unlock' => sub {
	for my $case (['public', 200], ['authenticated', 401], ['private', 401]) {
		my ($privacy, $status) = @$case;
		my $got = sends('PUT', '/channels/main', \%x_auth,
			$json->encode({ privacy => $privacy }));
		ok(grep({ $got->{status} == $_ } 200, 204), "main is $privacy now")
			or diag($got->{text});
		is($t->get('/api/repo/main/noarch/repodata.json')->{status}, $status,
			'for people without a token');
		$got = sends('GET', '/channels/main', \%x_auth);
		is_deeply([@{ $got->{json} }{qw(name privacy)}], ['main', $privacy],
			'--show');
	}
	my $got = sends('PUT', '/channels/main/subchannels/dev', \%x_auth,
		'{"privacy":"public"}');
	ok(grep({ $got->{status} == $_ } 200, 204), 'a subchannel')
		or diag($got->{text});
	is($t->redis('GET', 'psm:c:main/dev'), '{"v":1,"privacy":"public"}',
		'is one of the gate, too');

	$got = sends('GET', '/account/channels', \%x_auth);
	tells($got, 200, '--list');
	my %privacy = map { $_->{name} => $_->{privacy} } @{ $got->{json}{items} };
	is($privacy{main}, 'private', 'has the channel');

	$got = sends('PUT', '/channels/main', \%x_auth,
		'{"indexing_behavior":"frozen"}');
	tells($got, 400, '--freeze is not ours');
	like($got->{text}, qr/indexing_behavior/, 'and named');
};

$client->stop;

# ------------------------------------------------------------ repocore ------

subtest 'anaconda channel (repocore)' => sub {
	my $repocore = PSM::Clients->start($t, api_venv('python'),
		"$FindBin::Bin/repocore_client.py", '127.0.0.1:' . $t->port(2),
		$certs->ca);
	my $call = sub {
		my ($with, $name, @args) = @_;
		my %named = ref $args[-1] ? %{ pop @args } : ();
		return $repocore->ask({ token => $with, call => $name,
			args => \@args, named => \%named });
	};
	my $got = $call->($token, 'account');
	is($got->{result}{username}, 'alice', 'account') or diag explain $got;

	for my $privacy (qw(public private private)) {
		$got = $call->($token, 'update_channel', 'main/dev',
			{ privacy => $privacy });
		is($got->{result}[1], undef, "main/dev is $privacy now")
			or diag explain $got;
		is($t->redis('GET', 'psm:c:main/dev'),
			qq({"v":1,"privacy":"$privacy"}), 'it is');
	}
	ok(!$got->{result}[0]{changed}, 'the last time nothing changed');

	$got = $call->($token, 'get_namespace_channel', 'main/dev');
	is($got->{result}[0]{privacy}, 'private', 'show') or diag explain $got;

	$got = $call->($token, 'list_my_channels');
	ok(grep({ $_->{name} =~ /main/ } @{ $got->{result}[0] }), 'list')
		or diag explain $got;

	$got = $call->($reader, 'update_channel', 'main', { privacy => 'public' });
	is($got->{error}, 'Unauthorized', 'a reader may not');
	like($got->{text}, qr/\w/, 'and is told so') or diag explain $got;
	$got = $call->($t->unknown_token, 'get_namespace_channel', 'main');
	is($got->{error}, 'Unauthenticated', 'nor an unknown token')
		or diag explain $got;
	$repocore->stop;
};

$t->finish;
