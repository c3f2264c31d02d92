// What is set for the page as a whole; kept in the browser.
import { browserStorage } from './storage';
import { words } from './strings';

const name = 'paceline.preferences';

const defaults = {
  theme: 'system' as 'system' | 'light' | 'dark',
  accent: 'teal' as 'teal' | 'blue' | 'violet' | 'pink' | 'ochre' | 'graphite', // the colours: style/accents.css
  textSize: 'normal' as 'small' | 'normal' | 'large',
  showThinking: true,
  shortcuts: true,
  colourDrafts: false,
  sidebar: true,
  drawer: false,
  mode: 'auto' as string,
  thinking: false,
};

// What can be chosen where not every text will do.
const choices: Record<string, object> = { theme: words.themes, accent: words.accents, textSize: words.textSizes };

function isGood(key: string, value: unknown, kept: unknown): boolean {
  return typeof kept === typeof value && (!choices[key] || Object.hasOwn(choices[key], String(kept)));
}

function load(): typeof defaults {
  try {
    const kept = JSON.parse(browserStorage.get(name) ?? '{}') as Record<string, unknown>;
    const good = Object.entries(defaults).filter(([key, value]) => isGood(key, value, kept[key]));
    return { ...defaults, ...Object.fromEntries(good.map(([key]) => [key, kept[key]])) };
  } catch {
    return { ...defaults };
  }
}

export const preferences = $state(load());

export function keepPreferences() {
  browserStorage.set(name, JSON.stringify(preferences));
}

export function applyAppearance() {
  const root = document.documentElement;
  root.dataset['theme'] = preferences.theme;
  root.dataset['accent'] = preferences.accent;
  root.dataset['textSize'] = preferences.textSize;
}
