# SPDX-License-Identifier: BSD-2-Clause
#
# What psm_token_metrics shows, as data.
#
#	my $m = metrics($t);                  # the JSON of GET /metrics
#	my %by = grown($t, sub { ... });      # by how much counters grew
#	is($by{'decisions granted'}, 1);
#
# The configuration has `location = /metrics { psm_token_metrics; }` on the
# second port of the test ($PSM::Metrics::PORT), in a server without the gate.
# Only what is asked of the worker itself is of this moment: gauges of others
# are up to a second old.

package PSM::Metrics;

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use JSON::PP;

our @EXPORT_OK = qw(metrics flat grown grown_is);

use Test::More;

our $PORT = 2;

sub metrics {
	my ($t) = @_;

	my $r = $t->http('GET', '/metrics', port => $t->port($PORT));
	croak "no metrics: $r->{status} $r->{body}" if $r->{status} != 200;
	return decode_json($r->{body});
}

# Counters and histograms as { 'name', 'name value' => number }; what belongs
# to single workers is left out.
sub flat {
	my ($m) = @_;

	my %flat;
	for my $name (grep { $_ ne 'workers' } keys %$m) {
		my $value = $m->{$name};
		if (!ref $value) {
			$flat{$name} = $value;
		} elsif (exists $value->{buckets}) {
			$flat{"$name count"} = $value->{count};
		} else {
			$flat{"$name $_"} = $value->{$_} for keys %$value;
		}
	}
	return %flat;
}

# What grew while the sub ran, and by how much.
sub grown {
	my ($t, $sub) = @_;

	my %before = flat(metrics($t));
	$sub->();
	my %after = flat(metrics($t));
	# The gate asks each second whether Redis is still the master.
	delete $after{redis_sends};
	return map { $_ => $after{$_} - $before{$_} }
		grep { $after{$_} != $before{$_} } keys %after;
}

sub grown_is {
	my ($t, $sub, $wanted, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my %grown = grown($t, $sub);
	return is_deeply(\%grown, $wanted, $name) || diag(explain(\%grown));
}

1;
