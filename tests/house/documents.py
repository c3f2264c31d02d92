"""What the documents say exists, exists: flags and commands of `paceline`, presets, paths and links.
`python3 tests/house/documents.py build/paceline`

Every --flag in a code span or code block of a document must be in `paceline help --all` or in a script."""

import json
import re
import subprocess
import sys

import tree

# Flags of programs that are not ours.
OTHER_FLAGS = {'--build', '--preset', '--target', '--parallel', '--output-on-failure', '--test-dir'}
# Flags that every program of ours may have, outside its table.
COMMON_FLAGS = {'--help', '--all', '--version'}
# Our scripts and test programs: their flags are those that stand in their sources as literals or shell patterns.
SMALL_PROGRAMS = re.compile(r'(scripts/[a-z-]+|tools/.*|tests/(op_suite|golden_check|invisibility)/main\.cpp|bench/.*\.(cpp|py))')

CODE_SPAN = re.compile(r'```.*?```|`[^`\n]+`', re.DOTALL)
FLAG = re.compile(r'(?<![\w-])--[a-z][a-z0-9-]*')
COMMAND = re.compile(r'(?:^|[\s`/])paceline ([a-z][a-z-]*)', re.MULTILINE)
PRESET = re.compile(r'--preset[ =]([a-z]+)')
LINK = re.compile(r'\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)')
LITERAL_FLAG = re.compile(r'''["'\s](--[a-z][a-z0-9-]*)(?=["')])''')
PATH = re.compile(r'(?:src|tests|docs|scripts|tools|models|bench|fuzz|cmake|web)/[A-Za-z0-9_./-]*[A-Za-z0-9_/]')


def check_document(name, text, flags, commands, presets, exists):
    complaints = []

    def complain(position, what):
        complaints.append(f'{name}:{text.count(chr(10), 0, position) + 1}: {what}')

    for span in CODE_SPAN.finditer(text):
        code = span.group()
        for match in FLAG.finditer(code):
            if match.group() not in flags:
                complain(span.start() + match.start(), f'{match.group()} is no flag of paceline or of a script')
        for match in COMMAND.finditer(code):
            if match.group(1) not in commands:
                complain(span.start() + match.start(), f'paceline {match.group(1)} is no command')
        for match in PRESET.finditer(code):
            if match.group(1) not in presets:
                complain(span.start() + match.start(), f'{match.group(1)} is no preset of CMakePresets.json')
        if re.fullmatch(r'`' + PATH.pattern + r'`', code) and 'NAME' not in code \
                and not name.startswith('tests/') and not exists(code.strip('`')):
            complain(span.start(), f'{code.strip("`")} does not exist')
    folder = name.rpartition('/')[0]
    for match in LINK.finditer(text):
        if not exists(f'{folder}/{match.group(1)}' if folder else match.group(1)):
            complain(match.start(), f'the link to {match.group(1)} leads nowhere')
    return complaints


def parse_help(text):
    """(flags, commands) of `paceline help --all`: a command's table begins with a line "paceline NAME ..."."""
    commands = set(re.findall(r'^\s*(?:usage: )?paceline ([a-z][a-z-]*)', text, re.MULTILINE))
    return set(FLAG.findall(text)), commands


def small_program_flags(names):
    return {flag for name in names if SMALL_PROGRAMS.fullmatch(name) for flag in LITERAL_FLAG.findall(tree.read(name))}


def main():
    if len(sys.argv) != 2:
        sys.exit('usage: documents.py PACELINE')
    run = subprocess.run([sys.argv[1], 'help', '--all'], capture_output=True, text=True, check=False)
    flags, commands = parse_help(run.stdout)
    if run.returncode != 0 or not flags or not commands:
        sys.exit(f'FAILED {sys.argv[1]} help --all: status {run.returncode}, {len(flags)} flags, {len(commands)} commands')
    flags |= OTHER_FLAGS | COMMON_FLAGS | small_program_flags(tree.tracked_files())
    presets = {preset['name'] for preset in json.loads(tree.read('CMakePresets.json'))['configurePresets']}
    names = [name for name in tree.tracked_files()
             if re.fullmatch(r'(README|CONTRIBUTING|docs/.*|models/README|tests/.*README)\.md', name)]
    complaints = []
    for name in names:
        complaints += check_document(name, tree.read(name), flags, commands | {'help'}, presets,
                                     lambda path: (tree.ROOT / path).exists())
    tree.finish('documents', complaints, len(names))


if __name__ == '__main__':
    main()
