import { mount } from 'svelte';

import App from './App.svelte';
import './style/base.css';
import './style/text.css';

mount(App, { target: document.getElementById('app')! });
