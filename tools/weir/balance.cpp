// `weir balance`: trains networks to balance a robot, runs them, and measures both.
#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <weir/bytes.hpp>

#include "balance_options.hpp"
#include "commands.hpp"
#include "compute/losses.hpp"
#include "files/output_file.hpp"
#include "interrupt.hpp"
#include "progress.hpp"
#include "workloads/balance/learning/curves.hpp"
#include "workloads/balance/learning/performance.hpp"
#include "workloads/balance/learning/saved.hpp"
#include "workloads/balance/learning/trial.hpp"

namespace weir::tool {
namespace {

using balance::TrainingResult;

void write_file(files::OutputFile& file, const std::string& text) {
  file.write(text);
  file.commit();
}

/// Of some numbers, which it sorts; 0 of none.
struct Spread {
  explicit Spread(std::vector<std::uint64_t> numbers) {
    if (numbers.empty()) return;
    std::sort(numbers.begin(), numbers.end());
    const std::size_t middle = numbers.size() / 2;
    min = numbers.front();
    median = numbers.size() % 2 == 1 ? static_cast<double>(numbers[middle])
                                     : static_cast<double>(numbers[middle - 1] + numbers[middle]) / 2;
    max = numbers.back();
  }
  [[nodiscard]] nlohmann::json object() const { return {{"min", min}, {"median", median}, {"max", max}}; }

  std::uint64_t min = 0, max = 0;
  double median = 0;
};

constexpr std::size_t save_every = 20;  // episodes

class TrainRun {
 public:
  explicit TrainRun(TrainLine& line) : line_(line) {
    line_.settle();
    // What cannot be written is told before hours of training.
    const auto open = [](std::optional<files::OutputFile>& file, const std::string& path) {
      if (!path.empty()) file.emplace(path);
    };
    open(curves_, line_.curves);
    open(output_, line_.output);
    open(header_, line_.header);
    if (line_.checkpoint.empty()) return;
    if (std::filesystem::exists(line_.checkpoint)) {
      saved_ = balance::read_checkpoint(line_.checkpoint);
      line_.go_on(saved_->settings);
    }
    const files::OutputFile writable(line_.checkpoint);
  }

  /// The exit status.
  int execute() {
    note_interrupts();
    device_ = open_device({.backend = line_.device});
    if (!line_.json) fmt::print("{}\n", device_->why());
    std::vector<balance::Curve> curves;
    std::vector<std::uint64_t> steps_to_solve, upright;
    bool stopped = false;
    for (std::uint32_t i = 0; i < line_.seeds && !stopped; ++i) {
      balance::TrainingSettings settings = line_.settings;
      settings.seed += i;
      const TrainingResult result = train(settings);
      tell(settings, result);
      if (result.solved) steps_to_solve.push_back(result.environment_steps);
      upright.push_back(result.upright);
      stopped = result.stopped;
      curves.push_back({.seed = settings.seed, .solved = result.solved, .episodes = result.episodes});
    }
    if (line_.json || line_.seeds > 1) tell_all(steps_to_solve, upright);
    draw(curves);
    return stopped ? interrupted_status() : 0;
  }

 private:
  TrainingResult train(const balance::TrainingSettings& settings) {
    ManagerOptions options{.name = "balance", .pool = {.mode = line_.pool ? PoolMode::automatic : PoolMode::off}};
    if (!line_.limit.empty()) options.pool.limit = parse_bytes(line_.limit);
    MemoryManager memory = compute::open_manager(device_, {.backend = line_.device}, options);
    balance::Trainer trainer(memory, settings, line_.host);
    if (saved_) trainer.restore(*saved_);
    std::uint64_t steps = 0;
    std::size_t episodes = saved_ ? saved_->episodes.size() : 0;
    for (std::size_t i = 0; i < episodes; ++i) steps += saved_->episodes[i].steps;
    TrainingResult result;
    {
      Progress bar(fmt::format("seed {}", settings.seed));
      const auto told = [&](const balance::Episode& episode) {
        steps += episode.steps;
        bar.tell(fmt::format("seed {}: episode {}, {} steps, reward {:.1f}, loss {:.4f}, {} of device memory",
                             settings.seed, ++episodes, steps, episode.reward, episode.loss,
                             format_bytes(episode.bytes)));
        if (episodes % save_every == 0) save(trainer);
      };
      result = trainer.run(told, was_interrupted);
    }
    save(trainer);
    device_ = memory.device();  // a new one after a loss
    // A network cut off in training does not take the place of one that is done; its checkpoint has it.
    if (result.stopped) return result;
    const balance::SavedNetwork network{trainer.shape(), result.parameters, settings.model};
    if (output_) write_file(*output_, balance::network_text(network));
    if (header_) write_file(*header_, balance::c_header(network, header_name()));
    return result;
  }

  void save(balance::Trainer& trainer) const {
    if (line_.checkpoint.empty()) return;
    files::OutputFile file(line_.checkpoint);
    write_file(file, balance::checkpoint_text(trainer.checkpoint()));
  }

  /// The file's name as an identifier that is no word of C's.
  [[nodiscard]] std::string header_name() const {
    std::string name = "network_" + std::filesystem::path(line_.header).stem().string();
    for (char& c : name) {
      if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
    }
    return name;
  }

  void tell(const balance::TrainingSettings& settings, const TrainingResult& result) const {
    if (line_.json) {
      const nlohmann::json object{{"seed", settings.seed},
                                  {"solved", result.solved},
                                  {"stopped", result.stopped},
                                  {"environment_steps", result.environment_steps},
                                  {"updates", result.updates},
                                  {"upright", result.upright},
                                  {"episodes", result.episodes.size()},
                                  {"seconds", result.seconds},
                                  {"mean_reward", result.mean_reward()},
                                  {"requests", result.requests},
                                  {"hit_rate", result.hit_rate},
                                  {"driver_calls_after_warm_up", result.driver_calls_after_warm_up},
                                  {"peak_bytes", result.peak_bytes},
                                  {"peak_update_bytes", result.peak_update_bytes},
                                  {"recoveries", result.recoveries},
                                  {"lost_bytes", result.lost_bytes},
                                  {"recovery_seconds", result.recovery_seconds},
                                  {"spilled_bytes", result.spilled_bytes}};
      fmt::print("{}\n", object.dump());
      return;
    }
    fmt::print(
        "seed {:<4} {}: {} of {} upright {} s; {} steps, {} updates, {} episodes, {:.2f} s, mean reward {:.1f}\n",
        settings.seed,
        result.solved    ? "solved"
        : result.stopped ? "stopped"
                         : "not solved",
        result.upright, balance::Trial::robots, balance::Trial::seconds, result.environment_steps, result.updates,
        result.episodes.size(), result.seconds, result.mean_reward());
    fmt::print(
        "          memory after warm-up: {} requests, {:.1f} % served by cache or arena, {} driver calls; peak {}, "
        "of an update's temporaries {}\n",
        result.requests, 100 * result.hit_rate, result.driver_calls_after_warm_up, format_bytes(result.peak_bytes),
        format_bytes(result.peak_update_bytes));
    if (result.recoveries == 0) return;
    fmt::print("          the device was lost and recovered {} times; {} did not come back\n", result.recoveries,
               format_bytes(result.lost_bytes));
  }

  void tell_all(const std::vector<std::uint64_t>& steps_to_solve, const std::vector<std::uint64_t>& upright) const {
    const Spread steps(steps_to_solve), trial(upright);
    const std::size_t solved = steps_to_solve.size(), all = upright.size();
    if (line_.json) {
      const nlohmann::json object{{"seeds", all},
                                  {"solved_seeds", solved},
                                  {"solved_rate", static_cast<double>(solved) / static_cast<double>(all)},
                                  {"environment_steps_of_solved", solved == 0 ? nlohmann::json() : steps.object()},
                                  {"upright", trial.object()}};
      fmt::print("{}\n", object.dump());
      return;
    }
    fmt::print("solved {} of {}", solved, all);
    if (solved != 0) fmt::print(" in {} to {} steps, median {}", steps.min, steps.max, steps.median);
    fmt::print("; upright {} to {} of {}, median {}\n", trial.min, trial.max, balance::Trial::robots, trial.median);
  }

  void draw(const std::vector<balance::Curve>& curves) {
    if (!curves_) return;
    const auto kind = line_.curves.ends_with(".png") ? balance::PictureKind::png : balance::PictureKind::svg;
    write_file(*curves_, balance::learning_curves(curves, line_.settings.network, kind));
  }

  TrainLine& line_;
  std::optional<Device> device_;
  std::optional<files::OutputFile> curves_, output_, header_;
  std::optional<balance::Checkpoint> saved_;
};

constexpr int picture_rows = 12;

/// The robot seen from the side, in characters; the ground moves on where it comes to an end.
std::string picture(float angle, float position, double time) {
  constexpr int width = 61, height = picture_rows - 1;
  std::vector<std::string> rows(height, std::string(width, ' '));
  const auto middle = static_cast<int>(std::lround(width / 2 + std::remainder(double{position} * 10, width - 10.0)));
  for (int i = 0; i < height - 1; ++i) {
    const int x = middle + static_cast<int>(std::lround(2.0 * i * std::sin(double{angle})));
    const int y = height - 2 - static_cast<int>(std::lround(i * std::cos(double{angle})));
    if (x >= 0 && x < width && y >= 0) rows[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] = '#';
  }
  if (middle >= 0 && middle < width) rows[height - 2][static_cast<std::size_t>(middle)] = 'O';
  rows[height - 1] = std::string(width, '=');
  std::string text = fmt::format("{:6.2f} s   angle {:+.3f} rad   position {:+.2f} m\n", time, angle, position);
  for (const std::string& row : rows) text += row + "\n";
  return text;
}

/// The exit status.
int run_network(const RunLine& line) {
  note_interrupts();
  const balance::SavedNetwork saved = balance::read_network(line.network);
  MemoryManager memory(open_device({.backend = line.device}), {.name = "balance"});
  balance::Performance robot(memory, saved, static_cast<float>(line.angle), line.seed);
  const float dt = saved.model.dt;
  const auto steps = static_cast<std::uint64_t>(std::ceil(static_cast<float>(line.seconds) / dt));
  std::uint64_t done = 0;
  bool fell = false;
  float widest = 0;
  auto due = std::chrono::steady_clock::now();
  for (; done < steps && !fell && !was_interrupted(); ++done) {
    const balance::Performance::Shown shown = robot.step();
    fell = shown.fell;
    if (!fell) widest = std::max(widest, std::abs(shown.motion.angle));
    if (!line.watch) continue;
    // Back to the first line of the picture.
    if (done != 0) fmt::print("\x1b[{}F", picture_rows);
    fmt::print("{}", picture(shown.motion.angle, shown.motion.position,
                             static_cast<double>(static_cast<float>(done + 1) * dt)));
    std::fflush(stdout);
    due += std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<float>(dt));
    std::this_thread::sleep_until(due);
  }
  const float seconds = static_cast<float>(done) * dt;
  if (line.json) {
    fmt::print("{}\n",
               nlohmann::json{
                   {"upright", !fell}, {"seconds", seconds}, {"widest_angle", widest}, {"network", saved.shape.text()}}
                   .dump());
  } else {
    fmt::print("{} {}: {:.2f} s, {:.3f} rad at the widest\n", saved.shape.text(), fell ? "fell" : "stayed upright",
               seconds, widest);
  }
  return was_interrupted() ? interrupted_status() : fell ? 1 : 0;
}

void bench(const BenchLine& line) {
  const balance::Measured m = balance::measure(line.settings);
  if (line.json) {
    fmt::print("{}\n", nlohmann::json{{"kernels", m.kernels},
                                      {"robots", line.settings.robots},
                                      {"steps_per_second_physics", m.physics},
                                      {"steps_per_second_full", m.full},
                                      {"steps_per_second_network", m.looped},
                                      {"forward_ns", m.forward_ns},
                                      {"roundtrip_p50_ms", m.roundtrip_p50_ms},
                                      {"roundtrip_p99_ms", m.roundtrip_p99_ms},
                                      {"update_us", m.update_us},
                                      {"pooled_over_driver", m.pooled_over_driver},
                                      {"pooled_over_driver_spread", m.pooled_spread}}
                           .dump());
    return;
  }
  fmt::print("kernels {}, {} robots\n", m.kernels, line.settings.robots);
  fmt::print("  physics alone                  {:10.1f} M steps/s\n", m.physics / 1e6);
  fmt::print("  observation, reward, restart   {:10.1f} M steps/s\n", m.full / 1e6);
  fmt::print("  with the network {:<12}  {:10.1f} M steps/s\n", line.settings.network, m.looped / 1e6);
  if (m.forward_ns > 0) fmt::print("  2-8-3 for one observation      {:10.1f} ns\n", m.forward_ns);
  fmt::print("  the same by device memory      {:10.4f} ms, p99 {:.4f} ms\n", m.roundtrip_p50_ms, m.roundtrip_p99_ms);
  fmt::print(
      "  an update of the network       {:10.1f} us; by the driver's allocations {:.2f} times that (quartiles {:.2f} "
      "apart)\n",
      m.update_us, m.pooled_over_driver, m.pooled_spread);
}

}  // namespace

void add_balance(CLI::App& app, int& status) {
  CLI::App* command =
      app.add_subcommand("balance", "a robot that a network learns to balance, on pooled device memory");
  command->require_subcommand(1);
  const auto train = std::make_shared<TrainLine>();
  CLI::App* trainer = command->add_subcommand("train", "trains networks until they pass their trial");
  add_train_options(*trainer, *train);
  trainer->callback([train, &status] { status = TrainRun(*train).execute(); });
  const auto run = std::make_shared<RunLine>();
  CLI::App* runner = command->add_subcommand("run", "lets a trained network balance; status 1 if the robot falls");
  add_run_options(*runner, *run);
  runner->callback([run, &status] { status = run_network(*run); });
  const auto measured = std::make_shared<BenchLine>();
  CLI::App* bencher = command->add_subcommand("bench", "measures robots, networks and updates on this machine");
  add_bench_options(*bencher, *measured);
  bencher->callback([measured] { bench(*measured); });
}

}  // namespace weir::tool
