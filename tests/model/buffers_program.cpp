// Buffers that come, change their size and go; gates, streams, time and limits.
#include "model/buffers_program.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "device/access.hpp"
#include "open_backend.hpp"

namespace weir::model {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t max_buffers = 14;

TransferOptions transfers_of(bool in_place, std::uint64_t seed) {
  return {.staging_threshold = seed % 2 == 0 ? 64_KiB : 1_KiB,
          .staging_block_bytes = seed % 3 == 0 ? 1_MiB : 32_KiB,
          .pinned_limit = 96_MiB,
          .in_place = in_place};
}

}  // namespace

BuffersProgram::BuffersProgram(const BuffersConfiguration& configuration, std::uint64_t seed)
    : configuration_(configuration),
      random_(seed),
      inner_(open_backend(configuration.backend)),
      backend_(std::make_shared<device::FaultyBackend>(inner_)),
      quiet_(device::Access::make_device(inner_, "for the model test")),
      device_(device::Access::make_device(backend_, "for the model test")),
      memory_(std::make_unique<MemoryManager>(
          device_,
          ManagerOptions{.name = configuration.name,
                         .pool = {.mode = configuration.mode,
                                  .limit = configuration.limit,
                                  .reclaim_deadline = configuration.late == 0s ? 1ms : 100ms + 20 * configuration.late,
                                  .clock = &clock_},
                         .transfers = transfers_of(configuration.in_place, seed)})) {
  backend_->delay_events(configuration.late);
  streams_.resize(4);
  for (std::size_t i = 1; i < streams_.size(); ++i) streams_[i].own = device_.stream();
  if (configuration_.faults != 0) backend_->fail_every(configuration_.faults);
  if (configuration_.storm) weather_ = std::make_unique<Weather>(*backend_, false);
}

BuffersProgram::~BuffersProgram() {
  weather_.reset();
  backend_->heal();
  for (GatedStream& each : streams_) each.gate.reset();
}

std::string BuffersProgram::step() {
  try {
    if (weather_) weather_->change(random_);
    act();
    if (wrong_.empty()) check();
  } catch (const std::exception& error) {
    wrong(std::string("it threw ") + error.what());
  }
  ++steps_;
  return wrong_;
}

void BuffersProgram::act() {
  using Step = void (BuffersProgram::*)();
  struct Choice {
    std::uint64_t weight;
    Step step;
  };
  static constexpr std::array choices{
      Choice{12, &BuffersProgram::create},        Choice{2, &BuffersProgram::create_again},
      Choice{9, &BuffersProgram::free_one},       Choice{3, &BuffersProgram::misuse},
      Choice{3, &BuffersProgram::look_up},        Choice{6, &BuffersProgram::ensure},
      Choice{8, &BuffersProgram::resize},         Choice{5, &BuffersProgram::shrink},
      Choice{9, &BuffersProgram::upload},         Choice{9, &BuffersProgram::start_upload},
      Choice{4, &BuffersProgram::look_at_ticket}, Choice{6, &BuffersProgram::download},
      Choice{9, &BuffersProgram::start_download}, Choice{9, &BuffersProgram::wait_for_frame},
      Choice{6, &BuffersProgram::kernel},         Choice{6, &BuffersProgram::batch},
      Choice{6, &BuffersProgram::turn_gate},      Choice{1, &BuffersProgram::end_stream},
      Choice{4, &BuffersProgram::switch_stream},  Choice{3, &BuffersProgram::book},
      Choice{5, &BuffersProgram::pass_time}};
  std::uint64_t sum = 0;
  for (const Choice& choice : choices) sum += choice.weight;
  std::uint64_t dice = roll(sum);
  for (const Choice& choice : choices) {
    if (dice < choice.weight) return (this->*choice.step)();
    dice -= choice.weight;
  }
}

// --- What is drawn ---

std::size_t BuffersProgram::any_count() {
  return static_cast<std::size_t>(std::exp2(std::uniform_real_distribution<>(0.0, 18.0)(random_)));
}

BuffersProgram::Window BuffersProgram::any_window(const Live& live) {
  const std::size_t size = live.oracle.size();
  if (roll(4) == 0) return {0, size};
  const std::size_t offset = roll(size + 1);
  return {offset, std::min(size - offset, roll(2) == 0 ? any_count() : roll(2000))};
}

std::vector<Element> BuffersProgram::any_data(std::size_t count) {
  std::vector<Element> data(count);
  contract::fill_pattern(data.data(), count * element_bytes, random_());
  return data;
}

BufferOptions BuffersProgram::any_options() {
  BufferOptions options;
  options.growth = 1.0 + static_cast<double>(roll(200)) / 100;
  options.max_bytes = roll(8) == 0 ? 1_MiB : 16_MiB;
  options.min_elements = roll(3) == 0 ? roll(5000) : 1;
  options.downloads = roll(3) != 0;
  options.download_slots = static_cast<unsigned>(2 + roll(2));
  options.persistent = roll(2) == 0;
  options.plain = roll(8) == 0;
  return options;
}

BuffersProgram::Live* BuffersProgram::any_live() {
  if (live_.empty()) return nullptr;
  Live* const live = live_[roll(live_.size())].get();
  last_ += " " + live->name;
  return live;
}

bool BuffersProgram::held() const {
  return std::any_of(streams_.begin(), streams_.end(), [](const GatedStream& each) { return each.gate != nullptr; });
}

std::chrono::nanoseconds BuffersProgram::patience(std::size_t stream_index) const {
  // It will not be in time: refused at once, or late in the middle.
  if (streams_[stream_index].gate) return std::chrono::nanoseconds(names_ % 2 == 0 ? 0ms : 1ms);
  return held() ? std::chrono::nanoseconds(1ms) : default_deadline;
}

bool BuffersProgram::settle(std::size_t stream_index) {
  try {
    quiet_.synchronize(streams_[stream_index].id(), patience(stream_index));
    return true;
  } catch (const Timeout&) {
    if (!held()) throw;
    return false;
  }
}

// --- Buffers ---

void BuffersProgram::create() {
  last_ = "create";
  if (live_.size() == max_buffers) return free_one();
  const BufferOptions options = any_options();
  const std::size_t count = roll(50) == 0 ? options.max_bytes : 1 + any_count();
  const std::size_t stream_index = roll(streams_.size());
  const std::uint64_t way = roll(4);
  auto live = std::make_unique<Live>(Live{.name = "b" + std::to_string(names_++),
                                          .oracle = {1, options},
                                          .options = options,
                                          .handle = {},
                                          .owner = {},
                                          .stream_index = stream_index});
  const bool too_large = count > live->oracle.most();
  const StreamId stream = streams_[stream_index].id();
  std::vector<Element> data;
  last_ += " " + live->name + " of " + std::to_string(count);
  const bool made = attempt({ErrorCode::limit_exceeded, ErrorCode::out_of_memory}, [&] {
    if (way == 0) {
      live->owner = memory_->scoped<Element>(live->name, count, options, stream);
      live->handle = live->owner;
    } else if (way == 1 && !held() && !too_large) {  // else it would wait for its deadline
      data = any_data(count);
      live->handle = memory_->create<Element>(live->name, data, options, stream);
    } else {
      live->handle = memory_->create<Element>(live->name, count, options, stream);
    }
  });
  if (made == too_large && made) wrong("it is larger than it may be");
  if (!made) {
    if (memory_->contains(live->name)) wrong("it is there all the same");
    if (!too_large) refused(count * element_bytes);
    return;
  }
  live->oracle = BufferOracle(count, options);
  live->oracle.contents.write(0, data);
  live_.push_back(std::move(live));
}

// A buffer that is there is taken, and made as large as asked.
void BuffersProgram::create_again() {
  last_ = "create again";
  Live* const live = any_live();
  if (live == nullptr) return;
  const std::size_t count = std::min(live->oracle.most(), 1 + any_count());
  const std::uint64_t bytes = live->oracle.capacity_for(count) * element_bytes;
  const StreamId stream = stream_of(*live);
  const bool done = attempt({ErrorCode::limit_exceeded, ErrorCode::out_of_memory}, [&] {
    const auto same = memory_->find_or_create<Element>(live->name, count, live->options, stream);
    if (same != live->handle) wrong("it is another buffer");
  });
  if (done) {
    live->oracle.resize(count);
  } else {
    refused(bytes);
  }
}

void BuffersProgram::free_one() {
  last_ = "free";
  Live* const live = any_live();
  if (live == nullptr) return;
  switch (roll(3)) {
    case 0: memory_->free(live->name); break;
    case 1: memory_->free(live->handle); break;
    default:
      if (live->owner.valid()) {
        live->owner.reset();
      } else {
        memory_->free(live->handle);
      }
  }
  if (live->handle.valid()) wrong("its handle is valid still");
  stale_ = live->handle;
  std::erase_if(live_, [&](const auto& each) { return each.get() == live; });
}

void BuffersProgram::misuse() {
  last_ = "misuse";
  Live* const live = any_live();
  if (live == nullptr) return;
  const std::uint64_t kind = roll(6);
  last_ += " of kind " + std::to_string(kind);
  std::vector<Element> data(1);
  const bool passed =
      attempt({ErrorCode::invalid_argument, ErrorCode::type_mismatch, ErrorCode::not_found, ErrorCode::stale_handle,
               ErrorCode::limit_exceeded},
              [&] {
                switch (kind) {
                  case 0: static_cast<void>(memory_->create<Element>(live->name, 1)); break;
                  case 1: static_cast<void>(memory_->find<float>(live->name)); break;
                  case 2: memory_->free("no such buffer"); break;
                  case 3: memory_->upload(stale_, data); break;
                  case 4:
                    memory_->upload(live->handle, data, StreamId::legacy_default, {.offset = live->oracle.size()});
                    break;
                  default: live->handle.resize(live->oracle.most() + 1, stream_of(*live));
                }
              });
  if (passed) wrong("nothing was thrown");
}

void BuffersProgram::look_up() {
  last_ = "find";
  Live* const live = any_live();
  if (live == nullptr) return;
  const auto found = memory_->find<Element>(live->name);
  if (found != live->handle) wrong("it is another buffer");
  const BufferStatistics known = found.statistics();
  if (known.requested != live->oracle.capacity() * element_bytes) wrong("other bytes in its statistics");
  if (known.allocated < known.requested) wrong("fewer bytes allocated than requested");
}

void BuffersProgram::ensure() {
  last_ = "ensure";
  Live* const live = any_live();
  if (live == nullptr) return;
  const std::size_t count = std::min(live->oracle.most(), any_count());
  // Any stream will do: a copy waits for all streams that used the buffer, and what comes later for the copy.
  const std::size_t stream_index = roll(streams_.size());
  const std::uint64_t moved = live->handle.statistics().bytes_moved;
  const std::size_t capacity = live->oracle.capacity_for(count);
  bool changed = false;
  if (!attempt({ErrorCode::limit_exceeded, ErrorCode::out_of_memory},
               [&] { changed = live->handle.ensure_capacity(count, streams_[stream_index].id()); })) {
    return refused(capacity * element_bytes);
  }
  if (changed != (capacity != live->oracle.capacity())) wrong("it did not say what it did");
  if (live->handle.statistics().bytes_moved != moved) live->stream_index = stream_index;
  live->oracle.ensure(count);
}

void BuffersProgram::resize() {
  last_ = "resize";
  Live* const live = any_live();
  if (live == nullptr) return;
  const std::size_t count = std::min(live->oracle.most(), roll(10) == 0 ? 0 : any_count());
  const std::uint64_t bytes = live->oracle.capacity_for(count) * element_bytes;
  if (attempt({ErrorCode::limit_exceeded, ErrorCode::out_of_memory},
              [&] { live->handle.resize(count, stream_of(*live)); })) {
    live->oracle.resize(count);
  } else {
    refused(bytes);
  }
}

void BuffersProgram::shrink() {
  last_ = "shrink";
  Live* const live = any_live();
  if (live == nullptr) return;
  const std::size_t count = roll(2) == 0 ? 0 : any_count();
  if (attempt({ErrorCode::timeout}, [&] { live->handle.shrink(count, stream_of(*live)); })) live->oracle.shrink(count);
}

// --- Streams, limits, time ---

void BuffersProgram::switch_stream() {
  last_ = "switch to another stream";
  Live* const live = any_live();
  if (live != nullptr && settle(live->stream_index)) live->stream_index = roll(streams_.size());
}

void BuffersProgram::end_stream() {
  last_ = "a stream ends";
  const std::size_t at = 1 + roll(streams_.size() - 1);
  if (held() || !settle(at)) return;
  std::optional<Stream> fresh;
  if (!attempt({}, [&] { fresh = device_.stream(); })) return;
  streams_[at].own = fresh;
}

void BuffersProgram::turn_gate() {
  last_ = "a gate";
  if (!contents() || configuration_.in_place) return;  // nothing runs there, or the host would wait
  GatedStream& one = streams_[roll(streams_.size())];
  if (held() && roll(3) != 0) {
    for (GatedStream& each : streams_) each.gate.reset();
  } else if (!one.gate) {
    one.gate = std::make_shared<contract::Gate>(quiet_, one.id());
  }
}

void BuffersProgram::book() {
  last_ = "book external bytes";
  if (!bookings_.empty() && roll(2) == 0) return bookings_.pop_back();
  const std::uint64_t bytes = roll(configuration_.limit / 3);
  const bool fits = before_.reserved.live + before_.external + bytes <= configuration_.limit;
  const bool booked = attempt({ErrorCode::limit_exceeded}, [&] { bookings_.push_back(memory_->book_external(bytes)); });
  if (!booked && fits && configuration_.faults == 0 && !weather_) wrong("a booking under the limit was refused");
}

void BuffersProgram::pass_time() {
  clock_.advance(std::chrono::milliseconds(roll(3) == 0 ? roll(40'000) : roll(2000)));
  const bool trim = roll(2) == 0;
  last_ = trim ? "trim" : "maintain";
  static_cast<void>(attempt({}, [&] {
    if (trim) {
      static_cast<void>(memory_->trim());
    } else {
      memory_->maintain();
    }
  }));
}

}  // namespace weir::model
