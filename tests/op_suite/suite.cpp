#include "op_suite/suite.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <numeric>

namespace paceline::op_suite {

Rows select(const Rows& rows, const std::vector<int>& chosen) {
  Rows out;
  for (const int row : chosen) out.push_back(rows[static_cast<size_t>(row)]);
  return out;
}

EncodedMatrix random_matrix(uint64_t seed, QuantType type, int rows, int cols) {
  Rows values = random_rows(seed, rows, cols);
  for (auto& row : values)
    for (float& value : row) value /= std::sqrt(static_cast<float>(cols));
  return test::encoded(type, values);
}

void Suite::test(const std::string& name, const std::function<void()>& body) {
  if (name.find(filter_) == std::string::npos) return;
  current_ = name;
  current_failed_ = false;
  body();
  ++(current_failed_ ? failed_ : passed_);
}

void Suite::report(const std::string& what) {
  if (!current_failed_) std::printf("FAILED %s: %s\n", current_.c_str(), what.c_str());
  current_failed_ = true;
}

void Suite::expect(bool condition, const std::string& what) {
  if (!condition) report(what);
}

void Suite::expect_same_bits(const Rows& got, const Rows& want, const std::string& what) {
  expect(got.size() == want.size(), what + ": row counts differ");
  for (size_t row = 0; row < got.size() && row < want.size(); ++row)
    for (size_t col = 0; col < got[row].size(); ++col)
      if (std::memcmp(&got[row][col], &want[row][col], sizeof(float)) != 0)
        return report(cat(what, ": row ", row, " column ", col, " is ", got[row][col], ", expected ", want[row][col]));
}

void Suite::expect_close(const Rows& got, const Rows& want, double tolerance, const std::string& what) {
  double error = 0, norm = 0;
  for (size_t row = 0; row < want.size(); ++row)
    for (size_t col = 0; col < want[row].size(); ++col) {
      const double a = got[row][col], b = want[row][col];
      error += (a - b) * (a - b);
      norm += b * b;
    }
  const double normalised = error / norm;
  expect(normalised <= tolerance,
         cat(what, ": normalised squared error ", normalised, ", expected at most ", tolerance));
}

void check_row_operation(Suite& suite, const RowOperation& operation, double tolerance) {
  constexpr int kRows = 40;
  std::vector<int> all(kRows);
  std::iota(all.begin(), all.end(), 0);
  const Rows together = operation(suite.device, all);
  suite.expect_close(together, operation(suite.oracle, all), tolerance, "agreement with the reference device");
  const auto check = [&](const std::vector<int>& rows, const std::string& what) {
    Rows want;
    for (const int row : rows) want.push_back(together[static_cast<size_t>(row)]);
    suite.expect_same_bits(operation(suite.device, rows), want, what);
  };
  for (int count = 1; count <= 9; ++count)
    for (int first = 0; first + count <= kRows; first += count == 1 ? 1 : 7) {
      std::vector<int> rows(static_cast<size_t>(count));
      std::iota(rows.begin(), rows.end(), first);
      check(rows, cat("batch of ", count, " rows from ", first));
    }
  for (uint64_t trial = 0; trial < 6; ++trial) {
    std::vector<int> rows(10 + trial * 9);
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int>(random_word(trial, i) % kRows);
    check(rows, cat("random company ", trial));
  }
}

}  // namespace paceline::op_suite
