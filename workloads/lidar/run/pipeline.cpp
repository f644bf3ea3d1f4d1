#include "workloads/lidar/run/pipeline.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <optional>

#include "compute/handover.hpp"
#include "compute/timed.hpp"
#include "workloads/lidar/run/chunk_computer.hpp"
#include "workloads/lidar/run/far_queries.hpp"
#include "workloads/lidar/run/halos.hpp"
#include "workloads/lidar/run/partition.hpp"
#include "workloads/lidar/run/remedies.hpp"
#include "workloads/lidar/run/run_plan.hpp"
#include "workloads/lidar/run/slot.hpp"
#include "workloads/lidar/run/smaller_chunks.hpp"
#include "workloads/lidar/run/station.hpp"
#include "workloads/lidar/run/wide_chunk.hpp"

namespace weir::lidar {
namespace {

constexpr std::size_t max_chunk = 500'000;  // larger ones gain nothing and leave the caches

class Run {
 public:
  Run(const Cloud& cloud, const RunSettings& settings, MemoryManager& memory, Sink& sink)
      : cloud_(cloud),
        settings_(settings),
        sink_(sink),
        compute_(compute_settings(cloud, settings)),
        at_(std::make_unique<Station>(memory, compute_)),
        partition_(make_partition()),
        remedies_(at_->kernels, at_->uploads) {
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

  RunReport go() {
    report_.points = cloud_.points();
    {
      const compute::Timed timed(report_.total.seconds);
      size_halos();
      // Both sets up front, so that no chunk after that asks the driver for anything.
      if (settings_.reuse) prepare_all(partition_.chunks().size() > 1);
      handover_.emplace(slots_.size(), [this](std::size_t slot) { write(slots_.at(slot)); });
      for (std::size_t i = 0; i < partition_.chunks().size(); ++i) {  // which may be more after a remedy
        while (const auto order = remedies_.due()) remedies_.done(carry_out(*order, i), i);
        Slot& slot = slots_[i % slots_.size()];
        start(i, slot);
        if (!overlap_) handover_->wait_for(slot.index);
        if (i == 0) after_first(slots_[0]);
      }
      stop();
      handover_->check();
      finish();
    }
    report_.total.seconds += partition_seconds_;
    report_.read.seconds += partition_seconds_;
    fill_report();
    return report_;
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
        at_->memory.start_download(slot.output.memory(), at_->kernels, {.snapshot = false});
      }
      for (Slot& slot : downloaded) {
        static_cast<void>(at_->memory.wait_for_download(slot.output.memory(), patience));
      }
    }
  }

  Partition make_partition() {
    std::size_t chunk = settings_.chunk;
    if (chunk == 0) {
      // Two sets of buffers and one workspace; halos make a chunk about a fifth larger, sparse ones twice.
      const std::uint64_t input = bytes_of(input_features(settings_.features, cloud_.wide()));
      const std::uint64_t each = 2 * (2 * input + bytes_of(at_->computer->output_features())) +
                                 2 * bytes_of(at_->computer->workspace_features());
      chunk = std::min(automatic_chunk(at_->memory.pool(), each), max_chunk);
    }
    chunk = std::min(chunk, at_->computer->max_queries());
    const compute::Timed timed(partition_seconds_);
    return {cloud_, chunk, settings_.scratch, compute_.threads};
  }

  /// Buffers are for the largest chunk with its halo, so that none has to grow.
  void size_halos() {
    const compute::Timed timed(report_.read.seconds);
    halos_ = find_halos(cloud_, partition_, compute_);
    max_queries_ = partition_.largest_chunk();
  }

  void start(std::size_t number, Slot& slot) {
    handover_->wait_for(slot.index);
    prepare(slot);
    slot.chunk = partition_.chunks()[number];
    slot.number = number;
    {
      const compute::Timed timed(report_.read.seconds);
      read(slot);
    }
    slot.kernels.start(at_->device, at_->kernels);
    compute(slot);
    slot.kernels.stop(at_->device, at_->kernels);
    at_->memory.start_download(slot.output.memory(), at_->kernels, {.snapshot = false});
    handover_->give(slot.index);
  }

  void prepare(Slot& slot) {
    const compute::Timed timed(report_.allocation_seconds);
    if (!settings_.reuse) release(slot);
    if (slot.input.capacity() == 0) {
      const auto features = input_features(settings_.features, cloud_.wide());
      slot.input = at_->memory.scope(slot.name + " input", halos_.max_points, features, {}, at_->kernels);
      slot.output = at_->memory.scope(slot.name + " output", max_queries_, at_->computer->output_features(),
                                      {.downloads = true}, at_->kernels);
      slot.staging = at_->memory.pinned<std::byte>(PoolingScope::bytes(halos_.max_points, features));
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
    const KnownRegion& region = halos_.regions[slot.number];
    std::byte* const to = slot.staging.data() + slot.input.offset("points");
    const std::span<const Point> own = partition_.points(slot.chunk);
    std::size_t count = own.size();
    if (cloud_.wide()) {
      auto* const points = reinterpret_cast<WidePoint*>(to);
      std::ranges::transform(own, points, [&](const Point& point) { return cloud_.exact(point.id); });
      partition_.visit_halo(slot.chunk, region, [&](const Point& point) { points[count++] = cloud_.exact(point.id); });
      return settle({points, count}, own.size(), in_units(region, cloud_.cell_bits()), compute_.search);
    }
    auto* const points = reinterpret_cast<Point*>(to);
    std::ranges::copy(own, points);
    partition_.visit_halo(slot.chunk, region, [&](const Point& point) { points[count++] = point; });
    return {.points = {points, count}, .wide = {}, .queries = own.size(), .known = region};
  }

  /// Fills the staging memory with the chunk and its halo, and sends it to the device.
  void read(Slot& slot) {
    slot.job = read_points(slot);
    slot.work = expected_work(cloud_, compute_, slot.chunk, slot.job.count());
    slot.input.begin_chunk(slot.job.count());
    slot.output.begin_chunk(slot.job.queries);
    const FeatureSet& features = settings_.features;
    const std::size_t colours = features.needs_colours() ? stage_colours(slot, cloud_) : 0;
    const std::size_t classes = features.needs_classes() ? stage_classes(slot, cloud_) : 0;
    if (at_->times_uploads()) slot.uploads.start(at_->device, at_->uploads);
    send(slot, "points", slot.job.bytes().size());
    if (colours != 0) send(slot, "colours", colours);
    if (classes != 0) send(slot, "classes", classes);
    if (at_->times_uploads()) slot.uploads.stop(at_->device, at_->uploads);
    if (at_->uploads.id() != at_->kernels.id()) at_->device.synchronize(at_->uploads, patience);
  }

  void send(Slot& slot, std::string_view feature, std::size_t bytes) {
    const std::size_t offset = slot.input.offset(feature);
    at_->memory.start_upload(slot.input.memory(), std::span<const std::byte>(slot.staging.data() + offset, bytes),
                             at_->uploads, {.offset = offset});
  }

  void compute(Slot& slot) {
    PoolingScope workspace = make_workspace();
    workspace.begin_chunk(at_->computer->workspace_elements(slot.job.count()));
    at_->computer->queue(slot.index, slot.job, {slot.input, workspace, slot.output}, at_->kernels);
    const compute::Timed timed(report_.allocation_seconds);
    workspace = {};  // in the order of the stream: the next chunk gets the same block
  }

  [[nodiscard]] PoolingScope make_workspace() {
    const compute::Timed timed(report_.allocation_seconds);
    return at_->memory.scope("workspace", at_->computer->workspace_elements(halos_.max_points),
                             at_->computer->workspace_features(), {}, at_->kernels);
  }

  // --- What is done about a slow device, before chunk `next` is begun ---

  /// Whether it could be done.
  bool carry_out(const Remedies::Order& order, std::size_t next) {
    switch (order.remedy) {
      case Remedy::smaller_chunks:
        if (!order.undo) return smaller_.take(next);
        smaller_.undo(next);
        return true;
      case Remedy::fewer_streams: return use_streams(!order.undo);
      case Remedy::next_device: return order.undo ? go_back() : go_over();
    }
    return false;
  }

  /// Nothing is queued, and no buffer is there.
  void clear() {
    for (const Slot& slot : slots_) handover_->wait_for(slot.index);
    at_->come_to_rest();
    const compute::Timed timed(report_.allocation_seconds);
    for (Slot& slot : slots_) release(slot);
  }

  bool use_streams(bool one) {
    clear();
    overlap_ = settings_.overlap && !one;
    one ? at_->use_one_stream() : at_->use_own_streams();
    prepare_slots();
    return true;
  }

  /// All buffers at once, while nothing is queued: later a buffer might get what a chunk's workspace was, which work in
  /// the order of one stream uses still, and be written on another.
  void prepare_slots() {
    for (Slot& slot : slots_) prepare(slot);
  }

  /// The rest of the run is the station's.
  void move_to(std::unique_ptr<Station>& station) {
    clear();
    report_.driver_calls_after_first_chunk += at_->memory_calls() - calls_after_first_;
    note_high_water();
    std::swap(at_, station);
    prepare_slots();
    calls_after_first_ = at_->memory_calls();
  }

  bool go_over() {
    MemoryManager* const other = settings_.next_device ? settings_.next_device() : nullptr;
    if (other == nullptr) return false;
    try {
      left_ = std::make_unique<Station>(*other, compute_);
      if (left_->computer->max_queries() < max_queries_) return false;
      move_to(left_);
      remedies_.begin_device(at_->kernels, at_->uploads);
      return true;
    } catch (const Error&) {
      if (left_ && &left_->memory != other) move_to(left_);  // it has no memory for this, or is gone
      return false;
    }
  }

  bool go_back() {
    move_to(left_);
    remedies_.begin_device(at_->kernels, at_->uploads);
    return true;
  }

  // --- The writer's thread ---

  void write(Slot& slot) {
    const std::span<const std::byte> bytes = at_->memory.wait_for_download(slot.output.memory(), patience);
    const Computed done = at_->computer->finish(slot.index, slot.output, bytes);
    note_pace(slot, done.lost_seconds);
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
    const std::span<const Point> own = partition_.points(slot.chunk);
    for (const Unfinished& each : done.result.unfinished) {
      far_.push_back({own[each.input], reach_in_cells(each.reach, cloud_.cell_bits())});
    }
    written_ += slot.job.queries;
    if (settings_.progress) settings_.progress(written_, cloud_.points());
  }

  void note_pace(const Slot& slot, double lost_seconds) {
    const auto note = [&](Remedies::Stage stage, std::chrono::nanoseconds took, double work) {
      const std::string told = remedies_.note(
          {.stage = stage, .number = slot.number, .points = slot.job.queries, .work = work, .duration = took});
      if (!told.empty() && settings_.told) settings_.told(told);
    };
    const std::chrono::nanoseconds lost(static_cast<std::chrono::nanoseconds::rep>(1e9 * lost_seconds));
    note(Remedies::Stage::kernels, std::max(slot.kernels.passed() - lost, std::chrono::nanoseconds(0)), slot.work);
    if (!at_->times_uploads()) return;
    note(Remedies::Stage::uploads, slot.uploads.passed(), static_cast<double>(slot.job.count()));
  }

  // --- The end ---

  void stop() noexcept {
    if (handover_) handover_->finish();
    at_->come_to_rest();  // what is queued uses this object
  }

  void after_first(Slot& slot) {
    handover_->wait_for(slot.index);
    calls_after_first_ = at_->memory_calls();
  }

  void finish() {
    report_.beyond_halo = far_.size();
    report_.driver_calls_after_first_chunk += at_->memory_calls() - calls_after_first_;
    {
      const compute::Timed timed(report_.allocation_seconds);
      for (Slot& slot : slots_) release(slot);  // the far queries need memory too
    }
    if (far_.empty()) return;
    const compute::Timed timed(report_.compute.seconds);
    const FarRun run{cloud_, partition_, compute_, *at_->computer, at_->memory, at_->kernels, halos_.max_points};
    report_.coincident += finish_far_queries(run, std::move(far_), sink_);
  }

  void count(const PoolingScope& scope) {
    if (scope.capacity() == 0) return;
    const ScopeStatistics known = scope.statistics();
    allocations_ += known.allocations;
    reuses_ += known.reuses;
    if (settings_.reuse) report_.scopes += known.summary() + "\n";
  }

  void note_high_water() {
    const ManagerStatistics known = at_->memory.statistics();
    report_.memory_high_water = std::max(report_.memory_high_water, known.pool.reserved.peak);
    report_.pinned_high_water = std::max(report_.pinned_high_water, known.transfers.pinned.reserved.peak);
  }

  void fill_report() {
    const ManagerStatistics known = at_->memory.statistics();
    report_.chunks = partition_.chunks().size();
    report_.chunk_points = max_queries_;
    report_.device = at_->device.facts().name;
    report_.kernel = at_->computer->name();
    report_.threads = compute_.threads;
    report_.pace = remedies_.report();
    note_high_water();
    const std::uint64_t all = allocations_ + reuses_;
    report_.reuse_rate = all == 0 ? 0.0 : static_cast<double>(reuses_) / static_cast<double>(all);
    report_.hit_rate = known.pool.hit_rate();
    report_.fragmentation = 1.0 - known.pool.utilization();
    report_.height = height_rule(compute_);
  }

  const Cloud& cloud_;
  const RunSettings& settings_;
  Sink& sink_;
  ComputeSettings compute_;
  std::unique_ptr<Station> at_, left_;  // where it runs, and where it ran before it went over to another device
  double partition_seconds_ = 0;
  Partition partition_;
  Remedies remedies_;
  bool overlap_ = settings_.overlap;
  std::array<Slot, 2> slots_;
  Halos halos_;
  SmallerChunks smaller_{cloud_, compute_, partition_, halos_};
  std::size_t max_queries_ = 0;
  std::uint64_t allocations_ = 0, reuses_ = 0, calls_after_first_ = 0, written_ = 0;
  std::vector<FarQuery> far_;                  // the writer's, until it has ended
  RunReport report_;                           // each stage writes its own fields
  std::optional<compute::Handover> handover_;  // to the writer's thread
};

}  // namespace

RunReport run(const Cloud& cloud, const RunSettings& settings, MemoryManager& memory, Sink& sink) {
  return Run(cloud, settings, memory, sink).go();
}

void check(const Cloud& cloud, const RunSettings& settings, MemoryManager& memory) {
  class : public Sink {
    void take(const FeatureRows&) override {}
  } none;
  Run(cloud, settings, memory, none).try_memory();
}

}  // namespace weir::lidar
