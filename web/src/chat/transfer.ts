// Conversations to and from files. What comes in was written by anyone: every field is checked, the rest is dropped.
import type { ChatRecord, MessageRecord, Pass, Run, Sampling, SpeculationMode, Speculation, State, Timings } from './types';
import { withFiles } from './prompt';
import { newId } from './message.svelte';
import { words } from '../strings';

export const fileFormat = 'paceline-chats';
export const fileVersion = 1;

export function chatsToJson(chats: readonly ChatRecord[]): string {
  return JSON.stringify({ format: fileFormat, version: fileVersion, chats }, null, 1);
}

type Thing = Record<string, unknown>;

const isThing = (value: unknown): value is Thing => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown) => (typeof value === 'string' ? value : '');
const number = (value: unknown, otherwise = 0) => (typeof value === 'number' && Number.isFinite(value) ? value : otherwise);
const list = (value: unknown) => (Array.isArray(value) ? value : []);
const states: State[] = ['done', 'stopped', 'length', 'failed'];

function mode(value: unknown): SpeculationMode {
  return value === 'off' || (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 64) ? value : 'auto';
}

function timings(value: unknown): Timings | null {
  if (!isThing(value)) return null;
  const names = ['cache_n', 'prompt_n', 'prompt_ms', 'predicted_n', 'predicted_ms', 'draft_n', 'draft_n_accepted'] as const;
  return Object.fromEntries(names.map((name) => [name, number(value[name])])) as unknown as Timings;
}

function speculation(value: unknown): Speculation | null {
  if (!isThing(value)) return null;
  const drafted = list(value['drafted']).map((count) => number(count));
  const accepted = drafted.map((_, i) => number(list(value['accepted'])[i]));
  const copied = number(value['copied']);
  const copied_accepted = number(value['copied_accepted']);
  return { passes: number(value['passes']), tokens_per_pass: number(value['tokens_per_pass']), drafted, accepted, copied, copied_accepted };
}

function pass(value: unknown): Pass {
  const given = isThing(value) ? value : {};
  const tokens = list(given['tokens']).map(text);
  return {
    tokens,
    fromDraft: tokens.map((_, i) => list(given['fromDraft'])[i] === true),
    drafted: list(given['drafted']).map(text),
    copied: number(given['copied']),
    accepted: number(given['accepted']),
  };
}

function run(value: unknown): Run {
  const given = isThing(value) ? value : {};
  return {
    mode: mode(given['mode']),
    asked: text(given['asked']),
    passes: list(given['passes']).map(pass),
    timings: timings(given['timings']),
    speculation: speculation(given['speculation']),
    firstTokenMs: typeof given['firstTokenMs'] === 'number' ? given['firstTokenMs'] : null,
  };
}

function message(value: unknown): MessageRecord | null {
  if (!isThing(value) || typeof value['id'] !== 'string' || (value['role'] !== 'user' && value['role'] !== 'assistant')) return null;
  const state = value['state'] as State;
  const plain = isThing(value['plain']) ? value['plain'] : null;
  const plainTimings = plain ? timings(plain['timings']) : null;
  return {
    id: value['id'],
    parent: typeof value['parent'] === 'string' ? value['parent'] : null,
    role: value['role'],
    created: number(value['created'], Date.now()),
    text: text(value['text']),
    thinking: text(value['thinking']),
    thinkingMs: number(value['thinkingMs']),
    thinks: value['thinks'] === true,
    state: states.includes(state) ? state : 'stopped',
    error: text(value['error']),
    files: list(value['files']).filter(isThing).map((file) => ({ name: text(file['name']), text: text(file['text']) })),
    model: text(value['model']),
    seed: typeof value['seed'] === 'number' ? value['seed'] : null,
    mode: mode(value['mode']),
    runs: list(value['runs']).map(run),
    plain: plainTimings ? { timings: plainTimings, same: plain!['same'] === true } : null,
    stream: null,
  };
}

function sampling(value: unknown): Sampling {
  if (!isThing(value)) return {};
  const names: (keyof Sampling)[] = [
    'temperature', 'top_k', 'top_p', 'min_p', 'repeat_penalty', 'presence_penalty', 'frequency_penalty', 'max_tokens', 'seed',
  ];
  return Object.fromEntries(names.filter((name) => typeof value[name] === 'number').map((name) => [name, value[name]]));
}

function chat(value: unknown): ChatRecord | null {
  if (!isThing(value)) return null;
  const chosen = isThing(value['chosen']) ? value['chosen'] : {};
  return {
    id: typeof value['id'] === 'string' ? value['id'] : newId(),
    title: text(value['title']) || words.untitled,
    created: number(value['created'], Date.now()),
    updated: number(value['updated'], Date.now()),
    pinned: value['pinned'] === true,
    system: text(value['system']),
    sampling: sampling(value['sampling']),
    thinking: value['thinking'] === true,
    chosen: Object.fromEntries(Object.entries(chosen).filter(([, id]) => typeof id === 'string')) as Record<string, string>,
    messages: list(value['messages']).map(message).filter((found) => found !== null),
  };
}

// Throws an Error that says what is wrong with the file.
export function chatsFromJson(source: string): ChatRecord[] {
  let file: unknown;
  try {
    file = JSON.parse(source);
  } catch (error) {
    throw new Error(words.importNoJson((error as Error).message));
  }
  if (!isThing(file) || file['format'] !== fileFormat) throw new Error(words.importOther);
  if (file['version'] !== fileVersion) throw new Error(words.importVersion(String(file['version']), fileVersion));
  return list(file['chats']).map(chat).filter((found) => found !== null);
}

export function chatToMarkdown(title: string, system: string, path: readonly Pick<MessageRecord, 'role' | 'text' | 'files' | 'model'>[]): string {
  const parts = [`# ${title}`];
  if (system.trim()) parts.push(`## ${words.systemPrompt}\n\n${system.trim()}`);
  for (const message of path) {
    const name = message.role === 'user' ? words.you : message.model || words.model;
    parts.push(`## ${name}\n\n${withFiles(message.text, message.files).trim()}`);
  }
  return parts.join('\n\n') + '\n';
}

export function fileNameOf(title: string, ending: string): string {
  const name = title.replace(/[^\p{L}\p{N} _-]+/gu, '').trim().slice(0, 60) || 'chat';
  return `${name}.${ending}`;
}

export function download(name: string, content: string, type: string) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
