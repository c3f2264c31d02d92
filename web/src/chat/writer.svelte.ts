// Has the server write answers, and puts what comes into messages, once per frame.
import { ApiError, callJson } from '../api/client';
import { forgetStream, resumeAnswer, streamAnswer, type Delta } from '../api/stream';
import type { Chat } from './chat.svelte';
import type { Message } from './message.svelte';
import { apiMessages, chatRequest, continuationRequest, writtenSoFar, type Wish } from './prompt';
import type { Run, Timings } from './types';
import { words } from '../strings';

const running = new Map<string, AbortController>();

function newRun(message: Message): Run {
  const run: Run = { mode: message.mode, passes: [], timings: null, speculation: null, firstTokenMs: null };
  message.runs = [...message.runs, run];
  return run;
}

// Collects deltas and hands them to the message when the browser is about to draw; a hidden page draws nothing, so there a timer serves.
class Intake {
  private text = '';
  private thinking = '';
  private raw: string;
  private scheduled = false;
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
    if (delta.thinking || (this.rawThinking && delta.text)) this.thinkingSince ??= performance.now();
    if (delta.thinking) this.thinking += delta.thinking;
    if (delta.text && this.rawThinking) this.raw += delta.text;
    else if (delta.text) this.text += delta.text;
    if (delta.pass) this.run.passes.push(delta.pass);
    if (delta.timings) this.run.timings = delta.timings;
    if (delta.speculation) this.run.speculation = delta.speculation;
    if (delta.progress) this.message.progress = delta.progress;
    if (delta.pass) this.run.firstTokenMs ??= performance.now() - this.began;
    if (delta.finish) this.message.state = delta.finish === 'length' ? 'length' : 'done';
    if (delta.eventId !== undefined && this.message.stream) this.message.stream.next = Number(delta.eventId) + 1;
    this.schedule();
  }

  private schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    if (document.visibilityState === 'visible') requestAnimationFrame(() => this.flush());
    else setTimeout(() => this.flush(), 200);
  }

  flush() {
    this.scheduled = false;
    if (this.rawThinking) this.splitRaw();
    if (this.thinking) this.message.thinking += this.thinking;
    if (this.text) this.message.text += this.message.text ? this.text : this.text.trimStart();
    if (this.message.text && this.thinkingSince !== null) this.endThinking();
    if (this.thinkingSince !== null) {
      this.endThinking();
      this.thinkingSince = performance.now();
    }
    this.text = this.thinking = '';
    this.message.pulse += 1;
    this.onFrame();
  }

  private splitRaw() {
    const end = this.raw.indexOf('</think>');
    this.message.thinking = (end < 0 ? this.raw : this.raw.slice(0, end)).trimEnd();
    if (end >= 0) this.message.text = this.raw.slice(end + '</think>'.length).trimStart();
  }

  endThinking() {
    if (this.thinkingSince !== null) this.message.thinkingMs += performance.now() - this.thinkingSince;
    this.thinkingSince = null;
  }
}

export interface WriterHooks {
  onStream: () => void; // it is known where the answer can be picked up
  onFrame: () => void; // something was added
  onEnd: () => void;
}

async function consume(message: Message, deltas: AsyncIterable<Delta>, run: Run, hooks: WriterHooks, raw: boolean, controller: AbortController) {
  const intake = new Intake(message, run, hooks.onFrame, raw);
  try {
    for await (const delta of deltas) {
      if (controller.signal.aborted) break;
      intake.take(delta);
    }
    if (message.isWriting) message.state = 'stopped';
  } catch (error) {
    if (message.isWriting) {
      message.state = controller.signal.aborted ? 'stopped' : 'failed';
      if (message.state === 'failed') message.error = error instanceof ApiError ? error.message : words.errorConnection;
      if (error instanceof ApiError && error.status === 401) throw error;
    }
  } finally {
    intake.flush();
    intake.endThinking();
    message.progress = null;
    message.stream = null;
    if (running.get(message.id) === controller) running.delete(message.id);
    hooks.onEnd();
  }
}

function begin(message: Message): AbortController {
  const controller = new AbortController();
  running.set(message.id, controller);
  message.state = 'writing';
  message.error = '';
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
  const request = chatRequest(wishFor(chat, message));
  const deltas = streamAnswer('/v1/chat/completions', request, controller.signal, streamNoted(message, hooks));
  await consume(message, deltas, newRun(message), hooks, false, controller);
}

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
  await consume(message, deltas(), run, hooks, message.thinks && !message.text, controller);
}

// Goes on reading an answer that the server kept on writing while the page was away.
export async function resumeWriting(message: Message, hooks: WriterHooks) {
  const controller = begin(message);
  const run = message.runs.at(-1) ?? newRun(message);
  await consume(message, resumeAnswer(message.stream!, controller.signal), run, hooks, false, controller);
}

export function stop(message: Message) {
  const controller = running.get(message.id);
  message.state = 'stopped'; // at once; what is still on its way is dropped
  controller?.abort();
  if (message.stream) forgetStream(message.stream);
}

export const isRunning = (message: Message) => running.has(message.id);

// The same answer without drafts, not shown: how long it takes, and whether it is the same text.
export async function writePlainly(chat: Chat, message: Message, onTokens: (timings: Timings) => void, signal: AbortSignal) {
  const count = message.runs[0]?.timings?.predicted_n ?? 0;
  const wish: Wish = { ...wishFor(chat, message), mode: 'off' };
  wish.sampling = { ...wish.sampling, max_tokens: count };
  const tokens: string[] = [];
  let timings: Timings | null = null;
  for await (const delta of streamAnswer('/v1/chat/completions', chatRequest(wish), signal)) {
    if (delta.pass) tokens.push(...delta.pass.tokens);
    if (delta.timings) onTokens((timings = delta.timings));
  }
  const drafted = message.runs[0]!.passes.flatMap((pass) => pass.tokens);
  return { timings: timings!, same: tokens.length > 0 && tokens.join('') === drafted.join('') };
}
