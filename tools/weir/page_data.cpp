// See page_data.hpp.
#include "page_data.hpp"

#include <zlib.h>

#include <cstdint>
#include <new>
#include <stdexcept>

#include "index/size_bins.hpp"

namespace weir::tool {
namespace {

using replay::Change;
using replay::History;

/// Numbers one behind the other: seven bits a byte, the lowest first.
class Column {
 public:
  explicit Column(std::string& out) : out_(out) {}

  void byte(std::uint8_t value) { out_ += static_cast<char>(value); }
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) byte(static_cast<std::uint8_t>(value | 0x80));
    byte(static_cast<std::uint8_t>(value));
  }
  /// The difference from the number before, small ones of either sign short: 0, -1, 1, -2 are 0, 1, 2, 3.
  void step(std::uint64_t value) {
    const std::uint64_t difference = value - before_;
    number(difference >> 63 != 0 ? ~(difference << 1) : difference << 1);
    before_ = value;
  }
  /// The same of numbers that never fall.
  void rise(std::uint64_t value) {
    number(value - before_);
    before_ = value;
  }

 private:
  std::string& out_;
  std::uint64_t before_ = 0;
};

template <class All, class Put>
void column(std::string& out, const All& all, Put put) {
  Column to(out);
  for (const auto& each : all) put(to, each);
}

void put_changes(std::string& out, const History& history) {
  column(out, history.changes, [](Column& to, const Change& each) { to.rise(each.time); });
  column(out, history.changes, [](Column& to, const Change& each) { to.byte(static_cast<std::uint8_t>(each.kind)); });
  std::uint64_t begun = 0;
  column(out, history.changes, [&](Column& to, const Change& each) {
    switch (each.kind) {
      case Change::Kind::begin: ++begun; break;                     // the next life
      case Change::Kind::end: to.number(begun - each.what); break;  // lives that began since, itself included
      case Change::Kind::take:
      case Change::Kind::give: to.number(each.what); break;
    }
  });
}

void put_lives(std::string& out, const PoolPage& pool) {
  using replay::Life;
  const auto& lives = pool.history.lives;
  column(out, lives, [](Column& to, const Life& each) { to.number(each.bytes); });
  column(out, lives, [](Column& to, const Life& each) { to.number(each.allocated >> index::granule_shift); });
  column(out, lives, [&](Column& to, const Life& each) { to.step(replay::offset_in(pool.regions, each.address)); });
  column(out, lives, [](Column& to, const Life& each) { to.number(each.tag); });
  column(out, lives, [](Column& to, const Life& each) { to.number(each.stream); });
  column(out, lives, [](Column& to, const Life& each) { to.number(each.thread); });
  column(out, lives, [](Column& to, const Life& each) { to.byte(static_cast<std::uint8_t>(each.way)); });
  column(out, lives, [](Column& to, const Life& each) { to.number(each.begin - each.born); });
  column(out, pool.bands.of_life, [](Column& to, std::uint8_t band) { to.byte(band); });
}

void put_rest(std::string& out, const PoolPage& pool) {
  const History& history = pool.history;
  const auto& mapped = history.mapped;
  using replay::MappedRange;
  column(out, mapped,
         [&](Column& to, const MappedRange& each) { to.step(replay::offset_in(pool.regions, each.address)); });
  column(out, mapped, [](Column& to, const MappedRange& each) { to.number(each.bytes); });
  column(out, mapped, [](Column& to, const MappedRange& each) { to.number(each.begin); });
  column(out, mapped, [](Column& to, const MappedRange& each) {
    to.number(each.end == History::never ? 0 : std::uint64_t{1} + each.end - each.begin);
  });
  const auto& transfers = history.transfers;
  using replay::RecordedTransfer;
  column(out, transfers, [](Column& to, const RecordedTransfer& each) { to.rise(each.start); });
  column(out, transfers, [](Column& to, const RecordedTransfer& each) {
    to.number(each.end == History::no_time ? 0 : 1 + each.end - each.start);
  });
  column(out, transfers, [](Column& to, const RecordedTransfer& each) { to.number(each.bytes); });
  column(out, transfers, [](Column& to, const RecordedTransfer& each) { to.number(each.stream); });
  column(out, transfers, [](Column& to, const RecordedTransfer& each) { to.number(each.thread); });
  column(out, transfers, [](Column& to, const RecordedTransfer& each) { to.byte(each.upload ? 1 : 0); });
  using replay::Mark;
  column(out, history.marks, [](Column& to, const Mark& each) { to.rise(each.time); });
  column(out, history.marks, [](Column& to, const Mark& each) { to.byte(static_cast<std::uint8_t>(each.kind)); });
  column(out, history.marks, [](Column& to, const Mark& each) { to.number(each.bytes); });
  column(out, history.marks, [](Column& to, const Mark& each) { to.number(each.tag); });
}

/// Band by band.
void put_bands(std::string& out, const std::vector<std::uint64_t>& values, std::size_t bands) {
  for (std::size_t band = 0; band < bands; ++band) {
    Column to(out);
    for (std::size_t i = band; i < values.size(); i += bands) to.step(values[i]);
  }
}

void put_levels(std::string& out, const PoolPage& pool) {
  using replay::Bucket;
  const std::size_t bands = pool.bands.names.size();
  for (const replay::Level& level : pool.levels.levels) {
    const auto& all = level.buckets;
    column(out, all, [](Column& to, const Bucket& each) { to.rise(each.highest); });
    column(out, all, [](Column& to, const Bucket& each) { to.step(each.lowest); });
    column(out, all, [](Column& to, const Bucket& each) { to.step(each.allocated); });
    column(out, all, [](Column& to, const Bucket& each) { to.step(each.reserved); });
    column(out, all, [](Column& to, const Bucket& each) { to.number(each.cache); });
    column(out, all, [](Column& to, const Bucket& each) { to.number(each.arena); });
    column(out, all, [](Column& to, const Bucket& each) { to.number(each.miss); });
    put_bands(out, level.bands, bands);
  }
  const auto& checkpoints = pool.levels.checkpoints;
  column(out, checkpoints, [](Column& to, const replay::Checkpoint& each) { to.step(each.allocated); });
  column(out, checkpoints, [](Column& to, const replay::Checkpoint& each) { to.step(each.reserved); });
  put_bands(out, pool.levels.checkpoint_bands, bands);
}

}  // namespace

std::string columns_of(const PoolPage& pool) {
  std::string out;
  put_changes(out, pool.history);
  put_lives(out, pool);
  put_rest(out, pool);
  put_levels(out, pool);
  return out;
}

std::string packed(std::string_view bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                               reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), Z_DEFAULT_COMPRESSION);
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  if (status != Z_OK) throw std::logic_error("zlib packed more than it said it might");
  out.resize(size);
  return out;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](std::size_t place) {
      return place < bytes.size() ? std::uint32_t{static_cast<std::uint8_t>(bytes[place])} : 0u;
    };
    const std::uint32_t three = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    out += digits[three >> 18];
    out += digits[three >> 12 & 63];
    out += i + 1 < bytes.size() ? digits[three >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? digits[three & 63] : '=';
  }
  return out;
}

}  // namespace weir::tool
