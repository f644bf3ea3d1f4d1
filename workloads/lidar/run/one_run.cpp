#include "workloads/lidar/run/one_run.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "compute/timed.hpp"
#include "workloads/lidar/run/chunk_computer.hpp"
#include "workloads/lidar/run/run_plan.hpp"
#include "workloads/lidar/run/wide_chunk.hpp"

namespace weir::lidar {
namespace {

constexpr std::size_t max_chunk = 500'000;  // larger ones gain nothing and leave the caches

}  // namespace

Run::Run(const Cloud& cloud, const RunSettings& settings, MemoryManager& memory, Sink& sink, compute::Losses& losses,
         Reached& reached)
    : cloud_(cloud),
      settings_(settings),
      sink_(sink),
      losses_(losses),
      compute_(compute_settings(cloud, settings)),
      memory_(memory),
      at_(std::make_unique<Station>(memory, compute_)),
      reached_(reached),
      report_(reached.report),
      partition_(make_partition()),
      remedies_(at_->kernels, at_->uploads) {
  slots_[0].name = "even";
  slots_[1].name = "odd";
  slots_[1].index = 1;
}

void Run::try_memory() {
  size_halos();
  prepare_all(true);
}

void Run::go() {
  try {
    go_through();
  } catch (...) {
    keep_pace();
    throw;
  }
  keep_pace();
}

void Run::go_through() {
  report_.points = cloud_.points();
  {
    const compute::Timed timed(report_.total.seconds);
    size_halos();
    const std::size_t first = reached_.chunks;
    calls_after_first_ = at_->memory_calls();
    // Both sets up front, so that no chunk after that asks the driver for anything.
    if (settings_.reuse && first != partition_.chunks().size()) prepare_all(partition_.chunks().size() > 1);
    handover_.emplace(slots_.size(), [this](std::size_t slot) { write(slots_.at(slot)); });
    // There may be more of them after a remedy.
    for (std::size_t i = first; i < partition_.chunks().size(); ++i) {
      while (const auto order = remedies_.due()) remedies_.done(carry_out(*order, i), i);
      Slot& slot = slots_[(i - first) % slots_.size()];
      start(i, slot);
      if (!overlap_) handover_->wait_for(slot.index);
      if (i == first) after_first(slots_[0]);
    }
    stop();
    handover_->check();
    finish();
  }
  fill_report();
}

void Run::prepare_all(bool downloads) {
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

Partition& Run::make_partition() {
  if (reached_.partition && reached_.partition->largest_chunk() <= at_->computer->max_queries()) {
    return *reached_.partition;
  }
  reached_.chunks = reached_.points = 0;
  reached_.far.clear();
  report_.coincident = 0;
  std::size_t chunk = settings_.chunk;
  if (chunk == 0) {
    // Two sets of buffers and one workspace; halos make a chunk about a fifth larger, sparse ones twice.
    const std::uint64_t input = bytes_of(input_features(settings_.features, cloud_.wide()));
    const std::uint64_t each = 2 * (2 * input + bytes_of(at_->computer->output_features())) +
                               2 * bytes_of(at_->computer->workspace_features());
    chunk = std::min(automatic_chunk(at_->memory.pool(), each), max_chunk);
  }
  chunk = std::min(chunk, at_->computer->max_queries());
  const compute::Timed timed(report_.read.seconds);
  const compute::Timed in_all(report_.total.seconds);
  reached_.halos = {};
  return reached_.partition.emplace(cloud_, chunk, settings_.scratch, compute_.threads);
}

void Run::size_halos() {
  max_queries_ = partition_.largest_chunk();
  if (!reached_.halos.regions.empty()) return;
  const compute::Timed timed(report_.read.seconds);
  reached_.halos = find_halos(cloud_, partition_, compute_);
}

void Run::start(std::size_t number, Slot& slot) {
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

void Run::prepare(Slot& slot) {
  const compute::Timed timed(report_.allocation_seconds);
  if (!settings_.reuse) release(slot);
  if (slot.input.capacity() == 0) {
    const auto features = input_features(settings_.features, cloud_.wide());
    slot.input = at_->memory.scope(slot.name + " input", reached_.halos.max_points, features, {}, at_->kernels);
    slot.output = at_->memory.scope(slot.name + " output", max_queries_, at_->computer->output_features(),
                                    {.downloads = true}, at_->kernels);
    slot.staging = at_->memory.pinned<std::byte>(PoolingScope::bytes(reached_.halos.max_points, features));
  }
}

void Run::release(Slot& slot) {
  count(slot.input);
  count(slot.output);
  slot.input = {};
  slot.output = {};
  slot.staging = {};
}

ChunkJob Run::read_points(Slot& slot) const {
  const KnownRegion& region = reached_.halos.regions[slot.number];
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

void Run::read(Slot& slot) {
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

void Run::send(Slot& slot, std::string_view feature, std::size_t bytes) {
  const std::size_t offset = slot.input.offset(feature);
  at_->memory.start_upload(slot.input.memory(), std::span<const std::byte>(slot.staging.data() + offset, bytes),
                           at_->uploads, {.offset = offset});
}

void Run::compute(Slot& slot) {
  PoolingScope workspace = make_workspace();
  workspace.begin_chunk(at_->computer->workspace_elements(slot.job.count()));
  at_->computer->queue(slot.index, slot.job, {slot.input, workspace, slot.output}, at_->kernels);
  const compute::Timed timed(report_.allocation_seconds);
  workspace = {};  // in the order of the stream: the next chunk gets the same block
}

PoolingScope Run::make_workspace() {
  const compute::Timed timed(report_.allocation_seconds);
  return at_->memory.scope("workspace", at_->computer->workspace_elements(reached_.halos.max_points),
                           at_->computer->workspace_features(), {}, at_->kernels);
}

void Run::write(Slot& slot) {
  // After a chunk that was not written none is, so that what is written is known by a number.
  if (slot.number != reached_.chunks) return;
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
    reached_.far.push_back({own[each.input], reach_in_cells(each.reach, cloud_.cell_bits())});
  }
  ++reached_.chunks;
  reached_.points += slot.job.queries;
  losses_.step_forward();
  if (settings_.progress) settings_.progress(reached_.points, cloud_.points());
}

void Run::note_pace(const Slot& slot, double lost_seconds) {
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

void Run::stop() noexcept {
  if (handover_) handover_->finish();
  at_->come_to_rest();  // what is queued uses this object
}

void Run::after_first(Slot& slot) {
  handover_->wait_for(slot.index);
  calls_after_first_ = at_->memory_calls();
}

void Run::finish() {
  report_.beyond_halo = reached_.far.size();
  report_.driver_calls_after_first_chunk += at_->memory_calls() - calls_after_first_;
  {
    const compute::Timed timed(report_.allocation_seconds);
    for (Slot& slot : slots_) release(slot);  // the far queries need memory too
  }
  if (reached_.far.empty()) return;
  const compute::Timed timed(report_.compute.seconds);
  const FarRun run{cloud_, partition_, compute_, *at_->computer, at_->memory, at_->kernels, reached_.halos.max_points};
  report_.coincident += finish_far_queries(run, reached_.far, sink_);
}

void Run::count(const PoolingScope& scope) {
  if (scope.capacity() == 0) return;
  const ScopeStatistics known = scope.statistics();
  reached_.allocations += known.allocations;
  reached_.reuses += known.reuses;
  if (settings_.reuse) report_.scopes += known.summary() + "\n";
}

void Run::keep_pace() {
  const PaceReport known = remedies_.report();
  report_.pace.changes.insert(report_.pace.changes.end(), known.changes.begin(), known.changes.end());
  report_.pace.attempts.insert(report_.pace.attempts.end(), known.attempts.begin(), known.attempts.end());
}

void Run::note_high_water() {
  const ManagerStatistics known = at_->memory.statistics();
  report_.memory_high_water = std::max(report_.memory_high_water, known.pool.reserved.peak);
  report_.pinned_high_water = std::max(report_.pinned_high_water, known.transfers.pinned.reserved.peak);
}

void Run::fill_report() {
  const ManagerStatistics known = at_->memory.statistics();
  report_.chunks = partition_.chunks().size();
  report_.chunk_points = max_queries_;
  report_.device = at_->device.facts().name;
  report_.kernel = at_->computer->name();
  report_.threads = compute_.threads;
  note_high_water();
  const std::uint64_t all = reached_.allocations + reached_.reuses;
  report_.reuse_rate = all == 0 ? 0.0 : static_cast<double>(reached_.reuses) / static_cast<double>(all);
  report_.hit_rate = known.pool.hit_rate();
  report_.fragmentation = 1.0 - known.pool.utilization();
  report_.height = height_rule(compute_);
}

}  // namespace weir::lidar
