# SPDX-License-Identifier: BSD-2-Clause
#
# A private CA for one test, and certificates that are right or wrong in one
# way each, made with the openssl command. Nothing is kept after the test.
#
#	my $certs = PSM::Certificates->new(dir => "$dir/tls");
#	PSM::Redis->start(dir => ..., tls => $certs);          # certificate "both"
#	PSM::Redis->start(dir => ..., tls => $certs, certificate => 'expired');
#	'ca=' . $certs->ca . ' cert=' . $certs->cert('client') . ...
#
# By whom and for whom they are:
#
#	address       our CA       127.0.0.1 and ::1, no name
#	name          our CA       redis.test and localhost, no address
#	both          our CA       all four
#	wrong_name    our CA       elsewhere.test, 192.0.2.1
#	expired       our CA       all four, ended in 2021
#	client        our CA       a client certificate
#	stranger      another CA   all four
#	other_client  another CA   a client certificate

package PSM::Certificates;

use strict;
use warnings;

use Carp qw(croak);

use PSM::Process qw(slurp);

my $all = 'DNS:redis.test,DNS:localhost,IP:127.0.0.1,IP:::1';

# name => [CA, subjectAltName, end]
my %kind = (
	address => ['ca', 'IP:127.0.0.1,IP:::1'],
	name => ['ca', 'DNS:redis.test,DNS:localhost'],
	both => ['ca', $all],
	wrong_name => ['ca', 'DNS:elsewhere.test,IP:192.0.2.1'],
	expired => ['ca', $all, '20210101000000Z'],
	client => ['ca', 'DNS:client.test'],
	stranger => ['other_ca', $all],
	other_client => ['other_ca', 'DNS:client.test'],
);

# dir: a folder of its own. A certificate is made when it is first asked for.
sub new {
	my ($class, %arg) = @_;

	my $self = bless {%arg}, $class;
	mkdir $arg{dir};
	for my $ca (qw(ca other_ca)) {
		$self->_openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
			'ec_paramgen_curve:P-256', '-nodes', '-days', 30, '-subj',
			"/CN=test $ca", '-addext', 'keyUsage=critical,keyCertSign,cRLSign',
			'-keyout', $self->key($ca), '-out', "$arg{dir}/$ca.pem");
	}
	return $self;
}

# The files, in PEM.
sub ca { return "$_[0]{dir}/ca.pem" }

sub other_ca { return "$_[0]{dir}/other_ca.pem" }

sub key { return "$_[0]{dir}/$_[1].key" }

sub cert {
	my ($self, $name) = @_;

	my $path = "$self->{dir}/$name.pem";
	$self->_make($name, $path) if !-e $path;
	return $path;
}

# "cert=... key=..." of a client, as words of an address of Redis.
sub words {
	my ($self, $name) = @_;
	return 'cert=' . $self->cert($name) . ' key=' . $self->key($name);
}

sub _make {
	my ($self, $name, $path) = @_;

	my $kind = $kind{$name} or croak "no certificate is called $name";
	my ($ca, $names, $end) = @$kind;
	my $dir = $self->{dir};
	# `openssl ca` is what can set both ends of the time in every version.
	for (["index.$name", ''], ["index.$name.attr", "unique_subject = no\n"],
		["$name.cnf", <<"CNF"])
[ca]
default_ca = own
[own]
database = $dir/index.$name
new_certs_dir = $dir
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = added
[any]
commonName = supplied
[added]
subjectAltName = $names
CNF
	{
		open my $fh, '>', "$dir/$_->[0]" or croak "$_->[0]: $!";
		print $fh $_->[1];
		close $fh;
	}
	$self->_openssl('req', '-newkey', 'ec', '-pkeyopt',
		'ec_paramgen_curve:P-256', '-nodes', '-subj', "/CN=test $name",
		'-keyout', $self->key($name), '-out', "$dir/$name.csr");
	$self->_openssl('ca', '-batch', '-notext', '-config', "$dir/$name.cnf",
		'-cert', "$dir/$ca.pem", '-keyfile', $self->key($ca),
		'-startdate', '20200101000000Z',
		'-enddate', $end // '20991231235959Z', '-in', "$dir/$name.csr",
		'-out', $path);
}

sub _openssl {
	my ($self, @words) = @_;

	my $log = "$self->{dir}/openssl.log";
	my $done = PSM::Process->start(name => 'openssl', output => $log,
		run => ['openssl', @words]);
	PSM::Process::wait_for(sub { !$done->alive }, 30);
	($done->stop // 1) == 0 or croak "openssl @words: " . slurp($log);
}

1;
