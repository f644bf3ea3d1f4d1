#include "workloads/lidar/run/pipeline.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <optional>

#include "compute/handover.hpp"
#include "compute/losses.hpp"
#include "compute/timed.hpp"
#include "workloads/lidar/run/chunk_computer.hpp"
#include "workloads/lidar/run/far_queries.hpp"
#include "workloads/lidar/run/halos.hpp"
#include "workloads/lidar/run/partition.hpp"
#include "workloads/lidar/run/run_plan.hpp"
#include "workloads/lidar/run/wide_chunk.hpp"

namespace weir::lidar {
namespace {

constexpr std::size_t max_chunk = 500'000;  // larger ones gain nothing and leave the caches
constexpr std::chrono::hours patience{24};  // chunks take what they take

/// One of the two sets of buffers, and the chunk that is in it.
struct Slot {
  std::string name;
  PoolingScope input, output;
  Pinned<std::byte> staging;
  const Chunk* chunk = nullptr;
  std::size_t index = 0;
  ChunkJob job;
};

/// What a run has come to, on the host: a loss of the device takes none of it.
struct Reached {
  std::optional<Partition> partition;
  Halos halos;
  std::size_t chunks = 0;  ///< written, the first of the partition
  std::uint64_t points = 0;
  std::vector<FarQuery> far;  ///< the writer's, until it has ended
  std::uint64_t allocations = 0, reuses = 0;
  RunReport report;  ///< each stage writes its own fields
};

/// A run on one device, from what was reached on.
class Run {
 public:
  Run(const Cloud& cloud, const RunSettings& settings, MemoryManager& memory, Sink& sink, compute::Losses& losses,
      Reached& reached)
      : cloud_(cloud),
        settings_(settings),
        sink_(sink),
        losses_(losses),
        compute_(compute_settings(cloud, settings)),
        memory_(memory),
        device_(memory.device()),
        computer_(make_computer(memory_, compute_)),
        reached_(reached),
        report_(reached.report),
        partition_(make_partition()),
        compute_stream_(device_.stream()),
        upload_stream_(device_.facts().backend == BackendKind::host ? device_.stream() : compute_stream_) {
    slots_[0].name = "even";
    slots_[1].name = "odd";
    slots_[1].index = 1;
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { stop(); }

  /// Takes the memory that chunks need, and does nothing with it.
  void try_memory() {
    size_halos();
    prepare_all(true);
  }

  void go() {
    report_.points = cloud_.points();
    {
      const compute::Timed timed(report_.total.seconds);
      size_halos();
      const std::size_t first = reached_.chunks;
      calls_after_first_ = memory_calls();
      // Both sets up front, so that no chunk after that asks the driver for anything.
      if (settings_.reuse && first != partition_.chunks().size()) prepare_all(partition_.chunks().size() > 1);
      handover_.emplace(slots_.size(), [this](std::size_t slot) { write(slots_.at(slot)); });
      for (std::size_t i = first; i < partition_.chunks().size(); ++i) {
        Slot& slot = slots_[(i - first) % slots_.size()];
        start(partition_.chunks()[i], slot);
        if (!settings_.overlap) handover_->wait_for(slot.index);
        if (i == first) after_first(slots_[0]);
      }
      stop();
      handover_->check();
      finish();
    }
    fill_report();
  }

 private:
  void prepare_all(bool downloads) {
    const std::span<Slot> used(slots_.data(), std::min(partition_.chunks().size(), slots_.size()));
    for (Slot& slot : used) prepare(slot);
    // Twice, as pools cache a large size once it was asked for again, and as downloads have two places in turn in
    // pinned memory, which the first of each makes: not worth it for a single chunk, of which there is one download.
    const std::span<Slot> downloaded = downloads ? used : std::span<Slot>();
    for (int twice = 0; twice < 2; ++twice) {
      for (std::size_t i = 0; i < used.size(); ++i) static_cast<void>(make_workspace());
      for (Slot& slot : downloaded) {
        memory_.start_download(slot.output.memory(), compute_stream_, {.snapshot = false});
      }
      for (Slot& slot : downloaded) {
        static_cast<void>(memory_.wait_for_download(slot.output.memory(), patience));
      }
    }
  }

  /// That which was reached, unless its chunks are too large here: then the run begins again, and writes the same.
  const Partition& make_partition() {
    if (reached_.partition && reached_.partition->largest_chunk() <= computer_->max_queries())
      return *reached_.partition;
    reached_.chunks = reached_.points = 0;
    reached_.far.clear();
    report_.coincident = 0;
    std::size_t chunk = settings_.chunk;
    if (chunk == 0) {
      // Two sets of buffers and one workspace; halos make a chunk about a fifth larger, sparse ones twice.
      const std::uint64_t input = bytes_of(input_features(settings_.features, cloud_.wide()));
      const std::uint64_t each =
          2 * (2 * input + bytes_of(computer_->output_features())) + 2 * bytes_of(computer_->workspace_features());
      chunk = std::min(automatic_chunk(memory_.pool(), each), max_chunk);
    }
    chunk = std::min(chunk, computer_->max_queries());
    const compute::Timed timed(report_.read.seconds);
    const compute::Timed in_all(report_.total.seconds);
    reached_.halos = {};
    return reached_.partition.emplace(cloud_, chunk, settings_.scratch, compute_.threads);
  }

  /// Buffers are for the largest chunk with its halo, so that none has to grow.
  void size_halos() {
    if (!reached_.halos.regions.empty()) return;
    const compute::Timed timed(report_.read.seconds);
    reached_.halos = find_halos(cloud_, partition_, compute_);
  }

  void start(const Chunk& chunk, Slot& slot) {
    handover_->wait_for(slot.index);
    prepare(slot);
    slot.chunk = &chunk;
    {
      const compute::Timed timed(report_.read.seconds);
      read(slot);
    }
    compute(slot);
    memory_.start_download(slot.output.memory(), compute_stream_, {.snapshot = false});
    handover_->give(slot.index);
  }

  void prepare(Slot& slot) {
    const compute::Timed timed(report_.allocation_seconds);
    if (!settings_.reuse) release(slot);
    if (slot.input.capacity() == 0) {
      const auto features = input_features(settings_.features, cloud_.wide());
      slot.input = memory_.scope(slot.name + " input", reached_.halos.max_points, features, {}, compute_stream_);
      slot.output = memory_.scope(slot.name + " output", partition_.largest_chunk(), computer_->output_features(),
                                  {.downloads = true}, compute_stream_);
      slot.staging = memory_.pinned<std::byte>(PoolingScope::bytes(reached_.halos.max_points, features));
    }
  }

  void release(Slot& slot) {
    count(slot.input);
    count(slot.output);
    slot.input = {};
    slot.output = {};
    slot.staging = {};
  }

  /// Brings the chunk's points and its halo's into the staging memory.
  [[nodiscard]] ChunkJob read_points(Slot& slot) const {
    const KnownRegion& region =
        reached_.halos.regions[static_cast<std::size_t>(slot.chunk - partition_.chunks().data())];
    std::byte* const to = slot.staging.data() + slot.input.offset("points");
    const std::span<const Point> own = partition_.points(*slot.chunk);
    std::size_t count = own.size();
    if (cloud_.wide()) {
      auto* const points = reinterpret_cast<WidePoint*>(to);
      std::ranges::transform(own, points, [&](const Point& point) { return cloud_.exact(point.id); });
      partition_.visit_halo(*slot.chunk, region, [&](const Point& point) { points[count++] = cloud_.exact(point.id); });
      return settle({points, count}, own.size(), in_units(region, cloud_.cell_bits()), compute_.search);
    }
    auto* const points = reinterpret_cast<Point*>(to);
    std::ranges::copy(own, points);
    partition_.visit_halo(*slot.chunk, region, [&](const Point& point) { points[count++] = point; });
    return {.points = {points, count}, .wide = {}, .queries = own.size(), .known = region};
  }

  /// Fills the staging memory with the chunk and its halo, and sends it to the device.
  void read(Slot& slot) {
    slot.job = read_points(slot);
    const std::size_t count = slot.job.count();
    std::byte* const staging = slot.staging.data();
    slot.input.begin_chunk(count);
    slot.output.begin_chunk(slot.job.queries);
    send(slot, "points", slot.job.bytes().size());
    if (settings_.features.needs_colours()) {
      auto* const colours = reinterpret_cast<std::uint16_t*>(staging + slot.input.offset("colours"));
      for (std::size_t i = 0; i < count; ++i) cloud_.colours(slot.job.id(i), colours + 4 * i);
      send(slot, "colours", count * 4 * sizeof(std::uint16_t));
    }
    if (settings_.features.needs_classes()) {
      auto* const classes = reinterpret_cast<std::uint8_t*>(staging + slot.input.offset("classes"));
      for (std::size_t i = 0; i < count; ++i) classes[i] = cloud_.classification(slot.job.id(i));
      send(slot, "classes", count);
    }
    if (upload_stream_.id() != compute_stream_.id()) device_.synchronize(upload_stream_, patience);
  }

  void send(Slot& slot, std::string_view feature, std::size_t bytes) {
    const std::size_t offset = slot.input.offset(feature);
    memory_.start_upload(slot.input.memory(), std::span<const std::byte>(slot.staging.data() + offset, bytes),
                         upload_stream_, {.offset = offset});
  }

  void compute(Slot& slot) {
    PoolingScope workspace = make_workspace();
    workspace.begin_chunk(computer_->workspace_elements(slot.job.count()));
    computer_->queue(slot.index, slot.job, {slot.input, workspace, slot.output}, compute_stream_);
    const compute::Timed timed(report_.allocation_seconds);
    workspace = {};  // in the order of the stream: the next chunk gets the same block
  }

  [[nodiscard]] PoolingScope make_workspace() {
    const compute::Timed timed(report_.allocation_seconds);
    return memory_.scope("workspace", computer_->workspace_elements(reached_.halos.max_points),
                         computer_->workspace_features(), {}, compute_stream_);
  }

  // --- The writer's thread ---

  void write(Slot& slot) {
    // After a chunk that was not written none is, so that what is written is known by a number.
    if (slot.chunk != &partition_.chunks()[reached_.chunks]) return;
    const std::span<const std::byte> bytes = memory_.wait_for_download(slot.output.memory(), patience);
    const Computed done = computer_->finish(slot.index, slot.output, bytes);
    report_.compute.seconds += done.seconds;
    report_.compute_processor_seconds += done.processor_seconds;
    const compute::Timed timed(report_.write.seconds);
    const std::byte* const at = bytes.data();
    FeatureRows rows{{reinterpret_cast<const std::uint32_t*>(at + slot.output.offset("ids")), slot.job.queries}, {}};
    for (const Feature feature : settings_.features.features()) {
      rows.columns.push_back(reinterpret_cast<const float*>(at + slot.output.offset(name(feature))));
    }
    sink_.take(rows);
    report_.coincident += done.result.coincident;
    const std::span<const Point> own = partition_.points(*slot.chunk);
    for (const Unfinished& each : done.result.unfinished) {
      reached_.far.push_back({own[each.input], reach_in_cells(each.reach, cloud_.cell_bits())});
    }
    ++reached_.chunks;
    reached_.points += slot.job.queries;
    losses_.step_forward();
    if (settings_.progress) settings_.progress(reached_.points, cloud_.points());
  }

  // --- The end ---

  void stop() noexcept {
    if (handover_) handover_->finish();
    try {
      device_.synchronize(compute_stream_, patience);  // what is queued uses this object
    } catch (const Error&) {
      return;  // a lost device runs nothing any more
    }
  }

  void after_first(Slot& slot) {
    handover_->wait_for(slot.index);
    calls_after_first_ = memory_calls();
  }

  /// Calls into the driver about memory. On a GPU all work is calls, so those are counted that took or mapped some.
  [[nodiscard]] std::uint64_t memory_calls() const {
    const ManagerStatistics known = memory_.statistics();
    if (device_.facts().backend == BackendKind::host) return known.pool.driver_calls;
    return known.pool.misses + known.pool.page_maps + known.transfers.pinned.misses + known.transfers.pinned.page_maps;
  }

  void finish() {
    report_.beyond_halo = reached_.far.size();
    report_.driver_calls_after_first_chunk = memory_calls() - calls_after_first_;
    {
      const compute::Timed timed(report_.allocation_seconds);
      for (Slot& slot : slots_) release(slot);  // the far queries need memory too
    }
    if (reached_.far.empty()) return;
    const compute::Timed timed(report_.compute.seconds);
    const FarRun run{cloud_, partition_, compute_, *computer_, memory_, compute_stream_, reached_.halos.max_points};
    report_.coincident += finish_far_queries(run, reached_.far, sink_);
  }

  void count(const PoolingScope& scope) {
    if (scope.capacity() == 0) return;
    const ScopeStatistics known = scope.statistics();
    reached_.allocations += known.allocations;
    reached_.reuses += known.reuses;
    if (settings_.reuse) report_.scopes += known.summary() + "\n";
  }

  void fill_report() {
    const ManagerStatistics known = memory_.statistics();
    report_.chunks = partition_.chunks().size();
    report_.chunk_points = partition_.largest_chunk();
    report_.device = device_.facts().name;
    report_.kernel = computer_->name();
    report_.threads = compute_.threads;
    report_.memory_high_water = known.pool.reserved.peak;
    report_.pinned_high_water = known.transfers.pinned.reserved.peak;
    const std::uint64_t all = reached_.allocations + reached_.reuses;
    report_.reuse_rate = all == 0 ? 0.0 : static_cast<double>(reached_.reuses) / static_cast<double>(all);
    report_.hit_rate = known.pool.hit_rate();
    report_.fragmentation = 1.0 - known.pool.utilization();
    report_.height = height_rule(compute_);
  }

  const Cloud& cloud_;
  const RunSettings& settings_;
  Sink& sink_;
  compute::Losses& losses_;
  ComputeSettings compute_;
  MemoryManager& memory_;
  Device device_;
  std::unique_ptr<ChunkComputer> computer_;
  Reached& reached_;
  RunReport& report_;
  const Partition& partition_;
  Stream compute_stream_;
  Stream upload_stream_;  // the same on GPUs, where copies run in its order and nothing waits for them here
  std::array<Slot, 2> slots_;
  std::uint64_t calls_after_first_ = 0;
  std::optional<compute::Handover> handover_;  // to the writer's thread
};

}  // namespace

RunReport run(const Cloud& cloud, const RunSettings& settings, MemoryManager& memory, Sink& sink) {
  Reached reached;
  compute::Losses losses(memory);
  const std::uint64_t spilled_before = memory.statistics().transfers.bytes_spilled;
  losses.survive([&] { Run(cloud, settings, memory, sink, losses, reached).go(); });
  reached.report.recoveries = losses.recoveries();
  reached.report.lost_bytes = losses.lost_bytes();
  reached.report.spilled_bytes = memory.statistics().transfers.bytes_spilled - spilled_before;
  return reached.report;
}

void check(const Cloud& cloud, const RunSettings& settings, MemoryManager& memory) {
  class : public Sink {
    void take(const FeatureRows&) override {}
  } none;
  Reached reached;
  compute::Losses losses(memory);
  losses.survive([&] { Run(cloud, settings, memory, none, losses, reached).try_memory(); });
}

}  // namespace weir::lidar
