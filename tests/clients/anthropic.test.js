import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';

import { HELLO, KEY, MODEL, PERSON, Server, TOWNS, WEATHER, checkPerson, whileBusy } from './server.js';

const MESSAGE = { model: MODEL, messages: HELLO, max_tokens: 40, seed: 7 };
let server, client;
const clientOf = (one, apiKey = KEY) => new Anthropic({ baseURL: one.url, apiKey, authToken: null, maxRetries: 0 });

before(async () => {
  server = await Server.start();
  client = clientOf(server);
});
after(() => server.stop());

test('streams what it answers whole', async () => {
  const whole = await client.messages.create(MESSAGE);
  assert.equal(whole.type, 'message');
  const stream = client.messages.stream(MESSAGE);
  let text = '';
  stream.on('text', (delta) => (text += delta));
  const final = await stream.finalMessage();
  assert.equal(text, whole.content[0].text);
  assert.ok(text.length > 20);
  assert.deepEqual(final.content, whole.content);
  assert.equal(final.stop_reason, whole.stop_reason);
  assert.equal(final.usage.output_tokens, whole.usage.output_tokens);
});

test('a stop sequence is named', async () => {
  const { content: [{ text }] } = await client.messages.create(MESSAGE);
  const word = text.split(' ')[3];
  const stopped = await client.messages.create({ ...MESSAGE, stop_sequences: [word] });
  assert.equal(stopped.stop_reason, 'stop_sequence');
  assert.equal(stopped.stop_sequence, word);
  assert.equal(stopped.content[0].text, text.slice(0, text.indexOf(word)));
});

test('counts the tokens that a message has', async () => {
  const { input_tokens: count } = await client.messages.countTokens({ model: MODEL, messages: HELLO });
  const { usage } = await client.messages.create(MESSAGE);
  assert.equal(count, usage.input_tokens + usage.cache_read_input_tokens);
});

test('an abort frees the slot', async () => {
  await server.frees(async () => {
    const stream = client.messages.stream({ ...MESSAGE, max_tokens: 50000, ignore_eos: true, speculation: 'off' });
    stream.on('text', () => stream.abort());
    await assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
  });
});

test('a tool loop: the call and its result come back as blocks', async () => {
  const tools = [{ name: WEATHER.name, description: WEATHER.description, input_schema: WEATHER.parameters }];
  const messages = [
    ...HELLO,
    { role: 'assistant', content: [{ type: 'text', text: 'I look.' }, { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { town: 'Uppsala' } }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: '21 degrees' }] }] },
  ];
  const answer = await client.messages.create({ ...MESSAGE, messages, tools });
  assert.equal(answer.role, 'assistant');
  const count = async (body) => (await client.messages.countTokens({ model: MODEL, ...body })).input_tokens;
  assert.ok((await count({ messages, tools })) > (await count({ messages: HELLO, tools })) + 15);
});

test('a tool loop: a call that must be made, streamed, answered', async () => {
  const tools = [{ name: WEATHER.name, description: WEATHER.description, input_schema: WEATHER.parameters }];
  const body = { ...MESSAGE, tools, max_tokens: 300 };
  const stream = client.messages.stream({ ...body, tool_choice: { type: 'any', disable_parallel_tool_use: true } });
  let json = '';
  stream.on('inputJson', (delta) => (json += delta));
  const message = await stream.finalMessage();
  assert.equal(message.stop_reason, 'tool_use');
  const call = message.content.find((block) => block.type === 'tool_use');
  assert.ok(TOWNS.includes(call.input.town));
  assert.deepEqual(JSON.parse(json), call.input);
  const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: '21 degrees' }] };
  const messages = [...HELLO, { role: 'assistant', content: message.content }, result];
  const answer = await client.messages.create({ ...body, messages, tool_choice: { type: 'none' } });
  assert.ok(answer.content[0].text.length > 0);
});

test('an answer that has a JSON schema', async () => {
  const answer = await client.messages.create({ ...MESSAGE, output_config: { format: { type: 'json_schema', schema: PERSON } } });
  checkPerson(JSON.parse(answer.content[0].text));
});

test('errors have their types', async () => {
  await assert.rejects(clientOf(server, 'wrong').messages.create(MESSAGE), Anthropic.AuthenticationError);
  await assert.rejects(client.post('/v1/nothing', { body: {} }), Anthropic.NotFoundError);
  await assert.rejects(client.messages.create({ ...MESSAGE, temperature: 'hot' }), (error) => {
    assert.ok(error instanceof Anthropic.BadRequestError);
    assert.equal(error.error.error.type, 'invalid_request_error');
    assert.match(error.message, /expected a number/);
    return true;
  });
  await whileBusy((busy) => assert.rejects(clientOf(busy).messages.create(MESSAGE), (error) => {
    assert.ok(error instanceof Anthropic.InternalServerError);
    assert.equal(error.status, 503);
    assert.equal(error.error.error.type, 'overloaded_error');
    return true;
  }));
});
