#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Headers by which a client may try to be somebody else, somewhere else or to
# do something else. The gate reads none of them, has none of its own, and its
# variables are nobody's but its own (threat T46).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PSM::Check qw(code_of);
use PSM::Gate;
use PSM::Modes;
use Test::More;

my $t = PSM::Gate->new(name => 'spoofed headers');
$t->start_redis;
$t->file('main/noarch/x', "main\n");
$t->file('other/noarch/x', "other\n");
$t->file('open/noarch/x', "open\n");
$t->file('t/noarch/x', "t\n");
$t->set_channel('open', 'public');
# What an operator hands on: the gate's variables, under names of his own.
my $hand_on = <<'EOC';
	proxy_set_header X-PSM-Id $psm_token_id;
	proxy_set_header X-PSM-User $psm_token_owner;
	proxy_set_header X-PSM-Level $psm_token_level;
	proxy_set_header X-PSM-Status $psm_token_status;
EOC
my $modes = PSM::Modes->new($t, server => <<'EOC', location => $hand_on,
	psm_token on;
	dav_methods PUT DELETE;
EOC
	more => <<"EOC");
	server {
		listen %%LISTEN5%%;
		underscores_in_headers on;
		ignore_invalid_headers off;
		psm_token off;
		location / { proxy_pass http://%%UPSTREAM1%%; $hand_on }
		location /main/ {
			psm_token on;
			proxy_pass http://%%UPSTREAM1%%;
			$hand_on
		}
	}
EOC
my $up = $t->{upstreams}[0];
my $A = $t->add_token(resources => { main => 'read' }, owner => 'alice');
my $M = $t->add_token(resources => { other => 'manage' }, owner => 'mallory');
my $id = $t->token_record($A)->{id};

sub brief { return join ' ', $_[0]{status}, grep { length } code_of($_[0]) }

# ------------------------------------------------- 1. none changes a decision

my $there = "/t/$M/other/noarch/x";
my @spoofs = (
	# another path
	map({ ([$_ => '/open/noarch/x'], [$_ => $there],
		[$_ => "http://localhost$there"]) }
		qw(X-Original-URL X-Original-URI X-Rewrite-URL X-Forwarded-Uri
			X-Request-URI X-Accel-Redirect Destination Content-Location
			X-Forwarded-Path)),
	map({ ([$_ => '/open'], [$_ => "/t/$M"], [$_ => '/api/repo/']) }
		qw(X-Forwarded-Prefix X-Script-Name X-Forwarded-Path)),
	# another method
	map({ my $name = $_; map { [$name => $_] } qw(GET DELETE PUT) }
		qw(X-HTTP-Method-Override X-HTTP-Method X-Method-Override)),
	# somebody else
	map({ [$_ => 'alice'] } qw(X-PSM-User X-PSM-Owner X-Forwarded-User
		X-Remote-User X-Auth-User X-User Remote-User From)),
	map({ [$_ => $id] } qw(X-PSM-Id X-PSM-Token-Id Psm-Token-Id)),
	map({ [$_ => 'granted'] } qw(X-PSM-Status Psm-Token-Status)),
	['X-PSM-Scopes' => 'artifact:delete'], ['X-PSM-Level' => 'manage'],
	['X-PSM-Channel' => 'open'], ['X-PSM-Privacy' => 'public'],
	# another place
	map({ [$_ => '127.0.0.1'] } qw(X-Forwarded-For X-Real-IP X-Client-IP
		True-Client-IP X-Originating-IP)),
	['Forwarded' => 'for=127.0.0.1;host=open'], ['X-Forwarded-Host' => 'open'],
	['X-Forwarded-Proto' => 'https'], ['X-Forwarded-Server' => 'open'],
	# a subrequest, an internal one
	['X-Internal' => '1'], ['X-Nginx-Internal' => '1'],
	['X-Subrequest' => '1'], ['X-Accel-Internal' => '/main/'],
	# bodies and caches
	['Surrogate-Control' => 'no-store'], ['X-Accel-Expires' => '100'],
);
my @requests = (
	['nobody', GET => '/main/noarch/x', '401 token_missing'],
	['A reads', GET => "/t/$A/main/noarch/x", '200'],
	['A writes', PUT => "/t/$A/main/noarch/x", '403 level_too_low'],
	['A deletes', DELETE => "/t/$A/main/noarch/x", '403 level_too_low'],
	['A elsewhere', GET => "/t/$A/other/noarch/x", '403 channel_not_granted'],
	['nobody deletes what is open', DELETE => '/open/noarch/x',
		'401 token_missing'],
);
for my $mode ($modes->names) {
	for (@requests) {
		my ($name, $method, $path, $wanted) = @$_;
		my (%got, %wanted);
		for my $spoof (@spoofs) {
			# What is proxied would hand on the other token: it stands in
			# a header that is none of ours.
			next if $mode eq 'proxied' && $spoof->[1] =~ /psm-/
				&& $wanted eq '200';
			my $row = "$spoof->[0]: " . $spoof->[1] =~ s/\Q$M\E/M/r;
			$wanted{$row} = $wanted;
			$got{$row} = brief($modes->ask($mode, $method => $path,
				headers => $spoof, body => $method eq 'PUT' ? 'b' : undef));
		}
		is_deeply(\%got, \%wanted, "T46 $mode: $name, as without the header");
	}
}
is(PSM::Process::slurp($t->dir . '/html/main/noarch/x'), "main\n",
	'T46 nothing was written');

# --------------------------------------------------- 2. the gate's variables

my @claims = map { ("X-PSM-$_" => 'forged') } qw(Id User Level Status);
my @claimed = ('X_PSM_User' => 'forged', 'X.PSM.User' => 'forged');

# The X-PSM headers that the upstream was sent last.
sub handed_on {
	my $raw = $up->last_request;
	my %seen;
	push @{ $seen{$1} }, $2 while $raw =~ /^X-PSM-(\w+): ?(.*?)\r$/mgi;
	return \%seen;
}
my @who = (
	['a good token', "/t/$A/main/noarch/x", { Id => [$id], User => ['alice'],
		Level => ['read'], Status => ['granted'] }],
	['nobody, on an open channel', '/open/noarch/x', { Status => ['public'] }],
	['a token without a right there', "/t/$A/open/noarch/x",
		{ Id => [$id], User => ['alice'], Status => ['public'] }],
);
for (@who) {
	my ($name, $path, $wanted) = @$_;
	is($modes->ask('proxied', GET => $path, headers => [@claims, @claimed])
		->{status}, 200, "T46 $name");
	is_deeply(handed_on(), $wanted, '  the upstream is told by the gate alone');
	unlike($up->last_request, qr/forged/, '  and sees no alias of it');
}
for my $path ('/open/noarch/x', "/t/$A/open/noarch/x") {
	my $r = $t->http('GET', $path, headers => \@claims, port => $t->port(5));
	is($r->{status}, 200, 'T46 the gate is off');
	is_deeply(handed_on(), {}, '  and says nothing; nor does the client');
}
$t->http('GET', '/main/noarch/x', headers => ['X-Auth' => $A, @claims],
	port => $t->port(5));
is_deeply(handed_on(), { Id => [$id], User => ['alice'], Level => ['read'],
	Status => ['granted'] }, 'T46 underscores_in_headers on: as before');

# By other ways into a variable: a query, a cookie.
$modes->ask('proxied', GET => "/open/noarch/x?psm_token_id=$id"
	. '&psm_token_status=granted&psm_token_owner=alice',
	headers => [Cookie => "psm_token_id=$id; psm_token_owner=alice"]);
is_deeply(handed_on(), { Status => ['public'] },
	'T46 a query and a cookie are no variables of ours');
for my $name (qw(status id name owner type channel level expires cache)) {
	my ($exit, $said) = $t->nginx_t("server { listen %%LISTEN6%%; psm_token on;"
		. " set \$psm_token_$name x; }");
	isnt($exit, 0, "T46 no directive sets \$psm_token_$name");
	like($said, qr/"psm_token_$name"/, '  nginx names it');
}

# ---------------------------------------------- 3. the gate adds no header

my @sent = (['User-Agent' => 'x'], [Accept => '*/*'], ['X-Mine' => 'y'],
	[Range => 'bytes=0-']);
my $r = $t->http('GET', '/main/noarch/x', port => $t->port(4),
	headers => ['X-Auth' => $A, map { @$_ } @sent]);
is($r->{status}, 200, 'T46 what is passed on');
my @names = sort map { lc } $up->last_request =~ /^([\w-]+):/mg;
is_deeply(\@names, [sort(qw(host connection x-psm-id x-psm-user x-psm-level
	x-psm-status), map { lc $_->[0] } @sent)],
	'  is what came, what the configuration says, and nothing else');

$t->finish;
