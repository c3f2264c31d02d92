"""No file over 800 lines, no function over 80, no tracked tree over 45 MiB. `python3 tests/house/sizes.py [--report]`

C++ functions are found by braces: at namespace or class level, a brace after a parameter list opens one."""

import ast
import re
import sys

import tree

MAX_FILE_LINES = 800
MAX_FUNCTION_LINES = 80
MAX_TREE_BYTES = 45 * 1024 * 1024

CPP = re.compile(r'\.(h|cpp|cu|cuh)$')
CODE = re.compile(r'(\.(h|cpp|cu|cuh|py|sh|cmake|ts|js|mjs|svelte|css|html)|CMakeLists\.txt)$')
SCRIPT = re.compile(r'\.(ts|js|mjs|svelte)$')
# "async function* name(...) {", "name(...): T {" of a class, "const name = (...) => {"
SCRIPT_FUNCTION = re.compile(
    r'(\s*)(?!if\b|for\b|while\b|switch\b|catch\b|else\b|return\b|do\b)'
    r'(?:(?:export |default |async |private |static |get |set )*(?:function\b\*? ?[\w$]*|[\w$#*]+)\s*\(.*\).*'
    r'|(?:export )?const [\w$]+ = (?:async )?(?:\(.*\)|[\w$]+).* =>) \{$')
DATA = re.compile(r'^(tests/(data|golden)|fuzz/corpus|models)/')
CONTAINER = re.compile(r'\b(namespace|class|struct|union|enum)\b|\bextern\s*""\s*$')

ACCESS_LABELS = re.compile(r'^(\s*(public|protected|private)\s*:)+')


def cpp_functions(text):
    """[(first line, line count, heading)] of every function body; lambdas belong to the function around them."""
    code = tree.blank_preprocessor(tree.blank_literals(text))
    functions, kinds, heading_start, line = [], [], 0, 1
    body_line = body_heading = None
    for position, character in enumerate(code):
        if character == '\n':
            line += 1
        elif character == '{':
            heading = ACCESS_LABELS.sub('', code[heading_start:position]).strip()
            kind = brace_kind(heading) if 'function' not in kinds else 'block'
            kinds.append(kind)
            if kind == 'function':
                body_heading, body_line = ' '.join(heading.split())[:90], line - heading.count('\n')
            heading_start = position + 1
        elif character == '}':
            if kinds and kinds.pop() == 'function':
                functions.append((body_line, line - body_line + 1, body_heading))
            heading_start = position + 1
        elif character == ';' and 'function' not in kinds:
            heading_start = position + 1
    return functions


def brace_kind(heading):
    # A default argument or template argument may say "class"; a function has a parameter list, a container has none after its name.
    without_templates = re.sub(r'template\s*<[^{]*?>\s*(?=\b(class|struct|union)\b)', '', heading)
    if CONTAINER.search(re.sub(r'\(.*', '', without_templates, flags=re.DOTALL)) and '(' not in re.sub(
            r'\b(alignas|__attribute__)\s*\(+[^()]*\)+', '', without_templates):
        return 'container'
    if heading.endswith(('=', ',', '(')) or '(' not in heading:
        return 'initialiser'
    return 'function'


def python_functions(text):
    return [(node.lineno, node.end_lineno - node.lineno + 1, node.name) for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def shell_functions(text):
    found, start, name = [], None, None
    for number, line in enumerate(text.split('\n'), 1):
        opening = re.match(r'(?:function\s+)?([A-Za-z_]\w*)\s*\(\)\s*\{$', line)
        if opening:
            start, name = number, opening.group(1)
        elif line == '}' and start:
            found.append((start, number - start + 1, name))
            start = None
    return found


def script_functions(text):
    """Functions and methods of JavaScript, TypeScript and Svelte: from their heading to the closing brace at the same depth."""
    found, lines = [], text.split('\n')
    for number, line in enumerate(lines, 1):
        heading = SCRIPT_FUNCTION.match(line)
        if not heading:
            continue
        closing = re.compile(re.escape(heading.group(1)) + r'\}[;,)]*$')
        end = next((i for i in range(number, len(lines)) if closing.match(lines[i])), None)
        if end is not None:
            found.append((number, end - number + 2, line.strip()[:90]))
    return found


def functions_of(name, text):
    if CPP.search(name):
        return cpp_functions(text)
    if SCRIPT.search(name):
        return script_functions(text)
    if name.endswith('.py') or re.match(r'#!.*python', text):
        return python_functions(text)
    if name.endswith('.sh') or re.match(r'#!.*\b(ba)?sh\b', text):
        return shell_functions(text)
    return []


def check_file(name, text):
    complaints = []
    line_count = text.count('\n')
    if line_count > MAX_FILE_LINES:
        complaints.append(f'{name}: has {line_count} lines, expected at most {MAX_FILE_LINES}')
    for line, count, heading in functions_of(name, text):
        if count > MAX_FUNCTION_LINES:
            complaints.append(f'{name}:{line}: {heading}: has {count} lines, expected at most {MAX_FUNCTION_LINES}')
    return complaints


def is_code(name):
    if DATA.search(name):
        return False
    return bool(CODE.search(name)) or ('.' not in name.split('/')[-1] and tree.read(name).startswith('#!'))


def report(names):
    """Where the house stands against its aims: 90 % of files below 500 lines, of functions below 40."""
    files = sorted(tree.read(name).count('\n') for name in names)
    functions = sorted(count for name in names for _, count, _ in functions_of(name, tree.read(name)))
    for what, counts in (('file', files), ('function', functions)):
        print(f'{what}s: {len(counts)}, median {counts[len(counts) // 2]}, 90 % within {counts[len(counts) * 9 // 10]}, '
              f'longest {counts[-1]} lines')


def main():
    all_names = tree.tracked_files()
    names = [name for name in all_names if is_code(name)]
    complaints = [complaint for name in names for complaint in check_file(name, tree.read(name))]
    tree_bytes = sum((tree.ROOT / name).stat().st_size for name in all_names)
    if tree_bytes > MAX_TREE_BYTES:
        complaints.append(f'the tracked tree has {tree_bytes} bytes, expected at most {MAX_TREE_BYTES}')
    if '--report' in sys.argv:
        report(names)
        print(f'tree: {tree_bytes / 1024 / 1024:.1f} MiB in {len(all_names)} files')
    tree.finish('sizes', complaints, len(names))


if __name__ == '__main__':
    main()
