// An answer is written once more without drafts, not shown, for comparison.
import { server } from '../api/server.svelte';
import { words } from '../strings';
import { notify } from '../ui/notices.svelte';
import { library } from './library.svelte';
import type { Message } from './message.svelte';
import { isStillAsked, writePlainly } from './writer.svelte';

class Race {
  of = $state.raw<Message | null>(null);
  private controller = new AbortController();

  async run(message: Message) {
    if (this.of) return;
    const chat = library.current;
    // Another question has another answer: only the same one may be raced.
    if (!isStillAsked(chat, message) || (message.model && message.model !== server.model)) return notify(words.raceChanged);
    const before = message.plain;
    this.of = message;
    this.controller = new AbortController();
    const { signal } = this.controller;
    try {
      message.plain = await writePlainly(chat, message, (timings) => (message.plain = { timings, same: true }), signal);
    } catch (error) {
      message.plain = before;
      if (!signal.aborted) notify(words.failed((error as Error).message));
    } finally {
      this.of = null;
      library.saveNow(chat);
    }
  }

  stop() {
    this.controller.abort();
  }
}

export const race = new Race();
