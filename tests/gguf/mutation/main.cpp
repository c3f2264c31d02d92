// gguf_mutants [COUNT [FIRST]]: opens COUNT damaged GGUF files and does with each that opens what a program would do. Every fault must end in
// Error: no crash, no other exception, no hang, no more memory than the file's size + 64 MiB. Meant for a build with AddressSanitizer and
// UndefinedBehaviorSanitizer. `gguf_mutants 1 N` repeats mutant N alone and leaves it in ./mutant.gguf.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "device/device.h"
#include "gguf/mutation/allocation_meter.h"
#include "gguf/mutation/mutate.h"
#include "gguf/mutation/seeds.h"
#include "gguf/mutation/visit.h"
#include "gguf/reader.h"
#include "model/model.h"

namespace paceline::test {

namespace {

constexpr size_t kSlackBytes = size_t{64} << 20;
constexpr unsigned kHangSeconds = 120;  // of wall time: a busy machine is no hang

char current_mutant[64] = "gguf_mutants: between mutants\n";

void report_mutant() {
  if (::write(STDERR_FILENO, current_mutant, std::strlen(current_mutant)) < 0) std::_Exit(3);
}

// Async-signal-safe: says which mutant it was, then dies of the signal.
void report_signal(int signal) {
  report_mutant();
  if (signal == SIGALRM) {
    static constexpr char kHang[] = "gguf_mutants: it takes too long\n";
    if (::write(STDERR_FILENO, kHang, sizeof kHang - 1) < 0) std::_Exit(3);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// A file in memory with a path of its own, so that the real open() is used.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("mutant", MFD_CLOEXEC)) {
    if (descriptor_ < 0) fail("memfd_create: ", std::strerror(errno));
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return cat("/proc/self/fd/", descriptor_); }
  void set(const std::string& bytes) {
    if (::ftruncate(descriptor_, 0) != 0 ||
        ::pwrite(descriptor_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      fail("memory file: ", std::strerror(errno));
  }

 private:
  int descriptor_;
};

// What is done with a file that opened. May throw Error: the file is then refused later than by the reader.
using Visitor = std::function<void(const GgufFile&)>;

// The reference device keeps weights as they are in the file, so a model may take no more memory than the reader.
void load(const GgufFile& file) {
  static const std::unique_ptr<Device> device = open_device({.kind = "reference", .threads = 1, .isa = ""});
  load_model(file, *device, {.max_batch_rows = 8, .on_progress = {}});
}

enum class Outcome { Refused, Opened };

size_t most_above_file = 0;  // bytes that were alive beyond the file's size

Outcome try_file(MemoryFile& memory, const std::string& bytes, const std::vector<Visitor>& visitors) {
  memory.set(bytes);
  const std::string path = memory.path();
  set_allocation_limit(bytes.size() + kSlackBytes);
  ::alarm(kHangSeconds);
  Outcome outcome = Outcome::Refused;
  try {
    const GgufFile file = GgufFile::open(path);
    outcome = Outcome::Opened;
    for (const Visitor& visit : visitors) visit(file);
  } catch (const Error& error) {
    if (std::strlen(error.what()) > 4096) fail("an error message of ", std::strlen(error.what()), " bytes");
  }
  ::alarm(0);
  most_above_file = std::max(most_above_file, peak_allocation() - std::min(peak_allocation(), bytes.size()));
  set_allocation_limit(0);
  return outcome;
}

// A child process must die of this visitor: otherwise the checks below check nothing.
void expect_caught(const char* what, const std::string& valid, const Visitor& bad) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    if (std::freopen("/dev/null", "w", stderr) == nullptr) std::_Exit(0);
    MemoryFile memory;
    try {
      try_file(memory, valid, {bad});
    } catch (...) {
      std::_Exit(1);
    }
    std::_Exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) fail("the check for ", what, " does not work");
}

void check_the_checks(const std::string& valid) {
  expect_caught("allocations", valid,
                [](const GgufFile& file) { std::vector<char>(file.file_bytes() + kSlackBytes + 4096); });
  expect_caught("other exceptions", valid, [](const GgufFile&) { throw std::length_error("planted"); });
  expect_caught("crashes", valid, [](const GgufFile&) { std::abort(); });
  expect_caught("hangs", valid, [](const GgufFile&) {
    ::alarm(1);
    while (true) ::pause();
  });
}

int run(uint64_t count, uint64_t first, const std::vector<Visitor>& visitors) {
  const std::vector<Seed> seeds = make_seeds(
      {PACELINE_TEST_DATA "/golden/dense-qwen3.Q8_0.gguf", PACELINE_TEST_DATA "/golden/hybrid-untied.Q2_K.gguf"});
  MemoryFile memory;
  for (const Seed& seed : seeds)
    if (try_file(memory, seed.bytes, visitors) != Outcome::Opened) fail("the seed ", seed.name, " does not open");
  if (try_file(memory, largest_file(), {read_everything}) != Outcome::Opened) fail("the largest file does not open");
  check_the_checks(seeds[0].bytes);
  uint64_t opened = 0;
  for (uint64_t number = first; number < first + count; ++number) {
    std::snprintf(current_mutant, sizeof current_mutant, "gguf_mutants: mutant %llu\n",
                  static_cast<unsigned long long>(number));
    const Mutant mutant = make_mutant(seeds, number);
    if (count == 1) {
      std::printf("mutant %llu: %s: %s\n", static_cast<unsigned long long>(number), mutant.seed.c_str(),
                  mutant.faults.c_str());
      std::ofstream("mutant.gguf", std::ios::binary) << mutant.bytes;
    }
    if (mutant.bytes.empty()) continue;
    opened += try_file(memory, mutant.bytes, visitors) == Outcome::Opened;
  }
  std::printf("gguf_mutants: %llu mutants, %llu opened, at most %zu KiB allocated beyond the file's size\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(opened), most_above_file >> 10);
  // Faults that never open, or that the reader never notices, would test nothing.
  if (count >= 1000 && (opened < count / 20 || opened > count * 19 / 20)) fail("the mutants are too much alike");
  return 0;
}

uint64_t number_argument(int argc, char** argv, int index, uint64_t fallback) {
  if (argc <= index) return fallback;
  uint64_t value = 0;
  const char* end = argv[index] + std::strlen(argv[index]);
  if (std::from_chars(argv[index], end, value).ptr != end) fail("usage: gguf_mutants [COUNT [FIRST]]");
  return value;
}

}  // namespace

}  // namespace paceline::test

int main(int argc, char** argv) {
  using namespace paceline::test;
  for (const int signal : {SIGALRM, SIGABRT}) std::signal(signal, report_signal);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_set_death_callback(report_mutant);
#endif
  try {
    return run(number_argument(argc, argv, 1, 2000), number_argument(argc, argv, 2, 0), {read_everything, load});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%sFAILED: %s\n", current_mutant, error.what());
    return 1;
  }
}
