# SPDX-License-Identifier: BSD-2-Clause
#
# A program in a real terminal: a private tmux server, with one window.
#
#	my $terminal = PSM::Terminal->start(dir => $dir, columns => 80,
#		run => ['bash', '--norc']);
#	$terminal->type('psm-token li');    # text as it stands
#	$terminal->press('Tab', 'C-c');     # keys by tmux's names
#	$terminal->shows(qr/list /);        # waits for it
#	$terminal->stop;

package PSM::Terminal;

use strict;
use warnings;

use Carp qw(croak);

use PSM::Process qw(wait_for);

my $number = 0;

# dir: for the socket; run => [command]; columns (80), lines (24); env => {}.
sub start {
	my ($class, %arg) = @_;

	my $self = bless { columns => 80, lines => 24, owner => $$, %arg,
		socket => "$arg{dir}/tmux-" . $number++ }, $class;
	my %env = (LC_ALL => 'C.UTF-8', TERM => 'screen', %{ $arg{env} // {} });
	$self->_tmux('-u', 'new-session', '-d', '-x', $self->{columns},
		'-y', $self->{lines}, 'env', (map { "$_=$env{$_}" } sort keys %env),
		@{ $arg{run} });
	$self->_tmux('set-option', '-g', 'remain-on-exit', 'on');
	return $self;
}

sub _tmux {
	my ($self, @words) = @_;

	local %ENV = (%ENV, LC_ALL => 'C.UTF-8', SHELL => '/bin/sh');
	delete $ENV{TMUX};
	local ($?, $!);
	my @command = ('tmux', '-f', '/dev/null', '-S', $self->{socket}, @words);
	my $pid = open my $out, '-|', @command or croak "tmux: $!";
	my $text = do { local $/; <$out> // '' };
	close $out or croak "tmux $words[0] failed";
	return $text;
}

sub type {
	my ($self, $text) = @_;
	$self->_tmux('send-keys', '-l', '--', $text);
}

sub press {
	my ($self, @keys) = @_;
	$self->_tmux('send-keys', @keys);
}

# What is to be seen, without blanks at the ends of lines; with history =>
# what has scrolled away, too.
sub screen {
	my ($self, %arg) = @_;
	return $self->_tmux('capture-pane', '-p',
		$arg{history} ? ('-S', '-') : ());
}

# Waits until the screen matches; gives what it shows, or nothing.
sub shows {
	my ($self, $pattern, $limit) = @_;

	my $screen = '';
	my $found = wait_for(sub {
		$screen = $self->screen;
		return $screen =~ $pattern;
	}, $limit // 20);
	return $screen if $found;
	Test::More::diag("the screen does not match $pattern:\n$screen");
	return;
}

sub resize {
	my ($self, $columns) = @_;
	$self->_tmux('resize-window', '-x', $columns, '-y', $self->{lines});
}

# The window's program.
sub pid {
	my ($self) = @_;
	my ($pid) = $self->_tmux('list-panes', '-F', '#{pane_pid}') =~ /(\d+)/;
	return $pid;
}

sub stop {
	my ($self) = @_;
	return if delete($self->{stopped}) || $self->{owner} != $$;
	$self->{stopped} = 1;
	eval { $self->_tmux('kill-server') };
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $!, $@);
	$self->stop if !$self->{stopped};
}

1;
