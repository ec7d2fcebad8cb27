#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What every answer under /tokens/ says to a browser: no frame around it, no
# copy of it, no code but its own files (T113). Each file of web/ is asked for
# in all ways, and what is not there too; then a real browser is to frame it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Find ();
use PSM::Gate;
use PSM::Oracle;
use PSM::Process qw(slurp);
use PSM::Token qw(new_token);
use PSM::Web;
use Test::More;

my $t = PSM::Gate->new(name => 'headers of the page');
$t->file('frame.html', '<iframe id="it" src="%s"></iframe>');
my $web = PSM::Web->start($t, server => 'expires 1d;', first => <<'EOC');
server {
	listen %%LISTEN2%%;
	root %%ROOT%%;
	types { text/html html; }
}
EOC
$t->file('frame.html', '<!DOCTYPE html><iframe src="' . $web->url . '"></iframe>');

my %wanted = (
	'Cache-Control' => qr/^no-store$/,
	'Referrer-Policy' => qr/^no-referrer$/,
	'X-Content-Type-Options' => qr/^nosniff$/,
	'X-Frame-Options' => qr/^DENY$/,
	'Content-Security-Policy' => qr/^default-src 'none';/,
	'Cross-Origin-Opener-Policy' => qr/^same-origin$/,
	'Cross-Origin-Resource-Policy' => qr/^same-origin$/,
);

# The headers, each once.
sub guarded {
	my ($r, $status, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @wrong = $r->{status} == $status ? () : "status $r->{status}";
	for my $header (sort keys %wanted) {
		my @got = map { $_->[1] } grep { lc $_->[0] eq lc $header }
			@{ $r->{headers} };
		push @wrong, "$header: @got"
			if @got != 1 || $got[0] !~ $wanted{$header};
	}
	ok(!@wrong, $name) or diag(join "\n", @wrong);
}

# ---------------------------------------------------------------- files ----

my @files;
File::Find::find({ no_chdir => 1, wanted => sub {
	push @files, substr $_, 1 + length "$PSM::Gate::REPO/web" if -f;
} }, "$PSM::Gate::REPO/web");
cmp_ok(scalar @files, '>=', 3, 'the page has its files');

for my $file ('', sort @files) {
	my $path = "/tokens/$file";
	my $r = $t->get($path);
	guarded($r, 200, "GET $path");
	my $type = $file =~ /\.m?js$/ ? qr{^(?:text|application)/javascript\b}
		: $file =~ /\.css$/ ? qr{^text/css\b}
		: $file =~ /\.svg$/ ? qr{^image/svg\+xml\b}
		: $file =~ /\.json$/ ? qr{^application/json\b} : qr{^text/html\b};
	like($t->header($r, 'Content-Type'), $type, '  of the right type');
	guarded($t->http('HEAD', $path), 200, "HEAD $path");
	guarded($t->get($path, Range => "bytes=$_"), 200, "no range of $path: $_")
		for '0-9', '9999999-';
	guarded($t->get($path, 'If-Modified-Since' => $t->header($r,
		'Last-Modified') // 'Thu, 01 Jan 2037 00:00:00 GMT',
		'If-None-Match' => '*'), 200, "$path whole, whatever one has of it");
}

guarded($t->get('/tokens/absent.js'), 404, 'what is not there');
guarded($t->get('/tokens/absent/folder/'), 404, 'no folder either');
guarded($t->http('POST', '/tokens/', body => 'x'), 405, 'a POST');
guarded($t->get('/tokens/.git/config'), 404, 'no hidden file');
guarded($t->get('/tokens/%3Cscript%3E'), 404, 'nor what is asked for in jest');

# The API behind it is kept by nobody either.
is($t->header($t->get('/api/account'), 'Cache-Control'), 'no-store',
	'the API is no-store');

# ------------------------------------------------------------- a browser ---

# Chromium's profile is where the end of each test looks for tokens: what a page
# keeps is to be found there, plainly or not.
my $other = 'http://127.0.0.1:' . $t->port(2) . '/frame.html';
my $word = new_token();
$web->runs('stored', 'another page keeps a word', keeper => $other,
	word => $word);
my $oracle = PSM::Oracle->new;
$oracle->add($word);
my @found;
File::Find::find({ no_chdir => 1, wanted => sub {
	push @found, $_ if -f && $oracle->find(slurp($_));
} }, $t->dir . '/browser-1');
ok(scalar @found, '  which is found in its profile');

$web->runs('headers', 'a browser holds to it',
	csp => scalar $t->header($t->get('/tokens/'), 'Content-Security-Policy'),
	frame => $other,
	token => $web->admin);

$t->finish;
