#pragma once
// Sets of Unicode scalar values as sorted, disjoint ranges: what character classes of grammars and patterns are made of.
#include <cstdint>
#include <vector>

namespace paceline::constrain {

struct CodePointRange {
  uint32_t first, last;  // inclusive
  bool operator==(const CodePointRange&) const = default;
};

class CodePoints {
 public:
  CodePoints() = default;
  CodePoints(uint32_t first, uint32_t last) { add(first, last); }

  static CodePoints one(uint32_t code_point) { return {code_point, code_point}; }
  static const CodePoints& all();  // every scalar value: U+0000 to U+10FFFF without surrogates

  void add(uint32_t first, uint32_t last);  // surrogates inside the range are left out
  void add(const CodePoints& other);
  CodePoints complement() const;  // within all()
  CodePoints intersect(const CodePoints& other) const;
  CodePoints without(const CodePoints& other) const { return intersect(other.complement()); }

  bool empty() const { return ranges_.empty(); }
  bool contains(uint32_t code_point) const;
  const std::vector<CodePointRange>& ranges() const { return ranges_; }
  bool operator==(const CodePoints&) const = default;

 private:
  void normalise();
  std::vector<CodePointRange> ranges_;
};

}  // namespace paceline::constrain
