// A conversation is a tree: editing or asking again makes a sibling, and one child of each message is shown.
interface Node {
  id: string;
  parent: string | null;
  created: number;
}

export function childrenOf<T extends Node>(messages: readonly T[], parent: string | null): T[] {
  return messages.filter((message) => message.parent === parent).sort((a, b) => a.created - b.created);
}

// The messages that are shown, first to last.
export function shownPath<T extends Node>(messages: readonly T[], chosen: Record<string, string>): T[] {
  const children = new Map<string, T[]>();
  for (const message of messages) {
    const siblings = children.get(message.parent ?? '') ?? [];
    siblings.push(message);
    children.set(message.parent ?? '', siblings);
  }
  const path: T[] = [];
  const seen = new Set<string>();
  for (let at = ''; ; ) {
    const siblings = children.get(at);
    if (!siblings) return path;
    siblings.sort((a, b) => a.created - b.created);
    const next = siblings.find((message) => message.id === chosen[at]) ?? siblings[siblings.length - 1]!;
    if (seen.has(next.id)) return path; // an imported file may lie
    seen.add(next.id);
    path.push(next);
    at = next.id;
  }
}

export function descendantsOf<T extends Node>(messages: readonly T[], id: string): Set<string> {
  const found = new Set([id]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const message of messages)
      if (message.parent !== null && found.has(message.parent) && !found.has(message.id)) {
        found.add(message.id);
        grown = true;
      }
  }
  return found;
}
