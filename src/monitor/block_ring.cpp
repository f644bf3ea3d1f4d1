#include "monitor/block_ring.hpp"

#include <new>
#include <utility>

#include <weir/errors.hpp>

#include "monitor/block_reader.hpp"
#include "monitor/block_writer.hpp"
#include "monitor/recording_file.hpp"

namespace weir::monitor {

namespace {

void put(RecordingFile& file, BlockKind kind, std::uint16_t pool, std::span<const char> block) {
  if (const std::string error = file.write(kind, pool, block); !error.empty()) {
    throw DriverError(error, {.name = file.path()});
  }
}

/// Counts, names and live blocks, in as many blocks as they take.
void put_state(RecordingFile& file, std::uint16_t pool, const PoolState& state) {
  BlockWriter block;
  block.add_counts(counts_of(state.counts(), state.lost(), 0, 0));
  const auto next = [&] {
    if (!block.full()) return;
    put(file, BlockKind::state, pool, block.finish(BlockKind::state, pool, 0));
    block.begin();
    block.add_counts({});
  };
  for (const auto& [tag, name] : state.names()) {
    block.add_name(tag, name, block.first_time());
    next();
  }
  for (const auto& [id, allocation] : state.live()) {
    track::Event event = allocation;
    event.way = track::EventWay::none;
    block.add(event);
    next();
  }
  put(file, BlockKind::state, pool, block.finish(BlockKind::state, pool, 0));
}

}  // namespace

std::string BlockRing::write(BlockKind kind, std::uint16_t pool, std::span<const char> block) {
  try {
    if (kind == BlockKind::pool) {
      pools_[pool].facts.assign(block.begin(), block.end());
      return {};
    }
    blocks_.push_back({kind, pool, std::string(block.begin(), block.end())});
    bytes_ += block.size();
    while (bytes_ > max_bytes_ && blocks_.size() > 1) forget_oldest();
    return {};
  } catch (const std::bad_alloc&) {
    return "the recording in memory ends: the host has no memory for it";
  }
}

void BlockRing::forget_oldest() {
  const Kept oldest = std::move(blocks_.front());
  blocks_.pop_front();
  bytes_ -= oldest.block.size();
  if (oldest.kind == BlockKind::pool_end) {
    pools_.erase(oldest.pool);
    return;
  }
  if (oldest.kind != BlockKind::events) return;
  PoolState& before = pools_[oldest.pool].before;
  const std::span<const char> bytes(oldest.block);
  const std::uint64_t first = read_block_header(bytes).value_or(BlockHeader()).first_time;
  RecordReader records(ByteReader(bytes.subspan(block_header_bytes)), first);
  Record record;
  while (records.next(record)) {
    if (record.is_name) {
      before.name_tag(record.event.tag, record.name);
    } else {
      static_cast<void>(before.apply(record.event));
    }
  }
}

void BlockRing::save(const std::string& path) const {
  RecordingFile file(path, true);
  for (const auto& [number, known] : pools_) {
    put(file, BlockKind::pool, number, known.facts);
    put_state(file, number, known.before);
  }
  for (const Kept& each : blocks_) put(file, each.kind, each.pool, each.block);
  BlockWriter end;
  put(file, BlockKind::file_end, 0, end.finish(BlockKind::file_end, 0, 0));
}

}  // namespace weir::monitor
