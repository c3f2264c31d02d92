// Builds web/harness as the page is built, and serves it under the same policy.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
export const web = fileURLToPath(new URL('../../web/', import.meta.url));
const load = (path) => import(pathToFileURL(join(web, path)));

// The page in `root`, and the policy that goes with it.
export async function buildPage(root) {
  const folder = mkdtempSync(join(here, 'node_modules', 'built-'));
  const { build } = await load('node_modules/vite/dist/node/index.js');
  const { svelte } = await load('node_modules/@sveltejs/vite-plugin-svelte/src/index.js');
  const { singleFile } = await load('single_file.js');
  const { default: config } = await load('vite.config.js');
  await build({ ...config, configFile: false, root, logLevel: 'error', plugins: [svelte({ configFile: false }), singleFile(folder)], build: { ...config.build, outDir: folder } });
  const built = { html: readFileSync(join(folder, 'page.html'), 'utf8'), policy: readFileSync(join(folder, 'page.policy'), 'utf8').trim() };
  rmSync(folder, { recursive: true });
  return built;
}

export async function startHarness() {
  const { html, policy } = await buildPage(join(web, 'harness'));
  const server = http.createServer((request, response) => {
    const isPage = request.url === '/';
    response.writeHead(isPage ? 200 : 204, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy });
    response.end(isPage ? html : '');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => new Promise((resolve) => server.close(resolve)) };
}
