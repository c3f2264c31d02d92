"""The demonstration: the shipped model answers three prompts, and a synthetic model of real size shows the speed. Each text is generated
twice, plain and with multi-token prediction, and the two must be equal token for token.

Run by scripts/demo, which builds build/paceline first."""

import hashlib
import json
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACELINE = ROOT / 'build/paceline'
SHIPPED_MODEL = ROOT / 'models/paceline-demo.gguf'
CACHE = ROOT / 'build/demo'

PROMPTS = [
    'write a Python function that computes the nth Fibonacci number using memoization, just the code',
    'find the 5 largest files in /var/log',
    'A bag has 4 red and 6 blue marbles; you draw two without replacement; what is the probability both are blue?',
]
# ChatML with thinking switched off, as the shipped model's template renders one user message.
CHAT = '<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n'

SYNTHETIC = ['--shape', '0.8B', '--type', 'Q4_K_M', '--accept', '0.7', '--seed', '1']
SYNTHETIC_PROMPT = 'The riders take turns at the front.'
SYNTHETIC_TOKENS = 128
SPEED_RUNS = 3  # plain and drafted in turns; the median of each counts
FEWEST_DRAFTS = 10  # below that a share says nothing


def run_paceline(arguments, quiet=True):
    """Standard output of a command; its own messages are shown only when it fails, or live when not quiet."""
    result = subprocess.run([PACELINE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE if quiet else None, check=False)
    if result.returncode != 0:
        if quiet:
            sys.stderr.buffer.write(result.stderr)
        sys.exit(f'demo: paceline {arguments[0]} ended with status {result.returncode}')
    return result.stdout


def complete(model, prompt, limit, mtp, flags=()):
    output = run_paceline(['complete', '-m', str(model), '-p', prompt, '-n', str(limit), '--temp', '0', '--seed', '1', '--mtp', mtp,
                           '--json', *flags])
    return json.loads(output)


def compare(model, prompt, limit, flags=()):
    """(plain, with MTP) reports of one prompt; ends the demonstration when they are not the same text."""
    plain, drafted = (complete(model, prompt, limit, mtp, flags) for mtp in ('off', 'auto'))
    if plain['ids'] != drafted['ids'] or plain['text'] != drafted['text']:
        sys.exit(f'demo: the texts differ, which must never happen:\n{plain["text"]!r}\n{drafted["text"]!r}')
    if not plain['ids']:
        sys.exit('demo: nothing was generated')
    return plain, drafted


def acceptance(reports):
    """Shares of drafts accepted, by position in a round, over several reports."""
    drafted = [sum(counts) for counts in zip(*(report['drafted'] for report in reports))]
    accepted = [sum(counts) for counts in zip(*(report['accepted'] for report in reports))]
    shares = [f'{100 * yes / all_:.0f} %' for yes, all_ in zip(accepted, drafted) if all_ >= FEWEST_DRAFTS]
    return ', '.join(shares) if shares else 'too few drafts to say'


def show_shipped_model():
    size_mb = SHIPPED_MODEL.stat().st_size / 1e6
    print(f'\n== The model in the box: {SHIPPED_MODEL.relative_to(ROOT)}, {size_mb:.1f} MB, trained for three small jobs\n')
    reports = []
    for prompt in PROMPTS:
        print(f'> {prompt}\n', flush=True)
        _, drafted = compare(SHIPPED_MODEL, CHAT.format(prompt), 400)
        reports.append(drafted)
        print('\n'.join('  ' + line for line in drafted['text'].strip().split('\n')))
        print(f'\n  Plain and with MTP: the same {len(drafted["ids"])} tokens, {drafted["tokens_per_pass"]:.2f} of them per pass.\n')
    print(f'  Drafts accepted over the three, by position: {acceptance(reports)}.\n')


def synthetic_model():
    """The file, made once: kept until the code that makes it changes."""
    CACHE.mkdir(parents=True, exist_ok=True)
    model, stamp = CACHE / 'synth-0.8B-Q4_K_M.gguf', CACHE / 'synth-0.8B-Q4_K_M.made-by'
    sources = sorted((ROOT / 'src/app/synth').glob('*.*')) + sorted((ROOT / 'src/quant').glob('*.*'))
    key = hashlib.sha256(b''.join(path.read_bytes() for path in sources) + ' '.join(SYNTHETIC).encode()).hexdigest()
    if model.exists() and stamp.exists() and stamp.read_text() == key:
        return model
    print('making a model of 0.8 billion parameters (kept in build/demo/ for the next time)', flush=True)
    run_paceline(['synth', *SYNTHETIC, '-o', str(model)], quiet=not sys.stderr.isatty())
    stamp.write_text(key)
    return model


def show_speed():
    print('== Speed: a synthetic model with the shape and size of Qwen3.5 0.8B in Q4_K_M. Its text means nothing; its work is real, and its\n'
          '   draft head is made to be right in 70 % of cases, about what real heads reach on code.\n', flush=True)
    model = synthetic_model()
    runs = [compare(model, SYNTHETIC_PROMPT, SYNTHETIC_TOKENS, ['--ignore-eos']) for _ in range(SPEED_RUNS)]
    before, after = (statistics.median(run[kind]['timings']['tokens_per_s'] for run in runs) for kind in (0, 1))
    reports = [drafted for _, drafted in runs]
    print(f'  plain      {before:7.1f} tokens/s')
    print(f'  with MTP   {after:7.1f} tokens/s   {after / before:.2f} times as fast (medians of {SPEED_RUNS} runs)')
    print(f'  Drafts accepted, by position: {acceptance(reports)}; '
          f'{statistics.median(report["tokens_per_pass"] for report in reports):.2f} tokens per pass over the weights.')
    print(f'  The same {SYNTHETIC_TOKENS} tokens each time, checked one by one.')
    print(f'  {reports[0]["device"]}')


def show_table():
    chart = CACHE / 'speed.svg'
    CACHE.mkdir(parents=True, exist_ok=True)
    print('\n== Every mode on five everyday tasks, the model in the box (paceline bench)\n', flush=True)
    print(run_paceline(['bench', '-m', str(SHIPPED_MODEL), '--svg', str(chart)]).decode())
    print(f'  The same as a chart: {chart.relative_to(ROOT)}')


def main():
    begin = time.monotonic()
    if SHIPPED_MODEL.exists():
        show_shipped_model()
    show_speed()
    if SHIPPED_MODEL.exists():
        show_table()
    print(f'\nThe demonstration took {time.monotonic() - begin:.0f} s. Next: build/paceline serve, and a browser at http://127.0.0.1:8080 to chat and to see'
          ' the drafts;\nor build/paceline help')


if __name__ == '__main__':
    main()
