// list_candidates: the list is that of a full sort, its sum and its rough scores keep the stated bounds, and a row's words do not depend on the
// rows beside it.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "op_suite/suite.h"

namespace paceline::op_suite {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

using Words = std::vector<std::vector<int32_t>>;

struct Case {
  Rows logits;
  std::vector<CandidateRanking> rankings;
  std::vector<int32_t> ids;  // empty: columns are tokens
  int count = 0;
};

Words list(Device& device, const Case& of, const std::vector<int>& rows) {
  const int cols = static_cast<int>(of.logits.front().size()), words = candidate_words(of.count);
  const OwnedTensor logits = upload(device, select(of.logits, rows));
  const OwnedTensor out = device.allocate(DType::I32, logits.rows, words);
  OwnedTensor ids;
  if (!of.ids.empty()) {
    ids = device.allocate(DType::I32, cols, 1);
    device.write(ids, of.ids.data());
  }
  std::vector<CandidateRanking> rankings;
  for (const int row : rows) rankings.push_back(of.rankings[static_cast<size_t>(row)]);
  device.list_candidates(out, logits, ids, rankings);
  Words got(rows.size(), std::vector<int32_t>(static_cast<size_t>(words)));
  for (size_t i = 0; i < got.size(); ++i) device.read(got[i].data(), out.row_range(static_cast<int>(i), 1));
  return got;
}

double rank_of(const Case& of, size_t row, int column) {
  const float logit = of.logits[row][static_cast<size_t>(column)];
  const double plain = std::isnan(logit) ? -std::numeric_limits<double>::infinity() : logit;
  const CandidateRanking& ranking = of.rankings[row];
  if (!ranking.by_noise()) return plain;
  const int32_t token = of.ids.empty() ? column : of.ids[static_cast<size_t>(column)];
  return plain / static_cast<double>(ranking.temperature) + gumbel_noise(ranking.seed, ranking.position, token);
}

double error_of(double score) { return kCandidateScoreError * (std::fabs(score) + 64); }

// By logit the list is exact; by noise no column outside it may rank above one inside by more than the two rough scores can be off.
void check_list(Suite& suite, const Case& of, size_t row, const CandidateList& got) {
  const int cols = static_cast<int>(of.logits[row].size());
  std::vector<int> order(static_cast<size_t>(cols));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return rank_of(of, row, a) > rank_of(of, row, b); });
  const auto column_of = [&](int32_t token) {
    if (of.ids.empty()) return token;
    return static_cast<int32_t>(std::lower_bound(of.ids.begin(), of.ids.end(), token) - of.ids.begin());
  };
  std::vector<bool> listed(static_cast<size_t>(cols));
  double last = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < got.size(); ++i) {
    const int32_t column = column_of(got.tokens[i]);
    if (column < 0 || column >= cols || listed[static_cast<size_t>(column)])
      return suite.expect(false, cat("row ", row, ", place ", i, ": token ", got.tokens[i]));
    listed[static_cast<size_t>(column)] = true;
    const float logit = of.logits[row][static_cast<size_t>(column)];
    suite.expect(std::bit_cast<int32_t>(logit) == got.logit_words[i], cat("row ", row, ", place ", i, ": the logit"));
    if (!of.rankings[row].by_noise()) {
      if (column != order[i])
        return suite.expect(false, cat("row ", row, ", place ", i, " is column ", column, ", expected ", order[i]));
      continue;
    }
    const double score = rank_of(of, row, column);
    if (score > last) suite.expect(score - error_of(score) <= last + error_of(last), cat("row ", row, ", place ", i));
    last = score;
  }
  for (int column = 0; column < cols && of.rankings[row].by_noise(); ++column) {
    if (listed[static_cast<size_t>(column)]) continue;
    const double score = rank_of(of, row, column);
    suite.expect(!(score - error_of(score) > last + error_of(last)),
                 cat("row ", row, ": column ", column, " is missing"));
  }
}

void check_sum(Suite& suite, const Case& of, size_t row, const CandidateList& got) {
  float largest = -kInfinity;
  bool has_nan = false;
  for (const float logit : of.logits[row]) has_nan |= std::isnan(logit), largest = std::max(largest, logit);
  suite.expect(got.largest == largest, cat("row ", row, ": largest is ", got.largest, ", expected ", largest));
  const bool is_ordinary = !has_nan && std::isfinite(largest);
  suite.expect(got.is_ordinary() == is_ordinary, cat("row ", row, ": ordinary"));
  if (!is_ordinary) return suite.expect(got.sum == 0, cat("row ", row, ": a sum of ", got.sum));
  double sum = 0;
  for (const float logit : of.logits[row]) sum += std::exp(static_cast<double>(logit) - static_cast<double>(largest));
  suite.expect(std::fabs(static_cast<double>(got.sum) - sum) <= kCandidateSumError / 8 * sum,
               cat("row ", row, ": the sum is ", got.sum, ", expected ", sum));
}

void check(Suite& suite, const Case& of) {
  const int cols = static_cast<int>(of.logits.front().size());
  std::vector<int> all(of.logits.size());
  std::iota(all.begin(), all.end(), 0);
  const Words together = list(suite.device, of, all);
  for (size_t row = 0; row < together.size(); ++row) {
    const CandidateList got(together[row], cols, of.rankings[row]);
    check_sum(suite, of, row, got);
    check_list(suite, of, row, got);
    for (size_t i = got.size(); i < static_cast<size_t>(of.count); ++i)
      suite.expect(together[row][2 + i] == -1, cat("row ", row, ": a token behind the last"));
    suite.expect(list(suite.device, of, {static_cast<int>(row)}).front() == together[row], cat("row ", row, " alone"));
  }
  std::reverse(all.begin(), all.end());
  Words reversed = list(suite.device, of, all);
  std::reverse(reversed.begin(), reversed.end());
  suite.expect(reversed == together, "rows in other company");
}

// Rows as models make them, and rows as nobody should.
Case usual(int rows, int cols, int count) {
  Case made{random_rows(21, rows, cols), std::vector<CandidateRanking>(static_cast<size_t>(rows)), {}, count};
  for (size_t row = 0; row < made.logits.size(); ++row)
    for (float& logit : made.logits[row]) logit *= row % 3 == 0 ? 1.0f : 4.0f;
  return made;
}

Case hostile(int cols, int count) {
  Case made = usual(12, cols, count);
  const size_t last = static_cast<size_t>(cols) - 1;
  made.logits[0].assign(last + 1, 2.5f);  // nothing but ties
  made.logits[1].assign(last + 1, -kInfinity);
  made.logits[2].assign(last + 1, kNan);
  made.logits[3][last] = kNan;
  made.logits[4][0] = kInfinity;
  for (size_t i = 0; i <= last; i += 2) made.logits[5][i] = -kInfinity;
  for (size_t i = 0; i <= last; ++i) made.logits[6][i] = i % 2 == 0 ? -0.0f : 0.0f;
  for (size_t i = 0; i <= last; ++i) made.logits[7][i] = static_cast<float>(i % 3);  // ties across the cut
  for (float& logit : made.logits[8]) logit *= 1e37f;
  for (float& logit : made.logits[9]) logit *= 1e-42f;
  made.logits[10].assign(last + 1, -3e38f);
  made.logits[11].assign(last + 1, -kInfinity);
  made.logits[11][last] = -5;
  return made;
}

void rank_by_noise(Case& made) {
  for (size_t row = 0; row < made.rankings.size(); ++row)
    made.rankings[row] = {row % 2 == 0 ? 0.8f : 1.7f, 99 + row, static_cast<int64_t>(1000 * row)};
}

}  // namespace

void test_candidates(Suite& suite) {
  for (const auto& [rows, cols, count] : {std::array{3, 1, 1},
                                          {9, 50, 128},
                                          {2, 128, 128},
                                          {5, 4096, 128},
                                          {4, 4097, 40},
                                          {3, 20000, 128},
                                          {70, 300, 16},
                                          {2, 300000, 256}})
    suite.test(cat("list_candidates ", rows, "x", cols, " of ", count),
               [&] { check(suite, usual(rows, cols, count)); });
  for (const int cols : {7, 100, 9000})
    suite.test(cat("list_candidates hostile ", cols), [&] { check(suite, hostile(cols, 32)); });
  for (const int cols : {60, 9000})
    suite.test(cat("list_candidates by noise ", cols), [&] {
      for (Case made : {usual(6, cols, 64), hostile(cols, 64)}) {
        rank_by_noise(made);
        check(suite, made);
      }
    });
  suite.test("list_candidates with ids", [&] {
    Case made = usual(4, 5000, 64);
    for (int i = 0; i < 5000; ++i) made.ids.push_back(3 * i + i % 2);
    check(suite, made);
    rank_by_noise(made);
    check(suite, made);
  });
}

}  // namespace paceline::op_suite
