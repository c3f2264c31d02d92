#pragma once
// The rows of logits of one pass as the host chooses from them. Where the device's memory is the host's they are read in place. Elsewhere all
// rows' candidates come in one operation and one read, and a whole row is read only when they do not prove its choice or somebody asks for it.
#include <optional>
#include <span>
#include <vector>

#include "device/device.h"
#include "engine/sampler.h"

namespace paceline {

class LogitRows {
 public:
  // Of at most max_rows x max_cols; the device outlives this.
  LogitRows(Device& device, int max_rows, int max_cols);

  // Rows of another pass, valid until the next call; reads nothing.
  void show(Tensor logits);
  // The same, and their candidates, where they are of use: waits for the device once. `ids` and `rankings` as in Device::list_candidates.
  void show(Tensor logits, Tensor ids, std::span<const CandidateRanking> rankings);

  // Sampler::choose of a row; `ids` and `allowed` as there.
  Token choose(Sampler& sampler, int row, const SamplingParameters& parameters, std::span<const Token> history,
               std::span<const Token> ids, std::span<const uint32_t> allowed);
  // The whole row, valid until the next call.
  std::span<const float> row(int row);
  std::optional<CandidateList> candidates(int row) const;

  // Room for top_k 40 when all of 64 penalised tokens leave it, and more.
  static constexpr int kCandidates = 128;

 private:
  Device& device_;
  Tensor logits_;
  OwnedTensor lists_;
  std::vector<int32_t> host_lists_;
  std::vector<float> host_row_;
  std::vector<CandidateRanking> rankings_;  // of the rows that have lists; empty: none has
  int row_read_ = -1;
};

}  // namespace paceline
