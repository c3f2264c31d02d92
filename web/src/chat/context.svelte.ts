// How much of the model's context the conversation takes: counted by the server, and while it writes, by what it says.
import { callJson } from '../api/client';
import { server } from '../api/server.svelte';
import type { Chat } from './chat.svelte';
import { apiMessages } from './prompt';
import type { TextFile } from './types';

const waitMs = 350;

class ContextMeter {
  used = $state(0);
  private timer = 0;
  private controller = new AbortController();

  get total(): number {
    return server.context;
  }
  get share(): number {
    return this.total > 0 ? this.used / this.total : 0;
  }
  get isNearlyFull(): boolean {
    return this.share >= 0.8;
  }
  get left(): number {
    return Math.max(0, this.total - this.used);
  }

  // The chat as it is shown, and what stands in the text field.
  measure(chat: Chat, draft: string, files: readonly TextFile[]) {
    window.clearTimeout(this.timer);
    this.controller.abort();
    const last = chat.path.at(-1);
    const timings = last?.runs.at(-1)?.timings;
    if (timings && last.isWriting) {
      this.used = timings.prompt_n + timings.cache_n + timings.predicted_n;
      return;
    }
    if (chat.isEmpty && !draft && files.length === 0) {
      this.used = 0;
      return;
    }
    const next = draft || files.length > 0 ? [{ role: 'user' as const, text: draft, files }] : [];
    const messages = apiMessages(chat.system, [...chat.path, ...next]);
    this.controller = new AbortController();
    const { signal } = this.controller;
    this.timer = window.setTimeout(async () => {
      try {
        const { prompt } = await callJson<{ prompt: string }>('/apply-template', { body: { messages }, signal });
        const { tokens } = await callJson<{ tokens: number[] }>('/tokenize', { body: { content: prompt }, signal });
        if (!signal.aborted) this.used = tokens.length;
      } catch {
        // the meter keeps its last value; sending tells what is wrong
      }
    }, waitMs);
  }
}

export const contextMeter = new ContextMeter();
