// One thumb shows and hides the list of chats: a swipe to the right that starts in the left third of the page, and a swipe to the left.
import { preferences } from '../preferences.svelte';
import { isNarrow } from './page.svelte';

// In CSS pixels and milliseconds.
const slop = 10; // until here a movement has no direction
const distance = 56; // from here on it is a swipe
const stillness = 300; // a finger that rested this long selects text
const steepest = 0.6; // of a swipe: vertical by horizontal

function scrollsSideways(from: Element, within: Element): boolean {
  for (let element: Element | null = from; element && element !== within; element = element.parentElement) {
    if (element.scrollWidth <= element.clientWidth) continue;
    if (element.localName === 'input' || /auto|scroll/.test(getComputedStyle(element).overflowX)) return true;
  }
  return false;
}

// What a swipe that starts at `x` on `target` would do: 1 shows the list with a swipe to the right, -1 hides it with one to the left.
function directionOf(x: number, target: Element, root: Element): 1 | -1 | 0 {
  // The pace lies over the page; a page that is magnified is moved about.
  if (target.closest('.drawer') || scrollsSideways(target, root) || (visualViewport?.scale ?? 1) > 1.01) return 0;
  if (preferences.sidebar) return isNarrow() || target.closest('.sidebar') ? -1 : 0;
  return x < innerWidth / 3 ? 1 : 0;
}

export function sidebarSwipes(root: HTMLElement) {
  let gesture = new AbortController();

  function begin({ touches, timeStamp }: TouchEvent) {
    gesture.abort();
    gesture = new AbortController();
    const [first] = touches;
    if (touches.length !== 1 || !(first?.target instanceof Element)) return;
    const direction = directionOf(first.clientX, first.target, root);
    if (direction === 0) return;
    let decided = false;

    function move(event: TouchEvent) {
      if (event.timeStamp < timeStamp) return; // Chromium may be late with a move of the touch before
      const finger = event.changedTouches[0]!;
      const across = (finger.clientX - first!.clientX) * direction;
      const down = Math.abs(finger.clientY - first!.clientY);
      if (!decided && Math.hypot(across, down) < slop) return;
      if (down > across * steepest || (!decided && event.timeStamp - timeStamp > stillness)) return gesture.abort();
      decided = true;
      if (across < distance) return;
      preferences.sidebar = direction > 0;
      gesture.abort();
    }

    // On what was touched: an answer that is being written may lose it meanwhile, and then nothing comes up from there.
    const target = first.target as HTMLElement;
    const options = { signal: gesture.signal, passive: true };
    target.addEventListener('touchmove', move, options);
    target.addEventListener('touchend', (event) => { move(event); gesture.abort(); }, options); // moves may be few: this is where it came to
    target.addEventListener('touchcancel', () => gesture.abort(), options);
  }

  root.addEventListener('touchstart', begin, { passive: true });
  return () => {
    gesture.abort();
    root.removeEventListener('touchstart', begin);
  };
}
