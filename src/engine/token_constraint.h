#pragma once
// Which tokens may come next, for answers that must have a form (a JSON schema, a grammar). The engine deals in tokens only: what the form
// is, and what the tokens spell, is the business of whoever implements this.
//
// The engine calls one constraint from one thread, in the order of the text. While it drafts it runs ahead with accept() and takes the
// drafts back with rollback() before it judges them, so the mask a draft was chosen with is the mask it is judged with and drafting leaves
// no trace (docs/numerics.md, rule 1).
#include <cstdint>
#include <span>

#include "engine/sampler.h"

namespace paceline {

class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  // A bit for each token of the vocabulary, (vocab_size + 31) / 32 words: bit t % 32 of word t / 32 is set where token t may come next.
  // End tokens are among them exactly where the text may end. An empty span, or one without a bit set, means that nothing can follow: the
  // engine ends the request (FinishReason::Stop). Valid until the next call of any method.
  virtual std::span<const uint32_t> allowed() = 0;
  // The text goes on with `token`, which was allowed.
  virtual void accept(Token token) = 0;
  // Takes back the last `count` accepted tokens; at most kMaxDrafts (sequence.h), all accepted since allowed()
  // was last asked for a token that stays.
  virtual void rollback(int count) = 0;
};

}  // namespace paceline
