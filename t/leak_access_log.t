#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Access logs: every variable that nginx has, in every escaping, in every mode,
# also packed, by syslog and in a name of a file (threat T58). The teardown
# looks for tokens in the files; here it is seen that lines were written, and
# what is not plain is unpacked.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use IO::Uncompress::Gunzip qw(gunzip);
use MIME::Base64 qw(encode_base64);
use PSM::Gate;
use PSM::Modes;
use PSM::Oracle;
use PSM::Process qw(slurp wait_for);
use Test::More;

my $t = PSM::Gate->new(name => 'access log');
$t->start_redis;
$t->file('main/noarch/x', "main\n");
$t->file('main/noarch/dir/x', "main\n");
my $syslog = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
	or die "syslog: $!";
my @variables = qw(ancient_browser arg_a arg_psm args body_bytes_sent bytes_sent
	connection connection_requests content_length content_type date_gmt
	document_root document_uri fastcgi_path_info fastcgi_script_name host
	hostname http2 http_authorization http_host http_referer http_user_agent
	http_via http_x_api_key http_x_auth http_x_forwarded_for https
	invalid_referer is_args limit_rate modern_browser msec nginx_version pid
	pipe proxy_add_x_forwarded_for proxy_host proxy_port proxy_protocol_addr
	psm_token_cache psm_token_channel psm_token_expires psm_token_id
	psm_token_level psm_token_name psm_token_owner psm_token_status
	psm_token_type query_string realip_remote_addr realpath_root remote_addr
	remote_port remote_user request request_body request_body_file
	request_completion request_filename request_id request_length
	request_method request_time request_uri scheme secure_link
	secure_link_expires sent_http_cache_control sent_http_connection
	sent_http_content_length sent_http_content_type sent_http_etag
	sent_http_vary sent_http_www_authenticate server_addr server_name
	server_port server_protocol slice_range ssl_protocol status time_iso8601
	uri upstream_addr upstream_cache_status upstream_http_location
	upstream_response_length upstream_status);
my $all = join ' ', map { "$_=\$$_" } @variables;
my $taken = 'set=$seen map=$mapped captured=$captured';
my $modes = PSM::Modes->new($t, server => <<'EOC', http => <<"EOC");
	set $seen "$request|$request_uri|$args|$http_referer|$http_authorization";
	if ($request_uri ~ "(.*)") { set $captured $1; }
	psm_token on;
EOC
map \$request_uri \$mapped { "~^(?<whole>.*)\$" \$whole; }
log_format all '$all $taken';
log_format json escape=json '{"all":"$all $taken"}';
log_format none escape=none '$all $taken';
log_format location '\$request_id|\$sent_http_location|\$status';
access_log %%DIR%%/logs/common.log combined;
access_log %%DIR%%/logs/all.log all;
access_log %%DIR%%/logs/json.log json;
access_log %%DIR%%/logs/none.log none;
access_log %%DIR%%/logs/location.log location;
access_log %%DIR%%/logs/by-\$psm_token_id.log all;
access_log %%DIR%%/tmp/\$request_method-\$host.log all;
access_log %%DIR%%/logs/packed.log.gz all gzip flush=100ms;
access_log %%DIR%%/logs/buffered.log all buffer=64k flush=100ms;
access_log %%DIR%%/logs/some.log all if=\$http_referer;
access_log syslog:server=127.0.0.1:@{[$syslog->sockport]} combined;
EOC

my $T = $t->add_token(resources => { main => 'write' });
my $U = $t->unknown_token;
my $E = join '', map { sprintf '%%%02X', ord } split //, $T;
my $x = 'main/noarch/x';
sub basic { return 'Basic ' . encode_base64($_[0], '') }

# name, status, path, headers
my @requests = (
	['path', 200, "/t/$T/$x"], ['encoded', 200, "/t/$E/$x"],
	['an encoded t', 200, "/%74/$T/$x"], ['dots', 200, "/y/../t/$T/./$x"],
	['twice', 200, "/t/$T/t/$T/$x"],
	['a query', 200, "/t/$T/$x?a=$T&psm=$E&$T=1&b=t/$T/"],
	['a query alone', 401, "/$x?a=$T"],
	['a Referer', 200, "/t/$T/$x", Referer => "http://h/t/$T/?a=$T#$T"],
	['an encoded Referer', 200, "/t/$T/$x",
		Referer => "http://h/?u=http%3A%2F%2Fh%2Ft%2F$T%2F&v=$E"],
	['Bearer', 200, "/$x", Authorization => "Bearer $T"],
	['token', 200, "/$x", Authorization => "token $T"],
	['Basic', 200, "/$x", Authorization => basic("me:$T")],
	['Basic, the user', 200, "/$x", Authorization => basic("$T:")],
	['Basic, both', 200, "/$x", Authorization => basic("$T:$T")],
	['Basic, malformed', 401, "/$x", Authorization => basic("$T:x")],
	['X-Auth', 200, "/$x", 'X-Auth' => $T],
	['X-API-Key', 200, "/$x", 'X-API-Key' => $T],
	['a list', 401, "/$x", 'X-Auth' => "$T, $T"],
	['in quotes', 401, "/$x", Authorization => "Bearer \"$T\""],
	['two lines', 400, "/$x", 'X-Auth' => $T, 'X-Auth' => $T],
	['ambiguous', 401, "/t/$T/$x", 'X-Auth' => $U],
	['unknown', 401, "/t/$U/$x"], ['denied', 403, "/t/$T/other/x"],
	['a channel of its name', 403, "/t/$T/$T/noarch/x"],
	['a file of its name', 404, "/t/$T/main/noarch/$T.conda"],
	['a missing file', 404, "/t/$T/$x.not"],
	['nothing behind it', 404, "/t/$T"],
	['a bad Host', 400, "/t/$T/$x", Host => 'a/b'],
	['a bad escape', 400, "/t/$T/$x%zz"],
	['two Authorization lines', 400, "/t/$T/$x",
		Authorization => "Bearer $T", Authorization => "Bearer $T"],
);
for my $mode ($modes->names) {
	my $before = () = $t->log_text('none.log') =~ /\n/g;
	for (@requests) {
		my ($name, $status, $path, @headers) = @$_;
		next if $mode eq 'proxied' && $name eq 'a missing file'
			|| $mode eq 'h2' && $name eq 'a bad Host';
		$status = 200 if $mode eq 'proxied' && $status == 404
			&& $name !~ /file|nothing/;
		is($modes->ask($mode, GET => $path, headers => \@headers)->{status},
			$status, "T58 $mode: $name");
	}
	my $n = @requests - ($mode =~ /^(?:proxied|h2)$/ ? 1 : 0);
	ok(wait_for(sub { my $now = () = $t->log_text('none.log') =~ /\n/g;
		$now >= $before + $n }, 10), "T58 $mode: all of them are logged");
}
like($t->log_text('common.log'), qr{"GET /t/\*{4}/$x HTTP/2\.0" 200},
	'T58 the common log names the mask');
is(scalar(grep { !-s } map { $t->dir . "/logs/$_.log" } qw(common all json none
	some)), 0, 'T58 every log has lines');
my $id = $t->token_record($T)->{id};
ok(-s $t->dir . "/logs/by-$id.log", 'T58 a log by the id of the token');
is(scalar(grep { m{/[^/]*psm-[^/]*\z} } glob $t->dir . '/{logs,tmp}/*'), 0,
	'  and no file has a token for a name');

# ----------------------------------------------- what is not a plain file

my $oracle = PSM::Oracle->new;
$oracle->add($T, $U);
my $packed = '';
wait_for(sub {
	$packed = '';
	gunzip($t->dir . '/logs/packed.log.gz', \$packed, MultiStream => 1);
	$packed =~ tr/\n// >= @requests;
}, 10);
cmp_ok($packed =~ tr/\n//, '>=', scalar(@requests), 'T58 a packed log has lines');
is(scalar(() = $oracle->find($packed)), 0, '  and no token');
my ($messages, $lines) = ('', 0);
while (IO::Select->new($syslog)->can_read(0.5)) {
	$syslog->recv(my $message, 65536);
	$messages .= "$message\n";
	$lines++;
}
cmp_ok($lines, '>', 0, 'T58 syslog gets lines');
is(scalar(() = $oracle->find($messages)), 0, '  and no token');

# ------------------------------------------- a Location that was put back

$t->allow_leak('response header location', $T);
for my $mode (qw(plain h2 unmerged)) {
	my $before = length $t->log_text('location.log');
	is($modes->ask($mode, GET => "/t/$T/main/noarch/dir")->{status}, 301,
		"T58 $mode: a redirect");
	wait_for(sub { length $t->log_text('location.log') > $before }, 10);
	my $line = substr $t->log_text('location.log'), $before;
	like($line, qr{/main/noarch/dir/\|301$}, '  its Location is logged');
	ok(!$oracle->find($line), '  without the token');
}

$t->finish;
