#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Who may do what: each method with each level, grants on channels and
# subchannels, scopes and their reach under `auto`, and the other values of
# psm_token_require.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use Test::More;

my $t = PSM::Gate->new(name => 'levels');
$t->start_redis;
$t->start_upstream;

# One server per value of psm_token_require, the first is the default.
my @requires = ('auto', 'read', 'write', 'manage', 'artifact:edit',
	'channel.group:view', 'cve:view', '$http_x_need');
my $servers = '';
for my $n (1 .. @requires) {
	my $line = $n == 1 ? '' : "psm_token_require $requires[$n - 1];";
	$servers .= <<"EOC";
server {
	listen %%LISTEN$n%%;
	$line
	location / {
		proxy_pass http://echo;
	}
	location /named/ {
		psm_token_channel \$arg_channel;
		proxy_pass http://echo;
	}
}
EOC
}
$t->write_conf(<<"EOC");
upstream echo {
	server %%UPSTREAM%%;
	keepalive 4;
}
proxy_http_version 1.1;
proxy_set_header Connection "";
keepalive_requests 100000;
psm_token on;
add_header X-Status \$psm_token_status always;
add_header X-Level \$psm_token_level always;
add_header X-Channel \$psm_token_channel always;

$servers
EOC
$t->start_nginx;

my %port = map { $requires[$_] => $t->port($_ + 1) } 0 .. $#requires;
my %connection = map { $_ => $t->connect($port{$_}) } @requires;
my $last;

# "200 granted", "403 level_too_low" and so on.
sub call {
	my ($method, $path, $token, %arg) = @_;

	my $require = $arg{require} // 'auto';
	$last = $t->http($method, $path, sock => $connection{$require},
		headers => [
			defined $token ? ('X-Auth', $token) : (),
			defined $arg{need} ? ('X-Need', $arg{need}) : (),
			$method =~ /^P/ ? ('Content-Length', 0) : (),
		]);
	return "$last->{status} "
		. ($t->header($last, 'X-Status') // $last->{error} // '');
}

my %rank = (read => 1, write => 2, manage => 3);
my %needed = (GET => 'read', HEAD => 'read', POST => 'write', PUT => 'write',
	PATCH => 'manage', DELETE => 'manage');
my @methods = sort keys %needed;
my @strange = qw(OPTIONS MKCOL COPY MOVE PROPFIND LOCK CONNECTX GETX);
my ($file, $index) = ('noarch/x-1-0.conda', 'noarch/repodata.json');

# The answer to a resource token that holds `has` there, as design.md gives it.
sub by_level {
	my ($has, $needs) = @_;

	return '403 channel_not_granted' if !$has;
	return $rank{$has} >= $rank{$needs} ? '200 granted' : '403 level_too_low';
}

# ------------------------------------------------------- resource tokens ---

# Grants, and what they make of each channel below; * is the level tried.
my %held = (
	'a channel' => [{ main => '*' }, { main => '*', 'main/dev' => '*',
		'main/dev/x' => '*', 'main/dev2' => '*' }],
	'a subchannel' => [{ 'main/dev' => '*' },
		{ 'main/dev' => '*', 'main/dev/x' => '*' }],
	'two channels' => [{ main => '*', other => 'read' }, { main => '*',
		'main/dev' => '*', 'main/dev/x' => '*', 'main/dev2' => '*',
		other => 'read' }],
	'a channel, less below' => [{ main => '*', 'main/dev' => 'read' },
		{ main => '*', 'main/dev' => 'read', 'main/dev/x' => 'read',
			'main/dev2' => '*' }],
	'a subchannel, less above' => [{ main => 'read', 'main/dev' => '*' },
		{ main => 'read', 'main/dev' => '*', 'main/dev/x' => '*',
			'main/dev2' => 'read' }],
);
my @channels = qw(main main/dev main/dev/x main2 main/dev2 mai main.x other);

for my $what (sort keys %held) {
	my ($grants, $held) = @{ $held{$what} };
	for my $level (sort keys %rank) {
		my $fill = sub {
			my ($map) = @_;
			return { map { $_ => $map->{$_} eq '*' ? $level : $map->{$_} }
				keys %$map };
		};
		my $token = $t->add_token(resources => $fill->($grants));
		my $holds = $fill->($held);

		subtest "$level on $what" => sub {
			for my $channel (@channels) {
				my $has = $holds->{$channel};
				for my $method (@methods) {
					is(call($method, "/$channel/$_", $token),
						by_level($has, $needed{$method}),
						"$method /$channel/$_") for $file, $index;
				}
				is($t->header($last, 'X-Level') // '', $has // '',
					"the level held on $channel");
				is($t->header($last, 'X-Channel'), $channel,
					'the channel of the path');
				is(call($_, "/$channel/$file", $token),
					'403 action_unknown', "$_ /$channel") for @strange;
			}
		};
	}
}

# ---------------------------------------------------------- scope tokens ---

my @scopes = qw(
	artifact:create artifact:delete artifact:download artifact:edit
	artifact:view channel:create channel:edit channel:view
	channel:view-artifacts channel.group:view subchannel:create
	subchannel:edit subchannel:view-artifacts cve:view
);
my %alone = map { $_ => $t->add_token(scopes => [$_]) } @scopes;

# The scopes that suffice, one for one.
sub enough {
	my ($method, $channel, $is_index) = @_;

	return ('artifact:create') if $method =~ /^(?:POST|PUT)$/;
	return ('artifact:edit') if $method eq 'PATCH';
	return ('artifact:delete') if $method eq 'DELETE';
	return ('artifact:download') if !$is_index;
	return ('artifact:download', $channel =~ m{/} ? 'subchannel:view-artifacts'
		: 'channel:view-artifacts');
}

for my $channel (qw(main main/dev main/dev/x)) {
	for my $method (@methods) {
		for my $is_index (0, 1) {
			my $path = "/$channel/" . ($is_index ? $index : $file);
			my %enough = map { $_ => 1 } enough($method, $channel, $is_index);
			my %expected = map { $_ => $enough{$_} ? '200 granted'
				: '403 scope_missing' } @scopes;
			my %got = map { $_ => call($method, $path, $alone{$_}) } @scopes;
			is_deeply(\%got, \%expected, "$method $path");
		}
	}
	is(call($_, "/$channel/$file", $alone{'artifact:edit'}),
		'403 action_unknown', "$_ in $channel") for @strange;
}

# What is an index, and what is not.
my %kind = (
	index => [qw(
		noarch/repodata.json noarch/repodata.json.zst noarch/repodata.json.bz2
		linux-64/repodata_from_packages.json noarch/current_repodata.json
		noarch/current_repodata.json.zst noarch/repodata_shards.msgpack.zst
		noarch/shards/0123abcd.msgpack.zst channeldata.json
		channeldata.json.zst noarch/run_exports.json
		noarch/run_exports.json.zst notices.json
		noarch/patch_instructions.json noarch/patch_instructions.json.bz2
		noarch/index.html index.html rss.xml simple/ simple/numpy/ noarch/
		noarch osx-arm64 jupyter/
	), '', '.'],
	file => [qw(
		noarch/x-1-0.conda linux-64/x-1-0.tar.bz2 x.conda noarch/xrepodata.json
		noarch/notices.json.zst noarch/index.htm noarch/rss.xml.gz
		noarch/x.msgpack noarch/x.zst simple/numpy/numpy-1-py3.whl
		jupyter/a.ipynb noarch/repodata.json/x noarch/x!1.0+a=b.conda
	)],
);
for my $kind (sort keys %kind) {
	for my $rest (@{ $kind{$kind} }) {
		my $path = $rest eq '.' ? '/main' : "/main/$rest";
		is(call('GET', $path, $alone{'artifact:download'}), '200 granted',
			"artifact:download for $path");
		is(call('GET', $path, $alone{'channel:view-artifacts'}),
			$kind eq 'index' ? '200 granted' : '403 scope_missing',
			"channel:view-artifacts for $path");
	}
}

# Reach.
my @usual = qw(artifact:download artifact:create channel:view-artifacts);
my %reach = (
	everywhere => [undef, qw(main main/dev main2 other)],
	main => [['main'], qw(main main/dev)],
	'main/dev' => [['main/dev'], 'main/dev'],
	both => [['main/dev', 'other'], qw(main/dev other)],
);
for my $name (sort keys %reach) {
	my ($channels, @within) = @{ $reach{$name} };
	my $token = $t->add_token(scopes => \@usual, channels => $channels);
	my %within = map { $_ => 1 } @within;
	for my $channel (qw(main main/dev main2 other)) {
		is(call($_, "/$channel/$file", $token), $within{$channel}
			? '200 granted' : '403 channel_not_granted',
			"reach $name: $_ in $channel") for qw(GET HEAD PUT);
		is(call('DELETE', "/$channel/$file", $token), $within{$channel}
			? '403 scope_missing' : '403 channel_not_granted',
			"reach $name: DELETE in $channel");
	}
}

# A list of nothing must not be read as "everywhere".
my $nowhere = $t->add_token(scopes => \@usual, channels => []);
unlike(call($_, "/main/$file", $nowhere), qr/^200/, "an empty reach: $_")
	for qw(GET PUT);

# ------------------------------------------------------------ the paths ----

my $reader = $t->add_token(resources => { main => 'read' });
my $deep = join '/', 'main', 'b' .. 'h';
for my $case (
	['/', 'action_unknown'], ['/noarch/repodata.json', 'action_unknown'],
	['/simple/x/', 'action_unknown'], ['/main', 'granted'],
	['/main/', 'granted'], ['/main/x', 'granted'],
	['/main/dev/', 'granted'], ["/$deep/noarch/x", 'granted'],
	["/$deep/i/noarch/x", 'action_unknown'],
	['/main/-x/noarch/x', 'action_unknown'],
	['/main/.x/noarch/x', 'action_unknown'],
	['/main/x%20y/noarch/x', 'action_unknown'],
	['/main/' . 'x' x 64 . '/noarch/x', 'granted'],
	['/main/' . 'x' x 65 . '/noarch/x', 'action_unknown'],
	['/Main/noarch/x', 'channel_not_granted'],
	['/main/noarch/%2541', 'action_unknown'],
	['/main/noarch/..%5cx', 'action_unknown'],
	['/main/noarch/x%0a', 'action_unknown'],
	['/other/../main/noarch/x', 'granted'],
	['/main/../other/noarch/x', 'channel_not_granted'],
	['/main/%2e%2e/other/noarch/x', 'channel_not_granted'],
	['/main%2fdev/noarch/x', 'granted'], ['/m%61in/noarch/x', 'granted'],
	['//main//noarch/x', 'granted'],
) {
	my ($path, $code) = @$case;
	is(call('GET', $path, $reader), ($code eq 'granted' ? 200 : 403) . " $code",
		"GET $path");
}
is(call('GET', $_), '401 token_missing', "without a token: $_")
	for '/', '/main/noarch/x', '/noarch/x', '/main/.x/noarch/x';
is(call($_, '/main/noarch/x'), '401 token_missing', "without a token: $_")
	for @methods, @strange;

# -------------------------------------------------- psm_token_require ------

my %resource = map { $_ => $t->add_token(resources => { main => $_ }) }
	keys %rank;

# The scopes of each level in the categories artifact, channel, subchannel.
my %of_level = (
	read => [qw(artifact:download artifact:view channel:view
		channel:view-artifacts subchannel:view-artifacts)],
	write => ['artifact:create'],
	manage => [qw(artifact:delete artifact:edit channel:edit
		subchannel:create subchannel:edit)],
);
for my $floor (sort keys %rank) {
	for my $how ([require => $floor],
		[require => '$http_x_need', need => $floor]) {
		my %arg = @$how;
		subtest "psm_token_require " . join(' ', @$how[1 .. $#$how]) => sub {
			for my $method (@methods) {
				my $needs = $rank{ $needed{$method} } > $rank{$floor}
					? $needed{$method} : $floor;
				for my $level (sort keys %rank) {
					is(call($method, "/main/$_", $resource{$level}, %arg),
						by_level($level, $needs),
						"$method /main/$_ with $level") for $file, $index;
				}
				is(call($method, "/main2/$file", $resource{manage}, %arg),
					'403 channel_not_granted', "$method in another channel");
				my %enough = map { $_ => 1 } @{ $of_level{$needs} };
				for my $scope (@scopes) {
					is(call($method, "/main/$file", $alone{$scope}, %arg),
						$enough{$scope} ? '200 granted' : '403 scope_missing',
						"$method with $scope");
				}
			}
			is(call($_, "/main/$file", $resource{manage}, %arg),
				'403 action_unknown', "$_: no floor helps") for @strange;
			is(call('GET', '/', $resource{manage}, %arg),
				'403 action_unknown', 'no channel: no floor helps');
		};
	}
}

for my $case (['artifact:edit', 'manage'], ['channel.group:view', 'read']) {
	my ($scope, $needs) = @$case;
	for my $how ([require => $scope],
		[require => '$http_x_need', need => $scope]) {
		my %arg = @$how;
		my $name = 'psm_token_require ' . join ' ', @$how[1 .. $#$how];
		for my $method (@methods) {
			is(call($method, "/main/$file", $resource{$_}, %arg),
				by_level($_, $needs), "$name: $method with $_")
				for sort keys %rank;
			my @passed = grep {
				call($method, "/main/$file", $alone{$_}, %arg) eq '200 granted'
			} @scopes;
			is_deeply(\@passed, [$scope], "$name: $method with that scope only");
		}
		is(call('GET', "/main2/$file", $resource{manage}, %arg),
			'403 channel_not_granted', "$name: in another channel");
		is(call('GET', '/', $_, %arg), '403 channel_not_granted',
			"$name: bound to a channel, and there is none")
			for $resource{manage}, $alone{$scope};
	}
}
for my $how ([require => 'cve:view'],
	[require => '$http_x_need', need => 'cve:view']) {
	for my $path ('/', "/main/$file") {
		is(call('GET', $path, $alone{'cve:view'}, @$how), '200 granted',
			"cve:view at $path");
		is(call('GET', $path, $resource{manage}, @$how), '403 scope_missing',
			'no resource token reaches what is account-wide');
		is(call('GET', $path, $alone{'artifact:edit'}, @$how),
			'403 scope_missing', 'no other scope does');
	}
}
is(call('GET', "/main/$file", $resource{read}, require => '$http_x_need',
	need => 'auto'), '200 granted', 'auto as the value of a variable');
is(call('PUT', "/main/$file", $resource{read}, require => '$http_x_need',
	need => 'auto'), '403 level_too_low', 'is auto');

# The channel by name.
for my $case (['main', 'granted'], ['main/dev', 'granted'],
	['main2', 'channel_not_granted'], ['', 'action_unknown'],
	['main/', 'action_unknown'], ['/main', 'action_unknown'],
	['main//dev', 'action_unknown'], ['main/noarch', 'action_unknown']) {
	my ($channel, $code) = @$case;
	is(call('GET', "/named/x?channel=$channel", $resource{read}),
		($code eq 'granted' ? 200 : 403) . " $code",
		"psm_token_channel \"$channel\"");
	my $granted = $code eq 'granted';
	is($t->header($last, 'X-Channel') // '',
		$code eq 'action_unknown' ? '' : $channel, 'in the variable');
	is(call('GET', "/named/x?channel=$channel", $resource{manage},
		require => 'artifact:edit'), $granted ? '200 granted'
			: '403 channel_not_granted', 'and for a scope');
}

# A map that has no answer fails closed, and says so.
for my $need ('', 'reads', 'READ', 'artifact:', 'artifact:publish',
	'channel:*', 'none', 'auto,read') {
	my $how = "psm_token_require with the value \"$need\"";
	my $before = length $t->log_text;
	is(call('GET', "/main/$file", $_, require => '$http_x_need',
		need => $need), '403 action_unknown', $how)
		for $resource{manage}, $alone{'artifact:download'};
	like(substr($t->log_text, $before), qr/\[error\].*psm_token_require/,
		'an error is logged');
}
$t->set_channel(pub => 'public');
is(call('GET', "/pub/$file"), '200 public', 'a public channel');
is(call('GET', "/pub/$file", undef, require => '$http_x_need', need => ''),
	'401 token_missing', 'an empty value is not public');

my ($exit, $said) = $t->nginx_t(<<'EOC');
server {
	listen %%LISTEN%%;
	psm_token_require artifact:publish;
}
EOC
isnt($exit, 0, 'nginx -t refuses a value that is no scope');
like($said, qr/psm_token_require.*artifact:publish/,
	'and names directive and value');

$t->finish;
