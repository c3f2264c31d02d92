// Keyboard shortcuts: one table for the list under "?" and for what happens.
import { server } from '../api/server.svelte';
import { library } from '../chat/library.svelte';
import { race } from '../chat/race.svelte';
import { preferences } from '../preferences.svelte';
import { words } from '../strings';
import { modeOf } from './mode';
import { page } from './page.svelte';

interface Shortcut {
  name: string; // in words.keys
  keys: string[]; // as shown
  matches: (event: KeyboardEvent, command: boolean) => boolean;
  act: () => void;
}

const letter = (event: KeyboardEvent, key: string) => event.key.toLowerCase() === key;

function showSearch() {
  preferences.sidebar = true;
  page.searching += 1;
}

function escape() {
  if (page.editing !== null) page.editing = null;
  else if (library.isWriting) library.stopWriting();
  else if (race.of) race.stop();
  else if (preferences.drawer && document.activeElement?.closest('.drawer')) preferences.drawer = false;
  page.focusComposer();
}

function regenerate() {
  const last = library.current.path.at(-1);
  if (last?.role === 'assistant' && !last.isWriting) library.regenerate(last, modeOf(preferences.mode));
}

export const shortcuts: Shortcut[] = [
  { name: 'stop', keys: ['Esc'], matches: (event) => event.key === 'Escape', act: escape },
  {
    name: 'newChat', keys: ['Ctrl', 'Shift', 'O'],
    matches: (event, command) => command && event.shiftKey && letter(event, 'o'),
    act: () => { library.startNew(); page.focusComposer(); },
  },
  { name: 'search', keys: ['Ctrl', 'K'], matches: (event, command) => command && !event.shiftKey && letter(event, 'k'), act: showSearch },
  {
    name: 'sidebar', keys: ['Ctrl', 'B'],
    matches: (event, command) => command && !event.shiftKey && letter(event, 'b'),
    act: () => { preferences.sidebar = !preferences.sidebar; },
  },
  {
    name: 'pace', keys: ['Ctrl', '.'],
    matches: (event, command) => command && event.key === '.',
    act: () => { preferences.drawer = !preferences.drawer; },
  },
  {
    name: 'colour', keys: ['Ctrl', 'Shift', 'D'],
    matches: (event, command) => command && event.shiftKey && letter(event, 'd'),
    act: () => { preferences.colourDrafts = !preferences.colourDrafts; },
  },
  { name: 'regenerate', keys: ['Ctrl', 'Shift', 'E'], matches: (event, command) => command && event.shiftKey && letter(event, 'e'), act: regenerate },
  { name: 'settings', keys: ['Ctrl', ','], matches: (event, command) => command && event.key === ',', act: () => { page.dialog = 'settings'; } },
  { name: 'help', keys: ['?'], matches: (event) => event.key === '?' && !isTyping(event), act: () => { page.dialog = 'shortcuts'; } },
  { name: 'focus', keys: ['/'], matches: (event) => event.key === '/' && !isTyping(event), act: () => page.focusComposer() },
];

// What the text field does by itself.
export const fieldShortcuts = [
  { name: 'send', keys: ['Enter'] },
  { name: 'newline', keys: ['Shift', 'Enter'] },
  { name: 'edit', keys: ['↑'] },
];

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return !!target?.closest('input, textarea, select, [contenteditable]') || event.ctrlKey || event.metaKey || event.altKey;
}

export function handleKey(event: KeyboardEvent) {
  // An open dialog has the keys; AltGr writes characters, and so do input methods.
  if (event.defaultPrevented || event.isComposing || event.getModifierState('AltGraph') || page.dialog !== null || server.asksForKey) return;
  if (!preferences.shortcuts && event.key !== 'Escape') return;
  const command = (event.ctrlKey || event.metaKey) && !event.altKey;
  const shortcut = shortcuts.find((candidate) => candidate.matches(event, command));
  if (!shortcut) return;
  event.preventDefault();
  shortcut.act();
}

export const shortcutName = (name: string) => words.keys[name]!;
