// Tells the other tabs with this page what was done to the chats that all of them keep, and hears of what they did.
interface News {
  kept?: string; // the chat's id
  removed?: string;
}

let channel: BroadcastChannel | null = null;
try {
  channel = new BroadcastChannel('paceline');
} catch {
  // a browser that keeps nothing for the page: there is nothing to tell
}

export const tellTabs = (news: News) => channel?.postMessage(news);

export function hearTabs(take: (news: News) => void) {
  channel?.addEventListener('message', ({ data }) => take(data as News));
}
