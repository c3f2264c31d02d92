"""Writes characters_data.inc: what Python's str knows about each character (Unicode 14, Python 3.11).

    python3 src/text/jinja/make_characters.py > src/text/jinja/characters_data.inc

Properties are sorted code points at which membership toggles; case mappings are runs {first, last, step, difference} for single
characters, and strings where one character becomes several."""

import unicodedata

END = 0x110000
SURROGATES = range(0xD800, 0xE000)


def wrap(items):
    lines, line = [], ' '
    for item in items:
        if len(line) + len(item) + 2 > 130:
            lines.append(line)
            line = ' '
        line += ' ' + item + ','
    return '\n'.join(lines + [line])


def toggles(name, belongs):
    points, inside = [], False
    for code in range(END):
        if code not in SURROGATES and belongs(chr(code)) != inside:
            inside = not inside
            points.append(code)
    print(f'constexpr uint32_t {name}[] = {{\n{wrap(hex(p) for p in points)}\n}};\n')


def mapping(name, convert):
    runs, strings = [], []
    for code in range(END):
        if code in SURROGATES:
            continue
        result = convert(chr(code))
        if len(result) > 1:
            strings.append((code, result))
            continue
        difference = ord(result) - code
        if difference == 0:
            continue
        last = runs[-1] if runs else None
        if last and last[3] == difference and code - last[1] in (1, 2) and (last[2] == 0 or code - last[1] == last[2]):
            last[1], last[2] = code, code - last[1]
        else:
            runs.append([code, code, 0, difference])
    print(f'constexpr CaseRun {name}Runs[] = {{\n{wrap("{%#x, %#x, %d, %d}" % (a, b, max(s, 1), d) for a, b, s, d in runs)}\n}};\n')
    quoted = ['{%#x, "%s"}' % (c, ''.join('\\x%02x' % b for b in r.encode())) for c, r in strings]
    print(f'constexpr CaseString {name}Strings[] = {{\n{wrap(quoted)}\n}};\n')


def main():
    print('// clang-format off')
    print(f'// Written by make_characters.py from Unicode {unicodedata.unidata_version}.\n')
    toggles('kPrintable', str.isprintable)
    toggles('kSpace', str.isspace)
    toggles('kAlphabetic', str.isalpha)
    toggles('kDecimal', str.isdecimal)
    toggles('kDigit', str.isdigit)
    toggles('kNumeric', str.isnumeric)
    toggles('kLower', str.islower)
    toggles('kUpper', str.isupper)
    toggles('kTitle', lambda c: unicodedata.category(c) == 'Lt')
    # As Python's rule for a final sigma sees them: 1 has no case and stops the search for a letter before it, A has one.
    toggles('kCased', lambda c: ('1' + c + 'Σ').lower().endswith('ς'))
    toggles('kCaseIgnorable', lambda c: ('A' + c + 'Σ').lower().endswith('ς') and ('1' + c + 'Σ').lower().endswith('σ'))
    mapping('kToUpper', str.upper)
    mapping('kToLower', str.lower)
    mapping('kToTitle', str.title)
    mapping('kFold', str.casefold)


if __name__ == '__main__':
    main()
