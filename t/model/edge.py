# SPDX-License-Identifier: BSD-2-Clause
"""A real nginx with the module and a real Redis: the servers that the random
configurations need, and asking a case there.

A few servers are enough, because in most of them psm_token_require and
psm_token_channel are variables that headers of the request set.
"""

import hashlib
import re
import socket

import queries
from scopes import LEVELS
from shapes import UNAVAILABLE, Answer, Config
from worlds import CHANNELS, NO_CHANNELS, PRIVACIES, SCOPES

SERVERS = 32

# nginx decides by the address whether slashes are merged: it does not know
# the server's name yet.
LISTEN = {True: '%%LISTEN%%', False: '%%LISTEN3%%'}
REQUIRE, CHANNEL = '$http_x_require', '$http_x_channel'

_SERVER = '''
server {{
	listen {listen};
	merge_slashes {merge};
	server_name s{number}.test;
	psm_token on;
	psm_token_base {bases};
	psm_token_carriers {carriers};
	psm_token_format {format};
	psm_token_require {require};
	{channel}
	psm_token_scope_levels {levels};
	psm_token_privacy {privacy};
	add_header X-Status "$psm_token_status" always;
	add_header X-Level "$psm_token_level" always;
	add_header X-Channel "$psm_token_channel" always;
	location / {{
		proxy_pass http://back;
		proxy_http_version 1.1;
		proxy_set_header Connection "";
	}}
}}
'''

_FRAME = '''
psm_token_redis %%REDIS%% timeout=30s connect_timeout=30s;
psm_token_cache off;
keepalive_requests 1000000;
client_max_body_size 0;
upstream back {{ server %%LISTEN2%%; keepalive 8; }}
server {{
	listen %%LISTEN2%%;
	access_log off; # of a header that is no carrier there: not the gate's
	location / {{ return 204; }}
}}
{servers}
'''


def random_configs(rng):
    """The configurations of the servers; the default is among them."""
    configs = [Config(require=REQUIRE),
               Config(require=REQUIRE, channel=CHANNEL),
               Config(require=REQUIRE, merge_slashes=False)]
    while len(configs) < SERVERS:
        config = queries.server_config(rng)._replace(
            scope_levels=rng.random() < 0.5, privacy=rng.choice(PRIVACIES),
            require=REQUIRE)
        if rng.random() < 0.25:
            config = config._replace(
                require=rng.choice(('auto', *LEVELS, *SCOPES)))
        if rng.random() < 0.25:
            config = config._replace(
                channel=rng.choice((CHANNEL, rng.choice(CHANNELS))))
        configs.append(config)
    return configs


def for_request(rng, config):
    """The configuration of a server, its variables filled in."""
    if config.require == REQUIRE:
        config = config._replace(require=queries.requirement(rng))
    if config.channel == CHANNEL:
        config = config._replace(
            channel=rng.choice(CHANNELS * 2 + NO_CHANNELS))
    return config


def servers_for(config):
    """The configurations of servers that come out as this one."""
    for require in (config.require, REQUIRE):
        for channel in (config.channel,
                        None if config.channel is None else CHANNEL):
            yield config._replace(require=require, channel=channel)


def nginx_conf(configs):
    """The http block, with the test library's names in it."""
    return _FRAME.format(servers=''.join(
        _SERVER.format(
            number=number, bases=' '.join(config.bases),
            carriers=' '.join(config.carriers), format=config.format,
            listen=LISTEN[config.merge_slashes],
            merge='on' if config.merge_slashes else 'off',
            require=config.require,
            channel=('' if config.channel is None
                     else f'psm_token_channel {config.channel};'),
            levels='on' if config.scope_levels else 'off',
            privacy=config.privacy)
        for number, config in enumerate(configs)))


class Redis:
    """Writes the records of a case, all in one send."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.input = self.socket.makefile('rb')

    def run(self, commands):
        """Commands that answer with one line each."""
        self.socket.sendall(b''.join(map(self._command, commands)))
        for _ in commands:
            reply = self.input.readline()
            if reply[:1] not in b'+:':
                raise RuntimeError(f'redis: {reply!r}')

    @staticmethod
    def _command(words):
        text = b'*%d\r\n' % len(words)
        for word in words:
            word = word.encode('latin-1')
            text += b'$%d\r\n%s\r\n' % (len(word), word)
        return text

    def store(self, case):
        """Redis refuses to GET a list: such a record is unavailable."""
        digest = {'psm:t:' + hashlib.sha256(
            token.encode('latin-1')).hexdigest(): text
            for token, text in case.records.items()}
        named = {'psm:c:' + path: text
                 for path, text in case.channels.items()}
        self.run([('FLUSHDB',)] + [
            ('LPUSH', key, 'x') if text is UNAVAILABLE else ('SET', key, text)
            for key, text in {**digest, **named}.items()])


class Nginx:
    """One kept connection to nginx."""

    def __init__(self, port):
        self.address = ('127.0.0.1', port)
        self.socket = self.input = None

    def _connect(self):
        self.socket = socket.create_connection(self.address, timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile('rb')

    def _close(self):
        self.input.close()
        self.socket.close()
        self.socket = None

    def request(self, method, text):
        """(status, headers, body) of the answer to these bytes."""
        if self.socket is None:
            self._connect()
        self.socket.sendall(text.encode('latin-1'))
        status = int(self.input.readline().split()[1])
        headers = {}
        while (line := self.input.readline().decode('latin-1').strip('\r\n')):
            name, _, value = line.partition(':')
            headers[name.lower()] = value.strip(' ')
        body = b''
        if method != 'HEAD' and status != 204:
            body = self.input.read(int(headers.get('content-length', 0)))
        if headers.get('connection') == 'close':
            self._close()
        return status, headers, body.decode('latin-1')


def request_text(case, server):
    """The bytes of the request."""
    lines = [f'{case.method} {case.target} HTTP/1.1',
             f'Host: s{server}.test', f'X-Require: {case.config.require}']
    if case.config.channel is not None:
        lines.append(f'X-Channel: {case.config.channel}')
    if case.method not in ('GET', 'HEAD'):
        lines.append('Content-Length: 0')
    lines += [f'{name}: {value}' for name, value in case.headers]
    return '\r\n'.join(lines) + '\r\n\r\n'


def read_answer(method, status, headers, body):
    """An Answer. The body of a denial must name the same reason."""
    reason = headers.get('x-status', '')
    code = re.search(r'"code":"(\w+)"', body)
    if status in (401, 403, 503) and method != 'HEAD':
        if not code or code[1] != reason:
            reason = f'{reason}, but the body: {code and code[1]}'
    if not reason:
        return Answer(status)
    return Answer(200 if status == 204 else status, reason,
                  headers.get('x-level', ''), headers.get('x-channel', ''))


class Gate:
    """nginx and Redis together: answers to cases."""

    def __init__(self, ports, redis_path, configs):
        self.nginx = {merge_slashes: Nginx(port)
                      for merge_slashes, port in zip((True, False), ports)}
        self.redis = Redis(redis_path)
        self.servers = {config: number
                        for number, config in enumerate(configs)}
        self.stored = None

    def server_of(self, config):
        """The number of a server; None when there is none."""
        for written in servers_for(config):
            if written in self.servers:
                return self.servers[written]
        return None

    def may_be_asked(self, case):
        """Whether there is a server for it, and HTTP can carry it."""
        channel = case.config.channel or ''
        return (self.server_of(case.config) is not None
                and channel == channel.strip(' ')
                and case.config.require == case.config.require.strip(' '))

    def ask_one(self, case):
        world = case.records, case.channels
        if self.stored is None or any(
                a is not b for a, b in zip(world, self.stored)):
            self.redis.store(case)
            self.stored = world
        server = self.server_of(case.config)
        nginx = self.nginx[case.config.merge_slashes]
        return read_answer(case.method, *nginx.request(
            case.method, request_text(case, server)))

    def ask(self, cases):
        return [self.ask_one(case) for case in cases]
