"""Include directions of src/ (docs/tour.md draws them): no include goes up or sideways. `python3 tests/house/layers.py`

The rules are the two tables below. A folder may include itself and what its row names, and nothing else."""

import re

import tree

MAY_INCLUDE = {
    'base': [],
    'quant': ['base'],
    'gguf': ['quant', 'base'],
    'device': ['quant', 'base'],
    'device/reference': ['device', 'quant', 'base'],
    'device/cpu': ['device', 'quant', 'base'],
    'device/cuda': ['device', 'quant', 'base'],
    'model': ['device', 'gguf', 'quant', 'base'],
    'text': ['gguf', 'quant', 'base'],
    'engine': ['model', 'device', 'gguf', 'quant', 'base'],
    'c_api': ['engine', 'model', 'device', 'gguf', 'quant', 'base'],
    'hub': ['gguf', 'base'],
    'serve': ['engine', 'text', 'model', 'device', 'hub', 'gguf', 'quant', 'base'],
    'app': ['serve', 'hub', 'engine', 'text', 'model', 'device', 'gguf', 'quant', 'base'],
}

# The one file that names the devices, through the header each of them shows to it.
DEVICE_OPENER = 'src/device/open.cpp'
DEVICE_ENTRANCE = re.compile(r'device/(reference|cpu|cuda)/open_\1\.h')

# Layers that use nothing but the standard library and Linux.
PLAIN_LAYERS = {'base', 'quant', 'gguf', 'device', 'device/reference', 'device/cpu', 'model', 'engine', 'c_api'}
LINUX_HEADERS = re.compile(
    r'(sys|linux|asm)/[a-z_0-9]+\.h|(unistd|fcntl|errno|sched|pthread|poll|signal|time|dirent|dlfcn|locale|malloc|stddef|stdint)\.h')
SANITIZER_HEADERS = re.compile(r'sanitizer/[a-z_]+\.h')
INTRINSICS = re.compile(r'([a-z0-9]*intrin|arm_neon|arm_sve)\.h')
CUDA_HEADERS = re.compile(r'(cuda|cublas|nccl|cub|mma|thrust)[a-z_0-9/]*(\.h|\.hpp|\.cuh)?')

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def layer_of(path):
    """'src/device/cpu/formats/q4_k-inl.h' -> 'device/cpu': the longest folder the table knows."""
    parts = path.split('/')[:-1]
    for length in range(len(parts), 0, -1):
        if '/'.join(parts[:length]) in MAY_INCLUDE:
            return '/'.join(parts[:length])
    return None


def check_own_include(name, layer, line, target):
    where = f'{name}:{line}: includes "{target}"'
    if target.startswith('.') or '/../' in target:
        return [f'{where}, expected a path from src/']
    if name == DEVICE_OPENER and DEVICE_ENTRANCE.fullmatch(target):
        return []
    target_layer = layer_of(target)
    if target_layer is None:
        return [f'{where}, which is in no layer']
    if target_layer != layer and target_layer not in MAY_INCLUDE[layer]:
        return [f'{where}: {layer} may include {", ".join([layer] + MAY_INCLUDE[layer])} only']
    return []


def check_system_include(name, layer, line, target):
    where = f'{name}:{line}: includes <{target}>'
    if INTRINSICS.fullmatch(target):
        return [] if layer == 'device/cpu' else [f'{where}, which only device/cpu may']
    if CUDA_HEADERS.fullmatch(target):
        return [] if layer == 'device/cuda' else [f'{where}, which only device/cuda may']
    is_standard = '.' not in target and '/' not in target
    if layer in PLAIN_LAYERS and not is_standard and not LINUX_HEADERS.fullmatch(target) \
            and not SANITIZER_HEADERS.fullmatch(target):
        return [f'{where}: {layer} may use the standard library and Linux only']
    return []


def check_file(name, text):
    layer = layer_of(name[len('src/'):])
    if layer is None:
        return [f'{name}: is in no layer; add its folder to tests/house/layers.py']
    complaints = []
    # Comments are blanked, not string literals: an include's target is one.
    code = re.sub(r'/\*.*?\*/', lambda match: '\n' * match.group().count('\n'), text, flags=re.DOTALL)
    for match in INCLUDE.finditer(code):
        line = code.count('\n', 0, match.start()) + 1
        if match.group(1):
            complaints += check_own_include(name, layer, line, match.group(1))
        else:
            complaints += check_system_include(name, layer, line, match.group(2))
    return complaints


def main():
    names = [name for name in tree.tracked_files() if re.match(r'src/.*\.(h|cpp|cu|cuh)$', name)]
    complaints = [complaint for name in names for complaint in check_file(name, tree.read(name))]
    tree.finish('layers', complaints, len(names))


if __name__ == '__main__':
    main()
