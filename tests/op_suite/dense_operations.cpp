// Operations that look at one row of each input and nothing else.
#include <algorithm>

#include "op_suite/suite.h"

namespace paceline::op_suite {

namespace {

constexpr int kRows = 40;
constexpr double kRounding = 1e-11;  // a few roundings of 2^-24 relative each, squared

// out = operation(a, b) on equal shapes.
void test_two_inputs(Suite& suite, const std::string& name, int cols,
                     void (*operation)(Device&, Tensor out, Tensor a, Tensor b)) {
  suite.test(cat(name, " ", cols), [&] {
    const Rows a = random_rows(1, kRows, cols), b = random_rows(2, kRows, cols);
    check_row_operation(
        suite,
        [&](Device& device, const std::vector<int>& rows) {
          const OwnedTensor left = upload(device, select(a, rows)), right = upload(device, select(b, rows));
          const OwnedTensor out = device.allocate(DType::F32, left.rows, cols);
          operation(device, out, left, right);
          return download(device, out);
        },
        kRounding);
  });
}

void test_norm(Suite& suite, int cols, float scale) {
  suite.test(cat("rms_norm ", cols, " scale ", scale), [&] {
    Rows x = random_rows(3, kRows, cols);
    for (auto& row : x)
      for (float& value : row) value *= scale;
    const Rows weight = random_rows(4, 1, cols);
    check_row_operation(
        suite,
        [&](Device& device, const std::vector<int>& rows) {
          const OwnedTensor in = upload(device, select(x, rows)), w = upload(device, weight);
          device.rms_norm(in, in, w, 1e-6f);
          return download(device, in);
        },
        kRounding);
  });
}

void test_gated_norm(Suite& suite, int cols) {
  suite.test(cat("gated_rms_norm ", cols), [&] {
    const Rows x = random_rows(5, kRows, cols), z = random_rows(6, kRows, cols), weight = random_rows(7, 1, cols);
    check_row_operation(
        suite,
        [&](Device& device, const std::vector<int>& rows) {
          const OwnedTensor in = upload(device, select(x, rows)), gate = upload(device, select(z, rows)),
                            w = upload(device, weight);
          device.gated_rms_norm(in, in, w, gate, 1e-6f);
          return download(device, in);
        },
        kRounding);
  });
}

void test_views(Suite& suite) {
  suite.test("rms_norm through a view of heads with a pitch", [&] {
    const Rows x = random_rows(8, 6, 4 * 64), weight = random_rows(9, 1, 32);
    Rows results[2];
    Device* devices[] = {&suite.device, &suite.oracle};
    for (int i = 0; i < 2; ++i) {
      const OwnedTensor in = upload(*devices[i], x), w = upload(*devices[i], weight);
      const Tensor heads = in.columns(32, 32).as_heads(4, 32, 64);
      devices[i]->rms_norm(heads, heads, w, 1e-6f);
      results[i] = download(*devices[i], in);
    }
    suite.expect_close(results[0], results[1], kRounding, "agreement");
    for (size_t row = 0; row < x.size(); ++row)
      suite.expect(results[0][row][0] == x[row][0] && results[0][row][64 + 31] == x[row][64 + 31],
                   "columns outside the view changed");
  });
  suite.test("gather_rows", [&] {
    const Rows x = random_rows(10, 9, 70);
    const std::vector<int> chosen = {8, 0, 0, 5, 3};
    const OwnedTensor in = upload(suite.device, x), out = suite.device.allocate(DType::F32, 5, 70);
    suite.device.gather_rows(out, in, chosen);
    suite.expect_same_bits(download(suite.device, out), select(x, chosen), "gathered rows");
  });
  suite.test("gather_rows of a column of integers", [&] {
    const std::vector<int32_t> values = {1, 0x7fa00001, 3, 4, -5, 6};  // one of them a signaling NaN, were it a float
    const OwnedTensor in = suite.device.allocate(DType::I32, 2, 3), out = suite.device.allocate(DType::I32, 2, 1);
    suite.device.write(in, values.data());
    suite.device.gather_rows(out, in.columns(1, 1), std::vector<int>{1, 0});
    std::vector<int32_t> got(2);
    suite.device.read(got.data(), out);
    suite.expect(got == std::vector<int32_t>{-5, 0x7fa00001}, "gathered integers");
  });
}

void test_argmax(Suite& suite) {
  suite.test("argmax", [&] {
    Rows x = random_rows(11, 12, 5003);
    x[3][17] = x[3][4999] = 50.0f;  // a tie goes to the lower id
    x[4].assign(x[4].size(), -1.0f);
    const OwnedTensor in = upload(suite.device, x), ids = suite.device.allocate(DType::I32, 12, 1);
    suite.device.argmax(ids, in);
    std::vector<int32_t> got(12);
    suite.device.read(got.data(), ids);
    for (size_t row = 0; row < x.size(); ++row) {
      const auto best = std::max_element(x[row].begin(), x[row].end()) - x[row].begin();
      suite.expect(got[row] == best, cat("row ", row, " is ", got[row], ", expected ", best));
    }
  });
}

}  // namespace

void test_dense(Suite& suite) {
  for (const int cols : {32, 100, 1024, 2560}) {
    test_two_inputs(suite, "swiglu", cols,
                    [](Device& device, Tensor out, Tensor a, Tensor b) { device.swiglu(out, a, b); });
    test_two_inputs(suite, "sigmoid_gate", cols, [](Device& device, Tensor out, Tensor a, Tensor b) {
      device.sigmoid_gate(a, b);
      std::vector<int> rows(static_cast<size_t>(a.rows));
      for (int i = 0; i < a.rows; ++i) rows[static_cast<size_t>(i)] = i;
      device.gather_rows(out, a, rows);
    });
    test_norm(suite, cols, 1.0f);
    test_gated_norm(suite, cols);
  }
  test_norm(suite, 256, 1e-4f);
  test_norm(suite, 256, 1e4f);
  test_views(suite);
  test_argmax(suite);
}

}  // namespace paceline::op_suite
