// See recording.hpp.
#include "replay/recording.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <weir/errors.hpp>

#include "monitor/block_reader.hpp"
#include "monitor/pool_state.hpp"
#include "replay/text_table.hpp"

namespace weir::replay {

namespace {

using monitor::BlockHeader;
using monitor::BlockKind;
using monitor::ByteReader;
using monitor::Count;
using monitor::PoolField;
using monitor::PoolState;
using monitor::Record;
using monitor::RecordReader;
using track::EventKind;

std::uint64_t number_in(std::string_view text) noexcept {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// One of the five numbers of a latency.
void set_latency(Statistics& known, unsigned which, std::uint64_t value) noexcept {
  constexpr auto first = static_cast<unsigned>(Count::arena_latency);
  if (which < first || which >= static_cast<unsigned>(Count::behind_latencies)) return;
  LatencySummary* const all[] = {&known.arena_latency, &known.growth_latency, &known.mapping_latency,
                                 &known.wait_latency};
  LatencySummary& latency = *all[(which - first) / 5];
  const std::chrono::nanoseconds time(static_cast<std::int64_t>(value & (~std::uint64_t{0} >> 1)));
  switch ((which - first) % 5) {
    case 0: latency.count = value; break;
    case 1: latency.p50 = time; break;
    case 2: latency.p99 = time; break;
    case 3: latency.max = time; break;
    default: latency.mean = time; break;
  }
}

void set(Statistics& known, std::uint64_t& lost, Count which, std::uint64_t value) noexcept {
  switch (which) {
    case Count::requested_live: known.requested.live = value; break;
    case Count::requested_peak: known.requested.peak = value; break;
    case Count::requested_cumulative: known.requested.cumulative = value; break;
    case Count::allocated_live: known.allocated.live = value; break;
    case Count::allocated_peak: known.allocated.peak = value; break;
    case Count::allocated_cumulative: known.allocated.cumulative = value; break;
    case Count::reserved_live: known.reserved.live = value; break;
    case Count::reserved_peak: known.reserved.peak = value; break;
    case Count::reserved_cumulative: known.reserved.cumulative = value; break;
    case Count::allocations: known.allocations = value; break;
    case Count::frees: known.frees = value; break;
    case Count::cache_hits: known.cache_hits = value; break;
    case Count::arena_hits: known.arena_hits = value; break;
    case Count::misses: known.misses = value; break;
    case Count::refusals: known.refusals = value; break;
    case Count::errors: known.errors = value; break;
    case Count::driver_calls: known.driver_calls = value; break;
    case Count::page_maps: known.page_maps = value; break;
    case Count::page_remaps: known.page_remaps = value; break;
    case Count::evictions: known.evictions = value; break;
    case Count::external: known.external = value; break;
    case Count::events_lost: lost = value; break;
    default: set_latency(known, static_cast<unsigned>(which), value); break;  // and what is of no use here
  }
}

/// One reading of one file.
class Reading {
 public:
  explicit Reading(const files::Source& source) : source_(source) {}

  Recording read() && {
    read_header();
    while (read_block()) {
    }
    for (Pool& pool : pools_) {
      pool.known.totals = pool.state.counts();
      pool.known.lost = std::max(pool.known.lost, pool.state.lost());
      recording_.pools.push_back(std::move(pool.known));
    }
    recording_.names = std::move(names_).take();
    return std::move(recording_);
  }

 private:
  struct Pool {
    RecordedPool known;
    PoolState state;
    std::map<std::uint32_t, std::uint32_t> names;  // tags, by what they mean now
  };

  /// Fills the span or, at the end of the file, says how much there was.
  std::size_t read(std::span<char> to) {
    const std::size_t count = source_.read(to);
    at_ += count;
    return count;
  }

  void read_header() {
    std::vector<char> bytes(monitor::file_header_bytes);
    const std::size_t count = read(bytes);
    const auto header = monitor::read_file_header(std::span<const char>(bytes).first(count));
    if (!header) throw ParseError("is a recording whose header is cut or damaged; record it again");
    if (header->major != monitor::format_major) {
      throw ParseError("is a recording of format " + std::to_string(header->major) + "; this version of weir reads " +
                       std::to_string(monitor::format_major) + ", so read it with the version that wrote it");
    }
    recording_.wall_time = header->start.wall_time;
    recording_.steady_time = header->start.steady_time;
    recording_.process = header->start.process;
    recording_.from_ring = header->start.from_ring;
    bytes.resize(header->header_bytes - monitor::file_header_bytes);
    static_cast<void>(read(bytes));
  }

  /// False at the end, and at what cannot be read.
  bool read_block() {
    const std::uint64_t start = at_;
    block_.resize(monitor::block_header_bytes);
    const std::size_t count = read(block_);
    if (count == 0) return false;
    const auto header = monitor::read_block_header(std::span<const char>(block_).first(count));
    const auto damaged = [&] {
      recording_.damaged_at = start;
      return false;
    };
    if (!header) return damaged();
    // No more memory than there is file, however long the block says it is.
    constexpr std::size_t step = std::size_t{1} << 20;
    const std::size_t whole = monitor::block_header_bytes + header->payload_bytes;
    while (block_.size() < whole) {
      const std::size_t filled = block_.size();
      block_.resize(std::min(whole, filled + step));
      if (read(std::span(block_).subspan(filled)) != block_.size() - filled) return damaged();
    }
    if (!monitor::is_intact(block_) || !apply(*header)) return damaged();
    return true;
  }

  /// False for a block that is not as its kind has to be.
  bool apply(const BlockHeader& header) {
    ByteReader bytes(std::span<const char>(block_).subspan(monitor::block_header_bytes));
    switch (static_cast<BlockKind>(header.kind)) {
      case BlockKind::pool: return begin_pool(header.pool, bytes);
      case BlockKind::events: return apply_records(header, bytes, false);
      case BlockKind::state: return apply_state(header, bytes);
      case BlockKind::pool_end: return end_pool(header.pool, bytes);
      case BlockKind::file_end: recording_.ended = true; return true;
    }
    ++recording_.unknown_blocks;
    return true;
  }

  Pool* pool(std::uint16_t number) {
    const auto found = places_.find(number);
    return found == places_.end() ? nullptr : &pools_[found->second];
  }

  bool begin_pool(std::uint16_t number, ByteReader& bytes) {
    if (pool(number) != nullptr) return false;
    Pool made;
    made.known.number = number;
    while (!bytes.done()) {
      const std::uint8_t field = bytes.byte();
      const std::string_view text = bytes.text(bytes.varint(monitor::max_text_bytes));
      switch (static_cast<PoolField>(field)) {
        case PoolField::name: made.known.name = text; break;
        case PoolField::device: made.known.device = text; break;
        case PoolField::backend: made.known.backend = text; break;
        case PoolField::mode: made.known.mode = text; break;
        case PoolField::limit: made.known.limit = number_in(text); break;
        case PoolField::page_bytes: made.known.page_bytes = number_in(text); break;
        case PoolField::granule_bytes: break;
      }
    }
    if (!bytes.good()) return false;
    places_.emplace(number, pools_.size());
    pools_.push_back(std::move(made));
    return true;
  }

  bool apply_records(const BlockHeader& header, ByteReader& bytes, bool before) {
    Pool* const owner = pool(header.pool);
    if (owner == nullptr) return false;
    RecordReader records(bytes, header.first_time);
    Record record;
    while (records.next(record)) {
      if (record.is_name) {
        owner->names[record.event.tag] = names_.number(record.name);
      } else {
        apply(*owner, record.event, before);
      }
    }
    recording_.unknown_records += records.skipped();
    return !records.damaged();
  }

  void apply(Pool& owner, track::Event event, bool before) {
    const bool tagged =
        event.kind == EventKind::allocate || event.kind == EventKind::spill || event.kind == EventKind::restore;
    if (tagged && event.tag != 0) {
      const auto named = owner.names.find(event.tag);
      event.tag = named != owner.names.end() ? named->second : names_.number("tag " + std::to_string(event.tag));
    }
    if (before) {
      if (event.kind != EventKind::allocate) return;
      owner.state.add_live(event);
      owner.known.live_before.push_back(event);
      return;
    }
    const PoolState::Outcome outcome = owner.state.apply(event);
    if (outcome == PoolState::Outcome::unmatched) ++owner.known.unmatched;
    if (outcome == PoolState::Outcome::replaced) ++owner.known.replaced;
    owner.known.events.push_back(event);
  }

  bool apply_state(const BlockHeader& header, ByteReader& bytes) {
    Pool* const owner = pool(header.pool);
    if (owner == nullptr || !owner->known.events.empty()) return false;
    Statistics& before = owner->known.before;
    std::uint64_t lost = owner->state.lost();
    if (!monitor::read_counts(bytes, [&](Count which, std::uint64_t value) { set(before, lost, which, value); })) {
      return false;
    }
    owner->state.counts() = before;
    owner->state.set_lost(lost);
    return apply_records(header, bytes, true);
  }

  bool end_pool(std::uint16_t number, ByteReader& bytes) {
    Pool* const owner = pool(number);
    if (owner == nullptr) return false;
    Statistics last;
    std::uint64_t lost = 0;
    if (!monitor::read_counts(bytes, [&](Count which, std::uint64_t value) { set(last, lost, which, value); })) {
      return false;
    }
    owner->known.at_end = last;
    owner->known.lost = lost;
    return true;
  }

  const files::Source& source_;
  std::uint64_t at_ = 0;
  std::vector<char> block_;
  Recording recording_;
  std::vector<Pool> pools_;
  std::unordered_map<std::uint16_t, std::size_t> places_;  // by number
  TextTable names_;
};

}  // namespace

bool is_recording(std::span<const std::byte> start) noexcept {
  const std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  return text.starts_with(monitor::file_magic);
}

Recording read_recording(const files::Source& source) { return Reading(source).read(); }

Recording read_recording(std::span<const std::byte> file) {
  const std::string_view all(reinterpret_cast<const char*>(file.data()), file.size());
  return read_recording(files::Source{[rest = all](std::span<char> to) mutable {
    const std::size_t count = rest.copy(to.data(), to.size());
    rest.remove_prefix(count);
    return count;
  }});
}

std::vector<std::string> notes_on(const Recording& recording) {
  std::vector<std::string> notes;
  if (recording.damaged_at) {
    notes.push_back("it is cut or damaged at byte " + std::to_string(*recording.damaged_at) +
                    ": what is before that is read");
  } else if (!recording.ended) {
    notes.emplace_back("it has no end: its program goes on, or ended by force; the last moments are missing");
  }
  if (recording.unknown_blocks + recording.unknown_records != 0) {
    notes.push_back(std::to_string(recording.unknown_blocks) + " blocks and " +
                    std::to_string(recording.unknown_records) +
                    " records are of kinds that this version of weir does not know; they are left out");
  }
  for (const RecordedPool& pool : recording.pools) {
    if (pool.lost == 0) continue;
    notes.push_back("pool \"" + pool.name + "\": " + std::to_string(pool.lost) +
                    " events were lost while it was recorded, as they came faster than they could be written");
  }
  return notes;
}

}  // namespace weir::replay
