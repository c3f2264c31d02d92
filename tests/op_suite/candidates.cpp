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

// A little more than the errors of scores, sums and logarithms in f32.
constexpr double kShareSlack = 1e-4, kLogitSlack = 1e-4;

DraftRule any_rule(size_t i) {
  constexpr int kTopK[] = {0, 40, 5, 1, 1000};
  constexpr float kTopP[] = {0.95f, 1, 0.5f}, kMinP[] = {0.05f, 0, 0, 0.5f};
  return {.temperature = i % 7 == 6   ? 0.0f
                         : i % 2 == 0 ? 0.8f
                                      : 1.5f,
          .top_k = kTopK[i % 5],
          .top_p = kTopP[i % 3],
          .min_p = kMinP[i % 4],
          .seed = 7 + i,
          .position = static_cast<int64_t>(100 * i)};
}

// The scores of the listed tokens that the rule keeps (`slack` 1: and those it may keep; -1: surely keeps), -infinity for others.
std::vector<double> kept_scores(const CandidateList& list, const DraftRule& rule, double slack) {
  const size_t kept = rule.top_k > 0 ? std::min(list.size(), static_cast<size_t>(rule.top_k)) : list.size();
  const auto share = [&](size_t i) { return std::exp(static_cast<double>(list.logit(i) - list.largest)); };
  double sum = static_cast<double>(list.sum), reached = 0;
  if (rule.top_k == static_cast<int>(kept)) {
    sum = 0;
    for (size_t i = 0; i < kept; ++i) sum += share(i);
  }
  std::vector<double> scores(list.size(), -static_cast<double>(kInfinity));
  for (size_t i = 0; i < kept; ++i) {
    const bool in_share = rule.top_p >= 1 || reached < (static_cast<double>(rule.top_p) + slack * kShareSlack) * sum;
    reached += share(i);
    const bool is_likely =
        rule.min_p <= 0 || std::log(share(i)) >= std::log(static_cast<double>(rule.min_p)) - slack * kLogitSlack;
    if (in_share && is_likely)
      scores[i] = static_cast<double>(list.logit(i)) / static_cast<double>(rule.temperature) +
                  gumbel_noise(rule.seed, rule.position, list.tokens[i]);
  }
  return scores;
}

// What is chosen may be kept, and nothing that surely is beats it by more than rough scores can be off.
void check_draft(Suite& suite, const std::string& where, const CandidateList& list, const DraftRule& rule,
                 const ChosenDraft& got) {
  const auto found = std::find(list.tokens.begin(), list.tokens.end(), got.token);
  if (found == list.tokens.end()) return suite.expect(false, cat(where, ": token ", got.token, " is not listed"));
  const size_t entry = static_cast<size_t>(found - list.tokens.begin());
  if (!list.is_ordinary()) return suite.expect(!got.is_choice(), cat(where, ": chosen from what is no numbers"));
  const double probability =
      std::exp(static_cast<double>(list.logit(entry) - list.largest)) / static_cast<double>(list.sum);
  suite.expect(std::fabs(static_cast<double>(got.probability) - probability) <= 1e-5 * probability + 1e-37,
               cat(where, ": a probability of ", got.probability, ", expected ", probability));
  if (rule.temperature <= 0) return suite.expect(entry == 0, cat(where, ": place ", entry, ", expected the first"));
  const std::vector<double> possible = kept_scores(list, rule, 1), certain = kept_scores(list, rule, -1);
  const double score = possible[entry];
  suite.expect(score > -static_cast<double>(kInfinity), cat(where, ": place ", entry, " is cut off"));
  for (const double other : certain)
    suite.expect(!(other - error_of(other) > score + error_of(score)), cat(where, ": place ", entry, " is not best"));
}

std::vector<std::vector<int32_t>> choose(Device& device, const Words& lists, const std::vector<DraftRule>& rules) {
  const int rows = static_cast<int>(lists.size()), words = static_cast<int>(lists.front().size());
  const OwnedTensor in = device.allocate(DType::I32, rows, words), out = device.allocate(DType::I32, rows, kDraftWords);
  for (int row = 0; row < rows; ++row) device.write(in.row_range(row, 1), lists[static_cast<size_t>(row)].data());
  device.choose_drafts(out, in, rules);
  Words got(lists.size(), std::vector<int32_t>(kDraftWords));
  for (int row = 0; row < rows; ++row) device.read(got[static_cast<size_t>(row)].data(), out.row_range(row, 1));
  return got;
}

void check_drafts(Suite& suite, const Case& of, size_t first_rule) {
  const int cols = static_cast<int>(of.logits.front().size());
  std::vector<int> all(of.logits.size());
  std::iota(all.begin(), all.end(), 0);
  const Words lists = list(suite.device, of, all);
  std::vector<DraftRule> rules;
  for (size_t row = 0; row < lists.size(); ++row) {
    rules.push_back(any_rule(first_rule + row));
    // What the order of a list by noise is for.
    if (of.rankings[row].by_noise()) rules.back().top_k = 0, rules.back().top_p = 1;
  }
  const Words together = choose(suite.device, lists, rules);
  for (size_t row = 0; row < lists.size(); ++row) {
    const CandidateList listed(lists[row], cols, of.rankings[row]);
    check_draft(suite, cat("row ", row, ", rule ", first_rule + row), listed, rules[row], ChosenDraft(together[row]));
    suite.expect(choose(suite.device, {lists[row]}, {rules[row]}).front() == together[row], cat("row ", row, " alone"));
  }
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
  for (const auto& [rows, cols, count] :
       {std::array{9, 3, 8}, {8, 50, 128}, {70, 300, 128}, {30, 2000, 33}, {12, 9000, 256}})
    suite.test(cat("choose_drafts ", rows, "x", cols, " of ", count), [&] {
      Case made = usual(rows, cols, count);
      for (const size_t first_rule : {0, 17}) check_drafts(suite, made, first_rule);
      rank_by_noise(made);
      check_drafts(suite, made, 5);
    });
  suite.test("choose_drafts hostile", [&] {
    Case made = hostile(200, 64);
    for (size_t first_rule = 0; first_rule < 8; ++first_rule) check_drafts(suite, made, 12 * first_rule);
  });
}

}  // namespace paceline::op_suite
