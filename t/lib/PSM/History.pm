# SPDX-License-Identifier: BSD-2-Clause
#
# What happened to a gate whose tokens come and go and whose Redis fails, and
# whether it was allowed to happen. No clock is read here: everything is a time
# by CLOCK_MONOTONIC that somebody wrote down.
#
#	my $h = PSM::History->new(bound => $lease + $stale, patience => 5);
#	$h->good('a', 'b');
#	$h->bad('nobody issued it');
#	$h->revoked('victim', $begun, $acknowledged);
#	$h->created('newborn', $begun, $acknowledged);
#	$h->fault('frozen', $begun, $over, unavailable => 1);
#	$h->add_request($_) for $load->requests;
#	is_deeply([$h->violations], [], 'nothing that must not happen');
#
# A request is a hash as PSM::Load makes it. A change counts as made from
# `acknowledged` on (for one whose acknowledgement was lost: that of the
# repetition), and as not yet made before `begun`; in between either is right.
# `over` is when all workers were seen to work again. During a fault 503 is
# right if it is `unavailable`, and a broken connection if it `breaks`.
#
# What must hold of each request, by name:
#	answer	it has a whole answer: 200, 401 or 503
#	refused	who is good is never refused (a newborn: once the bound is over)
#	granted	who is bad is never allowed
#	calm	no 503 outside of a fault
#	bound	who was revoked is not allowed if the request began later than
#		acknowledgement + bound. Plus nothing: client, worker and revoker
#		read the same clock
#	order	a worker that had a token in its cache, and then refused it, has
#		read its stream up to there, or no longer trusts the cache at all.
#		From then on it never again allows this one or one that was revoked
#		before it. No time is in it, so it holds in calm and in any fault
#	stale	nothing is STALE where the bound has no room for it
#	patience	no request takes longer than that
#
# violations gives a text each, with what was known; summary says what there
# was to judge: a history without it proves nothing.

package PSM::History;

use strict;
use warnings;

# bound: seconds; stale: how much of it is for STALE; patience: seconds.
sub new {
	my ($class, %arg) = @_;
	return bless { stale => 0, patience => 10, %arg, good => {}, bad => {},
		changes => {}, faults => [], requests => [] }, $class;
}

sub good { my ($self, @names) = @_; @{ $self->{good} }{@names} = (1) x @names }

sub bad { my ($self, @names) = @_; @{ $self->{bad} }{@names} = (1) x @names }

sub revoked { return shift->_change('revoked', @_) }

sub created { return shift->_change('created', @_) }

sub _change {
	my ($self, $what, $name, $begun, $acknowledged) = @_;
	$self->{changes}{$name} = { what => $what, name => $name,
		begun => $begun, acknowledged => $acknowledged };
}

sub fault {
	my ($self, $name, $begun, $over, %arg) = @_;
	push @{ $self->{faults} },
		{ name => $name, begun => $begun, over => $over, %arg };
}

sub add_request { push @{ $_[0]{requests} }, $_[1] }

# ------------------------------------------------------------------ judging --

sub _allowed { return $_[0]{status} =~ /^[234]/ && $_[0]{status} !~ /^40[13]/ }

sub _denied { return $_[0]{status} =~ /^40[13]/ }

# The fault of a kind during which the request was under way, if any.
sub _fault_of {
	my ($self, $r, $kind) = @_;

	my ($fault) = grep { $_->{$kind} && $r->{end} >= $_->{begun}
		&& $r->{start} <= $_->{over} } @{ $self->{faults} };
	return $fault;
}

sub _change_of {
	my ($self, $r, $what) = @_;

	my $change = $self->{changes}{ $r->{name} };
	return $change && $change->{what} eq $what ? $change : undef;
}

# Whether a refusal, or a grant, can be right at some moment of the request.
sub _may_be_denied {
	my ($self, $r) = @_;

	if (my $change = $self->_change_of($r, 'revoked')) {
		return $r->{end} >= $change->{begun};
	}
	if (my $change = $self->_change_of($r, 'created')) {
		return $r->{start} <= $change->{acknowledged} + $self->{bound};
	}
	return !$self->{good}{ $r->{name} };
}

sub _answer {
	my ($self, $r) = @_;

	my $broken = $self->_fault_of($r, 'breaks');
	return if $broken && ($r->{error} || !$r->{status});
	return "failed: $r->{error}" if $r->{error};
	return "was answered $r->{status}" if $r->{status} !~ /^(?:200|401|503)$/;
	return;
}

sub _refused {
	my ($self, $r) = @_;
	return if !_denied($r) || $self->_may_be_denied($r);
	return 'is good, and was refused';
}

sub _granted {
	my ($self, $r) = @_;
	return if !_allowed($r) || !$self->{bad}{ $r->{name} };
	return 'is bad, and was allowed';
}

sub _calm {
	my ($self, $r) = @_;
	return if $r->{status} != 503 || $self->_fault_of($r, 'unavailable');
	return 'was answered 503 while there was no fault';
}

sub _bound {
	my ($self, $r) = @_;

	my $change = $self->_change_of($r, 'revoked') or return;
	my $late = $r->{start} - $change->{acknowledged};
	return if !_allowed($r) || $late <= $self->{bound};
	return sprintf 'was allowed %.6f s after its revocation was acknowledged, '
		. 'with a bound of %.3f s', $late, $self->{bound};
}

sub _stale {
	my ($self, $r) = @_;
	return if ($r->{cache} // '') ne 'STALE' || $self->{stale} > 0;
	return 'was served STALE, which is not allowed here';
}

sub _patience {
	my ($self, $r) = @_;

	my $took = $r->{end} - $r->{start};
	return if $took <= $self->{patience};
	return sprintf 'took %.3f s, more than %.3f s', $took, $self->{patience};
}

# Per worker: when it was first seen to have lost a token that it had cached,
# latest change first.
sub _lessons {
	my ($self) = @_;

	my (%had, %lesson);
	for my $r (sort { $a->{end} <=> $b->{end} } @{ $self->{requests} }) {
		my $change = $self->_change_of($r, 'revoked') or next;
		my $known = \$had{ $r->{worker} // '' }{ $r->{name} };
		if (_allowed($r) && $r->{cache} eq 'HIT') {
			$$known = 1;
		} elsif (_denied($r) && $$known) {
			$$known = 0;
			push @{ $lesson{ $r->{worker} } },
				{ request => $r, change => $change };
		}
	}
	return \%lesson;
}

sub _order {
	my ($self, $r) = @_;

	my $change = $self->_change_of($r, 'revoked') or return;
	return if !_allowed($r);
	for my $lesson (@{ $self->{lessons}{ $r->{worker} // '' } // [] }) {
		my ($seen, $taught) = @$lesson{qw(request change)};
		next if $seen->{end} >= $r->{start};
		my $same = $taught->{name} eq $change->{name};
		next if !$same && ($taught->{begun} < $change->{acknowledged}
			|| $r->{cache} eq 'STALE');
		return sprintf 'was allowed at %s, though the worker had refused '
			. '%s at %s, which was revoked %s', $self->_at($r->{start}),
			$taught->{name}, $self->_at($seen->{end}),
			$same ? 'once' : 'later';
	}
	return;
}

my @RULES = (
	[answer => \&_answer], [refused => \&_refused],
	[granted => \&_granted], [calm => \&_calm], [bound => \&_bound],
	[order => \&_order], [stale => \&_stale], [patience => \&_patience],
);

sub violations {
	my ($self) = @_;

	my @requests = sort { $a->{start} <=> $b->{start} } @{ $self->{requests} };
	$self->{requests} = \@requests;
	$self->{zero} = @requests ? $requests[0]{start} : 0;
	$self->{lessons} = $self->_lessons;
	my @found;
	for my $r (@requests) {
		for my $rule (@RULES) {
			my ($name, $judge) = @$rule;
			my $what = $self->$judge($r) // next;
			push @found, "$name: $r->{name} $what\n" . $self->_story($r);
		}
	}
	return @found;
}

# ---------------------------------------------------------------- telling ---

sub _at {
	my ($self, $time) = @_;
	return defined $time ? sprintf '%.6f s', $time - $self->{zero} : 'never';
}

sub _line {
	my ($self, $r) = @_;
	return sprintf '%s to %s client %s worker %s: %s %s %s %s',
		$self->_at($r->{start}), $self->_at($r->{end}),
		map { length($_ // '') ? $_ : '-' } @$r{qw(client worker status reason
			cache error)};
}

# The request, what was changed and broken around it, and what the same worker,
# and the others, said of the same token before and after.
sub _story {
	my ($self, $r) = @_;

	my @lines = ('it was   ' . $self->_line($r));
	if (my $change = $self->{changes}{ $r->{name} }) {
		push @lines, "$change->{what} " . join ' to ',
			map { $self->_at($_) } @$change{qw(begun acknowledged)};
	}
	push @lines, map { "fault    $_->{name} " . $self->_at($_->{begun}) . ' to '
		. $self->_at($_->{over}) } @{ $self->{faults} };
	my @same = grep { $_->{name} eq $r->{name} && $_ != $r }
		@{ $self->{requests} };
	my ($worker, $start) = ($r->{worker} // '', $r->{start});
	for my $part (
		['before', sub { $_[0]{start} < $start && $_[0]{worker} eq $worker }, -4],
		['after', sub { $_[0]{start} > $start && $_[0]{worker} eq $worker }, 2],
		['others', sub { $_[0]{start} < $start && $_[0]{worker} ne $worker }, -2],
	) {
		my ($name, $wanted, $n) = @$part;
		my @some = grep { $wanted->({ %$_, worker => $_->{worker} // '' }) } @same;
		@some = $n < 0 ? splice @some, $n > -@some ? $n : -@some
			: splice @some, 0, $n if @some;
		push @lines, map { sprintf '%-8s %s', $name, $self->_line($_) } @some;
	}
	return join '', map { "    $_\n" } @lines;
}

# requests, workers; per changed name: before (allowed before the change was
# begun), hits (of these from the cache), after (requests begun later than the
# bound), latest (seconds from acknowledgement to the last that was allowed);
# and how often each status and each cache state occurred.
sub summary {
	my ($self) = @_;

	my %sum = (requests => scalar @{ $self->{requests} }, workers => {},
		status => {}, cache => {}, names => {});
	for my $r (@{ $self->{requests} }) {
		$sum{workers}{ $r->{worker} }++ if $r->{worker};
		$sum{status}{ $r->{status} }++;
		$sum{cache}{ $r->{cache} }++ if length($r->{cache} // '');
		my $change = $self->{changes}{ $r->{name} } or next;
		my $of = $sum{names}{ $r->{name} } //= { before => 0, hits => 0,
			after => 0, latest => 0 };
		my $right = $change->{what} eq 'revoked' ? _allowed($r) : _denied($r);
		my $late = $r->{start} - $change->{acknowledged};
		$of->{before}++ if $right && $r->{end} < $change->{begun};
		$of->{hits}++ if $right && $r->{end} < $change->{begun}
			&& $r->{cache} =~ /^(?:HIT|NEGATIVE)$/;
		$of->{after}++ if $late > $self->{bound};
		$of->{latest} = $late if $right && $late > $of->{latest};
	}
	return \%sum;
}

1;
