"""What the demonstration model can do, on problems that training never saw: bits per byte, right answers, running Python, the
article's three prompts, and how many drafts of the MTP block are accepted."""
import json
import math
import re
import subprocess

import torch

from . import batches, checks, corpus, generate, kernels, records, template
from .kernels import Documents
from .model import Model

LIMIT = 320
FIBONACCI = [['{f}(0)', '0'], ['{f}(1)', '1'], ['{f}(10)', '55'], ['{f}(50)', '12586269025']]


class TorchAnswers:
    """Greedy answers and draft acceptance from PyTorch, in float32 as the file's weights say."""
    name = 'PyTorch'

    def __init__(self, config, weights, words):
        self.config, self.weights, self.words = config, weights, words

    def answers(self, prompts, limit=LIMIT):
        """[(text, drafted by depth, accepted by depth)]"""
        stops = {self.words.ids['<|im_end|>'], self.words.ids['<|endoftext|>']}
        ids = [self.words.encode(prompt) for prompt in prompts]
        out = []
        for prompt, written in zip(ids, generate.greedy(self.config, self.weights, ids, limit, stops)):
            matches = generate.draft_matches(self.config, self.weights, prompt, written + [self.words.ids['<|im_end|>']])
            out.append((self.words.decode(written), *generate.acceptance(matches)))
        return out


class EngineAnswers:
    """The same from `paceline complete --json`."""
    name = 'engine'

    def __init__(self, engine, path, words):
        self.engine, self.path, self.words = engine, path, words

    def answers(self, prompts, limit=LIMIT):
        return [self.answer(prompt, limit) for prompt in prompts]

    def answer(self, prompt, limit):
        command = [self.engine, 'complete', '-m', self.path, '-p', prompt, '-n', str(limit), '--temp', '0', '--mtp', '3', '--json']
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f'{self.engine} complete failed ({done.returncode}): {done.stderr.strip()[:300]}')
        reply = json.loads(done.stdout)
        stops = {self.words.ids['<|im_end|>'], self.words.ids['<|endoftext|>']}
        ids = [i for i in reply['ids'] if i not in stops]
        drafted, accepted = (list(reply.get(name) or [])[:3] for name in ('drafted', 'accepted'))
        pad = lambda counts: counts + [0] * (3 - len(counts))
        return self.words.decode(ids), pad(drafted), pad(accepted)


def ask(item, thinking=False):
    return template.prompt([m for m in item['messages'] if m['role'] != 'assistant'], thinking)


def share(part, whole):
    return round(part / whole, 4) if whole else None


class Acceptance:
    def __init__(self):
        self.drafted, self.accepted = [0] * 3, [0] * 3

    def add(self, drafted, accepted):
        self.drafted = [a + b for a, b in zip(self.drafted, drafted)]
        self.accepted = [a + b for a, b in zip(self.accepted, accepted)]

    def shares(self):
        return [share(a, d) for a, d in zip(self.accepted, self.drafted)]


def mathematics(source, count, part='holdout'):
    items = records.fresh_problems(count, part)
    right, families, accepted, wrong = 0, {}, Acceptance(), []
    for item, (text, *drafts) in zip(items, source.answers([ask(item) for item in items])):
        good = checks.closing_answer(text) == item['answer']
        right += good
        family = families.setdefault(item['family'], [0, 0])
        family[0] += good
        family[1] += 1
        accepted.add(*drafts)
        if not good:
            wrong.append({'question': item['messages'][0]['content'], 'expected': item['answer'], 'got': text})
    return {'problems': len(items), 'right': share(right, len(items)), 'families': families, 'acceptance': accepted.shares(), 'wrong': wrong}


def python(source, count, part='holdout'):
    items = records.fresh_problems(count, part, 'python')
    parsed, right, accepted, wrong = 0, 0, Acceptance(), []
    for item, (text, *drafts) in zip(items, source.answers([ask(item) for item in items])):
        parsed += checks.parses(text)
        good = checks.runs_right(text, item['checks'])
        right += good
        accepted.add(*drafts)
        if not good:
            wrong.append({'question': item['messages'][0]['content'], 'got': text})
    return {'prompts': len(items), 'parses': share(parsed, len(items)), 'right': share(right, len(items)), 'acceptance': accepted.shares(),
            'wrong': wrong}


def exact(source, domain, count, part='holdout'):
    """Share of answers that equal the generator's, after normalising blanks (shell commands, small talk)."""
    items = records.fresh_problems(count, part, domain)
    right, accepted, wrong = 0, Acceptance(), []
    for item, (text, *drafts) in zip(items, source.answers([ask(item) for item in items])):
        good = text.split() == item['messages'][-1]['content'].split()
        right += good
        accepted.add(*drafts)
        if not good:
            wrong.append({'question': item['messages'][0]['content'], 'expected': item['messages'][-1]['content'], 'got': text})
    return {'prompts': len(items), 'exact': share(right, len(items)), 'acceptance': accepted.shares(), 'wrong': wrong}


def article(source):
    """The three demonstration prompts, verbatim."""
    prompts = [template.prompt([{'role': 'user', 'content': text}]) for text in records.ARTICLE]
    texts = [text for text, *_ in source.answers(prompts)]
    name = re.search(r'def (\w+)\(', texts[0])
    calls = [[call.replace('{f}', name.group(1)), value] for call, value in FIBONACCI] if name else []
    memoized = 'memo' in texts[0] or 'cache' in texts[0]
    command = checks.code_of(texts[1].replace('```bash', '```'))
    files = bool(re.match(r'(sudo )?find /var/log -type f .*\| sort -\w*r\w* ?.*\| head -n? ?5$', command))
    return [{'prompt': records.ARTICLE[0], 'answer': texts[0], 'right': bool(name) and memoized and checks.runs_right(texts[0], calls)},
            {'prompt': records.ARTICLE[1], 'answer': texts[1], 'right': files},
            {'prompt': records.ARTICLE[2], 'answer': texts[2], 'right': checks.closing_answer(texts[2]) == '1/3'}]


@torch.no_grad()
def bits_per_byte(config, weights, words, conversations):
    """Bits per byte of what the assistant (or the text) says, given everything before it."""
    kernels.use_native(False)
    model = Model(config, {name: w.detach().float() for name, w in weights.items()}, torch.float32)
    device = weights['token_embd.weight'].device
    bits, size = 0.0, 0
    for messages in conversations:
        ids, learned = batches.document(words, messages)
        if len(ids) < 2:
            continue
        tokens = torch.tensor(ids, device=device)
        logits = model.logits(model.trunk(tokens, Documents([0, len(ids)], device)))
        loss = torch.nn.functional.cross_entropy(logits[:-1], tokens[1:], reduction='none')
        keep = torch.tensor(learned[1:], device=device)
        bits += float(loss[keep].sum()) / math.log(2)
        size += len(words.decode([i for i, flag in zip(ids[1:], learned[1:]) if flag and i not in words.special_ids]).encode())
    kernels.use_native(True)
    return round(bits / size, 4) if size else None


def held_out_bits(config, weights, words, folder, count):
    out = {}
    for domain in records.DOMAINS:
        items = records.fresh_problems(count, 'holdout', domain)
        out[f'generated {domain}'] = bits_per_byte(config, weights, words, [item['messages'] for item in items])
    for pool, conversations in (corpus.held_out(folder).items() if folder else ()):
        out[f'corpus {pool}'] = bits_per_byte(config, weights, words, conversations[:count])
    return out
