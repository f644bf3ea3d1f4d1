// See history_levels.hpp.
#include "replay/history_levels.hpp"

#include <algorithm>

namespace weir::replay {

namespace {

/// The books while the changes are gone through.
class Books {
 public:
  Books(const History& history, const Bands& bands)
      : history_(history), bands_(bands), reserved_(history.reserved_before), by_band_(bands.names.size()) {}

  void apply(const Change& change) {
    switch (change.kind) {
      case Change::Kind::take: reserved_ += change.what; return;
      case Change::Kind::give: reserved_ -= std::min(reserved_, change.what); return;  // events may be lost
      case Change::Kind::begin:
      case Change::Kind::end: break;
    }
    const Life& life = history_.lives[change.what];
    std::uint64_t& band = by_band_[bands_.of_life[change.what]];
    if (change.kind == Change::Kind::begin) {
      requested_ += life.bytes;
      allocated_ += life.allocated;
      band += life.bytes;
    } else {
      requested_ -= life.bytes;
      allocated_ -= life.allocated;
      band -= life.bytes;
    }
  }

  [[nodiscard]] std::uint64_t requested() const { return requested_; }
  [[nodiscard]] std::uint64_t allocated() const { return allocated_; }
  [[nodiscard]] std::uint64_t reserved() const { return reserved_; }
  [[nodiscard]] const std::vector<std::uint64_t>& by_band() const { return by_band_; }

 private:
  const History& history_;
  const Bands& bands_;
  std::uint64_t requested_ = 0;
  std::uint64_t allocated_ = 0;
  std::uint64_t reserved_ = 0;
  std::vector<std::uint64_t> by_band_;
};

/// Of the finer bucket's figures the larger and smaller, and the sums.
void take_in(Bucket& all, const Bucket& part) {
  all.lowest = std::min(all.lowest, part.lowest);
  all.allocated = std::max(all.allocated, part.allocated);
  all.reserved = std::max(all.reserved, part.reserved);
  all.cache += part.cache;
  all.arena += part.arena;
  all.miss += part.miss;
}

void count_way(Bucket& bucket, const History& history, const Change& change) {
  if (change.kind != Change::Kind::begin) return;
  switch (history.lives[change.what].way) {
    case track::EventWay::cache: ++bucket.cache; break;
    case track::EventWay::arena: ++bucket.arena; break;
    case track::EventWay::miss: ++bucket.miss; break;
    default: break;
  }
}

Level first_level(const History& history, const Bands& bands, Levels& made) {
  Books books(history, bands);
  Level level{.step = Levels::first_step, .buckets = {}, .bands = {}};
  std::vector<std::uint64_t> highest;
  const auto check = [&] {
    made.checkpoints.push_back({books.allocated(), books.reserved()});
    made.checkpoint_bands.insert(made.checkpoint_bands.end(), books.by_band().begin(), books.by_band().end());
  };
  const std::size_t count = history.changes.size();
  for (std::size_t start = 0; start < count; start += level.step) {
    check();
    Bucket bucket;
    for (std::size_t i = start; i < std::min<std::size_t>(count, start + level.step); ++i) {
      books.apply(history.changes[i]);
      const Bucket now{.highest = static_cast<std::uint32_t>(i),
                       .requested = books.requested(),
                       .lowest = books.requested(),
                       .allocated = books.allocated(),
                       .reserved = books.reserved()};
      if (i == start || now.requested > bucket.requested) {
        bucket.highest = now.highest;
        bucket.requested = now.requested;
        highest = books.by_band();
      }
      if (i == start) bucket.lowest = now.lowest;
      take_in(bucket, now);
      count_way(bucket, history, history.changes[i]);
    }
    level.buckets.push_back(bucket);
    level.bands.insert(level.bands.end(), highest.begin(), highest.end());
  }
  check();
  return level;
}

Level coarser(const Level& fine, std::size_t bands) {
  Level made{.step = fine.step * Levels::factor, .buckets = {}, .bands = {}};
  for (std::size_t start = 0; start < fine.buckets.size(); start += Levels::factor) {
    std::size_t best = start;
    Bucket all = fine.buckets[start];
    for (std::size_t i = start + 1; i < std::min<std::size_t>(fine.buckets.size(), start + Levels::factor); ++i) {
      take_in(all, fine.buckets[i]);
      if (fine.buckets[i].requested > fine.buckets[best].requested) best = i;
    }
    all.highest = fine.buckets[best].highest;
    all.requested = fine.buckets[best].requested;
    made.buckets.push_back(all);
    const auto from = fine.bands.begin() + static_cast<std::ptrdiff_t>(best * bands);
    made.bands.insert(made.bands.end(), from, from + static_cast<std::ptrdiff_t>(bands));
  }
  return made;
}

}  // namespace

Levels levels_of(const History& history, const Bands& bands) {
  Levels made;
  made.levels.push_back(first_level(history, bands, made));
  while (made.levels.back().buckets.size() > Levels::few) {
    made.levels.push_back(coarser(made.levels.back(), bands.names.size()));
  }
  return made;
}

}  // namespace weir::replay
