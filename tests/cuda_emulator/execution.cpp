#include "cuda_emulator/execution.h"

#include <sys/mman.h>

#include <boost/context/detail/fcontext.hpp>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <numeric>
#include <optional>
#include <vector>

#include "cuda_emulator/device_memory.h"
#include "cuda_emulator/race_check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace cuda_emulator {

namespace {

namespace context = boost::context::detail;

constexpr size_t kStackBytes = 256 * 1024, kPageBytes = 4096, kGuardBytes = RaceCheck::kGuardBytes;
constexpr unsigned char kGuard = 0xa5, kPoison = 0xff;  // as floats: NaN; as integers: -1

enum class Waits { No, Block, Warp, Done };

struct Copy {
  void* to;
  const void* from;
  size_t bytes;
  bool has_happened;
};

// Where something stopped, and its stack.
struct Place {
  context::fcontext_t stopped = nullptr;
  const void* stack = nullptr;  // lowest address
  size_t stack_bytes = 0;
};

struct Thread {
  Place place;
  Waits waits = Waits::Done;
  const char* collective_name = "";  // of the one it waits in
  LaneWords words;
  // Groups of asynchronous copies that nobody has waited for; the last one is open. Empty for a kernel that has none.
  std::deque<std::vector<Copy>> copies;
  bool has_waited = false;  // for the kernel before
};

// Lanes of a warp that have come to a collective; there are several when lanes diverge, each with its own lanes.
struct Meeting {
  Collective collective = nullptr;  // null: over
  unsigned mask = 0, arrived = 0;
};

// One operating-system thread switches between fibers, so these are plain variables; run_grid is called by one thread at a time.
struct Running {
  std::vector<std::unique_ptr<Thread>> threads;  // fibers are kept from launch to launch
  const std::function<void()>* kernel = nullptr;
  const Launch* launch = nullptr;
  std::vector<unsigned char> shared;
  std::vector<std::vector<Meeting>> meetings;  // of each warp
  std::exception_ptr failure;
  Place scheduler;
  std::vector<int> turn;  // threads of the block in the order in which they get on
  size_t position = 0, turn_end = 0;  // in it: where the current one is, and behind the last one of this round
  int current = -1;
  std::unique_ptr<RaceCheck> races;  // null: no kernel tells what it does
};

Running& running() {
  static Running* const state = new Running;  // never destroyed: its fibers are suspended in the middle of a function
  return *state;
}

std::optional<Order>& chosen_order() {
  static std::optional<Order> order;
  return order;
}

Order order() {
  if (!chosen_order()) {
    const char* text = std::getenv("CUDA_EMULATOR_ORDER");
    const std::string name = text == nullptr ? "forward" : text;
    if (name != "forward" && name != "reverse" && name != "shuffled")
      throw Violation("CUDA_EMULATOR_ORDER is \"" + name + "\", expected forward, reverse or shuffled");
    chosen_order() = name == "forward" ? Order::Forward : name == "reverse" ? Order::Reverse : Order::Shuffled;
  }
  return *chosen_order();
}

uint64_t next_random() {
  static uint64_t random = 88172645463325252u;
  random ^= random << 13, random ^= random >> 7, random ^= random << 17;
  return random;
}

// Whether an asynchronous copy does; otherwise when it is waited for.
bool happens_at_once() {
  return order() == Order::Reverse || (order() == Order::Shuffled && (next_random() >> 32 & 1) != 0);
}

// 0 … count - 1 in the chosen order; shuffled differs with every call.
void arrange(std::vector<int>& out, int count) {
  out.resize(static_cast<size_t>(count));
  std::iota(out.begin(), out.end(), 0);
  if (order() == Order::Reverse) std::reverse(out.begin(), out.end());
  if (order() != Order::Shuffled) return;
  for (size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[next_random() % i]);
}

// Stops here and goes on where `to` stopped; comes back when somebody goes on here.
void go(Place& from, const Place& to) {
#if defined(__SANITIZE_ADDRESS__)
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, to.stack, to.stack_bytes);
#endif
  const context::transfer_t arrival = context::jump_fcontext(to.stopped, &from);
  static_cast<Place*>(arrival.data)->stopped = arrival.fctx;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

// The next thread of this round that can go on is made the current one; null when the round is over.
Thread* next_thread(size_t from) {
  Running& state = running();
  for (size_t i = from; i < state.turn_end && !state.failure; ++i) {
    const int index = state.turn[i];
    Thread& thread = *state.threads[static_cast<size_t>(index)];
    if (thread.waits != Waits::No) continue;
    state.position = i;
    state.current = index;
    threadIdx = {static_cast<unsigned>(index), 0, 0};
    return &thread;
  }
  return nullptr;
}

// Leaves the running thread, straight for the next one, until its turn comes again.
void leave() {
  Running& state = running();
  Thread& self = *state.threads[static_cast<size_t>(state.current)];
  const Thread* next = next_thread(state.position + 1);
  go(self.place, next == nullptr ? state.scheduler : next->place);
}

// Compilers believe that what they call before an access throws nothing.
void refuse_races() {
  const auto& races = running().races;
  if (races != nullptr && !races->found().empty()) violate(races->found());
}

// A thread's whole life: one kernel after the other.
void live(context::transfer_t arrival) {
  static_cast<Place*>(arrival.data)->stopped = arrival.fctx;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
  Running& state = running();
  for (;;) {
    Thread& self = *state.threads[static_cast<size_t>(state.current)];
    try {
      (*state.kernel)();
      refuse_races();
      if (self.copies.size() > 1 || (self.copies.size() == 1 && !self.copies.back().empty()))
        violate("ends with asynchronous copies that nobody waited for");
      if (state.launch->waits_itself && !self.has_waited) violate("ends without having waited for the kernel before");
    } catch (...) {
      if (!state.failure) state.failure = std::current_exception();
    }
    self.waits = Waits::Done;
    leave();
  }
}

// A stack with a page below it that cannot be touched. Stacks begin at different distances from a page, or all would share a few lines of the
// CPU's cache.
Place make_place(size_t index) {
  void* memory = ::mmap(nullptr, kStackBytes + kPageBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || ::mprotect(memory, kPageBytes, PROT_NONE) != 0) throw std::bad_alloc();
  std::byte* stack = static_cast<std::byte*>(memory) + kPageBytes;
  const size_t bytes = kStackBytes - index * 1216 % (kStackBytes / 4);
  return {context::make_fcontext(stack + bytes, bytes, live), stack, kStackBytes};
}

// The stack of the operating-system thread that runs the grid.
void note_scheduler_stack() {
#if defined(__SANITIZE_ADDRESS__)
  pthread_attr_t attributes;
  void* stack = nullptr;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
  pthread_attr_getstack(&attributes, &stack, &running().scheduler.stack_bytes);
  running().scheduler.stack = stack;
  pthread_attr_destroy(&attributes);
#endif
}

std::string block_name() {
  const Launch& launch = *running().launch;
  return launch.kernel + ": block (" + std::to_string(blockIdx.x) + ", " + std::to_string(blockIdx.y) + ", " +
         std::to_string(blockIdx.z) + ")";
}

Meeting& meeting_of(int warp, Collective collective, unsigned mask) {
  std::vector<Meeting>& meetings = running().meetings[static_cast<size_t>(warp)];
  Meeting* over = nullptr;
  for (Meeting& meeting : meetings) {
    if (meeting.collective == collective && meeting.mask == mask) return meeting;
    if (meeting.collective == nullptr) over = &meeting;
  }
  if (over == nullptr) over = &meetings.emplace_back();
  *over = {collective, mask, 0};
  return *over;
}

void prepare(int count) {
  Running& state = running();
  state.meetings.resize(static_cast<size_t>((count + kWarpLanes - 1) / kWarpLanes));
  for (auto& meetings : state.meetings) meetings.clear();
  while (state.threads.size() < static_cast<size_t>(count)) {
    state.threads.push_back(std::make_unique<Thread>());
    state.threads.back()->place = make_place(state.threads.size());
  }
  for (int i = 0; i < count; ++i) {
    Thread& thread = *state.threads[static_cast<size_t>(i)];
    thread.waits = Waits::No;
    thread.copies.clear();
    thread.has_waited = false;
  }
}

// Nobody can go on: either all wait for the block's barrier, or somebody waits for what will never come.
bool finish_or_release(int count) {
  Running& state = running();
  int done = 0, at_barrier = 0, in_warp = -1;
  for (int i = 0; i < count; ++i) {
    const Waits waits = state.threads[static_cast<size_t>(i)]->waits;
    done += waits == Waits::Done, at_barrier += waits == Waits::Block;
    if (waits == Waits::Warp && in_warp < 0) in_warp = i;
  }
  if (done == count) return true;
  if (in_warp >= 0)
    throw Violation(block_name() + ": thread " + std::to_string(in_warp) + " waits in " +
                    state.threads[static_cast<size_t>(in_warp)]->collective_name +
                    " for lanes of its mask that never come");
  if (done > 0)
    throw Violation(block_name() + ": " + std::to_string(at_barrier) + " threads wait at __syncthreads, " +
                    std::to_string(done) + " have ended without it");
  for (int i = 0; i < count; ++i) state.threads[static_cast<size_t>(i)]->waits = Waits::No;
  if (state.races != nullptr) state.races->pass_barrier();
  return false;
}

// Goes round the threads at these positions of the turn until none can go on. Returns whether one could.
bool go_round(size_t begin, size_t end) {
  Running& state = running();
  state.turn_end = end;
  bool has_run = false;
  while (const Thread* first = next_thread(begin)) {
    go(state.scheduler, first->place);
    if (state.failure) std::rethrow_exception(std::exchange(state.failure, nullptr));
    if (order() == Order::Shuffled) arrange(state.turn, static_cast<int>(end));
    has_run = true;
  }
  return has_run;
}

// Once all threads as far as they get: each warp by itself, whose stacks the CPU's first cache holds, or shuffled all among each other.
bool go_on(size_t count) {
  const size_t step = order() == Order::Shuffled ? count : kWarpLanes;
  bool has_run = false;
  for (size_t begin = 0; begin < count; begin += step) has_run |= go_round(begin, std::min(begin + step, count));
  return has_run;
}

void run_block(int count) {
  Running& state = running();
  std::fill(state.shared.begin(), state.shared.end() - kGuardBytes, kPoison);
  std::fill(state.shared.end() - kGuardBytes, state.shared.end(), kGuard);
  prepare(count);
  if (state.races != nullptr) state.races->begin_block();
  arrange(state.turn, count);
  while (go_on(static_cast<size_t>(count)) || !finish_or_release(count)) {
  }
  state.current = -1;
  for (size_t i = state.shared.size() - kGuardBytes; i < state.shared.size(); ++i)
    if (state.shared[i] != kGuard)
      throw Violation(block_name() + ": writes behind its " + std::to_string(state.launch->shared_bytes) +
                      " bytes of shared memory");
}

// Fibers that a violation left in the middle of a kernel can never be used again: they are given up, stack and all.
void give_up_fibers() {
  static std::vector<std::unique_ptr<Thread>>* const lost = new std::vector<std::unique_ptr<Thread>>;
  for (auto& thread : running().threads) lost->push_back(std::move(thread));
  running().threads.clear();
  running().current = -1;
}

}  // namespace

void set_order(Order order) { chosen_order() = order; }

void run_grid(const Launch& launch, const std::function<void()>& kernel) {
  Running& state = running();
  note_scheduler_stack();
  state.launch = &launch;
  state.kernel = &kernel;
  state.shared.assign((launch.shared_bytes + 15) / 16 * 16 + kGuardBytes, 0);
  if (state.races != nullptr)
    state.races->begin_grid(state.shared.data(), launch.shared_bytes, static_cast<int>(launch.threads.x));
  gridDim = launch.blocks;
  blockDim = launch.threads;
  const unsigned x = launch.blocks.x, y = launch.blocks.y;
  std::vector<int> blocks;
  arrange(blocks, static_cast<int>(x * y * launch.blocks.z));
  try {
    for (const int block : blocks) {
      const unsigned index = static_cast<unsigned>(block);
      blockIdx = {index % x, index / x % y, index / x / y};
      run_block(static_cast<int>(launch.threads.x));
    }
  } catch (...) {
    give_up_fibers();
    throw;
  }
}

void violate(const std::string& what) {
  throw Violation(block_name() + ", thread " + std::to_string(running().current) + " " + what);
}

void block_barrier() {
  refuse_races();
  running().threads[static_cast<size_t>(running().current)]->waits = Waits::Block;
  leave();
}

void wait_for_previous_kernel() { running().threads[static_cast<size_t>(running().current)]->has_waited = true; }

void prefetch(const void* address, size_t bytes) {
  require_alignment(address, 16);
  if (bytes == 0 || bytes % 16 != 0 || !is_allocated(address, bytes))
    violate("prefetches " + std::to_string(bytes) + " bytes that are no piece of device memory");
}

void* shared_memory(size_t bytes) {
  if (bytes > running().launch->shared_bytes)
    violate("uses " + std::to_string(bytes) + " bytes of shared memory, launched with " +
            std::to_string(running().launch->shared_bytes));
  return running().shared.data();
}

void violate_alignment(size_t bytes) {
  violate("accesses " + std::to_string(bytes) + " bytes at an address that is no multiple of it");
}

void check_races() {
  if (running().races == nullptr) running().races = std::make_unique<RaceCheck>();
}

void note_access(const void* at, size_t bytes, Access access) {
  const Running& state = running();
  if (state.races == nullptr || state.current < 0) return;
  if (state.launch->waits_itself && !state.threads[static_cast<size_t>(state.current)]->has_waited &&
      is_device_memory(at))
    state.races->add("touches the device's memory before it has waited for the kernel before");
  state.races->note(state.current, at, bytes, access);
}

void copy_async(void* shared, const void* global, size_t bytes) {
  require_alignment(shared, bytes);
  require_alignment(global, bytes);
  note_access(global, bytes, Access::Read);
  note_access(shared, bytes, Access::Write);  // it may happen at once
  const bool at_once = happens_at_once();
  if (at_once) std::memcpy(shared, global, bytes);
  auto& groups = running().threads[static_cast<size_t>(running().current)]->copies;
  if (groups.empty()) groups.emplace_back();
  groups.back().push_back({shared, global, bytes, at_once});
}

void commit_async_copies() {
  auto& groups = running().threads[static_cast<size_t>(running().current)]->copies;
  if (groups.empty()) groups.emplace_back();
  groups.emplace_back();
}

void wait_async_copies(int groups_under_way) {
  auto& groups = running().threads[static_cast<size_t>(running().current)]->copies;
  while (groups.size() > static_cast<size_t>(groups_under_way) + 1) {
    for (const Copy& copy : groups.front()) {
      note_access(copy.to, copy.bytes, Access::Write);
      if (!copy.has_happened) std::memcpy(copy.to, copy.from, copy.bytes);
    }
    groups.pop_front();
  }
}

void meet_warp(Collective collective, const char* name, unsigned mask, const uint32_t* words, int count,
               uint32_t (&result)[4]) {
  Running& state = running();
  const int index = state.current, first = index / kWarpLanes * kWarpLanes, lane = index - first;
  refuse_races();
  if ((mask >> lane & 1) == 0) violate(std::string("calls ") + name + " with a mask that does not hold it");
  Thread& self = *state.threads[static_cast<size_t>(index)];
  self.collective_name = name;
  std::copy_n(words, count, self.words.in);
  self.waits = Waits::Warp;
  Meeting& meeting = meeting_of(first / kWarpLanes, collective, mask);
  meeting.arrived |= 1u << lane;
  if (meeting.arrived != mask) {
    leave();
  } else {
    meeting.collective = nullptr;
    if (collective == synchronise && state.races != nullptr) state.races->synchronise_lanes(first, mask);
    LaneWords* lanes[kWarpLanes] = {};
    for (int i = 0; i < kWarpLanes; ++i)
      if ((mask >> i & 1) != 0) lanes[i] = &state.threads[static_cast<size_t>(first + i)]->words;
    collective(lanes);
    for (int i = 0; i < kWarpLanes; ++i)
      if ((mask >> i & 1) != 0) state.threads[static_cast<size_t>(first + i)]->waits = Waits::No;
  }
  std::copy_n(self.words.out, 4, result);
}

}  // namespace cuda_emulator
