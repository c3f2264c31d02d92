"""Runs the paceline binary and compares what it says. Each file here is a unittest program that is given the binary's path."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

BINARY = None
TIMEOUT_S = 600


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls._folder.name)
        os.environ['XDG_CACHE_HOME'] = str(cls.folder / 'cache')  # curves are kept there; not those of whoever runs the tests

    @classmethod
    def tearDownClass(cls):
        cls._folder.cleanup()

    def run_paceline(self, words, stdin=b'', env=None, **options):
        return subprocess.run([BINARY, *map(str, words)], input=stdin, capture_output=True, timeout=TIMEOUT_S, env=env, **options)

    def expect(self, words, status=0, stdout=None, stderr='', stdin=b'', env=None):
        """The finished process; stderr is a part of what must be said there, stdout (when given) the exact bytes."""
        done = self.run_paceline(words, stdin, env)
        said = done.stderr.decode()
        self.assertEqual(done.returncode, status, f'{words}: {said}')
        self.assertIn(stderr, said)
        if stdout is not None:
            self.assertEqual(done.stdout, stdout)
        return done

    def synth(self, name, *flags):
        path = self.folder / name
        self.expect(['synth', '--shape', 'tiny', '--type', 'Q4_K_M', '--seed', '1', '-o', path, *flags])
        return path

    def complete_json(self, model, *flags, prompt='ka lo mu'):
        return json.loads(self.expect(['complete', '-m', model, '-p', prompt, '--json', *flags]).stdout)

    @staticmethod
    def read(path):
        return path.read_bytes()


def main(arguments):
    global BINARY
    if len(arguments) < 2:
        raise SystemExit(f'usage: python3 {arguments[0]} build/paceline')
    BINARY = arguments[1]
    unittest.main(argv=[arguments[0], *arguments[2:]])
