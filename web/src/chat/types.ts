// What a conversation is made of, as it is kept in the browser and written to files.

export interface Timings {
  cache_n: number;
  prompt_n: number;
  prompt_ms: number;
  predicted_n: number;
  predicted_ms: number;
  draft_n: number;
  draft_n_accepted: number;
}

export interface PromptProgress {
  total: number;
  cache: number;
  processed: number;
  time_ms: number;
}

// Counts by position in the round, as the server gives them with the last chunk.
export interface Speculation {
  passes: number;
  tokens_per_pass: number;
  drafted: number[]; // by the head
  accepted: number[];
  copied?: number; // from the text
  copied_accepted?: number;
}

// One pass over the model's weights: what was guessed before it, how many of the guesses it confirmed, which tokens it settled.
export interface Pass {
  drafted: string[];
  copied?: number; // the last of them, from the text; the others are the head's
  accepted: number;
  tokens: string[];
  fromDraft: boolean[];
}

// One request's part of an answer; an answer that was stopped and continued has several.
export interface Run {
  mode: SpeculationMode;
  asked?: string; // a mark of the question and settings; of a first request
  passes: Pass[];
  timings: Timings | null;
  speculation: Speculation | null;
  firstTokenMs: number | null;
}

// The same answer once more without drafts, for comparison.
export interface PlainRun {
  timings: Timings;
  same: boolean;
}

export type SpeculationMode = 'auto' | 'off' | number;
export type Role = 'user' | 'assistant';
export type State = 'writing' | 'done' | 'stopped' | 'length' | 'failed';

export interface TextFile {
  name: string;
  text: string;
}

// Settings that differ from the server's own; what is absent is left to it.
export interface Sampling {
  temperature?: number;
  top_k?: number;
  top_p?: number;
  min_p?: number;
  repeat_penalty?: number;
  presence_penalty?: number;
  frequency_penalty?: number;
  max_tokens?: number;
  seed?: number;
}

export interface MessageRecord {
  id: string;
  parent: string | null;
  role: Role;
  created: number;
  text: string;
  thinking: string;
  thinkingMs: number;
  thinks: boolean;
  state: State;
  error: string;
  files: TextFile[];
  model: string;
  seed: number | null;
  mode: SpeculationMode;
  runs: Run[];
  plain: PlainRun | null;
  stream: StreamPlace | null;
}

// Where the server's copy of an answer under way can be picked up again.
export interface StreamPlace {
  id: string;
  next: number;
}

export interface ChatRecord {
  id: string;
  title: string;
  created: number;
  updated: number;
  pinned: boolean;
  system: string;
  sampling: Sampling;
  thinking: boolean;
  // Which child of a message is shown; the key of the first messages is "".
  chosen: Record<string, string>;
  messages: MessageRecord[];
}
