import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import OpenAI from 'openai';

import { HELLO, KEY, MODEL, PERSON, Server, TOWNS, WEATHER, checkPerson, whileBusy } from './server.js';

const CHAT = { model: MODEL, messages: HELLO, seed: 7, max_tokens: 40 };
const ENDLESS = { model: MODEL, prompt: 'The riders', stream: true, ignore_eos: true, speculation: 'off' };
let server, client;
const clientOf = (one, apiKey = KEY) => new OpenAI({ baseURL: `${one.url}/v1`, apiKey, maxRetries: 0 });

before(async () => {
  server = await Server.start();
  client = clientOf(server);
});
after(() => server.stop());

test('lists the model', async () => {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.deepEqual(names, [MODEL]);
  assert.equal((await client.models.retrieve(MODEL)).object, 'model');
});

test('streams what it answers whole', async () => {
  const whole = await client.chat.completions.create(CHAT);
  const stream = await client.chat.completions.create({ ...CHAT, stream: true, stream_options: { include_usage: true } });
  let text = '', finish, usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.ok(text.length > 20);
  assert.equal(finish, whole.choices[0].finish_reason);
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
});

test("the client's own accumulator agrees", async () => {
  const whole = await client.chat.completions.create(CHAT);
  const runner = client.chat.completions.stream(CHAT);
  let text = '';
  runner.on('content', (delta) => (text += delta));
  const final = await runner.finalChatCompletion();
  assert.equal(final.choices[0].message.content, whole.choices[0].message.content);
  assert.equal(text, whole.choices[0].message.content);
});

test('completions, logprobs and several choices', async () => {
  const completion = await client.completions.create({ model: MODEL, prompt: 'The riders', max_tokens: 8, n: 2, logprobs: 2 });
  assert.deepEqual(completion.choices.map((choice) => choice.index), [0, 1]);
  assert.equal(completion.choices[0].logprobs.tokens.length, 8);
  const chat = await client.chat.completions.create({ ...CHAT, logprobs: true, top_logprobs: 2 });
  assert.ok(chat.choices[0].logprobs.content.every((token) => token.top_logprobs.length === 2));
});

test('an abort frees the slot', async () => {
  await server.frees(async () => {
    const stream = await client.completions.create(ENDLESS);
    for await (const chunk of stream) {
      assert.equal(chunk.object, 'text_completion');
      stream.controller.abort();
    }
  });
});

test('a resumable stream is read again by its id', async () => {
  const { data: stream, response } = await client.chat.completions.create({ ...CHAT, stream: true, resumable: true }).withResponse();
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const again = await server.get(`/v1/streams/${response.headers.get('x-stream-id')}?from=2`);
  const events = (await again.text()).trim().split('\n\n').map((event) => event.split('data: ')[1]);
  assert.deepEqual(events.slice(0, -1).map((event) => JSON.parse(event)), chunks.slice(2));
});

test('a tool loop: the call and its result come back as messages', async () => {
  const tools = [{ type: 'function', function: WEATHER }];
  const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"town": "Uppsala"}' } };
  const messages = [...HELLO, { role: 'assistant', content: null, tool_calls: [call] }, { role: 'tool', tool_call_id: 'call_1', content: '21 degrees' }];
  const answer = await client.chat.completions.create({ ...CHAT, messages, tools });
  assert.equal(answer.choices[0].message.role, 'assistant');
  const { prompt } = await client.post('/../apply-template', { body: { messages, tools } });
  for (const part of ['<function=weather>', 'Uppsala', '21 degrees', 'The weather of a town']) assert.ok(prompt.includes(part), part);
});

test('a tool loop: a call that must be made, streamed, answered', async () => {
  const tools = [{ type: 'function', function: WEATHER }];
  const body = { ...CHAT, tools, max_tokens: 300 };
  const names = [];
  const runner = client.chat.completions.stream({ ...body, tool_choice: 'required', parallel_tool_calls: false });
  runner.on('tool_calls.function.arguments.done', (event) => names.push(event.name));
  const { choices: [choice] } = await runner.finalChatCompletion();
  assert.equal(choice.finish_reason, 'tool_calls');
  assert.deepEqual(names, ['weather']);
  const [call] = choice.message.tool_calls;
  assert.ok(TOWNS.includes(JSON.parse(call.function.arguments).town));
  const messages = [...HELLO, choice.message, { role: 'tool', tool_call_id: call.id, content: '21 degrees' }];
  const answer = await client.chat.completions.create({ ...body, messages, tool_choice: 'none' });
  assert.ok(answer.choices[0].message.content.length > 0);
  const named = await client.chat.completions.create({ ...body, tool_choice: { type: 'function', function: { name: 'weather' } } });
  assert.deepEqual(named.choices[0].message.tool_calls.map((made) => made.function.name), ['weather']);
});

test('an answer that has a JSON schema', async () => {
  const response_format = { type: 'json_schema', json_schema: { name: 'person', strict: true, schema: PERSON } };
  const answer = await client.chat.completions.parse({ ...CHAT, response_format });
  checkPerson(answer.choices[0].message.parsed);
  const some = await client.chat.completions.create({ ...CHAT, response_format: { type: 'json_object' }, max_tokens: 500 });
  if (some.choices[0].finish_reason === 'stop') JSON.parse(some.choices[0].message.content);
  assert.match(some.choices[0].message.content, /^\{/);
  const unclear = { type: 'json_schema', json_schema: { name: 'x', schema: { if: {} } } };
  await assert.rejects(client.chat.completions.create({ ...CHAT, response_format: unclear }), OpenAI.BadRequestError);
});

const RESPONSE = { model: MODEL, input: HELLO, seed: 7, max_output_tokens: 40 };

test('responses: the same answer, whole, streamed and accumulated by the client', async () => {
  const chat = await client.chat.completions.create(CHAT);
  const whole = await client.responses.create(RESPONSE);
  assert.equal(whole.output_text, chat.choices[0].message.content);
  assert.equal(whole.usage.output_tokens, chat.usage.completion_tokens);
  let text = '';
  for await (const event of await client.responses.create({ ...RESPONSE, stream: true })) if (event.type === 'response.output_text.delta') text += event.delta;
  assert.equal(text, whole.output_text);
  const thinks = { ...RESPONSE, reasoning: { effort: 'high' }, max_output_tokens: 300, include: ['message.output_text.logprobs'], top_logprobs: 1 };
  const runner = client.responses.stream(thinks);
  let thought = '';
  runner.on('response.reasoning_text.delta', (event) => (thought += event.delta));
  const final = await runner.finalResponse();
  const again = await client.responses.create(thinks);
  assert.equal(final.output_text, again.output_text);
  assert.deepEqual(final.output.map((item) => item.type), ['reasoning', 'message']);
  assert.equal(thought, again.output[0].content[0].text);
  assert.deepEqual(final.output[1].content[0].logprobs, again.output[1].content[0].logprobs);
  assert.equal((await client.responses.create({ ...RESPONSE, max_output_tokens: 4 })).incomplete_details.reason, 'max_output_tokens');
});

test('responses: an abort frees the slot', async () => {
  await server.frees(async () => {
    const stream = await client.responses.create({ ...RESPONSE, max_output_tokens: undefined, stream: true, ignore_eos: true, speculation: 'off' });
    for await (const event of stream) if (event.type === 'response.output_text.delta') stream.controller.abort();
  });
});

test('responses: a tool loop and an answer that has a JSON schema', async () => {
  const tools = [{ type: 'function', strict: true, ...WEATHER }];
  const body = { ...RESPONSE, tools, max_output_tokens: 300 };
  const runner = client.responses.stream({ ...body, tool_choice: 'required', parallel_tool_calls: false });
  const names = [];
  runner.on('response.function_call_arguments.done', (event) => names.push(event.name));
  const first = await runner.finalResponse();
  const [call] = first.output;
  assert.deepEqual(names, ['weather']);
  assert.ok(TOWNS.includes(JSON.parse(call.arguments).town));
  const result = { type: 'function_call_output', call_id: call.call_id, output: '21 degrees' };
  const items = first.output.map(({ parsed_arguments, ...item }) => item);
  const answer = await client.responses.create({ ...body, input: [...HELLO, ...items, result], tool_choice: 'none' });
  assert.ok(answer.output_text.length > 0);
  const text = { format: { type: 'json_schema', name: 'person', strict: true, schema: PERSON } };
  checkPerson((await client.responses.parse({ ...RESPONSE, text })).output_parsed);
});

test('responses: errors have their types', async () => {
  const refused = (param) => (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, param);
    return true;
  };
  await assert.rejects(client.responses.create({ ...RESPONSE, previous_response_id: 'resp_1' }), refused('previous_response_id'));
  await assert.rejects(client.responses.create({ ...RESPONSE, tools: [{ type: 'web_search' }] }), refused('tools[0].type'));
  await assert.rejects(client.responses.retrieve('resp_1'), OpenAI.NotFoundError);
});

test('errors have their types', async () => {
  await assert.rejects(clientOf(server, 'wrong').models.list(), OpenAI.AuthenticationError);
  await assert.rejects(client.models.retrieve('other'), OpenAI.NotFoundError);
  await assert.rejects(client.chat.completions.create({ ...CHAT, temperature: 'hot' }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, 'temperature');
    assert.equal(error.type, 'invalid_request_error');
    assert.match(error.message, /expected a number/);
    return true;
  });
  await whileBusy((busy) => assert.rejects(clientOf(busy).chat.completions.create(CHAT), (error) => {
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.equal(error.status, 503);
    assert.equal(error.headers.get('retry-after'), '1');
    return true;
  }));
});
