#include "workloads/trajectory/run/pipeline.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "compute/handover.hpp"
#include "compute/losses.hpp"
#include "compute/pool_counts.hpp"
#include "compute/timed.hpp"
#include "workloads/trajectory/run/paths.hpp"

namespace weir::trajectory {
namespace {

constexpr std::size_t max_host_chunk = 4'096;      // stays in a core's caches
constexpr std::size_t max_device_chunk = 131'072;  // fills a GPU
constexpr std::uint32_t all_attempts = 0xffffffffU;
constexpr std::uint32_t device_attempts = 16,
                        rounds = 8;  // of a GPU: no kernel takes long, few paths need more of them
constexpr double fold_below = 0.3;   // a last chunk of a smaller part joins the one before it

/// A chunk on its way, one of two.
struct Slot {
  std::size_t index = 0;
  Paths paths;
  std::uint64_t first = 0;
  std::vector<Launch> asked;
  std::vector<Flight> flights;
};

/// A run on one device, from the first launch on that was not written.
class Run {
 public:
  Run(std::uint64_t launches, const std::function<Launch(std::uint64_t)>& launch, const RunSettings& settings,
      MemoryManager& memory, Sink& sink, compute::Losses& losses, RunReport& report)
      : launches_(launches),
        launch_(launch),
        settings_(settings),
        sink_(sink),
        memory_(memory),
        losses_(losses),
        paths_(memory, settings),
        report_(report),
        begun_at_(report.launches) {
    report_.tolerance = paths_.tolerance();
    slots_[1].index = 1;
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    stop();
    try {
      report_.tensors += paths_.tensors().acquired;
      report_.tensors_reused += paths_.tensors().reused;
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): they are figures alone
    }
  }

  void go() {
    handover_.emplace(slots_.size(), [this](std::size_t slot) { write(slots_.at(slot)); });
    if (begun_at_ != launches_) {
      const ChunkedRun done =
          process_in_chunks(launches_ - begun_at_, {.chunk_items = chunk_size(), .fold_below = fold_below},
                            [this](const ChunkRange& chunk) {
                              begin({begun_at_ + chunk.first, chunk.count});
                            });
      report_.retries += done.retries;
    }
    stop();
    handover_->check();
    if (warm_ && begun_at_ == 0) {
      report_.driver_calls_after_second_chunk = compute::PoolCounts(memory_).since(*warm_).driver_calls;
    }
    fill_report();
  }

 private:
  [[nodiscard]] std::size_t chunk_size() const {
    std::size_t chunk = settings_.chunk;
    if (chunk == 0) {
      const std::size_t bytes = slots_.size() * (launch_columns + path_columns) * paths_.number_bytes();
      chunk = std::min(automatic_chunk(memory_.pool(), bytes), paths_.host() ? max_host_chunk : max_device_chunk);
    }
    return std::min<std::size_t>(chunk, launches_ - begun_at_);
  }

  /// Starts a chunk; where memory is refused, once more when the chunk before it has given its own back.
  void begin(const ChunkRange& chunk) {
    Slot& slot = slots_[started_ % slots_.size()];
    const Slot& before = slots_[(started_ + 1) % slots_.size()];
    handover_->wait_for(slot.index);
    // The third chunk begins once the first is written and the second is on its way.
    if (started_ == slots_.size() && !warm_) warm_.emplace(memory_);
    ask(chunk, slot);
    fit_rows(chunk);
    if (!start(slot)) {
      handover_->wait_for(before.index);
      try {
        start_or_throw(slot);
      } catch (...) {
        rows_ = 0;  // the same chunk begins again, with fewer launches
        throw;
      }
    }
    ++started_;
    handover_->give(slot.index);
  }

  void ask(const ChunkRange& chunk, Slot& slot) const {
    slot.first = chunk.first;
    slot.asked.resize(chunk.count);
    for (std::size_t i = 0; i < chunk.count; ++i) {
      slot.asked[i] = launch_(chunk.first + i);
      check(slot.asked[i], chunk.first + i);
    }
  }

  /// Tensors have the rows of the largest chunk to come, so that each finds the memory of the one before last.
  void fit_rows(const ChunkRange& chunk) {
    if (rows_ >= chunk.count) return;
    for (const ChunkRange& each : chunks(launches_ - chunk.first, chunk.count, fold_below)) {
      rows_ = std::max(rows_, each.count);
    }
  }

  [[nodiscard]] bool start(Slot& slot) {
    try {
      start_or_throw(slot);
      return true;
    } catch (const OutOfMemory&) {    // NOLINT(bugprone-empty-catch): tried again
    } catch (const LimitExceeded&) {  // NOLINT(bugprone-empty-catch)
    }
    return false;
  }

  /// Takes the slot's paths from their start and downloads them.
  void start_or_throw(Slot& slot) {
    try {
      paths_.start(slot.paths, slot.asked, rows_);
      queue(slot);
    } catch (...) {
      paths_.finish();  // what was queued may still read the slot's memory
      paths_.give_back(slot.paths);
      throw;
    }
  }

  /// Takes the slot's paths farther.
  void queue(const Slot& slot) {
    paths_.advance(slot.paths, paths_.host() ? all_attempts : device_attempts, paths_.host() ? 1 : rounds);
    paths_.download(slot.paths, false);
  }

  // --- The writer's thread ---

  [[nodiscard]] bool read(Slot& slot) {
    slot.flights.resize(slot.asked.size());
    return paths_.downloaded(slot.paths,
                             [&](const auto* columns) { return read_flights(columns, std::span(slot.flights)); });
  }

  void write(Slot& slot) {
    if (slot.first != report_.launches) return;  // after a chunk that was not written none is
    while (!read(slot)) queue(slot);
    paths_.give_back(slot.paths);
    sink_.take(slot.first, slot.asked, slot.flights);
    for (const Flight& each : slot.flights) {
      report_.steps += each.steps;
      if (each.ending != Ending::ground) ++report_.out_of_time;
    }
    report_.launches += slot.asked.size();
    ++report_.chunks;
    report_.chunk_launches = std::max(report_.chunk_launches, slot.asked.size());
    losses_.step_forward();
    if (settings_.progress) settings_.progress(report_.launches, launches_);
  }

  // --- The end ---

  void stop() noexcept {
    if (handover_) handover_->finish();
    paths_.finish();
    for (Slot& slot : slots_) paths_.give_back(slot.paths);
  }

  void fill_report() {
    report_.device = paths_.device().facts().name;
    report_.kernels = paths_.kernels();
    report_.real_bits = static_cast<unsigned>(8 * paths_.number_bytes());
  }

  const std::uint64_t launches_;
  const std::function<Launch(std::uint64_t)>& launch_;
  const RunSettings& settings_;
  Sink& sink_;
  MemoryManager& memory_;
  compute::Losses& losses_;
  PathDevice paths_;
  std::array<Slot, 2> slots_;
  std::size_t rows_ = 0;     // of the tensors
  std::size_t started_ = 0;  // chunks
  std::optional<compute::PoolCounts> warm_;
  RunReport& report_;  // each thread writes its own fields
  const std::uint64_t begun_at_;
  std::optional<compute::Handover> handover_;  // to the writer's thread
};

}  // namespace

RunReport run(std::uint64_t launches, const std::function<Launch(std::uint64_t number)>& launch,
              const RunSettings& settings, MemoryManager& memory, Sink& sink) {
  if (launches == 0 || launches > max_launches) {
    throw InvalidArgument("trajectories: the number of launches is " + std::to_string(launches) +
                              ", and has to be from 1 to " + std::to_string(max_launches),
                          {.name = "launches", .limit = max_launches});
  }
  settings.physics.check();
  RunReport report;
  compute::Losses losses(memory);
  const compute::PoolCounts before(memory);
  const std::uint64_t spilled_before = memory.statistics().transfers.bytes_spilled;
  {
    const compute::Timed timed(report.seconds);
    losses.survive([&] { Run(launches, launch, settings, memory, sink, losses, report).go(); });
  }
  const compute::PoolCounts counts = compute::PoolCounts(memory).since(before);
  report.requests = counts.requests;
  report.hits = counts.hits;
  report.driver_calls = counts.driver_calls;
  const ManagerStatistics known = memory.statistics();
  report.memory_high_water = known.pool.reserved.peak;
  report.pinned_high_water = known.transfers.pinned.reserved.peak;
  report.recoveries = losses.recoveries();
  report.lost_bytes = losses.lost_bytes();
  report.spilled_bytes = known.transfers.bytes_spilled - spilled_before;
  return report;
}

}  // namespace weir::trajectory
