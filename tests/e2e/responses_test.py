"""OpenAI's Responses API: what it answers is what /v1/chat/completions answers, whole and streamed; items come back as they went out.
`python3 tests/e2e/responses_test.py build-test/paceline`"""

import json

import serving
from serving import HELLO

CHAT = '/v1/chat/completions'
RESPONSES = '/v1/responses'
PERSON = {'type': 'object', 'properties': {'age': {'type': 'integer', 'minimum': 0, 'maximum': 130}, 'kind': {'enum': ['rider', 'horse']}},
          'required': ['age', 'kind'], 'additionalProperties': False}
TOWN = {'type': 'object', 'properties': {'town': {'type': 'string', 'enum': ['Uppsala', 'Lund']}}, 'required': ['town'], 'additionalProperties': False}
WEATHER = {'type': 'function', 'name': 'weather', 'description': 'The weather of a town', 'parameters': TOWN}
NOTE = {'type': 'function', 'name': 'note', 'parameters': None, 'strict': None}
CALL = {'type': 'function_call', 'id': 'fc_1', 'call_id': 'call_1', 'name': 'weather', 'arguments': '{"town": "Lund"}', 'status': 'completed'}
RESULT = {'type': 'function_call_output', 'call_id': 'call_1', 'output': '21 degrees'}


def chat_tool(tool):
    return {'type': 'function', 'function': {key: value for key, value in tool.items() if key != 'type' and value is not None}}


def text_of(response):
    return ''.join(part['text'] for item in response['output'] if item['type'] == 'message' for part in item['content'])


def thought_of(response):
    return ''.join(part['text'] for item in response['output'] if item['type'] == 'reasoning' for part in item['content'])


def calls_of(response):
    return [item for item in response['output'] if item['type'] == 'function_call']


def rebuild(events):
    """The output that the events between the first and the last build up, each checked against what is there already."""
    output = []
    for event in events:
        kind = event['type'].removeprefix('response.')
        if kind == 'output_item.added':
            assert event['output_index'] == len(output) and event['item']['status'] == 'in_progress', event
            output.append(event['item'])
            continue
        item = output[event['output_index']]
        if kind == 'output_item.done':
            assert {**item, 'status': event['item']['status']} == event['item'], (item, event)
            output[event['output_index']] = event['item']
            continue
        assert event['item_id'] == item['id'], event
        if kind == 'content_part.added':
            assert event['content_index'] == len(item['content']) == 0, event
            item['content'].append(event['part'])
        elif kind == 'content_part.done':
            assert item['content'][0] == event['part'], (item, event)
        elif kind == 'function_call_arguments.delta':
            item['arguments'] += event['delta']
        elif kind == 'function_call_arguments.done':
            assert item['arguments'] == event['arguments'] and item['name'] == event['name'], (item, event)
        elif kind in ('output_text.delta', 'reasoning_text.delta'):
            item['content'][0]['text'] += event['delta']
            if kind == 'output_text.delta':
                item['content'][0]['logprobs'] += event['logprobs']
        elif kind in ('output_text.done', 'reasoning_text.done'):
            assert item['content'][0]['text'] == event['text'], (item, event)
        else:
            raise AssertionError(f'an event of type {event["type"]}')
    return output


def without_names(value):
    """Without ids and what depends on time."""
    if isinstance(value, list):
        return [without_names(part) for part in value]
    if isinstance(value, dict):
        return {key: without_names(part) for key, part in value.items()
                if key not in ('id', 'call_id', 'created_at', 'completed_at', 'timings', 'paceline', 'input_tokens_details')}
    return value


class ResponsesTest(serving.Case):
    FLAGS = ('-c', '2048')

    def ask(self, input='Who are you?', status=200, **more):
        return self.server.call(RESPONSES, dict({'input': input, 'seed': 7, 'max_output_tokens': 60}, **more), status=status)

    def chat(self, messages, **more):
        return self.server.call(CHAT, dict({'messages': messages, 'seed': 7, 'max_tokens': 60}, **more))

    def stream(self, input='Who are you?', **more):
        """The final response, with every event before it checked."""
        body = dict({'input': input, 'seed': 7, 'max_output_tokens': 60, 'stream': True}, **more)
        status, headers, data = self.server.raw('POST', RESPONSES, body)
        self.assertEqual(status, 200, data)
        self.assertTrue(headers['Content-Type'].startswith('text/event-stream'))
        events = []
        for part in data.decode().strip().split('\n\n'):
            lines = dict(line.split(': ', 1) for line in part.split('\n'))
            events.append(json.loads(lines['data']))
            self.assertEqual(lines['event'], events[-1]['type'])
        self.assertEqual([event['sequence_number'] for event in events], list(range(len(events))))
        self.assertEqual([event['type'] for event in events[:2]], ['response.created', 'response.in_progress'])
        final = events[-1]['response']
        self.assertEqual(events[-1]['type'], 'response.' + final['status'])
        for event in events[:2]:
            self.assertEqual(set(event['response']), set(final) - {'timings', 'paceline'})
            self.assertEqual((event['response']['status'], event['response']['output'], event['response']['usage']), ('in_progress', [], None))
            self.assertEqual(event['response']['id'], final['id'])
        self.assertEqual(rebuild(events[2:-1]), final['output'])
        return final

    def test_the_answer_is_that_of_chat_completions(self):
        for more in ({}, {'temperature': 0.9}, {'temperature': 1.1, 'top_p': 0.8, 'seed': 3}, {'speculation': 'off', 'temperature': 0.9}, {'temperature': 1, 'enable_thinking': True}):
            want = self.chat(HELLO, **more)
            message = want['choices'][0]['message']
            for input in ('Who are you?', HELLO, [dict(HELLO[0], type='message')], [{'role': 'user', 'content': [{'type': 'input_text', 'text': 'Who are you?'}]}]):
                answer = self.ask(input, **more)
                self.assertEqual(text_of(answer), message['content'])
                self.assertEqual(thought_of(answer), message.get('reasoning_content', ''))
            self.assertEqual(answer['usage']['input_tokens'], want['usage']['prompt_tokens'])
            self.assertEqual(answer['usage']['output_tokens'], want['usage']['completion_tokens'])
            self.assertEqual(answer['usage']['total_tokens'], want['usage']['total_tokens'])
            self.assertEqual(answer['status'], 'incomplete' if want['choices'][0]['finish_reason'] == 'length' else 'completed')

    def test_the_shape_that_clients_types_demand(self):
        answer = self.ask(temperature=0.5, metadata={'a': 'b'}, store=True, user='u', service_tier='auto', truncation='disabled', include=[], safety_identifier='s',
                          prompt_cache_key='k', previous_response_id=None, conversation=None, background=False)
        self.assertEqual((answer['object'], answer['status'], answer['model']), ('response', 'completed', 'paceline-demo'))
        self.assertTrue(answer['id'].startswith('resp_'))
        item, = answer['output']
        self.assertTrue(item['id'].startswith('msg_'))
        self.assertEqual((item['type'], item['role'], item['status']), ('message', 'assistant', 'completed'))
        self.assertEqual([(part['type'], part['annotations']) for part in item['content']], [('output_text', [])])
        want = {'temperature': 0.5, 'metadata': {'a': 'b'}, 'instructions': None, 'max_output_tokens': 60, 'tools': [], 'tool_choice': 'auto', 'parallel_tool_calls': True,
                'text': {'format': {'type': 'text'}}, 'truncation': 'disabled', 'previous_response_id': None, 'error': None, 'incomplete_details': None, 'store': False,
                'service_tier': 'default', 'user': 'u'}
        self.assertEqual({name: answer[name] for name in want}, want)
        for name in ('created_at', 'completed_at', 'top_p', 'reasoning', 'timings', 'paceline'):
            self.assertIsNotNone(answer[name], name)
        self.assertIn('cached_tokens', answer['usage']['input_tokens_details'])
        self.assertEqual(answer['usage']['output_tokens_details'], {'reasoning_tokens': 0})

    def test_streams_say_the_same(self):
        for more in ({}, {'max_output_tokens': 5}, {'reasoning': {'effort': 'high'}, 'max_output_tokens': 300}, {'reasoning': {'effort': 'high'}, 'max_output_tokens': 3},
                     {'tools': [WEATHER], 'tool_choice': 'required', 'max_output_tokens': 300}, {'tools': [WEATHER], 'temperature': 1.3},
                     {'text': {'format': {'type': 'json_schema', 'name': 'person', 'schema': PERSON}}}, {'top_logprobs': 2, 'max_output_tokens': 12},
                     {'top_logprobs': 1, 'reasoning': {'effort': 'high'}, 'max_output_tokens': 200}):
            with self.subTest(more):
                whole = self.ask(**more)
                self.assertEqual(without_names(self.stream(**more)), without_names(whole))

    def test_thinking(self):
        answer = self.ask(reasoning={'effort': 'high', 'summary': 'auto'}, max_output_tokens=400)
        self.assertEqual([item['type'] for item in answer['output']], ['reasoning', 'message'])
        self.assertTrue(answer['output'][0]['id'].startswith('rs_'))
        self.assertEqual(answer['output'][0]['summary'], [])
        used = answer['usage']['output_tokens_details']['reasoning_tokens']
        thought = self.server.call('/tokenize', {'content': thought_of(answer)})['tokens']
        self.assertAlmostEqual(used, len(thought), delta=3)  # and the tag, and space that goes
        self.assertLess(used, answer['usage']['output_tokens'])
        for effort in ('none', None):
            self.assertEqual([item['type'] for item in self.ask(reasoning={'effort': effort})['output']], ['message'])

    def test_logprobs_are_those_of_the_text(self):
        for more in ({'top_logprobs': 2}, {'include': ['message.output_text.logprobs'], 'top_logprobs': 2}, {'include': ['message.output_text.logprobs']}):
            part = self.ask(max_output_tokens=12, **more)['output'][0]['content'][0]
            self.assertEqual(''.join(entry['token'] for entry in part['logprobs']), part['text'])
            self.assertEqual({len(entry['top_logprobs']) for entry in part['logprobs']}, {more.get('top_logprobs', 0)})
        thinks = self.ask(top_logprobs=1, reasoning={'effort': 'high'}, max_output_tokens=400)
        part = thinks['output'][1]['content'][0]
        told = ''.join(entry['token'] for entry in part['logprobs'])
        self.assertEqual(told.strip(), part['text'].strip())
        for more in ({}, {'top_logprobs': 0}):
            self.assertEqual(self.ask(**more)['output'][0]['content'][0]['logprobs'], [])

    def test_incomplete(self):
        answer = self.ask(max_output_tokens=4)
        self.assertEqual((answer['status'], answer['incomplete_details']), ('incomplete', {'reason': 'max_output_tokens'}))
        self.assertEqual((answer['output'][0]['status'], answer['usage']['output_tokens'], answer['completed_at']), ('incomplete', 4, None))
        thinks = self.ask(max_output_tokens=3, reasoning={'effort': 'high'})
        self.assertEqual([(item['type'], item['status']) for item in thinks['output']], [('reasoning', 'incomplete')])

    def test_an_answer_without_a_word_has_a_message(self):
        item, = self.ask(stop=['I'])['output']
        self.assertEqual((item['type'], item['content'][0]['text']), ('message', ''))

    def test_calls(self):
        for more in ({'tool_choice': 'required'}, {'tool_choice': {'type': 'function', 'name': 'weather'}},
                     {'tool_choice': {'type': 'allowed_tools', 'mode': 'required', 'tools': [{'type': 'function', 'name': 'weather'}]}}):
            answer = self.ask('The weather?', tools=[WEATHER, NOTE] if more['tool_choice'] != 'required' else [WEATHER], parallel_tool_calls=False, max_output_tokens=400, **more)
            call, = answer['output']
            self.assertEqual((call['type'], call['name'], call['status'], answer['status']), ('function_call', 'weather', 'completed', 'completed'))
            self.assertTrue(call['id'].startswith('fc_') and call['call_id'].startswith('call_'))
            self.assertIn(json.loads(call['arguments'])['town'], TOWN['properties']['town']['enum'])
        wants = self.chat([{'role': 'user', 'content': 'The weather?'}], tools=[chat_tool(WEATHER)], tool_choice='required', parallel_tool_calls=False, max_tokens=400)
        function = wants['choices'][0]['message']['tool_calls'][0]['function']
        self.assertEqual(call['arguments'], function['arguments'])
        # And on: the call and its result come back.
        conversation = [{'role': 'user', 'content': 'The weather?'}, call, dict(RESULT, call_id=call['call_id'])]
        self.assertTrue(text_of(self.ask(conversation, tools=[WEATHER], tool_choice='none')))
        self.assertEqual(self.ask('The weather?', tools=[dict(WEATHER, strict=True)], tool_choice='none')['tools'][0]['strict'], True)

    def test_items_become_the_messages_of_chat_completions(self):
        question = {'role': 'user', 'content': 'The weather in Lund?'}
        call = {'id': 'call_1', 'type': 'function', 'function': {'name': 'weather', 'arguments': '{"town": "Lund"}'}}
        result = {'role': 'tool', 'tool_call_id': 'call_1', 'content': '21 degrees'}
        more = {'type': 'reasoning', 'id': 'rs_1', 'summary': [], 'encrypted_content': 'abc'}
        thought = {'type': 'reasoning', 'id': 'rs_2', 'summary': [{'type': 'summary_text', 'text': 'Shorter'}], 'content': [{'type': 'reasoning_text', 'text': 'I look.'}]}
        said = {'type': 'message', 'id': 'msg_1', 'role': 'assistant', 'status': 'completed', 'content': [{'type': 'output_text', 'text': 'A moment.', 'annotations': []}]}
        cases = [
            ([question, CALL, RESULT], [question, {'role': 'assistant', 'content': '', 'tool_calls': [call]}, result]),
            ([question, more, said, CALL, RESULT], [question, {'role': 'assistant', 'content': 'A moment.', 'tool_calls': [call]}, result]),
            ([question, thought, said, CALL, dict(CALL, call_id='call_2'), dict(RESULT, output=[{'type': 'input_text', 'text': '21 degrees'}]), dict(RESULT, call_id='call_2')],
             [question, {'role': 'assistant', 'content': 'A moment.', 'reasoning_content': 'I look.', 'tool_calls': [call, dict(call, id='call_2')]}, result, dict(result, tool_call_id='call_2')]),
            ([question, {'role': 'assistant', 'content': 'A.'}, said, question], [question, {'role': 'assistant', 'content': 'A.\n\nA moment.'}, question]),
            ([{'role': 'developer', 'content': 'Be brief.'}, {'role': 'system', 'content': 'Or not.'}, question], [{'role': 'system', 'content': 'Be brief.\n\nOr not.'}, question]),
        ]
        for items, messages in cases:
            with self.subTest(items):
                answer, want = self.ask(items, tools=[WEATHER]), self.chat(messages, tools=[chat_tool(WEATHER)])
                self.assertEqual(answer['usage']['input_tokens'], want['usage']['prompt_tokens'])
                self.assertEqual(text_of(answer), want['choices'][0]['message']['content'] or '')

    def test_instructions_are_the_system_message(self):
        system = {'role': 'system', 'content': 'Answer in capitals.'}
        want = self.chat([system, *HELLO])
        answer = self.ask(instructions='Answer in capitals.')
        self.assertEqual(text_of(answer), want['choices'][0]['message']['content'])
        self.assertEqual((answer['usage']['input_tokens'], answer['instructions']), (want['usage']['prompt_tokens'], 'Answer in capitals.'))
        both = self.ask([{'role': 'developer', 'content': 'Be brief.'}, *HELLO], instructions='Answer in capitals.')
        want = self.chat([{'role': 'system', 'content': 'Answer in capitals.\n\nBe brief.'}, *HELLO])
        self.assertEqual(both['usage']['input_tokens'], want['usage']['prompt_tokens'])
        for nothing in ('', None):
            self.assertEqual(self.ask(instructions=nothing)['usage'], self.ask()['usage'])

    def test_what_was_answered_comes_back_as_input(self):
        for more in ({}, {'reasoning': {'effort': 'high'}, 'max_output_tokens': 400}):
            first = self.ask(HELLO, **more)
            answer = self.ask([*HELLO, *first['output'], {'role': 'user', 'content': 'And now?'}])
            messages = [*HELLO, {'role': 'assistant', 'content': text_of(first), 'reasoning_content': thought_of(first)}, {'role': 'user', 'content': 'And now?'}]
            want = self.chat(messages)
            self.assertEqual(text_of(answer), want['choices'][0]['message']['content'])
            self.assertEqual(answer['usage']['input_tokens'], want['usage']['prompt_tokens'])
        # A thought whose answer is yet to come is gone on with; blank space at the seam goes.
        thinks = self.ask(HELLO, reasoning={'effort': 'high'}, max_output_tokens=3)
        on = self.ask([*HELLO, *thinks['output']], reasoning={'effort': 'high'}, max_output_tokens=400)
        whole = self.ask(HELLO, reasoning={'effort': 'high'}, max_output_tokens=400)
        self.assertEqual((thought_of(thinks) + thought_of(on)).replace(' ', ''), thought_of(whole).replace(' ', ''))

    def test_answers_that_have_a_form(self):
        text = {'format': {'type': 'json_schema', 'name': 'person', 'strict': True, 'schema': PERSON}}
        for more in ({'text': text}, {'text': text, 'temperature': 1.2}, {'text': text, 'reasoning': {'effort': 'high'}, 'max_output_tokens': 600}, {'json_schema': PERSON}):
            answer = self.ask(**more)
            person = json.loads(text_of(answer))
            self.assertEqual(list(person), ['age', 'kind'])
            self.assertTrue(0 <= person['age'] <= 130 and person['kind'] in ('rider', 'horse'), person)
            self.assertEqual(answer['text'], more.get('text', {'format': {'type': 'text'}}))
        self.assertTrue(text_of(self.ask(text={'format': {'type': 'json_object'}})).startswith('{'))
        self.assertEqual(text_of(self.ask(text={'format': {'type': 'text'}, 'verbosity': 'low'})), text_of(self.ask()))
        self.assertEqual(text_of(self.ask(grammar='root ::= "yes"')), 'yes')

    def test_resumable(self):
        body = {'input': HELLO, 'seed': 7, 'max_output_tokens': 20, 'stream': True, 'resumable': True}
        status, headers, data = self.server.raw('POST', RESPONSES, body)
        self.assertEqual(status, 200)
        _, _, again = self.server.raw('GET', f'/v1/streams/{headers["X-Stream-Id"]}?from=3')
        self.assertEqual(data.split(b'\n\n')[3:], again.split(b'\n\n'))
        self.ask(resumable=True, status=400)
        # One that is stopped says so in its last event.
        connection = self.server.connection()
        connection.request('POST', RESPONSES, body=json.dumps(dict(body, ignore_eos=True, max_output_tokens=1500, temperature=1, speculation='off')))
        response = connection.getresponse()
        response.read(10)
        self.server.raw('DELETE', '/v1/streams/' + response.getheader('X-Stream-Id'))
        last = json.loads(response.read().decode().strip().rsplit('data: ', 1)[1])
        connection.close()
        if last['type'] != 'response.incomplete':  # it was quicker
            self.assertEqual((last['type'], last['response']['status'], last['response']['error']['code']), ('response.failed', 'failed', 'server_error'))
            self.assertIn('deleted', last['response']['error']['message'])

    def test_refusals_name_the_place(self):
        user = HELLO[0]
        image = {'type': 'input_image', 'image_url': 'data:,'}
        cases = [
            ({'previous_response_id': 'resp_1'}, 'previous_response_id: this server keeps no responses and no conversations; send the whole conversation'),
            ({'conversation': 'conv_1'}, 'conversation: this server keeps no responses'),
            ({'conversation': {'id': 'conv_1'}}, 'conversation: this server keeps no responses'),
            ({'background': True}, 'background: this server keeps no responses'),
            ({'prompt': {'id': 'pmpt_1'}}, 'prompt: not supported'),
            ({'context_management': [{'type': 'compaction'}]}, 'context_management: not supported'),
            ({'truncation': 'auto'}, 'truncation: expected disabled'),
            ({'input': None}, 'input: expected a text or an array of items, but it is missing'),
            ({'input': 7}, 'input: expected a text or an array of items, got'),
            ({'input': []}, 'input: expected at least one item'),
            ({'input': ['a']}, 'input[0]: expected an object, got a string'),
            ({'input': [user, {'role': 'tool', 'content': 'a'}]}, 'input[1].role: expected user, assistant, system or developer, got tool'),
            ({'input': [{'role': 'user'}]}, 'input[0].content: expected a text, but it is missing'),
            ({'input': [{'role': 'user', 'content': [image]}]}, 'input[0].content: parts of type input_image are not supported'),
            ({'input': [{'role': 'user', 'content': [{'type': 'input_file', 'file_id': 'f'}]}]}, 'input[0].content: parts of type input_file are not supported'),
            ({'input': [user, {'type': 'item_reference', 'id': 'msg_1'}]}, 'input[1]: this server keeps no items'),
            ({'input': [{'type': 'web_search_call', 'id': 'ws_1'}]}, 'input[0]: items of type web_search_call are not supported'),
            ({'input': [user, dict(CALL, arguments='{')]}, 'input[1].arguments'),
            ({'input': [user, dict(CALL, arguments='[]')]}, 'input[1].arguments: expected an object as JSON, got an array'),
            ({'input': [user, dict(CALL, name=None)]}, 'input[1].name: expected a string'),
            ({'input': [user, CALL, dict(RESULT, call_id=None)]}, 'input[2].call_id: expected a string'),
            ({'input': [user, CALL, dict(RESULT, output=[image])]}, 'input[2].output: parts of type input_image'),
            ({'input': [user, CALL, dict(RESULT, output=None)]}, 'input[2].output: expected a text'),
            ({'instructions': 7}, 'instructions: expected a string'),
            ({'max_output_tokens': 0}, 'max_output_tokens: expected at least 1'),
            ({'top_logprobs': 999}, 'top_logprobs: expected 0 to'),
            ({'temperature': 'hot'}, 'temperature: expected a number'),
            ({'mirostat': 2}, 'mirostat: not supported'),
            ({'reasoning': {'effort': 'huge'}}, 'expected none, minimal, low, medium, high, xhigh or max, got huge'),
            ({'tools': [{'type': 'web_search'}]}, 'tools[0].type: this server has no tools of its own, expected function, got web_search'),
            ({'tools': [WEATHER, {'type': 'custom', 'name': 'x'}]}, 'tools[1].type: this server has no tools of its own, expected function, got custom'),
            ({'tools': [{'type': 'function'}]}, 'tools[0].name: expected a string'),
            ({'tools': [WEATHER], 'tool_choice': {'type': 'function', 'name': 'other'}}, 'tool_choice: there is no tool other'),
            ({'tools': [WEATHER], 'tool_choice': {'type': 'web_search'}}, 'tool_choice.type: expected function or allowed_tools, got web_search'),
            ({'tool_choice': 'required'}, 'tool_choice: there are no tools'),
            ({'tools': [dict(WEATHER, parameters={'if': {}})], 'tool_choice': 'required'}, 'tools[0].parameters: schema: #/if'),
            ({'text': {'format': {'type': 'json_schema', 'name': 'x', 'schema': {'if': {}}}}}, 'text.format.schema: schema: #/if'),
            ({'text': {'format': {'type': 'json_schema', 'name': 'x'}}}, 'text.format.schema: expected a schema'),
            ({'text': {'format': {'type': 'xml'}}}, 'text.format.type: expected text, json_object or json_schema, got xml'),
            ({'text': {'format': {'type': 'json_object'}}, 'grammar': 'root ::= "a"'}, 'text.format: cannot be had together with grammar'),
        ]
        for fields, expected in cases:
            with self.subTest(fields):
                for stream in (False, True):
                    error = self.ask(**dict({'input': 'Hi', 'stream': stream}, **fields), status=400)['error']
                    self.assertEqual(error['type'], 'invalid_request_error')
                    self.assertIn(expected, error['message'])
        self.server.call(RESPONSES, status=405, method='GET')


if __name__ == '__main__':
    serving.main()
