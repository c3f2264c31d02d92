// A `paceline serve` with the model in the box, and a relay before it that can slow its streams down or answer in its place.
import { spawn } from 'node:child_process';
import http from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const model = fileURLToPath(new URL('../../models/paceline-demo.gguf', import.meta.url));
export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export async function startServer(...flags) {
  const child = spawn(process.env.PACELINE, ['serve', model, '--port', '0', ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
  const said = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    const ready = line.match(/ready at (http:\S+?)(?:[,;\s]|$)/);
    if (!ready) continue;
    child.stderr.resume();
    const ended = new Promise((resolve) => child.on('exit', resolve));
    return { url: ready[1], stop: () => (child.kill('SIGTERM'), ended) };
  }
  throw new Error(`the server ended: ${said.join('\n')}`);
}

// One pass that settled `text`: the first of its two halves was drafted if `drafts`.
function pass(text, drafts) {
  const [draft, own] = drafts ? [text.slice(0, text.length / 2), text.slice(text.length / 2)] : ['', text];
  return {
    tokens: [...(draft ? [{ text: draft, draft: true }] : []), { text: own, draft: false }],
    pass: { drafted: draft ? [draft, 'other'] : [], accepted: draft ? 1 : 0 },
  };
}

// Chunks of a chat completion that say `pieces` one after the other, each settled by a pass.
function scripted(pieces, drafts, error) {
  const event = (delta, more = {}) => `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
  const timings = (n) => ({ cache_n: 0, prompt_n: 9, prompt_ms: 9, predicted_n: n, predicted_ms: 2 * n, draft_n: 0, draft_n_accepted: 0 });
  return [
    ...pieces.map((text, i) => event({ content: text }, { paceline: pass(text, drafts), timings: timings(i + 1) })),
    `data: ${JSON.stringify(error ? { error: { message: error } } : { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\n`,
    'data: [DONE]\n\n',
  ];
}

export class Relay {
  delayMs = 0; // between two events of a stream
  script = null; // { pieces, delayMs, drafts, error }: the next chat completion says this, and ends with the error
  page = null; // { html, policy }: what "/" is answered with
  cutAfter = 0; // events after which the next stream's connection is cut
  requests = []; // [{method, url, body}]
  streams = []; // what went out of chat completions, as text

  static async start(target) {
    const relay = new Relay();
    relay.target = new URL(target);
    relay.server = http.createServer((request, response) => relay.take(request, response));
    await new Promise((resolve) => relay.server.listen(0, '127.0.0.1', resolve));
    relay.url = `http://127.0.0.1:${relay.server.address().port}`;
    return relay;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  async take(request, response) {
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    this.requests.push({ method: request.method, url: request.url, body: body.toString() });
    if (this.page && request.url === '/') {
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': this.page.policy });
      return response.end(this.page.html);
    }
    if (this.script && request.url === '/v1/chat/completions') {
      const { pieces, delayMs = 0, drafts = false, error } = this.script;
      response.writeHead(200, { 'Content-Type': 'text/event-stream', ...(error ? { 'X-Stream-Id': 'strm_scripted' } : {}) });
      return this.sendEvents(response, scripted(pieces, drafts, error), delayMs);
    }
    const outgoing = http.request(
      { host: this.target.hostname, port: this.target.port, path: request.url, method: request.method, headers: request.headers },
      (incoming) => this.pass(incoming, request, response),
    );
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    outgoing.end(body);
  }

  async pass(incoming, request, response) {
    response.writeHead(incoming.statusCode, incoming.headers);
    if (!String(incoming.headers['content-type']).startsWith('text/event-stream')) return incoming.pipe(response);
    let waiting = '';
    let all = '';
    try {
      for await (const part of incoming.setEncoding('utf8')) {
        waiting += part;
        const events = waiting.split('\n\n');
        waiting = events.pop();
        all += part;
        await this.sendEvents(response, events.map((event) => `${event}\n\n`), this.delayMs, false);
        if (response.destroyed) break;
      }
    } catch {
      // one of the two sides left
    }
    if (request.method === 'POST') this.streams.push(all);
    response.end();
  }

  async sendEvents(response, events, delayMs, end = true) {
    for (const event of events) {
      if (response.destroyed) return;
      response.write(event);
      if (this.cutAfter > 0 && --this.cutAfter === 0) {
        await sleep(200); // what was written has arrived: a browser asks again by itself when nothing has
        return response.destroy();
      }
      if (delayMs > 0) await sleep(delayMs);
    }
    if (end) response.end();
  }
}
