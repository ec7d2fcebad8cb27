#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The gate among nginx's phases: other access modules, internal redirects,
# subrequests (design.md sections 3 and 4; what is a documented limit of nginx
# is marked so).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Check qw(answer_is lookups_are);
use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'phases');
$t->start_redis;
# The upstream sends nginx on to what the query says.
my $upstream = $t->start_upstream(handler => sub {
	my ($request) = @_;
	my ($to) = $request->{uri} =~ /[?&]to=([^&]*)/ or return;
	return [200, ['X-Accel-Redirect' => $to], ''];
});
$t->file("$_/noarch/repodata.json", "$_\n")
	for qw(main other any_allow any_deny all_allow all_deny any_basic);
$t->file('main/noarch/index.html', "index\n");
$t->file('main/noarch/fallback', "main's fallback\n");
$t->file('other/main/tried/noarch/x', "other's\n");
$t->file('login.html', "log in\n");
$t->file('inside/noarch/x', "inside\n");
$t->file('main/noarch/ssi.html', '[<!--# include virtual="/other/noarch/'
	. 'repodata.json" --><!--# echo var="psm_token_status" -->]');
$t->private_file('users', "someone:{PLAIN}secret\n"
	. "psm-administrator:{PLAIN}secret\n");
$t->write_conf(<<'EOC');
limit_req_zone $psm_token_id zone=by_token:64k rate=1r/m;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Status $psm_token_status always;
	set $seen "$request_uri $uri $request";

	location /any_allow/ { satisfy any; allow all; }
	location /any_deny/ { satisfy any; deny all; }
	location /all_allow/ { satisfy all; allow all; }
	location /all_deny/ { satisfy all; deny all; }
	location /any_basic/ {
		satisfy any;
		auth_basic "other";
		auth_basic_user_file %%DIR%%/private/users;
	}

	location /main/try/ { try_files $uri /main/noarch/fallback; }
	location /main/try_other/ { try_files $uri /other/noarch/repodata.json; }
	location /main/tried/ { try_files /other$uri =404; }
	location /from_off/ { psm_token off; try_files $uri /main/noarch/fallback; }
	location /main/named/ { try_files $uri @off; }
	location /main/page/ { error_page 404 /main/noarch/fallback; }
	location /main/page_other/ { error_page 404 = /other/noarch/repodata.json; }
	location /main/accel/ { proxy_pass http://%%UPSTREAM%%; }
	location /inside/ { internal; psm_token off; }
	location /inside_gated/ { internal; }
	location /main/last/ { rewrite ^/main/last/(.*)$ /other/$1 last; }
	location /main/break/ { rewrite ^/main/break/(.*)$ /other/$1 break; }
	location /main/return/ { return 200 "returned $uri"; }
	location /main/seen/ { add_header X-Seen $seen always; alias %%ROOT%%/main/; }
	location /main/if/ {
		if ($arg_x) { add_header X-If yes always; }
		alias %%ROOT%%/main/;
	}
	location /main/except/ {
		limit_except GET { allow all; }
		alias %%ROOT%%/main/;
	}
	location /main/ssi/ { ssi on; ssi_types *; alias %%ROOT%%/main/; }
	location /main/nested/ {
		alias %%ROOT%%/main/;
		location /main/nested/open/ { psm_token off; return 200 "open"; }
	}

	location /d403_on/ { error_page 403 401 = @on; }
	location @on { add_header X-Named on always; root %%ROOT%%/inside; }
	location /d403_off/ { error_page 403 401 = @off; }
	location @off { psm_token off; return 200 "off $uri"; }
	location /login/ { error_page 401 /login.html; }
	location /login_200/ { error_page 401 =200 /login.html; }
	location = /login.html { psm_token off; }
	location /loop/ { error_page 401 /loop/login.html; }
	location /loops/ {
		recursive_error_pages on;
		error_page 401 /loops/login.html;
	}

	location /main/ask/ {
		auth_request /ask;
		alias %%ROOT%%/main/;
	}
	location /main/ask_gated/ {
		auth_request /ask_gated;
		alias %%ROOT%%/main/;
	}
	location = /ask { psm_token off; include %%DIR%%/private/tell.conf; }
	location = /ask_gated { include %%DIR%%/private/tell.conf; }
	location /main/mirror/ {
		mirror /mirror;
		alias %%ROOT%%/main/;
	}
	location = /mirror { include %%DIR%%/private/tell.conf; }
	location /main/limit/ {
		limit_req zone=by_token;
		limit_req_status 429;
		alias %%ROOT%%/main/;
	}
}
EOC
my $address = $upstream->address;
$t->private_file('tell.conf', <<"EOC");
	internal;
	proxy_pass http://$address;
	proxy_set_header X-Original-URI \$request_uri;
	proxy_set_header X-Request \$request;
	proxy_set_header X-Auth-Copy \$http_authorization;
	proxy_set_header X-Status \$psm_token_status;
	proxy_pass_request_body off;
	proxy_set_header Content-Length "";
EOC
$t->start_nginx;

my @all = qw(main any_allow any_deny all_allow all_deny any_basic);
sub token { return $t->add_token(resources => { map { $_ => 'read' } @all }) }
my ($T, $U) = (token(), $t->unknown_token);
my $N = $t->add_token(resources => { nothing => 'read' });

# ------------------------------------------------- 1. other access modules

# good, unknown, none, without the right
my %satisfy = (
	all_allow => [[200], [401, 'token_unknown'], [401, 'token_missing'],
		[403, 'channel_not_granted']],
	all_deny => [([403]) x 4],
	any_allow => [([200]) x 4],
	any_deny => [[200], [401, 'token_unknown'], [401, 'token_missing'],
		[403, 'channel_not_granted']],
	any_basic => [[200], [401, 'token_unknown'], [401, 'token_missing'],
		[401]],
);
my @before = ("/t/$T", "/t/$U", '', "/t/$N");
my @who = ('a good token', 'an unknown one', 'none', 'one without the right');
for my $kind (sort keys %satisfy) {
	for my $i (0 .. 3) {
		my $r = $t->get("$before[$i]/$kind/noarch/repodata.json");
		answer_is($r, @{ $satisfy{$kind}[$i] }[0, 1], "$kind: $who[$i]");
		is($r->{body}, "$kind\n", '  the file') if $r->{status} == 200;
		my @challenges = grep { lc $_->[0] eq 'www-authenticate' }
			@{ $r->{headers} };
		is(!!@challenges, $r->{status} == 401, '  a challenge on 401 only');
	}
}
my $r;
for my $user ('psm-administrator', 'someone') {
	$r = $t->get('/any_basic/noarch/repodata.json', Authorization => 'Basic '
		. encode_base64("$user:secret", ''));
	is($r->{body}, "any_basic\n", "any_basic: a good password of $user");
}
is($t->header($r, 'Cache-Control'), undef, '  nothing of ours on the answer');
$r = $t->get('/any_basic/noarch/absent', Authorization => 'Basic '
	. encode_base64('someone:secret', ''));
answer_is($r, 404, undef, '  a missing file is a plain 404');

# ----------------------------------------------------- 2. internal redirects

# path, status, code or body; a token that has never been seen: one look-up
my @redirects = (
	['try_files: its own channel', '/main/try/noarch/x', 200,
		"main's fallback\n"],
	['try_files: another channel', '/main/try_other/noarch/x', 403,
		'channel_not_granted'],
	['try_files: a named location', '/main/named/noarch/x', 200,
		'off /main/named/noarch/x'],
	['try_files: from where the gate is off', '/from_off/x', 200,
		"main's fallback\n"],
	['error_page: its own channel', '/main/page/noarch/x', 404,
		"main's fallback\n"],
	['error_page: another channel', '/main/page_other/noarch/x', 403,
		'channel_not_granted'],
	['index', '/main/noarch/', 200, "index\n"],
	['accel: inside', '/main/accel/noarch/x?to=/inside/noarch/x', 200,
		"inside\n"],
	['accel: its own channel', '/main/accel/x?to=/main/noarch/fallback', 200,
		"main's fallback\n"],
	['accel: another channel', '/main/accel/x?to=/other/noarch/repodata.json',
		403, 'channel_not_granted'],
	['accel: inside, gated', '/main/accel/x?to=/inside_gated/noarch/x', 403,
		'channel_not_granted'],
	['accel: no token is read there',
		'/main/accel/x?to=/t/word/main/noarch/repodata.json', 403,
		'action_unknown'],
	['rewrite last: judged as rewritten', '/main/last/noarch/repodata.json',
		403, 'channel_not_granted'],
	['rewrite break: judged as rewritten', '/main/break/noarch/repodata.json',
		403, 'channel_not_granted'],
	# limits of nginx: what serves behind the access phase, or before it
	['try_files: what it serves itself is not judged', '/main/tried/noarch/x',
		200, "other's\n"],
	['return', '/main/return/x', 200, 'returned /main/return/x'],
	['ssi', '/main/ssi/noarch/ssi.html', 200, "[other\ngranted]"],
);
for (@redirects) {
	my ($name, $path, $status, $what) = @$_;
	my $token = token();
	my $n = $name eq 'return' ? 0 : 1;
	lookups_are($t, $n, sub {
		my $got = $t->get("/t/$token$path");
		if ($status == 403) {
			answer_is($got, $status, $what, $name);
		} else {
			is("$got->{status} $got->{body}", "$status $what", $name);
		}
	}, '  as many look-ups as tokens', 'psm:t:');
}
my %inside;
for my $path ('/inside/noarch/x', '/inside_gated/noarch/x', '/ask') {
	$inside{ $t->get("$_$path")->{raw} =~ s/^Date.*\n//mr } = $path
		for '', "/t/$T", "/t/$U";
}
is(keys %inside, 1, 'an internal location is the same to everyone');
like((keys %inside)[0], qr/^HTTP\S+ 404/, '  not found');

# ------------------------------------------------------ 3. pages for denials

for ('', "/t/$U") {
	my $code = $_ ? 'token_unknown' : 'token_missing';
	my $name = $_ ? 'an unknown token' : 'no token';
	answer_is($r = $t->get("$_/d403_on/noarch/x"), 401, $code,
		"$name: a named location is judged again");
	is($t->header($r, 'X-Named'), 'on', '  it was entered');
	$r = $t->get("$_/d403_off/noarch/x");
	is("$r->{status} $r->{body}", '200 off /d403_off/noarch/x',
		"$name: an open named location answers");
	is($t->header($r, 'WWW-Authenticate'), undef, '  without a challenge');
	$r = $t->get("$_/login/noarch/x");
	is("$r->{status} $r->{body}", "401 log in\n", "$name: a page for 401");
	like($t->header($r, 'WWW-Authenticate'), qr/^Bearer /, '  the challenge');
	is($t->header($r, 'Cache-Control'), 'no-store', '  not to be stored');
	$r = $t->get("$_/login_200/noarch/x");
	is("$r->{status} $r->{body}", "200 log in\n", "$name: a page as 200");
	is($t->header($r, 'WWW-Authenticate'), undef, '  no challenge');
	answer_is($t->get("$_/loop/noarch/x"), 401, $code, "$name: a gated page");
	answer_is($t->get("$_/loops/noarch/x"), 401, $code, '  again and again');
}
answer_is($t->get("/t/$N/d403_on/noarch/x"), 403, 'channel_not_granted',
	'403: a named location is judged again');
is($t->get("/t/$N/d403_off/noarch/x")->{body}, 'off /d403_off/noarch/x',
	'403: an open named location answers');

# ------------------------------------------------- 4. subrequests and the rest

for my $kind (qw(ask ask_gated mirror)) {
	for my $way ('path', 'Bearer') {
		my $token = token();
		my $before = $way eq 'path' ? "/t/$token" : '';
		my $path = "/main/$kind/noarch/repodata.json";
		my $n = $upstream->requests;
		lookups_are($t, 1, sub {
			is($t->get("$before$path?a=$token", $way eq 'path' ? ()
				: (Authorization => "Bearer $token"))->{status}, 200,
				"$kind, $way: granted");
		}, '  one look-up', 'psm:t:');
		PSM::Process::wait_for(sub { $upstream->requests > $n }, 5);
		my $told = $upstream->last_request;
		like($told, qr/^X-Original-URI: \Q$path\E\?a=\*{46}\r$/m, '  $request_uri');
		like($told, qr{^X-Request: GET (?:/t/\*{4})?\Q$path\E\?}m, '  $request');
		like($told, qr/^X-Status: granted\r$/m, '  the variables are there');
		unlike($told, qr/^Authorization/m, '  the header is gone');
	}
	my $n = $upstream->requests;
	answer_is($t->get("/t/$U/main/$kind/noarch/x"), 401, 'token_unknown',
		"$kind: denied");
	is($upstream->requests - $n, $kind eq 'mirror' ? 0 : 1,
		'  after the others have been asked, before anything is done');
}
is($t->header($t->get("/t/$T/main/seen/noarch/repodata.json"), 'X-Seen'),
	'/main/seen/noarch/repodata.json ' x 2
	. 'GET /t/****/main/seen/noarch/repodata.json HTTP/1.1',
	'the rewrite module comes after the gate');
$r = $t->get('/main/if/noarch/repodata.json?x=1');
answer_is($r, 401, 'token_missing', 'an if in a location is gated');
is($t->header($r, 'X-If'), 'yes', '  and was entered');
answer_is($t->http('POST', "/t/$T/main/except/noarch/x", body => 'x'), 403,
	'level_too_low', 'so is limit_except');
is($t->get('/main/nested/open/x')->{body}, 'open', 'a nested location is not');
my @limited = map { $t->get("/t/$_/main/limit/noarch/repodata.json")->{status} }
	($T) x 3, token(), ($U) x 3;
is("@limited", '200 429 429 200 401 401 401', 'limit_req by $psm_token_id');

# --------------------------------------------------------- 5. Redis is away

$t->redis_server->stop;
my %away = (all_allow => 503, all_deny => 403, any_allow => 200,
	any_deny => 503, any_basic => 503, d403_on => 503, d403_off => 503);
for my $kind (sort keys %away) {
	$r = $t->get('/t/' . token_offline() . "/$kind/noarch/repodata.json");
	is($r->{status}, $away{$kind}, "no Redis: $kind");
	is($t->header($r, 'Retry-After'), '2', '  Retry-After')
		if $r->{status} == 503;
}

sub token_offline {
	return $t->secret(PSM::Token::new_token());
}

$t->finish;
