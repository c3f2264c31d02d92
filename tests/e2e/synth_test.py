"""Transcripts of `paceline synth` and of what its models do: python3 tests/e2e/synth_test.py build/paceline"""

import signal
import subprocess
import sys
import time
import unittest

import transcript


class Synth(transcript.Case):
    def test_writes_the_same_bytes_whatever_the_threads(self):
        one = self.synth('one.gguf', '--threads', '1')
        two = self.synth('two.gguf', '--threads', '3')
        self.assertEqual(self.read(one), self.read(two))

    def test_greedy_text_follows_the_map_with_and_without_drafts(self):
        model = self.synth('map.gguf', '--accept', '0.7', '--rare', '0.2')
        plain = self.complete_json(model, '-n', '300', '--temp', '0', '--mtp', 'off')
        self.assertEqual(len(plain['ids']), 300)
        self.assertEqual(len(set(plain['ids'])), 300, 'one long cycle never repeats')
        rare = sum(token >= 16384 for token in plain['ids']) / 300
        self.assertAlmostEqual(rare, 0.2 / 1.2, delta=0.08)
        drafted = self.complete_json(model, '-n', '300', '--temp', '0', '--mtp', '3')
        self.assertEqual(drafted['ids'], plain['ids'])
        self.assertEqual(drafted['text'], plain['text'])

    def test_acceptance_is_as_asked(self):
        for share in (0.0, 0.5, 1.0):
            model = self.synth(f'accept-{share}.gguf', '--accept', str(share))
            result = self.complete_json(model, '-n', '400', '--temp', '0', '--mtp', '2')
            drafted, accepted = result['drafted'], result['accepted']
            self.assertGreater(drafted[0], 100)
            # Four deviations of that many throws; none at all at the ends.
            for depth in (1, 2):
                expected = share ** depth
                spread = 4 * (expected * (1 - expected) / drafted[depth - 1]) ** 0.5
                self.assertAlmostEqual(accepted[depth - 1] / drafted[depth - 1], expected, delta=spread + 1e-9)

    def test_random_weights_give_finite_text(self):
        model = self.synth('random.gguf')
        result = self.complete_json(model, '-n', '20', '--temp', '0', '--mtp', '2', '--ignore-eos')
        self.assertEqual(len(result['ids']), 20)
        self.assertGreater(len(set(result['ids'])), 3)

    def test_wrong_command_lines(self):
        for words, complaint in (
                (['--shape', 'tyni', '--type', 'Q4_K_M', '-o', 'x'], 'did you mean tiny?'),
                (['--shape', 'tiny', '--type', 'Q4_K_MM', '-o', 'x'], 'did you mean Q4_K_M?'),
                (['--shape', 'tiny', '--type', 'Q4_K_M'], 'missing -o FILE'),
                (['--shape', 'tiny', '--type', 'Q4_K_M', '-o', 'x', '--accept', '2'], '--accept: expected a number from 0 to 1'),
                (['--shape', 'tiny', '--type', 'Q4_K_M', '-o', 'x', '--rare', '0.1'], '--rare needs --accept'),
                (['--shape', 'tiny', '--type', 'Q4_K_M', '-o', 'x', '--accept', '1', '--rare', '0.9'], 'ids outside')):
            self.expect(['synth', *words], status=2, stderr=complaint, stdout=b'')

    def test_a_file_that_cannot_be_written(self):
        self.expect(['synth', '--shape', 'tiny', '--type', 'Q8_0', '-o', '/nowhere/x.gguf'], status=1, stderr='/nowhere/x.gguf')

        self.expect(['synth', '--shape', 'tiny', '--type', 'Q8_0', '-o', self.folder], status=1, stderr='is a folder, expected a file')

    def test_signals_leave_no_file_behind(self):
        path, part = self.folder / 'stopped.gguf', self.folder / 'stopped.gguf.part'
        for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with subprocess.Popen([transcript.BINARY, 'synth', '--shape', '0.8B', '--type', 'Q8_0', '-o', path], stderr=subprocess.PIPE) as synth:
                while synth.poll() is None and not (part.exists() and part.stat().st_size > 0):
                    time.sleep(0.001)
                synth.send_signal(sent)
                self.assertEqual(synth.wait(transcript.TIMEOUT_S), -sent)
            self.assertFalse(part.exists() or path.exists())


if __name__ == '__main__':
    transcript.main(sys.argv)
