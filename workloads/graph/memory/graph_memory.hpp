// The memory of a layout on a device: a named buffer for each memory that kernels bind, with the preset that is made
// for it. Buffers grow with the graph, in place where the device has virtual memory, and keep their contents; nodes and
// edges come and go between two steps. Invariant: sizes are those that the kernels need for the rows that are held
// here, and what is queued on the computing stream sees them whole. Made by a run; for one thread, but that another may
// wait for frames of positions and velocities.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <weir/weir.hpp>

#include "workloads/graph/device/runners.hpp"
#include "workloads/graph/edges/adjacency.hpp"
#include "workloads/graph/forces/plan.hpp"
#include "workloads/graph/memory/changes.hpp"

namespace weir::graph {

/// How long a wait for steps may take: they take what they take.
inline constexpr std::chrono::hours patience{24};

/// What one kind of memory is, how it grows, and the elements that it is counted in.
struct MemoryKind {
  Memory memory;
  const char* name;
  std::uint32_t words;  ///< of 4 bytes, an element
  BufferOptions options;
};
[[nodiscard]] const std::array<MemoryKind, memory_count>& memory_kinds();

class GraphMemory {
 public:
  struct Growth {
    std::uint64_t resizes = 0, resizes_in_place = 0;
    std::uint64_t bytes_moved = 0;  ///< copied when a buffer moved

    Growth& operator+=(const Growth& more) noexcept {
      resizes += more.resizes;
      resizes_in_place += more.resizes_in_place;
      bytes_moved += more.bytes_moved;
      return *this;
    }
  };

  /// What steps go on from, beside the graph, where the next one sorts its nodes anew.
  struct Motion {
    std::vector<Position> positions = {};
    std::vector<Position> velocities = {};       ///< of springs; other laws make them anew in each step
    std::vector<Position> previous_forces = {};  ///< of fa2
    Figures figures = {};                        ///< of the last step, with fa2's speed
  };

  /// `streams` has "compute", in whose order all is, and others, by which first contents are uploaded in turn. Takes
  /// memory for `workload`, which it grows from. Throws InvalidArgument, also where the manager has a buffer of one of
  /// the names; LimitExceeded, OutOfMemory.
  GraphMemory(MemoryManager& memory, StreamSet& streams, Runner& runner, const Workload& workload);

  /// Another graph at rest, in the same buffers: law and dimensions of `workload`, nodes and edges of the rows. Waits
  /// until the streams are idle, and until all is there. Throws as the constructor; after that nothing can be computed
  /// before it has succeeded.
  void load(const Workload& workload, std::shared_ptr<const Adjacency> rows, std::span<const Position> places);
  void load(const Workload& workload, Adjacency rows, std::span<const Position> places) {
    load(workload, std::make_shared<const Adjacency>(std::move(rows)), places);
  }
  /// Sets what was loaded in motion, as a layout of this size and law was. Throws InvalidArgument for another size.
  void set_motion(const Motion& motion);
  /// Between two steps; does not wait but for staging memory. Nodes that stay keep their place and motion. Uploads what
  /// of the rows differs, from the first change on. Throws InvalidArgument, LimitExceeded and OutOfMemory before
  /// anything has changed, so that the layout can go on. With other errors nothing can be computed any more. `theta` is
  /// the approximation's from now on.
  void apply(const Changes& changes, std::optional<float> theta);

  /// What a plan is run with. Throws InvalidArgument where loading or a change ended half-way.
  void queue(std::span<const PlanStep> plan);
  /// Starts the download of the figures of the last step that was queued; at most three may be started and not awaited.
  void start_figures();
  /// The oldest that were started. Throws Timeout.
  [[nodiscard]] Figures await_figures(std::chrono::nanoseconds deadline);
  /// As they are after all that is queued; waits for it.
  [[nodiscard]] std::vector<Position> download_positions(std::chrono::nanoseconds deadline);
  /// The same of all motion, but for the figures, which the caller has.
  [[nodiscard]] Motion download_motion(std::chrono::nanoseconds deadline);

  [[nodiscard]] const Workload& workload() const noexcept { return workload_; }
  [[nodiscard]] const Adjacency& rows() const noexcept { return *rows_; }
  [[nodiscard]] const std::shared_ptr<const Adjacency>& shared_rows() const noexcept { return rows_; }
  [[nodiscard]] const BufferHandle<Position>& positions() const noexcept { return vectors_[0]; }
  [[nodiscard]] const BufferHandle<Position>& velocities() const noexcept { return vectors_[1]; }
  [[nodiscard]] AnyBuffer buffer(Memory memory) const;
  /// Of all buffers, from their start.
  [[nodiscard]] Growth growth() const;

 private:
  static constexpr std::size_t vector_count = 4;  // positions, velocities and both forces, which come first

  [[nodiscard]] BufferHandle<std::uint32_t>& words(Memory memory) {
    return words_.at(static_cast<std::size_t>(memory) - vector_count);
  }
  [[nodiscard]] static std::size_t elements_of(const MemoryKind& kind, const Needs& needs);
  void ensure(const Needs& needs);
  void resize(const Needs& needs);
  template <class T>
  void upload(const BufferHandle<T>& buffer, std::span<const T> data, std::size_t offset, StreamId stream);
  void upload_changed(const Changed& changed);
  void queue_moves(const Workload& before, std::span<const std::pair<std::uint32_t, std::uint32_t>> moves);

  MemoryManager& memory_;
  StreamSet& streams_;
  const StreamId compute_;
  Runner& runner_;
  Workload workload_;
  std::shared_ptr<const Adjacency> rows_ = std::make_shared<const Adjacency>();  // shared with what a run has kept
  bool whole_ = false;
  std::array<Buffer<Position>, vector_count> vectors_;
  std::array<Buffer<std::uint32_t>, memory_count - vector_count> words_;  // floats among them, as words
};

}  // namespace weir::graph
