#include "replay_options.hpp"

#include <charconv>
#include <cmath>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>

#include <weir/bytes.hpp>
#include <weir/device.hpp>
#include <weir/errors.hpp>

#include "replay/driver_file.hpp"

namespace weir::tool {
namespace {

using replay::ReplayOptions;
using replay::TransformerOptions;

// A quarter of an hour between two operations is no program's way to allocate.
constexpr double max_gap_us = 1e9;
// Enough for a job to come to rest where it does.
constexpr std::uint32_t fits_passes = 4;

/// A number that is the whole text; nothing else.
template <class Number>
std::optional<Number> number_of(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::uint32_t parse_repeat(const std::string& text) {
  const auto passes = number_of<std::uint32_t>(text);
  if (!passes || *passes == 0 || *passes > ReplayOptions::max_passes) {
    throw CLI::ValidationError("--repeat",
                               fmt::format("'{}' is not a whole number from 1 to {}", text, ReplayOptions::max_passes));
  }
  return *passes;
}

std::optional<std::chrono::nanoseconds> parse_gap(const std::string& text) {
  if (text == "recorded") return std::nullopt;
  const auto us = number_of<double>(text);
  if (!us || !(*us >= 0) || *us > max_gap_us) {
    throw CLI::ValidationError(
        "--gap",
        fmt::format("'{}' is not a number of microseconds from 0 to {:.0f}, and not 'recorded'", text, max_gap_us));
  }
  return std::chrono::nanoseconds(std::llround(*us * 1e3));
}

std::uint64_t parse_size(const std::string& option, const std::string& text) {
  try {
    return parse_bytes(text);
  } catch (const InvalidArgument& error) {
    throw CLI::ValidationError(option, error.message());
  }
}

device::DriverModel parse_driver(const std::string& text) {
  try {
    return replay::read_driver_model(text);
  } catch (const Error& error) {
    throw CLI::ValidationError("--driver", error.message());
  }
}

void add_answers(CLI::App& sub, const std::shared_ptr<ReplayCommandLine>& line) {
  auto* capacity = sub.add_option_function<std::string>(
      "--capacity", [line](const std::string& text) { line->capacity = parse_size("--capacity", text); },
      "Memory of each device, e.g. 24GiB; the report says whether the trace fits");
  sub.add_option_function<std::string>(
         "--fits",
         [line](const std::string& text) {
           line->capacity = parse_size("--fits", text);
           line->only_fits = true;
         },
         "As --capacity, but answers in one line, with the time that each pass loses to memory; default: 4 passes")
      ->excludes(capacity);
  sub.add_flag("--tightest", line->tightest,
               "Find the least memory in which the trace completes; Ctrl-C prints the best so far");
  sub.add_flag("--json", line->as_json, "Print one JSON object for each file, one a line, on stdout");
}

void add_world(CLI::App& sub, const std::shared_ptr<ReplayCommandLine>& line) {
  sub.add_option_function<std::string>(
      "--repeat", [line](const std::string& text) { line->repeat = parse_repeat(text); },
      "Number of passes through the trace, in one pool; live blocks are freed between passes");
  sub.add_option("--driver", line->driver,
                 "Cost of driver calls, and how late events are: instant (default), cheap, dear, a JSON file, or "
                 "entries such as event_us=6,create_us=7.6");
  sub.add_option_function<std::string>(
      "--gap", [line](const std::string& text) { line->options.gap = parse_gap(text); },
      "Time between two operations in microseconds (default 1), or 'recorded' to take it from the trace");
  sub.add_option_function<std::string>(
         "--threads",
         [line](const std::string& text) {
           line->options.threads = text == "merge" ? ReplayOptions::Threads::merge : ReplayOptions::Threads::recorded;
         },
         "recorded (default): one thread for each thread of the trace, in turns; merge: all operations on one thread")
      ->check(CLI::IsMember({"recorded", "merge"}));
  sub.add_option("--device", line->device,
                 "Replay on this device (cuda, vulkan:0, host ...; see `weir devices`) instead of the dry device");
}

void add_model(CLI::App& sub, const std::shared_ptr<ReplayCommandLine>& line) {
  const std::string group = "The generated job (no FILE)";
  TransformerOptions& model = line->model;
  // The parser itself would wrap a negative number around.
  const CLI::Validator positive(
      [](const std::string& text) { return text.starts_with('-') ? text + " is less than 1" : std::string(); }, "");
  const auto number = [&](const std::string& name, std::uint64_t& value, const std::string& help) {
    line->model_options.push_back(
        sub.add_option(name, value, help)->capture_default_str()->check(positive)->group(group));
  };
  number("--layers", model.layers, "Layers of the transformer, each an attention and a perceptron");
  number("--width", model.width, "Width of the model; a multiple of --heads");
  number("--heads", model.heads, "Heads of the attention; divides --width");
  number("--context", model.context, "Tokens in a sequence");
  number("--batch", model.batch, "Sequences in a step");
  number("--vocabulary", model.vocabulary, "Number of different tokens: rows of the embedding, columns of the logits");
  number("--steps", model.steps, "Training steps, each forward, backward and update");
  line->model_options.push_back(sub.add_option_function<std::string>(
                                       "--precision",
                                       [&model](const std::string& name) {
                                         model.precision = name == "bf16" ? TransformerOptions::Precision::bf16
                                                                          : TransformerOptions::Precision::fp32;
                                       },
                                       "Precision of parameters, gradients and activations")
                                    ->check(CLI::IsMember({"fp32", "bf16"}))
                                    ->default_str("fp32")
                                    ->group(group));
}

/// Asks the device for its page, and so whether it is there at all.
void check_device(const ReplayCommandLine& line, const std::string& capacity_option) {
  try {
    DeviceRequest request{.backend = line.device.value_or("dry")};
    if (backend_named(request.backend) == BackendKind::dry) request.capacity = line.capacity;
    const std::uint64_t page = open_device(request).facts().page_bytes;
    if (line.capacity && *line.capacity < page) {
      fmt::print(stderr,
                 "weir: {}: {} is less than one page of the device ({}), so no block fits; write a unit "
                 "after the number, as in 24GiB\n",
                 capacity_option, format_bytes(*line.capacity), format_bytes(page));
    }
  } catch (const InvalidArgument& error) {
    // What is wrong may be a variable of the environment, which the message then names.
    if (error.facts().name != "capacity") throw;
    throw CLI::ValidationError(capacity_option, error.message());
  } catch (const NotFound& error) {
    throw CLI::ValidationError("--device", error.message());
  }
}

}  // namespace

void ReplayCommandLine::check() {
  const std::string capacity_option = only_fits ? "--fits" : "--capacity";
  for (const CLI::Option* option : model_options) {
    if (!files.empty() && option->count() != 0) {
      throw CLI::ValidationError(option->get_name(),
                                 "applies only to the generated job; leave it out, or give no FILE");
    }
  }
  if (device && device->empty()) {
    throw CLI::ValidationError("--device", "is empty; `weir devices` lists the devices");
  }
  if (device && (driver || !options.gap)) {
    throw CLI::ValidationError(driver ? "--driver" : "--gap",
                               "applies only to the dry device, not to '" + *device + "'; leave out --device");
  }
  if (capacity == std::uint64_t{0}) throw CLI::ValidationError(capacity_option, "must be 1 B or more");
  if (driver) options.driver = parse_driver(*driver);
  check_device(*this, capacity_option);
  options.device = device.value_or("");
  options.capacity = capacity;
  options.passes = repeat.value_or(only_fits ? fits_passes : 1);
}

CLI::App* add_replay_options(CLI::App& app, const std::shared_ptr<ReplayCommandLine>& line) {
  auto* sub = app.add_subcommand(
      "replay",
      "Run recorded allocations through a pool: weir's recordings, PyTorch memory snapshots, RMM logs, interval CSVs");
  sub->add_option("FILE", line->files,
                  "Traces, gzip or not; the format is detected from the content. Default: a generated training job");
  add_answers(*sub, line);
  add_world(*sub, line);
  add_model(*sub, line);
  sub->footer(
      "Without --capacity no request is refused, and the peaks show what the trace needs. With it the report says\n"
      "whether the trace fits and, if not, how much memory is enough; a trace that does not fit is no failure.\n\n"
      "Exit status: 0 when all was replayed, 1 when a file or the device failed (the other files are still\n"
      "replayed), 2 for an invalid command line, 130 when Ctrl-C ended --tightest and 143 when SIGTERM did.");
  return sub;
}

}  // namespace weir::tool
