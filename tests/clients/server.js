// A `paceline serve` for the tests of one client: started on a free port, asked how it is, stopped, and its exit status checked.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const KEY = 'a-key-for-tests';
export const MODEL = 'paceline-demo';
export const HELLO = [{ role: 'user', content: 'Who are you?' }];
const file = fileURLToPath(new URL('../../models/paceline-demo.gguf', import.meta.url));

export class Server {
  static async start(...flags) {
    const server = new Server();
    // The long context makes answers with ignore_eos last long enough to be aborted.
    const all = ['serve', file, '--port', '0', '-c', '60000', '--api-key', KEY, ...flags];
    server.process = spawn(process.env.PACELINE, all, { stdio: ['ignore', 'ignore', 'pipe'] });
    server.ended = new Promise((resolve) => server.process.on('exit', resolve));
    const said = [];
    for await (const line of createInterface({ input: server.process.stderr })) {
      said.push(line);
      const ready = line.match(/ready at (http:\S+)/);
      if (!ready) continue;
      server.url = ready[1];
      server.process.stderr.resume();
      return server;
    }
    throw new Error(`the server ended: ${said.join('\n')}`);
  }

  async stop() {
    this.process.kill('SIGTERM');
    assert.equal(await this.ended, 0);
  }

  get(path) {
    return fetch(this.url + path, { headers: { authorization: `Bearer ${KEY}` } });
  }

  async metric(name) {
    const page = await (await this.get('/metrics')).text();
    return Number(page.match(new RegExp(`^${name} (\\S+)$`, 'm'))[1]);
  }

  // What an abort must lead to: a request that was cancelled, and an empty slot.
  async frees(abort) {
    const before = await this.metric('paceline_requests_cancelled_total');
    await abort();
    for (let i = 0; i < 600; ++i) {
      const running = (await this.metric('paceline_requests_running')) + (await this.metric('paceline_requests_waiting'));
      if (running === 0 && (await this.metric('paceline_requests_cancelled_total')) === before + 1) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail('the request was not cancelled, or its slot is not free');
  }
}

// The one slot of a server without a queue is taken while `work` runs.
export async function whileBusy(work) {
  const server = await Server.start('-np', '1', '--queue', '0');
  const controller = new AbortController();
  try {
    const body = JSON.stringify({ prompt: 'The riders', stream: true, ignore_eos: true, speculation: 'off' });
    const headers = { authorization: `Bearer ${KEY}` };
    const busy = await fetch(`${server.url}/v1/completions`, { method: 'POST', body, headers, signal: controller.signal });
    await busy.body.getReader().read();
    await work(server);
  } finally {
    controller.abort();
    await server.stop();
  }
}

// A tool. Small arguments, so that whatever a model says in a call that it must make is short.
export const TOWNS = ['Uppsala', 'Lund'];
export const WEATHER = {
  name: 'weather',
  description: 'The weather of a town',
  parameters: { type: 'object', properties: { town: { type: 'string', enum: TOWNS } }, required: ['town'], additionalProperties: false },
};

export const PERSON = {
  type: 'object',
  properties: { kind: { enum: ['model', 'person'] }, age: { type: 'integer', minimum: 0, maximum: 99 }, honest: { type: 'boolean' } },
  required: ['kind', 'age', 'honest'],
  additionalProperties: false,
};

export function checkPerson(person) {
  assert.deepEqual(Object.keys(person), ['kind', 'age', 'honest']);
  assert.ok(['model', 'person'].includes(person.kind) && Number.isInteger(person.age) && person.age >= 0 && person.age <= 99);
  assert.equal(typeof person.honest, 'boolean');
}
