// Splits a growing Markdown text into blocks. What is finished is frozen and never looked at again; only the tail is parsed anew, and of a
// list or a table that grows long only its end.
import { growingFrom, readOn, type Growing } from './growing';
import { definitionsIn, lex, noLinks, type Links, type Token } from './markdown';

export interface Block {
  raw: string;
  token: Token;
  open: boolean; // more of it may come
}

const isShown = (block: Block) => block.token.type !== 'space' && block.token.type !== 'def';

export class BlockSplitter {
  private text = '';
  private frozen: Block[] = [];
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
    const tail = rest.filter(isShown);
    if (!finished && tail.length > 0) tail[tail.length - 1]!.open = true;
    return [...this.frozen, ...tail];
  }

  private reset() {
    this.frozen = [];
    this.frozenEnd = 0;
    this.growing = null;
    this.links = noLinks();
    this.sealed = false;
  }

  private tail(): Block[] {
    const tokens = (this.growing && readOn(this.growing, this.text, this.links)) ?? lex(this.text.slice(this.frozenEnd), this.links);
    return tokens.map((token) => ({ raw: token.raw, token, open: false }));
  }

  // Moves all but the last block out of `blocks`; the others are returned.
  private freeze(blocks: Block[]): Block[] {
    let last = blocks.length - 1;
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
    const only = rest[0] && rest.slice(1).every(({ token }) => token.type === 'space') ? rest[0].token : undefined;
    this.growing = growingFrom(this.growing, only, this.text, this.frozenEnd);
    return rest;
  }

  // Links may be defined after they are used: the first `read` of the frozen blocks are read once more where they may hold one. True if
  // `blocks` define any.
  private define(blocks: Block[], read: number): boolean {
    const all = definitionsIn(blocks.map(({ token }) => token));
    const added = all.filter(({ tag, href, title }) => !(tag in this.links) && (this.links[tag] = { href, title } as Links[string]));
    if (added.length === 0) return all.length > 0;
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
