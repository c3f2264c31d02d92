// One conversation: its tree of messages and what is set for it.
import { Message, newId } from './message.svelte';
import { childrenOf, descendantsOf, shownPath } from './tree';
import type { ChatRecord, Sampling } from './types';

export class Chat {
  id = newId();
  title = $state('');
  created = Date.now();
  updated = $state(Date.now());
  pinned = $state(false);
  system = $state('');
  sampling = $state<Sampling>({});
  thinking = $state(false);
  chosen = $state<Record<string, string>>({});
  messages = $state.raw<Message[]>([]);
  path = $derived(shownPath(this.messages, this.chosen));

  static of(record: ChatRecord): Chat {
    const chat = new Chat();
    const { messages, ...facts } = record;
    Object.assign(chat, structuredClone(facts));
    chat.messages = messages.map((message) => Message.of(message));
    return chat;
  }

  record(): ChatRecord {
    const { id, title, created, updated, pinned, system, thinking } = this;
    return {
      id, title, created, updated, pinned, system, thinking,
      sampling: $state.snapshot(this.sampling),
      chosen: $state.snapshot(this.chosen),
      messages: this.messages.map((message) => message.record()),
    };
  }

  add(message: Message) {
    // Siblings are told apart by their time.
    const siblings = childrenOf(this.messages, message.parent);
    message.created = Math.max(message.created, (siblings.at(-1)?.created ?? 0) + 1);
    this.messages = [...this.messages, message];
    this.choose(message);
    this.updated = Date.now();
  }

  choose(message: Message) {
    this.chosen[message.parent ?? ''] = message.id;
  }

  siblings(message: Message): Message[] {
    return childrenOf(this.messages, message.parent);
  }

  // The message and all that follows it; a sibling, if there is one, is shown instead.
  remove(message: Message) {
    const gone = descendantsOf(this.messages, message.id);
    this.messages = this.messages.filter((other) => !gone.has(other.id));
    delete this.chosen[message.parent ?? ''];
    this.updated = Date.now();
  }

  // The messages before `message`, first to last.
  before(message: Message): Message[] {
    const byId = new Map(this.messages.map((other) => [other.id, other]));
    const path: Message[] = [];
    for (let at = message.parent; at !== null; ) {
      const found = byId.get(at);
      if (!found || path.includes(found)) break;
      path.unshift(found);
      at = found.parent;
    }
    return path;
  }

  get isEmpty(): boolean {
    return this.messages.length === 0;
  }
}
