"""What a crowd costs: python3 bench/server_load.py build/paceline [--streams N] [--abort-seconds N]

1. N streaming requests wait in the queue of a server that has one slot: memory beyond the model's (resident bytes per stream), and how long
   /health takes meanwhile (p50, p99, most).
2. Clients that leave at random for a while: afterwards the server must have as many descriptors and slots as before, and as much memory.

Memory and leaks are judged (exit status 1); times are only reported. tests/e2e/load_test.py runs the same with fewer seconds."""

import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

MODEL = pathlib.Path(__file__).resolve().parents[1] / 'models' / 'paceline-demo.gguf'
STREAM = {'messages': [{'role': 'user', 'content': 'Who are you?'}], 'stream': True, 'max_tokens': 20}
ENDLESS = {'prompt': 'The riders', 'stream': True, 'ignore_eos': True, 'speculation': 'off'}
MOST_BYTES = 30e6  # of 2,000 waiting streams


class Server:
    def __init__(self, program, *flags):
        self.log = tempfile.TemporaryFile()
        # As on a system that gives programs few descriptors until they ask for more.
        few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        self.process = subprocess.Popen([program, 'serve', str(MODEL), '--port', '0', '-np', '1', *flags], stderr=self.log, preexec_fn=few)
        while not (ready := re.search(rb'ready at \S+:(\d+)', os.pread(self.log.fileno(), 10**6, 0))):
            assert self.process.poll() is None, 'the server ended'
            time.sleep(0.01)
        self.port = int(ready[1])

    def open(self, path, body):
        wire = socket.create_connection(('127.0.0.1', self.port), timeout=60)
        data = json.dumps(body).encode()
        wire.sendall(b'POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n' % (path.encode(), len(data)) + data)
        return wire

    def get(self, path, wire=None):
        with wire or socket.create_connection(('127.0.0.1', self.port), timeout=60) as wire:
            wire.sendall(b'GET %s HTTP/1.1\r\nConnection: close\r\n\r\n' % path.encode())
            out = b''
            while part := wire.recv(1 << 20):
                out += part
        return out.split(b'\r\n\r\n', 1)[1]

    def metric(self, name):
        return float(re.search(rb'^%s (\S+)$' % name.encode(), self.get('/metrics'), re.M)[1])

    def resident_bytes(self):
        """But for the prefix cache, whose use of memory is its purpose."""
        resident = int(re.search(r'VmRSS:\s+(\d+)', pathlib.Path(f'/proc/{self.process.pid}/status').read_text())[1]) * 1024
        return resident - self.metric('paceline_cache_bytes')

    def descriptors(self):
        """The least of a few looks: the connection that asked last may still be closing."""
        def look():
            time.sleep(0.02)
            return len(os.listdir(f'/proc/{self.process.pid}/fd'))
        return min(look() for _ in range(20))

    def wait_for(self, what, condition):
        end = time.monotonic() + 120
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f'after two minutes there is still no: {what}')
            time.sleep(0.02)

    def delete_stream(self, wire):
        """The resumable one that `wire` reads; else it would go on for a minute."""
        head = b''
        while b'\r\n\r\n' not in head:
            head += wire.recv(1000)
        if stream := re.search(rb'X-Stream-Id: (\S+)', head):
            with socket.create_connection(('127.0.0.1', self.port), timeout=60) as other:
                other.sendall(b'DELETE /v1/streams/%s HTTP/1.1\r\n\r\n' % stream[1])
                other.recv(100)

    def wait_until_idle(self):
        self.wait_for('empty server', lambda: self.metric('paceline_requests_running') + self.metric('paceline_requests_waiting') == 0)
        self.wait_for('closed connections', lambda: self.metric('paceline_connections') <= 1)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=100)
        self.log.close()
        assert code == 0, code


def drain(wire):
    with contextlib.suppress(OSError):  # closed by the main thread
        while wire.recv(1 << 16):
            pass


def health_times(server, seconds):
    """Of one request after the other on a connection that stays."""
    times = []
    with socket.create_connection(('127.0.0.1', server.port), timeout=60) as wire:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            start = time.perf_counter()
            wire.sendall(b'GET /health HTTP/1.1\r\n\r\n')
            answer = b''
            while not answer.endswith(b'}'):
                answer += wire.recv(1000)
            times.append(time.perf_counter() - start)
            time.sleep(0.002)
    return sorted(times)


def crowd(program, streams, seconds):
    """Bytes that `streams` waiting streams cost, and the times of /health meanwhile."""
    server = Server(program, '--queue', str(streams), '-c', '60000')
    busy = server.open('/v1/completions', ENDLESS)
    busy.recv(1000)
    threading.Thread(target=drain, args=[busy], daemon=True).start()
    health_times(server, 0.2)
    before = server.resident_bytes()
    wires = [server.open('/v1/chat/completions', STREAM) for _ in range(streams)]
    for wire in wires:
        assert wire.recv(15).startswith(b'HTTP/1.1 200')
    waiting = server.metric('paceline_requests_waiting')
    assert waiting == streams, f'{waiting} requests wait, expected {streams}'
    cost = server.resident_bytes() - before
    times = health_times(server, seconds)
    busy.shutdown(socket.SHUT_RDWR)
    for wire in [busy, *wires]:
        wire.close()
    server.wait_until_idle()
    server.stop()
    return cost, times


def aborts(program, seconds, seed=1):
    """(descriptors, bytes) before and after clients that left at random moments for a while, and how many they were."""
    server = Server(program, '--queue', '64', '-c', '4096', '-np', '4')
    dice = random.Random(seed)

    def visit(stop):
        count = 0
        while time.monotonic() < stop:
            wires = []
            for _ in range(dice.randrange(1, 24)):
                kind = dice.randrange(4)
                body = dict(ENDLESS, prompt='The riders ' * dice.randrange(1, 200)) if kind else dict(STREAM, n=3)
                if kind == 2:
                    body['resumable'] = True
                wires.append((server.open('/v1/completions' if kind else '/v1/chat/completions', body), dice.randrange(3), kind))
            for wire, manner, kind in wires:
                if kind == 2:
                    server.delete_stream(wire)
                elif manner:
                    wire.recv(dice.choice((1, 300, 100000)))
                if manner == 2:  # a reset, not a polite end
                    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
                wire.close()
                count += 1
        return count

    visit(time.monotonic() + max(1, seconds / 6))  # what is only made once is made now
    server.wait_until_idle()
    before = server.descriptors(), server.resident_bytes()
    count = visit(time.monotonic() + seconds)
    server.wait_until_idle()
    after = server.descriptors(), server.resident_bytes()
    health = server.get('/health')
    server.stop()
    return before, after, count, health


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('program')
    parser.add_argument('--streams', type=int, default=2000)
    parser.add_argument('--health-seconds', type=float, default=10)
    parser.add_argument('--abort-seconds', type=float, default=60)
    arguments = parser.parse_args()
    allow_descriptors(arguments.streams)
    cost, times = crowd(arguments.program, arguments.streams, arguments.health_seconds)
    ms = lambda share: times[min(len(times) - 1, int(len(times) * share))] * 1e3
    print(f'{arguments.streams} waiting streams: {cost / 1e6:.1f} MB, {cost / arguments.streams / 1e3:.1f} kB each')
    print(f'/health meanwhile: p50 {ms(0.5):.2f} ms, p99 {ms(0.99):.2f} ms, most {times[-1] * 1e3:.2f} ms of {len(times)}')
    before, after, count, _ = aborts(arguments.program, arguments.abort_seconds)
    print(f'{count} clients left: descriptors {before[0]} -> {after[0]}, memory {before[1] / 1e6:.1f} -> {after[1] / 1e6:.1f} MB')
    return 0 if cost * 2000 <= MOST_BYTES * arguments.streams and after[0] <= before[0] and after[1] <= before[1] + 8e6 else 1


def allow_descriptors(streams):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < streams + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, streams + 200), hard))


if __name__ == '__main__':
    sys.exit(main())
