#include "quant/scale_search.h"

#include <algorithm>
#include <cmath>

#include "quant/block.h"

namespace paceline {

namespace {

// Rounding is tried at this many scales around the obvious one, from 12 % narrower to 12 % wider steps.
constexpr int kTriesEachSide = 8;
constexpr float kTryStep = 0.015f;

float try_factor(int attempt) { return 1.0f + kTryStep * static_cast<float>(attempt); }

// Sums in four lanes, so that the compiler may use vectors without changing the order of additions.
struct Lanes {
  float lane[4] = {};
  float sum() const { return (lane[0] + lane[1]) + (lane[2] + lane[3]); }
};

float inverse_of(float scale) { return scale == 0 ? 0.0f : 1.0f / scale; }

float clamped_step(float steps, int lowest, int highest) {
  return round_to_even(std::clamp(steps, static_cast<float>(lowest), static_cast<float>(highest)));
}

struct Candidate {
  float gain = 0;  // how much of sum x^2 the best scale for these steps explains
  float scale = 0;
};

// Least squares for fixed steps: s = sum xq / sum qq explains (sum xq)^2 / sum qq.
template <class StepOf>
Candidate fit_scale(std::span<const float> x, const StepOf& step_of) {
  Lanes xq, qq;
  for (size_t i = 0; i < x.size(); i += 4)
    for (size_t lane = 0; lane < 4; ++lane) {
      const float step = step_of(x[i + lane]);
      xq.lane[lane] += x[i + lane] * step;
      qq.lane[lane] += step * step;
    }
  const float sum_xq = xq.sum(), sum_qq = qq.sum();
  if (sum_qq == 0) return {};
  return {sum_xq * (sum_xq / sum_qq), sum_xq / sum_qq};
}

void keep_better(Candidate& best, const Candidate& other) {
  if (other.gain > best.gain) best = other;
}

// Sum of squared misses when each x goes to the nearest of s * q - m.
float step_error(std::span<const float> x, float scale, float minimum, int lowest, int highest) {
  const float inverse = inverse_of(scale);
  Lanes error;
  for (size_t i = 0; i < x.size(); i += 4)
    for (size_t lane = 0; lane < 4; ++lane) {
      const float step = clamped_step((x[i + lane] + minimum) * inverse, lowest, highest);
      const float miss = x[i + lane] - (scale * step - minimum);
      error.lane[lane] += miss * miss;
    }
  return error.sum();
}

float table_error(std::span<const float> x, float scale, StepTable table) {
  const float inverse = inverse_of(scale);
  Lanes error;
  for (size_t i = 0; i < x.size(); i += 4)
    for (size_t lane = 0; lane < 4; ++lane) {
      const int entry = table[static_cast<size_t>(nearest_entry(x[i + lane] * inverse, table))];
      const float miss = x[i + lane] - scale * static_cast<float>(entry);
      error.lane[lane] += miss * miss;
    }
  return error.sum();
}

// Least squares for the steps that (scale, minimum) gives, with the minimum held at 0 where it would be negative.
ScaleMinimum fit_scale_minimum(std::span<const float> x, const ScaleMinimum& from, int highest) {
  const float inverse = inverse_of(from.scale);
  Lanes lanes_x, lanes_q, lanes_xq, lanes_qq;
  for (size_t i = 0; i < x.size(); i += 4)
    for (size_t lane = 0; lane < 4; ++lane) {
      const float value = x[i + lane], step = clamped_step((value + from.minimum) * inverse, 0, highest);
      lanes_x.lane[lane] += value, lanes_q.lane[lane] += step;
      lanes_xq.lane[lane] += value * step, lanes_qq.lane[lane] += step * step;
    }
  const double count = static_cast<double>(x.size());
  const double sum_x = lanes_x.sum(), sum_q = lanes_q.sum(), sum_xq = lanes_xq.sum(), sum_qq = lanes_qq.sum();
  const double determinant = count * sum_qq - sum_q * sum_q;
  if (determinant > 0) {
    const double scale = (count * sum_xq - sum_x * sum_q) / determinant, minimum = (scale * sum_q - sum_x) / count;
    if (scale >= 0 && minimum >= 0) return {static_cast<float>(scale), static_cast<float>(minimum)};
  }
  return {sum_qq > 0 ? static_cast<float>(std::max(sum_xq / sum_qq, 0.0)) : 0.0f, 0.0f};
}

float group_error(std::span<const float> group, float scale, const SymmetricSteps& steps) {
  return steps.table == nullptr ? step_error(group, scale, 0, steps.lowest, steps.highest)
                                : table_error(group, scale, StepTable(steps.table, 16));
}

// The whole numbers (scale, minimum) around the given ones that miss least.
void refine_scale_minimum(std::span<const float> group, WholeScalesMinima& out, size_t g, int highest,
                          int highest_step) {
  const float super_scale = half_to_float(out.super_scale), super_minimum = half_to_float(out.super_minimum);
  const int scale = out.scales[g], minimum = out.minima[g];
  float least = step_error(group, super_scale * static_cast<float>(scale), super_minimum * static_cast<float>(minimum),
                           0, highest_step);
  for (int s = std::max(scale - 1, 0); s <= std::min(scale + 1, highest); ++s)
    for (int m = std::max(minimum - 1, 0); m <= std::min(minimum + 1, highest); ++m) {
      const float error = step_error(group, super_scale * static_cast<float>(s), super_minimum * static_cast<float>(m),
                                     0, highest_step);
      if (error >= least) continue;
      least = error;
      out.scales[g] = static_cast<uint8_t>(s);
      out.minima[g] = static_cast<uint8_t>(m);
    }
}

}  // namespace

float best_scale(std::span<const float> x, int lowest, int highest) {
  const float extreme = signed_extreme(x.data(), static_cast<int>(x.size()));
  if (extreme == 0) return 0;
  Candidate best;
  for (const int end : {lowest, highest})
    for (int attempt = -kTriesEachSide; attempt <= kTriesEachSide; ++attempt) {
      const float inverse = inverse_of(extreme / static_cast<float>(end) * try_factor(attempt));
      keep_better(best, fit_scale(x, [=](float value) { return clamped_step(value * inverse, lowest, highest); }));
    }
  return best.scale;
}

float best_table_scale(std::span<const float> x, StepTable table) {
  const float extreme = signed_extreme(x.data(), static_cast<int>(x.size()));
  if (extreme == 0) return 0;
  Candidate best;
  for (const int8_t end : {table.front(), table.back()})
    for (int attempt = -kTriesEachSide; attempt <= kTriesEachSide; ++attempt) {
      const float inverse = inverse_of(extreme / static_cast<float>(end) * try_factor(attempt));
      const auto entry = [=](float value) { return table[static_cast<size_t>(nearest_entry(value * inverse, table))]; };
      keep_better(best, fit_scale(x, entry));
    }
  return best.scale;
}

ScaleMinimum best_scale_minimum(std::span<const float> x, int highest) {
  const auto [least, most] = std::minmax_element(x.begin(), x.end());
  const float minimum = std::max(-*least, 0.0f), range = std::max(*most + minimum, 0.0f);
  ScaleMinimum best{range / static_cast<float>(highest), minimum};
  float least_error = step_error(x, best.scale, best.minimum, 0, highest);
  for (int attempt = -kTriesEachSide; attempt <= kTriesEachSide; ++attempt) {
    ScaleMinimum fitted{range / static_cast<float>(highest) * try_factor(attempt), minimum};
    for (int round = 0; round < 2; ++round) {  // the fit moves the steps, so fit once more
      fitted = fit_scale_minimum(x, fitted, highest);
      const float error = step_error(x, fitted.scale, fitted.minimum, 0, highest);
      if (error < least_error) least_error = error, best = fitted;
    }
  }
  return best;
}

// The number of middles between entries that `value` lies above: a binary search, as entries ascend.
int nearest_entry(float value, StepTable table) {
  size_t index = 0;
  for (size_t half = table.size() / 2; half > 0; half /= 2) {
    const int sum = table[index + half - 1] + table[index + half];
    index += 2 * value > static_cast<float>(sum) ? half : 0;
  }
  return static_cast<int>(index);
}

WholeScales best_whole_scales(std::span<const float> x, int group_size, int lowest, int highest,
                              const SymmetricSteps& steps) {
  const size_t size = static_cast<size_t>(group_size), groups = x.size() / size;
  float scales[16];
  for (size_t g = 0; g < groups; ++g) {
    const std::span<const float> group = x.subspan(g * size, size);
    scales[g] = steps.table == nullptr ? best_scale(group, steps.lowest, steps.highest)
                                       : best_table_scale(group, StepTable(steps.table, 16));
  }
  WholeScales out;
  out.super_scale = float_to_half(signed_extreme(scales, static_cast<int>(groups)) / static_cast<float>(lowest));
  const float super_scale = half_to_float(out.super_scale);
  for (size_t g = 0; g < groups; ++g) {
    const std::span<const float> group = x.subspan(g * size, size);
    const int start = nearest_step(scales[g], super_scale, lowest, highest);
    out.whole[g] = static_cast<int8_t>(start);
    float least = group_error(group, super_scale * static_cast<float>(start), steps);
    for (const int whole : {start - 1, start + 1}) {
      if (whole < lowest || whole > highest) continue;
      const float error = group_error(group, super_scale * static_cast<float>(whole), steps);
      if (error < least) least = error, out.whole[g] = static_cast<int8_t>(whole);
    }
  }
  return out;
}

WholeScalesMinima best_whole_scales_minima(std::span<const float> x, int group_size, int highest, int highest_step) {
  const size_t size = static_cast<size_t>(group_size), groups = x.size() / size;
  ScaleMinimum found[16];
  float largest_scale = 0, largest_minimum = 0;
  for (size_t g = 0; g < groups; ++g) {
    found[g] = best_scale_minimum(x.subspan(g * size, size), highest_step);
    largest_scale = std::max(largest_scale, found[g].scale);
    largest_minimum = std::max(largest_minimum, found[g].minimum);
  }
  WholeScalesMinima out;
  out.super_scale = float_to_half(largest_scale / static_cast<float>(highest));
  out.super_minimum = float_to_half(largest_minimum / static_cast<float>(highest));
  const float super_scale = half_to_float(out.super_scale), super_minimum = half_to_float(out.super_minimum);
  for (size_t g = 0; g < groups; ++g) {
    out.scales[g] = static_cast<uint8_t>(nearest_step(found[g].scale, super_scale, 0, highest));
    out.minima[g] = static_cast<uint8_t>(nearest_step(found[g].minimum, super_minimum, 0, highest));
    refine_scale_minimum(x.subspan(g * size, size), out, g, highest, highest_step);
  }
  return out;
}

}  // namespace paceline
