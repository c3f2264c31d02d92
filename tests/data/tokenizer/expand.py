#!/usr/bin/env python3
"""expand.py OUT: writes OUT/<name>.gguf (vocabulary only) and OUT/<name>.vectors for the pre-tokenizers of this folder's files.
A .vectors file: count, then for each text its length and bytes, 1 or 0 (the reference gave an answer or failed), and the ids plain
and with special tokens parsed (count and ids each); all numbers are little-endian 32-bit."""
import hashlib
import json
import lzma
import struct
import sys
from pathlib import Path

HERE = Path(__file__).parent


def byte_alphabet():
    """GPT-2's characters for bytes, in the order of its first 256 tokens."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def digest(tokens, merges):
    return hashlib.sha256("\n".join(tokens + merges).encode()).hexdigest()


def every_split(tokens, first):
    """The merges of a vocabulary that came without any (tiktoken): every split of a token into two, by id."""
    ids = {text: token for token, text in enumerate(tokens)}
    for text in tokens[first:]:
        splits = ((ids.get(text[:cut]), ids.get(text[cut:])) for cut in range(1, len(text)))
        yield from sorted(split for split in splits if None not in split)


def vocabulary(packed):
    line, planes = packed.split(b"\n", 1)
    header = json.loads(line)
    count = header["parents"]
    columns = [planes[i * count:(i + 1) * count] for i in range(6)]
    parents = [(a | b << 8 | c << 16, d | e << 8 | f << 16) for a, b, c, d, e, f in zip(*columns)]
    tokens = byte_alphabet()
    for left, right in parents:
        tokens.append(tokens[left] + tokens[right])
    pairs = every_split(tokens, 256) if header["all_splits"] else parents
    merges = [f"{tokens[left]} {tokens[right]}" for left, right in pairs]
    kinds = [1] * len(tokens) + [kind for _, kind in header["specials"]]
    tokens += [text for text, _ in header["specials"]]
    if digest(tokens, merges) != header["sha256"]:
        sys.exit(f"expand.py: the vocabulary of {header['names']} is not the one that was packed")
    return header, tokens, merges, kinds


def write_gguf(path, header, name, arrays):
    def text(value):
        data = value.encode()
        return struct.pack("<Q", len(data)) + data

    tokens, merges, kinds = arrays
    pairs = [("general.architecture", 8, text("none")), ("tokenizer.ggml.model", 8, text("gpt2")), ("tokenizer.ggml.pre", 8, text(name))]
    for key, values in (("tokens", tokens), ("merges", merges)):
        pairs.append((f"tokenizer.ggml.{key}", 9, struct.pack("<IQ", 8, len(values)) + b"".join(map(text, values))))
    pairs.append(("tokenizer.ggml.token_type", 9, struct.pack(f"<IQ{len(kinds)}i", 5, len(kinds), *kinds)))
    pairs += [(key, 4, struct.pack("<I", value)) for key, value in header["ids"].items()]
    body = b"".join(text(key) + struct.pack("<I", kind) + data for key, kind, data in pairs)
    path.write_bytes(struct.pack("<4sIQQ", b"GGUF", 3, 0, len(pairs)) + body)


def write_vectors(path, rows):
    def ids(values):
        return struct.pack(f"<I{len(values)}i", len(values), *values)

    out = [struct.pack("<I", len(rows))]
    for text, plain, special in rows:
        out += [struct.pack("<I", len(text)), text, struct.pack("<I", plain is not None)]
        out += [ids(plain or []), ids(plain or [] if special is None else special)]
    path.write_bytes(b"".join(out))


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for file in sorted(HERE.glob("*.vocab.xz")):
        header, *arrays = vocabulary(lzma.decompress(file.read_bytes()))
        for name in header["names"]:
            write_gguf(out / f"{name}.gguf", header, name, arrays)
    vectors = json.loads(lzma.decompress((HERE / "vectors.json.xz").read_bytes()))
    texts = [bytes.fromhex(text) for text in vectors["texts"]]
    for name, answers in vectors["made_here"].items():
        rows = [(text, plain, special) for text, (plain, special) in zip(texts, answers)]
        rows += [(bytes.fromhex(text), ids, None) for text, ids in vectors["llama.cpp"][name]]
        write_vectors(out / f"{name}.vectors", rows)


if __name__ == "__main__":
    main()
