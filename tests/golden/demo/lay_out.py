#!/usr/bin/env python3
"""Lays the model in the box out as a folder that golden_check reads: lay_out.py OUT. The F16 file is written from the shipped one."""
import pathlib
import shutil
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
root = here.parents[2]
out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
for name in list(here.glob("*.json")) + list(here.glob("*.f32")):
    shutil.copy(name, out)
(out / "peer_distance.json").write_text("{}\n")  # PyTorch computes in float32: there is no quantized peer
shutil.copy(root / "models/paceline-demo.gguf", out / "Q8_0.gguf")
subprocess.run([sys.executable, "-B", str(root / "tools/train/to_f16"), str(out / "Q8_0.gguf"), str(out / "F16.gguf")], check=True)
