"""Words that must not be in the tree: absolute paths of somebody's machine, and addresses a build would download from.
`python3 tests/house/words.py`

Builds and tests use Debian's packages only, so a package registry's address is a mistake wherever it stands. The patterns are written so
that they do not match themselves."""

import re

import tree

FORBIDDEN = [
    (re.compile(r'(?<![\w.~-])/(?:wo[r]k|ro[o]t|ho[m]e/(?!USER|NAME|you\b)\w+)/(?=[\w.])'), 'a path of one machine'),
    (re.compile(r'/tm[p]/build'), 'a path of one machine'),
    (re.compile(r'registr[y]\.npmjs\.org|registr[y]\.yarnpkg\.com|pyp[i]\.org|files\.pythonhoste[d]\.org|static\.crate[s]\.io'
                r'|index\.crate[s]\.io|prox[y]\.golang\.org|conan\.i[o]'), 'a package registry'),
    (re.compile(r'(?://|#|\*)[ \t]*(?:TO[D]O|FIXM[E]|XX[X])\b'), 'a promise instead of code'),
    (re.compile(r'^(?:<{7}|>{7}|={7})(?: |$)', re.MULTILINE), 'a merge conflict'),
]

# Texts of others: vectors, corpora, licences.
OF_OTHERS = re.compile(r'^(tests/(data|golden)/|fuzz/corpus/|models/|LICENSE|tools/train/data/|docs/.*\.svg$)')
BINARY = re.compile(r'\.(gguf|f32|bin|xz|png|jpg|woff2)$')


def check_file(name, text):
    complaints = []
    for pattern, what in FORBIDDEN:
        for match in pattern.finditer(text):
            line = text.count('\n', 0, match.start()) + 1
            complaints.append(f'{name}:{line}: {match.group()!r} is {what}')
    return complaints


def main():
    names = [name for name in tree.tracked_files() if not OF_OTHERS.search(name) and not BINARY.search(name)]
    complaints = [complaint for name in names for complaint in check_file(name, tree.read(name))]
    tree.finish('words', complaints, len(names))


if __name__ == '__main__':
    main()
