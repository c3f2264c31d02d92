// One conversation: its tree of messages and what is set for it.
import type { KeptRecord } from './database';
import { differing, type Changes, type Facts } from './merge';
import { Message, newId } from './message.svelte';
import { childrenOf, descendantsOf, shownPath } from './tree';
import type { ChatRecord, Sampling } from './types';

// What a chat was when it was last the same as in the database.
interface Kept {
  facts: Facts;
  chosen: Record<string, string>;
  marks: Map<string, readonly unknown[]>; // of its messages
  revision?: string | undefined;
}

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
  kept: Kept | null = null; // null: it never was there

  static of(record: ChatRecord): Chat {
    const chat = new Chat();
    const { messages, ...facts } = record;
    Object.assign(chat, structuredClone(facts));
    chat.messages = messages.map((message) => Message.of(message));
    return chat;
  }

  static ofKept({ revision, ...record }: KeptRecord): Chat {
    const chat = Chat.of(record);
    chat.kept = { ...chat.snapshot(), revision };
    return chat;
  }

  private get facts(): Facts {
    const { title, created, updated, pinned, system, thinking } = this;
    return { title, created, updated, pinned, system, thinking, sampling: $state.snapshot(this.sampling) };
  }

  record(): ChatRecord {
    return { id: this.id, ...this.facts, chosen: $state.snapshot(this.chosen), messages: this.messages.map((message) => message.record()) };
  }

  snapshot(): Kept {
    const marks = new Map(this.messages.map((message) => [message.id, message.marks]));
    return { facts: this.facts, chosen: $state.snapshot(this.chosen), marks };
  }

  changes(): Changes {
    const { facts, chosen, marks } = this.snapshot();
    const before = this.kept?.marks ?? new Map<string, readonly unknown[]>();
    const ids = [...marks.keys()];
    return {
      facts: differing(facts, this.kept?.facts ?? {}),
      chosen: differing(chosen, this.kept?.chosen ?? {}) as Record<string, string>,
      changed: new Set(ids.filter((id) => marks.get(id)!.some((mark, i) => mark !== before.get(id)?.[i]))),
      added: new Set(ids.filter((id) => !before.has(id))),
      removed: new Set([...before.keys()].filter((id) => !marks.has(id))),
    };
  }

  // What has been written down of it is no change any more.
  noteWritten({ changed, removed }: Changes, { marks }: Kept) {
    for (const id of changed) this.kept?.marks.set(id, marks.get(id)!);
    for (const id of removed) this.kept?.marks.delete(id);
  }

  // What another tab writes, and keeps, is no change here; what nobody has kept is one.
  noteKept(message: Message, isKept = true) {
    this.kept?.marks.set(message.id, isKept ? message.marks : []);
  }

  // Is given what another tab has made of it, except for what has changed here, too. Returns the messages that are gone.
  adopt({ revision, ...record }: KeptRecord, isBusy: (message: Message) => boolean): Message[] {
    const { facts, chosen, changed, added, removed } = this.changes();
    const theirs = new Map(record.messages.map((message) => [message.id, message]));
    const gone = this.messages.filter(({ id }) => !theirs.has(id) && !added.has(id));
    const known = new Set(this.messages.map(({ id }) => id));
    const marks = new Map([...theirs.keys()].map((id) => [id, this.kept?.marks.get(id) ?? []]));
    for (const message of this.messages) {
      const their = theirs.get(message.id);
      if (!their || changed.has(message.id) || isBusy(message)) continue;
      message.adopt(their);
      marks.set(message.id, message.marks);
    }
    const more = record.messages.filter(({ id }) => !known.has(id) && !removed.has(id)).map((message) => Message.of(message));
    for (const message of more) marks.set(message.id, message.marks);
    if (gone.length + more.length > 0) this.messages = [...this.messages.filter((message) => !gone.includes(message)), ...more];
    const { id: _, messages: __, chosen: choices, ...keptFacts } = record;
    Object.assign(this, keptFacts, facts);
    this.chosen = { ...choices, ...chosen };
    this.kept = { facts: keptFacts, chosen: choices, marks, revision };
    return gone;
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

  // The message and all that follows it, which are returned; a sibling, if there is one, is shown instead.
  remove(message: Message): Message[] {
    const ids = descendantsOf(this.messages, message.id);
    const gone = this.messages.filter(({ id }) => ids.has(id));
    this.messages = this.messages.filter(({ id }) => !ids.has(id));
    delete this.chosen[message.parent ?? ''];
    this.updated = Date.now();
    return gone;
  }

  // What `remove` of the message returned is there again.
  restore(message: Message, gone: Message[]) {
    for (const { id } of gone) this.kept?.marks.delete(id);
    this.messages = [...this.messages, ...gone];
    this.choose(message);
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
