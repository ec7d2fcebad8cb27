#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Prometheus as a client of psm_token_metrics: its own readers take both text
# formats, which say the same as JSON, and every name, label and value in the
# alert rules is one that is shown. README lists them all. PSM_VENV is the venv
# that `make test` makes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/clients";

use JSON::PP;
use Test::More;

use PSM::Clients qw(run venv);
use PSM::Gate;
use PSM::Metrics qw(metrics);
use PSM::Process qw(slurp wait_for);

my $t = PSM::Gate->new(name => 'Prometheus', workers => 2);
$t->start_redis;
$t->file('main/noarch/repodata.json', '{}');
$t->write_conf(<<'EOC');
psm_token_redis %%REDIS%% timeout=20s connect_timeout=20s;
server {
	listen %%LISTEN%%;
	root %%ROOT%%;
	psm_token on;
}
server {
	listen %%LISTEN2%%;
	location = /metrics { psm_token_metrics; }
}
EOC
$t->start_nginx;

my $token = $t->add_token(resources => { main => 'read' });
my $file = 'main/noarch/repodata.json';
is($t->get("/t/$token/$file")->{status}, 200, "request $_") for 1 .. 20;
$t->get("/$file") for 1 .. 3;
$t->get('/t/' . $t->unknown_token . "/$file");
wait_for(sub {
	2 == grep { $_->{redis_state} eq 'ready' } @{ metrics($t)->{workers} };
}, 10);

# What the strict reader makes of it.
sub reader {
	my ($input, @args) = @_;

	my $got = run($t, [venv('python'),
		"$FindBin::Bin/clients/prometheus_reader.py", @args], stdin => $input);
	is($got->{exit}, 0, "read: $args[0]") or diag($got->{err});
	return eval { decode_json($got->{out}) } // {};
}

sub scrape {
	my ($accept) = @_;

	my $r = $t->http('GET', '/metrics', port => $t->port(2),
		headers => { Accept => $accept });
	# a time that goes on
	return $r->{body} =~ s/^(psm_token_lease_age_seconds\S*) .*/$1 0/mgr;
}

# ---- both formats ----

# All of the same moment: nothing has changed from the first to the last.
my ($m, %body);
ok(wait_for(sub {
	$body{prometheus} = scrape('text/plain');
	$body{openmetrics} = scrape('application/openmetrics-text');
	$m = metrics($t);
	return scrape('text/plain') eq $body{prometheus};
}, 20), 'a quiet moment');
my ($text, $open) = map { reader($body{$_}, $_) } qw(prometheus openmetrics);
is_deeply($open, $text, 'both formats say the same');
cmp_ok(scalar keys %$text, '>=', 20, scalar(keys %$text) . ' families');
is_deeply([grep { !/^psm_token_[a-z_]+\z/ } keys %$text], [],
	'all begin with psm_token_');
is_deeply([grep { !length $text->{$_}{help} } keys %$text], [],
	'all have a help');
my %type;
push @{ $type{ $text->{$_}{type} } }, $_ for keys %$text;
is_deeply([sort keys %type], [qw(counter gauge histogram)], 'all have a type');

# name => { 'label=value,label=value' => number }
my %sample;
for my $family (values %$text) {
	for (@{ $family->{samples} }) {
		my ($name, $labels, $value) = @$_;
		$sample{$name}{ join ',', map { "$_=$labels->{$_}" }
			sort keys %$labels } = $value;
	}
}
is($sample{psm_token_decisions_total}{'reason=granted'}, 20, '20 granted');
is($sample{psm_token_decisions_total}{'reason=token_missing'}, 3, '3 missing');

# ---- JSON ----

my @differ;
$_->{lease_age_seconds} &&= 0 for @{ $m->{workers} };

sub same {
	my ($name, $labels, $value) = @_;

	my $seen = delete $sample{$name}{$labels};
	push @differ, "$name $labels: " . ($seen // 'none') . ", not $value"
		if !defined $seen || abs($seen - $value) > 1e-9;
}

for my $name (grep { $_ ne 'workers' } keys %$m) {
	my ($value, $full) = ($m->{$name}, "psm_token_$name");
	my ($label) = ref $value ? map { /^(\w+)=/ }
		keys %{ $sample{"${full}_total"} // {} } : ();
	if (!ref $value) {
		same("${full}_total", '', $value);
	} elsif (!$value->{buckets}) {
		same("${full}_total", "$label=$_", $value->{$_}) for keys %$value;
	} else {
		same("${full}_$_", '', $value->{$_}) for qw(sum count);
		same("${full}_bucket", "le=$_", $value->{buckets}{$_})
			for keys %{ $value->{buckets} };
	}
}
for my $worker (@{ $m->{workers} }) {
	my $who = "worker=$worker->{worker}";
	for my $name (grep { $_ ne 'worker' } keys %$worker) {
		my ($value, $full) = ($worker->{$name}, "psm_token_$name");
		next if !defined $value;
		if (ref $value) {
			same($full, "cache=$_,$who", $value->{$_}) for keys %$value;
		} elsif ($value =~ /^[\d.]+\z/) {
			same($full, $who, $value);
		} else {
			my @states = map { /^state=(\w+),\Q$who\E\z/ }
				keys %{ $sample{$full} };
			same($full, "state=$_,$who", $_ eq $value ? 1 : 0) for @states;
		}
	}
}
is_deeply(\@differ, [], 'JSON says the same');
is_deeply([map { my $name = $_; map { "$name $_" } keys %{ $sample{$name} } }
	sort keys %sample], [], '  and nothing less');

# ---- README ----

my ($part) = slurp("$PSM::Gate::REPO/README.md")
	=~ /^## Metrics\n(.*?)^## /ms;
my %listed;
while ($part =~ /^\| ((?:`\w+`(?:, )?)+) \| (\w+) \|/mg) {
	my ($names, $kind) = ($1, $2);
	$listed{"psm_token_$_"} = $kind for $names =~ /`(\w+)`/g;
}
is_deeply(\%listed, { map { $_ => $text->{$_}{type} } keys %$text },
	'README lists the same, each with its kind');

# ---- alert rules ----

# Every series name, and the values of its labels.
my %values;
for my $family (keys %$text) {
	my $kind = $text->{$family}{type};
	$values{ $family . $_ } //= {} for $kind eq 'counter' ? '_total'
		: $kind eq 'histogram' ? qw(_bucket _sum _count) : '';
	for (@{ $text->{$family}{samples} }) {
		my ($name, $labels) = @$_;
		$values{$name}{$_}{ $labels->{$_} } = 1 for keys %$labels;
	}
}
my $rules = reader('', rules =>
	"$PSM::Gate::REPO/conf/psm_token_alerts.yml");
cmp_ok(scalar @$rules, '>=', 8, scalar(@$rules) . ' alerts');
my %seen;
for my $rule (@$rules) {
	my @wrong;
	for (@{ $rule->{selectors} }) {
		my ($name, $matchers) = @$_;
		push @wrong, $name if !$values{$name};
		for (@$matchers) {
			my ($label, $op, $value) = @$_;
			push @wrong, map { "$name $label=$_" }
				grep { !$values{$name}{$label}{$_} } split /\|/, $value;
		}
	}
	is_deeply(\@wrong, [], "$rule->{alert} asks for what there is");
	cmp_ok(scalar @{ $rule->{selectors} }, '>', 0, '  asks');
	like($rule->{severity}, qr/^(?:critical|warning)\z/, '  has a severity');
	ok(length $rule->{summary}, '  says what it is');
	ok(!$seen{ $rule->{alert} }++, '  by a name of its own');
}

$t->finish;
