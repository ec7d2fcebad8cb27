# SPDX-License-Identifier: BSD-2-Clause
#
# conda on the wire: a gate with the demo's channels, where conda puts a token,
# and a request as its HTTP library writes it.
#
#	my $t = start('a name');
#	my $session = $t->connect;
#	my $r = ask($t, $session, 'GET', '/t/TOKEN/main/noarch/repodata.json');

package PSM::Conda;

use strict;
use warnings;

use Exporter qw(import);

use PSM::Clients qw(make_channels site_conf);
use PSM::Gate;
use PSM::Process qw(slurp);

our @EXPORT_OK = qw(start request_text conda_channel $AGENT $WORKERS);

our $WORKERS = 2;
our $AGENT = 'conda/26.7.1 requests/2.32.5 CPython/3.13.7 '
	. 'Linux/6.1.0-40-amd64 debian/12 glibc/2.36 solver/libmamba '
	. 'conda-libmamba-solver/25.11.0 libmambapy/2.3.3';

# The channels stand below /, /api/repo/ and /conda/.
sub start {
	my ($name) = @_;

	my $t = PSM::Gate->new(name => $name, workers => $WORKERS);
	$t->start_redis;
	$t->write_conf(site_conf('/api/repo/', '/conda/'));
	$t->start_nginx;
	make_channels($t);
	return $t;
}

# A file of a channel as it should arrive.
sub on_disk { return slurp($_[0]->dir . "/html/$_[1]") }

# The bytes of one request.
sub request_text {
	my ($t, $method, $path, @headers) = @_;

	my $text = "$method $path HTTP/1.1\r\nHost: 127.0.0.1:" . $t->port
		. "\r\nUser-Agent: $AGENT\r\n"
		. "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept: */*\r\n"
		. "Connection: keep-alive\r\n";
	while (my ($name, $value) = splice @headers, 0, 2) {
		$text .= "$name: $value\r\n";
	}
	return "$text\r\n";
}

# One request of a session, which is a connection that is kept.
sub ask {
	my ($t, $session, @request) = @_;
	return $t->request(request_text($t, @request), sock => $session);
}

sub _split_token {
	my ($url) = @_;

	my $token = $url =~ s{/t/([A-Za-z0-9-]*)}{} ? $1 : undef;
	return ($url =~ s{/+\z}{}r, $token);
}

# Where conda puts the token of a channel in the requests that it makes: it
# cuts the first /t/TOKEN out, and puts it back behind the part of the URL that
# it takes for a place of channels. That is channel_alias when the channel is a
# name or lies below it, a path that begins with /conda, or else the host.
sub conda_channel {
	my ($channel, $alias) = @_;

	my ($place, $alias_token) = _split_token($alias // '');
	$channel = "$place/$channel" if $channel !~ m{^https?://};
	my ($clean, $token) = _split_token($channel);
	if (length $place && index("$clean/", "$place/") == 0) {
		$token //= $alias_token;
	} else {
		($place) = $clean =~ m{^(https?://[^/]+(?:/conda(?=/))?)};
	}
	my $rest = substr $clean, length $place;
	return defined $token ? "$place/t/$token$rest" : $clean;
}

1;
