"""Packs templates, conversations, golden renders and language vectors into vectors.json.xz.

    python3 pack.py FOLDER

FOLDER holds templates/*.jinja, template-goldens/*.json (one per template, and cases.json) and jinja/*.json as README.md describes, and
features.json, which make_features.py wrote."""

import json
import lzma
import pathlib
import sys


def load(path):
    return json.loads(path.read_text(encoding='utf-8'))


def golden(path):
    data = load(path)
    tokens = {key: data[key] for key in ('bos_token', 'eos_token', 'pad_token', 'unk_token')}
    return {'now': data['now'], 'tokens': tokens, 'results': data['results']}


def vectors(path, source):
    """Of each vector what the tests read: the truth is what Python's Jinja2 gives."""
    return [{'name': row['name'], 'template': row[source], 'context': row['context'], 'functions': row['context_had_functions'],
             'result': row['py_jinja2']} for row in load(path)]


def main():
    folder = pathlib.Path(sys.argv[1])
    goldens = sorted(path for path in (folder / 'template-goldens').glob('*.json') if path.name != 'cases.json')
    packed = {
        'cases': load(folder / 'template-goldens' / 'cases.json'),
        'templates': {path.stem: (folder / 'templates' / path.stem).read_bytes().decode() for path in goldens},
        'goldens': {path.stem: golden(path) for path in goldens},
        'language': vectors(folder / 'jinja' / 'language-vectors.json', 'template'),
        'features': load(folder / 'features.json'),
        'chat': vectors(folder / 'jinja' / 'chat-template-vectors.json', 'chat_template'),
    }
    text = json.dumps(packed, ensure_ascii=False, separators=(',', ':')).encode()
    pathlib.Path(__file__).with_name('vectors.json.xz').write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))


if __name__ == '__main__':
    main()
