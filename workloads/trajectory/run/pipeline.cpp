#include "workloads/trajectory/run/pipeline.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <vector>

#include "compute/handover.hpp"
#include "compute/pool_counts.hpp"
#include "compute/timed.hpp"
#include "workloads/trajectory/run/runners.hpp"

namespace weir::trajectory {
namespace {

constexpr std::chrono::hours patience{24};         // chunks take what they take
constexpr std::size_t max_host_chunk = 4'096;      // stays in a core's caches
constexpr std::size_t max_device_chunk = 131'072;  // fills a GPU
constexpr uint device_attempts = 16, rounds = 8;   // of a GPU: no kernel takes long, and few paths need more of them
constexpr double least_float_tolerance = 1e-4;     // 32-bit numbers tell no less apart at 200 m

/// One of the two sets of columns, and the chunk that is in it.
struct Slot {
  std::size_t index = 0;
  const char* launches_name = "";
  const char* paths_name = "";
  PoolingScope launches, paths;
  Pinned<std::byte> staging;
  std::uint64_t first = 0;
  std::vector<Launch> asked;
  std::vector<Flight> flights;
};

/// Columns of one chunk, in one piece of pooled memory: the one place that takes any.
PoolingScope take_columns(MemoryManager& memory, const char* name, std::size_t bytes, bool downloads, StreamId stream) {
  return memory.scope(name, bytes, {scope_column<std::byte>("columns")}, {.downloads = downloads}, stream);
}

class Run {
 public:
  Run(std::uint64_t launches, const std::function<Launch(std::uint64_t)>& launch, const RunSettings& settings,
      MemoryManager& memory, Sink& sink)
      : launches_(launches),
        launch_(launch),
        settings_(settings),
        sink_(sink),
        memory_(memory),
        device_(memory.device()),
        chosen_(make_runner(device_, settings.threads, settings.kernels, settings.floats)),
        number_bytes_(chosen_.precision == compute::Precision::doubles ? sizeof(double) : sizeof(float)),
        stream_(device_.stream()) {
    report_.tolerance = number_bytes_ == sizeof(double) ? settings.physics.tolerance
                                                        : std::max(settings.physics.tolerance, least_float_tolerance);
    slots_[0].launches_name = "even launches";
    slots_[0].paths_name = "even paths";
    slots_[1].launches_name = "odd launches";
    slots_[1].paths_name = "odd paths";
    slots_[1].index = 1;
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { stop(); }

  RunReport go() {
    const compute::PoolCounts before(memory_);
    {
      const compute::Timed timed(report_.seconds);
      const std::vector<ChunkRange> all = chunks(launches_, chunk_size(), 0);
      report_.chunks = all.size();
      report_.chunk_launches = all.front().count;
      for (Slot& slot : slots_) {
        if (slot.index < all.size()) slot.staging = memory_.pinned<std::byte>(bytes(launch_columns, all.front().count));
      }
      std::optional<compute::PoolCounts> warm;
      handover_.emplace(slots_.size(), [this](std::size_t slot) { write(slots_.at(slot)); });
      for (std::size_t i = 0; i < all.size(); ++i) {
        Slot& slot = slots_[i % slots_.size()];
        handover_->wait_for(slot.index);
        // The third chunk begins once the first is written and the second is on its way.
        if (i == slots_.size()) warm.emplace(memory_);
        start(all[i], slot);
      }
      stop();
      handover_->check();
      if (warm) report_.driver_calls_after_second_chunk = compute::PoolCounts(memory_).since(*warm).driver_calls;
    }
    fill_report(before);
    return report_;
  }

 private:
  [[nodiscard]] std::size_t bytes(uint columns, std::size_t launches) const {
    return columns * launches * number_bytes_;
  }

  [[nodiscard]] std::size_t chunk_size() const {
    const bool host = device_.facts().backend == BackendKind::host;
    std::size_t chunk = settings_.chunk;
    if (chunk == 0) {
      chunk = std::min(automatic_chunk(memory_.pool(), 2 * bytes(launch_columns + path_columns, 1)),
                       host ? max_host_chunk : max_device_chunk);
    }
    return std::min<std::size_t>(chunk, launches_);
  }

  void start(const ChunkRange& chunk, Slot& slot) {
    slot.first = chunk.first;
    slot.asked.resize(chunk.count);
    for (std::size_t i = 0; i < chunk.count; ++i) {
      slot.asked[i] = launch_(chunk.first + i);
      check(slot.asked[i], chunk.first + i);
    }
    if (number_bytes_ == sizeof(double)) {
      fill_columns(slot.asked, reinterpret_cast<double*>(slot.staging.data()));
    } else {
      fill_columns(slot.asked, reinterpret_cast<float*>(slot.staging.data()));
    }
    // Of the same size for every chunk, so that the pool has the memory of the one before last.
    slot.launches = take_columns(memory_, slot.launches_name, slot.staging.size(), false, stream_);
    slot.paths = take_columns(memory_, slot.paths_name, bytes(path_columns, report_.chunk_launches), true, stream_);
    memory_.start_upload(slot.launches.memory(),
                         std::span<const std::byte>(slot.staging.data(), bytes(launch_columns, chunk.count)), stream_);
    queue(slot, true);
    handover_->give(slot.index);
  }

  /// Takes the slot's paths farther, or from their start, and downloads them.
  void queue(Slot& slot, bool from_start) {
    const bool host = device_.facts().backend == BackendKind::host;
    const auto count = static_cast<uint>(slot.asked.size());
    const Parameters parameters{.count = count,
                                .attempts = host ? 0xffffffffU : device_attempts,
                                .drag = settings_.physics.drag ? 1U : 0U,
                                .lift = settings_.physics.lift ? 1U : 0U,
                                .tolerance = static_cast<float>(report_.tolerance)};
    std::vector<compute::Step<Body, Parameters>> plan;
    if (from_start) plan.push_back({Body::launch, count, parameters});
    plan.insert(plan.end(), host ? 1 : rounds, {Body::advance, count, parameters});
    const std::array<DeviceSpan<std::byte>, 2> bindings{slot.launches.memory().access(stream_),
                                                        slot.paths.memory().access(stream_)};
    {
      const std::lock_guard lock(queueing_);
      chosen_.runner->queue(plan, bindings, stream_);
    }
    memory_.start_download(slot.paths.memory(), stream_, {.snapshot = false});
  }

  // --- The writer's thread ---

  [[nodiscard]] bool read(Slot& slot) {
    const std::byte* const columns = memory_.wait_for_download(slot.paths.memory(), patience).data();
    slot.flights.resize(slot.asked.size());
    return number_bytes_ == sizeof(double) ? read_flights(reinterpret_cast<const double*>(columns), slot.flights)
                                           : read_flights(reinterpret_cast<const float*>(columns), slot.flights);
  }

  void write(Slot& slot) {
    while (!read(slot)) queue(slot, false);
    slot.launches = {};
    slot.paths = {};
    for (const Flight& each : slot.flights) {
      report_.steps += each.steps;
      if (each.ending != Ending::ground) ++report_.out_of_time;
    }
    sink_.take(slot.first, slot.asked, slot.flights);
    report_.launches += slot.asked.size();
    if (settings_.progress) settings_.progress(report_.launches, launches_);
  }

  // --- The end ---

  void stop() noexcept {
    if (handover_) handover_->finish();
    try {
      device_.synchronize(stream_, patience);  // what is queued uses this object
    } catch (const Error&) {
      return;  // a lost device runs nothing any more
    }
  }

  void fill_report(const compute::PoolCounts& before) {
    const compute::PoolCounts counts = compute::PoolCounts(memory_).since(before);
    report_.requests = counts.requests;
    report_.hits = counts.hits;
    report_.driver_calls = counts.driver_calls;
    report_.device = device_.facts().name;
    report_.kernels = chosen_.runner->name();
    report_.real_bits = static_cast<unsigned>(8 * number_bytes_);
    const ManagerStatistics known = memory_.statistics();
    report_.memory_high_water = known.pool.reserved.peak;
    report_.pinned_high_water = known.transfers.pinned.reserved.peak;
  }

  const std::uint64_t launches_;
  const std::function<Launch(std::uint64_t)>& launch_;
  const RunSettings& settings_;
  Sink& sink_;
  MemoryManager& memory_;
  Device device_;
  ChosenRunner chosen_;
  std::size_t number_bytes_;  // of each number in the columns
  Stream stream_;
  std::mutex queueing_;  // a runner is for one thread at a time
  std::array<Slot, 2> slots_;
  RunReport report_;                           // each thread writes its own fields
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
  return Run(launches, launch, settings, memory, sink).go();
}

}  // namespace weir::trajectory
