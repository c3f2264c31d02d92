#include "gguf/mutation/mutate.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "base/strings.h"

namespace paceline::test {

namespace {

// Positions are those of the seed; once a fault has moved bytes they hit something else, which is as good.
class Mutator {
 public:
  Mutator(const std::vector<Seed>& seeds, uint64_t number) : seeds_(seeds), random_(number) {
    seed_ = &seeds_[below(seeds_.size())];
    bytes_ = seed_->bytes;
  }

  Mutant run() {
    const size_t count = below(2) == 0 ? 1 : 1 + below(4);
    for (size_t i = 0; i < count; ++i) one_fault();
    return {seed_->name, faults_, std::move(bytes_)};
  }

 private:
  size_t below(size_t limit) { return limit == 0 ? 0 : static_cast<size_t>(random_() % limit); }
  template <class Item>
  const Item& any(const std::vector<Item>& items) {
    return items[below(items.size())];
  }
  void note(std::string_view fault, size_t where) { faults_ += cat(faults_.empty() ? "" : ", ", fault, " at ", where); }

  void one_fault() {
    switch (below(12)) {
      case 0: return flip_bits(seed_->header_bytes);
      case 1: return flip_bits(bytes_.size());
      case 2: return truncate();
      case 3: return remove_section();
      case 4: return repeat_section();
      case 5: return swap_sections();
      case 6: return graft_section();
      case 7: return insert_noise();
      default: return edit_number();  // where the most can go wrong
    }
  }

  void flip_bits(size_t limit) {
    const size_t at = below(std::min(limit, bytes_.size()));
    if (at >= bytes_.size()) return;
    bytes_[at] = static_cast<char>(bytes_[at] ^ (1 << below(8)));
    note("bit flip", at);
  }

  void truncate() {
    const size_t length = below(2) == 0 ? below(bytes_.size()) : below(std::min(seed_->header_bytes, bytes_.size()));
    bytes_.resize(length);
    note("truncation", length);
  }

  // Values that sit on the edges of checks.
  uint64_t interesting(uint64_t old) {
    const uint64_t size = bytes_.size();
    const uint64_t choices[] = {0,          1,
                                old + 1,    old - 1,
                                old * 2,    old ^ (1ull << below(64)),
                                UINT64_MAX, INT64_MAX,
                                1ull << 63, 1ull << 62,
                                1ull << 32, UINT32_MAX,
                                INT32_MAX,  1ull << 31,
                                65536,      255,
                                128,        32,
                                13,         below(64),
                                size,       size - 1,
                                size / 2,   size / 8,
                                size * 2,   1ull << below(64),
                                random_(),  UINT64_MAX - 31};
    return choices[below(std::size(choices))];
  }

  void edit_number() {
    const Range range = any(seed_->numbers);
    if (range.begin + range.size > bytes_.size()) return;
    uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + range.begin, range.size);
    value = interesting(value);
    std::memcpy(bytes_.data() + range.begin, &value, range.size);
    note(cat("number ", value), range.begin);
  }

  const Range& any_section(bool& tensor) {
    tensor = below(2) == 0;
    return any(tensor ? seed_->tensors : seed_->entries);
  }

  // Half of the time the header's count follows, so that the rest is still read.
  void adjust_count(bool tensor, int by) {
    if (below(2) == 0 || bytes_.size() < 24) return;
    uint64_t count = 0;
    std::memcpy(&count, bytes_.data() + (tensor ? 8 : 16), 8);
    count += static_cast<uint64_t>(static_cast<int64_t>(by));
    std::memcpy(bytes_.data() + (tensor ? 8 : 16), &count, 8);
  }

  void remove_section() {
    bool tensor;
    const Range range = any_section(tensor);
    if (range.begin + range.size > bytes_.size()) return;
    bytes_.erase(range.begin, range.size);
    adjust_count(tensor, -1);
    note("removed section", range.begin);
  }

  void repeat_section() {
    bool tensor;
    const Range range = any_section(tensor);
    if (range.begin + range.size > bytes_.size()) return;
    bytes_.insert(range.begin, bytes_.substr(range.begin, range.size));
    adjust_count(tensor, 1);
    note("repeated section", range.begin);
  }

  void swap_sections() {
    bool tensor;
    Range first = any_section(tensor), second = any(tensor ? seed_->tensors : seed_->entries);
    if (second.begin < first.begin) std::swap(first, second);
    if (first.begin == second.begin || second.begin + second.size > bytes_.size()) return;
    const std::string later = bytes_.substr(second.begin, second.size),
                      earlier = bytes_.substr(first.begin, first.size);
    bytes_.replace(second.begin, second.size, earlier);
    bytes_.replace(first.begin, first.size, later);
    note("swapped sections", first.begin);
  }

  // A section of any seed in the place of one of this one.
  void graft_section() {
    const Seed& other = any(seeds_);
    const bool tensor = below(2) == 0;
    const Range from = any(tensor ? other.tensors : other.entries), to = any(tensor ? seed_->tensors : seed_->entries);
    if (to.begin + to.size > bytes_.size()) return;
    bytes_.replace(to.begin, to.size, other.bytes.substr(from.begin, from.size));
    note("grafted section", to.begin);
  }

  void insert_noise() {
    std::string noise(1 + below(40), '\0');
    for (char& byte : noise) byte = static_cast<char>(random_());
    const size_t at = below(std::min(seed_->header_bytes, bytes_.size()) + 1);
    bytes_.insert(at, noise);
    note("noise", at);
  }

  const std::vector<Seed>& seeds_;
  std::mt19937_64 random_;
  const Seed* seed_;
  std::string bytes_, faults_;
};

}  // namespace

Mutant make_mutant(const std::vector<Seed>& seeds, uint64_t number) { return Mutator(seeds, number).run(); }

}  // namespace paceline::test
