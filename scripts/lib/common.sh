# Sourced by the scripts beside this folder: where the checkout is, how many compilers fit, and a compiler cache when there is one.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

# A compiler of this code base takes up to 1.2 GiB.
job_count() {
  local processors memory_gib
  processors=$(nproc)
  memory_gib=$(awk '/MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
  local by_memory=$((memory_gib * 4 / 5))
  ((by_memory < 1)) && by_memory=1
  echo $((by_memory < processors ? by_memory : processors))
}
jobs=$(job_count)

# Both are defaults: CMake ignores them in a build folder that was made otherwise, and a caller's own choice wins.
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}
  # Another checkout of the same sources finds the same objects.
  export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
fi
if command -v ninja >/dev/null; then export CMAKE_GENERATOR=${CMAKE_GENERATOR-Ninja}; fi

# build_preset PRESET [targets...]
build_preset() {
  local preset=$1
  shift
  cmake --preset "$preset" && cmake --build --preset "$preset" --parallel "$jobs" ${@:+--target "$@"}
}

# The C++ files of the checkout, tracked or new; whoever owns the folder. cpp_files [folders...]
cpp_files() {
  local files
  files=$(git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "${@:-.}" | grep -E '\.(h|cpp|cu)$' | sort -u |
          while read -r file; do [[ -f $file ]] && echo "$file"; done)
  [[ -n $files ]] || { echo "no C++ files found in $root" >&2; return 1; }
  echo "$files"
}
