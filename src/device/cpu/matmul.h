#pragma once
// Products of packed weights with prepared rows: all panels of all weights of a call are one parallel loop. A panel is read from memory once
// for up to a few dozen rows: while it is in cache, every group of rows that fits the second-level cache beside it passes. For few rows a thread
// reads its panels as several streams where the machine likes that.
#include <span>
#include <vector>

#include "device/cpu/activations.h"
#include "device/cpu/pack.h"

namespace paceline::cpu {

// out rows (of one run, in order) = or += weight of `expert` times the run's rows.
struct Product {
  const CpuWeight* weight = nullptr;
  int expert = 0;
  int run = 0;
  float* out = nullptr;
  int64_t out_stride = 0;
  bool add = false;
};

class Matmul {
 public:
  void multiply(ThreadPool& pool, const Kernels& kernels, const Activations& activations,
                std::span<const Product> products);

 private:
  // Panels of one product with a block of its rows.
  struct Item {
    const Product* product;
    int panel, first_row, last_row;  // within the run
    int panels = 1;
    int apart = 1;  // from one of them to the next
    bool as_streams = false;
  };
  Item item(std::span<const Product> products, const Activations& activations, int64_t index) const;

  static void multiply_panels(const Kernels& kernels, const Activations& activations, Item item, int count);
  static void multiply_item(const Kernels& kernels, const Activations& activations, const Item& item);

  std::vector<int64_t> ends_;  // items of products 0 … i
  int rows_per_item_ = 0;
};

}  // namespace paceline::cpu
