// All conversations of this browser and what can be done with them.
import { server } from '../api/server.svelte';
import { words } from '../strings';
import { notify } from '../ui/notices.svelte';
import { Chat } from './chat.svelte';
import { database } from './database';
import { KeptChats } from './kept.svelte';
import { Message } from './message.svelte';
import { beginTurn, endTurn, isOurTurn, tellTabs, turn } from './tabs';
import { chatsFromJson } from './transfer';
import type { SpeculationMode, TextFile } from './types';
import { continueWriting, isRunning, leave, resumeWriting, stop, write, type WriterHooks } from './writer.svelte';

const longestTitle = 80;

class Library extends KeptChats {
  // Answers that another tab writes, or that were being written when the page went away, are read while they are seen: a browser has few
  // connections for all of its tabs.
  attend() {
    const isVisible = document.visibilityState === 'visible';
    for (const chat of this.chats) for (const message of chat.messages) if (message.isWriting) this.follow(chat, message, isVisible && chat === this.current);
  }

  private follow(chat: Chat, message: Message, isSeen: boolean) {
    if (isOurTurn(message.id)) return;
    if (!isSeen) leave(message);
    else if (message.stream && !isRunning(message)) this.resume(chat, message);
    void this.takeOver(chat, message);
  }

  // When nobody writes it any more and it is not at its end, this tab does, whether it is seen or not.
  private async takeOver(chat: Chat, message: Message) {
    if (!(await turn(message.id))) return;
    const record = await database.get(chat.id).catch(() => undefined);
    const isUnfinished = record?.messages.some(({ id, state }) => id === message.id && state === 'writing');
    if (record && isUnfinished && this.chats.includes(chat)) {
      const isUnread = message.isWriting && !isRunning(message);
      if (isUnread) this.adopt(chat, record);
      chat.noteKept(message, false);
      if (isUnread && message.stream) this.resume(chat, message);
      else if (isUnread) message.state = 'stopped'; // it had not begun
      this.saveNow(chat);
    }
    if (!isRunning(message)) endTurn(message.id);
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

  private resume(chat: Chat, message: Message) {
    void this.watch(message, resumeWriting(message, this.hooks(chat, message)));
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
      tellTabs({ stopped: message.id });
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
