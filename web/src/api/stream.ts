// A streamed answer of either endpoint, in one form: what a chunk adds.
import { ApiError, call } from './client';
import { serverEvents } from './sse';
import type { Pass, PromptProgress, Speculation, StreamPlace, Timings } from '../chat/types';

export interface Delta {
  thinking?: string;
  text?: string;
  pass?: Pass;
  progress?: PromptProgress;
  timings?: Timings;
  speculation?: Speculation;
  finish?: 'stop' | 'length';
  eventId?: string;
}

interface PassChunk {
  tokens: { text: string; draft: boolean }[];
  pass: { drafted: string[]; copied?: number; accepted: number };
}

interface Chunk {
  error?: { message?: string };
  choices?: { delta?: { content?: string; reasoning_content?: string }; finish_reason?: string | null }[];
  content?: string; // of /completion
  stop?: boolean;
  stop_type?: string;
  prompt_progress?: PromptProgress;
  timings?: Timings;
  paceline?: PassChunk | Speculation;
}

function passOf(chunk: PassChunk): Pass {
  return {
    tokens: chunk.tokens.map((token) => token.text),
    fromDraft: chunk.tokens.map((token) => token.draft),
    drafted: chunk.pass.drafted,
    copied: chunk.pass.copied ?? 0,
    accepted: chunk.pass.accepted,
  };
}

// What the page uses of them, and keeps.
function timingsOf({ cache_n, prompt_n, prompt_ms, predicted_n, predicted_ms, draft_n, draft_n_accepted }: Timings): Timings {
  return { cache_n, prompt_n, prompt_ms, predicted_n, predicted_ms, draft_n, draft_n_accepted };
}

function speculationOf({ passes, tokens_per_pass, drafted, accepted, copied, copied_accepted }: Speculation): Speculation {
  return { passes, tokens_per_pass, drafted, accepted, copied: copied ?? 0, copied_accepted: copied_accepted ?? 0 };
}

function deltaOf(chunk: Chunk): Delta {
  const delta: Delta = {};
  const choice = chunk.choices?.[0];
  if (choice?.delta?.reasoning_content) delta.thinking = choice.delta.reasoning_content;
  const text = choice?.delta?.content ?? chunk.content;
  if (text) delta.text = text;
  if (chunk.prompt_progress) delta.progress = chunk.prompt_progress;
  if (chunk.timings) delta.timings = timingsOf(chunk.timings);
  if (chunk.paceline && 'pass' in chunk.paceline) delta.pass = passOf(chunk.paceline);
  else if (chunk.paceline) delta.speculation = speculationOf(chunk.paceline);
  if (choice?.finish_reason) delta.finish = choice.finish_reason === 'length' ? 'length' : 'stop';
  if (chunk.stop) delta.finish = chunk.stop_type === 'limit' ? 'length' : 'stop';
  return delta;
}

export async function* readDeltas(response: Response): AsyncGenerator<Delta> {
  for await (const event of serverEvents(response)) {
    if (event.data === '[DONE]') return;
    const chunk = JSON.parse(event.data) as Chunk;
    // Another reader stopped it: then there is no such stream any more.
    if (chunk.error) throw new ApiError(chunk.error.message?.startsWith('stopped: ') ? 410 : 500, chunk.error.message ?? '');
    const delta = deltaOf(chunk);
    if (event.id !== null) delta.eventId = event.id;
    yield delta;
  }
}

// The server goes on writing when the page leaves, and keeps what it wrote; `onStream` is told where.
export async function* streamAnswer(path: string, body: object, signal: AbortSignal, onStream?: (id: string) => void): AsyncGenerator<Delta> {
  const response = await call(path, { body: { ...body, stream: true, resumable: onStream !== undefined }, signal });
  const id = response.headers.get('X-Stream-Id');
  if (id !== null) onStream?.(id);
  yield* readDeltas(response);
}

export function forgetStream(place: StreamPlace) {
  call(`/v1/streams/${encodeURIComponent(place.id)}`, { method: 'DELETE' }).catch(() => {}); // it may have ended by itself
}

export async function* resumeAnswer(place: StreamPlace, signal: AbortSignal): AsyncGenerator<Delta> {
  yield* readDeltas(await call(`/v1/streams/${encodeURIComponent(place.id)}?from=${place.next}`, { signal }));
}
