# SPDX-License-Identifier: BSD-2-Clause
#
# What each worker says, for tests in which every one of them must learn of a
# change. The server has `reuseport`, so that connections come to all of them,
# and names the worker in X-Pid.

package PSM::Workers;

use strict;
use warnings;

use Exporter qw(import);
use Test::More;
use Time::HiRes qw(sleep time);

use PSM::Check qw(code_of);

our @EXPORT_OK = qw(cached_by_all learnt_by_all server_for_workers said_by
	streams_are subscribers);

# The server block of such a test; more: text inside it.
sub server_for_workers {
	my ($more) = @_;

	return <<"EOC";
server {
	listen %%LISTEN%% reuseport;
	root %%ROOT%%;
	psm_token on;
	add_header X-Cache \$psm_token_cache always;
	add_header X-Pid \$pid always;
	@{[ $more // '' ]}
}
EOC
}

# An answer in short: "200 HIT", "401 MISS token_unknown".
sub said_by {
	my ($t, $r) = @_;
	return join ' ', grep { length } $r->{status},
		$t->header($r, 'X-Cache') // '', code_of($r);
}

# Asks until each worker has given an answer that matches: true when they did.
# Once it has, none may fall back: that ends the waiting, and is false.
sub _until_all {
	my ($t, $ask, $pattern, $limit) = @_;

	my (%last, %good);
	my @workers = $t->workers;
	my $end = time + ($limit // 15);
	while (time < $end) {
		my $r = $ask->();
		my $worker = $t->header($r, 'X-Pid') // 'nobody';
		$last{$worker} = said_by($t, $r);
		if ($last{$worker} =~ $pattern) {
			$good{$worker}++;
		} elsif ($good{$worker}) {
			$last{$worker} .= ' after it had learnt';
			return (0, \%last);
		}
		return (1, \%last) if @workers == grep { $good{$_} } @workers;
		sleep 0.002;
	}
	return (0, \%last);
}

# Each worker has it in its cache: a "yes" or a "no".
sub cached_by_all {
	my ($t, $ask, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($ok, $last) = _until_all($t, $ask, qr/ (?:HIT|NEGATIVE)/);
	return ok($ok, $name) || diag(explain($last)) && 0;
}

# Each worker comes to answer so, and goes on to.
sub learnt_by_all {
	my ($t, $ask, $pattern, $name, $limit) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($ok, $last) = _until_all($t, $ask, $pattern, $limit);
	return ok($ok, $name) || diag(explain($last)) && 0;
}

# The subscribed clients, a hash each.
sub subscribers {
	my ($t) = @_;
	return map { +{ /(\S+?)=(\S*)/g } } grep { / sub=1 / }
		split /\n/, $t->redis('CLIENT', 'LIST');
}

sub streams_are {
	my ($t, $n, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $got;
	PSM::Process::wait_for(sub { ($got = () = subscribers($t)) == $n }, 15);
	return is($got, $n, $name);
}

1;
