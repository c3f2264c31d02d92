"""Packs the parts of the JSON Schema Test Suite that tests/text uses: `python3 pack.py SUITE` writes suite.json.xz beside this file."""

import json
import lzma
import pathlib
import sys


def main():
    suite = pathlib.Path(sys.argv[1]) / 'tests'
    packed = {}
    for draft in ('draft2020-12', 'draft7'):
        for path in sorted((suite / draft).glob('*.json')):
            packed[f'{draft}/{path.stem}'] = json.loads(path.read_text())
    for path in sorted((suite / 'draft2020-12/optional/format').glob('*.json')):
        packed[f'format/{path.stem}'] = json.loads(path.read_text())
    for groups in packed.values():
        for group in groups:
            for test in group['tests']:
                test.pop('comment', None)
                test.pop('specification', None)
    text = json.dumps(packed, separators=(',', ':')).encode()
    pathlib.Path(__file__).with_name('suite.json.xz').write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))


if __name__ == '__main__':
    main()
