// Short messages that go away by themselves, and words for screen readers.
interface Offer {
  action?: string;
  act?: () => void;
  stays?: boolean; // until it is dismissed
}

interface Notice extends Offer {
  id: number;
  text: string;
}

const shownMs = 6000;
let last = 0;

export const notices = $state<{ shown: Notice[]; spoken: string }>({ shown: [], spoken: '' });

export function dismiss(id: number) {
  notices.shown = notices.shown.filter((notice) => notice.id !== id);
}

export function notify(text: string, offer: Offer = {}) {
  const id = ++last;
  const others = notices.shown.filter((notice) => notice.text !== text);
  const passing = others.filter(({ stays }) => !stays).slice(-2);
  notices.shown = [...others.filter((notice) => notice.stays || passing.includes(notice)), { id, text, ...offer }];
  if (!offer.stays) setTimeout(() => dismiss(id), shownMs);
}

export function speak(text: string) {
  notices.spoken = text;
}
