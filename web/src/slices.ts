// Work that may be long, in slices between which the browser draws: what was asked for last comes first, since that is where the reader is.
const firstMs = 12;
const sliceMs = 8;
const noFrameMs = 250;

type Step = () => boolean; // does some of the work; true: there is more

const waiting: Step[] = [];
let scheduled = false;
let whenSettled: (() => void)[] = [];

// Before the browser draws next; a hidden page draws nothing, so there after a while.
export function beforeFrame(work: () => void) {
  let done = false;
  const once = () => {
    if (done) return;
    done = true;
    work();
  };
  requestAnimationFrame(once);
  setTimeout(once, noFrameMs);
}

function run(budgetMs: number) {
  const begin = performance.now();
  while (waiting.length > 0) {
    const step = waiting.pop()!;
    if (step()) waiting.push(step);
    if (performance.now() - begin > budgetMs) break;
  }
  scheduled = waiting.length > 0;
  if (scheduled) return beforeFrame(() => run(sliceMs));
  for (const settle of whenSettled) settle();
  whenSettled = [];
}

// The first slice is done before the browser draws.
export function inSlices(step: Step) {
  if (waiting.includes(step)) return;
  waiting.push(step);
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => run(firstMs));
}

export function settled(): Promise<void> {
  return scheduled ? new Promise((resolve) => whenSettled.push(resolve)) : Promise.resolve();
}
