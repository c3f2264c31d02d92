"""The curriculum: same bytes every time, true statements, code that runs, nothing held out slips into training."""
import hashlib
import itertools
import json
import os
import re
import sys
import unittest
from fractions import Fraction

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from paceline_train import checks, probability, python_tasks, records  # noqa: E402
from paceline_train.streams import Stream, splitmix64  # noqa: E402


class Streams(unittest.TestCase):
    def test_splitmix64_known_values(self):
        state, values = 1234567, []
        for _ in range(3):
            state, value = splitmix64(state)
            values.append(value)
        self.assertEqual(values, [6457827717110365317, 3203168211198807973, 9817491932198370423])

    def test_draws_are_uniform_and_in_range(self):
        stream, counts = Stream('test', 0), [0] * 7
        for _ in range(7000):
            counts[stream.below(7)] += 1
        self.assertTrue(all(900 < n < 1100 for n in counts), counts)

    def test_records_are_deterministic(self):
        digest = lambda: hashlib.sha256(json.dumps([list(records.records(d, 'train', 200)) for d in records.DOMAINS]).encode()).hexdigest()
        self.assertEqual(digest(), digest())


class Mathematics(unittest.TestCase):
    def test_every_statement_is_true_and_the_answer_closes(self):
        for item in records.records('math', 'train', 6000):
            text = item['messages'][1]['content']
            self.assertEqual(checks.false_statements(text), [], item)
            self.assertEqual(checks.closing_answer(text), item['answer'], item)
            self.assertTrue(text.isascii() and len(text) <= 1200 and len(item['messages'][0]['content']) <= 600)

    def test_false_statements_are_found(self):
        self.assertEqual(checks.false_statements('3 + 4 = 8.'), ['3 + 4 = 8'])
        self.assertEqual(checks.false_statements('6/10 * 5/9 = 30/90 = 1/3.'), [])

    def test_probability_by_enumeration(self):
        """Read the question alone, draw all ordered pairs, compare."""
        seen = 0
        for item in records.records('math', 'train', 6000):
            if item['family'] not in ('with_replacement', 'without_replacement', 'either_order', 'at_least_one'):
                continue
            self.assertEqual(Fraction(item['answer']), self.enumerate_question(item), item)
            seen += 1
        self.assertGreater(seen, 500)

    def enumerate_question(self, item):
        question = item['messages'][0]['content']
        counts = re.findall(r'(\d+) ([a-z]+)', question)
        bag = [colour for count, colour in counts for _ in range(int(count))]
        event = re.split('robability|chance|likely', question)[-1]
        named = [word for word in re.findall(r'[a-z]+', event) if word in bag]
        again = item['family'] == 'with_replacement'
        pairs = [(bag[i], bag[j]) for i, j in itertools.product(range(len(bag)), repeat=2) if again or i != j]
        if item['family'] == 'either_order':
            hits = sum(set(pair) == set(named) for pair in pairs)
        elif item['family'] == 'at_least_one':
            hits = sum(named[0] in pair for pair in pairs)
        else:
            hits = sum(pair == (named[0], named[-1]) for pair in pairs)
        return Fraction(hits, len(pairs))


class Code(unittest.TestCase):
    def test_python_answers_run_right(self):
        space_checks, skeletons = 0, set()
        folder = os.getcwd()
        os.chdir(os.environ.get('TMPDIR', '/tmp'))
        try:
            for index in range(1500):
                key, _, answer, extra = python_tasks.python_function(Stream('test', index))
                skeletons.add(key[0])
                space = {}
                exec(python_tasks.code_of(answer), space)
                for call, expected in extra['checks']:
                    self.assertEqual(eval(call, space), eval(expected, {}), key)
                    space_checks += 1
        finally:
            os.chdir(folder)
        self.assertGreater(len(skeletons), 95)

    def test_judge(self):
        good, bad = '```python\ndef f(n):\n    return n + 1\n```', '```python\ndef f(n):\n    return n\n```'
        self.assertTrue(checks.runs_right(good, [['f(1)', '2']]))
        self.assertFalse(checks.runs_right(bad, [['f(1)', '2']]))
        self.assertFalse(checks.runs_right('```python\nwhile True: pass\n```', [['1', '1']]))
        self.assertFalse(checks.parses('```python\ndef f(:\n```'))


class HoldOut(unittest.TestCase):
    def test_article_prompts_and_reserved_numbers_are_never_trained(self):
        for domain in records.DOMAINS:
            for item in records.records(domain, 'train', 4000):
                question = item['messages'][-2]['content']
                self.assertNotIn(records.plain(question), records.FORBIDDEN)
                if item['family'] in ('with_replacement', 'without_replacement', 'either_order', 'at_least_one'):
                    counts = tuple(sorted(int(n) for n, _ in re.findall(r'(\d+) ([a-z]+)', question)))
                    self.assertNotIn(counts, probability.RESERVED, question)

    def test_parts_do_not_share_keys(self):
        parts = {part: {item['key'] for item in records.records('math', part, 300)} for part in ('holdout', 'validation')}
        train = {item['key'] for item in records.records('math', 'train', 5000)}
        self.assertFalse(train & parts['holdout'] or train & parts['validation'] or parts['holdout'] & parts['validation'])


if __name__ == '__main__':
    unittest.main()
