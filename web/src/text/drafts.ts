// Which parts of a shown answer came from drafts. The text is not touched: ranges over it are painted by the browser (CSS highlights).
import type { Pass, Run } from '../chat/types';

export const paintsRanges = typeof CSS !== 'undefined' && 'highlights' in CSS;

const thinkingEnd = '</think>';

// What the passes wrote, with a flag for each UTF-16 unit: 1 where a draft wrote it. It only grows, as the passes do.
class Written {
  text = '';
  flags = new Uint8Array(1024);
  private read = new Map<Run, number>();

  // False: the runs are no longer those that were read before.
  add(runs: readonly Run[]): boolean {
    if ([...this.read.keys()].some((run, i) => runs[i] !== run)) return false;
    for (const run of runs) {
      for (const pass of run.passes.slice(this.read.get(run) ?? 0)) this.addPass(pass);
      this.read.set(run, run.passes.length);
    }
    return true;
  }

  private addPass(pass: Pass) {
    pass.tokens.forEach((token, i) => {
      const end = this.text.length + token.length;
      if (end > this.flags.length) {
        const larger = new Uint8Array(2 * end);
        larger.set(this.flags);
        this.flags = larger;
      }
      if (pass.fromDraft[i]) this.flags.fill(1, this.text.length, end);
      this.text += token;
    });
  }

  // Where `text` begins: tokens hold more than it (thinking, its marks, the end).
  startOf(text: string, likely: number): number {
    if (likely >= 0 && this.text.startsWith(text, likely)) return likely;
    const thought = this.text.lastIndexOf(thinkingEnd);
    const start = this.text.indexOf(text, thought < 0 ? 0 : thought + thinkingEnd.length);
    return start >= 0 ? start : this.text.indexOf(text.trim()) - (text.length - text.trimStart().length);
  }
}

const unpainted = '.code-head, math, button';
const filter = (node: Node) =>
  node instanceof Text ? NodeFilter.FILTER_ACCEPT : (node as Element).matches(unpainted) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP;

// Where each character of the shown text stands in the Markdown source: whole text nodes are found as they are, others letter by letter.
// `place` is where in the source the search begins; where it ended is returned.
function draftRanges(root: Element, source: string, place: number, isDraft: (at: number) => boolean): { ranges: StaticRange[]; place: number } {
  const ranges: StaticRange[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, filter);
  for (let node = walker.nextNode() as Text | null; node; node = walker.nextNode() as Text | null) {
    const text = node.data;
    const whole = source.indexOf(text, place);
    const exact = whole >= 0 && (text.trim().length > 2 || whole - place < 40);
    let from = -1;
    for (let i = 0; i <= text.length; ++i) {
      let drafted = false;
      if (i < text.length) {
        const found = exact ? whole + i : source.indexOf(text[i]!, place);
        if (found >= 0 && (exact || found - place < 200)) {
          drafted = isDraft(found);
          place = found + 1;
        }
      }
      if (drafted && from < 0) from = i;
      if (!drafted && from >= 0) {
        ranges.push(new StaticRange({ startContainer: node, startOffset: from, endContainer: node, endOffset: i }));
        from = -1;
      }
    }
  }
  return { ranges, place };
}

// The page has one highlight for all answers; each adds its own ranges.
const highlight = paintsRanges ? new Highlight() : null;

function change(gone: StaticRange[], added: StaticRange[]) {
  if (!highlight) return;
  for (const range of gone) highlight.delete(range);
  for (const range of added) highlight.add(range);
  if (highlight.size > 0) CSS.highlights.set('draft', highlight);
  else CSS.highlights.delete('draft');
}

interface Painted {
  group: object; // as long as it is the same, so is what it shows
  end: number; // in the source
  ranges: StaticRange[];
}

export class DraftPainter {
  private written = new Written();
  private start = -1;
  private painted: Painted[] = [];

  // Paints what drafts wrote of `source`, which `root` shows as one child for each of `groups`; nothing when there are no runs.
  paint(root: Element, source: string, groups: readonly object[], runs: readonly Run[] | null) {
    if (!paintsRanges || !runs) return this.clear();
    if (!this.written.add(runs)) {
      this.clear();
      this.written.add(runs);
    }
    const start = this.written.startOf(source, this.start);
    if (start !== this.start) this.unpaint(0);
    this.start = start;
    let first = 0;
    while (first < groups.length - 1 && this.painted[first]?.group === groups[first]) ++first;
    const gone = this.painted.splice(first).flatMap(({ ranges }) => ranges);
    const isDraft = (at: number) => this.written.flags[start + at] === 1;
    let place = this.painted.at(-1)?.end ?? 0;
    const added: StaticRange[] = [];
    for (let i = first; i < groups.length; ++i) {
      const found = draftRanges(root.children[i]!, source, place, isDraft);
      this.painted.push({ group: groups[i]!, end: found.place, ranges: found.ranges });
      place = found.place;
      added.push(...found.ranges);
    }
    change(gone, added);
  }

  private unpaint(from: number) {
    change(this.painted.splice(from).flatMap(({ ranges }) => ranges), []);
  }

  clear() {
    this.unpaint(0);
    this.written = new Written();
    this.start = -1;
  }
}
