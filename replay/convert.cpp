// Which writer a file's name asks for, and the writer of weir's own format; see convert.hpp.
#include "replay/convert.hpp"

#include <array>
#include <string>
#include <utility>

#include "monitor/block_writer.hpp"
#include "monitor/format.hpp"

namespace weir::replay {

namespace {

using monitor::BlockKind;
using monitor::BlockWriter;
using track::EventKind;

/// The blocks of one pool.
class PoolWriter {
 public:
  PoolWriter(const RecordedPool& pool, const std::vector<std::string>& names, const WriteText& write)
      : pool_(pool), names_(names), write_(write), known_(names.size()) {}

  void run() {
    monitor::put_facts(block_, {.name = pool_.name,
                                .device = pool_.device,
                                .backend = pool_.backend,
                                .mode = pool_.mode,
                                .limit = pool_.limit,
                                .page_bytes = pool_.page_bytes,
                                .granule_bytes = 512});
    put(BlockKind::pool);
    if (!pool_.live_before.empty() || pool_.before.allocations != 0) {
      block_.add_counts(monitor::counts_of(pool_.before, 0, 0, 0));
      for (const track::Event& event : pool_.live_before) add(event, BlockKind::state);
      put(BlockKind::state);
    }
    for (const track::Event& event : pool_.events) add(event, BlockKind::events);
    if (!block_.empty()) put(BlockKind::events);
    if (!pool_.at_end) return;
    block_.add_counts(monitor::counts_of(*pool_.at_end, pool_.lost, 0, 0));
    put(BlockKind::pool_end);
  }

 private:
  void put(BlockKind kind) {
    const auto whole = block_.finish(kind, pool_.number, 0);
    write_({whole.data(), whole.size()});
    block_.begin();
  }
  void make_room(BlockKind kind) {
    if (!block_.full()) return;
    put(kind);
    if (kind == BlockKind::state) block_.add_counts({});
  }
  void add(const track::Event& event, BlockKind kind) {
    const bool named =
        event.kind == EventKind::allocate || event.kind == EventKind::spill || event.kind == EventKind::restore;
    if (named && event.tag != 0 && !known_[event.tag]) {
      known_[event.tag] = true;
      make_room(kind);
      block_.add_name(event.tag, names_[event.tag], event.time);
    }
    make_room(kind);
    block_.add(event);
  }

  const RecordedPool& pool_;
  const std::vector<std::string>& names_;
  const WriteText& write_;
  std::vector<bool> known_;
  BlockWriter block_;
};

}  // namespace

std::optional<Target> target_of(std::string_view path) {
  constexpr std::array<std::pair<std::string_view, Target>, 4> all{{{".weir", Target::weir_recording},
                                                                    {".pickle", Target::pytorch_snapshot},
                                                                    {".json", Target::trace_json},
                                                                    {".csv", Target::rmm_csv}}};
  for (const auto& [ending, target] : all) {
    if (path.ends_with(ending)) return target;
  }
  return std::nullopt;
}

Losses write_recording(const Recording& recording, Target target, const WriteText& write) {
  switch (target) {
    case Target::weir_recording: return write_weir(recording, write);
    case Target::pytorch_snapshot: return write_pytorch_snapshot(recording, write);
    case Target::trace_json: return write_trace_json(recording, write);
    case Target::rmm_csv: return write_rmm_csv(recording, write);
  }
  return {};
}

Losses write_weir(const Recording& recording, const WriteText& write) {
  write(monitor::file_header({.wall_time = recording.wall_time,
                              .steady_time = recording.steady_time,
                              .process = recording.process,
                              .from_ring = recording.from_ring}));
  for (const RecordedPool& pool : recording.pools) PoolWriter(pool, recording.names, write).run();
  BlockWriter end;
  const auto whole = end.finish(BlockKind::file_end, 0, 0);
  write({whole.data(), whole.size()});
  return {};
}

}  // namespace weir::replay
