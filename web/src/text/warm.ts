// Reads a little of everything while nobody waits: what runs for the first time runs slowly, and that would be when an answer begins.
import { library } from './lazy';
import { lex, noLinks } from './markdown';
import { renderTokens } from './render';

const samples = [
  'A *few* **words**, `code`, a [link](https://example.org), ~~not~~ this, and 5 < 6.\n\n## A heading\n\n> words\n> of others\n',
  '1. one\n2. two\n   - with one in it\n\n   and more\n\n- [x] done\n',
  '| a | b |\n|:--|--:|\n| `1` | **2** |\n',
  'So $a_1 + b^2 = \\frac{c}{d}$.\n\n$$\n\\sum_{i=1}^n \\left( i \\right)\n$$\n',
  '```python\ndef f(x: int) -> str:\n    """Says it."""\n    return f"{x}" if x > 0 else None  # so\n```\n',
  '```js\nconst f = (a) => `${a + 1}` ?? null; // so\n```\n',
];

const whenIdle = (work: () => void) => ('requestIdleCallback' in window ? requestIdleCallback(work) : setTimeout(work, 50));

// Once through style and layout, too: fonts are looked for when they are first needed.
function show(sample: string) {
  const hidden = document.createElement('div');
  hidden.className = 'prose off-screen';
  hidden.append(renderTokens(lex(sample, noLinks()), sample));
  document.body.append(hidden);
  void hidden.offsetHeight;
  hidden.remove();
}

export function warmUp() {
  const steps = [
    () => library('markdown'), () => library('code'), () => library('math'),
    ...samples.map((sample) => () => show(sample)),
  ];
  const next = () => {
    steps.shift()?.();
    if (steps.length > 0) whenIdle(next);
  };
  whenIdle(next);
}
