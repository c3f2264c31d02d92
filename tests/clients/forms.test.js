// Answers that must have a form, and calls that must be made, as each client asks for them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import Anthropic from '@anthropic-ai/sdk';
import { generateText, jsonSchema, Output, stepCountIs, tool } from 'ai';
import { Ollama } from 'ollama';
import OpenAI from 'openai';

import { HELLO, KEY, MODEL, Server } from './server.js';

const RIDER = {
  type: 'object',
  properties: { name: { type: 'string', maxLength: 12 }, age: { type: 'integer', minimum: 1, maximum: 99 }, bike: { enum: ['red', 'blue'] } },
  required: ['name', 'age', 'bike'],
  additionalProperties: false,
};
const NOTE = { name: 'note', description: 'Writes a note', parameters: RIDER };
let server;

before(async () => (server = await Server.start()));
after(() => server.stop());

function check(rider) {
  assert.deepEqual(Object.keys(rider), ['name', 'age', 'bike']);
  assert.ok(rider.name.length <= 12 && Number.isInteger(rider.age) && rider.age >= 1 && rider.age <= 99);
  assert.ok(RIDER.properties.bike.enum.includes(rider.bike));
}

test('openai: a schema, a call and its loop, a schema that cannot be', async () => {
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: KEY, maxRetries: 0 });
  const chat = { model: MODEL, messages: HELLO, seed: 3, max_tokens: 300 };
  const format = (schema) => ({ type: 'json_schema', json_schema: { name: 'rider', schema, strict: true } });
  const answer = await client.chat.completions.parse({ ...chat, response_format: format(RIDER) });
  check(JSON.parse(answer.choices[0].message.content));
  const stream = client.chat.completions.stream({ ...chat, response_format: format(RIDER) });
  assert.equal((await stream.finalChatCompletion()).choices[0].message.content, answer.choices[0].message.content);
  const tools = [{ type: 'function', function: NOTE }];
  for (const tool_choice of ['required', { type: 'function', function: { name: 'note' } }]) {
    const asked = await client.chat.completions.create({ ...chat, tools, tool_choice, parallel_tool_calls: false });
    const { message, finish_reason } = asked.choices[0];
    assert.equal(finish_reason, 'tool_calls');
    assert.equal(message.tool_calls.length, 1);
    check(JSON.parse(message.tool_calls[0].function.arguments));
    const result = { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'written' };
    const after = await client.chat.completions.create({ ...chat, messages: [...HELLO, message, result], tools, max_tokens: 20 });
    assert.equal(after.choices[0].message.role, 'assistant');
    const streamed = client.chat.completions.stream({ ...chat, tools, tool_choice, parallel_tool_calls: false });
    const calls = (await streamed.finalChatCompletion()).choices[0].message.tool_calls;
    assert.equal(calls[0].function.arguments, message.tool_calls[0].function.arguments);
  }
  await assert.rejects(client.chat.completions.create({ ...chat, response_format: format({ type: 'array', uniqueItems: true }) }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.match(error.message, /response_format\.json_schema\.schema: schema: #\/uniqueItems/);
    assert.equal(error.param, 'response_format.json_schema.schema');
    return true;
  });
});

test('anthropic: a call that must be made, whole and streamed', async () => {
  const client = new Anthropic({ baseURL: server.url, apiKey: KEY, maxRetries: 0 });
  const tools = [{ name: NOTE.name, description: NOTE.description, input_schema: RIDER }];
  const body = { model: MODEL, messages: HELLO, max_tokens: 300, temperature: 0, tools, tool_choice: { type: 'any', disable_parallel_tool_use: true } };
  const message = await client.messages.create(body);
  assert.equal(message.stop_reason, 'tool_use');
  check(message.content[0].input);
  const streamed = await client.messages.stream({ ...body, tool_choice: { type: 'tool', name: 'note' } }).finalMessage();
  assert.deepEqual(streamed.content[0].input, message.content[0].input);
  const result = { type: 'tool_result', tool_use_id: message.content[0].id, content: 'written' };
  const messages = [...HELLO, { role: 'assistant', content: message.content }, { role: 'user', content: [result] }];
  assert.equal((await client.messages.create({ ...body, messages, tool_choice: { type: 'auto' }, max_tokens: 20 })).role, 'assistant');
});

test('ollama: format', async () => {
  const client = new Ollama({ host: server.url, headers: { authorization: `Bearer ${KEY}` } });
  const chat = { model: MODEL, messages: HELLO, options: { seed: 3, num_predict: 300 } };
  const whole = await client.chat({ ...chat, format: RIDER });
  check(JSON.parse(whole.message.content));
  let text = '';
  for await (const part of await client.chat({ ...chat, format: RIDER, stream: true })) text += part.message.content;
  assert.equal(text, whole.message.content);
  assert.equal((await client.generate({ model: MODEL, prompt: 'A rider', format: 'json', options: { num_predict: 4 } })).response[0], '{');
  await assert.rejects(client.chat({ ...chat, format: { if: true } }), /format: schema: #\/if/);
});

test('ai: an object, and a tool that runs', async () => {
  const provider = createOpenAICompatible({ name: 'paceline', baseURL: `${server.url}/v1`, apiKey: KEY, supportsStructuredOutputs: true });
  const ask = { model: provider.chatModel(MODEL), messages: HELLO, maxOutputTokens: 300, seed: 3, maxRetries: 0 };
  check((await generateText({ ...ask, output: Output.object({ schema: jsonSchema(RIDER) }) })).output);
  const written = [];
  const execute = async (rider) => (written.push(rider), 'written');
  const tools = { note: tool({ description: NOTE.description, inputSchema: jsonSchema(RIDER), execute }) };
  const providerOptions = { paceline: { parallel_tool_calls: false } };
  const answer = await generateText({ ...ask, tools, toolChoice: 'required', stopWhen: stepCountIs(2), providerOptions });
  assert.equal(answer.steps.length, 2);
  assert.equal(written.length, 2);
  written.forEach(check);
});
