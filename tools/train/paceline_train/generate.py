"""Greedy decoding of many prompts at once with cached state, and what the MTP block would have drafted for the result.

All sequences advance one position a step: those still in their prompt read it, the others read what they wrote."""
import torch
import torch.nn.functional as F

from .kernels import HEAD, Documents, unit, use_native
from .model import Model


class Cached:
    """Single-position forward passes of `batch` sequences in lockstep."""

    def __init__(self, config, weights, batch, longest, compute=torch.float32):
        self.model = Model(config, {name: w.detach().to(compute) for name, w in weights.items()}, compute)
        self.config, self.batch, self.position = config, batch, 0
        device, heads, width = weights['token_embd.weight'].device, config.delta_heads, config.delta_heads * HEAD
        self.states, self.windows, self.keys, self.values = {}, {}, {}, {}
        for layer in range(config.layers):
            if config.is_attention(layer):
                self.keys[layer] = torch.zeros(batch, longest, config.kv_heads, HEAD, dtype=compute, device=device)
                self.values[layer] = torch.zeros_like(self.keys[layer])
            else:
                self.states[layer] = torch.zeros(batch, heads, HEAD, HEAD, dtype=compute, device=device)
                self.windows[layer] = torch.zeros(batch, 3, 3 * width, dtype=compute, device=device)

    def attend(self, layer, x):
        block, config, now = f'blk.{layer}.', self.config, self.position
        where = torch.full((self.batch,), now, device=x.device)
        query, gate, key, value = self.model.attention_inputs(block, x, where)
        self.keys[layer][:, now] = key.reshape(self.batch, config.kv_heads, HEAD)
        self.values[layer][:, now] = value.reshape(self.batch, config.kv_heads, HEAD)
        query = query.reshape(self.batch, config.kv_heads, config.heads // config.kv_heads, HEAD)
        scores = torch.einsum('bghd,btgd->bght', query, self.keys[layer][:, :now + 1]) / HEAD ** 0.5
        out = torch.einsum('bght,btgd->bghd', scores.softmax(-1), self.values[layer][:, :now + 1])
        return self.model.project(out.reshape(self.batch, -1) * torch.sigmoid(gate), block + 'attn_output.weight')

    def delta(self, layer, x):
        block, heads, model = f'blk.{layer}.', self.config.delta_heads, self.model
        mixed, gate, beta, alpha = model.delta_inputs(block, x)
        window = torch.cat([self.windows[layer], mixed[:, None]], 1)
        self.windows[layer] = window[:, 1:]
        mixed = F.silu((window * model.weights[block + 'ssm_conv1d.weight'].t()).sum(1))
        query, key, value = mixed.reshape(self.batch, 3, heads, HEAD).unbind(1)
        query, key = unit(query) / HEAD ** 0.5, unit(key)
        state = self.states[layer] * model.log_decay(block, alpha).exp()[..., None, None]
        change = torch.sigmoid(beta)[..., None] * (value - torch.einsum('bhij,bhi->bhj', state, key))
        self.states[layer] = state = state + key[..., :, None] * change[..., None, :]
        out = torch.einsum('bhij,bhi->bhj', state, query)
        out = model.norm(out, block + 'ssm_norm.weight').reshape(self.batch, -1) * F.silu(gate)
        return model.project(out, block + 'ssm_out.weight')

    def step(self, tokens):
        """Logits after one more token of every sequence."""
        x = self.model.embed(tokens)
        for layer in range(self.config.layers):
            block = f'blk.{layer}.'
            inner = self.model.norm(x, block + 'attn_norm.weight')
            x = x + (self.attend(layer, inner) if self.config.is_attention(layer) else self.delta(layer, inner))
            x = x + self.model.feed_forward(block, x)
        self.position += 1
        return self.model.logits(self.model.norm(x, 'output_norm.weight'))


@torch.no_grad()
def greedy(config, weights, prompts, limit, stops, batch=100):
    """Ids written after each prompt, without the stop token."""
    use_native(False)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    out = [None] * len(prompts)
    for first in range(0, len(order), batch):
        chosen = order[first:first + batch]
        for i, ids in zip(chosen, _greedy_batch(config, weights, [prompts[i] for i in chosen], limit, stops)):
            out[i] = ids
    use_native(True)
    return out


def _greedy_batch(config, weights, prompts, limit, stops):
    longest = max(map(len, prompts)) + limit
    device = weights['token_embd.weight'].device
    cached = Cached(config, weights, len(prompts), longest)
    written, done = [list(p) for p in prompts], [False] * len(prompts)
    for position in range(longest - 1):
        tokens = [w[position] if position < len(w) else w[-1] for w in written]
        best = cached.step(torch.tensor(tokens, device=device)).argmax(-1).tolist()
        for i, token in enumerate(best):
            if done[i] or position + 1 < len(written[i]):
                continue
            if token in stops or len(written[i]) - len(prompts[i]) >= limit:
                done[i] = True
            else:
                written[i].append(token)
        if all(done):
            break
    return [w[len(p):] for w, p in zip(written, prompts)]


@torch.no_grad()
def draft_matches(config, weights, prompt, written, depth=3):
    """matches[i][d]: whether the draft of depth d+1 made after written[:i+1] equals written[i+1+d] (None past the end)."""
    use_native(False)
    ids = prompt + written
    model = Model(config, {name: w.detach().float() for name, w in weights.items()}, torch.float32)
    tokens = torch.tensor(ids, device=weights['token_embd.weight'].device)
    documents = Documents([0, len(ids)], tokens.device)
    hidden = model.trunk(tokens, documents)
    drafts = [model.logits(state).argmax(-1).tolist() for state in model.draft(tokens, hidden, documents, depth)]
    use_native(True)
    out = []
    for place in range(len(prompt), len(ids) - 1):                    # the newest token is at `place`, its row is place-1
        out.append([drafts[d][place - 1] == ids[place + 1 + d] if place + 1 + d < len(ids) else None for d in range(depth)])
    return out


def acceptance(matches, depth=3):
    """(drafted, accepted) by depth over decoding cycles: after each cycle the next starts behind what was accepted."""
    drafted, accepted, place = [0] * depth, [0] * depth, 0
    while place < len(matches):
        count = 0
        while count < depth and matches[place][count]:
            count += 1
        for d in range(depth):
            if matches[place][d] is not None:
                drafted[d] += 1
                accepted[d] += d < count
        place += count + 1
    return drafted, accepted
