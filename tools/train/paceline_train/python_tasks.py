"""Requests for a small Python function, and the function. The key is everything the request asks for."""
import re

from . import more_python_skeletons  # noqa: F401  (adds to SKELETONS)
from .python_skeletons import SKELETONS

REQUESTS = ('write a Python function that {d}', 'Write a Python function that {d}', 'Write a function in Python that {d}',
            'I need a Python function that {d}', 'Can you write a Python function that {d}?', 'Please write a Python function that {d}',
            'Python function that {d}', 'Give me a Python function that {d}', 'Implement a Python function that {d}',
            'Show me a Python function that {d}', 'How do I write a Python function that {d}?', 'Create a Python function that {d}')
IMPERATIVE = ('Write a Python function to {d}', 'write a python function to {d}', 'Write Python code to {d}', 'How do I {d} in Python?',
              'How can I {d} in Python?', 'Write a function to {d} in Python', 'Python code to {d}', 'I want to {d} in Python')
NAMED = ('Write a Python function `{f}` that {d}', 'Write a Python function called {f} that {d}', 'Write a function named {f} in Python that {d}',
         'Implement `{f}` in Python: a function that {d}', 'write a python function {f} that {d}')
BARE = (', just the code', ', just the code', '. Just the code.', ', code only', '. Code only, please.', '. No explanation.', ', only the code please')
LEADS = ('Here is a function that {d}:', 'This function {d}:')


def fill(text, name, numbers):
    text = text.replace('{f}', name)
    for key, value in numbers.items():
        text = text.replace('{' + key + '}', str(value))
    return text


def imperative(description):
    """`computes the sum` -> `compute the sum`."""
    verb, rest = description.split(' ', 1)
    verb = verb[:-3] + 'y' if verb.endswith('ies') else verb[:-1]
    return f'{verb} {rest}'


def with_article_question(request, tail):
    return request[:-1] + tail + '?' if request.endswith('?') and not tail.startswith('.') else request + tail.lstrip('.') if request.endswith('?') else request + tail


def python_function(stream):
    identity, names, descriptions, code, checks, ranges = stream.pick(SKELETONS)
    if stream.chance(4):
        identity, names, descriptions, code, checks, ranges = SKELETONS[0]
    numbers = {key: stream.between(*bounds) for key, bounds in ranges.items()}
    named = stream.chance(45)
    name = stream.pick(names) if named else names[0]
    description = fill(stream.pick(descriptions), name, numbers)
    if not named and stream.chance(30):
        request = stream.pick(IMPERATIVE).format(d=imperative(description))
    else:
        request = stream.pick(NAMED if named else REQUESTS).format(f=name, d=description)
    bare = stream.chance(50)
    tail = stream.pick(BARE) if bare else ('' if request.endswith('?') or stream.chance(30) else '.')
    code = fill(code, name, numbers)
    block = f'```python\n{code}\n```'
    answer = block if bare else f'{stream.pick(LEADS).format(d=description)}\n\n{block}'
    checks = [[fill(part, name, numbers) for part in pair] for pair in checks]
    key = (identity, name, named, bare, description, request[:24], tail)
    return key, with_article_question(request, tail), answer, {'name': name, 'checks': checks}


def code_of(answer):
    """The first fenced block, or the whole answer."""
    found = re.search(r'```(?:python)?\n(.*?)(?:\n```|$)', answer, re.S)
    return found.group(1) if found else answer


FAMILIES = {'python_function': (python_function, 100)}
