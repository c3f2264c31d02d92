// Short messages that go away by themselves, and words for screen readers.
interface Notice {
  id: number;
  text: string;
  action?: string;
  act?: () => void;
}

const shownMs = 6000;
let last = 0;

export const notices = $state<{ shown: Notice[]; spoken: string }>({ shown: [], spoken: '' });

export function dismiss(id: number) {
  notices.shown = notices.shown.filter((notice) => notice.id !== id);
}

export function notify(text: string, action?: string, act?: () => void) {
  const id = ++last;
  notices.shown = [...notices.shown.filter((notice) => notice.text !== text).slice(-2), { id, text, ...(action && act ? { action, act } : {}) }];
  setTimeout(() => dismiss(id), shownMs);
}

export function speak(text: string) {
  notices.spoken = text;
}
