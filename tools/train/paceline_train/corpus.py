"""The real part of the mixture: short pieces of openly licensed text from a corpus folder of xz-packed JSON lines
({"messages" | "text", "source", "license"}). Share-alike sources are never read. Also the held-out records for evaluation."""
import glob
import io
import json
import lzma
import os
import tarfile

# Pool -> sources that feed it. Few sources, so that models/LICENSES stays readable.
POOLS = {'shell': ('tldr', 'nl2bash'),
         'python': ('mbpp', 'thealgorithms-fn', '30-seconds-python', 'keon-algorithms-fn'),
         'math': ('gsm8k-train', 'svamp'),
         'english': ('chatterbot', 'factbook-qa', 'wordnet-words'),
         'prose': ('plainlanguage-gov', 'standard-ebooks')}
SHARDS = {'shell': 'chat-shell', 'python': 'chat-python', 'math': 'chat-math', 'english': 'chat-english', 'prose': 'text-english'}
LONGEST_CHARACTERS = 1100
PROSE_CHARACTERS = 900


def is_plain(text):
    return text.isascii() and 0 < len(text)


def source_name(record):
    name = record['source']
    name = name.get('name', '') if isinstance(name, dict) else name
    return name.split('/')[0].split('@')[0].split(':')[0].strip()


def lines_of(folder, shard):
    paths = sorted(glob.glob(os.path.join(folder, 'B-train', shard + '-*.jsonl.xz')))
    if not paths:
        raise SystemExit(f'{folder}: no B-train/{shard}-*.jsonl.xz; --corpus must name the corpus folder')
    for path in paths:
        with lzma.open(path, 'rt', encoding='utf-8') as file:
            yield from (json.loads(line) for line in file)


def usable(record, sources):
    """Messages of a record we want, prose as a single text message, or None."""
    name = source_name(record)
    if not any(name.startswith(source) for source in sources) or 'SA' in str(record['license']):
        return None
    if 'messages' in record:
        messages = [{'role': m['role'], 'content': m['content'].strip()} for m in record['messages']]
        size = sum(len(m['content']) for m in messages)
        return messages if size <= LONGEST_CHARACTERS and all(is_plain(m['content']) for m in messages) else None
    text = record['text'].strip()
    return [{'role': 'text', 'content': text}] if is_plain(text) else None


def passages(text):
    """Prose cut at paragraph borders into pieces a small model can hold."""
    part = ''
    for paragraph in text.split('\n\n'):
        if part and len(part) + len(paragraph) > PROSE_CHARACTERS:
            yield part.strip()
            part = ''
        part += paragraph[:PROSE_CHARACTERS] + '\n\n'
    if part.strip():
        yield part.strip()


def load_pools(folder, limit_characters=3_000_000):
    """Pool -> list of messages; every pool capped, in the corpus's own (hashed) order."""
    pools = {}
    for pool, sources in POOLS.items():
        chosen, size = [], 0
        for record in lines_of(folder, SHARDS[pool]):
            messages = usable(record, sources)
            if messages is None:
                continue
            parts = [[{'role': 'text', 'content': p}] for p in passages(messages[0]['content'])] if pool == 'prose' else [messages]
            chosen += parts
            size += sum(len(m['content']) for part in parts for m in part)
            if size > limit_characters:
                break
        if not chosen:
            raise SystemExit(f'{folder}: no usable records for {pool} (sources {", ".join(sources)})')
        pools[pool] = chosen
    return pools


def held_out(folder):
    """Pool -> messages of the corpus's own hold-out records of our sources."""
    pools = {pool: [] for pool in POOLS}
    with tarfile.open(os.path.join(folder, 'B-holdout.tar.xz')) as pack:
        for member in sorted(pack.getnames()):
            if not member.endswith(('.jsonl', '.jsonl.xz')):
                continue
            data = pack.extractfile(member).read()
            text = (lzma.decompress(data) if member.endswith('.xz') else data).decode()
            for line in io.StringIO(text):
                record = json.loads(line)
                for pool, sources in POOLS.items():
                    messages = usable(record, sources) if {'source', 'license'} <= set(record) else None
                    if messages:
                        pools[pool].append([{'role': 'text', 'content': messages[0]['content'][:PROSE_CHARACTERS]}]
                                           if pool == 'prose' and messages[0]['role'] == 'text' else messages)
    return pools
