// What the tests of recordings share: pools that are recorded, a program for them, and a look
// into what was written, which is read here without the library's reader of files.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "monitor/block_reader.hpp"
#include "monitor/pool_state.hpp"
#include "support/in_child.hpp"

namespace weir {

namespace fs = std::filesystem;

/// What a recording's blocks come to, read here without the library's reader of files.
struct Seen {
  struct Pool {
    monitor::PoolState state;
    std::vector<track::Event> events;
    std::map<monitor::Count, std::uint64_t> last;
    std::uint64_t unmatched = 0;
  };
  std::map<std::uint16_t, Pool> pools;
  std::vector<std::string> names;
  bool ended = false;
  std::size_t whole = 0;  ///< bytes of whole blocks and the header
  std::size_t bytes = 0;
};

inline Seen look_at(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream contents;
  contents << file.rdbuf();
  const std::string all = contents.str();
  Seen seen;
  seen.bytes = all.size();
  std::span<const char> rest(all);
  if (!monitor::read_file_header(rest)) return seen;
  seen.whole = monitor::file_header_bytes;
  while (const auto header = monitor::read_block_header(rest = std::span<const char>(all).subspan(seen.whole))) {
    const std::size_t size = monitor::block_header_bytes + header->payload_bytes;
    if (size > rest.size() || !monitor::is_intact(rest.first(size))) break;
    seen.whole += size;
    monitor::ByteReader bytes(rest.first(size).subspan(monitor::block_header_bytes));
    const auto kind = static_cast<monitor::BlockKind>(header->kind);
    if (kind == monitor::BlockKind::file_end) seen.ended = true;
    if (kind == monitor::BlockKind::file_end || kind == monitor::BlockKind::pool) continue;
    Seen::Pool& pool = seen.pools[header->pool];
    std::map<monitor::Count, std::uint64_t> counts;
    if (kind != monitor::BlockKind::events) {
      EXPECT_TRUE(
          monitor::read_counts(bytes, [&](monitor::Count which, std::uint64_t value) { counts[which] = value; }));
    }
    if (kind == monitor::BlockKind::pool_end) pool.last = counts;
    if (kind == monitor::BlockKind::state && !counts.empty()) {
      pool.state.counts().allocations = counts[monitor::Count::allocations];
      pool.state.counts().requested.live = counts[monitor::Count::requested_live];
      pool.state.counts().requested.cumulative = counts[monitor::Count::requested_cumulative];
      pool.state.counts().frees = counts[monitor::Count::frees];
    }
    if (kind == monitor::BlockKind::pool_end) continue;
    monitor::RecordReader records(bytes, header->first_time);
    monitor::Record record;
    while (records.next(record)) {
      if (record.is_name) {
        seen.names.emplace_back(record.name);
        pool.state.name_tag(record.event.tag, record.name);
      } else if (kind == monitor::BlockKind::state) {
        pool.state.add_live(record.event);
      } else {
        pool.events.push_back(record.event);
        if (pool.state.apply(record.event) == monitor::PoolState::Outcome::unmatched) ++pool.unmatched;
      }
    }
    EXPECT_FALSE(records.damaged());
  }
  return seen;
}

/// What of a pool's counts its events tell.
inline testing::AssertionResult same_counts(const Statistics& recorded, const Statistics& pool) {
  std::ostringstream text;
  const auto compare = [&](const char* what, std::uint64_t here, std::uint64_t there) {
    if (here != there) text << "\n  " << what << ": recorded " << here << ", pool " << there;
  };
  compare("requested.live", recorded.requested.live, pool.requested.live);
  compare("requested.peak", recorded.requested.peak, pool.requested.peak);
  compare("requested.cumulative", recorded.requested.cumulative, pool.requested.cumulative);
  compare("allocated.live", recorded.allocated.live, pool.allocated.live);
  compare("allocated.peak", recorded.allocated.peak, pool.allocated.peak);
  compare("allocated.cumulative", recorded.allocated.cumulative, pool.allocated.cumulative);
  compare("reserved.live", recorded.reserved.live, pool.reserved.live);
  compare("reserved.peak", recorded.reserved.peak, pool.reserved.peak);
  compare("reserved.cumulative", recorded.reserved.cumulative, pool.reserved.cumulative);
  compare("allocations", recorded.allocations, pool.allocations);
  compare("frees", recorded.frees, pool.frees);
  compare("cache_hits", recorded.cache_hits, pool.cache_hits);
  compare("arena_hits", recorded.arena_hits, pool.arena_hits);
  compare("misses", recorded.misses, pool.misses);
  compare("refusals", recorded.refusals, pool.refusals);
  compare("page_maps", recorded.page_maps, pool.page_maps);
  if (text.str().empty()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "they differ:" << text.str();
}

/// A program of one thread, the same for the same seed. Leaves `leaves` blocks.
inline void run(Pool& pool, std::uint64_t seed, int steps, std::size_t leaves = 0) {
  std::mt19937_64 dice(seed);
  const Tag tags[] = {Tag::none, pool.tag("positions"), pool.tag("edges")};
  std::vector<void*> out;
  const auto free_one = [&] {
    const std::size_t index = dice() % out.size();
    pool.deallocate(out[index]);
    out[index] = out.back();
    out.pop_back();
  };
  for (int step = 0; step < steps; ++step) {
    const std::size_t size = dice() % 16 == 0 ? dice() % 3'000'000 : (dice() % 12 + 1) * 700;
    if (out.size() < 10 || (out.size() < 60 && dice() % 2 == 0)) {
      void* const block = pool.allocate(size, StreamId::legacy_default, {.tag = tags[dice() % 3]});
      if (block != nullptr) out.push_back(block);
    } else {
      free_one();
    }
    if (step % 8000 == 7999)
      flush_recordings();  // a busy machine keeps the recorder waiting for longer than events can
  }
  while (out.size() > leaves) free_one();
}

class Recorded : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("weir-recorder-" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override {
    unsetenv("WEIR_RECORD");
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  /// A path of this case's own, as recordings go on to the process's end.
  [[nodiscard]] std::string path(const std::string& name) const {
    return folder_ / (testing::UnitTest::GetInstance()->current_test_info()->name() + ("-" + name));
  }
  static Device host() { return open_device({.backend = "host"}); }
  static RecordingStatus status_of(const std::string& path) {
    for (const RecordingStatus& each : recordings()) {
      if (each.file == path) return each;
    }
    ADD_FAILURE() << "no recording " << path;
    return {};
  }

  fs::path folder_;
};

}  // namespace weir
