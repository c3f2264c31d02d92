import { mount } from 'svelte';

import App from './App.svelte';
import './style/base.css';
import './style/text.css';

// From its sources, the page has no script that lies ready.
if (import.meta.env.DEV) globalThis.pacelineLibraries = await import('./text/libraries');

mount(App, { target: document.getElementById('app')! });
