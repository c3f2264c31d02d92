"""Unpacks suite.json.xz into a folder: `python3 expand.py FOLDER`. Standard library only."""

import lzma
import pathlib
import sys


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    packed = pathlib.Path(__file__).with_name('suite.json.xz')
    (folder / 'suite.json').write_bytes(lzma.decompress(packed.read_bytes()))


if __name__ == '__main__':
    main()
