#pragma once
// The tokens a draft may be, and a cheap copy of their rows of the output head. A real head has 248,320 rows and is most of what a draft
// costs; a draft that is never proposed only costs speed, so drafting looks at the ids that matter: the lowest (a byte-pair vocabulary
// lists its merges by frequency), the special ones, those that earlier texts of the model had, and whatever has occurred in a context. The copy has 4 bits a weight. Verification
// always uses the full head, so no output can change.
#include <cstdint>
#include <span>
#include <vector>

#include "engine/sampler.h"
#include "model/model.h"

namespace paceline {

class DraftVocabulary {
 public:
  // Small vocabularies (up to kFullSize) are used in full, as in the file.
  DraftVocabulary(Device& device, Model& model, int max_rows);

  // Tokens that occurred; those not known yet are taken in by the next refresh().
  void observe(std::span<const Token> tokens);
  // Ids that earlier texts had: known from the start. Those outside the vocabulary are ignored.
  void learn(std::span<const Token> ids);
  // The ids beyond the base that were seen most often since the start, or were learned; at most kMostLearned.
  std::vector<Token> learned() const;
  // Takes in what was observed, in batches so that it stays rare, and widens the base where misses are frequent. Not in the middle of a
  // chain of drafts.
  void refresh();

  // Known tokens in rising order; empty means all.
  std::span<const Token> ids() const { return ids_; }
  // The same in device memory, empty for all: what Device::list_candidates takes.
  Tensor device_ids() const {
    return ids_.empty() ? Tensor{} : device_ids_.row_range(0, static_cast<int>(ids_.size()));
  }
  // hidden: rows x width; the result has one column per known token, valid until the next call.
  Tensor logits(Tensor hidden);
  // The most device memory that one for this head takes, while it widens its base once.
  static uint64_t most_bytes(const QuantMatrix& head, int max_rows);
  // Bytes of weights that one draft reads.
  uint64_t bytes_per_draft() const;

  static constexpr int kFullSize = 40960, kBaseSize = 32768;
  static constexpr size_t kMostLearned = 4096;

 private:
  // Rows of the head in 4 bits, in the order of their ids.
  struct Rows {
    std::vector<std::byte> bytes;  // what the weight was made of; a device may keep a view of it
    WeightPtr weight;
  };
  Rows encode(std::span<const Token> ids);
  void make_base(int size);
  void make_extra();
  bool is_known(Token token) const { return known_[static_cast<size_t>(token)]; }

  Device& device_;
  Model& model_;
  QuantMatrix head_;
  int base_size_ = 0;  // ids below it are known
  std::vector<Token> extra_ids_;  // known ids beyond, in rising order
  std::vector<Token> ids_;
  std::vector<bool> known_;
  std::vector<uint32_t> seen_;  // how often, by id
  std::vector<Token> waiting_;
  int refreshes_waited_ = 0;
  int64_t observed_ = 0, missed_ = 0;  // since the base was last considered
  Rows base_, extra_;
  OwnedTensor logits_, device_ids_;
};

}  // namespace paceline
