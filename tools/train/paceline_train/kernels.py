"""The parts of the training step that are not matrix products: native on a CPU (kernels.cpp), plain PyTorch elsewhere.

Rows are tokens of packed documents. `Documents` says where each begins; nothing crosses a border. Every public function here
has both forms and tests/test_kernels.py holds them together."""
import ctypes
import hashlib
import os
import subprocess
import tempfile

import torch
import torch.nn.functional as F

HEAD = 64
EPSILON = 1e-6
_library = None


class Documents:
    """Borders of packed documents: offsets[d] .. offsets[d+1] are the rows of document d."""

    def __init__(self, offsets, device):
        self.offsets = torch.tensor(offsets, dtype=torch.int32)
        self.count = len(offsets) - 1
        lengths = self.offsets[1:] - self.offsets[:-1]
        index = torch.repeat_interleave(torch.arange(self.count), lengths.long())
        self.position = (torch.arange(int(self.offsets[-1])) - self.offsets[:-1].long()[index]).to(device)
        self.index = index.to(device)
        self.longest = int(lengths.max())
        self.device = device

    def padded(self, x):
        """[rows, ...] -> [documents, longest, ...], zeros after each document's end."""
        out = x.new_zeros((self.count, self.longest) + x.shape[1:])
        out[self.index, self.position] = x
        return out

    def flat(self, x):
        return x[self.index, self.position]


def load_native():
    """Compile kernels.cpp once for this machine; None where there is no compiler."""
    global _library
    if _library is None:
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'kernels.cpp')
        with open(source, 'rb') as file:
            digest = hashlib.sha256(file.read()).hexdigest()[:16]
        folder = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'paceline-train')
        target = os.path.join(folder, f'kernels-{digest}.so')
        if not os.path.exists(target):
            os.makedirs(folder, exist_ok=True)
            handle, partial = tempfile.mkstemp(dir=folder)
            os.close(handle)
            subprocess.run([os.environ.get('CXX', 'g++'), '-O3', '-march=native', '-ffast-math', '-fopenmp', '-shared', '-fPIC',
                            source, '-o', partial], check=True)
            os.replace(partial, target)
        _library = ctypes.CDLL(target)
        _library.cross_entropy.restype = ctypes.c_double
    return _library


def _native(x):
    return x.device.type == 'cpu' and not torch.is_inference_mode_enabled() and _use_native


_use_native = True


def use_native(enabled):
    global _use_native
    _use_native = enabled


def _pointer(x):
    if x is None:
        return None
    assert x.is_contiguous()
    return ctypes.c_void_p(x.data_ptr())


class _DeltaRule(torch.autograd.Function):
    @staticmethod
    def forward(ctx, mixed, log_decay, beta, documents):
        mixed, log_decay, beta = mixed.contiguous(), log_decay.float().contiguous(), beta.float().contiguous()
        heads = log_decay.shape[1]
        out = torch.empty(mixed.shape[0], heads * HEAD)
        load_native().delta_forward(_pointer(mixed), _pointer(log_decay), _pointer(beta), _pointer(documents.offsets),
                                    documents.count, heads, _pointer(out))
        ctx.save_for_backward(mixed, log_decay, beta)
        ctx.documents = documents
        return out

    @staticmethod
    def backward(ctx, gradient):
        mixed, log_decay, beta = ctx.saved_tensors
        gradient = gradient.float().contiguous()
        out = [torch.empty_like(mixed), torch.empty_like(log_decay), torch.empty_like(beta)]
        load_native().delta_backward(_pointer(mixed), _pointer(log_decay), _pointer(beta), _pointer(gradient),
                                     _pointer(ctx.documents.offsets), ctx.documents.count, log_decay.shape[1],
                                     *[_pointer(x) for x in out])
        return (*out, None)


def unit(x):
    return x / x.square().sum(-1, keepdim=True).sqrt().clamp_min(EPSILON)


def delta_rule(mixed, log_decay, beta, documents):
    """Gated delta rule of q | k | v rows (after convolution); returns [rows, heads*64] in f32."""
    if _native(mixed) and mixed.dtype == torch.bfloat16:
        return _DeltaRule.apply(mixed, log_decay, beta, documents)
    rows, heads = log_decay.shape
    query, key, value = (documents.padded(x.reshape(rows, heads, HEAD)).transpose(1, 2) for x in mixed.float().chunk(3, -1))
    decay, beta = documents.padded(log_decay.float()).transpose(1, 2), documents.padded(beta.float()).transpose(1, 2)
    out = chunked_delta_rule(unit(query) / HEAD ** 0.5, unit(key), value, decay, beta)
    return documents.flat(out.transpose(1, 2)).reshape(rows, heads * HEAD)


def chunked_delta_rule(query, key, value, log_decay, beta, chunk=64):
    """[batch, heads, time, 64] inputs, time padded to chunks with neutral rows; the state stays f32."""
    batch, heads, time, _ = query.shape
    pad = -time % chunk
    query, key, value = (F.pad(x, (0, 0, 0, pad)) for x in (query, key, value))
    log_decay, beta = (F.pad(x, (0, pad)) for x in (log_decay, beta))
    split = lambda x: x.reshape(batch, heads, -1, chunk, *x.shape[3:])
    query, key, value, log_decay, beta = (split(x) for x in (query, key, value, log_decay, beta))
    total = log_decay.cumsum(-1)
    lower = torch.ones(chunk, chunk, dtype=torch.bool, device=query.device).tril()
    ratio = (total[..., :, None] - total[..., None, :]).masked_fill(~lower, float('-inf')).exp()
    similarity = (beta[..., None] * (key @ key.transpose(-1, -2)) * ratio).masked_fill(~lower.tril(-1), 0)
    system = similarity + torch.eye(chunk, device=query.device, dtype=query.dtype)
    solved = torch.linalg.solve_triangular(system, torch.cat([value, key * total.exp()[..., None]], -1) * beta[..., None], upper=False)
    fresh, memory = solved[..., :HEAD], solved[..., HEAD:]
    scores = (query @ key.transpose(-1, -2)) * ratio
    state = query.new_zeros(batch, heads, HEAD, HEAD)
    out = []
    for i in range(total.shape[2]):
        change = fresh[:, :, i] - memory[:, :, i] @ state
        out.append((query[:, :, i] * total[:, :, i].exp()[..., None]) @ state + scores[:, :, i] @ change)
        left = (total[:, :, i, -1:] - total[:, :, i]).exp()
        state = state * total[:, :, i, -1].exp()[..., None, None] + (key[:, :, i] * left[..., None]).transpose(-1, -2) @ change
    return torch.stack(out, 2).reshape(batch, heads, -1, HEAD)[:, :, :time]


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, documents):
        x, weight = x.contiguous(), weight.contiguous()
        out = torch.empty_like(x)
        load_native().convolution_forward(_pointer(x), _pointer(weight), _pointer(documents.offsets), documents.count,
                                          x.shape[1], _pointer(out))
        ctx.save_for_backward(x, weight)
        ctx.documents = documents
        return out

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous()
        x_gradient, weight_gradient = torch.empty_like(x), torch.empty_like(weight)
        load_native().convolution_backward(_pointer(x), _pointer(weight), _pointer(gradient), _pointer(ctx.documents.offsets),
                                           ctx.documents.count, x.shape[1], _pointer(x_gradient), _pointer(weight_gradient))
        return x_gradient, weight_gradient, None


def convolution(x, weight, documents):
    """SiLU of the causal depthwise convolution; weight [channels, 4], oldest tap first."""
    if _native(x) and x.dtype == torch.bfloat16:
        return _Convolution.apply(x, weight, documents)
    padded = F.pad(documents.padded(x.float()), (0, 0, 3, 0))
    taps = sum(padded[:, t:t + documents.longest] * weight[:, t] for t in range(4))
    return F.silu(documents.flat(taps)).to(x.dtype)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, key, value, extra_key, extra_value, documents):
        tensors = [x.float().contiguous() for x in (query, key, value, extra_key, extra_value)]
        rows, heads, kv_heads, extra = query.shape[0], query.shape[1] // HEAD, key.shape[1] // HEAD, extra_key.shape[0]
        ctx.shape = (documents.count, rows, heads, kv_heads, extra)
        out = torch.empty_like(tensors[0])
        load_native().attention_forward(*[_pointer(x) for x in tensors], _pointer(documents.offsets), *ctx.shape, _pointer(out))
        ctx.save_for_backward(*tensors)
        ctx.documents = documents
        return out

    @staticmethod
    def backward(ctx, gradient):
        tensors = ctx.saved_tensors
        gradient = gradient.float().contiguous()
        out = [torch.zeros_like(x) for x in tensors]
        load_native().attention_backward(*[_pointer(x) for x in tensors], _pointer(gradient), _pointer(ctx.documents.offsets),
                                         *ctx.shape, *[_pointer(x) for x in out])
        return (*out, None)


def attention(query, key, value, extra_key, extra_value, documents):
    """Causal attention inside each document. extra_* [depth, rows, width] are rows that only the same row sees (MTP drafts)."""
    if _native(query):
        return _Attention.apply(query, key, value, extra_key, extra_value, documents)
    rows, heads, kv_heads = query.shape[0], query.shape[1] // HEAD, key.shape[1] // HEAD
    expand = lambda x: x.reshape(*x.shape[:-1], kv_heads, HEAD).repeat_interleave(heads // kv_heads, -2)
    pad = lambda x: documents.padded(x).transpose(1, 2)
    queries = query.reshape(rows, heads, HEAD)
    scores = pad(queries) @ pad(expand(key)).transpose(-1, -2) / HEAD ** 0.5
    causal = torch.ones(documents.longest, documents.longest, dtype=torch.bool, device=query.device).tril()
    scores = documents.flat(scores.masked_fill(~causal, float('-inf')).transpose(1, 2))      # [rows, heads, longest]
    own = torch.einsum('rhd,erhd->rhe', queries, expand(extra_key)) / HEAD ** 0.5
    weights = torch.cat([scores, own], -1).softmax(-1)
    base = documents.flat((pad(weights[..., :documents.longest]) @ pad(expand(value))).transpose(1, 2))
    return (base + torch.einsum('rhe,erhd->rhd', weights[..., documents.longest:], expand(extra_value))).reshape(rows, -1)


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, dtype):
        x = x.float().contiguous()
        width = weight.shape[0]
        out = torch.empty(x.shape, dtype=dtype)
        narrow, wide = (out, None) if dtype == torch.bfloat16 else (None, out)
        load_native().norm_forward(_pointer(x), _pointer(weight), x.numel() // width, width, _pointer(narrow), _pointer(wide))
        ctx.save_for_backward(x, weight)
        return out

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous()
        narrow, wide = (gradient, None) if gradient.dtype == torch.bfloat16 else (None, gradient)
        x_gradient, weight_gradient = torch.empty_like(x), torch.zeros_like(weight)
        width = weight.shape[0]
        load_native().norm_backward(_pointer(x), _pointer(weight), _pointer(narrow), _pointer(wide), x.numel() // width, width,
                                    _pointer(x_gradient), _pointer(weight_gradient))
        return x_gradient, weight_gradient, None


def norm(x, weight, dtype=torch.float32):
    """RMS norm over groups of len(weight) values; x may be wider (several heads in one row)."""
    if _native(x):
        return _Norm.apply(x, weight, dtype)
    groups = x.float().reshape(*x.shape[:-1], -1, weight.shape[0])
    out = groups * (groups.square().mean(-1, keepdim=True) + EPSILON).rsqrt() * weight
    return out.reshape(x.shape).to(dtype)


class _Swiglu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x = x.contiguous()
        out = torch.empty(x.shape[0], x.shape[1] // 2, dtype=x.dtype)
        load_native().swiglu_forward(_pointer(x), x.shape[0], x.shape[1] // 2, _pointer(out))
        ctx.save_for_backward(x)
        return out

    @staticmethod
    def backward(ctx, gradient):
        x, = ctx.saved_tensors
        out = torch.empty_like(x)
        gradient = gradient.contiguous()
        load_native().swiglu_backward(_pointer(x), _pointer(gradient), x.shape[0], x.shape[1] // 2, _pointer(out))
        return out


def swiglu(x):
    if _native(x) and x.dtype == torch.bfloat16:
        return _Swiglu.apply(x)
    gate, up = x.chunk(2, -1)
    return F.silu(gate) * up


class _HeadLoss(torch.autograd.Function):
    """Sum of weight * cross entropy of hidden @ table^T, a chunk of rows at a time so that the logits stay in cache."""

    @staticmethod
    def forward(ctx, hidden, table, labels, weights, chunk):
        hidden, table = hidden.bfloat16(), table.bfloat16()
        total, hits = 0.0, torch.empty(len(labels), dtype=torch.uint8)
        hidden_gradient = torch.empty_like(hidden)
        table_gradient = torch.zeros(table.shape)
        for begin in range(0, len(labels), chunk):
            part = slice(begin, begin + chunk)
            logits = (hidden[part] @ table.t()).contiguous()
            total += load_native().cross_entropy(_pointer(logits), _pointer(labels[part]), _pointer(weights[part]), len(logits),
                                                 len(table), _pointer(hits[part]))
            hidden_gradient[part] = logits @ table
            table_gradient += logits.t() @ hidden[part]
        ctx.save_for_backward(hidden_gradient, table_gradient)
        ctx.mark_non_differentiable(hits)
        return torch.tensor(total, dtype=torch.float32), hits

    @staticmethod
    def backward(ctx, gradient, _):
        hidden_gradient, table_gradient = ctx.saved_tensors
        return hidden_gradient * gradient, table_gradient * gradient, None, None, None


def head_loss(hidden, table, labels, weights, chunk=1024):
    """(sum of weight*loss, argmax==label per row)."""
    if _native(hidden):
        return _HeadLoss.apply(hidden, table, labels.contiguous(), weights.float().contiguous(), chunk)
    logits = (hidden.to(table.dtype) @ table.t()).float()
    loss = (F.cross_entropy(logits, labels, reduction='none') * weights).sum()
    return loss, logits.argmax(-1) == labels
