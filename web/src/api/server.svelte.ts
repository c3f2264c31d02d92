// What the page knows of the server: whether it is there, its model, its defaults.
import { ApiError, apiKey, callJson } from './client';
import type { Sampling } from '../chat/types';

interface Props {
  default_generation_settings: { n_ctx: number; speculative: boolean; params: Sampling & { n_predict: number } };
  total_slots: number;
  model_alias: string;
  chat_template: string;
  build_info: string;
}

class Server {
  state = $state<'connecting' | 'ready' | 'lost' | 'locked'>('connecting');
  model = $state('');
  context = $state(0);
  slots = $state(0);
  drafts = $state(false);
  canThink = $state(false);
  version = $state('');
  defaults = $state.raw<Sampling>({});
  keyRefused = $state(false);
  keyDismissed = $state(false); // the question for a key was, and comes again only when its answer is needed
  private watching = false;

  async load() {
    try {
      const props = await callJson<Props>('/props');
      const settings = props.default_generation_settings;
      this.model = props.model_alias;
      this.context = settings.n_ctx;
      this.slots = props.total_slots;
      this.drafts = settings.speculative;
      this.canThink = props.chat_template.includes('enable_thinking');
      this.version = props.build_info;
      if (JSON.stringify(this.defaults) !== JSON.stringify(settings.params)) this.defaults = settings.params;
      this.state = 'ready';
    } catch (error) {
      this.note(error);
    }
    this.watch();
  }

  // What a failed request says about the server.
  note(error: unknown) {
    if (error instanceof ApiError && error.status === 401) {
      this.state = 'locked';
      this.keyRefused = apiKey.get() !== '';
    } else if (!(error instanceof ApiError) || error.status === 0) this.state = 'lost';
  }

  // Asks now and then whether it is still there and the same; often while it is not there, and at once when the page comes into sight.
  private watch() {
    if (this.watching) return;
    this.watching = true;
    let timer = 0;
    const ask = async () => {
      window.clearTimeout(timer);
      if (document.visibilityState === 'visible') await this.load();
      window.clearTimeout(timer);
      timer = window.setTimeout(ask, this.state === 'lost' ? 2_000 : 20_000);
    };
    document.addEventListener('visibilitychange', ask);
    timer = window.setTimeout(ask, this.state === 'lost' ? 2_000 : 20_000);
  }

  get asksForKey(): boolean {
    return this.state === 'locked' && !this.keyDismissed;
  }

  useKey(key: string) {
    apiKey.set(key);
    this.state = 'connecting';
    void this.load();
  }

  get isDemo(): boolean {
    return this.model === 'paceline-demo';
  }
}

export const server = new Server();
