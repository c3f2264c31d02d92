"""The stream of training documents and its packing into batches of rows. Document i is a function of (seed, i), so a run can stop
and go on anywhere; nothing is stored."""
import hashlib
import pickle
import os

from . import corpus, records, template
from .streams import Stream

# Kind of document -> share in percent. `synthetic.X` draws fresh exercises of a domain, `real.X` the corpus pool.
MIXTURE = (('synthetic.math', 46), ('synthetic.python', 22), ('synthetic.shell', 15), ('synthetic.english', 7), ('real.shell', 4),
           ('real.python', 2), ('real.math', 1), ('real.english', 2), ('real.prose', 1))
# The last part of a run: mathematics needs most practice, the rest has long been learned.
LATE_MIXTURE = (('synthetic.math', 80), ('synthetic.python', 8), ('synthetic.shell', 5), ('synthetic.english', 4), ('real.shell', 1),
                ('real.python', 1), ('real.english', 1))
# Going on from a finished file: what it gets wrong, and enough of everything else that nothing is forgotten.
PRACTICE_MIXTURE = (('synthetic.practice', 34), ('synthetic.math', 24), ('synthetic.python', 14), ('synthetic.shell', 12), ('synthetic.english', 12),
                    ('real.shell', 1), ('real.python', 1), ('real.math', 1), ('real.english', 1))
LONGEST = 512
SYSTEM = ('You are a helpful assistant.', 'You are a concise assistant.', 'Answer step by step.', 'You help with Python, shell commands and mathematics.')
THOUGHTS = {'python': 'I will write a short Python function.', 'english': 'A short answer is enough.'}


def shell_thought(answer):
    command = answer.split('\n')[1]
    names = [part.split()[0] for part in command.split(' | ') if part.split()]
    return 'I will use ' + ' and '.join(names) + '.'


def thinking_form(record):
    """(thought, answer) of a synthetic record: mathematics thinks its steps and answers with the closing line."""
    answer = record['messages'][-1]['content']
    if record['domain'] == 'math':
        steps, closing = answer.rsplit('\n\n', 1)
        return steps, closing
    return (shell_thought(answer) if record['domain'] == 'shell' else THOUGHTS[record['domain']]), answer


def synthetic(domain, stream, part='train'):
    while True:
        turn = stream.below(1 << 40)
        record, where = records.record(domain, records.family_at(domain, turn), turn)
        if where == part:
            return record


def conversation(kind, stream, pools):
    """(messages, thought or None) of one document."""
    group, domain = kind.split('.')
    if group == 'real':
        return stream.pick(pools[domain]), None
    record = synthetic(domain, stream)
    messages, thought = list(record['messages']), None
    if stream.chance(8):
        thought, answer = thinking_form(record)
        messages[-1] = {'role': 'assistant', 'content': answer}
    if stream.chance(6):
        messages = synthetic(stream.pick(('math', 'python', 'shell', 'english')), stream)['messages'] + messages
    if stream.chance(4):
        messages = [{'role': 'system', 'content': stream.pick(SYSTEM)}] + messages
    return messages, thought


def document(tokenizer, messages, thought=None):
    """(ids, learned flags), at most LONGEST."""
    if messages[0]['role'] == 'text':
        ids = tokenizer.encode(messages[0]['content'] + '<|endoftext|>')
        return ids[:LONGEST], [True] * min(len(ids), LONGEST)
    ids, learned = [], []
    for text, flag in template.training_parts(messages, thought):
        part = tokenizer.encode(text)
        ids += part
        learned += [flag] * len(part)
    return ids[:LONGEST], learned[:LONGEST]


def kind_at(stream, mixture=MIXTURE):
    place = stream.below(sum(share for _, share in mixture))
    for kind, share in mixture:
        place -= share
        if place < 0:
            return kind


class Batches:
    """Iterates over (ids, learned, offsets): whole documents until `rows` are filled. `position` is where to go on."""

    def __init__(self, tokenizer, pools, rows, seed, position=0):
        self.tokenizer, self.pools, self.rows, self.seed, self.position = tokenizer, pools, rows, seed, position

    def next(self, mixture=MIXTURE):
        ids, learned, offsets = [], [], [0]
        while True:
            stream = Stream('document', self.position, self.seed)
            part = document(self.tokenizer, *conversation(kind_at(stream, mixture), stream, self.pools))
            if len(ids) + len(part[0]) > self.rows:
                return ids, learned, offsets
            self.position += 1
            if sum(part[1]) == 0:
                continue
            ids += part[0]
            learned += part[1]
            offsets.append(len(ids))


def cached_pools(folder, work):
    """The corpus pools, read once and kept in the work folder."""
    name = hashlib.sha256(repr((os.path.abspath(folder), corpus.POOLS)).encode()).hexdigest()[:12]
    path = os.path.join(work, f'pools-{name}.pickle')
    if not os.path.exists(path):
        pools = corpus.load_pools(folder)
        with open(path + '.part', 'wb') as file:
            pickle.dump(pools, file)
        os.replace(path + '.part', path)
    with open(path, 'rb') as file:
        return pickle.load(file)


def vocabulary_texts(pools, seed, documents=40000):
    """What the tokenizer is trained on: a sample of the mixture."""
    for i in range(documents):
        stream = Stream('vocabulary', i, seed)
        messages, _ = conversation(kind_at(stream), stream, pools)
        for message in messages:
            yield message['content'], 1


def validation_batch(tokenizer, domain, rows):
    ids, learned, offsets, turn = [], [], [0], 0
    while True:
        record = synthetic(domain, Stream('validation', turn), 'validation')
        part = document(tokenizer, record['messages'])
        turn += 1
        if len(ids) + len(part[0]) > rows:
            return ids, learned, offsets
        ids += part[0]
        learned += part[1]
        offsets.append(len(ids))
