"""What ptxas said about every kernel when this build compiled it: a table, and a complaint for each kernel that keeps registers in memory.
`python3 tests/cuda_resources/check.py FOLDER`, the folder of .ptxas files; none when the build has no CUDA device (status 77: skipped)."""

import collections
import pathlib
import re
import subprocess
import sys

SOURCES = pathlib.Path(__file__).resolve().parents[2] / 'src/device/cuda'
ENTRY = re.compile(r"Compiling entry function '(\w+)' for 'sm_(\w+)'")
SPILLS = re.compile(r'(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads')
REGISTERS = re.compile(r'Used (\d+) registers')
SHARED = re.compile(r'(\d+) bytes smem')

Kernel = collections.namedtuple('Kernel', 'file name architecture registers stack spilled shared')


def kernels_of(file, text):
    """One Kernel for each entry function and architecture. ptxas writes four lines about each, in this order."""
    found, entry, stack, spilled = [], None, 0, 0
    for line in text.split('\n'):
        if match := ENTRY.search(line):
            entry = match.groups()
        elif match := SPILLS.search(line):
            stack, spilled = int(match.group(1)), int(match.group(2)) + int(match.group(3))
        elif (match := REGISTERS.search(line)) and entry:
            shared = SHARED.search(line)
            found.append(Kernel(file, entry[0], entry[1], int(match.group(1)), stack, spilled, int(shared.group(1)) if shared else 0))
            entry = None
    return found


def readable(kernels):
    """Names without namespaces and argument lists."""
    try:
        run = subprocess.run(['c++filt'], input='\n'.join(kernel.name for kernel in kernels), capture_output=True, text=True, check=True)
        names = run.stdout.split('\n')
    except (OSError, subprocess.CalledProcessError):
        names = [kernel.name for kernel in kernels]
    short = [re.sub(r'paceline::cuda::|\(anonymous namespace\)::|^void |_GLOBAL__N__\w+?::', '', name) for name in names]
    return [re.sub(r'\([^()]*\)$|\([A-Z]\w*\)', '', name) for name in short]


def complaints_of(kernels):
    return [f'{kernel.file}: {kernel.name} on sm_{kernel.architecture}: {kernel.spilled} bytes of registers spilled, expected none'
            for kernel in kernels if kernel.spilled > 0]


def main():
    if len(sys.argv) < 2:
        print('SKIPPED: this build has no CUDA device: no nvcc was found, or PACELINE_CUDA is OFF')
        sys.exit(77)
    files = sorted(pathlib.Path(sys.argv[1]).glob('*.ptxas'))
    kernels = [kernel for file in files for kernel in kernels_of(file.stem, file.read_text(encoding='utf-8'))]
    for kernel, name in zip(kernels, readable(kernels)):
        print(f'{kernel.file + ".cu":22} {name:64} sm_{kernel.architecture:4} {kernel.registers:4} registers '
              f'{kernel.stack:5} bytes of stack {kernel.shared:6} bytes of static shared memory')
    complaints = complaints_of(kernels)
    spoken_of = {kernel.file for kernel in kernels}
    complaints += [f'{source.name}: ptxas said nothing about its kernels' for source in sorted(SOURCES.glob('*.cu'))
                   if source.stem not in spoken_of]
    for complaint in complaints:
        print(f'FAILED {complaint}')
    print(f'cuda resources: {len(kernels)} kernels, {len(complaints)} complaints')
    sys.exit(1 if complaints or not kernels else 0)


if __name__ == '__main__':
    main()
