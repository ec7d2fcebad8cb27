# SPDX-License-Identifier: BSD-2-Clause
#
# The images of docker/, built by mk/image, and the compose file that runs
# them. PSM_IMAGE is the folder where images are built and kept, PSM_VENV the
# venv with the schema of compose files.
#
#	BEGIN { PSM::Image::build_and_enter() }    # before anything is printed
#	my $image = PSM::Image->new('demo');
#	$image->config->{User}; $image->tree; $image->archive;
#	my $compose = PSM::Image::compose();

package PSM::Image;

use strict;
use warnings;

use Carp qw(croak);
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use JSON::PP;

our $REPO = abs_path(dirname(__FILE__) . '/../../..');
our $FOLDER = $ENV{PSM_IMAGE} // "$REPO/build/image";

# The sources that the images were built of, with the passwords that
# docker/make-secrets made there.
our $CONTEXT = "$FOLDER/context";

my $json = JSON::PP->new->utf8;

sub _mk {
	my ($command, @words) = @_;

	system("$REPO/mk/image", $command, $FOLDER, @words) == 0
		or croak "mk/image $command failed: see $FOLDER/build.log";
}

sub _read {
	my (@command) = @_;

	open my $out, '-|', @command or croak "$command[0]: $!";
	local $/;
	my $text = <$out> // '';
	close $out or croak "@command: failed";
	return $text;
}

# Containers take root and namespaces: the test starts itself again with them,
# in a network of its own.
sub build_and_enter {
	return if $^C || $ENV{PSM_IMAGE_INSIDE};    # perl -c only compiles

	if ($> != 0) {
		system('sudo -n true 2> /dev/null') == 0 or die "this test takes root:"
			. " run it as root, or let sudo work without a password\n";
		exec 'sudo', '-n', 'env', (map { "$_=$ENV{$_}" }
			grep { /^(?:PSM_\w+|PATH|TMPDIR)\z/ } keys %ENV), $^X, $0
			or die "sudo: $!\n";
	}
	my @namespaces = qw(unshare --net --mount --propagation private);
	system(@namespaces, 'true') == 0 or die "no namespaces: a container needs"
		. " CAP_SYS_ADMIN for this, and a seccomp profile that allows it\n";
	_mk('build');
	$ENV{PSM_IMAGE_INSIDE} = 1;
	exec @namespaces, $^X, $0 or die "unshare: $!\n";
}

sub new {
	my ($class, $target) = @_;
	return bless { target => $target }, $class;
}

# All that it holds, as a tree of files of its own.
sub tree {
	my ($self) = @_;

	my $tree = "$FOLDER/$self->{target}";
	_mk('root', $self->{target}, $tree) if !$self->{unpacked}++;
	return $tree;
}

# The same as its layers, in one file whose name is given; the caller unlinks
# it.
sub archive {
	my ($self) = @_;

	my $archive = "$FOLDER/$self->{target}.tar";
	_mk('save', $self->{target}, $archive);
	return $archive;
}

# What the image says of itself: { config => {User ...}, history => [...] }.
sub description {
	my ($self, $archive) = @_;

	my ($manifest) = @{ $json->decode(
		_read('tar', '-xOf', $archive, 'manifest.json')) };
	return $json->decode(_read('tar', '-xOf', $archive, $manifest->{Config}));
}

# The compose file after its schema; undef and what is wrong with it.
sub compose {
	my ($file) = @_;

	$file //= "$REPO/docker/compose.yaml";
	my $python = ($ENV{PSM_VENV} // "$REPO/build/venv") . '/bin/python';
	croak "no $python: use `make test`" if !-x $python;
	my $program = "$REPO/t/compose/validate.py";
	my $out = `'$python' '$program' '$file' 2>&1`;
	return $? ? (undef, $out) : ($json->decode($out), '');
}

1;
