# SPDX-License-Identifier: BSD-2-Clause
#
# What a GET of a path must be answered, worked out a second time from
# design.md sections 2 and 3 and from what nginx says of its URIs, so that a
# test does not believe the code under test. Tokens stand in the path only;
# they are resource tokens that may read.
#
#	my $rule = PSM::PathRule->new(bases => ['/', '/api/repo/'],
#		files => { '/main/noarch/x' => "main\n" },
#		tokens => { $token => ['main', 'other/dev'] });
#	$rule->answer('h2', "/%74/$token/main/noarch/x");   # "200 main"
#
# An answer is what PSM::Modes::in_short makes of one, in that mode.

package PSM::PathRule;

use strict;
use warnings;

use PSM::Token qw(token_checksum);

my %PLATFORM = map { $_ => 1 } qw(
	emscripten-wasm32 freebsd-64 linux-32 linux-64 linux-aarch64 linux-armv6l
	linux-armv7l linux-ppc64 linux-ppc64le linux-riscv32 linux-riscv64
	linux-s390x noarch osx-64 osx-arm64 wasi-wasm32 win-32 win-64 win-arm64
	zos-z
);
my %ENDS = (%PLATFORM, simple => 1, jupyter => 1);

sub new {
	my ($class, %arg) = @_;

	my $self = bless {
		bases => ['/'], %arg, directory => { '/' => 1 },
	}, $class;
	for my $path (keys %{ $arg{files} }) {
		$self->{directory}{$path} = 1 while $path =~ s{[^/]+/?\z}{};
	}
	$self->{base_segments} = [
		sort { @$a <=> @$b }
		map { [grep { length } split m{/}] } @{ $self->{bases} }
	];
	return $self;
}

sub answer {
	my ($self, $mode, $target) = @_;

	my ($status, @segments) = uri_of($mode, $target);
	return $status if defined $status;
	my $found = $self->take(@segments);
	return '400' if $found->{doubled};
	return '404' if $found->{nothing_behind};
	my $refused = $self->judge($found);
	return $refused // $self->_serve($mode, $found->{clean});
}

# ---------------------------------------------------------------- nginx's part

# (undef, the segments of the decoded URI, which all stand behind a slash), or
# the status alone: 0 when HTTP/2 resets the stream.
sub uri_of {
	my ($mode, $raw) = @_;

	return '0' if $mode eq 'h2' && $raw =~ /[\0\r\n]/;
	return '400' if $raw =~ /[\0-\x20\x7f]/ || $raw !~ m{\A/};
	$raw =~ s/[?#].*//s;
	return '400' if $raw =~ /%(?![0-9A-Fa-f]{2})/;
	$raw =~ s/%(..)/chr hex $1/ge;
	return '400' if $raw =~ /\0/;

	my (undef, @raw) = split m{/}, $raw, -1;
	my $end = pop @raw;
	@raw = grep { length } @raw if $mode ne 'unmerged';
	my @segments;
	for my $segment (@raw, $end) {
		if ($segment eq '..') {
			return '400' if !@segments;
			pop @segments;
		} elsif ($segment ne '.') {
			push @segments, $segment;
		}
	}
	push @segments, '' if $end =~ /\A\.\.?\z/;
	return undef, @segments;
}

sub _serve {
	my ($self, $mode, $path) = @_;

	my $text = $self->{files}{$path};
	return '200 ' . $text =~ s/\n.*//sr if defined $text;
	return '404' if $mode eq 'proxied';
	return '403' if $self->{directory}{$path};
	return $self->{directory}{"$path/"} ? '301' : '404';
}

# ------------------------------------------------------------- the token's part

# { texts, clean, nothing_behind, doubled } of the URI's segments. Pairs are
# taken at the start and behind each base, and directly behind one another.
sub take {
	my ($self, @segments) = @_;

	my $found = { texts => [], segments => [@segments] };
	for my $base ([], grep { @$_ } @{ $self->{base_segments} }) {
		my ($at, $doubled) = _behind($found->{segments}, @$base);
		_take_run($found, $at, $doubled) if defined $at;
	}
	$found->{clean} = '/' . join '/', @{ $found->{segments} };
	return $found;
}

# Where the base's segments end, empty ones passed over, and whether there were
# any.
sub _behind {
	my ($segments, @base) = @_;

	my ($at, $doubled) = (0, 0);
	for my $name (@base) {
		while ($at < $#$segments && !length $segments->[$at]) {
			$at++;
			$doubled = 1;
		}
		return if $at > $#$segments || $segments->[$at] ne $name;
		$at++;
	}
	return $at, $doubled;
}

sub _take_run {
	my ($found, $at, $doubled) = @_;

	my $segments = $found->{segments};
	while (1) {
		my $name = $at;
		$name++ while $name < $#$segments && !length $segments->[$name];
		last if $name > $#$segments || $segments->[$name] ne 't';
		my $text = $name + 1;
		$text++ while $text <= $#$segments && !length $segments->[$text];
		my $is_empty = $text > $#$segments;
		$doubled = 1 if $name > $at || !$is_empty && $text > $name + 1;
		push @{ $found->{texts} }, $is_empty ? '' : $segments->[$text];
		$found->{nothing_behind} = $text == $#$segments;
		$found->{doubled} = 1 if $doubled;
		splice @$segments, $at, $text + 1 - $at;
	}
}

sub _kind {
	my ($text) = @_;

	return 'good' if $text =~ /\A(psm-[0-9A-Za-z]{36})([0-9A-Za-z]{6})\z/
		&& token_checksum($1) eq $2;
	return 'masked' if $text =~ /\A(?:\*{2,}|<TOKEN>|%3CTOKEN%3E)\z/i
		|| $text =~ /\A\$(?:([A-Za-z_]\w*)|\{[A-Za-z_]\w*\})\z/a;
	return 'malformed';
}

# What refuses the request, or undef.
sub judge {
	my ($self, $found) = @_;

	my %kind = map { $_ => _kind($_) } @{ $found->{texts} };
	my %is = map { $_ => 1 } values %kind;
	my @good = grep { $kind{$_} eq 'good' } keys %kind;
	return '401 token_ambiguous' if @good > 1;
	for my $bad (qw(masked malformed)) {
		return "401 token_$bad" if $is{$bad};
	}
	return '401 token_missing' if !@good;
	my $grants = $self->{tokens}{ $good[0] } or return '401 token_unknown';
	my $channel = $self->channel($found->{clean});
	return '403 action_unknown' if !defined $channel;
	return if grep { "$channel/" =~ m{\A\Q$_\E/} } @$grants;
	return '403 channel_not_granted';
}

# The channel path that a clean URI names, or undef.
sub channel {
	my ($self, $uri) = @_;

	# What is left of a token is masked, and so names nothing.
	$uri =~ s/(psm-[0-9A-Za-z]{42,})/'*' x length $1/ge;
	my ($base) = sort { length $b <=> length $a }
		grep { index($uri, $_) == 0 } @{ $self->{bases} };
	return if !defined $base || $uri =~ /[\0-\x1f\x7f\\%]/;
	my @segments = split m{/}, substr($uri, length $base), -1;
	my $file = @segments > 1 ? pop @segments : undef;
	my @channel;
	for my $i (0 .. $#segments) {
		last if $ENDS{ $segments[$i] };
		push @channel, $segments[$i];
	}
	my $behind = join '/', @segments[@channel .. $#segments],
		length $file ? $file : ();
	return if $behind =~ m{(?:\A|/)(?:\.\.?)?(?:;|/|\z)} && length $behind;
	return if !@channel || @channel > 8 || grep { !_is_name($_) } @channel;
	return join '/', @channel;
}

sub _is_name {
	my ($segment) = @_;
	return $segment =~ /\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z/
		&& $segment ne 't' && !$ENDS{$segment};
}

1;
