"""The GGUF writer, read back by an independent reader."""
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import unittest

try:
    import numpy as np
except ImportError:
    raise unittest.SkipTest('no numpy')

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from paceline_train import gguf  # noqa: E402
from paceline_train.gguf import BOOL, FLOAT, I32, STRING, U32, Value  # noqa: E402


def load_script(name):
    """A command of tools/train (no .py in its name) as a module."""
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), name)
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


class Rewrite(unittest.TestCase):
    def test_f16_of_q8_0_is_the_rounded_value(self):
        x = np.random.default_rng(2).standard_normal((4, 64)).astype('f4')
        metadata = {'general.file_type': Value(U32, 7), 'x': Value(STRING, ['a', 'b']), 'y': Value(U32, 5)}
        with tempfile.TemporaryDirectory() as folder:
            first, second = os.path.join(folder, 'a.gguf'), os.path.join(folder, 'b.gguf')
            gguf.write(first, metadata, [('a.weight', x, gguf.Q8_0), ('n', x[0], gguf.F32)])
            with open(first, 'rb') as source, open(second, 'wb') as target:
                target.write(load_script('to_f16').convert(source.read()))
            before, after = gguf.Reader(first), gguf.Reader(second)
        self.assertEqual(after.metadata, {'general.file_type': 1, 'x': ['a', 'b'], 'y': 5})
        self.assertEqual(after.types, {'a.weight': gguf.F16, 'n': gguf.F32})
        np.testing.assert_array_equal(after.tensors['a.weight'], before.tensors['a.weight'].astype('<f2').astype('f4'))
        np.testing.assert_array_equal(after.tensors['n'], x[0])


class File(unittest.TestCase):
    def test_round_trip(self):
        random = np.random.default_rng(1)
        tensors = [('a.weight', random.standard_normal((3, 64)).astype('f4'), gguf.Q8_0), ('b.weight', random.standard_normal((5, 32)).astype('f4'), gguf.F16),
                   ('c', random.standard_normal(7).astype('f4'), gguf.F32)]
        metadata = {'s': Value(STRING, 'h\u00e9'), 'u': Value(U32, 7), 'f': Value(FLOAT, 0.5), 'b': Value(BOOL, True), 'l': Value(STRING, ['x', '']),
                    'i': Value(I32, [-1, 2])}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'x.gguf')
            gguf.write(path, metadata, tensors)
            file = gguf.Reader(path)
        self.assertEqual(file.metadata, {key: value.value for key, value in metadata.items()})
        self.assertEqual(file.types, {name: kind for name, _, kind in tensors})
        np.testing.assert_array_equal(file.tensors['c'], tensors[2][1])
        np.testing.assert_array_equal(file.tensors['b.weight'], tensors[1][1].astype('<f2').astype('f4'))
        step = np.abs(tensors[0][1]).reshape(-1, 32).max(1) / 127
        error = np.abs(file.tensors['a.weight'] - tensors[0][1]).reshape(-1, 32).max(1)
        self.assertTrue((error <= step * 0.51 + 1e-3 * step).all())

    def test_quantization_extremes(self):
        block = np.zeros((2, 32), 'f4')
        block[1, 3] = -2.54
        back = gguf.dequantize_q8_0(gguf.quantize_q8_0(block), (2, 32))
        self.assertEqual(back[0].tolist(), [0.0] * 32)
        self.assertAlmostEqual(float(back[1, 3]), -2.54, places=2)

    def test_rows_must_fill_blocks(self):
        with self.assertRaises(ValueError):
            gguf.encode(np.zeros((2, 33), 'f4'), gguf.Q8_0)


if __name__ == '__main__':
    unittest.main()
