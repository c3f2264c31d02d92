import { mount } from 'svelte';

import Harness from './Harness.svelte';
import '../src/style/accents.css';
import '../src/style/base.css';
import '../src/style/text.css';

mount(Harness, { target: document.body });
