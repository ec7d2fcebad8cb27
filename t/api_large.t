#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Records may have 64 KiB, and whoever may make tokens may make hundreds of
# them. A page of these is cut short before it is more than Redis gives at once,
# or more than a worker builds while nobody else is served: `next` leads to the
# rest (T114).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Api;
use PSM::Gate;
use PSM::Token qw(new_id new_token token_digest);
use Test::More;

my $t = PSM::Gate->new(name => 'large answers of the API');
$t->start_redis;
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
server { listen %%LISTEN%%; location /api/ { psm_token_api; } }
EOC
$t->start_nginx;
my $api = PSM::Api->new($t);
my ($root) = $api->mint('--owner', 'root', '--scope', 'user.token:view');
$api->cli('user', 'set', 'root', '--admin');

use constant { TOKENS => 120, ENTRIES => 60, MOST => 5 * 1024 * 1024 };

my $grants = join ',', map { sprintf '"c%03d/%s":"read"', $_,
	join '/', ('y' x 60) x 4 } 1 .. 230;

sub record {
	my ($id) = @_;
	return qq({"v":1,"id":"$id","rev":1,"name":"large","owner":"bob",)
		. qq("type":"resource","resources":{$grants},"created":1790000000});
}

cmp_ok(length record('x'), '<', 64 * 1024, 'a record that may be');
cmp_ok(length record('x'), '>', 56 * 1024, '  is large');
for (1 .. TOKENS) {
	my ($id, $digest) = (new_id(), token_digest(new_token()));
	$t->redis('SET', "psm:t:$digest", record($id));
	$t->redis('SET', "psm:i:$id", $digest);
	$t->redis('ZADD', $_, 1790000000, $id) for qw(psm:ix:all psm:ix:o:bob);
}
$t->redis('DEL', 'psm:audit');
$t->redis('XADD', 'psm:audit', '*', what => 'edit', who => 'bob',
	before => record('a'), after => record('b')) for 1 .. ENTRIES;

# Pages until there is none: the ids of all items, and the longest page. JSON::PP
# would take a minute for them.
sub walk {
	my ($path) = @_;

	my (%seen, $next);
	my $longest = 0;
	do {
		my $r = $t->request($api->bytes('GET', $path
			. (defined $next ? "&after=$next" : ''), $root));
		is($r->{status}, 200, "$path: a page") or return (\%seen, $longest);
		$longest = length $r->{body} if length $r->{body} > $longest;
		$seen{$_}++ for $r->{body} =~ /\{"id":"([^"]+)"/g;
		($next) = $r->{body} =~ /"next":"([^"]+)"\}\z/;
	} while (defined $next);
	return (\%seen, $longest);
}

for (['/account/tokens?limit=500&owner=bob', TOKENS],
	['/account/tokens?limit=500&owner=bob&q=large', TOKENS],
	['/account/tokens?limit=1&owner=bob&q=nothing', 0],
	['/audit?limit=500', ENTRIES])
{
	my ($path, $count) = @$_;
	my ($seen, $longest) = walk($path);
	is(scalar keys %$seen, $count, "$path: all of them");
	ok(!(grep { $_ > 1 } values %$seen), '  and each once');
	cmp_ok($longest, '<', MOST, '  in pages that are not too large');
}

$t->finish;
