// A network's kernels over whole columns: what a body does for one item, these do for a run of observations side by
// side, each sum in the body's order. A part of a step is a share of its outer loop, so that the bits do not depend on
// how many threads there are.
constexpr uint run_length = 64;  // observations whose sums stay in registers and on the stack

struct Columns : nets::Buffers, nets::Parameters {
  Columns(const nets::Buffers& buffers, const nets::Parameters& told)
      : nets::Buffers(buffers), nets::Parameters(told) {}
  const float* value_in(uint k) const { return before + values_in + std::size_t{k} * batch; }
  float* value_out(uint j) const { return after + values_out + std::size_t{j} * batch; }
  float* error_in(uint k) const { return errors + errors_in + std::size_t{k} * batch; }
  float* error_out(uint j) const { return errors + errors_out + std::size_t{j} * batch; }
  float weight(uint k, uint j) const { return (weights + first_weight)[k * outputs + j]; }
};

inline void gather_all(const Columns& c, Share fields) {
  for (uint field = fields.first; field < fields.last; ++field) {
    const auto value = [&](uint b) { return c.replay[std::size_t{c.indices[b]} * c.record + field]; };
    if (field > 2 * c.inputs) {
      uint* const to = field == 2 * c.inputs + 1 ? c.actions : c.dones;
      for (uint b = 0; b < c.batch; ++b) to[b] = static_cast<uint>(value(b));
      continue;
    }
    float* const to = field < c.inputs       ? c.before + std::size_t{field} * c.batch
                      : field < 2 * c.inputs ? c.after + std::size_t{field - c.inputs} * c.batch
                                             : c.rewards;
    for (uint b = 0; b < c.batch; ++b) to[b] = value(b);
  }
}

/// sums[b] += x[b] · w for a run of observations.
inline void add_products(float* __restrict sums, const float* __restrict x, float w, uint count) {
  for (uint b = 0; b < count; ++b) sums[b] = sums[b] + x[b] * w;
}

inline void forward_all(const Columns& c, Share neurons) {
  for (uint from = 0; from < c.batch; from += run_length) {
    const uint count = c.batch - from < run_length ? c.batch - from : run_length;
    for (uint j = neurons.first; j < neurons.last; ++j) {
      alignas(64) float even[run_length];
      alignas(64) float odd[run_length];
      const float bias = c.biases[c.first_bias + j];
      for (uint b = 0; b < count; ++b) even[b] = bias, odd[b] = 0;
      for (uint k = 0; k < c.inputs; ++k) {
        add_products(k % 2 == 0 ? even : odd, c.value_in(k) + from, c.weight(k, j), count);
      }
      float* __restrict const to = c.value_out(j) + from;
      const float floor = c.rectified != 0 ? 0.0F : -__builtin_inff();
      for (uint b = 0; b < count; ++b) {
        const float sum = even[b] + odd[b];
        to[b] = sum > floor ? sum : floor;
      }
    }
  }
}

inline void aim_all(const Columns& c, Share share) {
  for (uint b = share.first; b < share.last; ++b) {
    uint best = 0;
    float most = c.value_out(0)[b];
    for (uint j = 1; j < c.outputs; ++j) {
      const float value = c.value_out(j)[b];
      best = value > most ? j : best;
      most = value > most ? value : most;
    }
    const float later = c.target_values[std::size_t{best} * c.batch + b];
    const float going_on = 1.0F - static_cast<float>(c.dones[b]);
    c.aims[b] = c.rewards[b] + c.discount * (going_on * later);
  }
}

inline float within(float a, float low, float high) {
  const float above = a > low ? a : low;
  return above < high ? above : high;
}

inline void judge_all(const Columns& c, Share share) {
  for (uint b = share.first; b < share.last; ++b) {
    const uint taken = c.actions[b];
    const float error = within(c.value_out(taken)[b] - c.aims[b], -c.max_error, c.max_error);
    c.td_errors[b] = error;
    const float slope = within(error, -c.huber, c.huber) / static_cast<float>(c.batch);
    for (uint j = 0; j < c.outputs; ++j) c.error_out(j)[b] = j == taken ? slope : 0.0F;
  }
}

/// Σ x[b] · e[b] by gradient_sums partial sums; without x, Σ e[b].
template <bool has_input>
inline float gradient_of(const float* __restrict x, const float* __restrict e, uint batch) {
  alignas(64) float partial[nets::gradient_sums] = {};
  uint from = 0;
  for (; from + nets::gradient_sums <= batch; from += nets::gradient_sums) {
    for (uint part = 0; part < nets::gradient_sums; ++part) {
      partial[part] = partial[part] + (has_input ? x[from + part] : 1.0F) * e[from + part];
    }
  }
  for (uint part = 0; from + part < batch; ++part) {
    partial[part] = partial[part] + (has_input ? x[from + part] : 1.0F) * e[from + part];
  }
  float sum = 0;
  for (uint part = 0; part < nets::gradient_sums; ++part) sum = sum + partial[part];
  return sum;
}

inline void weigh_all(const Columns& c, Share inputs) {
  for (uint k = inputs.first; k < inputs.last; ++k) {
    float* const to = c.gradients + c.first + std::size_t{k} * c.outputs;
    for (uint j = 0; j < c.outputs; ++j) {
      to[j] = k < c.inputs ? gradient_of<true>(c.value_in(k), c.error_out(j), c.batch)
                           : gradient_of<false>(nullptr, c.error_out(j), c.batch);
    }
  }
}

inline void back_all(const Columns& c, Share inputs) {
  for (uint from = 0; from < c.batch; from += run_length) {
    const uint count = c.batch - from < run_length ? c.batch - from : run_length;
    for (uint k = inputs.first; k < inputs.last; ++k) {
      alignas(64) float sums[run_length] = {};
      for (uint j = 0; j < c.outputs; ++j) add_products(sums, c.error_out(j) + from, c.weight(k, j), count);
      const float* __restrict const value = c.value_in(k) + from;
      float* __restrict const to = c.error_in(k) + from;
      for (uint b = 0; b < count; ++b) to[b] = value[b] > 0.0F ? sums[b] : 0.0F;
    }
  }
}

/// `count` numbers of the network, of which the first is number `first` of `gradients` and `moments`.
inline void adapt_some(const Columns& c, float* __restrict weight, uint first, uint count) {
  const float* __restrict const gradient = c.gradients + first;
  float* __restrict const means = c.moments + first;
  float* __restrict const squares = c.moments + c.all + first;
  for (uint i = 0; i < count; ++i) {
    const float slope = within(gradient[i], -c.max_gradient, c.max_gradient);
    const float mean = c.keep_mean * means[i] + (1.0F - c.keep_mean) * slope;
    const float square = c.keep_square * squares[i] + (1.0F - c.keep_square) * (slope * slope);
    means[i] = mean;
    squares[i] = square;
    weight[i] = within(weight[i] - c.rate * mean / (__builtin_sqrtf(square) + c.epsilon), -c.max_weight, c.max_weight);
  }
}

/// The weights of a layer, then its biases.
inline void adapt_all(const Columns& c, Share share) {
  const uint layer_weights = c.inputs * c.outputs;
  const uint middle = share.last < layer_weights ? share.last : layer_weights;
  if (share.first < middle) {
    adapt_some(c, c.weights + c.first_weight + share.first, c.first + share.first, middle - share.first);
  }
  const uint from = share.first > layer_weights ? share.first : layer_weights;
  if (from < share.last) {
    adapt_some(c, c.biases + c.first_bias + (from - layer_weights), c.first + from, share.last - from);
  }
}

inline void refresh_all(const Columns& c, Share share) {
  for (uint i = share.first; i < share.last; ++i) c.after[i] = c.before[i];
}

inline void run_network_loops(const NetworkStep& step, const nets::Buffers& buffers, uint part, uint parts) {
  const Columns c(buffers, step.parameters);
  const auto share = [&](uint count) { return Share(count, part, parts); };
  switch (step.body) {
    case nets::Body::gather: return gather_all(c, share(c.record));
    case nets::Body::forward: return forward_all(c, share(c.outputs));
    case nets::Body::aim: return aim_all(c, share(c.batch));
    case nets::Body::judge: return judge_all(c, share(c.batch));
    case nets::Body::weigh: return weigh_all(c, share(c.inputs + 1));
    case nets::Body::back: return back_all(c, share(c.inputs));
    case nets::Body::adapt: return adapt_all(c, share(step.items));
    case nets::Body::refresh: return refresh_all(c, share(step.items));
  }
}
