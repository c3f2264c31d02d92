"""What the house checks look at: the tracked files of a checkout, and C++ text with comments and literals blanked.

Every check is a function from text to a list of complaints, so that house_test.py can hand it planted mistakes."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tracked_files():
    """Tracked and new files that git does not ignore; in an unpacked archive, everything outside build folders."""
    listing = subprocess.run(['git', '-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                             cwd=ROOT, capture_output=True, check=False)
    if listing.returncode == 0:
        names = {name for name in listing.stdout.decode().split('\0') if name}
        return sorted(name for name in names if (ROOT / name).is_file())
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob('*')
                  if path.is_file() and not re.match(r'(build[^/]*|\.git|\.train)/', str(path.relative_to(ROOT))))


def read(name):
    return (ROOT / name).read_text(encoding='utf-8', errors='replace')


# One alternative per thing that may hold braces or quotes without meaning them.
_LITERALS = re.compile(
    r'//[^\n]*'
    r'|/\*.*?\*/'
    r'|(?:u8|[uUL])?R"(?P<mark>[^()\\ ]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)


def blank_literals(text):
    """C++ with comments and the insides of literals removed; line numbers stay."""
    def blank(match):
        found = match.group()
        return ('' if found.startswith('/') else '""') + '\n' * found.count('\n')
    return _LITERALS.sub(blank, text)


def blank_preprocessor(text):
    return re.sub(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', lambda match: '\n' * match.group().count('\n'), text, flags=re.MULTILINE)


def finish(name, complaints, looked_at):
    """Prints and exits; a check that looked at nothing has not passed."""
    for complaint in complaints:
        print(f'FAILED {complaint}')
    if looked_at == 0:
        print(f'FAILED {name}: found nothing to check')
    print(f'{name}: {looked_at} checked, {len(complaints)} complaints')
    sys.exit(1 if complaints or looked_at == 0 else 0)
