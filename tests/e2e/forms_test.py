"""Answers that must have a form, in every API: each is judged by another implementation of JSON Schema.
`python3 tests/e2e/forms_test.py build-test/paceline`"""

import json
import threading

import jsonschema
import serving
from serving import HELLO

SHORT = {'type': 'string', 'maxLength': 12}
PERSON = {
    'type': 'object',
    'properties': {'name': SHORT, 'age': {'type': 'integer', 'minimum': 0, 'maximum': 130}, 'email': {'type': ['string', 'null'], 'maxLength': 8}},
    'required': ['name', 'age'],
    'additionalProperties': False,
}
SCHEMAS = {
    'object with optional properties': PERSON,
    'nested': {'type': 'object', 'properties': {'who': {'$ref': '#/$defs/person'}, 'friends': {'type': 'array', 'items': {'$ref': '#/$defs/person'}, 'maxItems': 2}},
               'required': ['who', 'friends'], 'additionalProperties': False, '$defs': {'person': PERSON}},
    'enum': {'enum': ['red', 'green', 12, None, {'a': [1.5]}]},
    'array with limits': {'type': 'array', 'items': {'type': 'integer', 'minimum': -5, 'maximum': 5}, 'minItems': 2, 'maxItems': 4},
    'tuple': {'type': 'array', 'prefixItems': [SHORT, {'type': 'boolean'}, {'const': 'end'}], 'items': False, 'minItems': 3},
    'oneOf': {'oneOf': [{'type': 'object', 'properties': {'kind': {'const': 'circle'}, 'radius': {'type': 'number', 'exclusiveMinimum': 0, 'maximum': 100}},
                         'required': ['kind', 'radius'], 'additionalProperties': False},
                        {'type': 'object', 'properties': {'kind': {'const': 'square'}, 'side': {'type': 'integer', 'multipleOf': 5, 'minimum': 0, 'maximum': 50}},
                         'required': ['kind', 'side'], 'additionalProperties': False}]},
    'anyOf': {'anyOf': [{'type': 'null'}, {'type': 'boolean'}, SHORT, {'type': 'array', 'items': {'type': 'null'}, 'maxItems': 3}]},
    'pattern': {'type': 'object', 'properties': {'id': {'type': 'string', 'pattern': '^[A-Z]{2,3}-[0-9]{3,4}$'}, 'tag': {'type': 'string', 'pattern': 'ab?c', 'maxLength': 9}},
                'required': ['id', 'tag'], 'additionalProperties': False},
    'formats': {'type': 'object', 'properties': {'day': {'type': 'string', 'format': 'date'}, 'id': {'type': 'string', 'format': 'uuid'}, 'host': {'type': 'string', 'format': 'ipv4'}},
                'required': ['day', 'id', 'host'], 'additionalProperties': False},
    'numbers': {'type': 'array', 'items': {'type': 'number', 'minimum': -1.5, 'exclusiveMaximum': 2.25}, 'minItems': 1, 'maxItems': 3},
    'all optional': {'type': 'object', 'properties': {key: {'type': 'integer', 'minimum': 0, 'maximum': 9} for key in 'abcdefgh'}, 'minProperties': 2, 'maxProperties': 4,
                     'additionalProperties': False},
    'other properties': {'type': 'object', 'properties': {'a': {'type': 'null'}}, 'patternProperties': {'^x': {'type': 'boolean'}}, 'propertyNames': {'maxLength': 4},
                         'additionalProperties': {'type': 'integer', 'minimum': 0, 'maximum': 99}, 'maxProperties': 3},
    'allOf': {'allOf': [{'type': 'string', 'minLength': 3}, {'maxLength': 6}]},
    'strings of a length': {'type': 'object', 'properties': {'long': {'type': 'string', 'minLength': 40, 'maxLength': 44}, 'exact': {'type': 'string', 'minLength': 3, 'maxLength': 3}},
                            'required': ['long', 'exact'], 'additionalProperties': False},
}
ASK = [{'role': 'user', 'content': 'Describe a rider as JSON.'}]

WEATHER = {'type': 'object', 'properties': {'city': {'type': 'string', 'maxLength': 20}, 'days': {'type': 'integer', 'minimum': 1, 'maximum': 9},
                                            'unit': {'enum': ['celsius', 'fahrenheit']}, 'places': {'type': 'array', 'items': PERSON, 'maxItems': 2}},
           'required': ['city', 'unit'], 'additionalProperties': False}
NOTE = {'type': 'object', 'properties': {'text': {'type': 'string', 'minLength': 5, 'maxLength': 30}, 'important': {'type': 'boolean'}}, 'required': ['text', 'important']}
TOOLS = [{'type': 'function', 'function': {'name': name, 'description': name, 'parameters': schema}} for name, schema in (('weather', WEATHER), ('note', NOTE))]
CLAUDE_TOOLS = [{'name': name, 'description': name, 'input_schema': schema} for name, schema in (('weather', WEATHER), ('note', NOTE))]
BY_NAME = {'weather': WEATHER, 'note': NOTE}


def response_format(schema):
    return {'type': 'json_schema', 'json_schema': {'name': 'answer', 'schema': schema, 'strict': True}}


def check(value, schema):
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER).validate(value)


class FormsTest(serving.Case):
    FLAGS = ('-np', '4')

    def chat(self, **fields):
        return self.server.call('/v1/chat/completions', dict({'messages': ASK, 'max_tokens': 400, 'seed': 1}, **fields))

    def streamed(self, path, body):
        """The text, the reasoning and the calls of choice 0, put together again."""
        events, done = self.server.events(path, body)
        self.assertTrue(done)
        text, reasoning, calls, reason = '', '', [], None
        for event in events:
            for choice in event['choices']:
                if choice['index'] != 0:
                    continue
                delta = choice.get('delta', {'content': choice.get('text')})
                text, reasoning = text + (delta.get('content') or ''), reasoning + (delta.get('reasoning_content') or '')
                for call in delta.get('tool_calls', []):
                    if call['index'] == len(calls):
                        calls.append({'name': call['function']['name'], 'arguments': ''})
                    calls[call['index']]['arguments'] += call['function']['arguments']
                reason = choice['finish_reason'] or reason
        return text, reasoning, calls, reason

    def test_every_answer_is_valid(self):
        for name, schema in SCHEMAS.items():
            for temperature in (0, 0.8, 1.6):
                answer = self.chat(response_format=response_format(schema), temperature=temperature, seed=int(temperature * 10) + 3, n=2)
                for choice in answer['choices']:
                    text = choice['message']['content']
                    with self.subTest(schema=name, temperature=temperature, text=text):
                        self.assertEqual(choice['finish_reason'], 'stop')
                        check(json.loads(text), schema)

    def test_speculation_company_and_cache_leave_no_trace(self):
        body = dict(response_format=response_format(SCHEMAS['nested']), temperature=0.9, seed=11, cache_prompt=False)
        plain = self.chat(speculation='off', **body)
        text = plain['choices'][0]['message']['content']
        for speculation in ('auto', 1, 3, 6):
            for again in (False, True):
                answer = self.chat(**dict(body, speculation=speculation, cache_prompt=again))
                self.assertEqual(answer['choices'][0]['message']['content'], text, speculation)
        drafted = self.chat(**dict(body, speculation=3))
        self.assertGreater(drafted['timings']['draft_n_accepted'], 0)
        many = self.chat(**dict(body, n=4))
        self.assertEqual(many['choices'][0]['message']['content'], text)
        for choice in many['choices']:
            check(json.loads(choice['message']['content']), SCHEMAS['nested'])

    def test_streams_say_the_same(self):
        for extra in (dict(response_format=response_format(PERSON)), dict(tools=TOOLS, tool_choice='required'), dict(json_schema=PERSON, enable_thinking=True, max_tokens=2000)):
            whole = self.chat(**extra)['choices'][0]
            text, reasoning, calls, reason = self.streamed('/v1/chat/completions', dict({'messages': ASK, 'max_tokens': 400, 'seed': 1}, **extra))
            self.assertEqual(text, whole['message']['content'] or '')
            self.assertEqual(reasoning, whole['message'].get('reasoning_content', ''))
            self.assertEqual([call['arguments'] for call in calls], [call['function']['arguments'] for call in whole['message'].get('tool_calls', [])])
            self.assertEqual(reason, whole['finish_reason'])

    def test_the_fields_of_openai_and_llama_cpp(self):
        for extra in (dict(response_format={'type': 'json_object', 'schema': PERSON}), dict(json_schema=PERSON)):
            check(json.loads(self.chat(**extra)['choices'][0]['message']['content']), PERSON)
        for seed in range(4):  # any object may be long
            choice = self.chat(response_format={'type': 'json_object'}, seed=seed, temperature=1)['choices'][0]
            self.assertTrue(choice['message']['content'].startswith('{'))
            if choice['finish_reason'] == 'stop':
                self.assertIsInstance(json.loads(choice['message']['content']), dict)
        grammar = r'root ::= "yes" | "no, " [a-z]{3,5} "."'
        pattern = r'yes|no, [a-z]{3,5}\.'
        for path, prompt, text in (('/v1/chat/completions', {'messages': ASK}, lambda answer: answer['choices'][0]['message']['content']),
                                   ('/v1/completions', {'prompt': 'The riders'}, lambda answer: answer['choices'][0]['text']),
                                   ('/completion', {'prompt': 'The riders'}, lambda answer: answer['content'])):
            for seed in range(3):
                body = dict(prompt, seed=seed, temperature=1, n_predict=300)
                self.assertRegex(text(self.server.call(path, dict(body, grammar=grammar))), f'^({pattern})$')
                check(json.loads(text(self.server.call(path, dict(body, json_schema=PERSON)))), PERSON)
        events, _ = self.server.events('/completion', {'prompt': 'The riders', 'n_predict': 300, 'json_schema': PERSON, 'seed': 1})
        check(json.loads(''.join(event['content'] for event in events)), PERSON)
        text, _, _, reason = self.streamed('/v1/completions', {'prompt': 'The riders', 'max_tokens': 300, 'grammar': grammar, 'seed': 1})
        self.assertRegex(text, f'^({pattern})$')
        self.assertEqual(reason, 'stop')

    def test_ollama(self):
        model = {'model': 'paceline-demo', 'options': {'seed': 5, 'num_predict': 400}}
        for stream in (False, True):
            for path, ask, text in (('/api/chat', {'messages': ASK}, lambda part: part['message']['content']), ('/api/generate', {'prompt': 'A rider as JSON'}, lambda part: part['response']),
                                    ('/api/generate', {'prompt': 'A rider: ', 'raw': True}, lambda part: part['response'])):
                status, _, data = self.server.raw('POST', path, dict(model, **ask, format=PERSON, stream=stream))
                self.assertEqual(status, 200, data)
                check(json.loads(''.join(text(json.loads(line)) for line in data.splitlines())), PERSON)
        answer = self.server.call('/api/generate', dict(model, prompt='A rider as JSON', format='json', stream=False))
        self.assertTrue(answer['response'].startswith('{'))
        self.server.call('/api/chat', dict(model, messages=ASK, format='', stream=False))

    def test_thinking_comes_first(self):
        body = {'enable_thinking': True, 'response_format': response_format(PERSON), 'max_tokens': 3000, 'temperature': 0.7}
        finished = 0
        for seed in range(4):
            choice = self.chat(**body, seed=seed)['choices'][0]
            if choice['finish_reason'] != 'stop':
                continue
            finished += 1
            check(json.loads(choice['message']['content']), PERSON)
            plain = self.chat(**body, seed=seed, speculation='off')['choices'][0]
            self.assertEqual(plain, {**choice, **{key: plain[key] for key in plain if key == 'paceline'}})
            self.assertTrue(choice['message'].get('reasoning_content'))
        self.assertGreater(finished, 0)

    def test_stop_strings_still_stop(self):
        choice = self.chat(json_schema={'const': 'one two three'}, stop=['two'])['choices'][0]
        self.assertEqual((choice['message']['content'], choice['finish_reason']), ('"one ', 'stop'))

    def test_forced_calls(self):
        for seed in range(6):
            for choice, names in (('required', {'weather', 'note'}), ({'type': 'function', 'function': {'name': 'note'}}, {'note'}),
                                  ({'type': 'allowed_tools', 'allowed_tools': {'mode': 'required', 'tools': [{'type': 'function', 'function': {'name': 'weather'}}]}}, {'weather'})):
                answer = self.chat(tools=TOOLS, tool_choice=choice, temperature=1.2, seed=seed, max_tokens=2000)['choices'][0]
                with self.subTest(seed=seed, choice=choice, answer=answer):
                    self.assertEqual(answer['finish_reason'], 'tool_calls')
                    self.assertIsNone(answer['message']['content'])
                    for call in answer['message']['tool_calls']:
                        self.assertIn(call['function']['name'], names)
                        check(json.loads(call['function']['arguments']), BY_NAME[call['function']['name']])
            answer = self.chat(tools=TOOLS, tool_choice='required', parallel_tool_calls=False, temperature=1.2, seed=seed)['choices'][0]
            self.assertEqual(len(answer['message']['tool_calls']), 1)
        thought = self.chat(tools=TOOLS, tool_choice='required', enable_thinking=True, max_tokens=3000)['choices'][0]
        if thought['finish_reason'] != 'length':
            self.assertEqual(thought['finish_reason'], 'tool_calls')

    def test_calls_or_content(self):
        strict = [dict(TOOLS[1], function=dict(TOOLS[1]['function'], strict=True))]
        for seed in range(4):
            answer = self.chat(tools=TOOLS, response_format=response_format(PERSON), temperature=1.3, seed=seed)['choices'][0]
            if answer['finish_reason'] == 'stop':
                check(json.loads(answer['message']['content']), PERSON)
            for call in answer['message'].get('tool_calls', []):
                check(json.loads(call['function']['arguments']), BY_NAME[call['function']['name']])
            answer = self.chat(tools=strict, temperature=1.3, seed=seed)['choices'][0]
            for call in answer['message'].get('tool_calls', []):
                check(json.loads(call['function']['arguments']), NOTE)

    def test_anthropic(self):
        body = {'messages': HELLO, 'max_tokens': 2000, 'temperature': 1, 'tools': CLAUDE_TOOLS}
        for choice in ({'type': 'any'}, {'type': 'any', 'disable_parallel_tool_use': True}, {'type': 'tool', 'name': 'weather'}):
            answer = self.server.call('/v1/messages', dict(body, tool_choice=choice))
            self.assertEqual(answer['stop_reason'], 'tool_use', answer)
            blocks = answer['content']
            self.assertEqual({block['type'] for block in blocks}, {'tool_use'})
            for block in blocks:
                check(block['input'], BY_NAME[block['name']])
            if len(choice) > 1:
                self.assertEqual(len(blocks), 1)
        for field in ({'output_format': {'type': 'json_schema', 'schema': PERSON}}, {'output_config': {'format': {'type': 'json_schema', 'schema': PERSON}}}):
            answer = self.server.call('/v1/messages', dict(messages=HELLO, max_tokens=400, **field))
            check(json.loads(answer['content'][0]['text']), PERSON)
        _, _, data = self.server.raw('POST', '/v1/messages', dict(body, tool_choice={'type': 'tool', 'name': 'note'}, stream=True))
        events = [json.loads(line[len('data: '):]) for line in data.decode().splitlines() if line.startswith('data: ')]
        check(json.loads(''.join(event['delta']['partial_json'] for event in events if event.get('delta', {}).get('type') == 'input_json_delta')), NOTE)

    def test_refusals_name_the_place(self):
        conditional = {'type': 'object', 'properties': {'a': {'if': {'type': 'string'}}}}
        cases = [
            ('/v1/chat/completions', {'response_format': response_format(conditional)}, 'response_format.json_schema.schema: schema: #/properties/a/if'),
            ('/v1/chat/completions', {'response_format': response_format({'type': 'integer', 'minimum': 5, 'maximum': 4})}, 'response_format.json_schema.schema: no text matches'),
            ('/v1/chat/completions', {'response_format': {'type': 'json_schema'}}, 'response_format.json_schema: expected an object'),
            ('/v1/chat/completions', {'response_format': {'type': 'xml'}}, 'response_format.type: expected text, json_object or json_schema'),
            ('/v1/chat/completions', {'json_schema': {'type': 'strin'}}, 'json_schema: schema: #/type'),
            ('/v1/chat/completions', {'json_schema': {'$ref': '#/$defs/none'}}, 'json_schema: schema: #/$ref'),
            ('/v1/chat/completions', {'json_schema': {'$ref': '#'}}, 'json_schema: schema: #: refers to itself'),
            ('/v1/chat/completions', {'json_schema': {'type': 'string', 'pattern': '(?=a)b'}}, 'json_schema: schema: #/pattern'),
            ('/v1/chat/completions', {'json_schema': {'type': 'string', 'pattern': '(.*a.{20})'}}, 'json_schema: schema: #/pattern: too large'),
            ('/v1/chat/completions', {'json_schema': {'type': 'string', 'maxLength': 10**9}}, 'json_schema: schema: #'),
            ('/v1/chat/completions', {'grammar': 'root ::= x'}, 'grammar: grammar:1:10: rule x is used but not defined'),
            ('/v1/chat/completions', {'grammar': 'root ::= root "a"'}, 'grammar: '),
            ('/v1/chat/completions', {'grammar': 'root ::= "a"', 'json_schema': PERSON}, 'grammar: cannot be had together with json_schema'),
            ('/v1/chat/completions', {'grammar': 'root ::= "a"', 'ignore_eos': True}, 'ignore_eos: '),
            ('/v1/chat/completions', {'tool_choice': 'required'}, 'tool_choice: there are no tools'),
            ('/v1/chat/completions', {'tools': TOOLS, 'tool_choice': {'type': 'function', 'function': {'name': 'other'}}}, 'tool_choice: there is no tool other'),
            ('/v1/chat/completions', {'tools': TOOLS, 'tool_choice': 'required', 'json_schema': PERSON}, 'tool_choice: a call is required'),
            ('/v1/chat/completions', {'tools': [{'type': 'function', 'function': {'name': 'f', 'parameters': conditional}}], 'tool_choice': 'required'},
             'tools[0].function.parameters: schema: #/properties/a/if'),
            ('/v1/completions', {'prompt': 'a', 'grammar': 'root'}, 'grammar: grammar:1:5: expected ::='),
            ('/completion', {'prompt': 'a', 'json_schema': conditional}, 'json_schema: schema: #/properties/a/if'),
            ('/completion', {'prompt': 'a', 'json_schema': 7}, 'json_schema: expected an object'),
            ('/api/chat', {'model': 'paceline-demo', 'format': conditional}, 'format: schema: #/properties/a/if'),
            ('/api/generate', {'model': 'paceline-demo', 'prompt': 'a', 'format': 'yaml'}, 'format: expected "json" or a schema'),
            ('/v1/messages', {'max_tokens': 5, 'tools': [{'name': 'f', 'input_schema': conditional}], 'tool_choice': {'type': 'any'}}, 'tools[0].input_schema: schema: #/properties/a/if'),
            ('/v1/messages', {'max_tokens': 5, 'tools': CLAUDE_TOOLS, 'tool_choice': {'type': 'tool', 'name': 'x'}}, 'tool_choice: there is no tool x'),
        ]
        for path, fields, expected in cases:
            body = dict(fields) if 'prompt' in fields else dict({'messages': ASK}, **fields)
            for stream in (False, True):
                status, _, data = self.server.raw('POST', path, dict(body, stream=stream))
                with self.subTest(path=path, fields=fields, stream=stream):
                    self.assertEqual(status, 400, data)
                    error = json.loads(data)['error']
                    message = error if isinstance(error, str) else error['message']
                    self.assertTrue(message.startswith(expected), message)
        self.assertEqual(self.server.call('/health'), {'status': 'ok'})

    def test_a_hostile_grammar_ends_its_own_request_only(self):
        # Dear to compile, and refused in the end: meanwhile others are served.
        schema = {'type': 'object', 'properties': {str(i): {'type': 'string', 'pattern': f'(a|aa)+(b|[ab]{{1,{40 + i}}}){{1,40}}c$'} for i in range(4)}}
        statuses = []
        crowd = [threading.Thread(target=lambda: statuses.append(self.server.raw('POST', '/completion', {'prompt': 'a', 'json_schema': schema})[0])) for _ in range(4)]
        for client in crowd:
            client.start()
        self.assertEqual(self.server.call('/health'), {'status': 'ok'})
        self.assertEqual(self.chat(max_tokens=5)['usage']['completion_tokens'], 5)
        for client in crowd:
            client.join()
        self.assertEqual(statuses, [400] * 4)
        grammar = 'root ::= "a" s\ns ::= [a-z ] s s | [a-z ] | .{0,300} .{0,300} .{0,300}'
        status, _, data = self.server.raw('POST', '/completion', {'prompt': 'The riders', 'n_predict': 60, 'grammar': grammar, 'temperature': 1})
        self.assertIn(status, (200, 400, 500), data)
        self.assertRegex(self.chat(grammar='root ::= "fine"')['choices'][0]['message']['content'], '^fine$')


if __name__ == '__main__':
    serving.main()
