// Splits a growing Markdown text into blocks. What is finished is frozen and never looked at again; only the tail is parsed anew, and of a
// list or a table that grows long only its end.
import { growingFrom, readOn, type Growing } from './growing';
import { definitionsIn, lex, noLinks, type Links, type Token, type Tokens } from './markdown';

export interface Block {
  raw: string;
  token: Token;
  open: boolean; // more of it may come
}

const isShown = (block: Block) => block.token.type !== 'space' && block.token.type !== 'def';

// A line of which too little is there to know what it becomes, and whether what stands before it is finished.
const isBegun = ({ token, raw }: Block) => token.type !== 'space' && raw.length < 80 && !raw.includes('\n');

// A number behind a list, which may become the list's next item: it is shown when that is known.
function mayBeItem(blocks: Block[]): boolean {
  const before = blocks.findLast(({ token }, i) => i < blocks.length - 1 && token.type !== 'space');
  return before?.token.type === 'list' && /^ {0,3}\d{1,9}$/.test(blocks.at(-1)!.raw);
}

const isSame = (a: Block | undefined, b: Block) =>
  a !== undefined && a.raw === b.raw && a.open === b.open && a.token.type === b.token.type && (a.token as Tokens.List).loose === (b.token as Tokens.List).loose;

export class BlockSplitter {
  private text = '';
  private frozen: Block[] = [];
  private shownTail: Block[] = [];
  private frozenEnd = 0;
  private growing: Growing | null = null;
  private links = noLinks();
  private sealed = false; // definitions of the very end count already

  // The blocks of `text`, which usually is the text of the last call with something added. `finished`: no more will be.
  update(text: string, finished: boolean): Block[] {
    if (text.includes('\r')) text = text.replace(/\r\n?/g, '\n');
    if (!text.startsWith(this.text) || (this.sealed && text !== this.text)) this.reset();
    this.text = text;
    const rest = this.freeze(this.tail().filter((block) => block.raw !== ''));
    if (finished) this.sealed = this.define(rest, this.frozen.length);
    if (!finished && mayBeItem(rest)) rest.pop();
    const tail = rest.filter(isShown);
    if (!finished && tail.length > 0) tail[tail.length - 1]!.open = true;
    this.shownTail = tail.map((block, i) => (isSame(this.shownTail[i], block) ? this.shownTail[i]! : block));
    return [...this.frozen, ...this.shownTail];
  }

  // How much of the text is read, and shown, anew with the next update; code is shown on.
  get anew(): number {
    return this.shownTail.at(-1)?.token.type === 'code' ? 0 : this.text.length - (this.growing?.end ?? this.frozenEnd);
  }

  private reset() {
    this.frozen = [];
    this.shownTail = [];
    this.frozenEnd = 0;
    this.growing = null;
    this.links = noLinks();
    this.sealed = false;
  }

  private tail(): Block[] {
    const tokens = (this.growing && readOn(this.growing, this.text, this.links)) ?? lex(this.text.slice(this.frozenEnd), this.links);
    return tokens.map((token) => ({ raw: token.raw, token, open: false }));
  }

  // Moves all but the last block out of `blocks`, and all but the last two while nobody knows what the last line becomes; the others are
  // returned.
  private freeze(blocks: Block[]): Block[] {
    const held = blocks.length > 1 && isBegun(blocks.at(-1)!);
    let last = blocks.length - (held ? 2 : 1);
    while (last > 0 && blocks[last]!.token.type === 'space') --last;
    const read = this.frozen.length + (this.growing ? 1 : 0);
    let count = 0;
    for (; count < last; ++count) {
      const block = blocks[count]!;
      // The parser may have changed what it read (tabs, say), so that its pieces cannot be counted: all of it is read each time.
      if (!this.text.startsWith(block.raw, this.frozenEnd)) break;
      this.frozenEnd += block.raw.length;
      this.growing = null;
      if (isShown(block)) this.frozen.push(block);
    }
    this.define(blocks.slice(0, count), read);
    const rest = blocks.slice(count);
    const others = rest.slice(1, held ? -1 : undefined);
    const only = rest[0] && others.every(({ token }) => token.type === 'space') ? rest[0].token : undefined;
    this.growing = growingFrom(this.growing, only, this.text, this.frozenEnd);
    return rest;
  }

  // Links may be defined after they are used: the first `read` of the frozen blocks are read once more where they may hold one. True if
  // `blocks` define any.
  private define(blocks: Block[], read: number): boolean {
    const all = definitionsIn(blocks.map(({ token }) => token));
    const added = all.filter(({ tag, href, title }) => !(tag in this.links) && (this.links[tag] = { href, title } as Links[string]));
    if (added.length === 0) return all.length > 0;
    this.shownTail = [];
    for (const [i, block] of this.frozen.slice(0, read).entries()) {
      if (!block.raw.includes('[')) continue;
      const names = block.raw.toLowerCase().replace(/\s+/g, ' ');
      if (!added.some(({ tag }) => names.includes(`[${tag}]`))) continue;
      const again = lex(block.raw, this.links).filter(({ type }) => type !== 'space' && type !== 'def');
      if (again.length === 1) this.frozen[i] = { ...block, token: again[0]! };
    }
    return true;
  }
}

// Blocks in groups of `size`; a group that has not changed is the same array as before.
export function grouped<T>(items: readonly T[], size: number, before: readonly T[][]): T[][] {
  const groups: T[][] = [];
  for (let at = 0; at < items.length; at += size) {
    const group = items.slice(at, at + size);
    const old = before[groups.length];
    groups.push(old && old.length === group.length && group.every((item, i) => item === old[i]) ? old : group);
  }
  return groups;
}
