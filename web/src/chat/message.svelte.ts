// One message. Its text is state of the page; the passes behind it are plain data, announced by `pulse`, since there are thousands.
import type { MessageRecord, PlainRun, PromptProgress, Role, Run, SpeculationMode, State, StreamPlace, TextFile } from './types';

export const newId = () => crypto.getRandomValues(new Uint32Array(3)).join('-');

export class Message {
  id: string;
  parent: string | null;
  role: Role;
  created: number;
  text = $state('');
  thinking = $state('');
  thinkingMs = $state(0);
  thinks = $state(false); // thinking was asked for
  state = $state<State>('done');
  error = $state('');
  files = $state.raw<TextFile[]>([]);
  model = '';
  seed: number | null = null;
  mode = $state<SpeculationMode>('auto');
  runs = $state.raw<Run[]>([]);
  plain = $state.raw<PlainRun | null>(null);
  stream: StreamPlace | null = null;
  progress = $state.raw<PromptProgress | null>(null);
  pulse = $state(0);
  reconnecting = $state(false);

  constructor(role: Role, parent: string | null) {
    this.id = newId();
    this.role = role;
    this.parent = parent;
    this.created = Date.now();
  }

  static of(record: MessageRecord): Message {
    const message = new Message(record.role, record.parent);
    return Object.assign(message, structuredClone(record));
  }

  record(): MessageRecord {
    const { id, parent, role, created, text, thinking, thinkingMs, thinks, state, error, files, model, seed, mode, plain } = this;
    // What grows in place is copied: it goes to the database a moment later, when there may be more of it than of the text.
    const runs = this.runs.map((run) => ({ ...run, passes: [...run.passes] }));
    const stream = this.stream && { ...this.stream };
    return { id, parent, role, created, text, thinking, thinkingMs, thinks, state, error, files, model, seed, mode, runs, plain, stream };
  }

  // Something in it is another one whenever the message has changed.
  get marks(): readonly unknown[] {
    return [this.text, this.thinking, this.state, this.error, this.files, this.seed, this.runs, this.plain, this.stream, this.pulse];
  }

  // Is given what another tab has made of it.
  adopt(record: MessageRecord) {
    if (JSON.stringify(record) === JSON.stringify(this.record())) return; // leaves what is shown alone
    Object.assign(this, structuredClone(record));
    this.pulse += 1;
  }

  get isWriting(): boolean {
    return this.state === 'writing';
  }
}
