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
function draftRanges(root: Element, source: string, place: number, isDraft: (at: number) => boolean): { ranges: StaticRange[]; end: number } {
  const ranges: StaticRange[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, filter);
  for (let node = walker.nextNode() as Text | null; node; node = walker.nextNode() as Text | null) {
    const text = node.data;
    const whole = source.indexOf(text, place);
    const blank = text.trim() === '';
    const exact = whole >= 0 && (text.trim().length > 2 || whole - place < (blank ? 2 : 40));
    if (blank && !exact) continue; // it stands between elements and nowhere in the source
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
  return { ranges, end: place };
}

// The pieces of a group that are finished one after the other: blocks, and the parts of those that may be long.
function unitsOf(group: Element): Element[] {
  return [...group.children].flatMap((block) => {
    const shown = block.firstElementChild;
    if (shown?.matches('ol, ul')) return [...shown.children];
    if (shown?.matches('.table')) return [...shown.querySelectorAll(':scope > table > *')];
    if (shown?.matches('.code')) return [...shown.querySelectorAll('.lines')];
    return [block];
  });
}

interface Unit {
  element: Element;
  first: Node | null; // with `text` and `begin`, what tells whether it has changed
  text: string;
  begin: number; // in the source
  end: number;
  ranges: StaticRange[];
}

const unchanged = ({ element, first, text, begin }: Unit, place: number) => begin === place && first === element.firstChild && text === element.textContent;

// The page has one highlight for all answers; each adds its own ranges, those that are in sight or nearly so: with every change of the page
// the browser looks at each of them.
const highlight = paintsRanges ? new Highlight() : null;

export class DraftPainter {
  private written = new Written();
  private start = -1;
  private groups: { group: object; units: Unit[] }[] = []; // as long as a group is the same, so is what it shows
  private inSight = new Map<Element, boolean>();
  private units = new Map<Element, Unit>();
  private observer: IntersectionObserver | null = null;

  // Paints what drafts wrote of `source`, which `root` shows as one child for each of `groups`; nothing when there are no runs.
  paint(root: Element, source: string, groups: readonly object[], runs: readonly Run[] | null) {
    if (!highlight || !runs) return this.clear();
    if (!this.written.add(runs)) {
      this.clear();
      this.written.add(runs);
    }
    const start = this.written.startOf(source, this.start);
    if (start !== this.start) this.drop(this.groups.splice(0).flatMap(({ units }) => units));
    this.start = start;
    let kept = 0;
    while (kept < groups.length - 1 && this.groups[kept]?.group === groups[kept]) ++kept;
    const old = new Set(this.groups.splice(kept).flatMap(({ units }) => units));
    let place = this.groups.at(-1)?.units.at(-1)?.end ?? 0;
    for (const [i, group] of groups.entries()) {
      if (i < kept) continue;
      const units = unitsOf(root.children[i]!).map((element) => {
        const before = this.units.get(element);
        const same = before !== undefined && unchanged(before, place);
        if (before) old.delete(before);
        if (before && !same) this.drop([before]);
        const unit = same ? before : this.unit(element, source, place);
        place = unit.end;
        return unit;
      });
      this.groups.push({ group, units });
    }
    this.drop([...old]);
    this.show();
  }

  private unit(element: Element, source: string, place: number): Unit {
    const found = draftRanges(element, source, place, (at) => this.written.flags[this.start + at] === 1);
    const unit = { element, first: element.firstChild, text: element.textContent ?? '', begin: place, ...found };
    this.units.set(element, unit);
    if (!this.inSight.has(element)) {
      this.inSight.set(element, false);
      this.watch().observe(element);
    } else if (this.inSight.get(element)) {
      for (const range of unit.ranges) highlight!.add(range);
    }
    return unit;
  }

  private watch(): IntersectionObserver {
    // The margin of scrolled elements is not in the types yet.
    const options = { scrollMargin: '400px' } as IntersectionObserverInit;
    return (this.observer ??= new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        this.inSight.set(target, isIntersecting);
        for (const range of this.units.get(target)?.ranges ?? []) highlight![isIntersecting ? 'add' : 'delete'](range);
      }
      this.show();
    }, options));
  }

  private drop(units: Unit[]) {
    for (const unit of units) {
      for (const range of unit.ranges) highlight!.delete(range);
      if (this.units.get(unit.element) === unit) this.units.delete(unit.element);
      if (unit.element.isConnected) continue;
      this.inSight.delete(unit.element);
      this.observer?.unobserve(unit.element);
    }
  }

  private show() {
    if (highlight!.size > 0) CSS.highlights.set('draft', highlight!);
    else CSS.highlights.delete('draft');
  }

  clear() {
    if (!highlight || this.observer === null) return;
    this.drop(this.groups.splice(0).flatMap(({ units }) => units));
    this.observer.disconnect();
    this.observer = null;
    this.inSight.clear();
    this.units.clear();
    this.written = new Written();
    this.start = -1;
    this.show();
  }
}
