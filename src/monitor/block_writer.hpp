// Packs events into one block of a recording: each as the difference from the one before,
// about nine bytes for an allocation and six for a free. A block can be read without the
// blocks before it. Used by the recorder, one for each pool; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weir/statistics.hpp>

#include "monitor/bytes.hpp"
#include "monitor/format.hpp"
#include "track/event.hpp"
#include "track/recording.hpp"

namespace weir::monitor {

class BlockWriter {
 public:
  BlockWriter();

  [[nodiscard]] bool empty() const noexcept { return payload_bytes() == 0; }
  /// The next record may not fit.
  [[nodiscard]] bool full() const noexcept { return payload_bytes() > usual_payload_bytes - max_record_bytes; }
  [[nodiscard]] std::uint32_t records() const noexcept { return records_; }
  /// Time of the first record.
  [[nodiscard]] std::uint64_t first_time() const noexcept { return first_time_; }

  /// Adds a record; the block is not full.
  void add(const track::Event& event) noexcept;
  void add_name(std::uint32_t tag, std::string_view name, std::uint64_t time) noexcept;
  /// Counts, and fields of text, go before all records.
  void add_counts(std::span<const std::uint64_t> counts) noexcept;
  void add_field(PoolField field, std::string_view text) noexcept;

  /// The whole block with its header; valid until it is begun anew.
  [[nodiscard]] std::span<const char> finish(BlockKind kind, std::uint16_t pool, std::uint32_t number) noexcept;
  void begin() noexcept;

 private:
  static constexpr std::size_t max_record_bytes = 4 * max_text_bytes;
  [[nodiscard]] std::size_t payload_bytes() const noexcept {
    return static_cast<std::size_t>(end_ - buffer_.get()) - block_header_bytes;
  }
  [[nodiscard]] char* begin_record(std::uint8_t kind, const track::Event& event, bool has_tag) noexcept;

  std::unique_ptr<char[]> buffer_;
  char* end_ = nullptr;
  std::uint32_t records_ = 0;
  std::uint64_t first_time_ = 0;
  track::Event last_;
};

/// The header of a file.
[[nodiscard]] std::string file_header(const FileStart& start);
/// Of one that this process begins now.
[[nodiscard]] FileStart starting_now(bool from_ring);
/// The block that says what a pool is; that of a pool's end.
void put_facts(BlockWriter& block, const track::PoolFacts& facts) noexcept;
/// Counts of a pool in the order of Count, from requested_live on.
[[nodiscard]] std::vector<std::uint64_t> counts_of(const Statistics& known, std::uint64_t lost,
                                                   std::uint64_t names_lost, std::uint64_t late);

}  // namespace weir::monitor
