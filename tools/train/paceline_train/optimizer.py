"""Muon for the matrices inside the blocks, AdamW for everything else. Muon (momentum whose matrix is made orthogonal by five
Newton-Schulz steps) needs about half the tokens of AdamW at this size; its cost per step is a few per cent."""
import torch

ADAM_BETAS, ADAM_EPSILON, MOMENTUM = (0.9, 0.95), 1e-10, 0.95


def is_muon(name, tensor):
    return tensor.dim() == 2 and min(tensor.shape) >= 32 and name.startswith('blk.')


def orthogonal(batch):
    """Newton-Schulz: the nearest semi-orthogonal matrices, roughly (singular values end between 0.7 and 1.2)."""
    x = batch.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.transpose(-1, -2)
    x = x / (x.float().norm(dim=(-2, -1), keepdim=True) + 1e-7).to(x.dtype)
    for _ in range(5):
        square = x @ x.transpose(-1, -2)
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * (square @ square)) @ x
    return (x.transpose(-1, -2) if tall else x).float()


def pieces(tensor, width):
    """Square blocks of a stacked projection (q | k | v …) are separate maps: orthogonalise each by itself."""
    rows = tensor.shape[0]
    return rows // width if tensor.shape[1] == width and rows > width and rows % width == 0 else 1


class Optimizer:
    def __init__(self, weights, width):
        self.weights, self.width, self.step_count = weights, width, 0
        self.first = {name: torch.zeros_like(w) for name, w in weights.items()}
        self.second = {name: torch.zeros_like(w) for name, w in weights.items() if not is_muon(name, w)}

    def state(self):
        return {'step': self.step_count, 'first': self.first, 'second': self.second}

    def restore(self, state):
        self.step_count = state['step']
        for name in self.first:
            self.first[name].copy_(state['first'][name])
        for name in self.second:
            self.second[name].copy_(state['second'][name])

    @torch.no_grad()
    def step(self, gradients, muon_rate, adam_rate, decay):
        self.step_count += 1
        groups = {}
        for name, gradient in gradients.items():
            weight, momentum = self.weights[name], self.first[name]
            if name in self.second:
                self._adam(name, weight, gradient, adam_rate)
                continue
            momentum.lerp_(gradient, 1 - MOMENTUM)
            update = gradient.lerp(momentum, MOMENTUM)
            for part, target in zip(update.chunk(pieces(update, self.width)), weight.chunk(pieces(update, self.width))):
                groups.setdefault(tuple(part.shape), []).append((part, target))
        for shape, pairs in groups.items():
            scale = muon_rate * max(1.0, shape[0] / shape[1]) ** 0.5
            for direction, (_, target) in zip(orthogonal(torch.stack([part for part, _ in pairs])), pairs):
                target.mul_(1 - muon_rate * decay).sub_(direction * scale)

    def _adam(self, name, weight, gradient, rate):
        first, second = self.first[name], self.second[name]
        first.lerp_(gradient, 1 - ADAM_BETAS[0])
        second.lerp_(gradient.square(), 1 - ADAM_BETAS[1])
        hat = (second / (1 - ADAM_BETAS[1] ** self.step_count)).sqrt_().add_(ADAM_EPSILON)
        weight.sub_(first / (1 - ADAM_BETAS[0] ** self.step_count) / hat * rate)
