// Has the server write answers, and puts what comes into messages, once per frame.
import { ApiError, callJson } from '../api/client';
import { forgetStream, resumeAnswer, streamAnswer, type Delta } from '../api/stream';
import type { Chat } from './chat.svelte';
import type { Message } from './message.svelte';
import { apiMessages, chatRequest, continuationRequest, markOf, writtenSoFar, type Wish } from './prompt';
import type { Run, Timings } from './types';
import { beforeFrame } from '../slices';
import { words } from '../strings';

const firstPauseMs = 400;
const mostTries = 6;

const running = new Map<string, AbortController>();

function newRun(message: Message, asked = ''): Run {
  const run: Run = { mode: message.mode, asked, passes: [], timings: null, speculation: null, firstTokenMs: null };
  message.runs = [...message.runs, run];
  return run;
}

// Collects deltas and hands them to the message when the browser is about to draw. The place in the stream moves with the text, so that what
// is kept of both fits together whenever the page goes away.
class Intake {
  private queue: Delta[] = [];
  private raw: string;
  private began = performance.now();
  private thinkingSince: number | null = null;

  // `rawThinking`: the stream is the model's own text, in which "</think>" ends the thinking.
  constructor(
    private message: Message,
    private run: Run,
    private onFrame: () => void,
    private rawThinking: boolean,
  ) {
    this.raw = rawThinking ? message.thinking : '';
  }

  take(delta: Delta) {
    if (delta.pass) this.run.firstTokenMs ??= performance.now() - this.began;
    this.queue.push(delta);
    if (this.queue.length > 1) return;
    beforeFrame(() => this.flush());
  }

  flush() {
    if (this.queue.length === 0) return;
    const { message, run } = this;
    let [text, thinking] = ['', ''];
    let thoughtMs = 0; // by the server's clock: what it thinks fast comes all at once
    for (const delta of this.queue) {
      thinking += delta.thinking ?? '';
      text += delta.text ?? '';
      if (delta.pass) run.passes.push(delta.pass);
      if (delta.timings) run.timings = delta.timings;
      if (delta.thinking && delta.timings) thoughtMs = delta.timings.predicted_ms;
      if (delta.speculation) run.speculation = delta.speculation;
      if (delta.progress) message.progress = delta.progress;
      if (delta.finish && message.isWriting) message.state = delta.finish === 'length' ? 'length' : 'done';
      if (delta.eventId !== undefined && message.stream) message.stream.next = Number(delta.eventId) + 1;
    }
    this.queue = [];
    this.add(text, thinking);
    message.thinkingMs = Math.max(message.thinkingMs, thoughtMs);
    message.pulse += 1;
    this.onFrame();
  }

  private add(text: string, thinking: string) {
    const { message } = this;
    if (thinking || (this.rawThinking && text)) this.thinkingSince ??= performance.now();
    if (thinking) message.thinking += thinking;
    if (this.rawThinking) {
      this.raw += text;
      this.splitRaw();
    } else if (text) {
      message.text += message.text ? text : text.trimStart();
    }
    if (this.thinkingSince === null) return;
    const now = performance.now();
    message.thinkingMs += now - this.thinkingSince;
    this.thinkingSince = message.text ? null : now;
  }

  private splitRaw() {
    const end = this.raw.indexOf('</think>');
    this.message.thinking = (end < 0 ? this.raw : this.raw.slice(0, end)).trimEnd();
    if (end >= 0) this.message.text = this.raw.slice(end + '</think>'.length).trimStart();
  }
}

export interface WriterHooks {
  onStream: () => void; // it is known where the answer can be picked up
  onFrame: () => void; // something was added
  onEnd: () => void;
}

// A connection that breaks off is taken up again where it broke, a few times.
async function* persistently(message: Message, intake: Intake, signal: AbortSignal, first: AsyncGenerator<Delta>): AsyncGenerator<Delta> {
  let deltas = first;
  let finished = false;
  for (let tries = 0; ; ++tries) {
    try {
      for await (const delta of deltas) {
        tries = 0;
        message.reconnecting = false;
        finished ||= delta.finish !== undefined;
        yield delta;
      }
      if (finished || !message.stream || tries >= mostTries) return;
    } catch (error) {
      const broke = !(error instanceof ApiError) || error.status === 0;
      if (signal.aborted || finished || !message.stream || !broke || tries >= mostTries) throw error;
    }
    message.reconnecting = true;
    await new Promise((resolve) => setTimeout(resolve, firstPauseMs * 2 ** tries));
    if (signal.aborted) return;
    intake.flush();
    deltas = resumeAnswer(message.stream, signal);
  }
}

interface Writing {
  message: Message;
  deltas: AsyncGenerator<Delta>;
  run: Run;
  hooks: WriterHooks;
  controller: AbortController;
  rawThinking?: boolean;
}

async function consume({ message, deltas, run, hooks, controller, rawThinking = false }: Writing) {
  const { signal } = controller;
  const intake = new Intake(message, run, hooks.onFrame, rawThinking);
  signal.addEventListener('abort', () => intake.flush()); // its place in the stream is that of its text
  const isOurs = () => running.get(message.id) === controller; // who stopped it may be going on with it already
  try {
    for await (const delta of persistently(message, intake, signal, deltas)) {
      if (signal.aborted) break;
      intake.take(delta);
    }
    if (isOurs()) intake.flush();
    if (isOurs() && message.isWriting) message.state = 'stopped';
  } catch (error) {
    if (isOurs()) intake.flush();
    if (isOurs() && message.isWriting) fail(message, error, signal.aborted);
    if (error instanceof ApiError && error.status === 401) throw error;
  } finally {
    if (isOurs()) {
      message.progress = null;
      message.reconnecting = false;
      message.stream = null;
      running.delete(message.id);
      hooks.onEnd();
    }
  }
}

function fail(message: Message, error: unknown, stopped: boolean) {
  // The server no longer has the rest of an answer: it may have been started anew.
  const forgotten = error instanceof ApiError && (error.status === 404 || error.status === 410) && message.stream !== null;
  message.state = stopped || forgotten ? 'stopped' : 'failed';
  if (message.state === 'failed') message.error = error instanceof ApiError ? error.message : words.errorConnection;
}

function begin(message: Message): AbortController {
  const controller = new AbortController();
  running.set(message.id, controller);
  message.state = 'writing';
  message.error = '';
  message.reconnecting = false;
  return controller;
}

function wishFor(chat: Chat, message: Message): Wish {
  message.seed ??= chat.sampling.seed ?? Math.floor(Math.random() * 2 ** 31);
  return {
    messages: apiMessages(chat.system, chat.before(message)),
    sampling: chat.sampling,
    seed: message.seed,
    thinking: message.thinks,
    mode: message.mode,
  };
}

function streamNoted(message: Message, hooks: WriterHooks) {
  return (id: string) => {
    message.stream = { id, next: 0 };
    hooks.onStream();
  };
}

export async function write(chat: Chat, message: Message, hooks: WriterHooks) {
  const controller = begin(message);
  const wish = wishFor(chat, message);
  const deltas = streamAnswer('/v1/chat/completions', chatRequest(wish), controller.signal, streamNoted(message, hooks));
  await consume({ message, deltas, run: newRun(message, markOf(wish)), hooks, controller });
}

const thinksStill = (message: Message) => message.thinking !== '' && message.text === '';

// Goes on with an answer that was stopped, where it was stopped.
export async function continueWriting(chat: Chat, message: Message, hooks: WriterHooks) {
  const controller = begin(message);
  const wish = wishFor(chat, message);
  const run = newRun(message);
  async function* deltas(): AsyncGenerator<Delta> {
    const { signal } = controller;
    const { prompt } = await callJson<{ prompt: string }>('/apply-template', {
      body: { messages: wish.messages, enable_thinking: wish.thinking },
      signal,
    });
    const { tokens } = await callJson<{ tokens: number[] }>('/tokenize', { body: { content: prompt + writtenSoFar(message) }, signal });
    yield* streamAnswer('/completion', continuationRequest(wish, tokens), signal, streamNoted(message, hooks));
  }
  await consume({ message, deltas: deltas(), run, hooks, controller, rawThinking: thinksStill(message) });
}

// Goes on reading an answer that the server kept on writing while the page was away.
export async function resumeWriting(message: Message, hooks: WriterHooks) {
  const controller = begin(message);
  const run = message.runs.at(-1) ?? newRun(message);
  // Only the first request of an answer is one for a chat, in which the server tells thinking from text.
  const rawThinking = message.runs.length > 1 && thinksStill(message);
  await consume({ message, deltas: resumeAnswer(message.stream!, controller.signal), run, hooks, controller, rawThinking });
}

export function stop(message: Message) {
  const controller = running.get(message.id);
  message.state = 'stopped'; // at once; what is still on its way is dropped
  controller?.abort();
  if (message.stream) forgetStream(message.stream);
  message.stream = null;
}

// Reads no further, for now.
export function leave(message: Message) {
  const controller = running.get(message.id);
  running.delete(message.id);
  controller?.abort();
}

export const isRunning = (message: Message) => running.has(message.id);

// Whether the chat still asks what the message answers; older ones do not know what that was.
export function isStillAsked(chat: Chat, message: Message): boolean {
  const asked = message.runs[0]?.asked;
  return !asked || asked === markOf(wishFor(chat, message));
}

// The same answer without drafts, not shown: how long it takes, and whether it is the same text.
export async function writePlainly(chat: Chat, message: Message, onTokens: (timings: Timings) => void, signal: AbortSignal) {
  const count = message.runs[0]?.timings?.predicted_n ?? 0;
  const wish: Wish = { ...wishFor(chat, message), mode: 'off' };
  wish.sampling = { ...wish.sampling, max_tokens: count };
  const tokens: string[] = [];
  let timings: Timings | null = null;
  for await (const delta of streamAnswer('/v1/chat/completions', chatRequest(wish), signal)) {
    signal.throwIfAborted();
    if (delta.pass) tokens.push(...delta.pass.tokens);
    if (delta.timings) onTokens((timings = delta.timings));
  }
  const drafted = message.runs[0]!.passes.flatMap((pass) => pass.tokens);
  return { timings: timings!, same: tokens.length > 0 && tokens.join('') === drafted.join('') };
}
