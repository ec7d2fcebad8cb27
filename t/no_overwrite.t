#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# conf/psm_no_overwrite.conf with nginx's own PUT: a write token adds files
# and cannot change what is there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use PSM::Process qw(slurp);
use Test::More;

my $t = PSM::Gate->new(name => 'no overwrite');
$t->start_redis;
$t->write_conf(<<'EOC');
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	dav_methods PUT DELETE;
	create_full_put_path on;
	client_body_temp_path %%DIR%%/tmp/put;
	psm_token on;
	psm_token_base / /api/repo/;
	add_header X-Status $psm_token_status always;

	location / {
		include %%REPO%%/conf/psm_no_overwrite.conf;
	}
	location /api/repo/ {
		alias %%ROOT%%/;
		include %%REPO%%/conf/psm_no_overwrite.conf;
	}
}
EOC
$t->start_nginx;

my %token = map { $_ => $t->add_token(resources => { main => $_ }) }
	qw(read write manage);
$token{"scope $_"} = $t->add_token(scopes => [split /\+/]) for qw(
	artifact:create artifact:edit artifact:create+artifact:edit
	artifact:delete channel:history channel:edit
);
$token{other} = $t->add_token(resources => { other => 'manage' });

# A 201 tells where the new file is: with the token, as it was asked for.
$t->allow_leak('response header location');

my $number = 0;

# A new name for each case, so that none depends on another.
sub new_path { return 'main/noarch/pkg-' . ++$number . '.conda' }

sub on_disk { return slurp($t->dir . "/html/$_[0]") }

# Where a token may stand in a request for a path: name, URI, headers.
sub carried {
	my ($token, $path) = @_;
	return (
		['in the path', "/t/$token/$path"],
		['in a header', "/$path", 'X-Auth', $token],
		['in the path, by alias', "/api/repo/t/$token/$path"],
	);
}

sub put {
	my ($uri, $body, @headers) = @_;

	my $r = $t->http('PUT', $uri, body => $body, headers => \@headers);
	my $location = ($t->header($r, 'Location') // '') =~ s{^http://[^/]+}{}r;
	my $answer = "$r->{status} " . ($t->header($r, 'X-Status') // '');
	return wantarray ? ($answer, $location) : $answer;
}

# who => [answer to a PUT of a new file, answer to one onto a file]
my @cases = (
	[read => '403 level_too_low', '403 level_too_low'],
	[write => '201 granted', '403 level_too_low'],
	[manage => '201 granted', '204 granted'],
	[other => '403 channel_not_granted', '403 channel_not_granted'],
	['scope artifact:create', '201 granted', '403 scope_missing'],
	['scope artifact:create+artifact:edit', '201 granted', '204 granted'],
	['scope artifact:edit', '403 scope_missing', '204 granted'],
	['scope artifact:delete', '403 scope_missing', '403 scope_missing'],
	['scope channel:history', '403 scope_missing', '403 scope_missing'],
	['scope channel:edit', '403 scope_missing', '403 scope_missing'],
);

for my $case (@cases) {
	my ($who, $new, $onto) = @$case;
	for my $n (0 .. 2) {
		my $path = new_path();
		my ($where, $uri, @headers) = @{ (carried($token{$who}, $path))[$n] };
		my ($answer, $location) = put($uri, 'first', @headers);
		is($answer, $new, "$who, $where: a new file");
		is($location, $new =~ /^201/ ? $uri : '', 'Location: as asked');
		is(on_disk($path), $new =~ /^201/ ? 'first' : '',
			"$who, $where: which is then there, or not");

		my $name = new_path();
		($where, $uri, @headers) = @{ (carried($token{$who}, $name))[$n] };
		$t->file($name, 'published');
		is(scalar put($uri, 'replaced', @headers), $onto, "$who, $where: onto a file");
		is(on_disk($name), $onto =~ /^204/ ? 'replaced' : 'published',
			"$who, $where: which has then changed, or not");
	}
}

# The same token, the same name: the second time it is there.
my $path = new_path();
my $file = $path =~ s{.*/}{}r;
is(scalar put("/t/$token{write}/$path", 'one'), '201 granted', 'write publishes');
is(scalar put("/t/$token{write}/$path", 'two'), '403 level_too_low', 'but once');
is(scalar put("/t/$token{write}/api/repo/$path", 'two'), '403 level_too_low',
	'also by another way to the same file');
is(scalar put("/t/$token{write}/main/noarch/x/../$file", 'two'),
	'403 level_too_low', 'and by a path that nginx has to straighten');
is(scalar put("/t/$token{write}/main/%6eoarch/$file", 'two'),
	'403 level_too_low', 'or to decode');
is(on_disk($path), 'one', 'it is still the first');

$path = new_path();
$t->file($path, 'published');
is(scalar put("/$path", 'replaced'), '401 token_missing', 'no token: 401');
is(scalar put("/$path.new", 'x'), '401 token_missing', 'for a new file, too');
is(on_disk($path), 'published', 'nothing has changed');
ok(!-e $t->dir . "/html/$path.new", 'and nothing was added');

# A public channel is public to read.
$t->set_channel(pub => 'public');
$t->file('pub/noarch/x.conda', 'published');
is($t->get('/pub/noarch/x.conda')->{status}, 200, 'a public channel is read');
is(scalar put('/pub/noarch/x.conda', 'replaced'), '401 token_missing',
	'and not written');

# Everything else is as without the include.
for my $who (qw(read write manage), 'scope artifact:create') {
	my $may = $who !~ /^scope/;
	for my $method (qw(GET HEAD)) {
		my $r = $t->http($method, "/t/$token{$who}/$path");
		is($r->{status}, $may ? 200 : 403, "$method with $who");
		is($r->{body}, 'published', 'gives the file')
			if $may && $method eq 'GET';
	}
}
my $r = $t->get("/t/$token{read}/main/noarch/absent.conda");
is($r->{status}, 404, 'GET of what is not there: 404');
$r = $t->get('/t/' . $token{read} . '/main/noarch/');
is($t->header($r, 'X-Status'), 'granted', 'a directory is asked for as ever');

for my $case ([read => 403], [write => 403], [manage => 204]) {
	my ($who, $status) = @$case;
	$r = $t->http('DELETE', "/t/$token{$who}/$path");
	is($r->{status}, $status, "DELETE with $who");
}
ok(!-e $t->dir . "/html/$path", 'the last one deleted it');
is(scalar put("/t/$token{write}/$path", 'again'), '201 granted',
	'what was deleted can be published anew');

$t->finish;
