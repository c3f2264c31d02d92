"""GGUF v3: a writer for what this model needs (F32, F16, Q8_0) and a reader for its own checks. Standard library and numpy."""
import struct

import numpy as np

F32, F16, Q8_0 = 0, 1, 8
ALIGNMENT = 32
U32, I32, FLOAT, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
FORMATS = {U32: '<I', I32: '<i', FLOAT: '<f', BOOL: '<?'}


class Value:
    """A metadata value with its file type; a list becomes an array of that type."""

    def __init__(self, kind, value):
        self.kind, self.value = kind, value

    def scalar(self, value):
        if self.kind == STRING:
            data = value.encode()
            return struct.pack('<Q', len(data)) + data
        return struct.pack(FORMATS[self.kind], value)

    def encoded(self):
        if isinstance(self.value, (list, tuple)):
            head = struct.pack('<IIQ', ARRAY, self.kind, len(self.value))
            return head + b''.join(self.scalar(v) for v in self.value)
        return struct.pack('<I', self.kind) + self.scalar(self.value)


def string(text):
    data = text.encode()
    return struct.pack('<Q', len(data)) + data


def quantize_q8_0(x):
    """Blocks of 32: f16 scale = max|x|/127, then int8, rounded half away from zero as other writers of the format do."""
    blocks = np.ascontiguousarray(x, '<f4').reshape(-1, 32)
    scale = np.abs(blocks).max(1, keepdims=True) / np.float32(127)
    inverse = np.where(scale > 0, 1 / np.where(scale > 0, scale, 1), 0)
    scaled = blocks * inverse
    values = (np.sign(scaled) * np.floor(np.abs(scaled) + np.float32(0.5))).clip(-127, 127).astype('i1')
    out = np.empty((len(blocks), 34), 'u1')
    out[:, :2] = scale.astype('<f2').view('u1')
    out[:, 2:] = values.view('u1')
    return out.tobytes()


def dequantize_q8_0(data, shape):
    blocks = np.frombuffer(data, 'u1').reshape(-1, 34)
    scale = blocks[:, :2].copy().view('<f2').astype('f4')
    return (blocks[:, 2:].copy().view('i1').astype('f4') * scale).reshape(shape)


def encode(x, kind):
    if kind == Q8_0:
        if x.shape[-1] % 32:
            raise ValueError(f'Q8_0 needs rows of a multiple of 32 values, got {x.shape[-1]}')
        return quantize_q8_0(x)
    return np.ascontiguousarray(x, '<f4' if kind == F32 else '<f2').tobytes()


def write(path, metadata, tensors):
    """tensors: [(name, array outermost first, type)], in file order."""
    head = struct.pack('<4sIQQ', b'GGUF', 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        head += string(key) + value.encoded()
    offset, blobs = 0, []
    for name, x, kind in tensors:
        data = encode(x, kind)
        head += string(name) + struct.pack('<I', x.ndim) + b''.join(struct.pack('<Q', n) for n in x.shape[::-1])
        head += struct.pack('<IQ', kind, offset)
        blobs.append(data + bytes(-len(data) % ALIGNMENT))
        offset += len(blobs[-1])
    with open(path, 'wb') as file:
        file.write(head + bytes(-len(head) % ALIGNMENT) + b''.join(blobs))


class Reader:
    """metadata and tensors (as f32 arrays, outermost first) of a file this module could have written."""

    def __init__(self, path):
        with open(path, 'rb') as file:
            self.data = file.read()
        self.at, self.metadata = 8, {}
        if self.data[:8] != struct.pack('<4sI', b'GGUF', 3):
            raise ValueError(f'{path}: not a GGUF v3 file')
        try:
            self.read()
        except (struct.error, KeyError, ValueError) as error:
            raise ValueError(f'{path}: cut short, or not written by tools/train ({error})')

    def read(self):
        tensors, pairs = self.take('<Q'), self.take('<Q')
        for _ in range(pairs):
            key = self.text()
            self.metadata[key] = self.value(self.take('<I'))
        infos = [(self.text(), [self.take('<Q') for _ in range(self.take('<I'))], self.take('<I'), self.take('<Q')) for _ in range(tensors)]
        base = -(-self.at // ALIGNMENT) * ALIGNMENT
        self.types = {name: kind for name, _, kind, _ in infos}
        self.tensors = {name: self.tensor(base + offset, shape[::-1], kind) for name, shape, kind, offset in infos}

    def take(self, form):
        value, = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        size = self.take('<Q')
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def value(self, kind):
        if kind == ARRAY:
            element, count = self.take('<I'), self.take('<Q')
            return [self.value(element) for _ in range(count)]
        return self.text() if kind == STRING else self.take(FORMATS[kind])

    def tensor(self, at, shape, kind):
        count = int(np.prod(shape))
        if kind == Q8_0:
            return dequantize_q8_0(self.data[at:at + count // 32 * 34], shape)
        return np.frombuffer(self.data, '<f4' if kind == F32 else '<f2', count, at).astype('f4').reshape(shape)
