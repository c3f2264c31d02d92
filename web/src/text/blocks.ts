// Splits a growing Markdown text into blocks. What is finished is frozen and never looked at again; only the tail is parsed anew.
import { lexer, type Token } from './markdown';

export interface Block {
  raw: string;
  token: Token;
  open: boolean; // more of it may come
}

const isShown = (block: Block) => block.token.type !== 'space' && block.token.type !== 'def';
const definition = /^ {0,3}\[[^\]\n]+\]:/m;

export class BlockSplitter {
  private text = '';
  private shown: Block[] = [];
  private frozen: Block[] = [];
  private frozenEnd = 0;

  // The blocks of `text`, which usually is the text of the last call with something added.
  update(text: string, finished: boolean): Block[] {
    text = text.replace(/\r\n?/g, '\n');
    // Links may be defined after they are used, so the whole is read once more at the end.
    const again = !text.startsWith(this.text) || (finished && definition.test(text));
    if (again) this.reset();
    this.text = text;
    const tokens = lexer(text.slice(this.frozenEnd));
    const blocks = tokens.map((token) => ({ raw: token.raw, token, open: false })).filter((block) => block.raw !== '');
    if (!finished) this.freeze(blocks);
    const tail = blocks.filter((block) => isShown(block));
    if (!finished && tail.length > 0) tail[tail.length - 1]!.open = true;
    const all = [...this.frozen, ...tail];
    this.shown = again ? this.reuse(all) : all;
    return this.shown;
  }

  // A block that came out as before keeps its place on the page.
  private reuse(blocks: Block[]): Block[] {
    return blocks.map((block, i) => {
      const old = this.shown[i];
      const same = old && old.raw === block.raw && old.open === block.open && JSON.stringify(old.token) === JSON.stringify(block.token);
      return same ? old : block;
    });
  }

  private reset() {
    this.frozen = [];
    this.frozenEnd = 0;
  }

  // Moves all but the last block out of `blocks`.
  private freeze(blocks: Block[]) {
    let last = blocks.length - 1;
    while (last > 0 && blocks[last]!.token.type === 'space') --last;
    for (const block of blocks.splice(0, Math.max(last, 0))) {
      if (!this.text.startsWith(block.raw, this.frozenEnd)) {
        // The parser changed what it read (tabs, say), so its pieces cannot be counted: read all of it each time.
        blocks.unshift(block);
        return;
      }
      this.frozenEnd += block.raw.length;
      if (isShown(block)) this.frozen.push(block);
    }
  }
}
