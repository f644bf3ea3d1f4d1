// A network for one observation: the neurons of a layer side by side, in vectors of eight, with the sums of even and of
// odd inputs apart, as the kernel `forward` has them.
using Eight = float __attribute__((vector_size(32), aligned(4), may_alias));

inline const Eight& at(const float* from, std::size_t vector) { return reinterpret_cast<const Eight*>(from)[vector]; }

/// `n` vectors of a layer's neurons, from vector `first` on.
template <std::size_t n>
inline void infer_vectors(const PaddedNetwork::PaddedLayer& layer, const float* weights, std::size_t first,
                          const float* in, float* out) {
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
    const Eight sum = even[v] + odd[v];
    const Eight none{};
    reinterpret_cast<Eight*>(out)[first + v] = layer.rectified ? (sum > none ? sum : none) : sum;
  }
}

inline const float* infer_padded(const PaddedNetwork& network, const float* observation, float* values) {
  const float* in = observation;
  const PaddedNetwork::PaddedLayer* const layers = network.layers.data();
  const std::size_t count = network.layers.size();
  for (std::size_t i = 0; i < count; ++i) {
    const PaddedNetwork::PaddedLayer& layer = layers[i];
    const float* const weights = network.weights.data() + layer.first;
    float* const out = values + (i % 2 == 0 ? 0 : max_neurons);
    std::size_t v = 0;
    for (; v + 4 <= layer.vectors; v += 4) infer_vectors<4>(layer, weights, v, in, out);
    for (; v < layer.vectors; ++v) infer_vectors<1>(layer, weights, v, in, out);
    in = out;
  }
  return in;
}
