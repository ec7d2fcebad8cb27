#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm-token doctor --url: a channel looked at through real servers, sound ones
# and such as break clients.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use PSM::Certificates;
use PSM::Gate;
use PSM::Process qw(free_port slurp);
use PSM::Token qw(new_token);

my $t = PSM::Gate->new(name => 'doctor probe');
my $cli = $ENV{PSM_CLI} // "$PSM::Gate::REPO/build/psm-token";
my $package = 'demo-1!1.0+g1-0.conda';

$t->start_redis;
$t->file('main/noarch/repodata.json',
	qq({"packages.conda":{"$package":{"size":500}}}));
$t->file("main/noarch/$package", 'x' x 500);
$t->file('main/noarch/repodata.json.zst', 'z');
$t->file('main/linux-64/repodata.json', '{}');
$t->file('open/noarch/repodata.json', '{}');
my $token = $t->add_token(resources => { main => 'read' });
my $dead = $t->add_token(resources => { main => 'read' }, deleted => time);
my $certs = PSM::Certificates->new(dir => $t->dir . '/private/tls');

# The other servers have no gate, and each its fault.
my $gated = 'root %%ROOT%%; psm_token on;';
my $tls = 'ssl_certificate ' . $certs->cert('both') . '; '
	. 'ssl_certificate_key ' . $certs->key('both') . ';';
$t->write_conf(<<"EOC");
access_log off;
server {
	listen %%LISTEN%%;
	$gated
	psm_token_base /api/repo/ /;
	location /api/repo/ { alias %%ROOT%%/; }
}
server {
	listen 127.0.0.1:%%PORT2%% ssl;
	$tls
	$gated
	location ~ /repodata_shards { deny all; }
}
server {
	listen 127.0.0.1:%%PORT3%%;
	$gated
	etag off;
	location /api/repo/ { alias %%ROOT%%/; }
	location ~ \\.zst\$ { proxy_pass http://127.0.0.1:1; }
	location ~ \\.conda\$ { return 404; }
}
server {
	listen 127.0.0.1:%%PORT4%%;
	error_log /dev/null;
	rewrite ^/t/[^/]+/(.*) /\$1;
	root %%ROOT%%;
	location = /main/rss.xml { return 302 http://elsewhere.example\$request_uri; }
	location = /main/channeldata.json { return 302 \$request_uri/; }
}
EOC
$t->start_nginx;

# Words, what stands on standard input; gives code, out, err.
sub doctor {
	my ($words, $stdin) = @_;

	my $in = $t->private_file('stdin', $stdin // "$token\n");
	my ($out, $err) = map { $t->dir . "/private/$_" } qw(out err);
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', $in or POSIX::_exit(126);
		open STDOUT, '>', $out or POSIX::_exit(126);
		open STDERR, '>', $err or POSIX::_exit(126);
		exec { $cli } $cli, 'doctor', @$words or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	my $got = { code => $? & 127 ? "signal $?" : $? >> 8,
		out => slurp($out), err => slurp($err) };
	ok(index("$got->{out}$got->{err}", substr $token, 4, 12) < 0,
		'no token in what it says');
	return $got;
}

# By check: result, says.
sub findings {
	my ($words, $stdin) = @_;

	my $got = doctor(['--json', @$words], $stdin);
	$got->{json} = eval { JSON::PP->new->utf8->decode($got->{out}) };
	is($@, '', 'JSON') or diag($got->{out}, $got->{err});
	$got->{by} = { map { $_->{check} => $_ } @{ $got->{json}{items} } };
	return $got;
}

sub finds {
	my ($got, $check, $result, $says) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $row = $got->{by}{$check};
	is($row->{result}, $result, "$check: $result") or diag(explain($row));
	like($row->{says} // '', $says, "$check: says so") if $says;
}

my $url = 'http://127.0.0.1:' . $t->port;

subtest 'a sound channel' => sub {
	my $got = findings(['--url', "$url/api/repo/main", '--base', '/api/repo']);
	is($got->{code}, 0, 'exit 0');
	is($got->{json}{result}, 'ok', 'all is well');
	is(scalar(grep { $_->{result} !~ /^(?:ok|note)\z/ }
		@{ $got->{json}{items} }), 0, 'no problem');
	finds($got, 'noarch/repodata.json', 'ok', qr/^200 with the token/);
	finds($got, 'noarch/repodata.json.zst', 'ok', qr/^there/);
	finds($got, $_, 'ok', qr/^not there, which is fine/)
		for qw(noarch/repodata_shards.msgpack.zst noarch/repodata.json.bz2
			noarch/current_repodata.json noarch/run_exports.json
			channeldata.json notices.json);
	finds($got, 'HEAD of the index', 'ok');
	finds($got, 'If-None-Match', 'ok', qr/^304/);
	finds($got, "a package, $package", 'ok', qr/^206/);
	finds($got, $_, 'ok', qr/^taken/) for 'path, behind the base',
		'Authorization: Bearer', 'Authorization: token',
		'Authorization: Basic, password', 'Authorization: Basic, user',
		'X-Auth', 'X-API-Key';
	finds($got, $_, 'ok', qr/^401, not to be cached/) for 'no token',
		'a token that nobody has', 'a masked token';
	finds($got, 'the token in answers', 'ok');
	finds($got, $_, 'ok', qr{reads noarch/repodata.json.zst})
		for qw(conda mamba pixi);
	finds($got, 'pip', 'ok', qr{no simple/});
	finds($got, 'encryption', 'note', qr/everybody on the way/);

	my $text = doctor(['--url', "$url/main"]);
	is($text->{code}, 0, 'the same for people');
	like($text->{out}, qr/^clients\nok +conda +reads noarch/m, 'a table');
	unlike($text->{out}, qr/behind the base/, 'there is no base');

	$t->set_channel('open', 'public');
	finds(findings(['--url', "$url/open"]), 'no token', 'note', qr/public/);
	$got = findings(['--url', "$url/main", '--platform', 'osx-arm64']);
	finds($got, 'conda', 'ok', qr/takes osx-arm64 for empty/);
};

subtest 'TLS' => sub {
	my $at = 'https://127.0.0.1:' . $t->port(2) . '/main';
	my $got = findings(['--url', $at]);
	is($got->{code}, 2, 'a CA that is not known: exit 2');
	finds($got, 'noarch/repodata.json', 'unknown', qr/no answer: .*certificate/);
	$got = findings(['--url', $at, '--ca', $certs->ca]);
	is($got->{code}, 1, 'with its CA it goes on');
	ok(!$got->{by}{encryption}, 'and is encrypted');

	# There, an absent file is refused.
	finds($got, 'noarch/repodata_shards.msgpack.zst', 'problem',
		qr/403.*refused though.*must be 404/);
	finds($got, 'pixi', 'problem', qr/stops.*403 for noarch.*shards/);
	finds($got, 'conda', 'ok');
	finds($got, 'mamba', 'ok');
};

subtest 'what breaks clients' => sub {
	my $at = 'http://127.0.0.1:' . $t->port(3) . '/api/repo/main';
	my $got = findings(['--url', $at, '--base', '/api/repo']);
	finds($got, 'noarch/repodata.json', 'problem',
		qr/^403 channel_not_granted.*no client can use/);
	is($got->{code}, 1, 'the base is not known to the gate');

	$got = findings(['--url', 'http://127.0.0.1:' . $t->port(3) . '/main']);
	is($got->{code}, 1, 'exit 1');
	finds($got, 'noarch/repodata.json.zst', 'problem', qr/^502/);
	finds($got, 'If-None-Match', 'note', qr/no ETag/);
	finds($got, "a package, $package", 'problem', qr/its packages not/);
	finds($got, 'conda', 'problem', qr/stops.*502 for noarch.*json.zst/);
	finds($got, 'mamba', 'ok', qr{reads noarch/repodata.json;});
};

subtest 'a server without the gate' => sub {
	my $got = findings(['--url', 'http://127.0.0.1:' . $t->port(4) . '/main']);
	is($got->{code}, 1, 'exit 1');
	finds($got, 'a token that nobody has', 'problem', qr/200: must be 401/);
	finds($got, 'no token', 'note', qr/public/);
	finds($got, 'channeldata.json', 'note', qr/a redirect/);
	finds($got, 'the token in answers', 'problem', qr/^shown by rss\.xml\z/);
};

subtest 'what cannot be looked at' => sub {
	my $got = findings(['--url', "$url/main"], "$dead\n");
	is($got->{code}, 1, 'a dead token: exit 1');
	finds($got, 'noarch/repodata.json', 'problem', qr/^401 token_disabled \(.+\)/);
	is(scalar @{ $got->{json}{items} }, 2, 'and it is asked about once');

	$got = findings(['--url', 'http://127.0.0.1:' . free_port() . '/main']);
	is($got->{code}, 2, 'nobody listens: exit 2');
	finds($got, 'noarch/repodata.json', 'unknown', qr/^no answer: .*connect/);

	for my $case (
		['a token in the URL', ['--url', "$url/t/" . ('f' x 32) . '/main'],
			undef, qr/--url holds t\/ and perhaps a token/],
		['no channel', ['--url', $url], undef, qr/is not a channel path/],
		['another base', ['--url', "$url/main", '--base', '/x'], undef,
			qr/behind --base/],
		['no URL', ['--url', 'main'], undef, qr/no address of a server/],
		['no token', ['--url', "$url/main"], '', qr/the form of one/],
		['half a token', ['--url', "$url/main"], substr($token, 0, 40) . "\n",
			qr/the form of one/],
	) {
		my ($name, $words, $stdin, $says) = @$case;
		$got = doctor($words, $stdin);
		is($got->{code}, 2, "$name: exit 2");
		like($got->{err}, $says, "$name: says so");
	}
};

$t->finish;
