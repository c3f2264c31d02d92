// How soon the page can be used, how evenly it draws a long answer while it is written, and what took long when something did.
import { pieces } from './long.js';

const share = (sorted, part) => sorted[Math.floor(part * (sorted.length - 1))] ?? 0;

export async function opened(visit) {
  const { loaded, painted } = await visit.page.evaluate(() => {
    const [navigation] = performance.getEntriesByType('navigation');
    return { loaded: navigation.loadEventEnd, painted: performance.getEntriesByName('first-contentful-paint')[0]?.startTime };
  });
  return `script has run and the page is there after ${loaded.toFixed(0)} ms, first painted after ${painted?.toFixed(0)} ms`;
}

// Runs in the page. Looking costs as little as can be: no layout is asked for that was not there.
function watch() {
  window.seen = { began: performance.now(), frames: [], tasks: [], slow: [], growths: [] };
  const { began, frames, tasks, slow, growths } = window.seen;
  const observe = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type });
  observe('longtask', ({ startTime, duration }) => tasks.push({ at: Math.round(startTime - began), duration }));
  observe('long-animation-frame', ({ startTime, duration, renderStart, styleAndLayoutStart, scripts }) =>
    slow.push({
      at: Math.round(startTime - began), duration: Math.round(duration), beforeRendering: Math.round(renderStart - startTime),
      fromStyleOn: Math.round(startTime + duration - styleAndLayoutStart),
      scripts: scripts.map(({ duration, invoker, forcedStyleAndLayoutDuration }) => [invoker, duration, forcedStyleAndLayoutDuration].join(' ')),
    }));
  const text = () => document.querySelector('article[aria-busy=true] .prose');
  new MutationObserver(() => text() && growths.push(performance.now())).observe(document.querySelector('main'), { childList: true, characterData: true, subtree: true });
  let last = began;
  const tick = (now) => {
    frames.push(now - last);
    last = now;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}

// Has `text` streamed into the page; the distribution of the time between frames, and the tasks of over 50 ms.
export async function drawnEvenly(visit, relay, text, drafts = false) {
  relay.script = { pieces: pieces(text), delayMs: 1, drafts };
  await visit.page.evaluate(watch);
  await visit.send('Write a long text');
  // Looked for seldom and by selector: what is measured must not be the looking.
  const written = () => document.querySelector('article .numbers') && !document.querySelector('[aria-busy=true]');
  await visit.page.waitForFunction(written, null, { timeout: 100_000, polling: 500 });
  await visit.page.waitForTimeout(1000); // what is done at the end belongs to it
  const { frames, tasks, slow, growths } = await visit.page.evaluate(() => window.seen);
  frames.sort((a, b) => a - b);
  const pauses = growths.slice(1).map((at, i) => at - growths[i]);
  return {
    characters: text.length, frames: frames.length, median: share(frames, 0.5), most95: share(frames, 0.95), most99: share(frames, 0.99),
    longest: frames.at(-1), pause: Math.max(...pauses), tasks, slow,
  };
}

export const described = ({ characters, frames, median, most95, most99, longest, pause, tasks }) =>
  `${characters} characters, ${frames} frames: median ${median.toFixed(0)} ms, 95 % within ${most95.toFixed(0)}, 99 % within ${most99.toFixed(0)}, ` +
  `longest ${longest.toFixed(0)}; ${tasks.length} tasks over 50 ms; the text stood still for at most ${pause.toFixed(0)} ms`;
