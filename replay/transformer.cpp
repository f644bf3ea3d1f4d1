// The training step, tensor by tensor; see transformer.hpp. Attention is
// computed plainly, with its matrix of scores, and the output layer shares the
// token embedding, as in GPT-2.
#include "replay/transformer.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weir/errors.hpp>

#include "replay/trace_builder.hpp"

namespace weir::replay {

namespace {

void check(std::string_view name, std::uint64_t value, std::uint64_t most) {
  if (value == 0 || value > most) {
    throw InvalidArgument("transformer option " + std::string(name) + " is " + std::to_string(value) +
                          "; it must be from 1 to " + std::to_string(most));
  }
}

void check(const TransformerOptions& options) {
  check("layers", options.layers, 4096);
  check("width", options.width, std::uint64_t{1} << 20);
  check("heads", options.heads, 4096);
  check("context", options.context, std::uint64_t{1} << 24);
  check("batch", options.batch, std::uint64_t{1} << 20);
  check("vocabulary", options.vocabulary, std::uint64_t{1} << 26);
  check("steps", options.steps, 10'000);
  if (options.width % options.heads != 0) {
    throw InvalidArgument("transformer option width is " + std::to_string(options.width) +
                          "; it must be a multiple of heads, " + std::to_string(options.heads));
  }
  if (options.layers * options.steps > 100'000) {
    throw InvalidArgument("transformer options layers times steps are " +
                          std::to_string(options.layers * options.steps) + "; at most 100000 are generated");
  }
}

using Block = std::uint32_t;

/// What one layer keeps from its forward pass for its backward pass.
struct Activations {
  Block norm1, mean1, deviation1, qkv, weights, heads_joined, residual1;
  Block norm2, mean2, deviation2, expanded, activated, residual2;
};

/// One training run. Sizes are in bytes; a tensor is named for what it holds.
class Training {
 public:
  explicit Training(const TransformerOptions& options)
      : options_(options), value_(options.precision == TransformerOptions::Precision::bf16 ? 2 : 4) {
    const std::uint64_t width = options.width;
    tokens_ = bytes({options.batch, options.context});
    hidden_ = bytes({tokens_, width, value_});
    scores_ = bytes({tokens_, options.heads, options.context, value_});
    logits_ = bytes({tokens_, options.vocabulary, value_});
    statistic_ = bytes({tokens_, 4});
    parameter_counts_ = {bytes({options.vocabulary, width}), bytes({options.context, width})};
    for (std::uint64_t layer = 0; layer < options.layers; ++layer) {
      for (const std::uint64_t count : layer_parameters()) parameter_counts_.push_back(count);
    }
    parameter_counts_.insert(parameter_counts_.end(), {width, width});
  }

  Trace run() && {
    part_ = "parameters";
    for (const std::uint64_t count : parameter_counts_) parameters_.push_back(make(bytes({count, value_})));
    gradients_.assign(parameters_.size(), none);
    part_ = "matrix library";
    workspace_ = make(std::uint64_t{8} << 20);  // of the matrix library
    for (std::uint64_t step = 0; step < options_.steps; ++step) {
      drop_gradients();
      part_ = "input";
      const Block input = make(bytes({tokens_, 8}));
      const Block target = make(bytes({tokens_, 8}));
      forward();
      backward();
      update();
      drop(input);
      drop(target);
    }
    drop_gradients();
    for (const Block block : states_) drop(block);
    drop(workspace_);
    for (const Block block : parameters_) drop(block);

    Trace trace;
    trace.format = TraceFormat::generated;
    trace.devices.push_back(std::move(builder_).finish());
    return trace;
  }

 private:
  static constexpr Block none = 0xffff'ffff;
  static constexpr std::uint64_t max_bytes = std::uint64_t{1} << 50;
  static constexpr std::size_t token_embedding = 0;
  static constexpr std::size_t position_embedding = 1;
  static constexpr std::size_t parameters_a_layer = 12;

  // The order of PyTorch's modules: norm, qkv, projection, norm, expansion, contraction.
  [[nodiscard]] std::vector<std::uint64_t> layer_parameters() const {
    const std::uint64_t w = options_.width;
    return {w, w, 3 * w * w, 3 * w, w * w, w, w, w, 4 * w * w, 4 * w, 4 * w * w, w};
  }

  [[noreturn]] static void too_large() {
    throw InvalidArgument(
        "the transformer options describe a model of more than 1 PiB; make batch, "
        "context, width, vocabulary or layers smaller");
  }

  [[nodiscard]] static std::uint64_t bytes(std::initializer_list<std::uint64_t> factors) {
    std::uint64_t product = 1;
    for (const std::uint64_t factor : factors) {
      if (factor > max_bytes / product) too_large();
      product *= factor;
    }
    return product;
  }

  Block make(std::uint64_t size) {
    if (size > max_bytes - builder_.live_bytes()) too_large();
    return builder_.allocate(size, 0, {.label = builder_.label(part_)});
  }
  void drop(Block block) { builder_.free(block, 0); }
  void drop(std::initializer_list<Block> blocks) {
    for (const Block block : blocks) drop(block);
  }

  void forward() {
    part_ = "activations";
    const Block embedded = make(hidden_);
    const Block positions = make(bytes({options_.context, options_.width, value_}));
    stream_ = make(hidden_);
    drop({embedded, positions});
    for (std::uint64_t layer = 0; layer < options_.layers; ++layer) saved_.push_back(forward_layer());
    final_norm_ = make(hidden_);
    final_mean_ = make(statistic_);
    final_deviation_ = make(statistic_);
    raw_logits_ = make(logits_);
    log_probabilities_ = make(bytes({tokens_, options_.vocabulary, 4}));
    loss_ = make(4);
  }

  Activations forward_layer() {
    Activations a{};
    a.norm1 = make(hidden_);
    a.mean1 = make(statistic_);
    a.deviation1 = make(statistic_);
    a.qkv = make(bytes({3, hidden_}));
    const Block scores = make(scores_);
    const Block masked = make(scores_);
    drop(scores);
    a.weights = make(scores_);
    drop(masked);
    const Block by_head = make(hidden_);
    a.heads_joined = make(hidden_);
    drop(by_head);
    const Block projected = make(hidden_);
    a.residual1 = make(hidden_);
    drop(projected);
    a.norm2 = make(hidden_);
    a.mean2 = make(statistic_);
    a.deviation2 = make(statistic_);
    a.expanded = make(bytes({4, hidden_}));
    a.activated = make(bytes({4, hidden_}));
    const Block contracted = make(hidden_);
    a.residual2 = make(hidden_);
    drop(contracted);
    return a;
  }

  void backward() {
    part_ = "backward pass";
    const Block logits_gradient = make(logits_);
    drop({log_probabilities_, raw_logits_});
    const Block norm_gradient = make(hidden_);
    make_gradient(token_embedding);
    drop({logits_gradient, final_norm_});
    gradient_ = make(hidden_);
    const std::size_t last = parameters_.size() - 1;
    make_gradient(last - 1);
    make_gradient(last);
    drop({norm_gradient, final_mean_, final_deviation_});
    for (std::uint64_t layer = options_.layers; layer-- > 0;) {
      backward_layer(saved_.back(), 2 + static_cast<std::size_t>(layer) * parameters_a_layer);
      saved_.pop_back();
    }
    make_gradient(position_embedding);
    // The embedding's own share of its gradient is made apart and added.
    const Block share = make(bytes({parameter_counts_[token_embedding], value_}));
    drop({share, gradient_, stream_, loss_});
  }

  // `first` is the layer's first parameter. The stream's gradient is replaced at
  // each residual, where the branch's share is added to it.
  void backward_layer(const Activations& a, std::size_t first) {
    const Block activated_gradient = make(bytes({4, hidden_}));
    make_gradient(first + 10);
    make_gradient(first + 11);
    drop({a.residual2, a.activated});
    const Block expanded_gradient = make(bytes({4, hidden_}));
    drop({activated_gradient, a.expanded});
    const Block norm2_gradient = make(hidden_);
    make_gradient(first + 8);
    make_gradient(first + 9);
    drop({expanded_gradient, a.norm2});
    replace_gradient(norm2_gradient, {a.mean2, a.deviation2}, first + 6);

    const Block joined_gradient = make(hidden_);
    make_gradient(first + 4);
    make_gradient(first + 5);
    drop({a.residual1, a.heads_joined});
    const Block weights_gradient = make(scores_);
    const Block value_gradient = make(hidden_);
    drop(joined_gradient);
    const Block scores_gradient = make(scores_);
    drop({weights_gradient, a.weights});
    const Block query_gradient = make(hidden_);
    const Block key_gradient = make(hidden_);
    drop(scores_gradient);
    const Block qkv_gradient = make(bytes({3, hidden_}));
    drop({value_gradient, query_gradient, key_gradient, a.qkv});
    const Block norm1_gradient = make(hidden_);
    make_gradient(first + 2);
    make_gradient(first + 3);
    drop({qkv_gradient, a.norm1});
    replace_gradient(norm1_gradient, {a.mean1, a.deviation1}, first);
  }

  // Backward through a norm and the residual beside it.
  void replace_gradient(Block norm_gradient, std::initializer_list<Block> statistics, std::size_t parameter) {
    const Block branch = make(hidden_);
    make_gradient(parameter);
    make_gradient(parameter + 1);
    drop(norm_gradient);
    drop(statistics);
    const Block sum = make(hidden_);
    drop({branch, gradient_});
    gradient_ = sum;
  }

  void make_gradient(std::size_t parameter) {
    part_ = "gradients";
    gradients_[parameter] = make(bytes({parameter_counts_[parameter], value_}));
    part_ = "backward pass";
  }

  void drop_gradients() {
    for (Block& gradient : gradients_) {
      if (gradient != none) drop(gradient);
      gradient = none;
    }
  }

  // Adam, parameter by parameter: two states, and a master copy where parameters are not fp32.
  void update() {
    part_ = "optimizer";
    const bool first = states_.empty();
    for (const std::uint64_t count : parameter_counts_) {
      const std::uint64_t state = bytes({count, 4});
      for (int i = 0; first && i < (value_ == 4 ? 2 : 3); ++i) states_.push_back(make(state));
      const Block root = make(state);
      const Block denominator = make(state);
      drop({root, denominator});
    }
  }

  TransformerOptions options_;
  std::uint64_t value_;  // bytes of one number
  std::uint64_t tokens_ = 0;
  std::uint64_t hidden_ = 0;
  std::uint64_t scores_ = 0;
  std::uint64_t logits_ = 0;
  std::uint64_t statistic_ = 0;
  std::vector<std::uint64_t> parameter_counts_;
  TraceBuilder builder_{0};
  const char* part_ = "";  // whose the next blocks are

  std::vector<Block> parameters_;
  std::vector<Block> gradients_;
  std::vector<Block> states_;
  std::vector<Activations> saved_;
  Block workspace_ = none;
  Block stream_ = none;    // the embedding, input of the first layer
  Block gradient_ = none;  // of the residual stream
  Block final_norm_ = none;
  Block final_mean_ = none;
  Block final_deviation_ = none;
  Block raw_logits_ = none;
  Block log_probabilities_ = none;
  Block loss_ = none;
};

}  // namespace

Trace generate_transformer(const TransformerOptions& options) {
  check(options);
  return Training(options).run();
}

}  // namespace weir::replay
