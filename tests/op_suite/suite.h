#pragma once
// The op suite: every operation of every device is held to docs/numerics.md. One program without a test library, so that it also runs on
// bare machines (core-only builds): `op_suite [--device reference|cpu] [--isa NAME] [--threads N] [filter]`.
//
// What is asked of an operation: its rows agree with the reference device within a tolerance that its quantization explains, and their
// bits do not depend on the batch they are in, the number of threads, other sequences, or how a sequence was cut into steps.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device/device.h"
#include "support/random_matrices.h"

namespace paceline::op_suite {

using test::download;
using test::EncodedMatrix;
using test::random_rows;
using test::random_value;
using test::Rows;
using test::upload;

Rows select(const Rows& rows, const std::vector<int>& chosen);
// A weight matrix of about 1/sqrt(cols) standard deviation.
EncodedMatrix random_matrix(uint64_t seed, QuantType type, int rows, int cols);

class Suite {
 public:
  Suite(Device& tested, Device& reference, std::string filter)
      : device(tested), oracle(reference), filter_(std::move(filter)) {}

  // Runs `body` under a name when it matches the filter.
  void test(const std::string& name, const std::function<void()>& body);
  void expect_same_bits(const Rows& got, const Rows& want, const std::string& what);
  // Normalised squared error over all rows.
  void expect_close(const Rows& got, const Rows& want, double tolerance, const std::string& what);
  void expect(bool condition, const std::string& what);

  int passed() const { return passed_; }
  int failed() const { return failed_; }

  Device& device;
  Device& oracle;

 private:
  void report(const std::string& what);
  std::string filter_, current_;
  int passed_ = 0, failed_ = 0;
  bool current_failed_ = false;
};

// The suites, one file each.
void test_dense(Suite& suite);
void test_candidates(Suite& suite);
void test_matrices(Suite& suite);
void test_experts(Suite& suite);
void test_sequences(Suite& suite);

// A row-wise operation: maps the chosen rows of its fixed random inputs to output rows on a device.
using RowOperation = std::function<Rows(Device&, const std::vector<int>& rows)>;
// Holds it to agreement with the oracle and to row independence: rows alone, in batches of 1 … 9 and in random company.
void check_row_operation(Suite& suite, const RowOperation& operation, double tolerance);

}  // namespace paceline::op_suite
