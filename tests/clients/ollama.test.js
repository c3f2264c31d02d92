import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Ollama } from 'ollama';

import { HELLO, KEY, MODEL, PERSON, Server, WEATHER, checkPerson, whileBusy } from './server.js';

const CHAT = { model: MODEL, messages: HELLO, options: { seed: 7, num_predict: 40 } };
let server, client;
const clientOf = (one, key = KEY) => new Ollama({ host: one.url, headers: { Authorization: `Bearer ${key}` } });
const refused = (status, message) => (error) => {
  assert.equal(error.name, 'ResponseError');
  assert.equal(error.status_code, status);
  assert.match(error.message, message);
  return true;
};

before(async () => {
  server = await Server.start();
  client = clientOf(server);
});
after(() => server.stop());

test('lists and shows the model', async () => {
  assert.deepEqual((await client.list()).models.map((model) => model.name), [`${MODEL}:latest`]);
  assert.deepEqual((await client.ps()).models.map((model) => model.name), [`${MODEL}:latest`]);
  const shown = await client.show({ model: MODEL });
  assert.ok(shown.capabilities.includes('completion'));
  assert.match((await client.version()).version, /^\d+\.\d+/);
});

test('streams what it answers whole', async () => {
  const whole = await client.chat(CHAT);
  let text = '', last;
  for await (const part of await client.chat({ ...CHAT, stream: true })) {
    text += part.message.content;
    last = part;
  }
  assert.equal(text, whole.message.content);
  assert.ok(text.length > 20);
  assert.equal(last.done, true);
  assert.equal(last.eval_count, whole.eval_count);
  for (const field of ['total_duration', 'load_duration', 'prompt_eval_count', 'prompt_eval_duration', 'eval_duration'])
    assert.equal(typeof last[field], 'number', field);
});

test('generates', async () => {
  const request = { model: MODEL, prompt: 'The riders', raw: true, options: CHAT.options };
  const whole = await client.generate(request);
  let text = '';
  for await (const part of await client.generate({ ...request, stream: true })) text += part.response;
  assert.equal(text, whole.response);
  assert.ok(text.length > 20);
});

test('an abort frees the slot', async () => {
  await server.frees(async () => {
    const options = { num_predict: -1, ignore_eos: true, draft_num_predict: 0 };
    const stream = await client.generate({ model: MODEL, prompt: 'The riders', raw: true, stream: true, options });
    await assert.rejects(async () => {
      for await (const part of stream) {
        assert.equal(part.done, false);
        stream.abort();
      }
    }, { name: 'AbortError' });
  });
});

test('a tool loop: the call and its result come back as messages', async () => {
  const tools = [{ type: 'function', function: WEATHER }];
  const call = { function: { name: 'weather', arguments: { town: 'Uppsala' } } };
  const messages = [...HELLO, { role: 'assistant', content: '', tool_calls: [call] }, { role: 'tool', tool_name: 'weather', content: '21 degrees' }];
  const answer = await client.chat({ ...CHAT, messages, tools });
  assert.equal(answer.message.role, 'assistant');
  assert.ok(answer.prompt_eval_count > (await client.chat({ ...CHAT, tools })).prompt_eval_count + 15);
});

test('an answer that has a JSON schema', async () => {
  checkPerson(JSON.parse((await client.chat({ ...CHAT, format: PERSON })).message.content));
  let text = '';
  for await (const part of await client.generate({ model: MODEL, prompt: 'Who?', format: PERSON, options: CHAT.options, stream: true })) text += part.response;
  checkPerson(JSON.parse(text));
  await assert.rejects(client.chat({ ...CHAT, format: { if: {} } }), refused(400, /not supported/));
});

test('errors have their status', async () => {
  await assert.rejects(clientOf(server, 'wrong').list(), refused(401, /API key/));
  await assert.rejects(client.chat({ ...CHAT, model: 'other' }), refused(404, /'other' not found/));
  await assert.rejects(client.chat({ ...CHAT, options: { temperature: 'hot' } }), refused(400, /expected a number/));
  await whileBusy((busy) => assert.rejects(clientOf(busy).chat(CHAT), refused(503, /queue is full/)));
});
