#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# psm_token_scope_levels: off, a scope is its action and nothing else; on, it
# also gives every action of its own category at or below its level, which is
# what the product's page says word for word.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Gate;
use Test::More;

# From the product's page on tokens.
my %level_of = map { split /=/ } qw(
	artifact:create=write artifact:delete=manage artifact:download=read
	artifact:edit=manage artifact:view=read channel:create=write
	channel:delete=manage channel:edit=manage channel:history=manage
	channel:view=read channel:view-artifacts=read
	channel.default-channel:edit=manage channel.group:edit=manage
	channel.group:view=read channel.mirror:edit=manage
	channel.mirror:view=manage subchannel:create=manage
	subchannel:delete=manage subchannel:edit=manage subchannel:history=manage
	subchannel:view=read subchannel:view-artifacts=read
	subchannel.group:edit=manage subchannel.group:view=read
	subchannel.mirror:edit=manage subchannel.mirror:view=manage
	mirror:view=manage system.license:edit=manage system.license:view=manage
	cve:edit=manage cve:view=read role:edit=manage role:view=read
	system.settings:edit=manage system:delete-blobs=manage
	user.token:edit=manage user.token:view=manage
);
my @scopes = sort keys %level_of;
my %rank = (read => 1, write => 2, manage => 3);

my $t = PSM::Gate->new(name => 'scope levels');
$t->start_redis;
$t->start_upstream;
$t->write_conf(<<'EOC');
upstream echo {
	server %%UPSTREAM%%;
	keepalive 4;
}
proxy_http_version 1.1;
proxy_set_header Connection "";
keepalive_requests 100000;
psm_token on;
psm_token_require $http_x_need;
add_header X-Status $psm_token_status always;

# The default.
server {
	listen %%LISTEN1%%;
	location / {
		proxy_pass http://echo;
	}
}
server {
	listen %%LISTEN2%%;
	psm_token_scope_levels on;
	location / {
		proxy_pass http://echo;
	}
	location /off/ {
		psm_token_scope_levels off;
		proxy_pass http://echo;
	}
}
EOC
$t->start_nginx;

my %connection = (off => $t->connect($t->port(1)), on => $t->connect($t->port(2)));

sub call {
	my ($mode, $need, $token, $method, $path) = @_;

	$method //= 'GET';
	my $r = $t->http($method, $path // '/main/noarch/x-1-0.conda',
		sock => $connection{$mode},
		headers => ['X-Need', $need, 'X-Auth', $token,
			$method =~ /^P/ ? ('Content-Length', 0) : ()]);
	return "$r->{status} " . ($t->header($r, 'X-Status') // $r->{error} // '');
}

sub category { return $_[0] =~ s/:.*//r }

my %alone = map { $_ => $t->add_token(scopes => [$_]) } @scopes;

# Whether a scope is enough for an action.
my %gives = (
	off => sub { $_[0] eq $_[1] },
	on => sub {
		category($_[0]) eq category($_[1])
			&& $rank{ $level_of{ $_[0] } } >= $rank{ $level_of{ $_[1] } };
	},
);
for my $mode (qw(off on)) {
	subtest "each scope for each, $mode" => sub {
		for my $held (@scopes) {
			my @expected = grep { $gives{$mode}->($held, $_) } @scopes;
			my %answers = map { $_ => call($mode, $_, $alone{$held}) } @scopes;
			is_deeply([grep { $answers{$_} eq '200 granted' } @scopes],
				\@expected, "$held gives @expected");
			is_deeply([grep { $answers{$_} eq '403 scope_missing' } @scopes],
				[grep { !$gives{$mode}->($held, $_) } @scopes],
				'and nothing else');
		}
	};
}

# Spelled out, so that a mistake in the rule above shows.
for my $case (
	['artifact:edit', 'artifact:download', 200],
	['artifact:edit', 'artifact:create', 200],
	['artifact:edit', 'artifact:delete', 200],
	['artifact:create', 'artifact:download', 200],
	['artifact:create', 'artifact:edit', 403],
	['artifact:view', 'artifact:download', 200],
	['channel:edit', 'channel:view-artifacts', 200],
	['channel:edit', 'artifact:download', 403],
	['channel:edit', 'channel.group:view', 403],
	['channel:edit', 'subchannel:view', 403],
	['channel:create', 'channel:view', 200],
	['channel.group:edit', 'channel.group:view', 200],
	['subchannel:create', 'subchannel:delete', 200],
	['user.token:view', 'user.token:edit', 200],
	['cve:view', 'cve:edit', 403],
	['system:delete-blobs', 'system.settings:edit', 403],
) {
	my ($held, $need, $status) = @$case;
	is(call('on', $need, $alone{$held}) =~ s/ .*//r, $status,
		"on: $held for $need: $status");
	is(call('off', $need, $alone{$held}), '403 scope_missing',
		"off: $held for $need: 403");
	is(call('on', $need, $alone{$held}, 'GET', '/off/noarch/x'),
		'403 scope_missing', 'a location can turn it off');
}

# Under auto: what method and path ask for. A request that two scopes open is
# open to what gives either.
my $in = '/main/noarch';
for my $case (
	['GET', "$in/x.conda", 'artifact:download'],
	['GET', "$in/repodata.json", 'artifact:download', 'channel:view-artifacts'],
	['GET', '/main/dev/noarch/repodata.json', 'artifact:download',
		'subchannel:view-artifacts'],
	['PUT', "$in/x.conda", 'artifact:create'],
	['POST', '/main', 'artifact:create'],
	['PATCH', "$in/x.conda", 'artifact:edit'],
	['DELETE', "$in/x.conda", 'artifact:delete'],
) {
	my ($method, $path, @enough) = @$case;
	for my $mode (qw(off on)) {
		my @expected = grep {
			my $held = $_;
			grep { $gives{$mode}->($held, $_) } @enough;
		} @scopes;
		my @passed = grep {
			call($mode, 'auto', $alone{$_}, $method, $path) eq '200 granted'
		} @scopes;
		is_deeply(\@passed, \@expected, "$mode, auto: $method $path");
	}
}

# A floor: a scope of that level over a channel's content; with levels, of
# that level or above.
for my $floor (sort keys %rank) {
	for my $method (qw(GET PUT DELETE)) {
		my $own = { GET => 'read', PUT => 'write', DELETE => 'manage' }->{$method};
		my $needs = $rank{$own} > $rank{$floor} ? $own : $floor;
		for my $mode (qw(off on)) {
			my @expected = grep {
				my $rank = $rank{ $level_of{$_} };
				/^(?:artifact|channel|subchannel):/ && $_ ne 'channel:create'
					&& ($mode eq 'on' ? $rank >= $rank{$needs}
						: $rank == $rank{$needs});
			} @scopes;
			my @passed = grep {
				call($mode, $floor, $alone{$_}, $method) eq '200 granted'
			} @scopes;
			is_deeply(\@passed, \@expected,
				"$mode, psm_token_require $floor: $method");
		}
	}
}

# Levels widen what a token may do, not where.
my $reach = $t->add_token(scopes => ['artifact:edit'], channels => ['main/dev']);
is(call('on', 'auto', $reach, 'GET', '/main/dev/noarch/x'), '200 granted',
	'within reach');
is(call('on', 'auto', $reach, 'GET', '/main/noarch/x'),
	'403 channel_not_granted', 'out of reach');

# They concern scopes only.
my $resource = $t->add_token(resources => { main => 'write' });
is(call('on', 'artifact:create', $resource), '200 granted', 'a resource token');
is(call('on', 'artifact:edit', $resource), '403 level_too_low',
	'is judged by its level');
is(call('on', 'cve:view', $resource), '403 scope_missing',
	'and has nothing account-wide');

$t->finish;
