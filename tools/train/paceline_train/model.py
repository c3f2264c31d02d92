"""The qwen35 architecture with its MTP block, in PyTorch. Weights are named, shaped and meant exactly as in the GGUF file
(norms as plain scales, value head h reads key head h mod Nk), so export is a copy. The one exception: `ssm_a` is kept as its
logarithm while training (`log_ssm_a`), so that it stays negative."""
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from . import kernels
from .kernels import HEAD


@dataclass(frozen=True)
class Config:
    vocabulary: int = 4096
    width: int = 192
    layers: int = 8                  # trunk; one MTP block follows
    feed_forward: int = 512
    heads: int = 3                   # query heads of the attention layers
    kv_heads: int = 1
    delta_heads: int = 3             # key heads = value heads of the delta-rule layers
    interval: int = 4                # every interval-th layer is full attention
    rope: int = 32
    rope_sections: tuple = (6, 5, 5, 0)
    theta: float = 10000.0
    context: int = 2048

    def is_attention(self, layer):
        return (layer + 1) % self.interval == 0 or layer == self.layers


def shapes(config):
    """Name -> shape of every trained tensor, outputs first (numpy order)."""
    width, out = config.width, {'token_embd.weight': (config.vocabulary, config.width), 'output_norm.weight': (config.width,)}
    delta = config.delta_heads * HEAD
    for layer in range(config.layers + 1):
        block = f'blk.{layer}.'
        part = {'attn_norm.weight': (width,), 'post_attention_norm.weight': (width,),
                'ffn_gate.weight': (config.feed_forward, width), 'ffn_up.weight': (config.feed_forward, width),
                'ffn_down.weight': (width, config.feed_forward)}
        if config.is_attention(layer):
            part.update({'attn_q.weight': (2 * HEAD * config.heads, width), 'attn_k.weight': (HEAD * config.kv_heads, width),
                         'attn_v.weight': (HEAD * config.kv_heads, width), 'attn_output.weight': (width, HEAD * config.heads),
                         'attn_q_norm.weight': (HEAD,), 'attn_k_norm.weight': (HEAD,)})
        else:
            part.update({'attn_qkv.weight': (3 * delta, width), 'attn_gate.weight': (delta, width), 'ssm_out.weight': (width, delta),
                         'ssm_conv1d.weight': (3 * delta, 4), 'ssm_dt.bias': (config.delta_heads,), 'log_ssm_a': (config.delta_heads,),
                         'ssm_beta.weight': (config.delta_heads, width), 'ssm_alpha.weight': (config.delta_heads, width),
                         'ssm_norm.weight': (HEAD,)})
        if layer == config.layers:
            part.update({'nextn.eh_proj.weight': (width, 2 * width), 'nextn.enorm.weight': (width,),
                         'nextn.hnorm.weight': (width,), 'nextn.shared_head_norm.weight': (width,)})
        out.update({block + name: shape for name, shape in part.items()})
    return out


def initial_weights(config, seed):
    """Seeded start: small normal matrices, unit norms, decays spread from slow to fast over the heads."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in shapes(config).items():
        if name.endswith('norm.weight'):
            weights[name] = torch.ones(shape)
        elif name.endswith('ssm_dt.bias'):
            steps = torch.logspace(-2.7, -0.7, shape[0])
            weights[name] = torch.log(torch.expm1(steps))
        elif name.endswith('log_ssm_a'):
            weights[name] = torch.linspace(0.0, 1.4, shape[0])
        elif name.endswith('conv1d.weight'):
            weights[name] = torch.randn(shape, generator=generator) * 0.2
            weights[name][:, 3] += 0.5
        else:
            scale = 0.02 if name == 'token_embd.weight' else 1 / math.sqrt(shape[1])
            if name.endswith(('attn_output.weight', 'ssm_out.weight', 'ffn_down.weight')):
                scale /= math.sqrt(2 * config.layers)
            weights[name] = torch.randn(shape, generator=generator) * scale
    return weights


class Model:
    """Forward passes over packed rows. `compute` is the type of the matrix products: bfloat16 to train, float32 to check."""

    def __init__(self, config, weights, compute=torch.bfloat16):
        self.config, self.weights, self.compute = config, weights, compute
        self._rope = {}

    def project(self, x, *names):
        tables = [self.weights[name].to(self.compute) for name in names]
        return F.linear(x.to(self.compute), tables[0] if len(tables) == 1 else torch.cat(tables))

    def norm(self, x, name, dtype=None):
        return kernels.norm(x, self.weights[name], dtype or self.compute)

    def rotate(self, x, position):
        """Partial NEOX rotation of rows of heads; position [rows]."""
        half = self.config.rope // 2
        angle = position[:, None].double() * self.config.theta ** (-torch.arange(half, device=x.device, dtype=torch.float64) / half)
        cos, sin = angle.cos().to(x.dtype)[:, None], angle.sin().to(x.dtype)[:, None]
        heads = x.reshape(x.shape[0], -1, HEAD)
        first, second, rest = heads.split([half, half, HEAD - 2 * half], -1)
        return torch.cat([first * cos - second * sin, first * sin + second * cos, rest], -1).reshape(x.shape)

    def attention_inputs(self, block, x, position):
        """(query, gate, key, value) rows of an attention block, after norms and rotation."""
        mixed = self.project(x, block + 'attn_q.weight', block + 'attn_k.weight', block + 'attn_v.weight')
        wide, kv = 2 * HEAD * self.config.heads, HEAD * self.config.kv_heads
        pair = mixed[:, :wide].reshape(-1, self.config.heads, 2, HEAD)
        query, gate = pair[:, :, 0].reshape(len(x), -1).to(self.scalar), pair[:, :, 1].reshape(len(x), -1)
        key, value = mixed[:, wide:wide + kv].to(self.scalar), mixed[:, wide + kv:].to(self.scalar)
        query = self.rotate(self.norm(query, block + 'attn_q_norm.weight', self.scalar), position)
        key = self.rotate(self.norm(key, block + 'attn_k_norm.weight', self.scalar), position)
        return query, gate, key, value

    @property
    def scalar(self):
        return torch.float32 if self.compute == torch.bfloat16 else self.compute

    def attend(self, block, x, documents, position, base=None, extra=()):
        """Gated attention. base = (key, value) of the first-depth rows; extra = those of this row's earlier drafts."""
        query, gate, key, value = self.attention_inputs(block, x, position)
        own = (key, value)
        if base is not None:
            extra, (key, value) = [*extra, own], base
        empty = key.new_zeros((0,) + key.shape)
        extra_key, extra_value = (torch.stack([pair[i] for pair in extra]) if extra else empty for i in (0, 1))
        out = kernels.attention(query, key, value, extra_key, extra_value, documents)
        return self.project(out.to(self.compute) * torch.sigmoid(gate), block + 'attn_output.weight'), own

    def delta(self, block, x, documents):
        width = self.config.delta_heads * HEAD
        mixed, gate, beta, alpha = self.delta_inputs(block, x)
        mixed = kernels.convolution(mixed, self.weights[block + 'ssm_conv1d.weight'], documents)
        out = kernels.delta_rule(mixed, self.log_decay(block, alpha), torch.sigmoid(beta.to(self.scalar)), documents)
        out = self.norm(out, block + 'ssm_norm.weight') * F.silu(gate)
        return self.project(out.reshape(-1, width), block + 'ssm_out.weight')

    def delta_inputs(self, block, x):
        width, heads = self.config.delta_heads * HEAD, self.config.delta_heads
        names = ('attn_qkv', 'attn_gate', 'ssm_beta', 'ssm_alpha')
        return self.project(x, *[f'{block}{name}.weight' for name in names]).split([3 * width, width, heads, heads], -1)

    def log_decay(self, block, alpha):
        return -self.weights[block + 'log_ssm_a'].exp() * F.softplus(alpha.to(self.scalar) + self.weights[block + 'ssm_dt.bias'])

    def feed_forward(self, block, x):
        mixed = self.project(self.norm(x, block + 'post_attention_norm.weight'), block + 'ffn_gate.weight', block + 'ffn_up.weight')
        return self.project(kernels.swiglu(mixed), block + 'ffn_down.weight')

    def embed(self, tokens):
        return F.embedding(tokens, self.weights['token_embd.weight'])

    def trunk(self, tokens, documents):
        """Post-norm hidden rows of packed documents."""
        x = self.embed(tokens)
        for layer in range(self.config.layers):
            block = f'blk.{layer}.'
            inner = self.norm(x, block + 'attn_norm.weight')
            if self.config.is_attention(layer):
                x = x + self.attend(block, inner, documents, documents.position)[0]
            else:
                x = x + self.delta(block, inner, documents)
            x = x + self.feed_forward(block, x)
        return self.norm(x, 'output_norm.weight', self.scalar)

    def combine(self, tokens, hidden):
        """The MTP block's input: next token's embedding first, hidden state second."""
        block = f'blk.{self.config.layers}.nextn.'
        pair = [self.norm(self.embed(tokens), block + 'enorm.weight'), self.norm(hidden, block + 'hnorm.weight')]
        return self.project(torch.cat(pair, -1), block + 'eh_proj.weight').to(self.scalar)

    def draft(self, tokens, hidden, documents, depth):
        """Hidden rows of the MTP block at depth 1..depth: row r of depth d has seen the true tokens up to r+d and predicts
        r+d+1. Deeper rows see the first-depth rows up to r, as in decoding, and their own earlier drafts."""
        block, out, base, extra = f'blk.{self.config.layers}.', [], None, []
        for step in range(1, depth + 1):
            x = self.combine(torch.roll(tokens, -step), hidden)
            mixed, own = self.attend(block, self.norm(x, block + 'attn_norm.weight'), documents, documents.position + step, base, extra)
            if base is None:
                base = own
            else:
                extra = [*extra, own]
            x = x + mixed
            x = x + self.feed_forward(block, x)
            hidden = self.norm(x, block + 'nextn.shared_head_norm.weight', self.scalar)
            out.append(hidden)
        return out

    def logits(self, hidden):
        return (hidden.to(self.compute) @ self.weights['token_embd.weight'].to(self.compute).t()).to(self.scalar)
