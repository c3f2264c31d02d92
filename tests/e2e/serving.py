"""A server to test against: starts `paceline serve` on a free port, asks it, and stops it."""

import atexit
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = ''
ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / 'models' / 'paceline-demo.gguf'
HELLO = [{'role': 'user', 'content': 'Who are you?'}]


class Server:
    def __init__(self, *flags, model=(str(MODEL),), port=0, line=None):
        """`line`: all of the command's words, instead."""
        # A pipe that nobody reads would fill and stop the server.
        self.file = tempfile.TemporaryFile()
        self.process = subprocess.Popen([PROGRAM, 'serve', *(line or [*model, '--port', str(port), *flags])], stdout=subprocess.DEVNULL, stderr=self.file)
        atexit.register(self.process.kill)  # a test that fails must leave no server behind
        while not (ready := re.search(r'ready at \S+:(\d+)', self.log())):
            if self.process.poll() is not None:
                raise AssertionError('the server ended: ' + self.log())
            time.sleep(0.01)
        self.port = int(ready[1])

    def log(self):
        # Without moving the position that the server writes at, which is the same.
        return os.pread(self.file.fileno(), 1 << 30, 0).decode()

    def connection(self):
        return http.client.HTTPConnection('127.0.0.1', self.port, timeout=100)

    def raw(self, method, path, body=None, headers=None):
        connection = self.connection()
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, dict(response.getheaders()), data

    def call(self, path, body=None, status=200, method=None, headers=None):
        got, _, data = self.raw(method or ('GET' if body is None else 'POST'), path, body, headers)
        assert got == status, f'{path}: {got} instead of {status}: {data[:500]!r}'
        return json.loads(data)

    def events(self, path, body):
        status, headers, data = self.raw('POST', path, dict(body, stream=True))
        assert status == 200 and headers['Content-Type'].startswith('text/event-stream'), data
        parts = [part[len('data: '):] for part in data.decode().split('\n\n') if part]
        done = parts and parts[-1] == '[DONE]'
        return [json.loads(part) for part in parts[:-1 if done else None]], done

    def sockets(self, text, timeout=120):
        with socket.create_connection(('127.0.0.1', self.port), timeout=timeout) as wire:
            wire.sendall(text)
            out = b''
            while chunk := wire.recv(65536):
                out += chunk
        return out

    def stop(self, with_signal=signal.SIGTERM):
        self.process.send_signal(with_signal)
        code = self.process.wait(timeout=100)
        log = self.log()
        self.file.close()
        return code, log


class Case(unittest.TestCase):
    """Tests against one server, with these flags."""

    FLAGS = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.FLAGS)

    @classmethod
    def tearDownClass(cls):
        code, _ = cls.server.stop()
        assert code == 0, code


def main():
    """`python3 tests/e2e/NAME_test.py build-test/paceline`"""
    global PROGRAM
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main('__main__')
