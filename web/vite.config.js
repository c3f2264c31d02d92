import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

import { singleFile } from './single_file.js';

const folder = process.env.PACELINE_PAGE_FOLDER ?? '../build/page';
const server = process.env.PACELINE_SERVER ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte(), singleFile(folder)],
  build: {
    outDir: folder,
    emptyOutDir: false,
    modulePreload: false,
    target: 'es2022',
    assetsInlineLimit: 1e6,
    cssCodeSplit: false,
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  // scripts/page dev: the page from its sources, the rest from a running `paceline serve`.
  server: { proxy: Object.fromEntries(['/v1', '/props', '/health', '/slots', '/tokenize', '/apply-template', '/completion'].map((path) => [path, server])) },
});
