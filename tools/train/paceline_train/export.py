"""The trained weights as a qwen35 GGUF file, and back."""
import hashlib

import numpy as np
import torch

from . import gguf, template
from .gguf import BOOL, FLOAT, I32, STRING, U32, Value
from .kernels import EPSILON, HEAD
from .loop import Start
from .model import Config, shapes
from .tokenizer import Tokenizer

FILE_TYPES = {'F16': (gguf.F16, 1), 'Q8_0': (gguf.Q8_0, 7)}


def size_label(count):
    return f'{count / 1e6:.1f}M'


def model_metadata(config, count, file_type):
    a = 'qwen35.'
    return {'general.architecture': Value(STRING, 'qwen35'), 'general.type': Value(STRING, 'model'),
            'general.name': Value(STRING, 'paceline demo'), 'general.basename': Value(STRING, 'paceline-demo'),
            'general.author': Value(STRING, 'the paceline project'), 'general.license': Value(STRING, 'apache-2.0'),
            'general.size_label': Value(STRING, size_label(count)), 'general.languages': Value(STRING, ['en']),
            'general.tags': Value(STRING, ['text-generation', 'demonstration']),
            'general.description': Value(STRING, 'A small demonstration model with a multi-token prediction head: short Python functions, '
                                                 'shell one-liners, arithmetic and probability in steps. Not an assistant.'),
            'general.sampling.temp': Value(FLOAT, 0.0),
            'general.file_type': Value(U32, file_type), 'general.quantization_version': Value(U32, 2),
            a + 'block_count': Value(U32, config.layers + 1), a + 'nextn_predict_layers': Value(U32, 1),
            a + 'context_length': Value(U32, config.context), a + 'embedding_length': Value(U32, config.width),
            a + 'feed_forward_length': Value(U32, config.feed_forward), a + 'attention.head_count': Value(U32, config.heads),
            a + 'attention.head_count_kv': Value(U32, config.kv_heads), a + 'attention.key_length': Value(U32, HEAD),
            a + 'attention.value_length': Value(U32, HEAD), a + 'attention.layer_norm_rms_epsilon': Value(FLOAT, EPSILON),
            a + 'rope.dimension_count': Value(U32, config.rope), a + 'rope.dimension_sections': Value(I32, list(config.rope_sections)),
            a + 'rope.freq_base': Value(FLOAT, config.theta), a + 'full_attention_interval': Value(U32, config.interval),
            a + 'ssm.conv_kernel': Value(U32, 4), a + 'ssm.state_size': Value(U32, HEAD), a + 'ssm.group_count': Value(U32, config.delta_heads),
            a + 'ssm.time_step_rank': Value(U32, config.delta_heads), a + 'ssm.inner_size': Value(U32, config.delta_heads * HEAD)}


def tokenizer_metadata(words):
    t = 'tokenizer.ggml.'
    return {t + 'model': Value(STRING, 'gpt2'), t + 'pre': Value(STRING, 'qwen35'), t + 'tokens': Value(STRING, words.tokens),
            t + 'token_type': Value(I32, words.types), t + 'merges': Value(STRING, [f'{a} {b}' for a, b in words.merges]),
            t + 'eos_token_id': Value(U32, words.ids['<|im_end|>']), t + 'bos_token_id': Value(U32, words.ids['<|endoftext|>']),
            t + 'padding_token_id': Value(U32, words.ids['<|endoftext|>']), t + 'add_bos_token': Value(BOOL, False),
            'tokenizer.chat_template': Value(STRING, template.JINJA)}


def stays_f32(name, x):
    return x.ndim == 1 or 'ssm_conv1d' in name or '_norm.weight' in name or not name.endswith('.weight')


def file_tensors(weights, kind):
    out = []
    for name, weight in weights.items():
        x = weight.detach().cpu().float().numpy()
        if name.endswith('log_ssm_a'):
            name, x = name.replace('log_ssm_a', 'ssm_a'), -np.exp(x)
        out.append((name, x, gguf.F32 if stays_f32(name, x) else kind))
    return out


def write_model(path, config, weights, words, kind):
    kind, file_type = FILE_TYPES[kind]
    count = sum(w.numel() for w in weights.values())
    gguf.write(path, {**model_metadata(config, count, file_type), **tokenizer_metadata(words)}, file_tensors(weights, kind))


def config_of(path, metadata):
    """What write_model put into the metadata; a file that lacks some of it was not written here."""
    def m(key):
        if 'qwen35.' + key not in metadata:
            raise SystemExit(f'{path}: no qwen35.{key} in its metadata; only files written by tools/train can be read here')
        return metadata['qwen35.' + key]
    return Config(vocabulary=len(metadata.get('tokenizer.ggml.tokens', ())), width=m('embedding_length'), layers=m('block_count') - 1,
                  feed_forward=m('feed_forward_length'), heads=m('attention.head_count'), kv_heads=m('attention.head_count_kv'),
                  delta_heads=m('ssm.time_step_rank'), interval=m('full_attention_interval'), rope=m('rope.dimension_count'),
                  rope_sections=tuple(m('rope.dimension_sections')), theta=m('rope.freq_base'), context=m('context_length'))


def check_shapes(path, config, weights):
    expected = shapes(config)
    for name in sorted(expected.keys() | weights.keys()):
        found = tuple(weights[name].shape) if name in weights else None
        if found != expected.get(name):
            raise SystemExit(f'{path}: tensor {name} is {found or "missing"}, expected {expected.get(name) or "no such tensor"}')


def read_model(path):
    """(config, weights as torch tensors, metadata) of a file written here."""
    try:
        file = gguf.Reader(path)
    except (OSError, ValueError) as error:
        raise SystemExit(f'cannot read a model: {error}')
    config, weights = config_of(path, file.metadata), {}
    for name, x in file.tensors.items():
        x = torch.from_numpy(np.array(x))
        if name.endswith('ssm_a'):
            name, x = name.replace('ssm_a', 'log_ssm_a'), torch.log(-x)
        weights[name] = x
    check_shapes(path, config, weights)
    return config, weights, file.metadata


def read_start(path):
    """(tokenizer, start) for a training run that goes on from a file, with fresh optimizer state."""
    config, weights, metadata = read_model(path)
    with open(path, 'rb') as file:
        origin = hashlib.sha256(file.read()).hexdigest()
    order = {name: weights[name] for name in shapes(config)}
    return Tokenizer([pair.split(' ') for pair in metadata['tokenizer.ggml.merges']]), Start(config, order, origin)
