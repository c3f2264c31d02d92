"""Resumable streams: clients that leave and come back, several readers, DELETE, keys, a server that starts again."""

import json
import re
import signal
import time
import unittest

import serving
from serving import HELLO, Server

ENDLESS = {'prompt': 'The riders', 'ignore_eos': True, 'stream': True, 'resumable': True}
SHORT = {'messages': HELLO, 'seed': 7, 'max_tokens': 40, 'stream': True, 'resumable': True}


def parse(text):
    """[(number, data)] of a stream of server-sent events, each of which has an id."""
    found = re.findall(r'id: (\d+)\n(?:event: .*\n)?data: (.*)\n\n', text)
    assert text.count('\n\n') == len(found), text
    return [(int(number), data) for number, data in found]


class StreamsTest(serving.Case):
    FLAGS = ('-np', '2', '-c', '60000')

    def start(self, path, body, count):
        """The connection, its stream's id, and the first `count` bytes."""
        connection = self.server.connection()
        connection.request('POST', path, body=json.dumps(body))
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        return connection, response.getheader('X-Stream-Id'), response.read(count)

    def whole(self, path, body):
        """The stream's id, and all of it."""
        connection, name, data = self.start(path, body, None)
        connection.close()
        return name, data

    def read(self, name, **query):
        target = f'/v1/streams/{name}' + ''.join(f'?{key}={value}' for key, value in query.items())
        status, headers, data = self.server.raw('GET', target)
        self.assertEqual((status, headers['X-Stream-Id']), (200, name), data)
        return data.decode()

    def busy(self):
        return sum(slot['is_processing'] for slot in self.server.call('/slots'))

    def wait_until_idle(self):
        for _ in range(600):
            if self.busy() == 0:
                return
            time.sleep(0.1)
        self.fail('a slot is still busy after a minute')

    def test_events_are_numbered_and_kept(self):
        name, data = self.whole('/v1/chat/completions', SHORT)
        events = parse(data.decode())
        self.assertEqual([number for number, _ in events], list(range(len(events))))
        self.assertEqual(events[-1][1], '[DONE]')
        self.assertEqual(self.read(name), data.decode())
        self.assertEqual(parse(self.read(name, **{'from': 5})), events[5:])
        self.assertEqual(self.read(name, **{'from': len(events)}), '')
        status, headers, rest = self.server.raw('GET', f'/v1/streams/{name}', headers={'Last-Event-ID': '4'})
        self.assertEqual((status, parse(rest.decode())), (200, events[5:]))
        plain, _ = self.server.events('/v1/chat/completions', {key: SHORT[key] for key in ('messages', 'seed', 'max_tokens')})
        text = lambda chunks: ''.join(choice['delta'].get('content') or '' for chunk in chunks for choice in chunk['choices'])
        self.assertEqual(text(json.loads(event) for _, event in events[:-1]), text(plain))

    def test_a_client_that_leaves_misses_nothing(self):
        body = dict(SHORT, max_tokens=200, messages=[{'role': 'user', 'content': 'Tell me a story.'}])
        _, whole = self.whole('/v1/chat/completions', body)
        connection, name, begin = self.start('/v1/chat/completions', body, 400)
        connection.close()
        seen = parse(begin.decode()[:begin.decode().rindex('\n\n') + 2])
        rest = parse(self.read(name, **{'from': len(seen)}))
        text = lambda events: ''.join(json.loads(data)['choices'][0]['delta'].get('content') or '' for _, data in events if data != '[DONE]')
        self.assertEqual(text(seen + rest), text(parse(whole.decode())))
        self.assertEqual([number for number, _ in seen + rest], list(range(len(seen) + len(rest))))
        self.wait_until_idle()

    def test_two_readers_and_delete(self):
        connection, name, begin = self.start('/v1/completions', ENDLESS, 2000)
        second = self.server.connection()
        second.request('GET', f'/v1/streams/{name}?from=0')
        other = second.getresponse()
        self.assertEqual(other.read(2000), begin)
        connection.close()
        gone = self.server.call(f'/v1/streams/{name}', method='DELETE')
        self.assertEqual((gone['id'], gone['deleted'], gone['stopped']), (name, True, True))
        self.assertIn('stopped', parse('id' + other.read().decode().rsplit('id', 1)[1])[0][1])
        second.close()
        self.wait_until_idle()
        for method in ('GET', 'DELETE'):
            error = self.server.call(f'/v1/streams/{name}', status=404, method=method)['error']
            self.assertEqual(error['type'], 'not_found_error')

    def test_a_reader_that_leaves_ends_nothing_but_its_own_reading(self):
        connection, name, _ = self.start('/v1/completions', ENDLESS, 500)
        connection.close()
        for _ in range(3):
            reader = self.server.connection()
            reader.request('GET', f'/v1/streams/{name}')
            self.assertEqual(len(reader.getresponse().read(1000)), 1000)
            reader.close()
        self.assertEqual(self.busy(), 1)
        self.server.call(f'/v1/streams/{name}', method='DELETE')
        self.wait_until_idle()

    def test_every_streaming_api(self):
        asked = [('/v1/completions', {'prompt': 'The riders', 'max_tokens': 9}), ('/completion', {'prompt': 'The riders', 'n_predict': 9}),
                 ('/v1/messages', {'messages': HELLO, 'max_tokens': 9}), ('/api/chat', {'model': 'paceline-demo', 'messages': HELLO, 'options': {'num_predict': 9}}),
                 ('/api/generate', {'model': 'paceline-demo', 'prompt': 'The riders', 'options': {'num_predict': 9}})]
        for path, body in asked:
            with self.subTest(path=path):
                name, data = self.whole(path, dict(body, stream=True, resumable=True))
                self.assertEqual(self.read(name), data.decode())
                if path.startswith('/api/'):
                    self.assertEqual(self.read(name, **{'from': 1}), data.decode().split('\n', 1)[1])
                else:
                    self.assertEqual(parse(self.read(name, **{'from': 2})), parse(data.decode())[2:])

    def test_wrong_requests(self):
        name, data = self.whole('/v1/chat/completions', SHORT)
        for value in ('-1', 'x', '1.5', '', '9' * 30, len(parse(data.decode())) + 1):
            error = self.server.call(f'/v1/streams/{name}?from={value}', status=400)['error']
            self.assertIn('from', error['message'])
        for path in ('/v1/streams/', '/v1/streams/strm_nothing', f'/v1/streams/{name}x'):
            self.server.call(path, status=404)
        self.server.call(f'/v1/streams/{name}', {}, status=405)
        for body in (dict(SHORT, stream=False), dict(SHORT, resumable='yes')):
            self.assertEqual(self.server.call('/v1/chat/completions', body, status=400)['error']['param'], 'resumable')
        self.assertEqual(self.server.raw('HEAD', f'/v1/streams/{name}')[0], 200)


class RestartTest(unittest.TestCase):
    def test_keys_and_a_new_start(self):
        server = Server('--api-key', 'secret', '-c', '60000')
        key = {'Authorization': 'Bearer secret'}
        connection = server.connection()
        connection.request('POST', '/v1/completions', body=json.dumps(ENDLESS), headers=key)
        response = connection.getresponse()
        name = response.getheader('X-Stream-Id')
        response.read(500)
        for method in ('GET', 'DELETE'):
            self.assertEqual(server.raw(method, f'/v1/streams/{name}')[0], 401)
        connection.close()
        # Nobody reads it: it holds up no end.
        self.assertEqual(server.stop(signal.SIGTERM)[0], 0)
        server = Server('--api-key', 'secret', '-c', '60000')
        self.assertEqual(server.raw('GET', f'/v1/streams/{name}', headers=key)[0], 404)
        self.assertEqual(server.stop()[0], 0)


if __name__ == '__main__':
    serving.main()
