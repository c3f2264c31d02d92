#!/usr/bin/env python3
"""Writes unicode_classes_data.inc: the letters, marks, numbers and white space of Python's Unicode version (3.11: Unicode 14,
as PCRE2 10.42) as a list of runs. Run it in this folder; only a new Unicode version makes that necessary."""
import unicodedata

# White_Space of PropList.txt: stable since Unicode 6.3 (U+180E left it then).
WHITE_SPACE = {*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
CLASSES = {"L": 1, "M": 2, "N": 3}


def class_of(code_point):
    if code_point in WHITE_SPACE:
        return 4
    return CLASSES.get(unicodedata.category(chr(code_point))[0], 0)


def runs():
    previous = None
    for code_point in range(0x110000):
        current = class_of(code_point)
        if current != previous:
            yield code_point * 8 + current
        previous = current


def main():
    entries = [f"{entry:#x}" for entry in runs()]
    with open("unicode_classes_data.inc", "w", encoding="ascii") as out:
        out.write(f"// Made by make_unicode_classes.py from Unicode {unicodedata.unidata_version}: first code point * 8 + class.\n")
        for start in range(0, len(entries), 14):
            out.write(", ".join(entries[start:start + 14]) + ",\n")


if __name__ == "__main__":
    main()
