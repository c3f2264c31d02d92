// Long answers of several kinds, for looking at how evenly the page draws them.
import { readFileSync } from 'node:fs';

const sample = readFileSync(new URL('sample.md', import.meta.url), 'utf8');

const sentence = 'A pass over the weights costs the same whether it confirms one token or five, so what a guess **saves** is a whole pass, `p × t` of it. ';

const python = (n) => `
class Window${n}(Generic[T]):
    """Keeps the last values, and their sum.

    What falls out of it is subtracted, so asking is cheap.
    """

    def __init__(self, size: int = ${n + 2}) -> None:
        self.size, self.values, self.total = size, deque(), 0.0

    def add(self, value: float) -> float:
        self.values.append(value)
        self.total += value  # not yet divided
        if len(self.values) > self.size:
            self.total -= self.values.popleft()
        return self.total / len(self.values) if self.values else float("nan")

    @property
    def mean(self) -> str:
        return f"{self.total / max(1, len(self.values)):.${n % 5}f} of {self.size!r}"
`;

const cpp = (n) => `
template <typename Value, std::size_t kSize = ${n + 4}>
class Ring${n} {
 public:
  // Overwrites the oldest one when it is full.
  void push(Value value) noexcept(std::is_nothrow_move_assignable_v<Value>) {
    values_[next_] = std::move(value);
    next_ = (next_ + 1) % kSize;
    if (count_ < kSize) ++count_;
  }
  [[nodiscard]] const Value& operator[](std::size_t i) const { return values_[(next_ + kSize - count_ + i) % kSize]; }

 private:
  std::array<Value, kSize> values_{};
  std::size_t next_ = 0, count_ = 0;  /* both below kSize, "always" */
};
`;

const script = (n) => `
export async function* lines${n}(response: Response, limit = ${n * 100 + 10}): AsyncGenerator<string> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = '';
  for (let count = 0; count < limit; ++count) {
    const { done, value } = await reader.read();
    if (done) return;
    waiting += value;
    yield* waiting.split(/\\r?\\n/).map((line) => \`\${count}: \${line.trim()}\`);
  }
}
`;

const shell = (n) => `
#!/bin/bash
set -euo pipefail
for file in "$HOME"/logs/*.${n}.log; do
  [[ -s $file ]] || continue   # nothing in it
  printf '%s\\t%d\\n' "$(basename "$file" .log)" "$(grep -c 'error: ' "$file" || true)"
done | sort -k2,2nr | head -n ${n + 3}
`;

const query = (n) => `
-- What each customer spent in month ${n % 12 + 1}
SELECT c.name, COUNT(*) AS orders, SUM(o.total) AS spent
FROM customers AS c JOIN orders AS o ON o.customer_id = c.id
WHERE o.placed_at >= '2026-0${n % 9 + 1}-01' AND o.state IN ('paid', 'sent')
GROUP BY c.name HAVING SUM(o.total) > ${n * 10} ORDER BY spent DESC LIMIT 20;
`;

const fence = (language, code) => `\`\`\`${language}${code}\`\`\`\n\n`;

const table = (n, rows) =>
  `| name | passes | accepted | remark |\n|:-----|-------:|:--------:|--------|\n${Array.from({ length: rows }, (_, i) => `| \`row-${n}-${i}\` | ${i * 37 % 101} | **${i * 13 % 100} %** | seen ${i} times, costs $${i} |\n`).join('')}\n`;

const list = (n, items) =>
  Array.from({ length: items }, (_, i) => `${i + 1}. Item ${n}.${i} with **weight**, \`code_${i}\` and [a link](https://example.org/${i})\n   - under it, $x_{${i}}^2 + y$ is a formula\n   - and a second one\n`).join('') + '\n';

const maths = (n) => `The sum is $\\sum_{k=1}^{${n + 2}} k = \\frac{${n + 2} \\cdot ${n + 3}}{2}$, and so

$$
\\int_0^{${n + 1}} \\frac{x^2 + ${n}x}{\\sqrt{1 + x^2}} \\, dx \\le \\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix} \\cdot \\lim_{m \\to \\infty} \\prod_{i=1}^m \\left(1 + \\frac{\\alpha_i}{m}\\right)
$$

`;

const upTo = (length, part) => {
  let text = '';
  for (let n = 0; text.length < length; ++n) text += part(n);
  return text;
};

const chapter = (n) =>
  `## Chapter ${n}: what a pass costs\n\n${sentence.repeat(9)}\n\n${list(n, 6)}${fence('python', python(n))}${sentence.repeat(4)}[later]\n\n${table(n, 12)}${maths(n)}` +
  `### More code\n\n${fence('cpp', cpp(n))}> ${sentence.repeat(2)}\n\n${fence('typescript', script(n))}- [ ] to do\n- [x] done\n\n${fence('bash', shell(n))}${fence('sql', query(n))}***\n\n`;

const length = 50_000;

export const documents = {
  sample: upTo(length, () => `${sample}\n\n`),
  mixed: `${upTo(length, chapter)}[later]: https://example.org/later\n`,
  code: fence('python', upTo(length, python)),
  cpp: fence('cpp', upTo(length, cpp)),
  json: fence('json', `\n{\n  "rows": [\n${upTo(length, (n) => `    { "id": ${n}, "name": "row ${n}", "share": ${n / 7}, "tags": ["a", "b\\n"], "ok": ${n % 2 === 0} },\n`)}  ]\n}\n`),
  table: table(0, 850),
  list: list(0, 330),
  loose: list(0, 330).replace(/\n(?=\d)/g, '\n\n'),
  paragraph: sentence.repeat(length / sentence.length),
};

export const pieces = (text) => text.match(/[\s\S]{1,14}/g);
