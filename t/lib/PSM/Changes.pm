# SPDX-License-Identifier: BSD-2-Clause
#
# Clients that make, edit, re-issue and delete tokens through the API again and
# again, each a process with tokens of its own, a new connection for each
# request. Each remembers what it was told:
#
#	my $changes = PSM::Changes->start($api, $root, seed => $seed);
#	...
#	$changes->stop;
#	$_->{id} for $changes->tokens;
#	$changes->count('done');
#
# A token is a hash: id, token (its text), name, rev, old (texts that a
# re-issue ended), dead (a deletion was answered 204), doubt (a change whose
# answer never came, or was outcome_unknown: nothing is done to it after that:
# what => edit, reissue or delete, and name). Counts: done, none (an answer
# that nothing was done), doubt, lost (a creation in doubt), strange (any other
# answer, and what it said, in `strange`).

package PSM::Changes;

use strict;
use warnings;

use JSON::PP;
use Time::HiRes qw(sleep);

use PSM::Check qw(code_of);
use PSM::Process qw(slurp wait_for);

my $json = JSON::PP->new->utf8;
my $runs = 0;

# clients (4); seed.
sub start {
	my ($class, $api, $who, %arg) = @_;

	my $self = bless { clients => 4, seed => 0, %arg, api => $api,
		who => $who }, $class;
	my $base = $api->{t}->dir . '/private/changes.' . ++$runs;
	$self->{end} = "$base.end";
	for my $n (1 .. $self->{clients}) {
		push @{ $self->{files} }, "$base.$n";
		push @{ $self->{processes} }, PSM::Process->start(
			name => "client $n", output => "$base.$n.err",
			code => sub { $self->_go_on($n, "$base.$n") },
		);
	}
	return $self;
}

# Lets each end what it has begun: a change that we cut off ourselves would be
# one that nobody remembers.
sub stop {
	my ($self) = @_;

	open my $out, '>', $self->{end} or die "$self->{end}: $!";
	close $out;
	my @all = @{ $self->{processes} };
	wait_for(sub { !grep { $_->alive } @all }, 30);
	$_->stop('KILL') for @all;
	for my $file (@{ $self->{files} }) {
		my $kept = eval { $json->decode(slurp($file)) }
			or die "a client ended early: " . slurp("$file.err");
		push @{ $self->{tokens} }, @{ $kept->{tokens} };
		push @{ $self->{strange} }, @{ $kept->{strange} };
		$self->{count}{$_} += $kept->{count}{$_} for keys %{ $kept->{count} };
	}
}

sub tokens { return @{ $_[0]{tokens} } }

sub strange { return @{ $_[0]{strange} } }

sub count { return $_[0]{count}{ $_[1] } // 0 }

# ---------------------------------------------------------------- a client --

sub _go_on {
	my ($self, $n, $file) = @_;

	srand($self->{seed} + $n);
	@$self{qw(name tokens strange)} = ("c$runs-$n", [], []);
	$self->{count} = { map { $_ => 0 } qw(done none doubt lost) };
	$self->_change while !-e $self->{end};
	open my $out, '>', $file or die "$file: $!";
	print $out $json->encode({ map { $_ => $self->{$_} }
		qw(tokens strange count) });
	close $out or die "$file: $!";
}

sub _change {
	my ($self) = @_;

	my @living = grep { !$_->{dead} && !$_->{doubt} } @{ $self->{tokens} };
	return $self->_create if @living < 3;
	my $token = $living[rand @living];
	my $kind = rand;
	return $self->_edit($token) if $kind < 0.4;
	return $self->_reissue($token) if $kind < 0.7;
	return $self->_delete($token);
}

# done, none, doubt, or strange; and the answer.
sub _ask {
	my ($self, @request) = @_;

	my $r = eval { $self->{api}->ask($request[0],
		"/account/tokens$request[1]", $self->{who}, $request[2]) };
	$r //= { status => 0, body => '' };
	my $code = code_of($r);
	my $what = $r->{status} =~ /^20/ && !$r->{error} ? 'done'
		: $r->{status} == 503 && $code eq 'store_unavailable' ? 'none'
		: $r->{error} || !$r->{status} || $code eq 'outcome_unknown' ? 'doubt'
		: 'strange';
	$self->{count}{$what}++;
	push @{ $self->{strange} }, "$request[0] $request[1]: $r->{status} "
		. $r->{body} if $what eq 'strange';
	sleep 0.01;
	return ($what, $r->{json} // {});
}

sub _new_name { return $_[0]{name} . '-' . ++$_[0]{names} }

sub _create {
	my ($self) = @_;

	my $name = $self->_new_name;
	my ($what, $made) = $self->_ask('POST', '', { name => $name,
		owner => $self->{name},
		resources => [{ channel => 'main', permission => 'read' }] });
	$self->{count}{lost}++ if $what eq 'doubt';
	push @{ $self->{tokens} }, { id => $made->{id}, token => $made->{token},
		name => $name, rev => 1, old => [] } if $what eq 'done';
}

# Notes what a change of a token came to; true when it was done.
sub _changed {
	my ($token, $what, %doubt) = @_;

	$token->{rev}++ if $what eq 'done';
	$token->{doubt} = \%doubt if $what !~ /^(?:done|none)\z/;
	return $what eq 'done';
}

sub _edit {
	my ($self, $token) = @_;

	my $name = $self->_new_name;
	my ($what) = $self->_ask('PUT', "/$token->{id}", { name => $name });
	$token->{name} = $name
		if _changed($token, $what, what => 'edit', name => $name);
}

sub _reissue {
	my ($self, $token) = @_;

	my ($what, $now) = $self->_ask('PUT', "/$token->{id}", {});
	return if !_changed($token, $what, what => 'reissue');
	push @{ $token->{old} }, $token->{token};
	$token->{token} = $now->{token};
}

sub _delete {
	my ($self, $token) = @_;

	my ($what) = $self->_ask('DELETE', "/$token->{id}");
	$token->{dead} = 1 if _changed($token, $what, what => 'delete');
}

1;
