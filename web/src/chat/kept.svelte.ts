// The conversations of this browser and the one that is open, as they are kept in its database and shared with its other tabs.
import { preferences } from '../preferences.svelte';
import { tabStorage } from '../storage';
import { words } from '../strings';
import { notify } from '../ui/notices.svelte';
import { Chat } from './chat.svelte';
import { database, type KeptRecord } from './database';
import { united } from './merge';
import type { Message } from './message.svelte';
import { hearTabs, tellTabs } from './tabs';
import { isRunning, stop } from './writer.svelte';

const saveDelayMs = 400;
const writingSaveDelayMs = 700;
const currentName = 'paceline.current';

export abstract class KeptChats {
  chats = $state.raw<Chat[]>([]);
  current = $state.raw(new Chat());
  loaded = $state(false);
  paceOf = $state.raw<Message | null>(null); // whose passes the drawer shows; null: those of the last answer
  private timers = new Map<string, number>();
  private storageFailed = false;

  async load() {
    try {
      this.chats = (await database.all()).map((record) => Chat.ofKept(record));
    } catch {
      this.sayStorageFailed();
    }
    const last = this.chats.find((chat) => chat.id === tabStorage.get(currentName));
    if (last) this.open(last);
    else this.startNew();
    this.loaded = true;
    hearTabs(({ kept, removed, stopped }) => {
      if (removed) this.drop(this.chats.find((chat) => chat.id === removed));
      if (kept) void this.refresh(kept);
      const message = stopped && this.chats.flatMap((chat) => chat.messages).find(({ id }) => id === stopped);
      if (message && isRunning(message)) stop(message);
    });
  }

  // Other answers may be under way, or another chat be shown.
  abstract attend(): void;

  // Another tab has written the chat down.
  private async refresh(id: string) {
    const find = () => this.chats.find((chat) => chat.id === id);
    const known = find();
    const record = await database.get(id).catch(() => undefined);
    const chat = find();
    const isDeleted = known && !chat; // meanwhile
    if (!record || isDeleted || record.revision === chat?.kept?.revision) return;
    if (chat) this.adopt(chat, record);
    else this.chats = [...this.chats, Chat.ofKept(record)];
    this.attend();
  }

  protected adopt(chat: Chat, record: KeptRecord) {
    for (const message of chat.adopt(record, isRunning)) if (isRunning(message)) stop(message);
  }

  // The chat is no longer here; what is written in it ends.
  private drop(chat: Chat | undefined) {
    if (!chat) return;
    for (const message of chat.messages) if (message.isWriting) stop(message);
    this.chats = this.chats.filter((other) => other !== chat);
    if (this.current === chat) this.startNew();
  }

  open(chat: Chat) {
    this.current = chat;
    this.paceOf = null;
    tabStorage.set(currentName, chat.id);
    this.attend();
  }

  startNew() {
    const chat = new Chat();
    chat.thinking = preferences.thinking;
    this.open(chat);
  }

  // Soon; less often while an answer is written, which all of it is written down for each time.
  save(chat: Chat) {
    if (chat.isEmpty || this.timers.has(chat.id)) return;
    this.timers.set(
      chat.id,
      window.setTimeout(() => this.saveNow(chat), chat.path.at(-1)?.isWriting ? writingSaveDelayMs : saveDelayMs),
    );
  }

  saveNow(chat: Chat) {
    window.clearTimeout(this.timers.get(chat.id));
    this.timers.delete(chat.id);
    if (chat.isEmpty || !this.chats.includes(chat)) return;
    this.put(chat).catch(() => this.sayStorageFailed());
  }

  private async put(chat: Chat) {
    const [mine, changes, snapshot, known] = [chat.record(), chat.changes(), chat.snapshot(), chat.kept];
    let theirs: KeptRecord | undefined;
    const written = await database.put(chat.id, (there) => {
      theirs = there?.revision === known?.revision ? undefined : there;
      return theirs ? united(mine, changes, theirs) : there || !known ? mine : null;
    });
    if (!written) return this.drop(chat); // another tab has removed it
    tellTabs({ kept: chat.id });
    const isBehind = chat.kept !== known; // more has come meanwhile
    if (!isBehind) chat.kept = { ...snapshot, marks: known?.marks ?? new Map(), revision: written.revision };
    chat.noteWritten(changes, snapshot);
    if (isBehind) return this.refresh(chat.id);
    if (theirs) this.adopt(chat, written);
  }

  saveAllNow() {
    for (const chat of this.chats) if (this.timers.has(chat.id)) this.saveNow(chat);
  }

  private sayStorageFailed() {
    if (!this.storageFailed) notify(words.storageFailed, { stays: true });
    this.storageFailed = true;
  }

  protected forget(chat: Chat) {
    this.drop(chat);
    database.remove(chat.id).then(() => tellTabs({ removed: chat.id }), () => this.sayStorageFailed());
  }

  protected bringBack(chat: Chat) {
    if (!this.chats.includes(chat)) {
      chat.kept = null;
      this.chats = [...this.chats, chat];
    }
    this.saveNow(chat);
    this.open(chat);
  }
}
