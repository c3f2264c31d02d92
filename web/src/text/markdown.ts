// Markdown to HTML. Raw HTML is shown as the text it is, but for a few tags without attributes; links go to http, https and mailto only;
// pictures of elsewhere are links, never loaded. The result still passes the sanitiser (sanitize.ts).
import type { Links, MarkedExtension, Token, Tokens } from 'marked';

import { library, once } from './lazy';
import { mathBlock, mathInline, renderMath } from './math';
import { words } from '../strings';

export type { Links, Token, Tokens };

const plainTag = /^<\/?(?:br|sub|sup|kbd|mark|b|i|u|s|em|strong|small)\s*\/?>$/i;

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export function safeAddress(address: string): string | null {
  try {
    const url = new URL(address);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export const languageOf = (info: string | undefined) => (info ?? '').split(/\s/)[0]!.slice(0, 30);

const options: MarkedExtension = {
  gfm: true,
  extensions: [
    { ...mathBlock, renderer: (token: Tokens.Generic) => mathHtml(token, true) },
    { ...mathInline, renderer: (token: Tokens.Generic) => mathHtml(token, token['display'] === true) },
  ] as never,
  renderer: {
    html({ text }) {
      return plainTag.test(text.trim()) ? text : escapeHtml(text);
    },
    code({ text, lang }) {
      return `<pre><code data-language="${escapeHtml(languageOf(lang))}">${escapeHtml(text)}\n</code></pre>`;
    },
    codespan({ text }) {
      return `<code>${escapeHtml(text)}</code>`;
    },
    heading({ tokens, depth }) {
      // Under the page's own headings.
      const level = Math.min(depth + 2, 6);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>`;
    },
    link({ href, tokens, raw }) {
      const address = safeAddress(href);
      const inner = this.parser.parseInline(tokens);
      return address === null ? escapeHtml(raw) : `<a href="${escapeHtml(address)}">${inner}</a>`;
    },
    image({ href, text, raw }) {
      const address = safeAddress(href);
      return address === null ? escapeHtml(raw) : `<a href="${escapeHtml(address)}">${escapeHtml(words.imageLink(text, new URL(address).host))}</a>`;
    },
    checkbox({ checked }) {
      return checked ? '☑ ' : '☐ ';
    },
  },
};

const marked = once(() => new (library('markdown').Marked)(options));

function mathHtml(token: Tokens.Generic, display: boolean): string {
  const source = token['text'] as string;
  const mathml = source === '' ? null : renderMath(source, display);
  if (mathml === null) return display ? `<pre><code>${escapeHtml(token.raw.trim())}</code></pre>` : `<code>${escapeHtml(token.raw)}</code>`;
  return display ? `<p class="display-math">${mathml}</p>` : mathml;
}

// Quotations in quotations in quotations: browsers take seconds to lay out a thousand of them, and nobody means it. Such a line is shown as it
// is written.
const deepMarkers = /^[ \t]*(?:(?:>|[-*+][ \t]|\d{1,9}[.)][ \t])[ \t]*){20,}/gm;
const tamed = (text: string) => text.replace(deepMarkers, (markers) => markers.replace(/[>*+.)-]/g, '\\$&'));

export const noLinks = (): Links => Object.create(null) as Links;

// Links that are defined in `text` itself are known in it, too; `links` is not changed.
export function lex(text: string, links: Links): Token[] {
  const lexer = new (library('markdown').Lexer)(marked().defaults);
  lexer.tokens.links = Object.assign(noLinks(), links);
  return lexer.lex(tamed(text));
}
export const html = (tokens: Token[]) => marked().parser(tokens);

// The definitions among `tokens` and in them.
export function definitionsIn(tokens: Token[]): Tokens.Def[] {
  const found: Tokens.Def[] = [];
  for (const token of tokens) {
    if (token.type === 'def') found.push(token as Tokens.Def);
    else if (token.type === 'list') found.push(...(token as Tokens.List).items.flatMap((item) => definitionsIn(item.tokens)));
    else if (token.type === 'blockquote') found.push(...definitionsIn((token as Tokens.Blockquote).tokens));
  }
  return found;
}
