"""What no client should send: each gets a clear 4xx, or is cut off; answers under way to others do not notice."""

import json
import re
import signal
import socket
import subprocess
import threading
import unittest

import serving
from serving import HELLO, Server

CASES = serving.ROOT / 'tests' / 'data' / 'jsontestsuite.txt'
TEXT = {'prompt': 'The riders', 'max_tokens': 300, 'seed': 3, 'temperature': 1.5, 'ignore_eos': True}
POSTS = ('/v1/chat/completions', '/v1/completions', '/v1/messages', '/v1/messages/count_tokens', '/api/chat', '/api/generate', '/api/show',
         '/completion', '/tokenize', '/detokenize', '/apply-template')
HUGE = b'9' * 400


def cases():
    """Texts that are no JSON, from the JSONTestSuite."""
    for line in CASES.read_text().splitlines():
        if not line.startswith('#') and '\t' in line:
            text = line.split('\t', 1)[1]
            yield re.sub(r'\\x([0-9A-Fa-f]{2})', lambda match: chr(int(match[1], 16)), text).encode('latin-1')


def status(answer):
    match = re.match(rb'HTTP/1\.1 (\d{3}) ', answer)
    return int(match[1]) if match else None


class HostileTest(serving.Case):
    FLAGS = ('-np', '4')

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.text = cls.server.call('/v1/completions', TEXT)['choices'][0]['text']

    def setUp(self):
        """Meanwhile somebody asks for the same text, streamed, again and again."""
        self.over, self.answers, self.troubles = threading.Event(), 0, []

        def ask():
            while not self.over.is_set() or self.answers == 0:
                try:
                    events, done = self.server.events('/v1/completions', TEXT)
                    text = ''.join(event['choices'][0]['text'] for event in events)
                    if not done or text != self.text:
                        self.troubles.append(text)
                except Exception as error:
                    self.troubles.append(error)
                self.answers += 1
        self.asker = threading.Thread(target=ask)
        self.asker.start()

    def tearDown(self):
        self.over.set()
        self.asker.join()
        self.assertEqual(self.troubles, [])
        self.assertEqual(self.server.call('/health'), {'status': 'ok'})

    def refused(self, text, expected, quick=True):
        """`text` as it is on the wire: the status, or None for a connection that is closed without an answer."""
        try:
            got = status(self.server.sockets(text))
        except (ConnectionResetError, BrokenPipeError):
            got = None
        wanted = expected if isinstance(expected, tuple) else (expected,)
        self.assertIn(got, wanted, text[:100])

    def post(self, path, body, more=b''):
        return b'POST ' + path.encode() + b' HTTP/1.1\r\nConnection: close\r\n' + more + b'Content-Length: %d\r\n\r\n' % len(body) + body

    def test_bodies_that_are_no_json(self):
        bodies = [b'', b'{', b'[' * 100000, b'{"a":' * 100000, b'\xff\xfe', b'{"model": "\xc3\x28"}', b'{"temperature": 1e999}', b'null', b'[]',
                  b'{"messages": ' + b'[' * 1000 + b']' * 1000 + b'}', b'{"seed": -1e999}', b'{"a": "\x00"}', b'{"prompt": "\\ud800"}', b'\xef\xbb\xbf{}']
        for path in POSTS:
            connection = self.server.connection()
            for body in bodies + list(cases()):
                connection.request('POST', path, body=body)
                response = connection.getresponse()
                answer = json.loads(response.read())
                self.assertEqual(response.status, 400, (path, body[:80]))
                self.assertIn('error', answer)
            connection.close()

    def test_numbers_beyond_all_bounds(self):
        chat = {'messages': HELLO, 'max_tokens': 4}
        for field, values in {'n': [0, -1, 17, 10**9, 1e30, 1.5, '2'], 'max_tokens': [0, -7, 0.5, '9'], 'logit_bias': [{'-1': 1}, {'1': 1e9}, {'1e3': 1}, {'x': 1}, {str(2**70): 1}, [[1]], 'x', 7],
                              'temperature': [-1, 1e300, 'x', None.__class__.__name__], 'top_p': [-0.1, 1.1], 'seed': [0.5, 'x'], 'stop': [7, [7], ['x'] * 1000],
                              'top_logprobs': [-1, 21, 10**12], 'stream': [1, 'yes'], 'messages': [7, {}, [7], [[]], [{}], [{'role': 'king', 'content': 'x'}], [{'role': 'user'}]],
                              'tools': [7, [7], [{}], [{'type': 'function', 'function': {'name': 7}}]], 'speculation': [-1, 10**9, {}, 'x'], 'stream_options': [7]}.items():
            for value in values:
                with self.subTest(field=field, value=str(value)[:40]):
                    error = self.server.call('/v1/chat/completions', dict(chat, **{field: value}, logprobs=True), status=400)['error']
                    self.assertIn(field.split('.')[0], error['message'])
        for field in (b'n', b'max_tokens', b'seed', b'temperature', b'logit_bias', b'top_k'):
            self.refused(self.post('/v1/chat/completions', b'{"messages": [{"role": "user", "content": "x"}], "' + field + b'": -' + HUGE + b'}'), 400)
        # As much as there can be of what has no bound of its own.
        self.server.call('/v1/chat/completions', {'messages': HELLO, 'max_tokens': 10**30, 'stop': ['e'], 'top_k': 10**30})
        self.server.call('/v1/completions', {'prompt': 'word ' * 20000}, status=400)
        self.server.call('/v1/completions', {'prompt': [1] * 100000}, status=400)
        self.server.call('/completion', {'prompt': [1, 'x', None]}, status=400)

    def test_request_lines(self):
        for path in (b'/../../etc/passwd', b'/%2e%2e/%2e%2e/etc/passwd', b'/..%2f..%2fetc%2fpasswd', b'/v1/models/../../../etc/passwd', b'//etc/passwd', b'/./health',
                     b'/health/', b'/health%20', b'/v1/streams/../../health', b'http://elsewhere/etc/passwd'):
            self.refused(b'GET ' + path + b' HTTP/1.1\r\nConnection: close\r\n\r\n', 404)
        for path in (b'/%00', b'/health%00', b'/%zz', b'/%4', b'*', b'health', b'C:\\x'):
            self.refused(b'GET ' + path + b' HTTP/1.1\r\nConnection: close\r\n\r\n', 400)
        self.refused(b'GET /hea\0lth HTTP/1.1\r\n\r\n', 400)
        self.refused(b'GET /' + b'a' * 100000 + b' HTTP/1.1\r\n\r\n', (431, None))
        self.refused(b'GET http://elsewhere/health HTTP/1.1\r\nConnection: close\r\n\r\n', 200)
        for method in (b'PUT', b'PATCH', b'DELETE', b'TRACE', b'OPTIONS', b'POST', b'FOO', b'get'):
            self.refused(method + b' /health HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', 405)
        self.refused(b'CONNECT example.org:443 HTTP/1.1\r\n\r\n', (400, 404, 405))
        for line in (b'', b'GET', b'GET /health', b'GET /health HTTP/3.0', b'GET /health HTTP/1.1 x', b'GET  /health HTTP/1.1', b'G\xc3\x84T /health HTTP/1.1', b'PRI * HTTP/2.0',
                     b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', b'GET /health HTTP/1.', b'\0\0\0\0'):
            self.refused(line + b'\r\n\r\n', (400, None))

    def test_headers(self):
        for field in (b'no colon', b': no name', b'na me: x', b'Content-Length: -1', b'Content-Length: x', b'Content-Length: 1\r\nContent-Length: 2', b'Content-Length: ' + HUGE,
                      b'Content-Length: 3\r\nTransfer-Encoding: chunked', b'X: a\0b', b'X\xff: a'):
            with self.subTest(field=field[:60]):
                self.refused(b'POST /tokenize HTTP/1.1\r\n' + field + b'\r\n\r\n0\r\n\r\n', 400)
        self.refused(b'GET /health HTTP/1.1\r\nX: ' + b'a' * 100000 + b'\r\n\r\n', 431)
        self.refused(b'GET /health HTTP/1.1\r\n' + b'X: a\r\n' * 30000 + b'\r\n', 431)
        self.refused(b'POST /tokenize HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n', 413)
        self.refused(b'POST /tokenize HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400)
        self.refused(b'POST /tokenize HTTP/1.1\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\n', (400, None))

    def test_chunked_bodies(self):
        def chunked(chunks):
            return b'POST /tokenize HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n' + chunks
        body = b'{"content": "The riders"}'
        self.refused(chunked(b'%x;name="v"\r\n%s\r\n0\r\nTrailer: x\r\n\r\n' % (len(body), body)), 200)
        for chunks in (b'x\r\n\r\n', b'-1\r\n\r\n', b'f' * 40 + b'\r\n', b'2\r\n{}xx\r\n0\r\n\r\n'):
            with self.subTest(chunks=chunks):
                self.refused(chunked(chunks), (400, 413))
        self.refused(chunked((b'100000\r\n' + b' ' * 0x100000 + b'\r\n') * 40), (413, None))

    def test_a_body_that_stops_halfway(self):
        with socket.create_connection(('127.0.0.1', self.server.port), timeout=60) as wire:
            wire.sendall(b'POST /v1/completions HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{"prompt": "The')
        with socket.create_connection(('127.0.0.1', self.server.port), timeout=60) as wire:
            wire.sendall(b'POST /v1/completions HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{"prompt": "The')
            wire.shutdown(socket.SHUT_WR)
            self.assertEqual(wire.recv(1000), b'')

    def test_pipelined_requests_are_answered_in_order(self):
        body = json.dumps(dict(TEXT, max_tokens=20, stream=True)).encode()
        first = b'POST /v1/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n' % len(body) + body
        get = b'GET /health HTTP/1.1\r\n\r\n'
        answer = self.server.sockets(get + first + get + b'GET /nothing HTTP/1.1\r\n\r\n' + b'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n' + get)
        self.assertEqual(re.findall(rb'HTTP/1\.1 (\d+) ', answer), [b'200', b'200', b'200', b'404', b'200'])
        self.assertLess(answer.index(b'data: [DONE]'), answer.index(b' 404 '))
        many = self.server.sockets(get * 500 + b'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n')
        self.assertEqual(many.count(b'HTTP/1.1 200 '), 501)


class LogTest(unittest.TestCase):
    def test_a_log_that_nobody_reads_holds_up_nobody(self):
        process = subprocess.Popen([serving.PROGRAM, 'serve', '--port', '0'], stderr=subprocess.PIPE)
        port = int(re.search(rb'ready at \S+:(\d+)', process.stderr.readline())[1])
        with socket.create_connection(('127.0.0.1', port), timeout=60) as wire:
            for _ in range(40):  # 200 lines each; a pipe holds about 1,600
                wire.sendall(b'GET /health HTTP/1.1\r\n\r\n' * 200)
                answers = b''
                while answers.count(b'"ok"') < 200:
                    answers += wire.recv(65536)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=60), 0)
        process.stderr.close()


if __name__ == '__main__':
    serving.main()
