// Colours in code.
import { library } from './lazy';

const hljs = () => library('code').hljs;

export function canColour(language: string): boolean {
  return language !== '' && hljs().getLanguage(language) !== undefined;
}

// Coloured code: texts, and what has a colour around them.
export interface Scope {
  scope?: string;
  children: (Scope | string)[];
}

export interface Coloured {
  scopes: Scope[];
  language: string | null; // that of what follows; null when the code must not be cut here, in a comment, say
}

// What the highlighter does not put into its types.
interface Result {
  errorRaised?: Error;
  _top: object & { parent?: unknown };
  _emitter: { rootNode: Scope };
}

function colourOne(code: string, language: string): { scope: Scope; whole: boolean } {
  const { _top, _emitter, errorRaised } = hljs().highlight(code, { language, ignoreIllegals: true }) as unknown as Result;
  return errorRaised ? { scope: { children: [code] }, whole: true } : { scope: _emitter.rootNode, whole: !_top.parent };
}

const opening = /<(script|style)\b[^>]*>/i;
const embedded: Record<string, string> = { script: 'javascript', style: 'css' };
const closing: Record<string, RegExp> = { javascript: /<\/script/i, css: /<\/style/i };

// `code` continues code of `outer`, at this place in `language`: HTML has scripts and styles in it, which may be the most of it.
export function colour(code: string, outer: string, language = outer): Coloured {
  if (hljs().getLanguage(outer) !== hljs().getLanguage('xml')) {
    const { scope, whole } = colourOne(code, outer);
    return { scopes: [scope], language: whole ? outer : null };
  }
  const scopes: Scope[] = [];
  let [at, now] = [0, language];
  for (;;) {
    const inside = closing[now];
    const rest = code.slice(at);
    const match = (inside ?? opening).exec(rest);
    const length = match ? match.index + (inside ? 0 : match[0].length) : rest.length;
    const { scope, whole } = colourOne(rest.slice(0, length), inside ? now : 'xml');
    scopes.push(scope);
    if (!match) return { scopes, language: whole ? now : null };
    at += length;
    now = inside ? outer : embedded[match[1]!.toLowerCase()]!;
  }
}
