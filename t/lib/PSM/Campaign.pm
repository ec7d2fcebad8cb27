# SPDX-License-Identifier: BSD-2-Clause
#
# One fault in the life of a gate, from calm to calm, with clients that ask all
# the time and tokens that are revoked and issued before, during and after it;
# then PSM::History is asked whether anything happened that must not.
#
#	my $c = PSM::Campaign->new($t, redis => $proxy->address);
#	$c->start;
#	$c->survives('a black hole', sub { $proxy->rule(...) },
#		sub { $proxy->heal }, unavailable => 1);
#
# Per fault: two good tokens, one that nobody issued, five that are revoked (two
# in calm, two while the fault lasts, one behind it; by a tombstone or by DEL),
# two that are issued, two public channels that are made private.
# unavailable, breaks: see PSM::History. deaf => 1: Redis takes no commands while
# the fault lasts, so nothing is changed then. during => a sub that is called
# again and again while it lasts; length => seconds of it; old => 1: old workers
# may be there.

package PSM::Campaign;

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use PSM::History;
use PSM::Load;
use PSM::Process qw(wait_for);

use constant BODY => 2000;

my $file = 'noarch/repodata.json';

# redis: address and words; lease (0.5) and stale (0): seconds; timeout (1):
# seconds of a look-up; server: more text for the server.
sub new {
	my ($class, $t, %arg) = @_;

	my $self = bless { lease => 0.5, stale => 0, timeout => 1, server => '',
		clients => 3, %arg, t => $t, faults => 0 }, $class;
	$self->{bound} = $self->{lease} + $self->{stale};
	$t->file("main/$file", 'x' x BODY);
	return $self;
}

sub write_conf {
	my ($self) = @_;

	my ($lease, $stale, $timeout) = map { 1000 * $_ . 'ms' }
		@$self{qw(lease stale timeout)};
	$self->{t}->write_conf(<<"EOC");
psm_token_redis $self->{redis} timeout=$timeout connect_timeout=$timeout;
psm_token_cache max=10000 valid=1h negative=1h lease=$lease stale=$stale;
server {
	listen %%LISTEN%% backlog=1024 reuseport;
	root %%ROOT%%;
	psm_token on;
	@{[ PSM::Load::headers() ]}
	$self->{server}
}
EOC
}

sub start {
	my ($self) = @_;

	$self->write_conf;
	$self->{t}->start_nginx;
	$self->{probe} = $self->_issue;
	return $self->_wait_well;
}

sub path { return "/t/$_[0]/main/$file" }

sub _issue {
	my ($self, @more) = @_;
	return $self->{t}->add_token(resources => { main => 'read' }, @more);
}

# Until each worker serves the probe from its cache, so that its stream is live,
# and reaches Redis: nobody has asked for this channel before.
sub _wait_well {
	my ($self, $old) = @_;

	my (%believes, %reaches);
	my ($wanted, $n) = ($self->{t}{workers} // 1, 0);
	return wait_for(sub {
		my ($probe, $new) = map { PSM::Load::ask($self->{t}->port, $_,
			{ limit => 5 }) } path($self->{probe}),
			'/nobody' . ++$n . "-$self->{faults}/$file";
		$believes{ $probe->{worker} // '' } = $probe->{status} == 200
			&& $probe->{cache} eq 'HIT';
		$reaches{ $new->{worker} // '' } = $new->{status} == 401;
		my @workers = $self->{t}->workers;
		@workers = @workers[-$wanted .. -1] if $old && @workers > $wanted;
		return @workers == $wanted
			&& !grep { !$believes{$_} || !$reaches{$_} } @workers;
	}, 20);
}

# ---------------------------------------------------------------- changes ---

sub _revoke {
	my ($self, $name, $del) = @_;

	my $t = $self->{t};
	my $token = $self->{tokens}{$name};
	my $begun = PSM::Load::now();
	$del ? $t->redis('DEL', $t->token_key($token)) : $t->revoke($token);
	$self->{history}->revoked($name, $begun, PSM::Load::now());
}

sub _close_channel {
	my ($self, $name) = @_;

	my $begun = PSM::Load::now();
	$self->{t}->set_channel($self->{channels}{$name}, 'private');
	$self->{history}->revoked($name, $begun, PSM::Load::now());
}

sub _create {
	my ($self, $name) = @_;

	my $begun = PSM::Load::now();
	$self->_issue(token => $self->{tokens}{$name});
	$self->{history}->created($name, $begun, PSM::Load::now());
}

# ---------------------------------------------------------------- a fault ---

sub _prepare {
	my ($self) = @_;

	my $t = $self->{t};
	my $n = ++$self->{faults};
	$self->{history} = PSM::History->new(bound => $self->{bound},
		stale => $self->{stale}, patience => 3 * $self->{timeout} + 2);
	$self->{history}->good(qw(good1 good2));
	$self->{history}->bad('bad');
	$self->{tokens} = {
		(map { $_ => $self->_issue } qw(good1 good2), map { "victim$_" } 1 .. 5),
		(map { $_ => $t->unknown_token } qw(bad newborn1 newborn2)),
	};
	$self->{channels} = { map { $_ => "$_-$n" } qw(open1 open2) };
	for my $channel (values %{ $self->{channels} }) {
		$t->file("$channel/$file", 'x' x BODY);
		$t->set_channel($channel, 'public');
	}
	return {
		map({ $_ => path($self->{tokens}{$_}) } keys %{ $self->{tokens} }),
		map({ $_ => "/$self->{channels}{$_}/$file" } keys %{ $self->{channels} }),
	};
}

sub survives {
	my ($self, $name, $begin, $end, %arg) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $load = PSM::Load->start($self->{t}, clients => $self->{clients},
		paths => $self->_prepare, body => BODY, limit => 15);
	$load->wait_round(30) or diag('the clients are slow');
	$self->_revoke('victim1');
	$self->_revoke('victim2', 1);
	# So that no client comes into the fault with a look-up for these.
	$load->wait_round(30);

	# Nobody knows which requests the beginning of a fault catches.
	my $begun = PSM::Load::now();
	my $changes = sub {
		$self->_revoke('victim3');
		$self->_close_channel('open1');
		$self->_create('newborn1');
	};
	$changes->() if $arg{deaf};
	$begin->();
	$changes->() if !$arg{deaf};
	my $half = ($arg{length} // 2 * $self->{bound} + 0.6) / 2;
	_pass($half, $arg{during});
	$self->_revoke('victim4', 1) if !$arg{deaf};
	_pass($half, $arg{during});
	$end->();
	$self->_revoke('victim4', 1) if $arg{deaf};
	ok($self->_wait_well($arg{old}), "$name: each worker is well behind it");
	$self->{history}->fault($name, $begun, PSM::Load::now(),
		map { $_ => $arg{$_} } grep { $arg{$_} } qw(unavailable breaks));

	$self->_revoke('victim5');
	$self->_create('newborn2');
	$self->_close_channel('open2');
	sleep $self->{bound} + 0.1;
	$load->wait_round(30);
	$load->stop;
	$self->{history}->add_request($_) for $load->requests;
	return $self->_judge;
}

# Of the last fault, as PSM::History gives it.
sub summary { return $_[0]{summary} }

sub _pass {
	my ($seconds, $during) = @_;

	my $end = PSM::Load::now() + $seconds;
	while ((my $left = $end - PSM::Load::now()) > 0) {
		$during->() if $during;
		sleep $left < 0.05 ? $left : 0.05;
	}
}

sub _judge {
	my ($self) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $h = $self->{history};
	my @violations = $h->violations;
	is(scalar @violations, 0, '  nothing happened that must not')
		or diag(map { substr $_, 0, 3000 } @violations[0 .. ($#violations < 4
			? $#violations : 4)]);

	# And there was something to judge.
	my $sum = $self->{summary} = $h->summary;
	my @names = (map({ "victim$_" } 1 .. 5), qw(open1 open2 newborn1 newborn2));
	my @poor = grep { my $of = $sum->{names}{$_};
		!$of || $of->{before} < 2 || $of->{after} < 2
			|| /victim|newborn/ && $of->{hits} < 1 } @names;
	is_deeply(\@poor, [], '  of ' . $sum->{requests} . ' requests')
		or diag(explain($sum));
	cmp_ok(scalar keys %{ $sum->{workers} }, '>=', $self->{t}{workers} // 1,
		'  to each worker');
	note(join ', ', map({ "$_: $sum->{status}{$_}" }
		sort keys %{ $sum->{status} }), map({ "$_: $sum->{cache}{$_}" }
		sort keys %{ $sum->{cache} }));
	note(join ', ', 'last wrong answer that began after the acknowledgement',
		map { sprintf '%s: %.1f ms', $_, 1000 * $sum->{names}{$_}{latest} }
		@names);
	return !@violations;
}

1;
