"""Renders the templates of features.txt with Python's Jinja2 3.1.2 (Debian's python3-jinja2), set up as Transformers does.

    python3 make_features.py > features.json"""

import datetime
import json
import pathlib
import sys

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2026, 1, 15, 12, 0, 0)
CONTEXT = {
    'n': 7, 'f': 2.5, 'neg': -3, 'big': 12345678901234567, 'yes': True, 'none_': None, 'empty': '',
    's': 'Hello, World', 'u': 'Ünïcödé ßtraße 世界 🌍 ΑΣ', 'ws': '  a\tb \n c\u00a0 ', 'html': '<a href="x">T&J\'s</a>',
    'lines': 'one\ntwo\r\nthree\x0bfour\n\nsix', 'l': [3, 1, 2], 'words': ['pear', 'Apple', 'fig', 'apple'], 'mixed': [1, 'a', None, True, 2.0],
    'd': {'b': 1, 'a': [1, {'x': None}], 'C': 'z'}, 'nested': {'k': {'j': [10, 20, {'deep': 'value'}]}},
    'rows': [{'n': 'x', 'v': 3, 'g': 'B'}, {'n': 'y', 'v': 1, 'g': 'a'}, {'n': 'z', 'g': 'b'}, {'n': 'w', 'v': 2, 'g': 'A'}],
    'numbers': [1.0, 0.1, 1e16, 1e-5, 123456789.123, 1e22, -0.0, 5e-324, 1.7976931348623157e308, 100000.0, 0.30000000000000004],
    'quotes': ['it\'s', 'say "hi"', 'both \' and "', 'back\\slash', 'tab\there', 'nul\x00', '\u200b\x7f\xad', '🌍'],
}


class Generation(Extension):
    tags = {'generation'}

    def parse(self, parser):
        lineno = next(parser.stream).lineno
        body = parser.parse_statements(['name:endgeneration'], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method('_keep'), [], [], body).set_lineno(lineno)

    def _keep(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def render(source):
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    environment.filters['tojson'] = tojson
    environment.globals['raise_exception'] = raise_exception
    environment.globals['strftime_now'] = NOW.strftime
    try:
        return {'output': environment.from_string(source).render(**json.loads(json.dumps(CONTEXT)))}
    except Exception as error:  # its kind is the result
        return {'error': type(error).__name__, 'message': str(error)}


def main():
    sources = pathlib.Path(__file__).with_name('features.txt').read_text(encoding='utf-8').split('\n%%\n')
    rows = [{'template': source, 'result': render(source)} for source in sources]
    # Addresses differ from run to run.
    rows = [row for row in rows if ' at 0x' not in json.dumps(row['result'])]
    json.dump({'context': CONTEXT, 'rows': rows}, sys.stdout, ensure_ascii=False)


if __name__ == '__main__':
    main()
