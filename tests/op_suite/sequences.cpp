// Operations with a memory: rotate, store_kv, attention, conv_silu, delta_rule. Each is run over the same sequences cut into steps in many
// ways (prompt chunks, single rows, drafts accepted and rejected, strangers in the batch); every committed row must keep its bits.
#include <algorithm>
#include <cmath>

#include "op_suite/suite.h"

namespace paceline::op_suite {

namespace {

// One step of one sequence: `rows` rows of which `commit` happen; the others were wrong drafts with other inputs.
struct Step {
  int rows, commit;
  Phase phase;
};
using Plan = std::vector<Step>;

// What the operation under test needs to run one batch: fills `out` (one row per batch row).
struct SequenceOperation {
  StateShape shape;
  int out_cols;
  double tolerance;
  // Input values come from row_seed(batch row): equal for equal (sequence, position, wrong).
  std::function<void(Device&, Tensor out, const Batch&, const std::vector<uint64_t>& row_seeds)> run;
};

uint64_t row_seed(uint64_t sequence, int position, bool wrong) {
  return mix64(sequence * 1000003 + static_cast<uint64_t>(position) * 2 + wrong);
}

Rows seeded_rows(const std::vector<uint64_t>& seeds, uint64_t salt, int cols) {
  Rows rows;
  for (const uint64_t seed : seeds) rows.push_back(random_rows(seed ^ mix64(salt), 1, cols)[0]);
  return rows;
}

// The recurrent memory of layer 1 after a Prompt step, when nothing waits to be replayed: S and the convolution window.
Rows recurrent_memory(Device& device, SequenceState& state) {
  if (state.shape().recurrent.empty()) return {};
  RecurrentMemory& memory = state.recurrent(1);
  Rows rows = download(device, memory.state);
  const Rows window = download(device, memory.conv[state.previous_record()].row_range(0, memory.shape.conv_kernel - 1));
  rows.insert(rows.end(), window.begin(), window.end());
  return rows;
}

// Runs sequences side by side, each by its own plan, one batch per round; returns the committed rows of each, and its memory at the end.
std::vector<Rows> run_plans(Device& device, const SequenceOperation& operation, const std::vector<Plan>& plans,
                            const std::vector<uint64_t>& names, std::vector<Rows>* memories = nullptr) {
  std::vector<SequenceState> states;
  for (size_t i = 0; i < plans.size(); ++i) states.emplace_back(device, operation.shape);
  std::vector<Rows> committed(plans.size());
  size_t longest = 0;
  for (const Plan& plan : plans) longest = std::max(longest, plan.size());
  for (size_t round = 0; round < longest; ++round) {
    std::vector<Segment> segments;
    std::vector<uint64_t> seeds;
    std::vector<size_t> who;
    for (size_t i = 0; i < plans.size(); ++i) {
      if (round >= plans[i].size()) continue;
      const Step& step = plans[i][round];
      const int position = states[i].length();
      segments.push_back({&states[i], static_cast<int>(seeds.size()), step.rows, position, step.phase});
      states[i].begin_step(step.rows, step.phase);
      for (int row = 0; row < step.rows; ++row) seeds.push_back(row_seed(names[i], position + row, row >= step.commit));
      who.push_back(i);
    }
    const int rows = static_cast<int>(seeds.size());
    const OwnedTensor tokens = device.allocate(DType::I32, rows, 1),
                      out = device.allocate(DType::F32, rows, operation.out_cols);
    operation.run(device, out, {tokens, segments}, seeds);
    const Rows result = download(device, out);
    for (size_t i = 0; i < segments.size(); ++i) {
      const Step& step = plans[who[i]][round];
      const auto first = result.begin() + segments[i].first_row;
      committed[who[i]].insert(committed[who[i]].end(), first, first + step.commit);
      states[who[i]].commit(step.commit);
    }
  }
  for (SequenceState& state : states)
    if (memories != nullptr) memories->push_back(recurrent_memory(device, state));
  return committed;
}

constexpr int kPromptLength = 70, kLength = 150;

Plan cut(int prompt_chunk, const std::vector<std::pair<int, int>>& rounds) {
  Plan plan;
  for (int done = 0; done < kPromptLength; done += prompt_chunk) {
    const int rows = std::min(prompt_chunk, kPromptLength - done);
    plan.push_back({rows, rows, Phase::Prompt});
  }
  int position = kPromptLength;
  for (size_t i = 0; position < kLength; ++i) {
    auto [rows, commit] = rounds[i % rounds.size()];
    rows = std::min(rows, kLength - position);
    commit = std::min(commit, rows);
    plan.push_back({rows, commit, Phase::Generate});
    position += commit;
  }
  plan.push_back({1, 1, Phase::Prompt});  // replays what is left, so that memories can be compared
  return plan;
}

// (rows, committed) for every 1 <= committed <= rows <= 7: draft, accept some, reject the rest.
std::vector<std::pair<int, int>> all_rounds() {
  std::vector<std::pair<int, int>> rounds;
  for (int rows = 1; rows <= 7; ++rows)
    for (int commit = 1; commit <= rows; ++commit) rounds.emplace_back(rows, commit);
  return rounds;
}

void check_sequence_operation(Suite& suite, const std::string& name, const SequenceOperation& operation) {
  suite.test(name, [&] {
    const std::vector<std::pair<int, int>> plain = {{1, 1}};
    std::vector<Rows> memories;
    const auto alone = [&](Device& device, const Plan& plan) {
      Rows rows = run_plans(device, operation, {plan}, {1}, &memories)[0];
      if (&device == &suite.device)
        suite.expect_same_bits(memories.back(), memories.front(), "memory after the last step");
      return rows;
    };
    const Rows want = alone(suite.device, cut(64, plain));
    suite.expect_close(want, alone(suite.oracle, cut(64, plain)), operation.tolerance,
                       "agreement with the reference device");
    for (const int chunk : {1, 3, 7, 69, 70})
      suite.expect_same_bits(alone(suite.device, cut(chunk, plain)), want, cat("prompt chunks of ", chunk));

    std::vector<std::pair<int, int>> rounds = all_rounds();
    suite.expect_same_bits(alone(suite.device, cut(64, rounds)), want, "every (drafted, accepted)");
    std::reverse(rounds.begin(), rounds.end());
    suite.expect_same_bits(alone(suite.device, cut(5, rounds)), want, "every (drafted, accepted), reversed");
    suite.expect_same_bits(alone(suite.device, cut(64, {{7, 7}})), want, "all accepted");
    suite.expect_same_bits(alone(suite.device, cut(64, {{7, 1}})), want, "none accepted");
    suite.expect_same_bits(alone(suite.device, cut(64, {{4, 0}, {2, 1}, {3, 0}, {3, 3}})), want,
                           "steps that commit nothing");

    const std::vector<Plan> plans = {cut(64, plain), cut(7, rounds), cut(33, {{3, 2}})};
    const std::vector<Rows> together = run_plans(suite.device, operation, plans, {1, 1, 1});
    for (size_t i = 0; i < plans.size(); ++i)
      suite.expect_same_bits(together[i], want, cat("in company, sequence ", i));
    suite.expect_same_bits(run_plans(suite.device, operation, {plans[1], plans[0], plans[2]}, {5, 1, 9})[1], want,
                           "among strangers");
  });
}

SequenceOperation attention(int heads, int kv_heads, int head_dim, DType k_type, DType v_type) {
  SequenceOperation operation;
  operation.shape.kv = {{kv_heads, head_dim, k_type, v_type}, {kv_heads, head_dim, k_type, v_type}};
  operation.shape.max_length = kLength + 8;
  operation.shape.max_generate_rows = 7;
  operation.out_cols = heads * head_dim;
  // The caches hold the same rounded K and V on both devices except where rounding F32 values differently moves a stored one.
  operation.tolerance = k_type == DType::F32 && v_type == DType::F32 ? 1e-10 : 1e-6;
  operation.run = [=](Device& device, Tensor out, const Batch& batch, const std::vector<uint64_t>& seeds) {
    const OwnedTensor q = upload(device, seeded_rows(seeds, 1, heads * 2 * head_dim));
    const OwnedTensor k = upload(device, seeded_rows(seeds, 2, kv_heads * head_dim)),
                      v = upload(device, seeded_rows(seeds, 3, kv_heads * head_dim));
    const Tensor q_heads = q.as_heads(heads, head_dim, 2 * head_dim);
    device.rotate(q_heads, batch, {heads, head_dim, head_dim / 2, 1e7});
    device.rotate(k.as_heads(kv_heads, head_dim), batch, {kv_heads, head_dim, head_dim / 2, 1e7});
    device.store_kv(batch, 1, k, v);
    device.attention(out, q_heads, batch, 1,
                     {heads, kv_heads, head_dim, 1.0f / std::sqrt(static_cast<float>(head_dim))});
  };
  return operation;
}

StateShape recurrent_shape(int key_heads, int value_heads, int head_dim) {
  StateShape shape;
  shape.recurrent.assign(2, {key_heads, value_heads, head_dim, (2 * key_heads + value_heads) * head_dim, 4});
  shape.max_length = kLength + 8;
  shape.max_generate_rows = 7;
  return shape;
}

SequenceOperation conv(int key_heads, int value_heads, int head_dim) {
  SequenceOperation operation;
  operation.shape = recurrent_shape(key_heads, value_heads, head_dim);
  const int channels = operation.shape.recurrent[0].conv_channels;
  operation.out_cols = channels;
  operation.tolerance = 1e-11;
  operation.run = [=](Device& device, Tensor out, const Batch& batch, const std::vector<uint64_t>& seeds) {
    const OwnedTensor u = upload(device, seeded_rows(seeds, 4, channels)),
                      weight = upload(device, random_rows(5, channels, 4));
    device.conv_silu(out, u, batch, 1, weight);
  };
  return operation;
}

SequenceOperation delta_rule(int key_heads, int value_heads, int head_dim, bool grouped) {
  SequenceOperation operation;
  operation.shape = recurrent_shape(key_heads, value_heads, head_dim);
  operation.out_cols = value_heads * head_dim;
  operation.tolerance = 1e-9;
  const int channels = operation.shape.recurrent[0].conv_channels;
  operation.run = [=](Device& device, Tensor out, const Batch& batch, const std::vector<uint64_t>& seeds) {
    const OwnedTensor qkv = upload(device, seeded_rows(seeds, 6, channels));
    const OwnedTensor beta = upload(device, seeded_rows(seeds, 7, value_heads)),
                      alpha = upload(device, seeded_rows(seeds, 8, value_heads));
    Rows decay = random_rows(9, 1, value_heads);
    for (float& a : decay[0]) a = -0.3f * std::fabs(a) - 0.01f;
    const OwnedTensor a = upload(device, decay), dt = upload(device, random_rows(10, 1, value_heads));
    device.delta_rule(out, {qkv, beta, alpha, a, dt, 1e-6f, grouped}, batch, 1);
  };
  return operation;
}

}  // namespace

void test_sequences(Suite& suite) {
  for (const DType type : {DType::F32, DType::F16, DType::Q8_0}) {
    const std::string name = type == DType::F32 ? "f32" : type == DType::F16 ? "f16" : "q8_0";
    check_sequence_operation(suite, "attention 8/2x64 " + name, attention(8, 2, 64, type, type));
    check_sequence_operation(suite, "attention 6/1x256 " + name, attention(6, 1, 256, type, type));
    check_sequence_operation(suite, "attention 3/3x96 " + name, attention(3, 3, 96, type, type));
  }
  check_sequence_operation(suite, "attention mixed types", attention(4, 2, 128, DType::F16, DType::Q8_0));
  check_sequence_operation(suite, "attention 20/2x96 mixed types", attention(20, 2, 96, DType::Q8_0, DType::F16));
  check_sequence_operation(suite, "conv_silu 2/4x64", conv(2, 4, 64));
  check_sequence_operation(suite, "conv_silu 1/1x16", conv(1, 1, 16));
  check_sequence_operation(suite, "delta_rule 2/4x128", delta_rule(2, 4, 128, false));
  check_sequence_operation(suite, "delta_rule 2/6x64", delta_rule(2, 6, 64, false));
  check_sequence_operation(suite, "delta_rule 2/4x32 grouped", delta_rule(2, 4, 32, true));
  check_sequence_operation(suite, "delta_rule 1/2x48", delta_rule(1, 2, 48, false));
}

}  // namespace paceline::op_suite
