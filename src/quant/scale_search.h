#pragma once
// The searches behind the encoders of the K and IQ4 formats: the scale (and minimum) with which a few steps come closest to a
// group of values, in the sense of least squares. Deterministic; the inputs are finite (see block.h).
#include <cstdint>
#include <span>

namespace paceline {

// s minimising sum (x - s * q)^2 over a scan of ways to round x to steps q in [lowest, highest]. 0 for a group of zeros.
// As everywhere here, x is a whole number of fours.
float best_scale(std::span<const float> x, int lowest, int highest);

// The same where the steps are the 16 entries of an ascending table.
using StepTable = std::span<const int8_t, 16>;
float best_table_scale(std::span<const float> x, StepTable table);

// s >= 0 and m >= 0 minimising sum (x - (s * q - m))^2 with q in [0, highest].
struct ScaleMinimum {
  float scale = 0, minimum = 0;
};
ScaleMinimum best_scale_minimum(std::span<const float> x, int highest);

// Index of the entry nearest to `value`, the lower of two equally near.
int nearest_entry(float value, StepTable table);

// The scales of a super-block as one half times small whole numbers.
struct WholeScales {
  uint16_t super_scale = 0;  // half
  int8_t whole[16] = {};
};
// Symmetric groups: whole numbers in [lowest, highest] of either sign, the largest scale at `lowest`; each group then takes the
// neighbouring whole number if its values (x, group by group) come closer with it.
struct SymmetricSteps {
  int lowest = 0, highest = 0;
  const int8_t* table = nullptr;  // or 16 ascending entries
};
WholeScales best_whole_scales(std::span<const float> x, int group_size, int lowest, int highest,
                              const SymmetricSteps& steps);

// Groups with a minimum: scales and minima as whole numbers in [0, highest] of a half each.
struct WholeScalesMinima {
  uint16_t super_scale = 0, super_minimum = 0;  // halves
  uint8_t scales[16] = {}, minima[16] = {};
};
WholeScalesMinima best_whole_scales_minima(std::span<const float> x, int group_size, int highest, int highest_step);

}  // namespace paceline
