// The last step of the build: page.html with script and style inside, the same in gzip for the binary, and the Content-Security-Policy that
// lets exactly this script and this style run.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const notice = readFileSync(new URL('NOTICE', import.meta.url), 'utf8');

function policy(script, style) {
  return [
    "default-src 'none'",
    `script-src ${hash(script)}`,
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
  return {
    name: 'single-file',
    enforce: 'post',
    generateBundle(_, bundle) {
      const files = Object.values(bundle);
      const named = (end) => files.filter((file) => file.fileName.endsWith(end));
      if (named('.js').length !== 1 || named('.css').length !== 1) throw new Error('expected one script and one style');
      // Inside an HTML file these would end the script or start a comment; in strings and regular expressions "\x3C" is the same letter.
      const script = named('.js')[0].code.trim().replace(/<(?=\/script|!--)/gi, '\\x3C');
      const style = String(named('.css')[0].source).trim();
      const html = String(named('.html')[0].source)
        .replace(/\s*<script type="module"[^>]*><\/script>/, '')
        .replace(/\s*<link rel="stylesheet"[^>]*>/, '')
        .replace('<head>', () => `<!--\n${notice}-->\n<head>`)
        .replace('</head>', () => `<style>${style}</style></head>`)
        .replace('</body>', () => `<script type="module">${script}</script></body>`);
      for (const name of Object.keys(bundle)) delete bundle[name];
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'page.html'), html);
      writeFileSync(join(folder, 'page.policy'), policy(script, style) + '\n');
      writeFileSync(join(folder, 'page.html.gz'), gzipSync(html, { level: 9 }));
    },
  };
}
