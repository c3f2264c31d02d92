"""Going on from a file: what export wrote comes back, other files are refused by name and reason, a work folder keeps to its beginning."""
import os
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
try:
    import torch
except ImportError:
    raise unittest.SkipTest('no PyTorch')

from paceline_train import batches, export, gguf, loop  # noqa: E402
from paceline_train.model import Config, initial_weights  # noqa: E402
from paceline_train.tokenizer import Tokenizer  # noqa: E402
from test_gguf import load_script  # noqa: E402

WORDS = Tokenizer([('a', 'b'), ('ab', 'c')])
CONFIG = Config(vocabulary=len(WORDS.tokens), width=64, layers=4, feed_forward=96, heads=1, delta_heads=1)


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def written(self, kind, weights):
        export.write_model(self.path(kind), CONFIG, weights, WORDS, kind)
        return self.path(kind)

    def refused(self, path, *reasons):
        with self.assertRaises(SystemExit) as caught:
            export.read_start(path)
        for reason in (path, *reasons):
            self.assertIn(reason, str(caught.exception))


class FromFile(Folder):
    def test_weights_and_tokenizer_come_back(self):
        weights = initial_weights(CONFIG, 1)
        for kind, share in (('Q8_0', 0.57 / 127), ('F16', 2 ** -11)):
            words, start = export.read_start(self.written(kind, weights))
            self.assertEqual((start.config, words.merges, words.tokens), (CONFIG, WORDS.merges, WORDS.tokens))
            self.assertEqual(list(start.weights), list(weights))       # the order of the optimizer's groups
            for name, weight in weights.items():
                self.assertLessEqual(float((start.weights[name] - weight).abs().max()), float(weight.abs().max()) * share + 1e-6, name)

    def test_origin_names_the_bytes(self):
        first, second = (export.read_start(self.written(kind, initial_weights(CONFIG, 1)))[1].origin for kind in ('Q8_0', 'F16'))
        self.assertEqual(len(first), 64)
        self.assertNotEqual(first, second)

    def test_once_more_through_a_file_changes_nothing(self):
        """A second trip meets values that are already on the grid."""
        _, once = export.read_start(self.written('Q8_0', initial_weights(CONFIG, 2)))
        _, twice = export.read_start(self.written('Q8_0', once.weights))
        for name, weight in once.weights.items():
            torch.testing.assert_close(twice.weights[name], weight, rtol=1e-3, atol=1e-6)


class BadFiles(Folder):
    def test_missing_foreign_and_cut_short(self):
        self.refused(self.path('nothing.gguf'), 'No such file')
        with open(self.path('text'), 'w') as file:
            file.write('not a model')
        self.refused(self.path('text'), 'not a GGUF v3 file')
        with open(self.written('Q8_0', initial_weights(CONFIG, 1)), 'rb') as file:
            whole = file.read()
        for size in (8, 20, 200, len(whole) // 2, len(whole) - 40):
            with open(self.path('short'), 'wb') as file:
                file.write(whole[:size])
            self.refused(self.path('short'), 'cut short')

    def test_another_model(self):
        gguf.write(self.path('other'), {'general.architecture': gguf.Value(gguf.STRING, 'llama')}, [])
        self.refused(self.path('other'), 'no qwen35.')

    def test_missing_and_misshapen_tensors(self):
        weights = initial_weights(CONFIG, 1)
        missing = {name: weight for name, weight in weights.items() if name != 'blk.4.nextn.eh_proj.weight'}
        self.refused(self.written('F16', missing), 'blk.4.nextn.eh_proj.weight is missing', 'expected (64, 128)')
        self.refused(self.written('F16', {**weights, 'output_norm.weight': torch.ones(32)}), 'output_norm.weight is (32,)', 'expected (64,)')


class Mean(Folder):
    def mix(self, *arguments):
        with mock.patch.object(sys, 'argv', ['mix', *arguments]):
            load_script('mix').main()

    def test_a_quarter_of_the_way(self):
        first, second = initial_weights(CONFIG, 1), initial_weights(CONFIG, 2)
        paths = []
        for name, weights in (('a', first), ('b', second)):
            export.write_model(self.path(name), CONFIG, weights, WORDS, 'F16')
            paths.append(self.path(name))
        self.mix(*paths, '0.25', self.path('c'))
        for name, weight in export.read_start(self.path('c'))[1].weights.items():
            torch.testing.assert_close(weight, 0.75 * first[name] + 0.25 * second[name], rtol=2e-3, atol=2e-3)

    def test_only_of_one_family(self):
        first = self.written('F16', initial_weights(CONFIG, 1))
        wider = Config(vocabulary=len(WORDS.tokens), width=128, layers=4, feed_forward=96, heads=1, delta_heads=1)
        export.write_model(self.path('wider'), wider, initial_weights(wider, 1), WORDS, 'F16')
        for second, share, reason in ((self.path('wider'), '0.5', 'not the shapes'), (first, '1.5', 'between 0 and 1'), (first, 'half', 'between 0 and 1')):
            with self.assertRaisesRegex(SystemExit, reason):
                self.mix(first, second, share, self.path('out'))
            self.assertFalse(os.path.exists(self.path('out')))


class Run(Folder):
    def trainer(self, start, steps=2):
        plan = loop.continuing(steps, 0.3)
        source = batches.Batches(WORDS, {pool: [[{'role': 'text', 'content': 'abc'}]] for pool in ('shell', 'python', 'math', 'english')}, 1024, 3)
        return loop.Trainer(plan, source, self.folder, torch.device('cpu'), start)

    def test_the_first_step_trains_every_tensor(self):
        _, start = export.read_start(self.written('Q8_0', initial_weights(CONFIG, 1)))
        before = {name: weight.clone() for name, weight in start.weights.items()}
        trainer = self.trainer(start)
        self.addCleanup(trainer.log.close)
        for name in ('Q8_0', 'F16'):
            if os.path.exists(self.path(name)):
                os.remove(self.path(name))
        losses, *_ = trainer.train_step()
        self.assertEqual(len(losses), 4)                               # trunk and three drafts
        for name, weight in trainer.weights.items():
            self.assertFalse(torch.equal(weight.detach(), before[name]), name)

    def test_a_work_folder_keeps_to_its_beginning(self):
        _, start = export.read_start(self.written('F16', initial_weights(CONFIG, 1)))
        trainer = self.trainer(start)
        trainer.step = 1
        trainer.save()
        trainer.log.close()
        again = self.trainer(start)
        again.log.close()
        self.assertEqual(again.step, 1)
        with self.assertRaisesRegex(SystemExit, 'began with the file.*not with random weights'):
            self.trainer(loop.Start(CONFIG, start.weights))


class Flags(unittest.TestCase):
    def check(self, *arguments):
        script = load_script('train')
        with mock.patch.object(sys, 'argv', ['train', '--corpus', 'x', *arguments]):
            options = script.arguments()
        script.check_numbers(options)
        return options

    def test_no_flag_does_nothing(self):
        self.assertEqual((self.check().vocabulary, self.check('--from', 'a', '--rate', '0.2').rate, self.check('--from', 'a').rate), (4096, 0.2, 0.3))
        for arguments, reason in ((('--rate', '0.2'), '--rate'), (('--from', 'a', '--vocabulary', '2048'), '--vocabulary'), (('--from', 'a', '--rate', '2'), 'at most 1'),
                                  (('--steps', '0'), '--steps'), (('--vocabulary', '9'), '--vocabulary')):
            with self.assertRaisesRegex(SystemExit, reason):
                self.check(*arguments)


class Plans(unittest.TestCase):
    def test_a_run_that_goes_on_drafts_and_practises_from_the_start(self):
        plan = loop.continuing(1000, 0.25)
        self.assertEqual({plan.depth(step) for step in range(1000)}, {3})
        self.assertEqual({plan.mixture(step) for step in range(1000)}, {batches.PRACTICE_MIXTURE})
        self.assertEqual([round(plan.rate(step), 2) for step in (0, 24, 200, 500, 999)], [0.02, 0.5, 0.8, 0.5, 0.02])

    def test_a_run_from_nothing_learns_the_trunk_first(self):
        plan = loop.Plan(1000)
        self.assertEqual([plan.depth(step) for step in (0, 600, 800)], [0, 1, 3])
        self.assertEqual((plan.mixture(0), plan.mixture(800)), (batches.MIXTURE, batches.LATE_MIXTURE))


if __name__ == '__main__':
    unittest.main()
