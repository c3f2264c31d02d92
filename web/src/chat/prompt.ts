// From a conversation to a request.
import type { Message } from './message.svelte';
import type { Role, Sampling, SpeculationMode, TextFile } from './types';

export interface ApiMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

// A fence longer than any in the text.
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map((match) => match[0].length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text.replace(/\n$/, '')}\n${fence}`;
}

export function withFiles(text: string, files: readonly TextFile[]): string {
  return [...files.map((file) => `${file.name}:\n${fenced(file.text)}`), text].filter(Boolean).join('\n\n');
}

interface Said {
  role: Role;
  text: string;
  files: readonly TextFile[];
}

// Thinking is not sent again; templates that want it would have it twice. Neither are answers that came to nothing: the questions around
// them become one, since many templates want the two to take turns.
export function apiMessages(system: string, path: readonly Said[]): ApiMessage[] {
  const messages: ApiMessage[] = [];
  for (const { role, text, files } of path) {
    const content = withFiles(text, files);
    const last = messages.at(-1);
    if (role === 'assistant' && !content) continue;
    if (role === 'user' && last?.role === 'user') last.content += `\n\n${content}`;
    else messages.push({ role, content });
  }
  return system.trim() ? [{ role: 'system', content: system }, ...messages] : messages;
}

export function samplingFields(sampling: Sampling): Sampling {
  return Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== undefined && value !== null));
}

export interface Wish {
  messages: ApiMessage[];
  sampling: Sampling;
  seed: number;
  thinking: boolean;
  mode: SpeculationMode;
}

// A short mark (FNV-1a) of all that decides the text of an answer, except for its seed and length, which are the answer's own.
export function markOf({ messages, sampling, thinking }: Wish): string {
  const { seed: _, max_tokens: __, ...rest } = samplingFields(sampling);
  let mark = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(JSON.stringify([messages, Object.entries(rest).sort(), thinking]))) mark = Math.imul(mark ^ byte, 0x01000193);
  return (mark >>> 0).toString(16);
}

const watching = { show_passes: true, timings_per_token: true, return_progress: true };

export function chatRequest(wish: Wish): object {
  const { messages, sampling, seed, thinking, mode } = wish;
  return { ...samplingFields(sampling), ...watching, messages, seed, enable_thinking: thinking, speculation: mode };
}

// Continues a text: the prompt as the template writes it, and what there is of the answer.
export function continuationRequest(wish: Wish, prompt: number[]): object {
  const { sampling, seed, mode } = wish;
  const { max_tokens, ...rest } = samplingFields(sampling);
  return { ...rest, ...watching, ...(max_tokens === undefined ? {} : { n_predict: max_tokens }), prompt, seed, speculation: mode };
}

// What the model has written so far, thinking included, as its template would have it. Its tokens know more than the shown text: blanks at
// the end, which decide how it goes on.
export function writtenSoFar(message: Message): string {
  const tokens = message.runs.flatMap((run) => run.passes.flatMap((pass) => pass.tokens)).join('');
  if (tokens.includes(message.text) && tokens.trimStart().startsWith(message.thinking || message.text)) return tokens;
  if (!message.thinking) return message.text;
  return message.text ? `${message.thinking}\n</think>\n\n${message.text}` : message.thinking;
}
