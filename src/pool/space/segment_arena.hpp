// An arena over plain segments from the driver, for devices without virtual
// memory and for pools that are switched off. A segment is a chain of pieces of
// its own; when it is one free piece again, it can go back to the driver.
#pragma once

#include <optional>

#include "device/backend.hpp"
#include "pool/space/arena.hpp"

namespace weir::pool {

struct Segment {
  device::Address address = 0;
  std::uint64_t bytes = 0;
};

class SegmentArena final : public Arena {
 public:
  SegmentArena(track::BlockTable& blocks, index::AddressMap& addresses, std::uint8_t number, std::uint64_t page_bytes)
      : Arena(blocks, addresses, number, static_cast<std::uint32_t>(page_bytes >> index::granule_shift)) {}

  /// Adds a segment, all of it free.
  void add(const Segment& segment, std::uint32_t now);
  /// Takes out a wholly free segment that no work touches, free since `since` or longer, of at most `most` bytes.
  [[nodiscard]] std::optional<Segment> take_idle(std::uint32_t since, std::uint64_t most);
  /// Every segment, for the end of the pool.
  [[nodiscard]] std::vector<Segment> all() const;

 private:
  void became_free(std::uint64_t, std::uint64_t, const track::Block&, std::uint32_t) override {}
};

}  // namespace weir::pool
