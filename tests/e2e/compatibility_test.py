"""What real clients of the four APIs send and look for, beyond one good request: names, lists of prompts, answers that were begun, errors in
their own form. `python3 tests/e2e/compatibility_test.py build-test/paceline`"""

import json
import os
import re
import time

import serving

HELLO = serving.HELLO
CHAT = '/v1/chat/completions'


class CompatibilityTest(serving.Case):
    FLAGS = ('-c', '512', '--api-key', 'key')

    def call(self, path, body=None, status=200, method=None, key='Bearer key'):
        return self.server.call(path, body, status, method, {'Authorization': key})

    def lines(self, path, body):
        _, _, data = self.server.raw('POST', path, body, {'Authorization': 'Bearer key'})
        return [json.loads(line) for line in data.decode().splitlines()]

    def test_ollama_names_and_facts(self):
        for body in ({'model': '', 'name': 'paceline-demo'}, {'model': 'Paceline-Demo:latest'}, {'name': 'paceline-demo'}):
            self.assertIn('completion', self.call('/api/show', body)['capabilities'])
        self.call('/api/show', {'model': '', 'name': 'other'}, status=404)
        entry, = self.call('/api/tags')['models']
        self.assertRegex(entry['digest'], '^[0-9a-f]{64}$')
        self.assertEqual(entry['digest'], self.call('/api/ps')['models'][0]['digest'])
        changed = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(os.stat(serving.MODEL).st_mtime))
        self.assertEqual(entry['modified_at'], changed)
        self.assertEqual(entry['details']['quantization_level'], 'Q8_0')

    def test_ollama_logprobs(self):
        body = {'model': 'paceline-demo', 'messages': HELLO, 'logprobs': True, 'top_logprobs': 2, 'options': {'seed': 7, 'num_predict': 12}}
        whole = self.call('/api/chat', dict(body, stream=False))['logprobs']
        self.assertEqual(len(whole), 12)
        for entry in whole:
            self.assertLessEqual(entry['logprob'], 0)
            self.assertEqual(len(entry['top_logprobs']), 2)
        self.assertEqual([entry for line in self.lines('/api/chat', body) for entry in line.get('logprobs', [])], whole)
        self.assertNotIn('logprobs', self.call('/api/chat', dict(body, stream=False, logprobs=False)))

    def test_an_answer_that_was_begun_is_continued(self):
        begun = [*HELLO, {'role': 'assistant', 'content': 'The riders'}]
        prompt = self.call('/apply-template', {'messages': begun})['prompt']
        self.assertTrue(prompt.endswith('\n</think>\n\nThe riders'), prompt)
        settings = {'seed': 7, 'max_tokens': 12, 'temperature': 0}
        want = self.call('/completion', dict(settings, prompt=prompt, n_predict=12))['content']
        self.assertEqual(self.call(CHAT, dict(settings, messages=begun))['choices'][0]['message']['content'], want)
        answer = self.call('/v1/messages', dict(settings, messages=begun))
        self.assertEqual(''.join(block['text'] for block in answer['content']), want)
        options = {'seed': 7, 'num_predict': 12, 'temperature': 0}
        answer = self.call('/api/chat', {'model': 'paceline-demo', 'messages': begun, 'stream': False, 'options': options})
        self.assertEqual(answer['message']['content'], want)
        # In the middle of the thought.
        thinks = [*HELLO, {'role': 'assistant', 'content': '', 'reasoning_content': 'The question'}]
        thought = {'messages': thinks, 'enable_thinking': True}
        self.assertTrue(self.call('/apply-template', thought)['prompt'].endswith('<think>\nThe question'))
        self.assertIn('reasoning_content', self.call(CHAT, dict(settings, **thought))['choices'][0]['message'])
        both = [*HELLO, {'role': 'assistant', 'content': 'A', 'reasoning_content': 'B'}]
        prompt = self.call('/apply-template', {'messages': both, 'enable_thinking': True})['prompt']
        self.assertTrue(prompt.endswith('<think>\nB\n</think>\n\nA'), prompt)
        # A thought where there is no thinking would be lost.
        self.assertIn('thinking is off', self.call(CHAT, {'messages': thinks}, status=400)['error']['message'])
        # Half of a form is none.
        error = self.call(CHAT, {'messages': begun, 'response_format': {'type': 'json_object'}}, status=400)
        self.assertIn('as a whole', error['error']['message'])

    def test_several_prompts(self):
        settings = {'seed': 7, 'max_tokens': 8, 'n': 2, 'echo': True}
        alone = [self.call('/v1/completions', dict(settings, prompt=text)) for text in ('The riders', 'A wheel')]
        texts = [choice['text'] for answer in alone for choice in answer['choices']]
        both = self.call('/v1/completions', dict(settings, prompt=['The riders', 'A wheel']))
        self.assertEqual([choice['text'] for choice in both['choices']], texts)
        self.assertEqual([choice['index'] for choice in both['choices']], [0, 1, 2, 3])
        self.assertEqual(both['usage']['prompt_tokens'], sum(answer['usage']['prompt_tokens'] for answer in alone))
        tokens = [self.call('/tokenize', {'content': text})['tokens'] for text in ('The riders', 'A wheel')]
        self.assertEqual([choice['text'] for choice in self.call('/v1/completions', dict(settings, prompt=tokens))['choices']], texts)
        self.assertEqual(len(self.call('/v1/completions', dict(settings, prompt=[tokens[0]]))['choices']), 2)
        unlike = self.call('/v1/completions', {'prompt': ['Once'] * 4, 'temperature': 2, 'max_tokens': 16})
        self.assertGreater(len({choice['text'] for choice in unlike['choices']}), 1)
        error = self.call('/v1/completions', {'prompt': ['a'] * 64, 'n': 16}, status=400)
        self.assertIn('1024 answers at once', error['error']['message'])
        for wrong in ([], [['a']], [{}], 7, ['a'] * 65, ['a', '']):
            self.call('/v1/completions', dict(settings, prompt=wrong), status=400)
        self.assertIn('several prompts', self.call('/completion', {'prompt': ['a', 'b']}, status=400)['error']['message'])

    def test_an_empty_system_prompt_is_none(self):
        generate = {'model': 'paceline-demo', 'prompt': 'Hi', 'stream': False, 'options': {'num_predict': 1}}
        counts = {self.call('/api/generate', dict(generate, **more))['prompt_eval_count'] for more in ({}, {'system': ''})}
        self.assertEqual(len(counts), 1)
        counts = {self.call('/v1/messages/count_tokens', {'messages': HELLO, **more})['input_tokens'] for more in ({}, {'system': ''}, {'system': []})}
        self.assertEqual(len(counts), 1)

    def test_usage_is_the_same_streamed(self):
        body = {'max_tokens': 4, 'messages': [{'role': 'user', 'content': 'word ' * 150}]}
        self.call('/v1/messages', body)
        whole = self.call('/v1/messages', body)['usage']
        self.assertGreater(whole['cache_read_input_tokens'], 0)
        _, _, data = self.server.raw('POST', '/v1/messages', dict(body, stream=True), {'Authorization': 'Bearer key'})
        delta = json.loads(re.search(r'event: message_delta\ndata: (.*)', data.decode())[1])
        self.assertEqual(delta['usage'], whole)

    def test_errors_have_the_form_of_their_api(self):
        for path, method in (('/api/embed', 'POST'), ('/api/none', 'GET'), ('/api/chat', 'GET'), ('/api/pull', 'POST')):
            status = 405 if path == '/api/chat' else 404
            self.assertIsInstance(self.call(path, status=status, method=method)['error'], str)
        self.assertIsInstance(self.call('/api/none', status=401, key='Bearer no')['error'], str)
        self.assertEqual(self.call('/v1/messages/batches', status=404)['type'], 'error')
        self.assertIn('embeddings', self.call('/v1/embeddings', {}, status=404)['error']['message'])
        self.assertIn('input', self.call('/v1/responses', {}, status=400)['error']['message'])
        # Before a handler sees them.
        head = b'POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n'
        self.assertIsInstance(json.loads(self.server.sockets(head).split(b'\r\n\r\n')[1])['error'], str)
        gzip = b'POST /v1/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n'
        answer = self.server.sockets(gzip)
        self.assertEqual(answer.count(b'HTTP/1.1 '), 1)
        self.assertIn(b'expected chunked', answer)

    def test_a_conversation_that_is_too_long_is_told_in_the_words_of_its_api(self):
        long = {'messages': [{'role': 'user', 'content': 'word ' * 600}], 'max_tokens': 4}
        error = self.call(CHAT, long, status=400)['error']
        self.assertEqual(error['code'], 'context_length_exceeded')
        self.assertIn('maximum context length', error['message'])
        self.assertEqual(self.call('/v1/responses', {'input': 'word ' * 600}, status=400)['error'], error)
        self.assertRegex(self.call('/v1/messages', long, status=400)['error']['message'], r'^prompt is too long: \d+ tokens > 511 maximum')
        error = self.call('/completion', {'prompt': 'word ' * 600}, status=400)['error']
        self.assertEqual((error['type'], error['n_ctx']), ('exceed_context_size_error', 512))
        self.assertGreater(error['n_prompt_tokens'], 512)

    def test_samplers_that_are_off_are_no_matter_and_others_are_refused(self):
        off = {'mirostat': 0, 'dynatemp_range': 0, 'xtc_probability': 0, 'dry_multiplier': 0, 'typical_p': 1, 'tfs_z': 1.5, 't_max_predict_ms': -1}
        on = {'mirostat': 2, 'dynatemp_range': 0.5, 'xtc_probability': 0.9, 'dry_multiplier': -2, 'typical_p': 0.1, 't_max_predict_ms': 1, 'top_n_sigma': 'x'}
        requests = [('/completion', {'prompt': 'a', 'n_predict': 1}, lambda body, more: dict(body, **more)),
                    (CHAT, {'messages': HELLO, 'max_tokens': 1}, lambda body, more: dict(body, **more)),
                    ('/v1/responses', {'input': HELLO, 'max_output_tokens': 1}, lambda body, more: dict(body, **more)),
                    ('/api/chat', {'model': 'paceline-demo', 'messages': HELLO, 'stream': False}, lambda body, more: dict(body, options=dict(more, num_predict=1)))]
        for path, body, with_fields in requests:
            self.call(path, with_fields(body, off))
            for name, value in on.items():
                self.assertIn(name, json.dumps(self.call(path, with_fields(body, {name: value}), status=400)))

    def test_schemas_with_remarks_of_other_tools(self):
        schema = {'type': 'object', 'required': ['a'], 'properties': {'a': {'type': 'integer', 'markdownDescription': '*'}}, 'discriminator': {}}
        body = {'model': 'paceline-demo', 'messages': HELLO, 'stream': False, 'format': schema, 'options': {'num_predict': 200, 'seed': 3}}
        self.assertEqual(list(json.loads(self.call('/api/chat', body)['message']['content'])), ['a'])

    def test_keys_are_written_in_many_ways(self):
        for key in ('bearer key', 'BEARER  key', 'Bearer key'):
            self.call('/v1/models', key=key)
        for key in ('Bearer', 'Bearer ', 'key', 'Basic key', 'Bearer kEy'):
            self.call('/v1/models', key=key, status=401)


if __name__ == '__main__':
    serving.main()
