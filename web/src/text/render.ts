// Blocks into the page: sanitised, code with its language, colours and a button to copy.
import { highlight } from './highlight';
import { escapeHtml, html, type Token } from './markdown';
import { sanitize } from './sanitize';
import { words } from '../strings';
import { copyText } from '../ui/clipboard';

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

function frameOf(pre: HTMLPreElement, language: string) {
  const frame = document.createElement('div');
  frame.className = 'code';
  const head = document.createElement('div');
  head.className = 'code-head';
  const name = document.createElement('span');
  name.textContent = language || words.plainCode;
  pre.replaceWith(frame);
  pre.tabIndex = 0; // a long line scrolls by keyboard, too
  pre.setAttribute('role', 'region');
  pre.setAttribute('aria-label', words.codeIn(language || words.plainCode));
  head.append(name, copyButton(pre));
  frame.append(head, pre);
}

function decorate(fragment: DocumentFragment, open: boolean) {
  for (const pre of fragment.querySelectorAll('pre')) {
    const code = pre.querySelector('code');
    if (!code) continue;
    const language = code.dataset['language'] ?? '';
    const coloured = open ? null : highlight(code.textContent ?? '', language);
    if (coloured !== null) code.replaceChildren(sanitize(coloured));
    frameOf(pre, language);
  }
  for (const table of fragment.querySelectorAll('table')) {
    const frame = document.createElement('div');
    frame.className = 'table';
    frame.tabIndex = 0;
    table.replaceWith(frame);
    frame.append(table);
  }
}

// Deeply nested input can exhaust the parser's stack; it is then shown as it is.
export function renderTokens(tokens: Token[], raw: string, open: boolean): DocumentFragment {
  try {
    const fragment = sanitize(html(tokens));
    decorate(fragment, open);
    return fragment;
  } catch {
    return sanitize(`<p>${escapeHtml(raw)}</p>`);
  }
}
