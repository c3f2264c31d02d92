// TeX in Markdown: $…$, $$…$$, \(…\) and \[…\], as MathML, which browsers set by themselves. Prices are no formulas.
import type { TokenizerAndRendererExtension } from 'marked';

import { library } from './lazy';

const longest = 10_000;

export function renderMath(source: string, display: boolean): string | null {
  if (source.length > longest) return null;
  try {
    const mathml = library('math').temml.renderToString(source, {
      displayMode: display,
      throwOnError: true,
      annotate: false,
      trust: false,
      maxSize: [20, 20],
      maxExpand: 300,
    });
    // The page's policy lets no style attributes be; what matters of them is in text.css.
    return mathml.replace(/ style="[^"]*"/g, '');
  } catch {
    return null;
  }
}

// "$5 and $6", "$HOME/bin:$PATH", "5$, or 6$": a formula starts and ends tight, is not glued to a word, and when it has spaces it has an
// operator, too.
function isFormula(content: string, after: string): boolean {
  if (/^\s|\s$/.test(content) || /^[\p{L}\p{N}]/u.test(after)) return false;
  return !/\s/.test(content) || /[\\^_=+<>{}|]|\s[-*/]\s/.test(content);
}

const inlineDollar = /^\$(?!\$)((?:\\[^\n]|[^$\\\n])+)\$(?!\$)/;
const inlineParenthesis = /^\\\(([^\n]+?)\\\)/;
const inlineDisplay = /^(?:\$\$([^$\n]+)\$\$|\\\[([^\n]+?)\\\])/;
const display = /^ {0,3}(?:\$\$([^$]+?)\$\$|\\\[([\s\S]+?)\\\])[ \t]*(?:\n|$)/;
const openDisplay = /^ {0,3}(?:\$\$|\\\[)[^$]*\$?$/; // the last one may be half of its end

export const mathBlock: TokenizerAndRendererExtension = {
  name: 'mathBlock',
  level: 'block',
  start: (source) => source.match(/^ {0,3}(?:\$\$|\\\[)/m)?.index,
  tokenizer(source) {
    const match = display.exec(source);
    if (match) return { type: 'mathBlock', raw: match[0], text: (match[1] ?? match[2])!.trim() };
    // Still being written: kept together, so that no part of it is taken for a finished paragraph.
    if (/^ {0,3}(?:\$\$|\\\[)[ \t]*\n/.test(source) && openDisplay.test(source)) return { type: 'mathBlock', raw: source, text: '' };
    return undefined;
  },
};

export const mathInline: TokenizerAndRendererExtension = {
  name: 'mathInline',
  level: 'inline',
  start: (source) => source.match(/\$|\\\(|\\\[/)?.index,
  tokenizer(source, tokens) {
    const whole = inlineDisplay.exec(source);
    if (whole) return { type: 'mathInline', raw: whole[0], text: (whole[1] ?? whole[2])!.trim(), display: true };
    const parenthesis = inlineParenthesis.exec(source);
    if (parenthesis) return { type: 'mathInline', raw: parenthesis[0], text: parenthesis[1]!.trim(), display: false };
    const match = inlineDollar.exec(source);
    if (!match || !isFormula(match[1]!, source.slice(match[0].length))) return undefined;
    const before = (tokens as { raw: string }[] | undefined)?.at(-1)?.raw ?? '';
    if (/[\p{L}\p{N}]$/u.test(before)) return undefined;
    return { type: 'mathInline', raw: match[0], text: match[1]!, display: false };
  },
};
