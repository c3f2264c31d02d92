// Several tabs may have the same conversation: what one of them changed goes into what the others have kept meanwhile.
import type { ChatRecord, MessageRecord } from './types';

export type Facts = Omit<ChatRecord, 'id' | 'messages' | 'chosen'>;

// What a tab has done to a chat since it was last the same as in the database.
export interface Changes {
  facts: Partial<Facts>;
  chosen: Record<string, string>;
  changed: Set<string>; // messages, new ones among them
  added: Set<string>;
  removed: Set<string>;
}

const isWhole = ({ state }: MessageRecord) => state === 'done' || state === 'length';

// Beneath what one tab removed another may have asked on: such a question moves up to what is left, an answer goes with its question.
function attached(messages: MessageRecord[], known: Map<string, MessageRecord>): MessageRecord[] {
  const left = new Set(messages.map(({ id }) => id));
  const isGone = (id: string | null) => id !== null && known.has(id) && !left.has(id);
  for (const { id, role, parent } of messages) if (role === 'assistant' && isGone(parent)) left.delete(id);
  const parentOf = (parent: string | null): string | null => (isGone(parent) ? parentOf(known.get(parent!)!.parent) : parent);
  return messages.filter(({ id }) => left.has(id)).map((message) => ({ ...message, parent: parentOf(message.parent) }));
}

// Messages by their ids: those that either tab removed stay removed, each is that of the tab that changed it. But an answer that came to its
// end stays: a tab that fell behind has less of it.
export function united(mine: ChatRecord, changes: Changes, theirs: ChatRecord): ChatRecord {
  const own = new Map(mine.messages.map((message) => [message.id, message]));
  const there = new Map(theirs.messages.map((message) => [message.id, message]));
  const either = (their: MessageRecord) => {
    const my = changes.changed.has(their.id) ? own.get(their.id) : undefined;
    return !my || (isWhole(their) && !isWhole(my) && my.runs.length === their.runs.length) ? their : my;
  };
  const messages = [
    ...theirs.messages.filter(({ id }) => !changes.removed.has(id)).map(either),
    ...mine.messages.filter(({ id }) => changes.added.has(id) && !there.has(id)),
  ];
  const chosen = { ...theirs.chosen, ...changes.chosen };
  return { ...theirs, ...changes.facts, chosen, messages: attached(messages, new Map([...own, ...there])) };
}

export const differing = <T extends object>(now: T, before: Partial<T>): Partial<T> =>
  Object.fromEntries(Object.entries(now).filter(([name, value]) => JSON.stringify(before[name as keyof T]) !== JSON.stringify(value))) as Partial<T>;
