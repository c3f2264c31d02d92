"""Byte-level BPE: splits as the qwen35 pre-tokenizer, loses nothing, trains the same way every time."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from paceline_train import template  # noqa: E402
from paceline_train.tokenizer import PIECES, SPECIALS, Tokenizer, train  # noqa: E402

TEXTS = [('the cat sat on the mat and the dog sat on the log', 3), ('What is 12 + 30? The answer is 42.\n', 2), ('def f(n):\n    return n\n', 1)]


class Pieces(unittest.TestCase):
    def test_splits(self):
        cases = {"Hello  world's 123\n\n x+y  \n": ['Hello', ' ', ' world', "'s", ' ', '1', '2', '3', '\n\n', ' x', '+y', '  \n'],
                 "I'LL go": ['I', "'LL", ' go'], '   ': ['   '], 'a\tb': ['a', '\tb'], ' (x)\n\n': [' (', 'x', ')\n\n'],
                 'caf\u00e9 e\u0301t\u00e9': ['caf\u00e9', ' e\u0301t\u00e9'], '\u4f60\u597d\u3002': ['\u4f60\u597d', '\u3002']}
        for text, pieces in cases.items():
            self.assertEqual(PIECES.findall(text), pieces)
            self.assertEqual(''.join(PIECES.findall(text)), text)


class RoundTrip(unittest.TestCase):
    def setUp(self):
        self.words = Tokenizer(train(TEXTS, 256 + len(SPECIALS) + 20))

    def test_training_is_deterministic(self):
        self.assertEqual(train(TEXTS, 256 + len(SPECIALS) + 20), train(reversed(TEXTS), 256 + len(SPECIALS) + 20))

    def test_round_trip(self):
        for text in ('', 'plain', 'the cat', 'na\u00efve \u2603 \U0001f600\r\n\t x', template.prompt([{'role': 'user', 'content': 'hi'}]), '\x00\x7f'):
            self.assertEqual(self.words.decode(self.words.encode(text)), text)

    def test_specials_are_single_ids(self):
        for text in SPECIALS:
            self.assertEqual(len(self.words.encode(text)), 1)
        self.assertEqual(self.words.types.count(3) + self.words.types.count(4), len(SPECIALS))

    def test_too_small_a_corpus_is_an_error(self):
        with self.assertRaises(SystemExit):
            train([('ab', 1)], 4096)


class Template(unittest.TestCase):
    MESSAGES = [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b'},
                {'role': 'user', 'content': 'c'}]

    def test_training_text_begins_with_the_prompt(self):
        done = self.MESSAGES + [{'role': 'assistant', 'content': 'd'}]
        text = ''.join(part for part, _ in template.training_parts(done))
        self.assertEqual(text, template.prompt(self.MESSAGES) + 'd<|im_end|>')
        text = ''.join(part for part, _ in template.training_parts(done, 'hm'))
        self.assertEqual(text, template.prompt(self.MESSAGES, thinking=True) + 'hm\n</think>\n\nd<|im_end|>')

    def test_jinja_agrees(self):
        try:
            import jinja2
        except ImportError:
            self.skipTest('no jinja2')
        environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
        render = environment.from_string(template.JINJA).render
        for thinking in (False, True):
            self.assertEqual(render(messages=self.MESSAGES, add_generation_prompt=True, enable_thinking=thinking), template.prompt(self.MESSAGES, thinking))
        self.assertEqual(render(messages=self.MESSAGES, add_generation_prompt=True), template.prompt(self.MESSAGES))


if __name__ == '__main__':
    unittest.main()
