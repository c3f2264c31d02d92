"""The server as its clients meet it: every endpoint, streams, errors. `python3 tests/e2e/serve_test.py build-test/paceline`"""

import json
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import serving
from serving import Server

HELLO = serving.HELLO


class ServeTest(serving.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(model=())  # the model in the box is the default

    def test_health_models_props_slots_metrics(self):
        self.assertEqual(self.server.call('/health'), {'status': 'ok'})
        models = self.server.call('/v1/models')
        self.assertEqual([model['id'] for model in models['data']], ['paceline-demo'])
        self.assertEqual(self.server.call('/v1/models/paceline-demo')['object'], 'model')
        self.server.call('/v1/models/other', status=404)
        props = self.server.call('/props')
        self.assertIn('chat_template', props)
        self.assertEqual(len(self.server.call('/slots')), props['total_slots'])
        status, headers, page = self.server.raw('GET', '/metrics')
        self.assertEqual(status, 200)
        self.assertIn(b'paceline_http_requests_total{route="/health",status="200"}', page)

    def test_tokens_there_and_back(self):
        tokens = self.server.call('/tokenize', {'content': 'The riders, été'})['tokens']
        self.assertEqual(self.server.call('/detokenize', {'tokens': tokens})['content'], 'The riders, été')
        self.server.call('/detokenize', {'tokens': [10**9]}, status=400)
        prompt = self.server.call('/apply-template', {'messages': HELLO})['prompt']
        self.assertIn('Who are you?', prompt)

    def test_chat_is_the_same_streamed_and_whole(self):
        body = {'messages': HELLO, 'seed': 7, 'max_tokens': 40}
        whole = self.server.call('/v1/chat/completions', body)
        message = whole['choices'][0]['message']
        events, done = self.server.events('/v1/chat/completions', dict(body, stream_options={'include_usage': True}))
        self.assertTrue(done)
        deltas = [event['choices'][0]['delta'] for event in events if event['choices']]
        for field in ('content', 'reasoning_content'):
            self.assertEqual(''.join(delta.get(field) or '' for delta in deltas), message.get(field) or '')
        self.assertEqual(events[-1]['choices'], [])
        self.assertEqual(events[-1]['usage']['completion_tokens'], whole['usage']['completion_tokens'])
        self.assertEqual(events[-2]['choices'][0]['finish_reason'], whole['choices'][0]['finish_reason'])
        self.assertEqual(len({event['id'] for event in events}), 1)
        timings = whole['timings']
        for name in ('prompt_n', 'prompt_ms', 'predicted_n', 'predicted_ms', 'predicted_per_second', 'draft_n', 'draft_n_accepted'):
            self.assertIn(name, timings)

    def test_speculation_changes_nothing_but_speed(self):
        body = {'prompt': 'The riders', 'max_tokens': 48, 'seed': 3}
        texts = {self.server.call('/v1/completions', dict(body, speculation=kind))['choices'][0]['text'] for kind in ('off', 'auto', 2)}
        self.assertEqual(len(texts), 1)
        self.server.call('/v1/completions', dict(body, speculation='maybe'), status=400)

    def test_passes_show_every_token(self):
        body = {'messages': HELLO, 'seed': 7, 'max_tokens': 30, 'show_passes': True, 'timings_per_token': True, 'return_progress': True}
        events, _ = self.server.events('/v1/chat/completions', body)
        passes = [event['paceline'] for event in events if 'tokens' in event.get('paceline', {})]
        whole = self.server.call('/v1/chat/completions', {'messages': HELLO, 'seed': 7, 'max_tokens': 30})
        self.assertEqual(sum(len(one['tokens']) for one in passes), whole['usage']['completion_tokens'])
        self.assertTrue(any('prompt_progress' in event for event in events))
        for one in passes:
            self.assertLessEqual(one['pass']['accepted'], len(one['pass']['drafted']))

    def test_stop_and_choices(self):
        body = {'prompt': 'The riders', 'max_tokens': 40, 'seed': 3}
        text = self.server.call('/v1/completions', body)['choices'][0]['text']
        word = next(word for word in sorted(set(re.findall('[a-z]{3,}', text))) if text.index(word) > 0)
        stopped = self.server.call('/v1/completions', dict(body, stop=[word]))['choices'][0]
        self.assertEqual((stopped['text'], stopped['finish_reason']), (text[:text.index(word)], 'stop'))
        body.update(temperature=2, top_k=0, top_p=1, min_p=0)
        text = self.server.call('/v1/completions', body)['choices'][0]['text']
        several = self.server.call('/v1/completions', dict(body, n=3))['choices']
        self.assertEqual([choice['index'] for choice in several], [0, 1, 2])
        self.assertEqual(several[0]['text'], text)
        self.assertGreater(len({choice['text'] for choice in several}), 1)

    def test_llamacpp_completion(self):
        body = {'prompt': 'The riders', 'n_predict': 12, 'seed': 3, 'cache_prompt': False}
        whole = self.server.call('/completion', body)
        self.assertEqual((whole['stop'], whole['stop_type'], whole['tokens_predicted']), (True, 'limit', 12))
        events, _ = self.server.events('/completion', body)
        self.assertEqual(''.join(event['content'] for event in events), whole['content'])

    def lines(self, path, body):
        status, headers, data = self.server.raw('POST', path, body)
        self.assertEqual((status, headers['Content-Type']), (200, 'application/x-ndjson'), data)
        return [json.loads(line) for line in data.decode().splitlines()]

    def test_ollama(self):
        self.assertEqual(self.server.raw('GET', '/')[2], b'Ollama is running')
        self.assertEqual(self.server.call('/api/tags')['models'][0]['name'], 'paceline-demo:latest')
        self.assertEqual(self.server.call('/api/ps')['models'][0]['details']['format'], 'gguf')
        self.assertIn('version', self.server.call('/api/version'))
        self.assertIn('completion', self.server.call('/api/show', {'model': 'paceline-demo'})['capabilities'])
        self.assertIn('error', self.server.call('/api/chat', {'model': 'other', 'messages': HELLO}, status=404))
        options = {'seed': 7, 'num_predict': 30}
        chat = {'model': 'paceline-demo:latest', 'messages': HELLO, 'options': options}
        whole = self.server.call('/api/chat', dict(chat, stream=False))
        lines = self.lines('/api/chat', chat)
        self.assertEqual(''.join(line['message']['content'] for line in lines), whole['message']['content'])
        self.assertEqual([line['done'] for line in lines[-2:]], [False, True])
        for name in ('total_duration', 'load_duration', 'prompt_eval_count', 'prompt_eval_duration', 'eval_count', 'eval_duration'):
            self.assertIsInstance(lines[-1][name], int)
        words = self.lines('/api/generate', {'model': 'paceline-demo', 'prompt': 'The riders', 'raw': True, 'options': options})
        self.assertTrue(''.join(line['response'] for line in words))
        self.server.call('/api/chat', dict(chat, format='yaml'), status=400)

    def test_anthropic(self):
        body = {'model': 'paceline-demo', 'max_tokens': 30, 'messages': HELLO, 'seed': 7}
        whole = self.server.call('/v1/messages', body)
        self.assertEqual((whole['type'], whole['role']), ('message', 'assistant'))
        status, _, data = self.server.raw('POST', '/v1/messages', dict(body, stream=True))
        self.assertEqual(status, 200)
        events = []
        for part in data.decode().strip().split('\n\n'):
            name, text = part.split('\n')
            events.append(json.loads(text[len('data: '):]))
            self.assertEqual(name, 'event: ' + events[-1]['type'])
        kinds = [event['type'] for event in events]
        self.assertEqual((kinds[0], kinds[1], kinds[-3:]), ('message_start', 'content_block_start', ['content_block_stop', 'message_delta', 'message_stop']))
        text = ''.join(event['delta'].get('text', '') for event in events if event['type'] == 'content_block_delta')
        self.assertEqual(text, ''.join(block.get('text', '') for block in whole['content']))
        self.assertEqual(events[-2]['delta']['stop_reason'], whole['stop_reason'])
        count = self.server.call('/v1/messages/count_tokens', {'messages': HELLO})['input_tokens']
        self.assertEqual(count, whole['usage']['input_tokens'] + whole['usage']['cache_read_input_tokens'])
        error = self.server.call('/v1/messages', {'messages': HELLO}, status=400)
        self.assertEqual((error['type'], error['error']['type']), ('error', 'invalid_request_error'))

    def test_logprobs(self):
        body = {'messages': HELLO, 'seed': 7, 'max_tokens': 10, 'logprobs': True, 'top_logprobs': 3}
        content = self.server.call('/v1/chat/completions', body)['choices'][0]['logprobs']['content']
        self.assertEqual(len(content), 10)
        for entry in content:
            self.assertLessEqual(entry['logprob'], 0)
            self.assertEqual(len(entry['top_logprobs']), 3)
            self.assertEqual(bytes(entry['bytes']).decode(errors='replace'), entry['token'])
        events, _ = self.server.events('/v1/chat/completions', body)
        streamed = [entry for event in events for choice in event['choices'] if choice['logprobs'] for entry in choice['logprobs']['content']]
        self.assertEqual([entry['token'] for entry in streamed], [entry['token'] for entry in content])

    def test_wrong_requests_are_told_why(self):
        chat = '/v1/chat/completions'
        wrong = [({}, 'messages'), ({'messages': []}, 'messages'), ({'messages': HELLO, 'n': 10**9}, 'n:'),
                 ({'messages': HELLO, 'temperature': 'hot'}, 'temperature'), ({'messages': HELLO, 'max_tokens': -5}, 'max_tokens'),
                 ({'messages': HELLO, 'logit_bias': {'99999999': 1}}, 'logit_bias'),
                 ({'messages': HELLO, 'logit_bias': {str(i): 1 for i in range(3000)}}, 'logit_bias'),
                 ({'messages': [{'role': 'user', 'content': [{'type': 'image_url', 'image_url': {'url': 'x'}}]}]}, 'image_url'),
                 ({'messages': HELLO, 'top_logprobs': 3}, 'logprobs'), ({'messages': HELLO, 'tool_choice': 'always'}, 'tool_choice')]
        for body, word in wrong:
            with self.subTest(body=str(body)[:60]):
                error = self.server.call(chat, body, status=400)['error']
                self.assertIn(word, error['message'])
                self.assertEqual(error['type'], 'invalid_request_error')
        self.server.call('/v1/nothing', {}, status=404)
        self.server.call('/v1/chat/completions', status=405)
        self.assertEqual(self.server.call(chat, {'messages': HELLO, 'max_tokens': 10**30, 'stop': ['e']})['object'], 'chat.completion')

    def test_a_client_that_leaves_ends_its_request(self):
        for _ in range(3):
            connection = self.server.connection()
            connection.request('POST', '/v1/completions', body=json.dumps({'prompt': 'The riders', 'stream': True, 'ignore_eos': True}))
            connection.getresponse().read(200)
            connection.close()
        for _ in range(600):
            if not any(slot['is_processing'] for slot in self.server.call('/slots')):
                return
            time.sleep(0.1)
        self.fail('a slot is still busy a minute after its client left')


class OperationTest(unittest.TestCase):
    def test_keys(self):
        server = Server('--api-key', 'secret')
        self.assertEqual(server.raw('GET', '/health')[0], 200)
        self.assertEqual(server.raw('GET', '/v1/models')[0], 401)
        self.assertEqual(server.raw('GET', '/v1/models', headers={'Authorization': 'Bearer wrong'})[0], 401)
        self.assertEqual(server.raw('GET', '/v1/models', headers={'Authorization': 'Bearer secret'})[0], 200)
        self.assertEqual(server.raw('GET', '/v1/models', headers={'x-api-key': 'secret'})[0], 200)
        self.assertEqual(server.stop()[0], 0)

    def test_a_network_gets_a_key_and_recipes_work(self):
        recipe = ('-ngl 99 -c 8192 -fa on --spec-type draft-mtp --spec-draft-n-max 3 -np 1 --jinja --cache-type-k q8_0 '
                  '--cache-type-v q8_0 --temp 0.6 --top-p 0.95 --top-k 20 --min-p 0.0 --host 0.0.0.0')
        server = Server(*recipe.split())
        self.assertEqual(server.raw('GET', '/v1/models')[0], 401)
        self.assertEqual(server.log().count('API key pl-'), 1)
        self.assertEqual(server.stop(signal.SIGINT)[0], 0)

    def test_a_turn_reads_what_is_new(self):
        """Also where each prompt ends with the start of a thought, which does not come again with its answer."""
        with tempfile.TemporaryDirectory() as folder:
            plain = pathlib.Path(folder) / 'plain.gguf'
            subprocess.run([serving.PROGRAM, 'synth', '--shape', 'tiny', '--type', 'Q8_0', '--seed', '1', '-o', plain], check=True, capture_output=True)
            data = plain.read_bytes()
            template = data[data.index(b'{%- for message in messages %}'):]
            template = template[:template.index(b'{%- endif %}') + len(b'{%- endif %}')]
            thinking = template.replace(b'{%- ', b'{%').replace(b'{{- ', b'{{').replace(b'assistant\\n', b'assistant\\n<think>\\n')
            thinks = pathlib.Path(folder) / 'thinks.gguf'
            thinks.write_bytes(data.replace(template, thinking.replace(b'endif', b'endif' + b' ' * (len(template) - len(thinking)))))
            for model in (plain, thinks):
                server = Server(model=(str(model),))
                messages, before, call = [], 0, 16  # more tokens than what asks for an answer
                for _ in range(3):
                    messages.append({'role': 'user', 'content': 'ka lo mu ' * 20})
                    usage = server.call('/v1/chat/completions', {'messages': messages, 'max_tokens': 20, 'temperature': 0})['usage']
                    self.assertGreaterEqual(usage['prompt_tokens_details']['cached_tokens'], before - call, model.name)
                    before = usage['prompt_tokens']
                    messages.append({'role': 'assistant', 'content': 'ka lo'})
                server.stop()

    def test_a_taken_port_is_said(self):
        with socket.socket() as wire:
            wire.bind(('127.0.0.1', 0))
            wire.listen()
            result = subprocess.run([serving.PROGRAM, 'serve', str(serving.MODEL), '--port', str(wire.getsockname()[1])], capture_output=True, text=True, timeout=300)
        self.assertEqual(result.returncode, 1)
        self.assertIn('--port', result.stderr)

    def test_a_full_queue_says_when_to_come_back(self):
        server = Server('-np', '1', '--queue', '0')
        busy = server.connection()
        busy.request('POST', '/v1/completions', body=json.dumps({'prompt': 'The riders', 'stream': True, 'ignore_eos': True}))
        busy.getresponse().read(300)
        status, headers, _ = server.raw('POST', '/v1/completions', {'prompt': 'The riders', 'max_tokens': 1})
        self.assertEqual((status, 'Retry-After' in headers), (503, True))
        busy.close()
        self.assertEqual(server.stop()[0], 0)


if __name__ == '__main__':
    serving.main()
