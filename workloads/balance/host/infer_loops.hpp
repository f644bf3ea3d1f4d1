// A network for one observation: the neurons of a layer side by side, in vectors of eight, with the sums of even and of
// odd inputs apart, as the kernel `forward` has them. Vectors are passed by reference: a level without AVX has no way
// to return them.
using Eight = float __attribute__((vector_size(32), aligned(4), may_alias));
using Four = float __attribute__((vector_size(16), aligned(4), may_alias));

inline const Eight& at(const float* from, std::size_t vector) { return reinterpret_cast<const Eight*>(from)[vector]; }

/// ReLU. The larger of a number and 0, which is one instruction where a comparison and a choice are four.
inline void make_positive(Eight& sum) {
  const Eight none{};
#if defined(__AVX__)
  sum = __builtin_ia32_maxps256(sum, none);
#else
  sum = sum > none ? sum : none;
#endif
}

/// `n` vectors of a layer's neurons, from vector `first` on.
template <std::size_t n>
inline void sums_of(const PaddedNetwork::PaddedLayer& layer, const float* weights, std::size_t first, const float* in,
                    Eight* sums) {
  const std::size_t row = layer.vectors;  // from one input's weights to the next, in vectors
  Eight even[n];
  Eight odd[n];
  for (std::size_t v = 0; v < n; ++v) even[v] = at(weights, layer.inputs * row + first + v), odd[v] = Eight{};
  std::size_t k = 0;
  for (; k + 1 < layer.inputs; k += 2) {
    for (std::size_t v = 0; v < n; ++v) {
      even[v] += in[k] * at(weights, k * row + first + v);
      odd[v] += in[k + 1] * at(weights, (k + 1) * row + first + v);
    }
  }
  if (k < layer.inputs) {
    for (std::size_t v = 0; v < n; ++v) even[v] += in[k] * at(weights, k * row + first + v);
  }
  for (std::size_t v = 0; v < n; ++v) {
    Eight sum = even[v] + odd[v];
    if (layer.rectified) make_positive(sum);
    sums[v] = sum;
  }
}

/// `k` in each place.
template <unsigned k>
inline void spread(const Eight& in, Eight& out) {
  out = __builtin_shufflevector(in, in, k, k, k, k, k, k, k, k);
}
template <unsigned k>
inline void spread(const Eight& in, Four& out) {
  out = __builtin_shufflevector(in, in, k, k, k, k);
}

/// Adds the product of input `k`, which is the k-th of `in`, to the sum that it belongs to.
template <unsigned k, class Vector>
inline void add_lane(std::size_t inputs, const float* weights, const Eight& in, Vector& sum) {
  if (std::size_t{k} >= inputs) return;
  Vector value;
  spread<k>(in, value);
  sum += value * *reinterpret_cast<const Vector*>(weights + 8 * k);
}

/// A layer of up to eight inputs, whose sums wait for no memory, with as many neurons as a vector has places. Four are
/// ready earlier: within four places a number is spread in one cycle, to the other half in four.
template <class Vector>
inline void infer_lanes(const PaddedNetwork::PaddedLayer& layer, const float* weights, const Eight& in, Vector& out) {
  Vector even = *reinterpret_cast<const Vector*>(weights + 8 * layer.inputs);
  Vector odd{};
  add_lane<0>(layer.inputs, weights, in, even);
  add_lane<1>(layer.inputs, weights, in, odd);
  add_lane<2>(layer.inputs, weights, in, even);
  add_lane<3>(layer.inputs, weights, in, odd);
  add_lane<4>(layer.inputs, weights, in, even);
  add_lane<5>(layer.inputs, weights, in, odd);
  add_lane<6>(layer.inputs, weights, in, even);
  add_lane<7>(layer.inputs, weights, in, odd);
  out = even + odd;
}

/// A network whose layers have up to eight neurons, and the last up to four: from the first layer on in registers.
inline const float* infer_narrow(const PaddedNetwork& network, const float* observation, float* values) {
  const PaddedNetwork::PaddedLayer* layer = network.layers.data();
  const PaddedNetwork::PaddedLayer* const last = layer + network.layers.size() - 1;
  const float* const weights = network.weights.data();
  Eight now;
  sums_of<1>(*layer, weights, 0, observation, &now);
  while (++layer != last) {
    const Eight before = now;
    infer_lanes(*layer, weights + layer->first, before, now);
    make_positive(now);
  }
  infer_lanes(*layer, weights + layer->first, now, *reinterpret_cast<Four*>(values));
  return values;
}

/// Apart from infer_padded, which then saves no registers for it.
[[gnu::noinline]] inline const float* infer_wide(const PaddedNetwork& network, const float* observation,
                                                 float* values) {
  const float* in = observation;
  const PaddedNetwork::PaddedLayer* const layers = network.layers.data();
  const std::size_t count = network.layers.size();
  for (std::size_t i = 0; i < count; ++i) {
    const PaddedNetwork::PaddedLayer& layer = layers[i];
    const float* const weights = network.weights.data() + layer.first;
    Eight* const out = reinterpret_cast<Eight*>(values + (i % 2 == 0 ? 0 : max_neurons));
    std::size_t v = 0;
    for (; v + 4 <= layer.vectors; v += 4) sums_of<4>(layer, weights, v, in, out + v);
    for (; v < layer.vectors; ++v) sums_of<1>(layer, weights, v, in, out + v);
    in = reinterpret_cast<const float*>(out);
  }
  return in;
}

inline const float* infer_padded(const PaddedNetwork& network, const float* observation, float* values) {
  return network.narrow ? infer_narrow(network, observation, values) : infer_wide(network, observation, values);
}
