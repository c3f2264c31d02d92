"""Byte-level BPE with the qwen35 pre-tokenizer: training, encoding, decoding. Standard library only."""
import json
import re
import sys
import unicodedata
from collections import Counter

CONTROL = ('<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|object_ref_start|>', '<|object_ref_end|>', '<|fim_prefix|>', '<|fim_middle|>',
           '<|fim_suffix|>', '<|fim_pad|>', '<|repo_name|>', '<|file_sep|>')
USER_DEFINED = ('<tool_call>', '</tool_call>', '<tool_response>', '</tool_response>', '<think>', '</think>')
SPECIALS = CONTROL + USER_DEFINED


def byte_alphabet():
    """Byte -> printable character, as every byte-level BPE file writes its tokens."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, spare = {b: chr(b) for b in kept}, 256
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(spare)
            spare += 1
    return table


BYTES = byte_alphabet()
CHARACTERS = {c: b for b, c in BYTES.items()}


def character_class(first_letters):
    """Ranges of all code points whose general category begins with one of the letters, for use inside [...]."""
    ranges, start = [], None
    for code in range(sys.maxunicode + 2):
        inside = code <= sys.maxunicode and unicodedata.category(chr(code))[0] in first_letters
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            ranges.append(f'\\U{start:08x}-\\U{code - 1:08x}')
            start = None
    return ''.join(ranges)


def pre_tokenizer():
    letters, marks, numbers = character_class('L'), character_class('M'), character_class('N')
    spaces = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
    words = letters + marks
    return re.compile(f"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n{letters}{numbers}]?[{words}]+|[{numbers}]|"
                      f" ?[^{spaces}{words}{numbers}]+[\\r\\n]*|[{spaces}]*[\\r\\n]+|[{spaces}]+(?![^{spaces}])|[{spaces}]+")


PIECES = pre_tokenizer()
SPLIT = re.compile('(' + '|'.join(re.escape(s) for s in sorted(SPECIALS, key=len, reverse=True)) + ')')


def train(texts, size):
    """Merges for a vocabulary of `size` tokens. Ties are broken by the pair's text, so the result does not depend on order."""
    words = Counter()
    for text, weight in texts:
        for piece in PIECES.findall(text):
            words[piece] += weight
    symbols = [[BYTES[b] for b in word.encode()] for word in words]
    counts, pairs, where = list(words.values()), Counter(), {}
    for i, word in enumerate(symbols):
        for pair in zip(word, word[1:]):
            pairs[pair] += counts[i]
            where.setdefault(pair, set()).add(i)
    merges = []
    while len(merges) < size - 256 - len(SPECIALS):
        if not pairs:
            raise SystemExit(f'the corpus is too small for a vocabulary of {size}')
        best = max(pairs.items(), key=lambda item: (item[1], item[0]))[0]
        merges.append(best)
        for i in where.pop(best):
            merge_word(symbols, counts, pairs, where, i, best)
        pairs.pop(best, None)
    return merges


def merge_word(symbols, counts, pairs, where, i, best):
    old, new = symbols[i], merged(symbols[i], best)
    for pair in zip(old, old[1:]):
        pairs[pair] -= counts[i]
        if pairs[pair] <= 0:
            del pairs[pair]
    for pair in zip(new, new[1:]):
        pairs[pair] += counts[i]
        where.setdefault(pair, set()).add(i)
    symbols[i] = new


def merged(word, pair):
    out, i = [], 0
    while i < len(word):
        if i + 1 < len(word) and word[i] == pair[0] and word[i + 1] == pair[1]:
            out.append(word[i] + word[i + 1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out


class Tokenizer:
    """tokens[id] in file spelling: bytes, merged pieces, specials."""

    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        self.tokens = [BYTES[b] for b in range(256)] + [a + b for a, b in self.merges] + list(SPECIALS)
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self.ids) != len(self.tokens):
            raise ValueError('two merges give the same token')
        self.ranks = {pair: i for i, pair in enumerate(self.merges)}
        self.cache = {}
        self.special_ids = {self.ids[s] for s in SPECIALS}

    @property
    def types(self):
        """GGUF token types: 1 normal, 3 control, 4 user-defined."""
        return [3 if t in CONTROL else 4 if t in USER_DEFINED else 1 for t in self.tokens]

    def piece(self, text):
        found = self.cache.get(text)
        if found is None:
            word = [BYTES[b] for b in text.encode()]
            while len(word) > 1:
                pair = min(zip(word, word[1:]), key=lambda p: self.ranks.get(p, 1 << 30))
                if pair not in self.ranks:
                    break
                word = merged(word, pair)
            found = self.cache[text] = tuple(self.ids[symbol] for symbol in word)
        return found

    def encode(self, text):
        """Ids with special tokens recognised."""
        out = []
        for part in SPLIT.split(text):
            if part in SPECIALS:
                out.append(self.ids[part])
            else:
                for piece in PIECES.findall(part):
                    out.extend(self.piece(piece))
        return out

    def decode(self, ids):
        data = bytearray()
        for i in ids:
            token = self.tokens[i]
            data += token.encode() if token in SPECIALS else bytes(CHARACTERS[c] for c in token)
        return data.decode('utf-8', 'replace')

    def save(self, path):
        with open(path, 'w') as file:
            json.dump({'merges': self.merges}, file)

    @staticmethod
    def load(path):
        with open(path) as file:
            return Tokenizer(json.load(file)['merges'])
