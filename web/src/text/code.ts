// Code with its language, its colours and a button to copy. It is shown in parts of some lines each: while it is written, the finished ones
// have their colours already and stay as they are, and only the last is coloured anew.
import { canColour, colour, type Scope } from './highlight';
import { words } from '../strings';
import { copyText } from '../ui/clipboard';

const partLength = 600;
const longestAnew = 2500; // what is coloured anew each time, while the code is written
const longestAtOnce = 16_000; // of what cannot be cut; beyond it stays plain

interface Part {
  element: HTMLElement;
  begin: number;
  end: number;
}

function copyButton(code: HTMLElement): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'code-copy';
  button.textContent = words.copy;
  button.setAttribute('aria-label', words.copyCode);
  button.addEventListener('click', async () => {
    const copied = await copyText(code.textContent ?? '');
    button.textContent = copied ? words.copied : words.copyFailed;
    setTimeout(() => (button.textContent = words.copy), 1500);
  });
  return button;
}

function append(element: HTMLElement, text: string) {
  const last = element.lastChild;
  if (last instanceof Text) last.appendData(text);
  else element.append(text);
}

// Puts coloured text into the elements, each of which takes as much as its part is long.
class Painter {
  private at = -1;
  private left = 0;
  private fragments: DocumentFragment[];
  private scopes: string[] = [];
  private made: HTMLElement[] = [];

  constructor(private parts: Part[]) {
    this.fragments = parts.map(() => document.createDocumentFragment());
    this.next();
  }

  paint(scopes: Scope[]) {
    for (const scope of scopes) this.walk(scope);
    this.parts.forEach(({ element }, i) => element.replaceChildren(this.fragments[i]!));
  }

  private next() {
    const part = this.parts[++this.at];
    this.left = part ? part.end - part.begin : Infinity;
    this.made = [];
  }

  private walk({ scope, children }: Scope) {
    const coloured = scope !== undefined && !scope.startsWith('language:');
    if (coloured) this.scopes.push(`hljs-${scope.split('.')[0]!}`);
    for (const child of children)
      if (typeof child === 'string') this.write(child);
      else this.walk(child);
    if (!coloured) return;
    this.scopes.pop();
    this.made.length = Math.min(this.made.length, this.scopes.length);
  }

  private write(text: string) {
    while (text.length > 0) {
      if (this.left === 0) this.next();
      const now = text.slice(0, this.left);
      this.place().append(now);
      this.left -= now.length;
      text = text.slice(now.length);
    }
  }

  private place(): Node & ParentNode {
    while (this.made.length < this.scopes.length) {
      const span = document.createElement('span');
      span.className = this.scopes[this.made.length]!;
      (this.made.at(-1) ?? this.fragments[this.at]!).append(span);
      this.made.push(span);
    }
    return this.made.at(-1) ?? this.fragments[this.at]!;
  }
}

export class CodeView {
  readonly frame = document.createElement('div');
  private code = document.createElement('code');
  private text = '';
  private parts: Part[] = []; // the last one is still to be filled
  private coloured = 0; // as many parts have their final colours
  private tries = 1; // as many parts are to be coloured at once
  private language: string | null; // of what follows them; null when that stays plain

  constructor(readonly name: string) {
    this.language = canColour(name) ? name : null;
    const pre = document.createElement('pre');
    const head = document.createElement('div');
    const label = document.createElement('span');
    this.frame.className = 'code';
    head.className = 'code-head';
    label.textContent = name || words.plainCode;
    pre.tabIndex = 0; // a long line scrolls by keyboard, too
    pre.setAttribute('role', 'region');
    pre.setAttribute('aria-label', words.codeIn(name || words.plainCode));
    pre.append(this.code);
    head.append(label, copyButton(this.code));
    this.frame.append(head, pre);
    this.addPart(0);
  }

  // Shows `text` if it continues what is shown, and says whether it does.
  update(text: string, open: boolean): boolean {
    if (!text.startsWith(this.text)) return false;
    this.grow(text);
    if (this.language !== null) this.colourParts();
    if (this.language !== null) this.colourRest(open);
    return true;
  }

  private addPart(begin: number): Part {
    const element = document.createElement('span');
    element.className = 'lines';
    const part = { element, begin, end: begin };
    this.parts.push(part);
    this.code.append(element);
    return part;
  }

  private grow(text: string) {
    let last = this.parts.at(-1)!;
    const shown = this.text.length;
    this.text = text;
    for (;;) {
      const end = text.indexOf('\n', Math.max(last.begin + partLength, last.end)) + 1;
      append(last.element, text.slice(Math.max(last.begin, shown), end || text.length));
      last.end = end || text.length;
      if (end === 0) return;
      last = this.addPart(end);
    }
  }

  // The parts that are finished. Where a part ends in the middle of a comment or a string, the next ones are coloured together with it.
  private colourParts() {
    while (this.language !== null && this.coloured + this.tries < this.parts.length) {
      const parts = this.parts.slice(this.coloured, this.coloured + this.tries);
      const code = this.text.slice(parts[0]!.begin, parts.at(-1)!.end);
      const { scopes, language } = colour(code, this.name, this.language);
      if (language !== null) {
        new Painter(parts).paint(scopes);
        this.coloured += this.tries;
        this.tries = 1;
        this.language = language;
      } else if (code.length < longestAtOnce) {
        this.tries *= 2;
      } else {
        this.language = null;
        for (const { element } of this.parts.slice(this.coloured)) element.textContent = element.textContent;
      }
    }
  }

  private colourRest(open: boolean) {
    const parts = this.parts.slice(this.coloured);
    const code = this.text.slice(parts[0]!.begin);
    if (code.length > (open ? longestAnew : 2 * longestAtOnce)) return;
    new Painter(parts).paint(colour(code, this.name, this.language!).scopes);
  }
}
