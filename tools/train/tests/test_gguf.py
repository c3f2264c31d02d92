"""The GGUF writer, read back by an independent reader."""
import os
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from paceline_train import gguf  # noqa: E402
from paceline_train.gguf import BOOL, FLOAT, I32, STRING, U32, Value  # noqa: E402


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
