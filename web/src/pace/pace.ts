// Numbers of an answer, from what the server said about its passes.
import type { Pass, Run, Timings } from '../chat/types';

export interface Position {
  drafted: number;
  accepted: number;
}

export interface Pace {
  passes: number;
  tokens: number;
  tokensPerPass: number;
  drafted: number;
  accepted: number;
  positions: Position[]; // of the head's drafts
  drafting: number; // passes that had any draft
  tokensPerSecond: number | null;
  promptPerSecond: number | null;
  promptTokens: number;
  cachedTokens: number;
  firstTokenMs: number | null;
  live: boolean;
}

export function speedOf(timings: Timings | null): number | null {
  // The first token comes out of the prompt's pass; the time is that of the others.
  return timings && timings.predicted_ms > 0 && timings.predicted_n > 1 ? ((timings.predicted_n - 1) * 1000) / timings.predicted_ms : null;
}

// Counts of the head's drafts by position in the round: the server's at the end, those of the passes so far before that.
function positionsOf(run: Run): Position[] {
  if (run.speculation) return run.speculation.drafted.map((drafted, i) => ({ drafted, accepted: run.speculation!.accepted[i]! }));
  const positions: Position[] = [];
  for (const pass of run.passes)
    pass.drafted.slice(0, pass.drafted.length - (pass.copied ?? 0)).forEach((_, i) => {
      positions[i] ??= { drafted: 0, accepted: 0 };
      positions[i].drafted += 1;
      positions[i].accepted += i < pass.accepted ? 1 : 0;
    });
  return positions;
}

// Copied from the text: how many, and how many of them were right.
function copiesOf(run: Run): Position {
  if (run.speculation) return { drafted: run.speculation.copied ?? 0, accepted: run.speculation.copied_accepted ?? 0 };
  const copies = { drafted: 0, accepted: 0 };
  for (const pass of run.passes) {
    const copied = pass.copied ?? 0;
    copies.drafted += copied;
    copies.accepted += Math.max(0, pass.accepted - (pass.drafted.length - copied));
  }
  return copies;
}

function addPositions(into: Position[], more: Position[]) {
  more.forEach((position, i) => {
    into[i] ??= { drafted: 0, accepted: 0 };
    into[i].drafted += position.drafted;
    into[i].accepted += position.accepted;
  });
}

export interface Row {
  pass: Pass;
  kind: 'prompt' | 'pass' | 'end';
}

// The rows of the lanes. The first token comes out of the prompt's pass, which the server does not count; a last pass that settled nothing
// but the end of the answer is counted and not streamed.
export function rowsOf(run: Run): Row[] {
  const rows: Row[] = run.passes.map((pass, i) => ({ pass, kind: i === 0 ? 'prompt' : 'pass' }));
  const end: Pass = { drafted: [], copied: 0, accepted: 0, tokens: [''], fromDraft: [false] };
  if (run.speculation && run.speculation.passes >= run.passes.length && run.passes.length > 0) rows.push({ pass: end, kind: 'end' });
  return rows;
}

export function paceOf(runs: readonly Run[], live: boolean): Pace {
  const pace: Pace = {
    passes: 0, tokens: 0, tokensPerPass: 0, drafted: 0, accepted: 0, positions: [], drafting: 0, tokensPerSecond: null, promptPerSecond: null,
    promptTokens: 0, cachedTokens: 0, firstTokenMs: null, live,
  };
  let timed = 0;
  let milliseconds = 0;
  for (const run of runs) {
    // While it is written, what has come counts: the server is ahead of it. The prompt's own pass does not, as at the end.
    const seen = run.passes.reduce((sum, pass) => sum + pass.tokens.length, 0);
    pace.passes += run.speculation?.passes ?? Math.max(run.passes.length - 1, 0);
    pace.tokens += (run.speculation && run.timings?.predicted_n) ?? seen;
    addPositions(pace.positions, positionsOf(run));
    const copies = copiesOf(run);
    pace.drafted += copies.drafted;
    pace.accepted += copies.accepted;
    pace.drafting += run.passes.filter((pass) => pass.drafted.length > 0).length;
    if (!run.timings) continue;
    timed += Math.max(run.timings.predicted_n - 1, 0);
    milliseconds += run.timings.predicted_ms;
  }
  const first = runs[0];
  if (first?.timings) {
    pace.promptTokens = first.timings.prompt_n + first.timings.cache_n;
    pace.cachedTokens = first.timings.cache_n;
    pace.promptPerSecond = first.timings.prompt_ms > 0 ? (first.timings.prompt_n * 1000) / first.timings.prompt_ms : null;
  }
  pace.firstTokenMs = first?.firstTokenMs ?? null;
  pace.tokensPerSecond = milliseconds > 0 && timed > 0 ? (timed * 1000) / milliseconds : null;
  pace.tokensPerPass = pace.passes > 0 ? pace.tokens / pace.passes : 0;
  pace.drafted += pace.positions.reduce((sum, position) => sum + position.drafted, 0);
  pace.accepted += pace.positions.reduce((sum, position) => sum + position.accepted, 0);
  return pace;
}
