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
  // Of at most max_cols columns, with at most max_lists lists and max_drafts drafts that are read beside them; the device outlives this.
  LogitRows(Device& device, int max_lists, int max_drafts, int max_cols);

  // Device memory it takes where that is not the host's.
  static uint64_t most_bytes(int max_lists, int max_drafts) {
    return sizeof(int32_t) * static_cast<uint64_t>(max_lists + max_drafts) * candidate_words(kCandidates);
  }

  // Rows of another pass, valid until the next call; reads nothing.
  void show(Tensor logits);
  // Lists their candidates, which only pays where the memory is not the host's: in device memory, rows x candidate_words(kCandidates), valid until
  // the next call. `ids` and `rankings` as in Device::list_candidates.
  Tensor list(Tensor ids, std::span<const CandidateRanking> rankings);
  // Waits for the lists, if there are any, and for `drafts` (rows of kDraftWords words in device memory), once for all. Returns the drafts' words.
  std::span<const int32_t> read(Tensor drafts = {});

  // Sampler::choose of a row; `ids` and `allowed` as there.
  Token choose(Sampler& sampler, int row, const SamplingParameters& parameters, std::span<const Token> history,
               std::span<const Token> ids, std::span<const uint32_t> allowed);
  // The whole row, valid until the next call.
  std::span<const float> row(int row);
  // Once they have been read.
  std::optional<CandidateList> candidates(int row) const;

  // Room for top_k 40 when all of 64 penalised tokens leave it, and more.
  static constexpr int kCandidates = 128;

 private:
  Device& device_;
  Tensor logits_;
  OwnedTensor lists_;
  std::vector<int32_t> host_lists_;
  std::vector<float> host_row_;
  std::vector<int32_t> host_drafts_;
  std::vector<int> draft_rows_;
  std::vector<CandidateRanking> rankings_;  // of the lists
  int row_read_ = -1;
};

}  // namespace paceline
