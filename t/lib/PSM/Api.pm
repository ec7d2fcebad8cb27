# SPDX-License-Identifier: BSD-2-Clause
#
# The REST API of a test of the gate: who asks, what he says, what comes back.
#
#	my $api = PSM::Api->new($t);                   # at /api on the first port
#	my $root = $api->mint('--owner', 'root', '--scope', 'user.token:view');
#	my $r = $api->ask('POST', '/account/tokens', $root, { name => 'ci', ... });
#	says($r, '200', 'a token is made');
#	$r->{json}{token}
#
# Who asks is a token's text, or headers as a list. A body is JSON text, or
# what to make it of. Tokens that come back are known to the leak oracle, which
# lets them stand in answers only.

package PSM::Api;

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP;
use Test::More;

use PSM::Check qw(code_of);
use PSM::Http qw(format_request);

our @EXPORT_OK = qw(says fields_of);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# prefix (/api), port (the first).
sub new {
	my ($class, $t, %arg) = @_;
	return bless { prefix => '/api', %arg, t => $t }, $class;
}

sub _headers {
	my ($who) = @_;
	return ref $who ? @$who : defined $who ? ('X-Auth', $who) : ();
}

sub _body {
	my ($body) = @_;
	return ref $body ? $json->encode($body) : $body;
}

# The bytes of a request. headers: behind those of who asks.
sub bytes {
	my ($self, $method, $path, $who, $body, %arg) = @_;

	my @more = @{ $arg{headers} // [] };
	push @more, 'Content-Type', 'application/json'
		if defined $body && !grep { lc eq 'content-type' } @more;
	return format_request($method, $self->{prefix} . $path,
		[_headers($who), @more], _body($body), $arg{keep});
}

# {status, headers, body, json}
sub ask {
	my ($self, $method, $path, $who, $body, %arg) = @_;

	my $t = $self->{t};
	return $self->read($t->request(
		$self->bytes($method, $path, $who, $body, %arg),
		port => $self->{port}));
}

# All at once, each on a connection of its own: [method, path, who, body, ...].
# The answers in the same order.
sub ask_all {
	my ($self, @requests) = @_;

	my $t = $self->{t};
	my @sockets = map { $t->connect($self->{port}) } @requests;
	$t->send($sockets[$_], $self->bytes(@{ $requests[$_] })) for 0 .. $#requests;
	return map { $self->read($t->receive($sockets[$_], $requests[$_][0], 20)) }
		0 .. $#requests;
}

sub read {
	my ($self, $r) = @_;

	$r->{json} = eval { $json->decode($r->{body}) };
	$self->keep($r->{json}{token})
		if ref $r->{json} eq 'HASH' && !ref $r->{json}{token}
		&& defined $r->{json}{token};
	return $r;
}

# A token that was made here: it may stand in the answer that shows it, and
# nowhere else.
sub keep {
	my ($self, $token) = @_;

	$self->{t}->secret($token);
	$self->{t}->allow_leak('response body', $token);
	return $token;
}

# Runs psm-token --json and gives what it says.
sub cli {
	my ($self, @words) = @_;

	my $got = $self->{t}->cli('--json', @words);
	BAIL_OUT("psm-token @words: $got->{err}") if $got->{exit};
	return $json->decode($got->{out} || 'null');
}

# A token made by psm-token: its text, and its id.
sub mint {
	my ($self, @options) = @_;

	my $made = $self->cli('create', '--name', 'x', @options);
	$self->{t}->secret($made->{token});
	return wantarray ? @$made{qw(token id)} : $made->{token};
}

# The names of the fields that an answer finds wrong.
sub fields_of {
	my ($r) = @_;
	return join ' ', map { $_->{field} } @{ $r->{json}{errors} // [] };
}

# says($r, '403 grants_exceeded resources', 'name'): status, code, fields.
sub says {
	my ($r, $wanted, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $got = join ' ', grep { length } $r->{status}, code_of($r), fields_of($r);
	return is($got, $wanted, $name)
		|| diag($r->{error} // substr $r->{body}, 0, 600);
}

1;
