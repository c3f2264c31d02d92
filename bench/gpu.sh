#!/bin/bash
# Everything worth knowing about the CUDA device on a machine with a GPU, in under ten minutes: builds, checks, measures. For a bare machine
# without a network: g++, CMake 3.25, nvcc, nothing else. Usage: bench/gpu.sh [RESULTS]
#
# RESULTS (default build-gpu/results) gets one file per step and summary.txt. Every step has a timeout of its own, so one that fails or hangs does not
# take the others with it; steps that the ten minutes have no room for are named as skipped. Exit status 1 when a step failed.
#   GPU_MINUTES=10   time for everything
#   GPU_SHAPE=27B    the model of the measurements (paceline synth --shape)
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
command -v nvcc >/dev/null || PATH=$PATH:/usr/local/cuda/bin
build=build-gpu
results=$(realpath -m "${1:-$build/results}")
models=$build/models
shape=${GPU_SHAPE:-27B}
deadline=$((SECONDS + ${GPU_MINUTES:-10} * 60 - 15))
failed=0
mkdir -p "$results" "$models"
: >"$results/summary.txt"

note() { echo "$*" | tee -a "$results/summary.txt"; }

# step NAME SECONDS COMMAND...: output into RESULTS/NAME.txt, at most 16 MB of it.
step() {
  local name=$1 seconds=$2 start=$SECONDS status left=$((deadline - SECONDS))
  shift 2
  if ((left < 5)); then note "$name: skipped, no time left"; return 1; fi
  timeout --kill-after=5 "$((seconds < left ? seconds : left))" "$@" >"$results/$name.txt.all" 2>&1
  status=$?
  tail -c 16000000 "$results/$name.txt.all" >"$results/$name.txt"
  rm "$results/$name.txt.all"
  case $status in
    0) note "$name: ok, $((SECONDS - start)) s" ;;
    77) note "$name: SKIPPED, though this is for machines with a GPU: $(tail -n 1 "$results/$name.txt")"; failed=1 ;;
    124 | 137) note "$name: FAILED, no end after $((SECONDS - start)) s"; failed=1 ;;
    *) note "$name: FAILED with status $status: $(tail -n 1 "$results/$name.txt")"; failed=1 ;;
  esac
  return "$status"
}

environment() {
  nvidia-smi
  nvidia-smi --query-gpu=name,compute_cap,memory.total,clocks.max.sm,clocks.max.memory,power.limit,driver_version --format=csv
  nvcc --version
  g++ --version | head -n 1
  cmake --version | head -n 1
  lscpu
  free -g
  df -h .
}

# Only the architecture that is here; where nvcc is older than the GPU, the newest that it knows, which the driver translates.
architecture() {
  local here known best=0
  here=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d '. ')
  for known in $(nvcc --list-gpu-arch | tr -dc '0-9\n'); do
    if ((known <= here && known > best)); then best=$known; fi
  done
  echo "$best"
}

build_all() {
  cmake -S . -B "$build" -DPACELINE_CORE_ONLY=ON -DPACELINE_CUDA=ON -DPACELINE_CUDA_ARCHITECTURES="$(architecture)" &&
    cmake --build "$build" --parallel "$(nproc)" --target paceline op_suite golden_check golden_variants invisibility
}

variants() {
  "$build/golden_variants" tests/golden "$build/golden-variants" && "$build/golden_check" --device cuda "$build/golden-variants"
}

same_text() {
  local plain drafted eager prompt="The riders take turns at the front"
  plain=$("$build/paceline" complete -m "$1" --device cuda -p "$prompt" -n 200 --temp 0 --mtp off) || return 1
  drafted=$("$build/paceline" complete -m "$1" --device cuda -p "$prompt" -n 200 --temp 0 --mtp 3) || return 1
  eager=$("$build/paceline" complete -m "$1" --device cuda --cuda-graphs off -p "$prompt" -n 200 --temp 0 --mtp 3) || return 1
  [[ -n $plain && $plain == "$drafted" ]] || { echo "the text with drafts is another one"; return 1; }
  [[ $drafted == "$eager" ]] || { echo "the text without graphs is another one"; return 1; }
  echo "the same $(wc -w <<<"$plain") words with drafts and without, with graphs and without"
}

export -f environment architecture build_all variants same_text
export build

step environment 30 bash -c environment
step build 240 bash -c build_all || { note "without a build there is nothing to run"; exit 1; }
[[ -d $build/cuda ]] && cat "$build"/cuda/*.ptxas | tail -c 16000000 >"$results/kernel-resources.txt"

# --- right? ---
step op-suite 60 "$build/op_suite" --device cuda
step golden 60 "$build/golden_check" --device cuda tests/golden
step golden-variants 60 bash -c variants
step invisibility 90 "$build/invisibility" --device cuda tests/golden/hybrid-tied.Q8_0.gguf tests/golden/moe.Q8_0.gguf
step golden-split 30 "$build/golden_check" --device cuda --split 2 tests/golden
step invisibility-split 60 "$build/invisibility" --device cuda --split 2 tests/golden/hybrid-tied.Q8_0.gguf
step synth-tiny 20 "$build/paceline" synth --shape tiny --type Q4_K_M --accept 0.7 -o "$models/tiny.gguf"
# Where steps cannot be replayed as graphs, what follows is still measured.
graphs=on
step graphs 30 "$build/paceline" complete -m "$models/tiny.gguf" --device cuda -p "the riders" -n 64 --temp 0 --mtp 3 || graphs=off
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer /usr/local/cuda/compute-sanitizer/compute-sanitizer 2>/dev/null | head -n 1)
if [[ -n $sanitizer ]]; then
  step sanitizer-memcheck 60 "$sanitizer" --tool memcheck --error-exitcode 1 "$build/paceline" complete -m "$models/tiny.gguf" --device cuda -p "the riders" -n 16 --temp 0 --mtp 3
  step sanitizer-racecheck 60 "$sanitizer" --tool racecheck --error-exitcode 1 "$build/paceline" complete -m "$models/tiny.gguf" --device cuda -p "the riders" -n 8 --temp 0 --mtp 3
else
  note "sanitizer: skipped, there is no compute-sanitizer"
fi

# --- fast? ---
model=$models/$shape.gguf
if step "synth-$shape" 150 "$build/paceline" synth --shape "$shape" --type Q4_K_M --accept 0.7 -o "$model"; then
  run=("$build/paceline" bench -m "$model" --device cuda --cuda-graphs "$graphs")
  step rows 90 "${run[@]}" --rows 1..9 -r 5 -p 0 -n 0
  step speed 90 "${run[@]}" -p 512 -n 128 -r 3
  step same-text 120 bash -c 'same_text "$1"' _ "$model"
  step kernels 60 "${run[@]}" --kernels -r 5
  step speed-4k 60 "${run[@]}" -p 0 -n 128 -d 4096 -r 2
  step prompts 60 "${run[@]}" -p 64,2048,8192 -n 0 -r 2
fi
# 16-bit weights have kernels of their own.
model=$models/0.8B-bf16.gguf
if step synth-bf16 40 "$build/paceline" synth --shape 0.8B --type BF16 --accept 0.7 -o "$model"; then
  run=("$build/paceline" bench -m "$model" --device cuda --cuda-graphs "$graphs")
  step bf16 40 "${run[@]}" --rows 1..8 -p 512,2048 -n 128 -r 3
  step bf16-kernels 40 "${run[@]}" --kernels -r 5
fi

note "all: $SECONDS s"
exit "$failed"
