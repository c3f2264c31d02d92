// Writing piece by piece ends as all at once, and what is finished is left alone meanwhile.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { launch } from './browser.js';
import { startHarness } from './harness.js';
import { documents } from './long.js';

const sample = readFileSync(new URL('sample.md', import.meta.url), 'utf8');
const lines = (count, line) => Array.from({ length: count }, (_, i) => line(i)).join('');
let harness, browser, page;

before(async () => {
  harness = await startHarness();
  browser = await launch();
  page = await browser.newPage();
  await page.goto(harness.url);
  await page.waitForFunction(() => window.show);
});
after(async () => {
  await browser.close();
  await harness.stop();
});

// Runs in the page: where the text, shown as it grows by `steps`, ends differently from the text shown at once.
async function differences({ text, steps }) {
  const main = document.querySelector('main');
  const shown = async (given, writing) => (await window.show(given, writing), main.innerHTML);
  await shown('', false);
  const whole = await shown(text, false);
  const different = [];
  for (const step of steps) {
    await shown('', false);
    for (let end = step; end < text.length; end += step) await window.show(text.slice(0, end), true);
    if ((await shown(text, false)) !== whole) different.push(step);
  }
  // Stopped in the middle, and gone on with
  await shown('', false);
  await shown(text.slice(0, text.length / 2), false);
  await shown(text.slice(0, (text.length * 3) / 4), true);
  if ((await shown(text, false)) !== whole) different.push('stopped');
  return { different, whole };
}

test('a text that comes in pieces is shown as the whole', async () => {
  const result = await page.evaluate(differences, { text: sample, steps: [1, 7, 64] });
  assert.deepEqual(result.different, []);
  for (const part of ['<table', '<math', 'hljs-keyword', '<ol', 'display-math', '☑', '<blockquote', '<h3', 'href="https://example.org/later"']) assert.ok(result.whole.includes(part), part);
});

test('long lists, tables and code that come in pieces are shown as the whole', async () => {
  const texts = {
    tight: `Before\n\n${lines(20, (i) => `- item ${i} with *weight*\n`)}\nAfter`,
    loose: lines(14, (i) => `${i + 3}) item ${i}\n\n   more of it\n\n`),
    'loose at the end': `${lines(12, (i) => `* item ${i}\n  over two lines\n`)}\n* apart\n`,
    'loose in the middle': `${lines(9, (i) => `+ item ${i}\n`)}\n${lines(9, (i) => `+ item ${i}\n`)}`,
    nested: lines(12, (i) => `${i + 1}. item\n   - in it\n     - deeper ${i}\n\n       \`\`\`js\n       const a = ${i};\n       \`\`\`\n   - and\n`),
    tasks: lines(14, (i) => `- [${i % 2 ? 'x' : ' '}] task ${i}\n`),
    'another list follows': `${lines(10, (i) => `- item ${i}\n`)}${lines(10, (i) => `+ item ${i}\n`)}1. one\n2. two\n`,
    'a rule follows': `${lines(10, (i) => `- item ${i}\n`)}---\n${lines(10, (i) => `- item ${i}\n`)}text\n===\n`,
    'links defined later': `${lines(10, (i) => `- [this] and [that][THIS], ${i}\n`)}\nA [this] before.\n\n[this]: https://example.org/this\n\n${lines(8, (i) => `- [this] ${i}\n`)}\n> [other]\n\n[other]: https://example.org/other "Title"\n`,
    table: `| a | b |\n|:--|--:|\n${lines(40, (i) => `| \`${i}\` | $x_${i}$ and **b** | too many |\n`)}| short |\n\nAfter | it\n`,
    'a list after a table': `a | b\n--|--\n${lines(20, (i) => `${i} | [x]\n`)}- item\n\n[x]: https://example.org/x\n`,
    python: `\`\`\`python\n${lines(25, (i) => `def f${i}(x: int) -> str:\n    """Says ${i},\n    over lines.\n    """\n    return f"{x + ${i}}"  # so\n\n`)}\`\`\`\n`,
    'a long comment': `\`\`\`cpp\n/* ${lines(120, (i) => `line ${i} of it\n`)}*/\nint x = 1;\n\`\`\`\nAfter.`,
    'a comment without an end': `\`\`\`js\nconst a = 1; /* ${lines(1500, (i) => `line ${i} of it\n`)}`,
    html: `\`\`\`html\n<style>\n${lines(30, (i) => `.a${i} { color: #00${i}0; }\n`)}</style>\n<b class="x">text</b>\n<script>\n${lines(40, (i) => `const a${i} = \`text \${${i}}\`;\n`)}</script>\n<p>\n\`\`\``,
    'one long line': `\`\`\`json\n[${lines(300, (i) => `{"a": ${i}}, `)}]\n\`\`\``,
    'no language': `\`\`\`\n${lines(60, (i) => `line ${i}, and no colours\n`)}\`\`\`\n\n${lines(30, (i) => `    indented ${i}\n`)}`,
    windows: lines(20, (i) => `- item ${i}\r\n`) + '\r\n```c++\r\nint a;\r\n```\r\n',
  };
  const wrong = [];
  for (const [name, text] of Object.entries(texts)) {
    const { different } = await page.evaluate(differences, { text, steps: text.length > 5000 ? [97, 1000] : [3, 31, 200] });
    if (different.length > 0) wrong.push(`${name}: ${different}`);
  }
  assert.deepEqual(wrong, []);
});

// Documents of pieces that are easily taken for something else while only half of them is there.
function randomDocuments(count) {
  let seed = 1;
  const random = (n) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor(seed / 65536) % n;
  };
  const code = ['const a = "x"; // c', '/* open', 'close */', 'def f(x): """doc', '<script>', '</script>', '', '{"a": [1, 2]}', '`t ${a}`'];
  const some = (line) => lines(3 + random(12), line) + (random(2) ? '\n' : '');
  const parts = [
    () => 'A paragraph with *a* [ref] and `code` and $x_1$.\n\n', () => `# H ${random(9)}\n`, () => 'Setext\n---\n', () => '> quote\n> more\n\n', () => '---\n',
    () => some((i) => `- item ${i}${random(4) ? '' : '\n  more'}${random(5) ? '' : '\n\n  para'}\n${random(6) ? '' : '\n'}`),
    () => some((i) => `${i + 1}. item [ref]\n${random(5) ? '' : '   - sub\n     text\n'}${random(6) ? '' : '\n'}`),
    () => `| a | b |\n|---|:-:|\n${some((i) => `| ${i} | \`x|y\` |\n`)}`,
    () => `\`\`\`${['js', 'python', 'html', '', 'json', 'nope'][random(6)]}\n${lines(random(60), () => `${code[random(code.length)]}\n`)}\`\`\`\n`,
    () => '[ref]: https://example.org/x\n', () => '\n', () => '1', () => '    indented\n    code\n', () => '$$\na^2\n\n+ b\n$$\n', () => '- [ ] t\n- [x] u\n', () => '\\[ x \\]\n',
    () => 'text\n1) not\n', () => '* ', () => '  - deep\n', () => '~~~\nopen fence\n', () => '<b>x</b>\n', () => '**bold\nover lines**\n', () => '    - x\n',
  ];
  return Array.from({ length: count }, () => ({ text: lines(2 + random(9), () => parts[random(parts.length)]()), steps: [1 + random(20)] }));
}

test('texts put together at random are shown the same in pieces and as a whole', async () => {
  const wrong = [];
  for (const document of randomDocuments(120)) if ((await page.evaluate(differences, document)).different.length > 0) wrong.push(document);
  assert.deepEqual(wrong, []);
});

test('answers of 50 KB are shown whole when they come at once, and the same when they come in pieces', async () => {
  for (const name of ['mixed', 'loose', 'table', 'cpp']) {
    const text = documents[name];
    const { different, whole } = await page.evaluate(differences, { text, steps: [2500] });
    assert.deepEqual(different, [], name);
    assert.ok(whole.length > text.length, name);
  }
});

test('only the end of a long list, table or code is touched while it grows', async () => {
  for (const name of ['list', 'loose', 'table', 'cpp', 'json']) {
    const changed = await page.evaluate(async (text) => {
      // Each parse waits for a while after the last one.
      const settled = async () => {
        for (let before = -1, now = 0; before !== now; now = document.querySelector('main').innerHTML.length) {
          before = now;
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
      };
      await window.show('', false);
      await window.show(text.slice(0, -4000), true);
      await settled();
      const parts = [...document.querySelectorAll('main .block > * > li, main tbody, main .lines')];
      const finished = parts.slice(0, -4);
      const records = [];
      const observer = new MutationObserver((list) => records.push(...list));
      for (const part of finished) observer.observe(part, { subtree: true, childList: true, characterData: true, attributes: true });
      for (let end = text.length - 4000; end < text.length; end += 40) await window.show(text.slice(0, end), true);
      await settled();
      records.push(...observer.takeRecords());
      return { finished: finished.filter((part) => part.isConnected).length, records: records.length };
    }, documents[name].slice(0, 12_000));
    assert.ok(changed.finished >= 5, `${name}: ${changed.finished}`);
    assert.equal(changed.records, 0, name);
  }
});

test('code that is selected is copied as it was written', async () => {
  const code = lines(60, (i) => `for (let i = 0; i < ${i}; ++i) {\n\n  sum += i; // so\n}\n`);
  await page.evaluate((given) => window.show(given, false), `\`\`\`js\n${code}\`\`\``);
  const selected = await page.evaluate(() => {
    const selection = getSelection();
    selection.selectAllChildren(document.querySelector('main code'));
    const text = selection.toString();
    selection.removeAllRanges();
    return { text, whole: document.querySelector('main code').textContent, parts: document.querySelectorAll('main .lines').length };
  });
  assert.ok(selected.parts > 3);
  assert.equal(selected.whole, code.trimEnd());
  assert.equal(selected.text.trimEnd(), code.trimEnd());
});

test('finished blocks are left alone while more comes', async () => {
  const changed = await page.evaluate(async (text) => {
    await window.show('', false);
    await window.show(text, true);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const records = [];
    const blocks = [...document.querySelectorAll('main .block')].slice(0, -1);
    const observer = new MutationObserver((list) => records.push(...list));
    for (const block of blocks) observer.observe(block, { subtree: true, childList: true, characterData: true });
    await window.show(`${text} more`, true);
    await window.show(`${text} more and more`, true);
    await new Promise((resolve) => setTimeout(resolve, 200));
    records.push(...observer.takeRecords());
    return { blocks: blocks.length, changes: records.length, text: document.querySelector('main').textContent.includes('more and more') };
  }, sample);
  assert.ok(changed.blocks > 10 && changed.text);
  assert.equal(changed.changes, 0);
});
