// Numbers as people read them.
import { words } from '../strings';
import { whole } from '../whole';

export const share = (part: number, whole: number) => (whole > 0 ? `${((100 * part) / whole).toFixed(0)} %` : '–');

export function speed(value: number): string {
  return value >= 100 ? whole(value) : value.toFixed(1);
}

export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(1, Math.round(milliseconds))} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.floor(milliseconds / 60_000)} min ${Math.round((milliseconds % 60_000) / 1000)} s`;
}

// A token with its blanks made visible.
export const visibleToken = (text: string) => text.replace(/\n/g, '⏎').replace(/\t/g, '⇥').replace(/^ +| +$/g, (blanks) => '·'.repeat(blanks.length)) || words.endToken;
