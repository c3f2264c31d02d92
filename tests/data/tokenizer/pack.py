#!/usr/bin/env python3
"""Makes the files of this folder: pack.py SOURCE, where SOURCE holds vocab/ggml-vocab-*.gguf(.inp/.out) of llama.cpp and
token-goldens/ (see README.md). A vocabulary is stored as the two parents of each merged token, from which expand.py makes the
tokens and merges again; nothing is lost (checked here and, by hash, there)."""
import json
import lzma
import struct
import sys
from pathlib import Path

import expand

HERE = Path(__file__).parent
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def read_metadata(path):
    file = path.open("rb")

    def unpack(layout):
        return struct.unpack("<" + layout, file.read(struct.calcsize("<" + layout)))

    def text():
        return file.read(unpack("Q")[0]).decode()

    def value(kind):
        if kind == 8:
            return text()
        if kind == 9:
            kind, count = unpack("IQ")
            return [value(kind) for _ in range(count)]
        return unpack(SCALARS[kind])[0]

    _, _, _, count = unpack("IIQQ")
    pairs = {}
    for _ in range(count):
        key = text()
        pairs[key] = value(unpack("I")[0])
    return pairs


def pack_vocabulary(source, name, out_name, pretokenizers):
    metadata = read_metadata(source / f"vocab/ggml-vocab-{name}.gguf")
    tokens, merges = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.merges"]
    kinds = metadata["tokenizer.ggml.token_type"]
    ids = {text: token for token, text in enumerate(tokens)}
    pairs = [tuple(ids[part] for part in merge.split(" ")) for merge in merges]
    oldest = {}
    for pair in pairs:
        token = ids[tokens[pair[0]] + tokens[pair[1]]]
        oldest[token] = min(pair, oldest.get(token, pair), key=max)
    assert sorted(oldest) == list(range(256, 256 + len(oldest)))
    parents = [oldest[token] for token in sorted(oldest)]
    header = {
        "names": pretokenizers,
        "parents": len(parents),
        "all_splits": len(parents) != len(merges),
        "specials": list(zip(tokens[256 + len(parents):], kinds[256 + len(parents):])),
        "ids": {key: metadata[key] for key in metadata if key.startswith("tokenizer.ggml.") and key.endswith("_id")},
        "sha256": expand.digest(tokens, merges),
    }
    planes = bytes(parent[side] >> shift & 255 for side in (0, 1) for shift in (0, 8, 16) for parent in parents)
    packed = json.dumps(header, ensure_ascii=False).encode() + b"\n" + planes
    assert expand.vocabulary(packed)[1:] == (tokens, merges, kinds), name
    (HERE / f"{out_name}.vocab.xz").write_bytes(lzma.compress(packed, preset=9 | lzma.PRESET_EXTREME))


def pack_vectors(source, names):
    strings = json.loads((source / "token-goldens/strings.json").read_text())
    texts = [bytes.fromhex(s["hex"]) if "hex" in s else s["text"].encode() for s in strings]
    vectors = {"texts": [text.hex() for text in texts], "made_here": {}, "llama.cpp": {}}
    for name in names:
        rows = [json.loads(line) for line in (source / f"token-goldens/{name}.jsonl").read_text().splitlines()]
        assert [row["i"] for row in rows] == list(range(len(texts)))
        vectors["made_here"][name] = [[row.get("ids"), row.get("ids_special")] for row in rows]
        inputs = (source / f"vocab/ggml-vocab-{name}.gguf.inp").read_bytes().split(b"\n__ggml_vocab_test__\n")
        outputs = (source / f"vocab/ggml-vocab-{name}.gguf.out").read_text().split("\n")[:len(inputs)]
        vectors["llama.cpp"][name] = [[text.hex(), [int(token) for token in line.split()]] for text, line in zip(inputs, outputs)]
    packed = json.dumps(vectors, separators=(",", ":")).encode()
    (HERE / "vectors.json.xz").write_bytes(lzma.compress(packed, preset=9 | lzma.PRESET_EXTREME))


def main():
    source = Path(sys.argv[1])
    pack_vocabulary(source, "qwen35", "qwen", ["qwen35", "qwen2"])
    pack_vocabulary(source, "gpt-2", "gpt-2", ["gpt-2"])
    pack_vocabulary(source, "llama-bpe", "llama-bpe", ["llama-bpe"])
    pack_vectors(source, ["qwen35", "qwen2", "gpt-2", "llama-bpe"])


if __name__ == "__main__":
    main()
