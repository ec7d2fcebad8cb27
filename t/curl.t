#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# curl over HTTP/1.1 and over HTTP/2 without TLS: whole, partial, resumed and
# conditional downloads, and that a denial is never a 206, 304 or 416.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/clients";

use JSON::PP;
use Test::More;

use PSM::Clients qw(make_channels site_conf base_url run log_mark
	requests_since);
use PSM::Gate;
use PSM::Process qw(slurp);

my $t = PSM::Gate->new(name => 'curl');
$t->start_redis;
$t->write_conf(site_conf());
$t->start_nginx;
make_channels($t);

my $index = 'private/noarch/repodata.json';
my $large = 'private/linux-64/large.bin';
my $size = 300_000;
$t->file($large, pack 'N*', map { $_ * 2654435761 % 2**32 } 1 .. $size / 4);

my $token = $t->add_token(resources => { private => 'read' });
my $revoked = $t->add_token(resources => { private => 'read' });
my $other = $t->add_token(resources => { authenticated => 'read' });
$t->revoke($revoked);

sub on_disk { return slurp($t->dir . "/html/$_[0]") }

# One request: the options are lines of a curl configuration. Gives status,
# version, header (by name), body, exit.
sub curl {
	my ($version, $path, @options) = @_;

	my $url = base_url($t, $version eq '2' ? 2 : 1) . $path;
	my $protocol = $version eq '2' ? 'http2-prior-knowledge' : 'http1.1';
	my $config = join "\n", $protocol, qw(silent show-error path-as-is globoff),
		'noproxy = "*"', 'max-time = 20', 'output = body',
		'dump-header = headers', 'write-out = "%{http_code} %{http_version}"',
		qq{url = "$url"}, @options, '';
	my $files = ref $options[-1] ? pop @options : {};
	my $got = run($t, ['curl', '-q', '-K', '-'], stdin => $config,
		files => $files);
	@$got{qw(status version)} = split / /, $got->{out};
	$got->{body} = slurp("$got->{home}/body");
	my $head = slurp("$got->{home}/headers");
	my @lines = map { [split /: ?/, $_, 2] } grep { /:/ } split /\r\n/, $head;
	$got->{header} = { map { (lc $_->[0] => $_->[1]) } @lines };
	push @{ $t->{answers} }, { headers => \@lines, body => $got->{body},
		reason => $head =~ /^(.*)/ };
	return $got;
}

# Each way a token can be given to curl: [path prefix, option...].
sub ways {
	my ($secret) = @_;

	return (
		'in the path' => ["/t/$secret"],
		'as Bearer' => ['', qq{oauth2-bearer = "$secret"}],
		'as token' => ['', qq{header = "Authorization: token $secret"}],
		'as Basic password' => ['', qq{user = "any:$secret"}],
		'as Basic user' => ['', qq{user = "$secret:"}],
		'as Basic user of pip' => ['', qq{user = "$secret:x-auth-token"}],
		'as X-Auth' => ['', qq{header = "X-Auth: $secret"}],
		'as X-API-Key' => ['', qq{header = "X-API-Key: $secret"}],
	);
}

# ----------------------------------------------------------------- granted --

for my $version ('1.1', '2') {
	my $get = sub { curl($version, "/t/$token/" . shift, @_) };

	subtest "HTTP/$version: a token in every place" => sub {
		my %ways = ways($token);
		for my $name (sort keys %ways) {
			my ($prefix, @options) = @{ $ways{$name} };
			my $got = curl($version, "$prefix/$index", @options);
			is("$got->{status} $got->{version}", "200 $version", $name);
			is($got->{body}, on_disk($index), "$name: the file");
			is($got->{header}{'cache-control'}, 'private',
				"$name: no shared cache may keep it");
			is($got->{header}{vary}, 'Authorization, X-Auth, X-API-Key',
				"$name: nor mix it up");
		}
		my $got = curl($version, '/public/noarch/repodata.json');
		is($got->{status}, 200, 'public: no token');
		ok(!exists $got->{header}{$_}, "public: no $_")
			for qw(cache-control vary);
	};

	subtest "HTTP/$version: HEAD" => sub {
		my ($whole, $head) = ($get->($large), $get->($large, 'head'));
		is($head->{status}, 200, 'HEAD decides as GET');
		is($head->{header}{'content-length'}, $size, 'the length');
		is($head->{header}{$_}, $whole->{header}{$_}, "the same $_")
			for qw(etag last-modified accept-ranges content-type vary
				cache-control);
		is($head->{exit}, 0, 'and no body');
		is($get->('private/noarch/absent.json', 'head')->{status}, 404,
			'absent: 404');
	};

	subtest "HTTP/$version: parts" => sub {
		my $content = on_disk($large);
		my @parts = (
			['0-99', 0, 100], ['100-100', 100, 1],
			['-1000', $size - 1000, 1000], [$size - 10 . '-', $size - 10, 10],
		);
		for my $part (@parts) {
			my ($range, $from, $length) = @$part;
			my $got = $get->($large, qq{range = "$range"});
			is($got->{status}, 206, "bytes=$range");
			is($got->{header}{'content-range'},
				sprintf('bytes %d-%d/%d', $from, $from + $length - 1, $size),
				"bytes=$range: what it is");
			ok($got->{body} eq substr($content, $from, $length),
				"bytes=$range: the bytes");
		}
		my $got = $get->($large, 'range = "0-9,20-29"');
		is($got->{status}, 206, 'two parts at once');
		$got = $get->($large, qq{range = "$size-"});
		is($got->{status}, 416, 'behind the end');
		is($got->{header}{'content-range'}, "bytes */$size", 'says the size');
	};

	subtest "HTTP/$version: a download that is resumed" => sub {
		my $content = on_disk($large);
		for my $have (1, 123_456, $size - 1) {
			my $got = $get->($large, 'continue-at = "-"',
				{ body => substr $content, 0, $have });
			is($got->{status}, 206, "from byte $have");
			ok($got->{body} eq $content, "from byte $have: whole again");
		}
		is($get->($large, 'continue-at = "-"', { body => $content })->{status},
			416, 'nothing is left to do');
	};

	subtest "HTTP/$version: conditional" => sub {
		my $header = $get->($index)->{header};
		my %not_modified = (
			'If-None-Match' => qq{header = "If-None-Match: }
				. ($header->{etag} =~ s/"/\\"/gr) . '"',
			'If-None-Match: *' => 'header = "If-None-Match: *"',
			'If-Modified-Since' =>
				qq{header = "If-Modified-Since: $header->{'last-modified'}"},
		);
		for my $name (sort keys %not_modified) {
			my $got = $get->($index, $not_modified{$name});
			is($got->{status}, 304, $name);
			is($got->{body}, '', "$name: no body");
			is($got->{header}{etag}, $header->{etag}, "$name: the same tag");
			is($get->($index, $not_modified{$name}, 'head')->{status}, 304,
				"$name, HEAD");
		}
		is($get->($index, 'header = "If-None-Match: \"0-0\""')->{status}, 200,
			'another tag');
		is($get->($index,
			'header = "If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT"')
			->{status}, 200, 'an older time');
	};

	subtest "HTTP/$version: methods" => sub {
		my $to = "/t/$token/private/noarch/new-1-0.conda";
		for my $method (qw(POST PUT PATCH DELETE)) {
			my $got = curl($version, $to, qq{request = "$method"});
			is($got->{status}, 403, "$method with a read token");
			is(eval { decode_json($got->{body})->{code} }, 'level_too_low',
				"$method: why");
		}
		for my $method (qw(OPTIONS MKCOL FROBNICATE)) {
			my $got = curl($version, $to, qq{request = "$method"});
			is($got->{status}, 403, $method);
			is(eval { decode_json($got->{body})->{code} }, 'action_unknown',
				"$method: why");
		}
	};
}

# curl 7.88 cannot use one connection of HTTP/2 without TLS twice: nghttp does.
subtest 'fifty at once' => sub {
	my $from = log_mark($t);
	my $url = base_url($t);
	my $more = join "\n", map {
		qq{url = "$url/t/$token/$large"\noutput = "part-$_"}
	} 1 .. 50;
	my $got = curl('1.1', "/t/$token/$index", 'parallel', 'parallel-max = 50',
		$more);
	is((grep { slurp("$got->{home}/part-$_") eq on_disk($large) } 1 .. 50),
		50, 'HTTP/1.1: all whole');
	$got = run($t, ['nghttp', '--null-out', '--stat', '--multiply=50',
		base_url($t, 2) . "/t/$token/$large"]);
	is(scalar(() = $got->{out} =~ / 200 +292K /g), 50, 'HTTP/2: all whole')
		or diag($got->{out}, $got->{err});
	my %seen;
	$seen{"$_->{version} $_->{status}"}++ for requests_since($t, $from);
	is_deeply(\%seen, { 'HTTP/1.1 200' => 51, 'HTTP/2.0 200' => 50 },
		'all granted');
};

# ------------------------------------------------------------------ denied --

# What an answer to one who has no right must look like, whatever he asks for.
sub is_denied {
	my ($got, $status, $code, $name, $is_head) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $header = $got->{header};
	is($got->{status}, $status, "$name: $status");
	is($header->{'content-type'}, 'application/problem+json', "$name: type");
	is($header->{'cache-control'}, 'no-store', "$name: not to be kept");
	my @challenge = grep { defined } $header->{'www-authenticate'};
	my $wanted = 'Bearer realm="psm"'
		. ($code eq 'token_missing' ? '' : ', error="invalid_token"');
	is_deeply(\@challenge, $status == 401 ? [$wanted] : [],
		"$name: challenge");
	ok(!exists $header->{$_}, "$name: no $_")
		for qw(etag last-modified content-range);
	cmp_ok($header->{'content-length'}, '<', 1024, "$name: short");
	is(eval { decode_json($got->{body})->{code} }, $code, "$name: $code")
		if !$is_head;
}

my $known = curl('1.1', "/t/$token/$index")->{header};
my $tag = $known->{etag} =~ s/"/\\"/gr;
my %asked = (
	plain => [], HEAD => ['head'], 'a range' => ['range = "0-9"'],
	'a suffix range' => ['range = "-9"'],
	'an impossible range' => ['range = "99999999-"'],
	'If-None-Match' => [qq{header = "If-None-Match: $tag"}],
	'If-None-Match: *' => ['header = "If-None-Match: *"'],
	'If-Modified-Since' =>
		[qq{header = "If-Modified-Since: $known->{'last-modified'}"}],
	'HEAD, If-None-Match' => ['head', qq{header = "If-None-Match: $tag"}],
	'If-Match' => ['header = "If-Match: \"none\""'],
);
my %who = (
	nobody => ['', 401, 'token_missing'],
	'a revoked token' => ["/t/$revoked", 401, 'token_disabled'],
	'a token nobody issued' => ['/t/' . $t->unknown_token, 401,
		'token_unknown'],
	'another token' => ["/t/$other", 403, 'channel_not_granted'],
);
for my $version ('1.1', '2') {
	subtest "HTTP/$version: refused" => sub {
		for my $who (sort keys %who) {
			my ($prefix, $status, $code) = @{ $who{$who} };
			for my $asked (sort keys %asked) {
				my $got = curl($version, "$prefix/$index", @{ $asked{$asked} });
				is_denied($got, $status, $code, "$who, $asked",
					$asked =~ /HEAD/);
			}
		}
	};

	subtest "HTTP/$version: refused in every place" => sub {
		my %ways = ways($revoked);
		for my $name (sort keys %ways) {
			my ($prefix, @options) = @{ $ways{$name} };
			is_denied(curl($version, "$prefix/$index", @options), 401,
				'token_disabled', $name);
		}
		%ways = ways($other);
		for my $name (sort keys %ways) {
			my ($prefix, @options) = @{ $ways{$name} };
			is_denied(curl($version, "$prefix/$index", @options), 403,
				'channel_not_granted', $name);
		}
	};

	# All that may differ is the number of the request.
	subtest "HTTP/$version: what exists does not show" => sub {
		my $seen = sub {
			my $got = curl($version, $_[0]);
			delete $got->{header}{date};
			my %header = %{ $got->{header} };
			return [$got->{status}, \%header, $got->{body}
				=~ s/[0-9a-f]{32}/ID/gr];
		};
		for my $prefix ('', "/t/$other") {
			my $there = $seen->("$prefix/$index");
			is_deeply($seen->("$prefix/absent/noarch/repodata.json"), $there,
				'an absent channel');
			is_deeply($seen->("$prefix/private/noarch/absent.conda"), $there,
				'an absent file');
			is_deeply($seen->("$prefix/private/dev/noarch/repodata.json"),
				$there, 'a subchannel');
		}
	};
}

$t->finish;
