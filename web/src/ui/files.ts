// Text files for a question: what is no text, or too large to be one, is refused with a reason.
import type { TextFile } from '../chat/types';
import { words } from '../strings';
import { notify } from './notices.svelte';

const mostBytes = 2 * 1024 * 1024;

// Null when it is no UTF-8 text.
async function textOf(file: File): Promise<string | null> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
    return text.includes('\0') ? null : text.replace(/\r\n?/g, '\n');
  } catch {
    return null;
  }
}

export async function readTextFiles(given: Iterable<File>): Promise<TextFile[]> {
  const files: TextFile[] = [];
  for (const file of given) {
    if (file.size > mostBytes) {
      notify(words.fileTooLarge(file.name, '2 MB'));
      continue;
    }
    const text = await textOf(file);
    if (text === null) notify(words.fileNoText(file.name));
    else files.push({ name: file.name || 'text', text });
  }
  return files;
}
