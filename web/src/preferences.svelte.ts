// What is set for the page as a whole; kept in the browser.
const name = 'paceline.preferences';

const defaults = {
  theme: 'system' as 'system' | 'light' | 'dark',
  textSize: 'normal' as 'small' | 'normal' | 'large',
  showThinking: true,
  shortcuts: true,
  colourDrafts: false,
  sidebar: true,
  drawer: false,
  mode: 'auto' as string,
  thinking: false,
};

function load(): typeof defaults {
  try {
    const kept = JSON.parse(localStorage.getItem(name) ?? '{}') as Record<string, unknown>;
    const good = Object.entries(defaults).filter(([key, value]) => typeof kept[key] === typeof value);
    return { ...defaults, ...Object.fromEntries(good.map(([key]) => [key, kept[key]])) };
  } catch {
    return { ...defaults };
  }
}

export const preferences = $state(load());

export function keepPreferences() {
  try {
    localStorage.setItem(name, JSON.stringify(preferences));
  } catch {
    // a browser that keeps nothing: the defaults will do
  }
}

export function applyAppearance() {
  const root = document.documentElement;
  root.dataset['theme'] = preferences.theme;
  root.dataset['textSize'] = preferences.textSize;
}
