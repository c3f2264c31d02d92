// Which parts of a shown answer came from drafts. The text is not touched: ranges over it are painted by the browser (CSS highlights).
import type { Run } from '../chat/types';

export const paintsRanges = typeof CSS !== 'undefined' && 'highlights' in CSS;

// One flag per UTF-16 unit of `text`: 1 where a draft wrote it. Tokens hold more than the text (thinking, its marks, the end), so the
// text is looked up among them.
export function draftFlags(text: string, runs: readonly Run[]): Uint8Array {
  const flags = new Uint8Array(text.length);
  const tokens = runs.flatMap((run) => run.passes.flatMap((pass) => pass.tokens.map((token, i) => ({ token, draft: pass.fromDraft[i]! }))));
  const all = tokens.map(({ token }) => token).join('');
  const afterThinking = all.lastIndexOf('</think>');
  let start = all.indexOf(text, afterThinking < 0 ? 0 : afterThinking + '</think>'.length);
  if (start < 0) start = all.indexOf(text.trim()) - (text.length - text.trimStart().length);
  let at = 0;
  for (const { token, draft } of tokens) {
    if (draft && start > -text.length) {
      const from = Math.max(0, at - start);
      const to = Math.min(text.length, at + token.length - start);
      if (from < to) flags.fill(1, from, to);
    }
    at += token.length;
  }
  return flags;
}

// Where each character of the shown text stands in the Markdown source: whole text nodes are found as they are, others letter by letter.
export function draftRanges(root: Element, source: string, flags: Uint8Array): Range[] {
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement?.closest('.code-head, math, button') ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  let place = 0;
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
          drafted = flags[found] === 1;
          place = found + 1;
        }
      }
      if (drafted && from < 0) from = i;
      if (!drafted && from >= 0) {
        const range = document.createRange();
        range.setStart(node, from);
        range.setEnd(node, i);
        ranges.push(range);
        from = -1;
      }
    }
  }
  return ranges;
}

// The page has one highlight for all answers; each gives its own ranges.
const painted = new Map<object, Range[]>();

export function paintDrafts(owner: object, ranges: Range[]) {
  if (!paintsRanges) return;
  if (ranges.length > 0) painted.set(owner, ranges);
  else painted.delete(owner);
  const all = [...painted.values()].flat();
  if (all.length > 0) CSS.highlights.set('draft', new Highlight(...all));
  else CSS.highlights.delete('draft');
}
