"""How a server is run: its start, its end, its figures, flags from other tools; and OpenAI's fields that shape a text."""

import json
import re
import signal
import socket
import unittest

import serving
from serving import HELLO, Server

# The line that people copy, with the model and the port of this test.
RECIPE = ('-m {model} -ngl 99 -c 8192 -fa on --spec-type draft-mtp --spec-draft-n-max 3 -np 1 --jinja --cache-type-k q8_0 --cache-type-v q8_0 '
          '--temp 0.6 --top-p 0.95 --top-k 20 --min-p 0.0 --host 0.0.0.0 --port {port}')


def free_port():
    with socket.socket() as wire:
        wire.bind(('127.0.0.1', 0))
        return wire.getsockname()[1]


def key_of(server):
    return {'Authorization': 'Bearer ' + re.search(r'API key (pl-\w+)', server.log())[1]}


class StartAndEndTest(unittest.TestCase):
    def open_stream(self, server, count):
        connection = server.connection()
        connection.request('POST', '/v1/completions', body=json.dumps({'prompt': 'The riders', 'stream': True, 'max_tokens': count, 'ignore_eos': True}))
        response = connection.getresponse()
        return connection, response, response.read(500)

    def test_the_recipe_line_works_as_it_is(self):
        port = free_port()
        server = Server(line=RECIPE.format(model=serving.MODEL, port=port).split())
        self.assertEqual(server.port, port)
        for flag in ('-ngl', '-fa', '--jinja'):
            self.assertEqual(len(re.findall(rf'^paceline: {flag}\b.*', server.log(), re.M)), 1, server.log())
        key = key_of(server)
        self.assertEqual(server.raw('POST', '/v1/chat/completions', {'messages': HELLO, 'max_tokens': 2})[0], 401)
        status, _, data = server.raw('POST', '/v1/chat/completions', {'messages': HELLO, 'max_tokens': 20}, key)
        answer = json.loads(data)
        self.assertEqual((status, answer['object']), (200, 'chat.completion'))
        self.assertGreater(answer['timings']['draft_n'], 0)
        props = json.loads(server.raw('GET', '/props', headers=key)[2])
        self.assertEqual(props['total_slots'], 1)
        settings = props['default_generation_settings']
        self.assertEqual(settings['n_ctx'], 8192)
        for name, value in {'temperature': 0.6, 'top_p': 0.95, 'top_k': 20, 'min_p': 0.0}.items():
            self.assertAlmostEqual(settings['params'][name], value, places=6)
        self.assertEqual(server.stop()[0], 0)

    def test_a_network_gets_a_new_key_and_a_url_to_use(self):
        keys = set()
        for _ in range(2):
            server = Server('--host', '0.0.0.0')
            log = server.log()
            self.assertRegex(log, r'ready at http://localhost:\d+')
            for address in re.findall(r'and for others at (http://\S+)', log):
                self.assertRegex(address, rf'^http://\d+\.\d+\.\d+\.\d+:{server.port}$')
                self.assertIn(f'clients of {address} send it', log)
            self.assertEqual(len(re.findall(r'API key pl-[a-z0-9]{32}\b', log)), 1)
            self.assertEqual(server.raw('GET', '/v1/models', headers=key_of(server))[0], 200)
            keys.add(key_of(server)['Authorization'])
            self.assertEqual(server.stop()[0], 0)
        self.assertEqual(len(keys), 2)
        server = Server('--host', '0.0.0.0', '--no-auth')
        self.assertEqual(server.raw('GET', '/v1/models')[0], 200)
        self.assertNotIn('API key', server.log())
        self.assertEqual(server.stop()[0], 0)

    def test_sigterm_lets_answers_end(self):
        server = Server()
        # A client with little room, whose long events are not all sent until it reads: the answer is under way until then.
        connection = server.connection()
        connection.sock = socket.socket()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sock.settimeout(100)
        connection.sock.connect(('127.0.0.1', server.port))
        connection.request('POST', '/v1/completions', body=json.dumps({'prompt': 'The riders', 'stream': True, 'max_tokens': 1500, 'ignore_eos': True, 'logprobs': 20}))
        response = connection.getresponse()
        begin = response.read(500)
        idle = socket.create_connection(('127.0.0.1', server.port), timeout=60)
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(idle.recv(1), b'')  # whoever asks nothing is sent away
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(('127.0.0.1', server.port), timeout=60)
        self.assertIsNone(server.process.poll())
        rest = (begin + response.read()).decode()
        self.assertTrue(rest.endswith('data: [DONE]\n\n'))
        last = json.loads(rest.split('data: ')[-2])
        self.assertEqual((last['choices'][0]['finish_reason'], last['timings']['predicted_n']), ('length', 1500))
        connection.close(), idle.close()
        code, log = server.process.wait(timeout=60), server.log()
        self.assertEqual(code, 0)
        self.assertIn('stopping', log)
        server.file.close()

    def test_drafts_are_those_that_were_asked_for(self):
        body = {'prompt': 'one two three four five six seven eight. ' * 6, 'max_tokens': 60, 'temperature': 0, 'ignore_eos': True, 'show_passes': True}
        texts = set()
        for flags in ([], ['--mtp', '3'], ['--mtp', '3', '--lookup', 'on'], ['--lookup', 'off'], ['--mtp', 'off']):
            server = Server(*flags)
            events, _ = server.events('/v1/completions', body)
            passes = [event['paceline'] for event in events if 'tokens' in event.get('paceline', {})]
            texts.add(''.join(event['choices'][0]['text'] for event in events if event['choices']))
            # Not of the prompt's pass, nor near the end, where fewer tokens are wanted.
            drafted = [len(one['pass']['drafted']) for one in passes[1:-2]]
            copied = float(re.search(r'^paceline_copied_drafts_accepted_total (\S+)', server.raw('GET', '/metrics')[2].decode(), re.M)[1])
            self.assertEqual(copied > 0, flags in ([], ['--mtp', '3', '--lookup', 'on']), flags)
            if flags == ['--mtp', '3']:
                self.assertEqual(set(drafted), {3})
            if flags == ['--mtp', 'off']:
                self.assertEqual(set(drafted), {0})
            server.stop()
        self.assertEqual(len(texts), 1)

    def test_a_second_signal_ends_it_at_once(self):
        server = Server('-c', '60000')
        connection, _, _ = self.open_stream(server, 50000)
        server.process.send_signal(signal.SIGTERM)
        while 'stopping' not in server.log():
            pass
        self.assertEqual(server.stop(signal.SIGINT)[0], 0)
        connection.close()

    def test_sigkill_loses_only_what_was_under_way(self):
        port = free_port()
        server = Server('-c', '60000', port=port)
        text = server.call('/v1/completions', {'prompt': 'The riders', 'max_tokens': 20})['choices'][0]['text']
        connections = [self.open_stream(server, 50000) for _ in range(3)]
        self.assertEqual(server.stop(signal.SIGKILL)[0], -signal.SIGKILL)
        server = Server(port=port)
        self.assertEqual(server.call('/v1/completions', {'prompt': 'The riders', 'max_tokens': 20})['choices'][0]['text'], text)
        for connection, _, _ in connections:
            connection.close()
        self.assertEqual(server.stop()[0], 0)


class FiguresTest(unittest.TestCase):
    def samples(self, server):
        """{name with labels: value} of /metrics, whose form is checked: a HELP and a TYPE before each family, histograms that add up."""
        page, kinds, samples = server.raw('GET', '/metrics')[2].decode(), {}, {}
        self.assertTrue(page.endswith('\n'))
        for line in page.splitlines():
            if line.startswith('#'):
                match = re.fullmatch(r'# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)', line)
                self.assertTrue(match, line)
                if match[1] == 'TYPE':
                    self.assertNotIn(match[2], kinds)
                    kinds[match[2]] = match[3]
                continue
            match = re.fullmatch(r'(([\w:]+)(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})?) (\S+)', line)
            self.assertTrue(match, line)
            self.assertNotIn(match[1], samples)
            family = re.sub('_(bucket|sum|count)$', '', match[2])
            self.assertTrue(match[2] in kinds or kinds.get(family) == 'histogram', line)
            samples[match[1]] = float(match[3])
        for name, kind in kinds.items():
            if kind == 'counter':
                self.assertTrue(name.endswith('_total'), name)
            if kind == 'histogram':
                buckets = [value for key, value in samples.items() if key.startswith(name + '_bucket')]
                self.assertEqual(buckets, sorted(buckets))
                self.assertEqual(buckets[-1], samples[name + '_count'])
        return samples

    def test_metrics_say_what_happens(self):
        server = Server('-np', '2', '-c', '60000')
        before = self.samples(server)
        self.assertGreater(before['process_resident_memory_bytes'], 1e6)
        body = {'messages': [{'role': 'user', 'content': 'Who are you? ' * 30}], 'max_tokens': 30}
        answer = server.call('/v1/chat/completions', body)
        server.call('/v1/chat/completions', body)
        after = self.samples(server)
        grew = lambda name: after[name] - before[name]
        tokens = answer['usage']['completion_tokens']
        self.assertEqual(grew('paceline_generated_tokens_total'), 2 * tokens)
        self.assertEqual(grew('paceline_first_token_seconds_count'), 2)
        self.assertEqual(grew('paceline_token_seconds_count'), 2)
        self.assertGreater(grew('paceline_first_token_seconds_sum'), 0)
        self.assertEqual((grew('paceline_cache_hits_total'), grew('paceline_cache_misses_total')), (1, 1))
        self.assertGreater(after['paceline_cache_bytes'], 0)
        self.assertGreater(grew('paceline_prompt_tokens_cached_total'), 0)
        for position, count in enumerate(answer['paceline']['drafted'], 1):
            self.assertGreaterEqual(grew(f'paceline_drafts_total{{position="{position}"}}'), count)
            self.assertGreaterEqual(grew(f'paceline_drafts_accepted_total{{position="{position}"}}'), answer['paceline']['accepted'][position - 1])
        self.assertEqual(grew('paceline_batch_size_count'), grew('paceline_steps_total'))
        self.assertEqual(after['paceline_batch_size_bucket{le="1"}'], after['paceline_batch_size_count'])
        self.assertEqual(after['paceline_http_requests_total{route="/v1/chat/completions",status="200"}'], 2)
        streams = []
        for _ in range(3):
            connection = server.connection()
            connection.request('POST', '/v1/completions', body=json.dumps({'prompt': 'The riders', 'stream': True, 'ignore_eos': True}))
            streams.append(connection)
        for connection in streams[:2]:
            connection.getresponse().read(500)
        streams[2].getresponse()
        crowd = self.samples(server)
        self.assertEqual((crowd['paceline_requests_running'], crowd['paceline_requests_waiting']), (2, 1))
        self.assertGreater(crowd['paceline_batch_size_count'], crowd['paceline_batch_size_bucket{le="1"}'])
        for connection in streams:
            connection.close()
        self.assertEqual(server.stop()[0], 0)

    def test_log_lines_have_numbers_and_no_text(self):
        server = Server()
        status, headers, _ = server.raw('POST', '/v1/completions', {'prompt': 'A secret', 'max_tokens': 2})
        server.raw('GET', '/health?secret')
        log = server.stop()[1]
        self.assertEqual((status, headers['X-Request-Id']), (200, '1'))
        self.assertRegex(log, r'#1 POST /v1/completions 200 \d+ ms')
        self.assertNotIn('secret', log)


    def test_bodies_are_logged_for_who_asks(self):
        server = Server('--log-bodies')
        server.raw('POST', '/v1/completions', {'prompt': 'A "secret"\n', 'max_tokens': 2})
        server.raw('POST', '/v1/completions', b'x' * 5000)
        log = server.stop()[1]
        self.assertRegex(log, re.escape(r'#1 body "{\"prompt\": \"A \\\"secret\\\"\\n'))
        self.assertRegex(log, r'#2 body "x{4096}" and 904 bytes\n')

    def test_pages_of_other_origins(self):
        asks = {'Origin': 'https://chat.example.org', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization,x-of-a-client'}
        server = Server('--api-key', 'secret')
        self.assertEqual(server.raw('OPTIONS', '/v1/chat/completions', headers=asks)[0], 401)
        self.assertNotIn('Access-Control-Allow-Origin', server.raw('GET', '/health', headers=asks)[1])
        self.assertEqual(server.stop()[0], 0)
        server = Server('--api-key', 'secret', '--cors', 'https://other.example.org', '--cors', 'https://chat.example.org')
        status, headers, _ = server.raw('OPTIONS', '/v1/chat/completions', headers=asks)
        self.assertEqual((status, headers['Access-Control-Allow-Origin']), (200, 'https://chat.example.org'))
        self.assertEqual(headers['Access-Control-Allow-Headers'], 'authorization,x-of-a-client')
        key = {'Authorization': 'Bearer secret'}
        body = {'prompt': 'x', 'max_tokens': 1, 'stream': True}
        for headers, status, allowed in ((asks, 401, True), ({**asks, **key}, 200, True), ({**key, 'Origin': 'https://evil.example.org'}, 200, False), (key, 200, False)):
            got, answer, _ = server.raw('POST', '/v1/completions', body, headers)
            self.assertEqual((got, 'Access-Control-Allow-Origin' in answer), (status, allowed))
        self.assertEqual(server.stop()[0], 0)


class TextTest(serving.Case):
    """Fields of OpenAI's that shape a text or tell of it."""

    def complete(self, **fields):
        body = {'prompt': 'The riders', 'max_tokens': 40, 'temperature': 0}
        return self.server.call('/v1/completions', dict(body, **fields))['choices'][0]

    def tokens(self, text):
        return self.server.call('/tokenize', {'content': text})['tokens']

    def test_echo(self):
        plain, echoed = self.complete(), self.complete(echo=True)
        self.assertEqual(echoed['text'], 'The riders' + plain['text'])
        events, _ = self.server.events('/v1/completions', {'prompt': 'The riders', 'max_tokens': 40, 'temperature': 0, 'echo': True, 'n': 2})
        for index in (0, 1):
            text = ''.join(choice['text'] for event in events for choice in event['choices'] if choice['index'] == index)
            self.assertEqual(text, echoed['text'])
        ids = self.tokens('The riders')
        self.assertEqual(self.complete(prompt=ids, echo=True)['text'], echoed['text'])
        error = self.server.call('/v1/completions', {'prompt': 'x', 'echo': True, 'logprobs': 0}, status=400)['error']
        self.assertEqual(error['param'], 'logprobs')

    def test_logit_bias_forces_and_forbids(self):
        plain = self.complete(logprobs=0)
        first = self.tokens(plain['logprobs']['tokens'][0])[0]
        self.assertNotEqual(self.complete(logit_bias={str(first): -100}, logprobs=0)['logprobs']['tokens'][0], plain['logprobs']['tokens'][0])
        other = self.tokens(' the')[0]
        self.assertEqual(self.complete(logit_bias={str(other): 100}, max_tokens=5)['text'], ' the' * 5)
        # Drafting does not get around it.
        texts = {self.complete(logit_bias={str(first): -100}, speculation=kind)['text'] for kind in ('off', 3, 'auto')}
        self.assertEqual(len(texts), 1)

    def test_penalties_change_the_text_and_their_zero_does_not(self):
        body = {'prompt': 'one two one two one two one two', 'ignore_eos': True}
        plain = self.complete(**body)['text']
        self.assertEqual(self.complete(presence_penalty=0, frequency_penalty=0, repeat_penalty=1, **body)['text'], plain)
        for field, value in {'presence_penalty': 2, 'frequency_penalty': 2, 'repeat_penalty': 3}.items():
            with self.subTest(field=field):
                self.assertNotEqual(self.complete(**{field: value}, **body)['text'], plain)
        tokens = self.complete(frequency_penalty=100, logprobs=0, **body)['logprobs']['tokens']
        self.assertLessEqual(max(tokens.count(token) for token in tokens), max(plain.count(token) for token in tokens))

    def test_logprobs_of_completions(self):
        choice = self.complete(logprobs=3, prompt='Ein Gruß: ')
        told = choice['logprobs']
        self.assertEqual(''.join(told['tokens']), choice['text'])
        offset = 0
        for token, logprob, top, at in zip(told['tokens'], told['token_logprobs'], told['top_logprobs'], told['text_offset'], strict=True):
            self.assertEqual(at, offset)
            offset += len(token)
            self.assertLessEqual(len(top), 3)
            self.assertAlmostEqual(max(top.values()), logprob)  # temperature 0 takes the most likely
            self.assertIn(token, top)
        events, _ = self.server.events('/v1/completions', {'prompt': 'Ein Gruß: ', 'max_tokens': 40, 'temperature': 0, 'logprobs': 3})
        streamed = [event['choices'][0]['logprobs'] for event in events if event['choices'][0]['logprobs']]
        for field in told:
            self.assertEqual([item for part in streamed for item in part[field]], told[field])

    def test_seeds_of_choices(self):
        hot = {'temperature': 2, 'top_k': 0, 'top_p': 1, 'min_p': 0, 'seed': 11}
        several = self.server.call('/v1/completions', {'prompt': 'The riders', 'max_tokens': 20, 'n': 3, **hot})
        again = self.server.call('/v1/completions', {'prompt': 'The riders', 'max_tokens': 20, 'n': 3, **hot})
        self.assertEqual([choice['text'] for choice in several['choices']], [choice['text'] for choice in again['choices']])
        self.assertEqual(several['usage']['completion_tokens'], 60)
        self.assertEqual(several['choices'][0]['text'], self.complete(**dict(hot, max_tokens=20))['text'])

    def test_prompt_progress(self):
        prompt = 'A long prompt that is read in parts. ' * 60
        events, _ = self.server.events('/v1/completions', {'prompt': prompt, 'max_tokens': 2, 'return_progress': True, 'cache_prompt': False})
        steps = [event['prompt_progress'] for event in events if 'prompt_progress' in event]
        total = len(self.tokens(prompt))
        self.assertGreaterEqual(len(steps), 2)
        self.assertEqual({step['total'] for step in steps}, {total})
        done = [step['processed'] for step in steps]
        self.assertEqual((done, done[0], done[-1]), (sorted(done), 0, total))
        for step in steps:
            self.assertEqual((step['cache'], step['time_ms'] >= 0), (0, True))


if __name__ == '__main__':
    serving.main()
