"""Judging answers: the closing line of mathematics, Python by running it, arithmetic statements by recomputing them."""
import ast
import json
import re
import subprocess
import sys
import tempfile
from fractions import Fraction

from .python_tasks import code_of

CLOSING = re.compile(r'The answer is (.+?)\.\s*$')
STATEMENT = re.compile(r'[\d/*+\- ]*\d(?: = [\d/*+\- ]*\d)+')
HARNESS = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
code, checks = json.load(sys.stdin)
space = {}
exec(code, space)
sys.exit(0 if all(eval(call, space) == eval(expected, {}) for call, expected in checks) else 1)
"""


def closing_answer(text):
    """X of a last line `The answer is X.`, or None."""
    found = CLOSING.search(text.strip().rsplit('\n', 1)[-1])
    return found.group(1) if found else None


def parses(answer):
    try:
        return bool(ast.parse(code_of(answer)).body)
    except (SyntaxError, ValueError):
        return False


def runs_right(answer, checks):
    """Run the code and its checks in a process of its own, in an empty folder, with limits."""
    if not parses(answer):
        return False
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run([sys.executable, '-I', '-c', HARNESS], input=json.dumps([code_of(answer), checks]), text=True,
                                  cwd=folder, capture_output=True, timeout=10)
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def value_of(expression):
    """Exact value of an expression of integers, + - * / and nothing else."""
    total, sign, product, operator = Fraction(0), 1, None, '*'
    for token in re.findall(r'\d+|[+\-*/]', expression):
        if token.isdigit():
            number = Fraction(int(token))
            product = number if product is None else product * number if operator == '*' else product / number
        elif token in '*/':
            operator = token
        elif product is None:
            sign = -sign if token == '-' else sign
        else:
            total, sign, product, operator = total + sign * product, (-1 if token == '-' else 1), None, '*'
    return total + sign * (product if product is not None else 0)


def false_statements(text):
    """Every `a = b = c` of plain numbers in the text whose sides differ."""
    wrong = []
    for line in text.split('\n'):
        line = re.sub(r'\d*[a-z]\b', ' ', line)
        for statement in STATEMENT.findall(line):
            sides = [side for side in statement.split(' = ') if side.strip()]
            try:
                if len({value_of(side) for side in sides}) > 1:
                    wrong.append(statement.strip())
            except ZeroDivisionError:
                wrong.append(statement.strip())
    return wrong
