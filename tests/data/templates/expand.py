"""Unpacks vectors.json.xz for the tests: `expand.py OUT` writes OUT/vectors.json."""

import lzma
import pathlib
import sys


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    packed = pathlib.Path(__file__).with_name('vectors.json.xz').read_bytes()
    (out / 'vectors.json').write_bytes(lzma.decompress(packed))


if __name__ == '__main__':
    main()
