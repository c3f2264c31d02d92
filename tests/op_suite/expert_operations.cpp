// Mixture of experts: routing, grouped products, the shared expert.
#include "op_suite/suite.h"

namespace paceline::op_suite {

namespace {

constexpr int kRows = 40, kWidth = 512, kHidden = 64, kExperts = 8, kUsed = 3;

Rows as_rows(Device& device, Tensor ids) {
  std::vector<int32_t> flat(static_cast<size_t>(ids.rows) * static_cast<size_t>(ids.cols));
  device.read(flat.data(), ids);
  Rows rows(static_cast<size_t>(ids.rows));
  for (size_t i = 0; i < flat.size(); ++i)
    rows[i / static_cast<size_t>(ids.cols)].push_back(static_cast<float>(flat[i]));
  return rows;
}

void test_route(Suite& suite) {
  suite.test("route", [&] {
    Rows logits = random_rows(30, kRows, kExperts);
    logits[2].assign(kExperts, 0.25f);  // all tied: lowest ids
    logits[3][6] = logits[3][1] = 9.0f;
    check_row_operation(
        suite,
        [&](Device& device, const std::vector<int>& rows) {
          const OwnedTensor in = upload(device, select(logits, rows));
          const OwnedTensor ids = device.allocate(DType::I32, in.rows, kUsed),
                            shares = device.allocate(DType::F32, in.rows, kUsed);
          device.route(ids, shares, in, {kExperts, kUsed});
          Rows out = as_rows(device, ids);
          const Rows weights = download(device, shares);
          for (size_t row = 0; row < out.size(); ++row)
            out[row].insert(out[row].end(), weights[row].begin(), weights[row].end());
          return out;
        },
        1e-11);
  });
}

struct Experts {
  WeightPtr gate, up, down;
};

Experts load(Device& device, const EncodedMatrix& gate, const EncodedMatrix& up, const EncodedMatrix& down) {
  return {device.load(gate.matrix, WeightUse::Experts, kExperts), device.load(up.matrix, WeightUse::Experts, kExperts),
          device.load(down.matrix, WeightUse::Experts, kExperts)};
}

void test_project_experts(Suite& suite, QuantType type, QuantType down_type) {
  suite.test(cat("project_experts ", format_info(type).name), [&] {
    const EncodedMatrix gate = random_matrix(31, type, kExperts * kHidden, kWidth),
                        up = random_matrix(32, type, kExperts * kHidden, kWidth);
    const EncodedMatrix down = random_matrix(33, down_type, kExperts * kWidth, kHidden);
    const Rows x = random_rows(34, kRows, kWidth), base = random_rows(35, kRows, kWidth),
               logits = random_rows(36, kRows, kExperts);
    const Experts weights[] = {load(suite.device, gate, up, down), load(suite.oracle, gate, up, down)};
    check_row_operation(
        suite,
        [&](Device& device, const std::vector<int>& rows) {
          const Experts& mine = weights[&device == &suite.device ? 0 : 1];
          const OwnedTensor in = upload(device, select(x, rows)), out = upload(device, select(base, rows));
          const OwnedTensor scores = upload(device, select(logits, rows));
          const OwnedTensor ids = device.allocate(DType::I32, in.rows, kUsed),
                            shares = device.allocate(DType::F32, in.rows, kUsed);
          device.route(ids, shares, scores, {kExperts, kUsed});
          device.project_experts(out, in, ids, shares, {mine.gate.get(), mine.up.get(), mine.down.get()});
          return download(device, out);
        },
        4e-4);
  });
}

void test_shared(Suite& suite) {
  suite.test("add_shared_expert", [&] {
    const Rows x = random_rows(37, kRows, kWidth), base = random_rows(38, kRows, kWidth),
               shared = random_rows(39, kRows, kWidth);
    const Rows gate = random_rows(40, 1, kWidth);
    check_row_operation(
        suite,
        [&](Device& device, const std::vector<int>& rows) {
          const OwnedTensor in = upload(device, select(x, rows)), out = upload(device, select(base, rows));
          const OwnedTensor expert = upload(device, select(shared, rows)), w = upload(device, gate);
          device.add_shared_expert(out, expert, in, w);
          return download(device, out);
        },
        1e-11);
  });
}

}  // namespace

void test_experts(Suite& suite) {
  test_route(suite);
  test_project_experts(suite, QuantType::Q8_0, QuantType::Q8_0);
  test_project_experts(suite, QuantType::Q4_K, QuantType::Q5_0);
  test_project_experts(suite, QuantType::MXFP4, QuantType::MXFP4);
  test_project_experts(suite, QuantType::F16, QuantType::F16);
  test_shared(suite);
}

}  // namespace paceline::op_suite
