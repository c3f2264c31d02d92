// The last step of the build: page.html with scripts and style inside, the same in gzip for the binary, and the Content-Security-Policy that
// lets exactly these scripts and this style run.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'vite';

const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const notice = readFileSync(new URL('NOTICE', import.meta.url), 'utf8');

// Inside an HTML file these would end the script or start a comment; in strings and regular expressions "\x3C" is the same letter.
const inHtml = (code) => code.trim().replace(/<(?=\/script|!--)/gi, '\\x3C');

const folderOfLibraries = new URL('src/text/libraries/', import.meta.url);

// Each file of src/text/libraries/ as one script, for src/text/lazy.ts to run.
async function libraries({ minify, target }) {
  const names = readdirSync(folderOfLibraries).map((file) => file.replace(/\.ts$/, '')).sort();
  const codes = names.map(async (name) => {
    const lib = { entry: fileURLToPath(new URL(`${name}.ts`, folderOfLibraries)), name: 'library', formats: ['iife'], fileName: name };
    const [{ output }] = await build({ configFile: false, logLevel: 'error', define: { 'process.env.NODE_ENV': '"production"' }, build: { write: false, minify, target, lib } });
    return { name, code: inHtml(`(() => {${output[0].code};pacelineLibraries.${name} = library})()`) };
  });
  return Promise.all(codes);
}

function policy(scripts, style) {
  return [
    "default-src 'none'",
    `script-src ${scripts.map(hash).join(' ')}`,
    `style-src ${hash(style)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

// Vite's chunks and assets are emptied out of the bundle: `folder` gets the three files instead.
export function singleFile(folder) {
  let options;
  return {
    name: 'single-file',
    enforce: 'post',
    configResolved({ build }) {
      options = build;
    },
    async generateBundle(_, bundle) {
      const files = Object.values(bundle);
      const named = (end) => files.filter((file) => file.fileName.endsWith(end));
      if (named('.js').length !== 1 || named('.css').length !== 1) throw new Error('expected one script and one style');
      const script = inHtml(named('.js')[0].code);
      const later = await libraries(options);
      const style = String(named('.css')[0].source).trim();
      const html = String(named('.html')[0].source)
        .replace(/\s*<script type="module"[^>]*><\/script>/, '')
        .replace(/\s*<link rel="stylesheet"[^>]*>/, '')
        .replace('<head>', () => `<!--\n${notice}-->\n<head>`)
        .replace('</head>', () => `<style>${style}</style></head>`)
        .replace('</body>', () => `<script type="module">${script}</script>${later.map(({ name, code }) => `<script type="text/plain" id="library-${name}">${code}</script>`).join('')}</body>`);
      for (const name of Object.keys(bundle)) delete bundle[name];
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'page.html'), html);
      writeFileSync(join(folder, 'page.policy'), policy([script, ...later.map(({ code }) => code)], style) + '\n');
      writeFileSync(join(folder, 'page.html.gz'), gzipSync(html, { level: 9 }));
    },
  };
}
