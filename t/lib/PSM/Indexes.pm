# SPDX-License-Identifier: BSD-2-Clause
#
# Whether records, ids and indexes in Redis say the same (design.md section 6),
# worked out here a second time: whatever ended a change, none is half made.
#
#	is_deeply([index_problems($redis)], [], 'nothing is half made');

package PSM::Indexes;

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP;

our @EXPORT_OK = qw(index_problems);

# All keys below psm: of a kind, by what is behind it.
sub _keys {
	my ($redis, $kind) = @_;
	return { map { substr($_, length "psm:$kind") => $_ }
		@{ $redis->command('KEYS', "psm:$kind*") } };
}

# {index => {id => score}}, "all", "o:NAME", "b:MAKER", "exp", "del".
sub _indexes {
	my ($redis) = @_;

	my %index;
	my $keys = _keys($redis, 'ix:');
	for my $name (grep { !/^[cu]\z/ } keys %$keys) {
		$index{$name} = { @{ $redis->command('ZRANGE', $keys->{$name}, 0, -1,
			'WITHSCORES') } };
	}
	return \%index;
}

# Where a record's id must stand, with its score; nowhere else.
sub _places {
	my ($r) = @_;

	return { del => $r->{deleted} } if $r->{deleted};
	return {
		all => $r->{created}, "o:$r->{owner}" => $r->{created},
		defined $r->{by} ? ("b:$r->{by}" => $r->{created}) : (),
		defined $r->{expires} ? (exp => $r->{expires}) : (),
	};
}

sub _wrong_places {
	my ($id, $record, $index) = @_;

	my $wanted = _places($record);
	my @wrong;
	for my $name (keys %{ { %$index, %$wanted } }) {
		my $score = $index->{$name}{$id} // 'nothing';
		my $right = $wanted->{$name} // 'nothing';
		push @wrong, "$id has $score in ix:$name, not $right"
			if $score ne $right;
	}
	return @wrong;
}

# A string that overlaps and the one that took its place, of each other.
sub _wrong_twins {
	my ($id, $record, $by_id) = @_;

	my $main = $record->{superseded_by};
	return if !defined $main || $record->{deleted};
	my $other = $by_id->{$main};
	return "$id lives without $main" if !$other || $other->{deleted};
	return "$main does not know of $id"
		if ($other->{supersedes} // '') ne $id;
	return;
}

sub index_problems {
	my ($redis) = @_;

	my $json = JSON::PP->new->utf8;
	my (@wrong, %by_id, %record);
	my $digests = _keys($redis, 't:');
	my $ids = _keys($redis, 'i:');
	for my $digest (keys %$digests) {
		$record{$digest} = eval { $json->decode(
			$redis->command('GET', $digests->{$digest})) };
		push @wrong, "$digest is no JSON" if !$record{$digest};
	}
	for my $id (keys %$ids) {
		my $digest = $redis->command('GET', $ids->{$id});
		$by_id{$id} = $record{$digest};
		push @wrong, "$id leads to nothing" if !$by_id{$id};
		push @wrong, "$id leads to another one"
			if $by_id{$id} && $by_id{$id}{id} ne $id;
	}
	my %led = map { $_ => 1 } grep { defined } values %by_id;
	for my $digest (grep { $record{$_} } keys %record) {
		my $r = $record{$digest};
		push @wrong, "$digest lives, and $r->{id} leads elsewhere"
			if !$led{$r} && !$r->{deleted};
		push @wrong, "$digest belongs to no id" if !$by_id{ $r->{id} };
	}
	my $index = _indexes($redis);
	for my $id (grep { $by_id{$_} } keys %by_id) {
		push @wrong, _wrong_places($id, $by_id{$id}, $index),
			_wrong_twins($id, $by_id{$id}, \%by_id);
	}
	for my $name (keys %$index) {
		push @wrong, map { "ix:$name has $_, which is nobody" }
			grep { !$by_id{$_} } keys %{ $index->{$name} };
	}
	return @wrong;
}

1;
