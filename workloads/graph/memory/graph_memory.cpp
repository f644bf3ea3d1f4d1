#include "workloads/graph/memory/graph_memory.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

namespace weir::graph {
namespace {

BufferOptions with_frames(BufferOptions options) {
  options.download_slots = 3;
  return options;
}
/// For what the host reads of: the figures of some steps at a time.
BufferOptions read(BufferOptions options) {
  options.downloads = true;
  options.download_slots = 3;
  return options;
}

constexpr std::uint32_t vector_words = 3;

/// Each buffer keeps addresses for the largest graph when it first grows past a page: it may grow while steps that use
/// it are queued, when a second move would copy all of it.
std::array<MemoryKind, memory_count> made_kinds() {
  std::array<MemoryKind, memory_count> kinds{{
      {Memory::positions, "positions", vector_words, with_frames(presets::positions)},
      {Memory::velocities, "velocities", vector_words, with_frames(presets::velocities)},
      {Memory::forces, "forces", vector_words, presets::forces},
      {Memory::previous_forces, "previous forces", vector_words, presets::forces},
      {Memory::mass, "mass", 1, presets::standard},
      {Memory::degree, "degree", 1, presets::standard},
      {Memory::offsets, "row offsets", 1, presets::standard},
      {Memory::columns, "columns", 1, presets::edges},
      {Memory::weights, "weights", 1, presets::edges},
      {Memory::cell_keys, "cell keys", 1, presets::grid_cells},
      {Memory::sorted_indices, "sorted indices", 1, presets::grid_cells},
      {Memory::points, "points", 1, presets::standard},
      {Memory::cells, "cells", 1, presets::grid_cells},
      {Memory::counters, "counters", 1, presets::grid_cells},
      {Memory::scratch, "reduction scratch", 1, presets::standard},
      {Memory::figures, "figures", 1, read(presets::standard)},
  }};
  const Needs exact = needs_of({.nodes = max_nodes, .edges = max_edges, .dimensions = 3});
  const Needs approximate = needs_of({.nodes = max_nodes, .edges = max_edges, .dimensions = 3, .theta = 1.0F});
  for (std::size_t i = 0; i < memory_count; ++i) {
    const auto largest = static_cast<double>(sizeof(float) * std::max(exact[i], approximate[i]));
    kinds[i].options.range_bytes = static_cast<std::uint64_t>(largest * kinds[i].options.growth);
  }
  return kinds;
}

}  // namespace

const std::array<MemoryKind, memory_count>& memory_kinds() {
  static const std::array<MemoryKind, memory_count> kinds = made_kinds();
  return kinds;
}

std::size_t GraphMemory::elements_of(const MemoryKind& kind, const Needs& needs) {
  const std::uint64_t words = needs.at(static_cast<std::size_t>(kind.memory));
  return static_cast<std::size_t>((words + kind.words - 1) / kind.words);
}

GraphMemory::GraphMemory(MemoryManager& memory, StreamSet& streams, Runner& runner, const Workload& workload)
    : memory_(memory), streams_(streams), compute_(streams.at("compute")), runner_(runner), workload_(workload) {
  const Needs needs = needs_of(workload);
  for (std::size_t i = 0; i < memory_count; ++i) {
    const MemoryKind& kind = memory_kinds()[i];
    const std::size_t elements = elements_of(kind, needs);
    if (i < vector_count) {
      vectors_[i] = memory.scoped<Position>(kind.name, elements, kind.options, compute_);
    } else {
      words_[i - vector_count] = memory.scoped<std::uint32_t>(kind.name, elements, kind.options, compute_);
    }
  }
}

AnyBuffer GraphMemory::buffer(Memory memory) const {
  const auto i = static_cast<std::size_t>(memory);
  if (i < vector_count) return vectors_[i];
  return words_.at(i - vector_count);
}

// --- Contents ---

void GraphMemory::load(const Workload& workload, std::shared_ptr<const Adjacency> rows,
                       std::span<const Position> places) {
  Workload loaded = workload;
  loaded.nodes = rows->nodes();
  loaded.edges = static_cast<std::uint32_t>(rows->columns.size() / 2);
  const Needs needs = needs_of(loaded);
  if (places.size() != loaded.nodes) {
    throw InvalidArgument(
        "graph: places for " + std::to_string(places.size()) + " nodes; there are " + std::to_string(loaded.nodes),
        {.name = "places"});
  }
  require_finite(places);
  whole_ = false;
  resize(needs);
  // What the pool gave may still be used by work on the computing stream: first that ends, then all others may write.
  streams_.synchronize_all(patience);
  upload<Position>(vectors_[0], places, 0, streams_.next());
  upload<std::uint32_t>(words(Memory::offsets), rows->offsets, 0, streams_.next());
  upload<std::uint32_t>(words(Memory::columns), rows->columns, 0, streams_.next());
  const std::span<const float> weights = rows->weights;
  upload<std::uint32_t>(words(Memory::weights),
                        {reinterpret_cast<const std::uint32_t*>(weights.data()), weights.size()}, 0, streams_.next());
  streams_.synchronize_all(patience);
  workload_ = loaded;
  rows_ = std::move(rows);
  whole_ = true;
  queue(plan_start(workload_));
}

void GraphMemory::set_motion(const Motion& motion) {
  const auto set = [&](std::size_t vector, std::span<const Position> to) {
    if (to.size() != workload_.nodes) {
      throw InvalidArgument(
          "graph: motion of " + std::to_string(to.size()) + " nodes; there are " + std::to_string(workload_.nodes),
          {.name = "motion"});
    }
    upload(vectors_.at(vector), to, 0, compute_);
  };
  set(0, motion.positions);
  if (workload_.law.kind == LawKind::springs) set(1, motion.velocities);
  if (workload_.law.kind == LawKind::force_atlas_2) set(3, motion.previous_forces);
  std::array<std::uint32_t, forces::figures> bits{};
  std::memcpy(bits.data(), &motion.figures, sizeof(motion.figures));
  upload<std::uint32_t>(words(Memory::figures), bits, 0, compute_);
}

void GraphMemory::apply(const Changes& changes, std::optional<float> theta) {
  if (changes.empty()) return;
  require_finite(changes.added_nodes);
  Changed changed = changed_rows(*rows_, changes);
  const Workload before = workload_;
  // With all nodes that were and that come, before those taken out are gone.
  Workload widest = before;
  widest.nodes += static_cast<std::uint32_t>(changes.added_nodes.size());
  Workload after = before;
  after.theta = theta;
  after.nodes = changed.rows.nodes();
  after.edges = static_cast<std::uint32_t>(changed.rows.columns.size() / 2);
  Needs needs = needs_of(widest);
  const Needs last = needs_of(after);
  for (std::size_t i = 0; i < needs.size(); ++i) needs[i] = std::max(needs[i], last[i]);
  for (const Memory each : {Memory::cell_keys, Memory::sorted_indices}) {
    std::uint64_t& words_needed = needs.at(static_cast<std::size_t>(each));
    words_needed = std::max<std::uint64_t>(words_needed, changed.moves.size());
  }
  ensure(needs);
  whole_ = false;
  resize(needs);
  const std::vector<Position> rest(changes.added_nodes.size());
  upload<Position>(vectors_[0], changes.added_nodes, before.nodes, compute_);
  for (std::size_t i = 1; i < vector_count; ++i) upload<Position>(vectors_[i], rest, before.nodes, compute_);
  rows_ = std::make_shared<const Adjacency>(std::move(changed.rows));
  upload_changed(changed);
  whole_ = true;
  queue_moves(widest, changed.moves);
  resize(last);
  workload_ = after;
  queue(plan_start(workload_, true));
}

void GraphMemory::upload_changed(const Changed& changed) {
  const auto part = [](const auto& all, Range range) { return std::span(all).subspan(range.first, range.size()); };
  upload<std::uint32_t>(words(Memory::offsets), part(rows_->offsets, changed.offsets), changed.offsets.first, compute_);
  upload<std::uint32_t>(words(Memory::columns), part(rows_->columns, changed.columns), changed.columns.first, compute_);
  const std::span<const float> weights = part(rows_->weights, changed.columns);
  upload<std::uint32_t>(words(Memory::weights),
                        {reinterpret_cast<const std::uint32_t*>(weights.data()), weights.size()}, changed.columns.first,
                        compute_);
}

void GraphMemory::queue_moves(const Workload& before, std::span<const std::pair<std::uint32_t, std::uint32_t>> moves) {
  if (moves.empty()) return;
  std::vector<std::uint32_t> from, to;
  for (const auto& [old_number, number] : moves) {
    from.push_back(old_number);
    to.push_back(number);
  }
  upload<std::uint32_t>(words(Memory::cell_keys), from, 0, compute_);
  upload<std::uint32_t>(words(Memory::sorted_indices), to, 0, compute_);
  queue(plan_moves(before, static_cast<std::uint32_t>(moves.size())));
}

template <class T>
void GraphMemory::upload(const BufferHandle<T>& buffer, std::span<const T> data, std::size_t offset, StreamId stream) {
  if (!data.empty()) memory_.upload(buffer, data, stream, {.offset = offset, .deadline = patience});
}

// --- Sizes ---

void GraphMemory::ensure(const Needs& needs) {
  for (const MemoryKind& kind : memory_kinds()) {
    buffer(kind.memory).ensure_capacity(elements_of(kind, needs), compute_);
  }
}

void GraphMemory::resize(const Needs& needs) {
  for (const MemoryKind& kind : memory_kinds()) buffer(kind.memory).resize(elements_of(kind, needs), compute_);
}

GraphMemory::Growth GraphMemory::growth() const {
  Growth all;
  for (const MemoryKind& kind : memory_kinds()) {
    const BufferStatistics known = buffer(kind.memory).statistics();
    all.resizes += known.resizes;
    all.resizes_in_place += known.resizes_in_place;
    all.bytes_moved += known.bytes_moved;
  }
  return all;
}

// --- Steps ---

void GraphMemory::queue(std::span<const PlanStep> plan) {
  if (!whole_) {
    throw InvalidArgument("graph: what was to be loaded or changed is there in part; load a graph again",
                          {.name = "graph"});
  }
  std::vector<DeviceSpan<std::byte>> bindings;
  bindings.reserve(memory_count);
  for (const auto& each : vectors_) bindings.push_back(compute::bytes_of(each.access(compute_)));
  for (const auto& each : words_) bindings.push_back(compute::bytes_of(each.access(compute_)));
  runner_.queue(plan, bindings, compute_);
}

void GraphMemory::start_figures() { memory_.start_download(words(Memory::figures), compute_); }

Figures GraphMemory::await_figures(std::chrono::nanoseconds deadline) {
  const std::span<const std::uint32_t> words_of = memory_.wait_for_download(words(Memory::figures), deadline);
  Figures figures{};
  std::memcpy(&figures, words_of.data(), sizeof(figures));
  return figures;
}

std::vector<Position> GraphMemory::download_positions(std::chrono::nanoseconds deadline) {
  return memory_.download(positions(), compute_, {.deadline = deadline});
}

GraphMemory::Motion GraphMemory::download_motion(std::chrono::nanoseconds deadline) {
  const auto read = [&](std::size_t vector) {
    return memory_.download(vectors_.at(vector), compute_, {.deadline = deadline});
  };
  Motion motion{.positions = read(0), .velocities = {}, .previous_forces = {}};
  if (workload_.law.kind == LawKind::springs) motion.velocities = read(1);
  if (workload_.law.kind == LawKind::force_atlas_2) motion.previous_forces = read(3);
  return motion;
}

}  // namespace weir::graph
