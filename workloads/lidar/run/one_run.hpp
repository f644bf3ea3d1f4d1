// A run from what it has reached to its end, or to the loss of its device, after which another one goes on from what
// was reached. Two slots of buffers: one is filled and computed while the other is written, by a thread of its own.
// Called by the pipeline. Invariant: `Reached` is on the host, and changes by whole chunks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <weir/weir.hpp>

#include "compute/handover.hpp"
#include "compute/losses.hpp"
#include "workloads/lidar/run/far_queries.hpp"
#include "workloads/lidar/run/halos.hpp"
#include "workloads/lidar/run/partition.hpp"
#include "workloads/lidar/run/pipeline.hpp"
#include "workloads/lidar/run/remedies.hpp"
#include "workloads/lidar/run/slot.hpp"
#include "workloads/lidar/run/smaller_chunks.hpp"
#include "workloads/lidar/run/station.hpp"

namespace weir::lidar {

/// What a run has come to, on the host: a loss of the device takes none of it.
struct Reached {
  std::optional<Partition> partition;
  Halos halos;
  std::size_t chunks = 0;  ///< written, the first of the partition
  std::uint64_t points = 0;
  std::vector<FarQuery> far;  ///< the writer's, until it has ended
  std::uint64_t allocations = 0, reuses = 0;
  bool away = false;       ///< it runs on the next device
  bool lost_next = false;  ///< that one was lost
  RunReport report;        ///< each stage writes its own fields
};

/// A run on one device, from what was reached on.
class Run {
 public:
  Run(const Cloud& cloud, const RunSettings& settings, MemoryManager& memory, Sink& sink, compute::Losses& losses,
      Reached& reached);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { stop(); }

  /// Takes the memory that chunks need, and does nothing with it.
  void try_memory();

  /// The chunks that are not written yet.
  void go();

 private:
  void go_through();
  void prepare_all(bool downloads);

  /// That which was reached, unless its chunks are too large here: then the run begins again, and writes the same.
  Partition& make_partition();

  /// Buffers are for the largest chunk with its halo, so that none has to grow.
  void size_halos();
  void start(std::size_t number, Slot& slot);
  void prepare(Slot& slot);
  void release(Slot& slot);

  /// Brings the chunk's points and its halo's into the staging memory.
  [[nodiscard]] ChunkJob read_points(Slot& slot) const;

  /// Fills the staging memory with the chunk and its halo, and sends it to the device.
  void read(Slot& slot);
  void send(Slot& slot, std::string_view feature, std::size_t bytes);
  void compute(Slot& slot);
  [[nodiscard]] PoolingScope make_workspace();

  // --- What is done about a slow device, before chunk `next` is begun ---

  /// Whether it could be done.
  bool carry_out(const Remedies::Order& order, std::size_t next);

  /// Nothing is queued, and no buffer is there.
  void clear();
  bool use_streams(bool one);

  /// All buffers at once, while nothing is queued: later a buffer might get what a chunk's workspace was, which work in
  /// the order of one stream uses still, and be written on another.
  void prepare_slots();

  /// The rest of the run is the station's.
  void move_to(std::unique_ptr<Station>& station);
  bool go_over();
  bool go_back();

  // --- The writer's thread ---

  void write(Slot& slot);
  /// `lost_seconds` are those that other programs took from the computation.
  void note_pace(const Slot& slot, double lost_seconds);

  // --- The end ---

  void stop() noexcept;
  void after_first(Slot& slot);
  void finish();
  void count(const PoolingScope& scope);

  /// Also of a run that ends with its device: another one begins with no history.
  void keep_pace();
  void note_high_water();
  void fill_report();

  const Cloud& cloud_;
  const RunSettings& settings_;
  Sink& sink_;
  compute::Losses& losses_;
  ComputeSettings compute_;
  MemoryManager& memory_;               // where it begins
  std::unique_ptr<Station> at_, left_;  // where it runs, and where it ran before it went over to another device
  Reached& reached_;
  RunReport& report_;
  Partition& partition_;
  Remedies remedies_;
  bool overlap_ = settings_.overlap;
  std::array<Slot, 2> slots_;
  SmallerChunks smaller_{cloud_, compute_, partition_, reached_.halos};
  std::size_t max_queries_ = 0;
  std::uint64_t calls_after_first_ = 0;
  std::optional<compute::Handover> handover_;  // to the writer's thread
};

}  // namespace weir::lidar
