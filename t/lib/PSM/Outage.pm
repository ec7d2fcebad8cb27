# SPDX-License-Identifier: BSD-2-Clause
#
# What a Redis that fails must not do to those who ask the gate, whatever the
# failure is: the same questions before, during and after it.
#
#	my $o = PSM::Outage->new($t, redis => $proxy->address);
#	$o->start;
#	$o->survives('a black hole', sub { $proxy->rule(...) },
#		sub { $proxy->heal }, known => 'lease');
#
# known: what becomes of a token that the worker has in its cache. `lease`: it
# is served until the lease is over, then it is 503. `lives`: it is served
# (the invalidation stream is well).
# lines: how often the log may say the same thing (1). for: how many seconds
# it goes on while somebody asks again and again (0).

package PSM::Outage;

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use PSM::Async qw(reload_whole until_status);
use PSM::Check qw(code_of);
use PSM::Http ();

# What a request may take: the deadlines are a quarter of a second, the rest is
# for a busy machine.
use constant LIMIT => 3;

my $file = 'noarch/repodata.json';

# redis: address; timeout (250ms), lease (1s), cache (more for psm_token_cache),
# conf (more text for the server); pool: tokens that were issued before, for a
# Redis that takes no new ones.
sub new {
	my ($class, $t, %arg) = @_;

	my $self = bless { timeout => '250ms', lease => '1s', cache => '', conf => '', %arg,
		t => $t, names => 0 }, $class;
	$t->file("main/$file", '{}');
	return $self;
}

sub start {
	my ($self) = @_;

	$self->write_conf;
	$self->{t}->start_nginx;
	$self->{cached} = $self->issue;
	return $self->is_well('all is well');
}

sub write_conf {
	my ($self) = @_;

	$self->{t}->write_conf(<<"EOC");
psm_token_redis $self->{redis} timeout=$self->{timeout}
	connect_timeout=$self->{timeout};
psm_token_cache max=1000 valid=1h negative=1h lease=$self->{lease}
	$self->{cache};
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache \$psm_token_cache always;
	add_header X-Pid \$pid always;
	location = /plain { psm_token off; return 204; }
	$self->{conf}
}
EOC
}

# A token for the channel main, at `level`.
sub issue {
	my ($self, $level) = @_;
	return shift @{ $self->{pool} } // die 'no token is left' if $self->{pool};
	return $self->{t}->add_token(resources => { main => $level // 'read' });
}

sub path { return "/t/$_[1]/main/$file" }

sub ask {
	my ($self, $token, $method) = @_;
	return $self->{t}->http($method // 'GET', $self->path($token),
		($method // '') =~ /^P/ ? (body => 'x') : ());
}

sub cache_of { return $_[0]{t}->header($_[1], 'X-Cache') // '' }

sub is_well {
	my ($self, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my %seen;
	for my $token ($self->issue, $self->{cached}) {
		my $r = until_status(sub { $self->ask($token) }, 200, 20);
		$seen{$_} += $r->{seen}{$_} for keys %{ $r->{seen} };
	}
	delete $seen{503};
	is_deeply([keys %seen], [200], $name);
	until_hit($self);
}

sub until_hit {
	my ($self) = @_;

	my $end = time + 10;
	sleep 0.02 while $self->cache_of($self->ask($self->{cached})) ne 'HIT'
		&& time < $end;
}

# 503, and says when to come back; in time.
sub unavailable {
	my ($self, $ask, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $begin = time;
	my $r = $ask->();
	my $took = time - $begin;
	my $code = $r->{raw} =~ /^HEAD / || !length $r->{body} ? ''
		: ' ' . code_of($r);
	my $got = "$r->{status}$code " . ($self->{t}->header($r, 'Retry-After') // '');
	ok($got =~ /^503(?: store_unavailable)? 2$/ && $took < LIMIT, $name)
		or diag(sprintf '%s after %.3f s %s', $got, $took, $r->{error} // '');
}

# What the module said since a place in the log, without who and when.
sub said {
	my ($self, $at) = @_;
	return map { s{^.*?\[(\w+)\] \d+#\d+: (?:\*\d+ )?}{$1: }r
			=~ s{, client: .*}{}r =~ s{"psm:[tc]:\S+"}{"..."}gr }
		grep { /\[(?:warn|error|notice)\].*psm token:/ }
		split /\n/, substr $self->{t}->log_text, $at;
}

sub survives {
	my ($self, $name, $begin, $end, %arg) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $t = $self->{t};
	my @fresh = map { $self->issue('write') } 1 .. 2;
	my $nobody = $t->unknown_token;
	my $at = length $t->log_text;
	my $anonymous = '/some' . ++$self->{names} . "/$file";
	until_hit($self);

	$begin->();
	$self->unavailable(sub { $self->ask($fresh[0]) }, "$name: a good token");
	$self->unavailable(sub { $self->ask($nobody) }, '  one that nobody issued');
	$self->unavailable(sub { $self->ask($fresh[1], $_) }, "  $_")
		for qw(HEAD PUT POST DELETE);
	$self->unavailable(sub { $t->get($anonymous) }, '  no token');
	$self->unavailable(sub { $self->ask($fresh[0]) }, '  once more');
	my $start = time;
	is($t->get('/plain')->{status}, 204, '  the rest of nginx is served');
	cmp_ok(time - $start, '<', 1, '  at once');
	$self->_known($arg{known} // 'lease');
	my $until = time + ($arg{for} // 0);
	my @more = map { $self->ask($_)->{status} } (@fresh, $nobody) x 5;
	while (time < $until) {
		push @more, $self->ask($fresh[0])->{status};
		sleep 0.02;
	}
	is_deeply([grep { $_ != 503 } @more], [], '  nothing but 503 to the end');

	$end->();
	$self->is_well('  all is well again');
	is($self->ask($nobody)->{status}, 401, '  nobody is nobody again');
	my %said;
	$said{$_}++ for $self->said($at);
	ok((grep { /^error/ } keys %said), '  the log tells it');
	is_deeply([grep { $said{$_} > ($arg{lines} // 1) } sort keys %said], [],
		'  once, not for each request') or diag(explain(\%said));
}

# The token that is cached.
sub _known {
	my ($self, $known) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 2;
	my $ask = sub { $self->ask($self->{cached}) };
	if ($known eq 'lives') {
		my $r = $ask->();
		return is("$r->{status} " . $self->cache_of($r), '200 HIT',
			'  who is cached is served');
	}
	my $r = until_status($ask, 503, 10);
	delete $r->{seen}{200};
	is(join(' ', keys %{ $r->{seen} }), 503,
		'  who is cached is served until the lease is over');
	is($ask->()->{status}, 503, '  and no longer') for 1 .. 2;
}

1;
