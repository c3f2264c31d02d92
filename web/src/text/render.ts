// Blocks into the page: sanitised, code in its frame.
import { CodeView } from './code';
import { escapeHtml, html, type Token } from './markdown';
import { sanitize } from './sanitize';

function decorate(fragment: DocumentFragment) {
  for (const pre of fragment.querySelectorAll('pre')) {
    const code = pre.querySelector('code');
    if (!code) continue;
    const view = new CodeView(code.dataset['language'] ?? '');
    view.update((code.textContent ?? '').replace(/\n$/, ''), false);
    pre.replaceWith(view.frame);
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
export function renderTokens(tokens: Token[], raw: string): DocumentFragment {
  try {
    const fragment = sanitize(html(tokens));
    decorate(fragment);
    return fragment;
  } catch {
    return sanitize(`<p>${escapeHtml(raw)}</p>`);
  }
}
