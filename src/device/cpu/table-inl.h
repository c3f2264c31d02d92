// The table of this instruction set.

namespace {

template <class K>
void fill_attention(AttentionKernel (&kernels)[3]) {
  kernels[static_cast<int>(KvType::F32)] = attend<K, F32Cache>;
  kernels[static_cast<int>(KvType::F16)] = attend<K, F16Cache>;
  kernels[static_cast<int>(KvType::Q8_0)] = attend<K, Q8_0Cache>;
}

template <class... Formats>
void fill_all_tiles(Kernels& kernels) {
  static_assert(sizeof...(Formats) == std::size(kAllQuantTypes), "a format without a policy");
  (fill_tiles<Formats>(kernels), ...);
}

Kernels make_kernels(const char* name) {
  Kernels kernels;
  kernels.name = name;
  kernels.largest_quant_tile = kLargestTile;
  kernels.largest_float_tile = std::min(kLargestTile, kLargestFloatTile);
  fill_all_tiles<F32Format, F16Format, Bf16Format, Q8_0Format, Q4_0Format, Q4_1Format, Q5_0Format, Q5_1Format,
                 Q2KFormat, Q3KFormat, Q4KFormat, Q5KFormat, Q6KFormat, Iq4NlFormat, Iq4XsFormat, Mxfp4Format>(kernels);
  kernels.quantize = quantize;
  kernels.rms_norm = rms_norm;
  kernels.gated_rms_norm = gated_rms_norm;
  kernels.l2_norm = l2_norm;
  kernels.swiglu = swiglu;
  kernels.sigmoid_gate = sigmoid_gate;
  kernels.add_scaled = add_scaled;
  kernels.add_combination = add_combination;
  kernels.dot = dot;
  kernels.exponentials = exponentials;
  kernels.rotate = rotate;
  kernels.argmax = argmax;
  kernels.to_f16 = to_f16;
  kernels.conv_silu = conv_silu;
  kernels.delta_rule = delta_rule;
  fill_attention<F32Cache>(kernels.attention[static_cast<int>(KvType::F32)]);
  fill_attention<F16Cache>(kernels.attention[static_cast<int>(KvType::F16)]);
  fill_attention<Q8_0Cache>(kernels.attention[static_cast<int>(KvType::Q8_0)]);
  kernels.merge_attention = merge_attention;
  return kernels;
}

}  // namespace
