// Matrix products in every weight format, and the embedding lookup.
#include "op_suite/suite.h"

namespace paceline::op_suite {

namespace {

constexpr int kRows = 40;

bool is_float(QuantType type) { return type == QuantType::F32 || type == QuantType::F16 || type == QuantType::BF16; }

// Activations rounded to 8 bits in blocks of 32 leave a relative squared error of about (max/127)^2 / 12 / rms^2, 5e-5 for these values.
double product_tolerance(QuantType type) { return is_float(type) ? 1e-10 : 1.2e-4; }

Rows join(Rows left, const Rows& right) {
  for (size_t row = 0; row < left.size(); ++row)
    left[row].insert(left[row].end(), right[row].begin(), right[row].end());
  return left;
}

// Two weights of different sizes and types at once, the second with an odd number of outputs.
void test_project(Suite& suite, QuantType type) {
  suite.test(cat("project ", format_info(type).name), [&] {
    const int cols = 512;
    const EncodedMatrix first = random_matrix(20, type, 96, cols),
                        second = random_matrix(21, QuantType::Q8_0, 37, cols);
    const Rows x = random_rows(22, kRows, cols);
    std::pair<WeightPtr, WeightPtr> loaded[2];
    Device* devices[] = {&suite.device, &suite.oracle};
    for (int i = 0; i < 2; ++i)
      loaded[i] = {devices[i]->load(first.matrix, WeightUse::Project),
                   devices[i]->load(second.matrix, WeightUse::Project)};
    check_row_operation(
        suite,
        [&](Device& device, const std::vector<int>& rows) {
          const auto& weights = loaded[&device == &suite.device ? 0 : 1];
          const OwnedTensor in = upload(device, select(x, rows));
          const OwnedTensor a = device.allocate(DType::F32, in.rows, 96), b = device.allocate(DType::F32, in.rows, 37);
          const Tensor outs[] = {a, b};
          const Weight* both[] = {weights.first.get(), weights.second.get()};
          device.project(outs, in, both);
          return join(download(device, a), download(device, b));
        },
        product_tolerance(QuantType::Q8_0));
  });
}

// As wide as the layers of large models: devices that divide the columns have several pieces in each part.
void test_wide_project(Suite& suite, QuantType type) {
  suite.test(cat("project wide ", format_info(type).name), [&] {
    const int cols = 7168, outputs = 16;
    const EncodedMatrix matrix = random_matrix(27, type, outputs, cols);
    const Rows x = random_rows(28, kRows, cols);
    const WeightPtr weights[] = {suite.device.load(matrix.matrix, WeightUse::Project),
                                 suite.oracle.load(matrix.matrix, WeightUse::Project)};
    check_row_operation(
        suite,
        [&](Device& device, const std::vector<int>& rows) {
          const OwnedTensor in = upload(device, select(x, rows));
          const OwnedTensor out = device.allocate(DType::F32, in.rows, outputs);
          const Tensor outs[] = {out};
          const Weight* one[] = {weights[&device == &suite.device ? 0 : 1].get()};
          device.project(outs, in, one);
          return download(device, out);
        },
        product_tolerance(type));
  });
}

// Alone, so that the float formats are held to their own tolerance; into columns of a wider tensor.
void test_project_add(Suite& suite, QuantType type) {
  suite.test(cat("project_add ", format_info(type).name), [&] {
    const int cols = 256, outputs = 50;
    const EncodedMatrix matrix = random_matrix(23, type, outputs, cols);
    const Rows x = random_rows(24, kRows, cols), base = random_rows(25, kRows, 2 * outputs);
    const WeightPtr weights[] = {suite.device.load(matrix.matrix, WeightUse::Project),
                                 suite.oracle.load(matrix.matrix, WeightUse::Project)};
    check_row_operation(
        suite,
        [&](Device& device, const std::vector<int>& rows) {
          const OwnedTensor in = upload(device, select(x, rows)), out = upload(device, select(base, rows));
          device.project_add(out.columns(outputs, outputs), in, *weights[&device == &suite.device ? 0 : 1]);
          return download(device, out);
        },
        product_tolerance(type));
  });
}

void test_embed(Suite& suite, QuantType type) {
  suite.test(cat("embed ", format_info(type).name), [&] {
    const int cols = 512, vocabulary = 30;
    const EncodedMatrix matrix = random_matrix(26, type, vocabulary, cols);
    const WeightPtr weights[] = {suite.device.load(matrix.matrix, WeightUse::Embed),
                                 suite.oracle.load(matrix.matrix, WeightUse::Embed)};
    const auto lookup = [&](Device& device) {
      std::vector<int32_t> ids = {0, 29, 7, 7, 13};
      const OwnedTensor tokens = device.allocate(DType::I32, 5, 1), out = device.allocate(DType::F32, 5, cols);
      device.write(tokens, ids.data());
      device.embed(out, *weights[&device == &suite.device ? 0 : 1], tokens);
      return download(device, out);
    };
    suite.expect_same_bits(lookup(suite.device), lookup(suite.oracle), "rows decode as in the file");
  });
}

}  // namespace

void test_matrices(Suite& suite) {
  for (const QuantType type : kAllQuantTypes) {
    test_project(suite, type);
    test_wide_project(suite, type);
    test_project_add(suite, type);
    test_embed(suite, type);
  }
}

}  // namespace paceline::op_suite
