"""A type of src/ has one definition: two of one name in one namespace are one type to the linker, which keeps one destructor of both.
`python3 tests/house/type_names.py`

Looks at definitions at the level of a namespace, line by line as the formatter leaves them. Those in unnamed namespaces are their file's own;
"struct A::B" and specialisations, whose names go on with "<", are other types."""

import collections
import re

import tree

NAMESPACE = re.compile(r'(?:inline )?namespace(?: ([\w:]+))? \{')
NAMESPACE_END = re.compile(r'\}  // namespace')
TYPE = re.compile(r'(?:class|struct|union|enum|enum class)(?: alignas\([^)]*\))? (\w+)(?: final)?(?: : [^;]*)? \{')
SOURCE = re.compile(r'src/.*\.(h|cpp|cu)$')


def types_of(text):
    """Qualified names of the types that other files can see."""
    found, namespaces = [], []
    for line in text.split('\n'):
        line = re.sub(r'^template <.*?> (?=class|struct)', '', line)
        if opened := NAMESPACE.match(line):
            namespaces.append(opened.group(1) or '')
        elif NAMESPACE_END.match(line):
            namespaces.pop()
        elif (defined := TYPE.match(line)) and '' not in namespaces:
            found.append('::'.join([*namespaces, defined.group(1)]))
    return found


def check(files):
    """Of (name, text) of files."""
    places = collections.defaultdict(list)
    for name, text in files:
        for type_name in types_of(text):
            places[type_name].append(name)
    return [f'{type_name} is defined in {" and in ".join(names)}' for type_name, names in sorted(places.items()) if len(names) > 1]


if __name__ == '__main__':
    sources = [(name, tree.read(name)) for name in tree.tracked_files() if SOURCE.match(name)]
    tree.finish('type_names', check(sources), sum(len(types_of(text)) for _, text in sources))
