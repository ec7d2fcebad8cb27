#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# T20: nginx evaluates a text with variables twice, for its length and for its
# bytes. Ours give the same both times, and touch no captures: wherever they
# stand beside a regex (map, rewrite, if, location), the text comes out whole.
# Meant to run under the sanitizers as well.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use PSM::Check qw(last_line);
use PSM::Gate;
use PSM::PhaseModes;
use Test::More;

my $t = PSM::Gate->new(name => 'variables');
my %records;
my $long = 'n' . 'ame' x 41 . ' end';
my $expires = time + 90 * 86400;
my @issued = (
	resource => [name => 'first second', owner => 'me@here',
		resources => { main => 'manage' }, expires => $expires],
	scope => [name => $long, owner => 'o' x 128, expires => undef,
		scopes => [qw(artifact:download channel:view-artifacts)]],
	signs => [name => '$uri ${1} %s %n \\ <b>', owner => 'a+b',
		resources => { main => 'read' }, expires => $expires],
	'a letter' => [name => 'x', owner => 'y', resources => { main => 'write' },
		expires => $expires],
	'no right' => [name => 'first second', owner => 'me',
		resources => { other => 'read' }, expires => $expires],
);
my %token;
while (my ($who, $record) = splice @issued, 0, 2) {
	$token{$who} = $t->add_token(@$record, in => \%records);
}
$token{unknown} = $t->unknown_token;
$token{nobody} = undef;
$t->fake_redis(records => \%records);
$t->file('main/noarch/x', "main\n");
$t->file('main/cap/noarch/x', "main\n");

my @names = qw(status id name owner type channel level expires cache);
my $all = join '|', map { "\$psm_token_$_" } @names;
my $maps = join '', map {
	my $kind = $_ ? 'volatile; ' : '';
	my $as = $_ ? 'v' : 'c';
	map { <<"EOC" } @names;
	map \$psm_token_$_ \$${as}_$_ {
		$kind
		"~^(?<${as}_first_$_>.)(?<${as}_rest_$_>.*)\$" "\$${as}_rest_$_<\$${as}_first_$_>\$1\$psm_token_$_";
		default "none";
	}
EOC
} 0, 1;
my ($cacheable, $volatile) = map {
	my $as = $_;
	join '|', map { "\$${as}_$_" } @names
} 'c', 'v';

my $m = PSM::PhaseModes->new($t, http => <<"EOC", server => <<"EOC2");
	$maps
	map \$psm_token_status \$refused { volatile; "~^(token|scope)_" 1; default 0; }
	log_format all '\$arg_mark {$all} <\$http_authorization|\$http_x_auth|\$http_x_api_key|\$remote_user>';
	log_format json escape=json '\$arg_mark {"name":"\$psm_token_name","owner":"\$psm_token_owner"}';
	access_log %%DIR%%/logs/all.log all;
	access_log %%DIR%%/logs/json.log json;
	access_log %%DIR%%/logs/refused.log all if=\$refused;
EOC
	psm_token on;
	location /main/ {
		add_header X-All "$all" always;
		add_header X-Again "$all" always;
		add_header X-Map "$cacheable" always;
		add_header X-Volatile "$volatile" always;
		proxy_set_header X-All "$all";
		proxy_set_header X-Map "$cacheable";
		proxy_set_header X-Volatile "$volatile";
		%%CONTENT%%
	}
	location ~ ^/main/cap/(?<named>[a-z]+)/(.*)\$ {
		# Without the maps: a regex there has captures of its own, which is
		# nginx's doing.
		add_header X-Cap "\$1|\$2|\$named|$all|\$1|\$2|\$named" always;
		proxy_set_header X-Cap "\$1|\$2|\$named|$all|\$1|\$2|\$named";
		%%CONTENT%%
	}
	# The rewrite module sees them after an internal redirect only.
	location /main/later/ { error_page 404 = \@later; }
	location \@later {
		set \$before "$all";
		if (\$psm_token_id ~ "^([0-9a-f]{4})(.*)\$") {
			set \$id "\$2<\$1>\$psm_token_owner<\$1>\$2";
		}
		if (\$psm_token_name ~* "^(?<head>\\S+) (?<tail>.+)\$") {
			set \$swap "\$tail \$head \$psm_token_name \$1 \$psm_token_owner \$2";
		}
		rewrite ^/main/(later)/(.*)\$ /\$1/\$psm_token_status/\$2/\$psm_token_level/\$1;
		return 200 "\$before\\n$all\\n\$id\\n\$swap\\n\$uri\\n<$volatile>\\n";
	}
	location /main/moved/ { error_page 404 =302 http://localhost/main/noarch/\$psm_token_status/\$psm_token_name/\$psm_token_status; }
	# Before the gate there is nothing, also in a length.
	location /main/early/ { rewrite ^/main/(.*)\$ /main/\$psm_token_id\$1\$psm_token_name; return 200 "[$all][\$uri]"; }
EOC2

# What the variables hold for somebody.
sub values_of {
	my ($who, $channel) = @_;

	my $status = $who eq 'nobody' ? 'token_missing'
		: $who eq 'unknown' ? 'token_unknown'
		: $who eq 'no right' ? 'channel_not_granted' : 'granted';
	my $record = $token{$who} && $t->token_record($token{$who}) // {};
	my $level = !%$record || $who eq 'no right' ? ''
		: $record->{resources} ? $record->{resources}{main} : 'read';
	return ($status, (map { $record->{$_} // '' } qw(id name owner type)),
		$channel, $level, $record->{expires} // '');
}

# As the maps turn it.
sub turned {
	return join '|', map {
		/^(.)(.*)\z/s ? "$2<$1>$1$_" : 'none';
	} @_;
}

my $cache = qr/MISS|HIT|NEGATIVE|/;
sub check_headers {
	my ($name, $get, @values) = @_;

	my $line = $get->('X-All') // '';
	my ($seen) = $line =~ /\|(\w*)\z/;
	like($seen, qr/\A(?:$cache)\z/, "$name: \$psm_token_cache");
	is($line, join('|', @values, $seen), "$name: all");
	is($get->('X-Again'), $line, '  again') if defined $get->('X-Again');
	is($get->('X-Map'), turned(@values, $seen), '  through a map');
	is($get->('X-Volatile'), turned(@values, $seen), '  a volatile one');
}

for my $who (sort keys %token) {
	my $T = $token{$who};
	my $before = defined $T ? "/t/$T" : '';
	my @values = values_of($who, 'main');
	my $ok = $values[0] eq 'granted';
	for my $mode (qw(plain unmerged proxied)) {
		my $r = $m->ask($mode, GET => "$before/main/noarch/x");
		is($r->{status} == 200, $ok, "T20 $mode, $who: the gate");
		check_headers("T20 $mode, $who, add_header",
			sub { $t->header($r, $_[0]) }, @values);
		if ($mode eq 'proxied' && $ok) {
			my $raw = $t->{upstreams}[0]->last_request;
			check_headers("T20 $mode, $who, proxy_set_header", sub {
				$raw =~ /^$_[0]: (.*?)\r$/m ? $1 : undef;
			}, @values);
		}

		$r = $m->ask($mode, GET => "$before/main/cap/noarch/x");
		my @cap = values_of($who, 'main/cap');
		my $line = $t->header($r, 'X-Cap') // '';
		my ($seen) = $line =~ /\|(\w*)\|noarch\|x\|noarch\z/;
		is($line, join('|', qw(noarch x noarch), @cap, $seen // '-',
			qw(noarch x noarch)), "T20 $mode, $who: captures stay");
	}
	my @later = values_of($who, 'main/later');
	for my $mode ($m->names) {
		next if $mode eq 'proxied';
		my $r = $m->ask($mode, GET => "$before/main/early/a");
		is($r->{body}, '[||||||||][/main/early/a]',
			"T20 $mode, $who: nothing before the gate");
		next if !$ok;
		$r = $m->ask($mode, GET => "$before/main/later/noarch/absent");
		my @lines = split /\n/, $r->{body};
		my ($seen) = ($lines[0] // '') =~ /\|(\w+)\z/;
		my @v = (@later, $seen);
		is($lines[0], join('|', @v), "T20 $mode, $who: set");
		is($lines[1], join('|', @v), '  return');
		my ($four, $rest) = $v[1] =~ /^(.{4})(.*)\z/;
		is($lines[2], "$rest<$four>$v[3]<$four>$rest", '  if, numbered');
		my ($head, $tail) = $v[2] =~ /^(\S+) (.+)\z/;
		is($lines[3], defined $head ? "$tail $head $v[2] $head "
			. "$v[3] $tail" : '', '  if, named');
		is($lines[4], "/later/granted/noarch/absent/$v[6]/later", '  rewrite');
		is($lines[5], '<' . turned(@v) . '>', '  through maps');
	}
}

my $r = $m->ask('plain', GET => "/t/$token{resource}/main/moved/noarch/x");
is($t->header($r, 'Location'), "http://localhost/t/$token{resource}/main/noarch/granted/first second/granted",
	'T20 error_page with variables');

# ---------------------------------------------------------- the logs, at last

my @carriers = (
	['X-Auth' => sub { $_[0] }, '<|****||>'],
	['X-API-Key' => sub { $_[0] }, '<||****|>'],
	[Authorization => sub { "Bearer $_[0]" }, '<Bearer ****|||>'],
	[Authorization => sub { 'Basic ' . encode_base64("me:$_[0]", '') },
		'<Basic ****|||me>'],
	[Authorization => sub { 'Basic ' . encode_base64("$_[0]:", '') },
		'<Basic ****|||****>'],
	[Authorization => sub { 'Basic ' . encode_base64('me:you', '') },
		'<Basic bWU6eW91|||me>'],
);
# What is not there is a dash in a log.
sub dashed {
	return '<' . join('|', map { length ? $_ : '-' }
		split /\|/, $_[0] =~ s/[<>]//gr, -1) . '>';
}
my $mark = 0;
for my $who (grep { defined $token{$_} } sort keys %token) {
	for my $carrier (@carriers) {
		my ($header, $text, $shown) = @$carrier;
		my $id = 'mark' . $mark++;
		my @h = ($header => $text->($token{$who}));
		push @h, 'X-Auth' => $token{$who} if $shown =~ /bWU/;
		# `early` answers before the gate: the headers are still there
		$m->ask('plain', GET => "/main/early/x?mark=$id", headers => \@h);
		my $line = last_line($t, "(?m)^$id ", 'all.log');
		$shown = '<Basic bWU6eW91|****||me>' if $shown =~ /bWU/;
		is($line, "$id {-|-|-|-|-|-|-|-|-} " . dashed($shown), "T20 log, $who: $header, $shown");
		$id = 'mark' . $mark++;
		$m->ask('plain', GET => "/main/noarch/x?mark=$id", headers => \@h);
		$line = last_line($t, "(?m)^$id ", 'all.log');
		my @v = values_of($who, 'main');
		my $logged = join '\|', map {
			length ? quotemeta s/([\\"])/sprintf '\\x%02X', ord $1/ger : '-?'
		} @v;
		like($line, qr/^$id \{$logged\|(?:$cache)\} /, '  once it is judged');
		unlike($line, qr/<.*\*{4}.*>/, '  the header is gone');
		my $json = last_line($t, "(?m)^$id ", 'json.log') =~ s/^\S+ //r;
		my $read = eval { JSON::PP->new->decode($json) } // {};
		is_deeply($read, { name => $v[2], owner => $v[3] }, '  as JSON');
		my $refused = grep { /^$id / } split /\n/, $t->log_text('refused.log');
		is($refused, $who eq 'unknown' ? 1 : 0, '  a log with a condition');
	}
}
$t->allow_leak('response header location', $token{resource});
$t->finish;
