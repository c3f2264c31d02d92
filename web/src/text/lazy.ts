// The libraries for text (libraries/) are most of the page's script. They lie in the page as scripts that do not run (single_file.js), so that
// the page can be used before the browser has read them, and run when the first text needs them, or when there is time.
import type * as code from './libraries/code';
import type * as markdown from './libraries/markdown';
import type * as math from './libraries/math';

interface Libraries {
  code: typeof code;
  markdown: typeof markdown;
  math: typeof math;
}

declare global {
  var pacelineLibraries: Partial<Libraries>;
}
globalThis.pacelineLibraries ??= {};

export function library<Name extends keyof Libraries>(name: Name): Libraries[Name] {
  if (!pacelineLibraries[name]) {
    const script = document.createElement('script');
    script.textContent = document.getElementById(`library-${name}`)!.textContent;
    document.head.append(script);
    script.remove();
  }
  return pacelineLibraries[name]!;
}

// A value that is made when it is first asked for.
export function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
