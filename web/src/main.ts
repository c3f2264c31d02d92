import { mount } from 'svelte';

import App from './App.svelte';
import './style/accents.css';
import './style/base.css';
import './style/text.css';

// From its sources, the page has no scripts that lie ready.
if (import.meta.env.DEV) {
  const [code, markdown, math] = await Promise.all([import('./text/libraries/code'), import('./text/libraries/markdown'), import('./text/libraries/math')]);
  globalThis.pacelineLibraries = { code, markdown, math };
}

mount(App, { target: document.getElementById('app')! });
