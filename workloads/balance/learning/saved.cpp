#include "workloads/balance/learning/saved.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <iterator>
#include <limits>
#include <span>

#include <weir/errors.hpp>

namespace weir::balance {
namespace {

constexpr const char* network_kind = "weir-network";
constexpr const char* training_kind = "weir-training";
constexpr double max_number = std::numeric_limits<float>::max();
constexpr double max_whole = 9007199254740992.0;  // 2^53, up to which a double has every whole number
constexpr std::size_t episode_numbers = 5, max_episodes = 1'000'000;
// With as many episodes, and 16 bytes a number, a file stays below what NumberFile reads.
constexpr std::uint64_t max_record_numbers = 11'000'000;

/// Calls `field(name, member)` for each number of a model.
template <class Settings, class Field>
void for_model(Settings& m, const Field& field) {
  field("dt", m.dt);
  field("mass", m.mass);
  field("height", m.height);
  field("motor_strength", m.motor_strength);
  field("torque_range", m.torque_range);
  field("friction", m.friction);
  field("damping", m.damping);
  field("wheel_radius", m.wheel_radius);
  field("wheel_mass", m.wheel_mass);
  field("gravity", m.gravity);
  field("fail_angle", m.fail_angle);
  field("sensor_offset", m.sensor_offset);
  field("sensor_drift", m.sensor_drift);
  field("sensor_noise", m.sensor_noise);
  field("start_angle", m.start_angle);
  field("start_speed", m.start_speed);
  field("history", m.history);
  field("max_steps", m.max_steps);
}

template <class Settings, class Field>
void for_learning(Settings& l, const Field& field) {
  field("rate", l.rate);
  field("discount", l.discount);
  field("batch", l.batch);
  field("replay", l.replay);
  field("target_updates", l.target_updates);
  field("explore_first", l.explore_first);
  field("explore_last", l.explore_last);
  field("explore_steps", l.explore_steps);
  field("max_error", l.max_error);
  field("huber", l.huber);
  field("max_gradient", l.max_gradient);
  field("max_weight", l.max_weight);
}

template <class Settings, class Field>
void for_training(Settings& t, const Field& field) {
  field("seed", t.seed);
  field("easy_episodes", t.easy_episodes);
  field("hard_angle", t.hard_angle);
  field("trial_every", t.trial_every);
}

/// Reads one number into a member of either type.
void read_number(const NumberFile& file, const std::string& name, float& to) {
  to = file.floats(name, 1, max_number)[0];
}
void read_number(const NumberFile& file, const std::string& name, std::uint32_t& to) {
  to = static_cast<std::uint32_t>(file.whole(name, 0, UINT32_MAX));
}

auto writer(NumberFile& file, const std::string& prefix) {
  return [&file, prefix](const char* name, const auto& value) {
    file.set(prefix + name, std::vector<double>{static_cast<double>(value)});
  };
}
auto reader(const NumberFile& file, const std::string& prefix) {
  return [&file, prefix](const char* name, auto& value) { read_number(file, prefix + name, value); };
}

void set_model(NumberFile& file, const Model& model) {
  for_model(model, writer(file, "robot."));
  file.set("robot.physics", std::vector<double>{static_cast<double>(model.physics)});
  file.set("robot.reward", std::vector<double>{static_cast<double>(model.reward)});
}

Model model_of(const NumberFile& file) {
  Model model;
  for_model(model, reader(file, "robot."));
  model.physics = static_cast<Physics>(file.whole("robot.physics", 0, 1));
  model.reward = static_cast<Reward>(file.whole("robot.reward", 0, 3));
  return model;
}

void set_shape(NumberFile& file, const NetworkShape& shape) {
  std::vector<double> layers{static_cast<double>(shape.inputs())};
  for (const Layer& layer : shape.layers()) layers.push_back(layer.outputs);
  file.set("layers", layers);
}

NetworkShape shape_of(const NumberFile& file) {
  const auto size_of = [&](double size) {
    if (!(size >= 1 && size <= max_neurons) || size != static_cast<std::uint32_t>(size)) {
      file.refuse("layers", "has the size " + std::to_string(size) + "; a size is a whole number from 1 to " +
                                std::to_string(max_neurons));
    }
    return static_cast<std::uint32_t>(size);
  };
  const std::vector<double>& sizes = file.numbers("layers", 3, max_hidden_layers + 2);
  std::vector<std::uint32_t> hidden;
  std::transform(sizes.begin() + 1, sizes.end() - 1, std::back_inserter(hidden), size_of);
  return {size_of(sizes.front()), hidden, size_of(sizes.back())};
}

/// What the numbers of a file say is checked as settings are; the error names the file.
template <class Make>
auto within_file(const NumberFile& file, const Make& make) {
  try {
    return make();
  } catch (const InvalidArgument& error) {
    file.refuse("layers, robot, learning or training", "is wrong: " + error.message());
  }
}

SavedNetwork network_of(const NumberFile& file) {
  return within_file(file, [&] {
    const NetworkShape shape = shape_of(file);
    SavedNetwork network{shape, file.floats("parameters", shape.parameters(), max_number), model_of(file)};
    network.model.check();
    if (shape.inputs() != network.model.inputs() || shape.outputs() != action_count) {
      file.refuse("layers", "is " + shape.text() + "; the robot has " + std::to_string(network.model.inputs()) +
                                " numbers and " + std::to_string(action_count) + " actions");
    }
    return network;
  });
}

void append(std::vector<double>& numbers, const Episode& each) {
  numbers.insert(numbers.end(), {static_cast<double>(each.steps), double{each.reward}, double{each.loss},
                                 double{each.explore}, static_cast<double>(each.bytes)});
}

void set_episodes(NumberFile& file, const std::vector<Episode>& episodes) {
  std::vector<double> numbers;
  for (const Episode& each : episodes) append(numbers, each);
  file.set("episodes", numbers);
}

Episode episode_of(const NumberFile& file, const char* list, std::span<const double> numbers) {
  const auto bounded = [&](std::size_t i, double low, double high) {
    if (!(numbers[i] >= low && numbers[i] <= high)) {
      file.refuse(list, "has the number " + std::to_string(numbers[i]) + " where one from " + std::to_string(low) +
                            " to " + std::to_string(high) + " belongs");
    }
    return numbers[i];
  };
  return {.steps = static_cast<std::uint32_t>(bounded(0, 0, 1e6)),
          .reward = static_cast<float>(bounded(1, -1e9, 1e9)),
          .loss = static_cast<float>(bounded(2, 0, 1e6)),
          .explore = static_cast<float>(bounded(3, 0, 1)),
          .bytes = static_cast<std::uint64_t>(bounded(4, 0, max_whole))};
}

std::vector<Episode> episodes_of(const NumberFile& file) {
  const std::vector<double>& numbers = file.numbers("episodes", 0, max_episodes * episode_numbers);
  if (numbers.size() % episode_numbers != 0) file.refuse("episodes", "does not have five numbers for each");
  std::vector<Episode> episodes;
  for (std::size_t i = 0; i < numbers.size(); i += episode_numbers) {
    episodes.push_back(episode_of(file, "episodes", std::span(numbers).subspan(i, episode_numbers)));
  }
  return episodes;
}

// After the numbers of an episode: whether it learned, the torque, the motion, the observation.
void set_running(NumberFile& file, const std::optional<RunningEpisode>& running) {
  std::vector<double> numbers;
  if (running) {
    append(numbers, running->so_far);
    const formulas::Motion& m = running->motion;
    numbers.insert(numbers.end(), {running->learned ? 1.0 : 0.0, double{running->torque}, double{m.angle},
                                   double{m.speed}, double{m.position}, double{m.velocity}});
    numbers.insert(numbers.end(), running->observation.begin(), running->observation.end());
  }
  file.set("running", numbers);
}

std::optional<RunningEpisode> running_of(const NumberFile& file, std::size_t inputs) {
  constexpr std::size_t before_observation = episode_numbers + 6;
  const std::size_t count = file.numbers("running", 0, before_observation + inputs).size();
  if (count == 0) return std::nullopt;
  const std::vector<float> n = file.floats("running", before_observation + inputs, max_number);
  return RunningEpisode{
      .so_far = episode_of(file, "running", std::span(file.numbers("running", n.size())).first(episode_numbers)),
      .motion = {.angle = n[7], .speed = n[8], .position = n[9], .velocity = n[10]},
      .observation = {n.begin() + before_observation, n.end()},
      .torque = n[6],
      .learned = n[5] != 0};
}

Checkpoint checkpoint_of(const NumberFile& file) {
  const SavedNetwork network = network_of(file);
  return within_file(file, [&] {
    Checkpoint saved;
    saved.settings.model = network.model;
    saved.settings.network = network.shape.text();
    for_learning(saved.settings.learning, reader(file, "learning."));
    for_training(saved.settings, reader(file, "training."));
    saved.settings.start = static_cast<Start>(file.whole("training.start", 0, 1));
    saved.settings.check();
    const std::vector<float> target = file.floats("target", network.shape.parameters(), max_number);
    saved.learner.parameters = network.parameters;
    saved.learner.parameters.insert(saved.learner.parameters.end(), target.begin(), target.end());
    saved.learner.moments = file.floats("moments", 2 * std::size_t{network.shape.parameters()}, max_number);
    const auto whole = [&](const char* name) { return file.whole(name, 0, static_cast<std::uint64_t>(max_whole)); };
    saved.learner.remembered = whole("counts.remembered");
    saved.learner.updates = whole("counts.updates");
    saved.learner.draws = whole("counts.draws");
    saved.environment_steps = whole("counts.steps");
    saved.draws = whole("counts.play_draws");
    const std::uint64_t records = std::min<std::uint64_t>(saved.learner.remembered, saved.settings.learning.replay);
    const std::size_t record = NetworkLayout(network.shape, 1).record();
    saved.learner.records = file.floats("records", records * record, max_number);
    for (std::size_t i = 0; i < records; ++i) {
      const float action = saved.learner.records[i * record + 2 * std::size_t{network.shape.inputs()} + 1];
      if (!(action >= 0 && action < action_count)) file.refuse("records", "has an action that there is not");
    }
    saved.episodes = episodes_of(file);
    saved.running = running_of(file, network.shape.inputs());
    return saved;
  });
}

std::string digits_of(float number) {
  std::array<char, 32> digits{};
  const auto [end, code] =
      std::to_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::scientific);
  static_cast<void>(code);  // 32 characters are enough
  return {digits.data(), end};
}

void require_identifier(const std::string& name) {
  bool good = !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0;
  for (const char c : name) good = good && (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_');
  if (good) return;
  throw InvalidArgument("\"" + name + "\" is no identifier of C: letters, digits and _, not a digit first",
                        {.name = "name"});
}

}  // namespace

std::string network_text(const SavedNetwork& network) {
  NumberFile file(network_kind, 1);
  set_shape(file, network.shape);
  file.set("parameters", network.parameters);
  set_model(file, network.model);
  return file.text();
}

SavedNetwork parse_network(std::string_view text, const std::string& path) {
  return network_of(NumberFile::parse(text, path, network_kind, 1));
}

SavedNetwork read_network(const std::string& path) { return network_of(NumberFile::read(path, network_kind, 1)); }

std::string checkpoint_text(const Checkpoint& saved) {
  const TrainingSettings& settings = saved.settings;
  const NetworkShape shape = network_shape(settings.network, settings.model.inputs(), action_count);
  const std::uint64_t numbers = std::uint64_t{settings.learning.replay} * NetworkLayout(shape, 1).record();
  if (numbers > max_record_numbers) {
    throw InvalidArgument("checkpoint: a replay memory of " + std::to_string(settings.learning.replay) +
                              " records has " + std::to_string(numbers) + " numbers; a file has at most " +
                              std::to_string(max_record_numbers) + ": keep fewer records",
                          {.name = "replay", .limit = max_record_numbers});
  }
  NumberFile file(training_kind, 1);
  set_shape(file, shape);
  set_model(file, settings.model);
  for_learning(settings.learning, writer(file, "learning."));
  for_training(settings, writer(file, "training."));
  file.set("training.start", std::vector<double>{static_cast<double>(settings.start)});
  const std::vector<float>& both = saved.learner.parameters;
  const auto middle = both.begin() + shape.parameters();
  file.set("parameters", std::vector<float>(both.begin(), middle));
  file.set("target", std::vector<float>(middle, both.end()));
  file.set("moments", saved.learner.moments);
  file.set("records", saved.learner.records);
  writer(file, "counts.")("remembered", saved.learner.remembered);
  writer(file, "counts.")("updates", saved.learner.updates);
  writer(file, "counts.")("draws", saved.learner.draws);
  writer(file, "counts.")("steps", saved.environment_steps);
  writer(file, "counts.")("play_draws", saved.draws);
  set_episodes(file, saved.episodes);
  set_running(file, saved.running);
  return file.text();
}

Checkpoint parse_checkpoint(std::string_view text, const std::string& path) {
  return checkpoint_of(NumberFile::parse(text, path, training_kind, 1));
}

Checkpoint read_checkpoint(const std::string& path) { return checkpoint_of(NumberFile::read(path, training_kind, 1)); }

std::string c_header(const SavedNetwork& network, const std::string& name) {
  require_identifier(name);
  const NetworkShape& shape = network.shape;
  std::uint32_t widest = shape.inputs();
  for (const Layer& layer : shape.layers()) widest = std::max(widest, layer.outputs);
  std::string guard = name;
  for (char& c : guard) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::string text =
      "/* A network " + shape.text() + " with ReLU, trained to balance a robot. C99, needs nothing else. */\n";
  text += "#ifndef " + guard + "_H\n#define " + guard + "_H\n\n";
  text += "enum { " + name + "_inputs = " + std::to_string(shape.inputs()) + ", " + name +
          "_outputs = " + std::to_string(shape.outputs()) + " };\n\n";
  text += "/* Layer by layer: the weights of each input, then the biases. */\nstatic const float " + name +
          "_parameters[" + std::to_string(shape.parameters()) + "] = {";
  for (std::size_t i = 0; i < network.parameters.size(); ++i) {
    text += (i % 6 == 0 ? "\n    " : " ") + digits_of(network.parameters[i]) + "f,";
  }
  text += "\n};\n\n/* An observation is, for each step of history, the newest first, the angle divided by " +
          digits_of(network.model.fail_angle) +
          " rad\n   and the speed divided by 10 rad/s, each within -1 and 1. The largest output is the action:\n"
          "   0 pushes one way, 1 rests, 2 pushes the other way. */\n";
  text += "static void " + name + "(const float* observation, float* outputs) {\n";
  text += "  static const int sizes[" + std::to_string(shape.layers().size() + 1) + "] = {" +
          std::to_string(shape.inputs());
  for (const Layer& layer : shape.layers()) text += ", " + std::to_string(layer.outputs);
  const std::string layers = std::to_string(shape.layers().size());
  text += "};\n  float values[2][" + std::to_string(widest) + "];\n  const float* weights = " + name +
          "_parameters;\n  const float* in = observation;\n  for (int layer = 0; layer < " + layers +
          "; ++layer) {\n    const int inputs = sizes[layer], width = sizes[layer + 1], last = layer == " + layers +
          " - 1;\n    float* out = last ? outputs : values[layer % 2];\n"
          "    for (int j = 0; j < width; ++j) {\n"
          "      float even = weights[inputs * width + j], odd = 0.0f;\n"
          "      for (int k = 0; k < inputs; k += 2) even += in[k] * weights[k * width + j];\n"
          "      for (int k = 1; k < inputs; k += 2) odd += in[k] * weights[k * width + j];\n"
          "      const float sum = even + odd;\n"
          "      out[j] = last || sum > 0.0f ? sum : 0.0f;\n    }\n"
          "    weights += (inputs + 1) * width;\n    in = out;\n  }\n}\n\n#endif\n";
  return text;
}

}  // namespace weir::balance
