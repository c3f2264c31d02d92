// Tells the other tabs with this page what was done to the chats that all of them keep, and hears of what they did. One tab at a time writes
// an answer: the one that began it, and when that is gone, another.
interface News {
  kept?: string; // the chat's id
  removed?: string;
  stopped?: string; // the message's id, whoever writes it
  asked?: string; // who writes this message?
  writes?: string; // the message that the one who tells does
}

const answerMs = 500;
const askAgainMs = 1500;

let channel: BroadcastChannel | null = null;
try {
  channel = new BroadcastChannel('paceline');
} catch {
  // a browser that keeps nothing for the page: there is nothing to tell
}

export const tellTabs = (news: News) => channel?.postMessage(news);

// Returns what ends it.
export function hearTabs(take: (news: News) => void) {
  const hear = ({ data }: MessageEvent) => take(data as News);
  channel?.addEventListener('message', hear);
  return () => channel?.removeEventListener('message', hear);
}

const ours = new Set<string>(); // messages that this tab writes
const asking = new Set<string>(); // and those that it will when no other says that it does
const waiting = new Set<string>();
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export const beginTurn = (id: string) => ours.add(id);
export const endTurn = (id: string) => ours.delete(id);
export const isOurTurn = (id: string) => ours.has(id);

hearTabs(({ asked }) => {
  if (asked && (ours.has(asked) || asking.has(asked))) tellTabs({ writes: asked });
});

async function isFree(id: string): Promise<boolean> {
  let taken = false;
  const end = hearTabs(({ writes }) => (taken ||= writes === id));
  asking.add(id);
  tellTabs({ asked: id });
  await pause(answerMs);
  asking.delete(id);
  end();
  return !taken;
}

// Waits until no other tab writes the message; then this one does. Tabs that are closed, break or are put to sleep say nothing more.
// False: it does already, or waits already.
export async function turn(id: string): Promise<boolean> {
  if (waiting.has(id)) return false;
  waiting.add(id);
  while (!ours.has(id) && !(await isFree(id))) await pause(askAgainMs * (1 + Math.random())); // not all tabs at once, again and again
  waiting.delete(id);
  if (ours.has(id)) return false;
  ours.add(id);
  return true;
}
