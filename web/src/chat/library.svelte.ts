// All conversations of this browser, the one that is open, and what can be done with them.
import { server } from '../api/server.svelte';
import { preferences } from '../preferences.svelte';
import { tabStorage } from '../storage';
import { words } from '../strings';
import { notify } from '../ui/notices.svelte';
import { Chat } from './chat.svelte';
import { database, type KeptRecord } from './database';
import { united } from './merge';
import { Message } from './message.svelte';
import { beginTurn, endTurn, hearTabs, isOurTurn, tellTabs, turn } from './tabs';
import { chatsFromJson } from './transfer';
import type { SpeculationMode, TextFile } from './types';
import { continueWriting, isRunning, leave, resumeWriting, stop, write, type WriterHooks } from './writer.svelte';

const saveDelayMs = 400;
const writingSaveDelayMs = 700;
const longestTitle = 80;
const currentName = 'paceline.current';

class Library {
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
    hearTabs(({ kept, removed }) => {
      if (removed) this.drop(this.chats.find((chat) => chat.id === removed));
      if (kept) void this.refresh(kept);
    });
  }

  // Answers that another tab writes, or that were being written when the page went away, are read while they are seen: a browser has few
  // connections for all of its tabs.
  attend() {
    const isVisible = document.visibilityState === 'visible';
    for (const chat of this.chats) for (const message of chat.messages) if (message.isWriting) this.follow(chat, message, isVisible && chat === this.current);
  }

  private follow(chat: Chat, message: Message, isSeen: boolean) {
    if (isOurTurn(message.id)) return;
    if (!isSeen) leave(message);
    else if (message.stream && !isRunning(message)) void this.watch(message, resumeWriting(message, this.hooks(chat, message)));
    void this.takeOver(chat, message);
  }

  // When nobody writes it any more and it is not at its end, this tab does, whether it is seen or not.
  private async takeOver(chat: Chat, message: Message) {
    if (!(await turn(message.id))) return;
    const record = await database.get(chat.id).catch(() => undefined);
    const isUnfinished = record?.messages.some(({ id, state }) => id === message.id && state === 'writing');
    if (record && isUnfinished && this.chats.includes(chat)) {
      const isRead = !message.isWriting || isRunning(message);
      if (!isRead) this.adopt(chat, record);
      chat.noteKept(message, false);
      if (!isRead && message.stream) void this.watch(message, resumeWriting(message, this.hooks(chat, message)));
      else if (!isRead) message.state = 'stopped'; // it had not begun
      this.saveNow(chat);
    }
    if (!isRunning(message)) endTurn(message.id);
  }

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

  private adopt(chat: Chat, record: KeptRecord) {
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

  private hooks(chat: Chat, message: Message): WriterHooks {
    const keep = (save: () => void) => (isOurTurn(message.id) ? save() : chat.noteKept(message));
    return {
      onStream: () => this.saveNow(chat),
      onFrame: () => keep(() => this.save(chat)),
      onEnd: () => {
        keep(() => this.saveNow(chat));
        endTurn(message.id);
      },
    };
  }

  private running(chat: Chat, message: Message, work: Promise<void>) {
    beginTurn(message.id);
    this.saveNow(chat);
    void this.watch(message, work);
  }

  private async watch(message: Message, work: Promise<void>) {
    try {
      await work;
    } catch (error) {
      server.note(error);
      server.keyDismissed = false;
    }
    if (message.state === 'failed') void server.load();
  }

  private answer(chat: Chat, question: Message, mode: SpeculationMode) {
    const message = new Message('assistant', question.id);
    message.mode = mode;
    message.thinks = chat.thinking && server.canThink;
    message.model = server.model;
    message.state = 'writing';
    chat.add(message);
    this.paceOf = null;
    this.running(chat, message, write(chat, message, this.hooks(chat, message)));
  }

  ask(text: string, files: TextFile[], mode: SpeculationMode) {
    const chat = this.current;
    const question = new Message('user', chat.path.at(-1)?.id ?? null);
    question.text = text;
    question.files = files;
    if (chat.isEmpty) {
      const title = (text.trim() || files[0]?.name || words.untitled).split('\n')[0]!;
      chat.title = title.length > longestTitle ? `${title.slice(0, longestTitle).trimEnd()}…` : title;
      this.chats = [...this.chats, chat];
      this.open(chat);
    }
    chat.add(question);
    this.answer(chat, question, mode);
  }

  // A changed question beside the old one; `send` has it answered.
  editQuestion(message: Message, text: string, files: TextFile[], send: boolean, mode: SpeculationMode) {
    const chat = this.current;
    if (!send) {
      message.text = text;
      message.files = files;
      chat.updated = Date.now();
      this.saveNow(chat);
      return;
    }
    const question = new Message('user', message.parent);
    question.text = text;
    question.files = files;
    chat.add(question);
    notify(words.branchKept);
    this.answer(chat, question, mode);
  }

  editAnswer(message: Message, text: string) {
    const chat = this.current;
    const edited = new Message('assistant', message.parent);
    edited.text = text;
    edited.model = message.model;
    edited.state = 'done';
    chat.add(edited);
    notify(words.branchKept);
    this.saveNow(chat);
  }

  regenerate(message: Message, mode: SpeculationMode) {
    const chat = this.current;
    const question = chat.messages.find((other) => other.id === message.parent);
    if (question && !this.isWriting) this.answer(chat, question, mode);
  }

  // For a question that has no answer.
  answerAgain(question: Message, mode: SpeculationMode) {
    if (!this.isWriting) this.answer(this.current, question, mode);
  }

  continueAnswer(message: Message) {
    const chat = this.current;
    this.running(chat, message, continueWriting(chat, message, this.hooks(chat, message)));
  }

  stopWriting() {
    const chat = this.current;
    for (const message of chat.path.filter(({ isWriting }) => isWriting)) {
      stop(message);
      chat.noteKept(message, false); // whoever writes it
    }
    this.saveNow(chat);
  }

  get isWriting(): boolean {
    return this.current.path.some((message) => message.isWriting);
  }

  choose(message: Message) {
    this.current.choose(message);
    this.saveNow(this.current);
  }

  removeMessage(message: Message) {
    const chat = this.current;
    const gone = chat.remove(message);
    for (const other of gone) if (other.isWriting) stop(other);
    if (chat.isEmpty) this.forget(chat);
    else this.saveNow(chat);
    const act = () => {
      chat.restore(message, gone);
      this.bringBack(chat);
    };
    notify(words.removedMessage, { action: words.undo, act });
  }

  rename(chat: Chat, title: string) {
    if (title.trim()) chat.title = title.trim().slice(0, 200);
    this.saveNow(chat);
  }

  togglePin(chat: Chat) {
    chat.pinned = !chat.pinned;
    this.saveNow(chat);
  }

  remove(chat: Chat) {
    this.forget(chat);
    if (!chat.isEmpty) notify(words.removed(chat.title), { action: words.undo, act: () => this.bringBack(chat) });
  }

  private forget(chat: Chat) {
    this.drop(chat);
    database.remove(chat.id).then(() => tellTabs({ removed: chat.id }), () => this.sayStorageFailed());
  }

  private bringBack(chat: Chat) {
    if (!this.chats.includes(chat)) {
      chat.kept = null;
      this.chats = [...this.chats, chat];
    }
    this.saveNow(chat);
    this.open(chat);
  }

  // Chats that are here already are replaced when the file's are newer.
  importChats(source: string): number {
    const records = chatsFromJson(source);
    for (const record of records) {
      const known = this.chats.find((chat) => chat.id === record.id);
      if (known && known.updated >= record.updated) continue;
      const chat = Chat.of(record);
      chat.kept = known?.kept ?? null;
      this.chats = [...this.chats.filter((other) => other !== known), chat];
      if (known === this.current) this.open(chat);
      this.saveNow(chat);
    }
    return records.length;
  }
}

export const library = new Library();
