import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, Output, generateText, isStepCount, jsonSchema, streamText, tool } from 'ai';

import { HELLO, KEY, MODEL, PERSON, Server, TOWNS, WEATHER, checkPerson, whileBusy } from './server.js';

let server, model;
const modelOf = (one, apiKey = KEY) =>
  createOpenAICompatible({ name: 'paceline', baseURL: `${one.url}/v1`, apiKey, includeUsage: true, supportsStructuredOutputs: true }).chatModel(MODEL);
const ask = (more) => ({ model, messages: HELLO, maxOutputTokens: 40, seed: 7, maxRetries: 0, ...more });

before(async () => {
  server = await Server.start();
  model = modelOf(server);
});
after(() => server.stop());

test('streams what it answers whole', async () => {
  const whole = await generateText(ask());
  const stream = streamText(ask());
  let text = '';
  for await (const delta of stream.textStream) text += delta;
  assert.equal(text, whole.text);
  assert.ok(text.length > 20);
  assert.equal(await stream.finishReason, whole.finishReason);
  assert.equal((await stream.usage).outputTokens, whole.usage.outputTokens);
});

test('an abort frees the slot', async () => {
  await server.frees(async () => {
    const controller = new AbortController();
    const providerOptions = { paceline: { ignore_eos: true, speculation: 'off' } };
    const stream = streamText(ask({ maxOutputTokens: undefined, providerOptions, abortSignal: controller.signal, onError() {} }));
    let parts = 0;
    for await (const part of stream.fullStream) if (part.type === 'text-delta' && ++parts === 2) controller.abort();
    assert.ok(parts >= 2);
  });
});

test('a tool loop: the call and its result come back as messages', async () => {
  const tools = { weather: tool({ description: WEATHER.description, inputSchema: jsonSchema(WEATHER.parameters) }) };
  const id = { toolCallId: 'call_1', toolName: 'weather' };
  const messages = [
    ...HELLO,
    { role: 'assistant', content: [{ type: 'tool-call', ...id, input: { town: 'Uppsala' } }] },
    { role: 'tool', content: [{ type: 'tool-result', ...id, output: { type: 'text', value: '21 degrees' } }] },
  ];
  const answer = await generateText(ask({ messages, tools }));
  assert.equal(typeof answer.text, 'string');
  assert.ok(answer.usage.inputTokens > (await generateText(ask({ tools }))).usage.inputTokens + 15);
});

test('a tool loop: a call that must be made, run, answered', async () => {
  const asked = [];
  const execute = ({ town }) => {
    asked.push(town);
    return '21 degrees';
  };
  const tools = { weather: tool({ description: WEATHER.description, inputSchema: jsonSchema(WEATHER.parameters), execute }) };
  const toolChoice = { type: 'tool', toolName: 'weather' };
  const prepareStep = ({ stepNumber }) => (stepNumber > 0 ? { toolChoice: 'none' } : {});
  const loop = ask({ tools, toolChoice, prepareStep, stopWhen: isStepCount(2), maxOutputTokens: 300 });
  const answer = await generateText(loop);
  assert.equal(answer.steps.length, 2);
  assert.ok(answer.text.length > 0);
  const stream = streamText(loop);
  const kinds = new Set();
  for await (const part of stream.fullStream) kinds.add(part.type);
  for (const kind of ['tool-input-delta', 'tool-call', 'tool-result', 'text-delta']) assert.ok(kinds.has(kind), kind);
  assert.equal(asked.length, 2);
  assert.ok(asked.every((town) => TOWNS.includes(town)));
});

test('an answer that has a JSON schema', async () => {
  const output = Output.object({ schema: jsonSchema(PERSON) });
  checkPerson((await generateText(ask({ output }))).output);
  checkPerson(await streamText(ask({ output })).output);
});

// Its model of OpenAI's speaks /v1/responses. It knows no seed; the demo model's temperature is 0.
test('the default model of the provider for OpenAI', async () => {
  const openai = createOpenAI({ baseURL: `${server.url}/v1`, apiKey: KEY })(MODEL);
  const providerOptions = { openai: { store: false } };
  const withIt = (more) => ask({ model: openai, seed: undefined, providerOptions, ...more });
  const whole = await generateText(withIt());
  assert.equal(whole.text, (await generateText(ask())).text);
  const stream = streamText(withIt());
  let text = '';
  for await (const delta of stream.textStream) text += delta;
  assert.equal(text, whole.text);
  assert.equal(await stream.finishReason, whole.finishReason);
  assert.equal((await stream.usage).outputTokens, whole.usage.outputTokens);
  assert.equal((await generateText(withIt({ maxOutputTokens: 4 }))).finishReason, 'length');

  const messages = [...HELLO, ...whole.responseMessages, { role: 'user', content: 'And now?' }];
  assert.ok((await generateText(withIt({ messages }))).usage.inputTokens > whole.usage.inputTokens + 10);
  checkPerson((await generateText(withIt({ output: Output.object({ schema: jsonSchema(PERSON) }) }))).output);

  const asked = [];
  const execute = ({ town }) => {
    asked.push(town);
    return '21 degrees';
  };
  const tools = { weather: tool({ description: WEATHER.description, inputSchema: jsonSchema(WEATHER.parameters), execute }) };
  const prepareStep = ({ stepNumber }) => (stepNumber > 0 ? { toolChoice: 'none' } : {});
  const loop = withIt({ tools, toolChoice: 'required', prepareStep, stopWhen: isStepCount(2), maxOutputTokens: 300, providerOptions: { openai: { store: false, parallelToolCalls: false } } });
  assert.equal((await generateText(loop)).steps.length, 2);
  const kinds = new Set();
  for await (const part of streamText(loop).fullStream) kinds.add(part.type);
  for (const kind of ['tool-input-delta', 'tool-call', 'tool-result', 'text-delta']) assert.ok(kinds.has(kind), kind);
  assert.ok(asked.length === 2 && asked.every((town) => TOWNS.includes(town)), String(asked));
  await assert.rejects(generateText(withIt({ providerOptions: { openai: { previousResponseId: 'resp_1' } } })), /keeps no responses/);
});

test('errors have their types', async () => {
  const refused = (status, message, retryable = false) => (error) => {
    assert.ok(APICallError.isInstance(error), String(error));
    assert.equal(error.statusCode, status);
    assert.match(error.message, message);
    assert.equal(error.isRetryable, retryable);
    return true;
  };
  await assert.rejects(generateText(ask({ model: modelOf(server, 'wrong') })), refused(401, /API key/));
  await assert.rejects(generateText(ask({ model: modelOf({ url: `${server.url}/nothing` }) })), refused(404, /nothing at this path/));
  await assert.rejects(generateText(ask({ temperature: 1000 })), refused(400, /temperature/));
  await whileBusy((busy) => assert.rejects(generateText(ask({ model: modelOf(busy) })), refused(503, /queue is full/, true)));
});
