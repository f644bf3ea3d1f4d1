#include "monitor/block_writer.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "index/size_bins.hpp"
#include "monitor/checksum.hpp"
#include "track/ticks.hpp"

namespace weir::monitor {

namespace {

// What is summed up begins behind the block's magic number and the sum itself.
constexpr std::size_t summed_from = 8;

}  // namespace

BlockWriter::BlockWriter() : buffer_(std::make_unique_for_overwrite<char[]>(block_header_bytes + usual_payload_bytes)) {
  begin();
}

void BlockWriter::begin() noexcept {
  end_ = buffer_.get() + block_header_bytes;
  records_ = 0;
  first_time_ = 0;
  last_ = {};
}

inline char* BlockWriter::begin_record(std::uint8_t kind, const track::Event& event, bool has_tag) noexcept {
  if (records_++ == 0) first_time_ = last_.time = event.time;
  const bool new_thread = event.thread != last_.thread;
  const bool new_stream = event.stream != last_.stream;
  const bool new_tag = has_tag && event.tag != last_.tag;
  char* to = end_;
  *to++ = static_cast<char>(kind);
  *to++ = static_cast<char>((static_cast<unsigned>(event.way) & way_bits) | (new_thread ? 0U : same_thread) |
                            (new_stream ? 0U : same_stream) | (new_tag ? 0U : same_tag));
  to = put_mixed_varint(to, fold_step(last_.time, event.time));
  last_.time = event.time;
  if (new_thread) to = put_varint(to, last_.thread = event.thread);
  if (new_stream) to = put_varint(to, last_.stream = event.stream);
  if (new_tag) to = put_varint(to, last_.tag = event.tag);
  return to;
}

void BlockWriter::add(const track::Event& event) noexcept {
  const auto kind = static_cast<std::uint8_t>(event.kind);
  const Layout layout = layout_of(kind);
  char* to = begin_record(kind, event, layout == Layout::block || layout == Layout::tagged_bytes);
  const auto put_address = [&] {
    to = put_mixed_varint(to, fold_step(last_.address, event.address));
    last_.address = event.address;
  };
  switch (layout) {
    case Layout::block:
      to = put_varint(to, event.block);
      to = put_varint(to, event.bytes);
      to = put_varint(to, fold_step(index::granules_for(event.bytes), event.granules));
      put_address();
      break;
    case Layout::block_end: to = put_varint(to, event.block); break;
    case Layout::pages:
      to = put_varint(to, event.block);
      to = put_varint(to, event.generation);
      to = put_varint(to, event.bytes);
      put_address();
      break;
    case Layout::transfer:
      to = put_varint(to, event.block);
      to = put_varint(to, event.bytes);
      break;
    case Layout::bytes:
    case Layout::tagged_bytes:
    case Layout::unknown: to = put_varint(to, event.bytes); break;
  }
  end_ = to;
}

void BlockWriter::add_name(std::uint32_t tag, std::string_view name, std::uint64_t time) noexcept {
  name = name.substr(0, max_text_bytes);
  track::Event event = last_;
  event.time = time;
  char* to = begin_record(name_record, event, false);
  to = put_varint(to, tag);
  to = put_varint(to, name.size());
  end_ = std::copy(name.begin(), name.end(), to);
}

void BlockWriter::add_counts(std::span<const std::uint64_t> counts) noexcept {
  end_ = put_varint(end_, counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    end_ = put_varint(end_, i + 1);
    end_ = put_varint(end_, counts[i]);
  }
}

void BlockWriter::add_field(PoolField field, std::string_view text) noexcept {
  text = text.substr(0, max_text_bytes);
  *end_++ = static_cast<char>(field);
  end_ = put_varint(end_, text.size());
  end_ = std::copy(text.begin(), text.end(), end_);
  ++records_;
}

std::span<const char> BlockWriter::finish(BlockKind kind, std::uint16_t pool, std::uint32_t number) noexcept {
  char* const start = buffer_.get();
  char* to = put_fixed(start, block_magic);
  to = put_fixed(to, std::uint32_t{0});
  to = put_fixed(to, static_cast<std::uint32_t>(payload_bytes()));
  to = put_fixed(to, static_cast<std::uint16_t>(kind));
  to = put_fixed(to, pool);
  to = put_fixed(to, records_);
  to = put_fixed(to, number);
  put_fixed(to, first_time_);
  const std::span<const char> whole(start, end_);
  put_fixed(start + sizeof(block_magic), checksum(whole.subspan(summed_from)));
  return whole;
}

FileStart starting_now(bool from_ring) {
  const auto of_day = std::chrono::system_clock::now().time_since_epoch();
  return {.wall_time = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(of_day).count()),
          .steady_time = track::steady_nanoseconds(),
          .process = static_cast<std::uint32_t>(getpid()),
          .from_ring = from_ring};
}

std::string file_header(const FileStart& start) {
  std::string header(file_header_bytes, '\0');
  char* to = std::copy(file_magic.begin(), file_magic.end(), header.data());
  to = put_fixed(to, format_major);
  to = put_fixed(to, format_minor);
  to = put_fixed(to, static_cast<std::uint32_t>(file_header_bytes));
  to = put_fixed(to, start.wall_time);
  to = put_fixed(to, start.steady_time);
  to = put_fixed(to, start.process);
  to = put_fixed(to, start.from_ring ? static_cast<std::uint32_t>(FileFlag::from_ring) : 0U);
  to = put_fixed(to, std::uint32_t{0});
  put_fixed(to, checksum({header.data(), file_header_bytes - sizeof(std::uint32_t)}));
  return header;
}

void put_facts(BlockWriter& block, const track::PoolFacts& facts) noexcept {
  block.add_field(PoolField::name, facts.name);
  block.add_field(PoolField::device, facts.device);
  block.add_field(PoolField::backend, facts.backend);
  block.add_field(PoolField::mode, facts.mode);
  block.add_field(PoolField::limit, std::to_string(facts.limit));
  block.add_field(PoolField::page_bytes, std::to_string(facts.page_bytes));
  block.add_field(PoolField::granule_bytes, std::to_string(facts.granule_bytes));
}

std::vector<std::uint64_t> counts_of(const Statistics& known, std::uint64_t lost, std::uint64_t names_lost,
                                     std::uint64_t late) {
  std::vector<std::uint64_t> counts = {known.requested.live,
                                       known.requested.peak,
                                       known.requested.cumulative,
                                       known.allocated.live,
                                       known.allocated.peak,
                                       known.allocated.cumulative,
                                       known.reserved.live,
                                       known.reserved.peak,
                                       known.reserved.cumulative,
                                       known.allocations,
                                       known.frees,
                                       known.cache_hits,
                                       known.arena_hits,
                                       known.misses,
                                       known.refusals,
                                       known.errors,
                                       known.driver_calls,
                                       known.page_maps,
                                       known.page_remaps,
                                       known.evictions,
                                       known.external,
                                       lost,
                                       names_lost,
                                       late};
  for (const LatencySummary* each :
       {&known.arena_latency, &known.growth_latency, &known.mapping_latency, &known.wait_latency}) {
    counts.push_back(each->count);
    for (const std::chrono::nanoseconds time : {each->p50, each->p99, each->max, each->mean}) {
      counts.push_back(static_cast<std::uint64_t>(time.count()));
    }
  }
  return counts;
}

}  // namespace weir::monitor
