"""The native kernels against plain PyTorch, values and gradients; the whole model against itself. Skipped without PyTorch."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
try:
    import torch
except ImportError:
    raise unittest.SkipTest('no PyTorch')
import torch.nn.functional as F  # noqa: E402

from paceline_train import generate, kernels  # noqa: E402
from paceline_train.kernels import Documents  # noqa: E402
from paceline_train.model import Config, Model, initial_weights  # noqa: E402

OFFSETS = [0, 5, 77, 200, 201, 333]
ROWS = OFFSETS[-1]


class Native(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.documents = Documents(OFFSETS, 'cpu')
        try:
            kernels.load_native()
        except OSError as problem:
            self.skipTest(f'no compiler: {problem}')

    def tearDown(self):
        kernels.use_native(True)

    def agree(self, function, *inputs, limit=1e-4):
        results = []
        for native in (True, False):
            kernels.use_native(native)
            leaves = [x.clone().requires_grad_(True) for x in inputs]
            out = function(*leaves)
            out.backward(torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out.dtype))
            results.append([out.detach()] + [leaf.grad for leaf in leaves])
        for a, b in zip(*results):
            self.assertLess(float((a.float() - b.float()).norm() / b.float().norm()), limit)

    def test_delta_rule(self):
        self.agree(lambda m, g, b: kernels.delta_rule(m, -F.softplus(g), torch.sigmoid(b), self.documents),
                   torch.randn(ROWS, 3 * 3 * 64).bfloat16(), torch.randn(ROWS, 3) - 2, torch.randn(ROWS, 3))

    def test_convolution(self):
        self.agree(lambda x, w: kernels.convolution(x, w, self.documents), torch.randn(ROWS, 192).bfloat16(), torch.randn(192, 4))

    def test_attention_with_drafts(self):
        self.agree(lambda *x: kernels.attention(*x, self.documents), torch.randn(ROWS, 192), torch.randn(ROWS, 64), torch.randn(ROWS, 64),
                   torch.randn(2, ROWS, 64), torch.randn(2, ROWS, 64))

    def test_norm_swiglu_loss(self):
        self.agree(kernels.norm, torch.randn(ROWS, 192), torch.randn(64))
        self.agree(kernels.swiglu, torch.randn(ROWS, 128).bfloat16(), limit=1e-2)
        labels, weights = torch.randint(0, 512, (ROWS,)), torch.rand(ROWS)
        self.agree(lambda h, t: kernels.head_loss(h, t, labels, weights)[0], torch.randn(ROWS, 64), torch.randn(512, 64) * 0.1, limit=1e-2)

    def test_cached_decoding_and_packing_agree_with_one_pass(self):
        kernels.use_native(False)
        config = Config(vocabulary=64, width=64, layers=4, feed_forward=64, heads=1, delta_heads=1)
        weights = initial_weights(config, 1)
        model = Model(config, weights, torch.float32)
        tokens = torch.randint(0, 64, (30,))
        whole = model.logits(model.trunk(tokens, Documents([0, 30], 'cpu')))
        packed = model.logits(model.trunk(torch.cat([tokens[:9], tokens, tokens[:4]]), Documents([0, 9, 39, 43], 'cpu')))[9:39]
        cached = generate.Cached(config, weights, 1, 30)
        steps = torch.stack([cached.step(tokens[i:i + 1])[0] for i in range(30)])
        for other in (packed, steps):
            self.assertLess(float((other - whole).norm() / whole.norm()), 1e-5)


if __name__ == '__main__':
    unittest.main()
