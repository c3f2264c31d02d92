// The libraries for text are most of the page's script. They lie in the page as a script that does not run (single_file.js), so that the page
// can be used before the browser has read them, and run when the first text is shown, or when there is time.
import type * as Libraries from './libraries';

declare global {
  var pacelineLibraries: typeof Libraries | undefined;
}

export function libraries(): typeof Libraries {
  if (!globalThis.pacelineLibraries) {
    const script = document.createElement('script');
    script.textContent = document.getElementById('libraries')!.textContent;
    document.head.append(script);
    script.remove();
  }
  return globalThis.pacelineLibraries!;
}

// A value that is made when it is first asked for.
export function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
