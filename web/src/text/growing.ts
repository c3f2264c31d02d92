// A list or a table may be the longest block of an answer. Of one that is still growing, the items or rows that are finished are kept, and
// only what follows them is read again.
import type { Token, Tokens } from 'marked';

import { lex, type Links } from './markdown';

export interface Growing {
  start: number; // in the text
  end: number; // of what is finished
  head: string; // what has to stand before the rest for it to be read as it was
  done: Tokens.List | Tokens.Table; // the finished part
}

const fewest = 6;
const keptOpen = 2;

const marker = /^ {0,3}(?:[-*+]|\d{1,9}([.)]))/;
// Lists of one kind: the same bullet, or the same mark behind the number.
const kindOf = (item: string) => {
  const [mark, behind] = marker.exec(item) ?? [''];
  return behind ?? mark.trim();
};

// The tokens from the growing block on, or null when it is to be read from its start.
export function readOn({ start, end, head, done }: Growing, text: string, links: Links): Token[] | null {
  const tokens = lex(head + text.slice(end), links);
  const [first, ...others] = tokens;
  if (first?.type !== done.type || !first.raw.startsWith(head.trimEnd())) return null;
  const raw = text.slice(start, end) + first.raw.slice(head.length);
  if (done.type === 'table') {
    const table = first as Tokens.Table;
    return [{ ...table, raw, rows: [...done.rows, ...table.rows] }, ...others];
  }
  const list = first as Tokens.List;
  const items = head === '' ? list.items : list.items.slice(1);
  if (items.length === 0 || list.loose !== done.loose || kindOf(items[0]!.raw) !== kindOf(done.items[0]!.raw)) return null;
  return [{ ...list, raw, start: done.start, items: [...done.items, ...items] }, ...others];
}

// Where the row after `count` rows begins.
function endOfRows(text: string, start: number, count: number): number {
  let at = start;
  for (let line = 0; line < count + 2; ++line) {
    at = text.indexOf('\n', at) + 1;
    if (at === 0) return -1;
  }
  return at;
}

function growingTable(token: Tokens.Table, text: string, start: number): Growing | null {
  const count = token.rows.length - keptOpen;
  const [headEnd, end] = [endOfRows(text, start, 0), endOfRows(text, start, count)];
  if (headEnd < 0 || end < 0) return null;
  return { start, end, head: text.slice(start, headEnd), done: { ...token, rows: token.rows.slice(0, count) } };
}

function growingList(token: Tokens.List, text: string, start: number): Growing | null {
  const items = token.items.slice(0, -keptOpen);
  const last = items.at(-1)!;
  let end = start;
  for (const { raw } of items) {
    if (!text.startsWith(raw, end)) return null; // the parser changed what it read
    end += raw.length;
  }
  // In a loose list every item is, also when the rest alone would not be.
  const head = token.loose ? `${marker.exec(last.raw)?.[0] ?? '-'} a\n\n` : '';
  return { start, end, head, done: { ...token, items } };
}

// What of `token`, the text's last block, needs not be read again.
export function growingFrom(before: Growing | null, token: Token | undefined, text: string, start: number): Growing | null {
  if (token?.type === 'table') {
    const table = token as Tokens.Table;
    if (before?.start === start && table.rows.length - keptOpen <= (before.done as Tokens.Table).rows.length) return before;
    return table.rows.length >= fewest ? growingTable(table, text, start) : null;
  }
  if (token?.type === 'list') {
    const list = token as Tokens.List;
    if (before?.start === start && list.loose === (before.done as Tokens.List).loose && list.items.length - keptOpen <= (before.done as Tokens.List).items.length) return before;
    return list.items.length >= fewest ? growingList(list, text, start) : null;
  }
  return null;
}
