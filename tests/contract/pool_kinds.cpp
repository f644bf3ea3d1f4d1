#include "contract/pool_kinds.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "device/access.hpp"
#include "late_events.hpp"
#include "open_backend.hpp"

namespace weir::contract {
namespace {

constexpr std::array all_names{"host", "dry", cuda_fake, "cuda", "vulkan"};

// A real device's events are late by themselves.
bool can_be_late(const std::string& backend) {
  const auto kind = backend_named(backend);
  return kind == BackendKind::host || kind == BackendKind::dry || backend == cuda_fake;
}

}  // namespace

const std::vector<KnownBackend>& known_backends() {
  static const std::vector<KnownBackend> all = [] {
    std::vector<KnownBackend> found;
    for (const char* name : all_names) {
      if (chosen(name)) found.push_back({name, why_absent(name)});
    }
    if (found.empty()) throw std::invalid_argument("WEIR_BACKENDS names no backend that there is");
    return found;
  }();
  return all;
}

std::vector<Kind> kinds() {
  std::vector<Kind> all;
  for (const KnownBackend& backend : known_backends()) {
    if (!backend.absent.empty()) continue;
    all.push_back({backend.name, "pages", PoolMode::pages, true});
    all.push_back({backend.name, "pages_uncached", PoolMode::pages, false});
    all.push_back({backend.name, "segments", PoolMode::segments, true});
    all.push_back({backend.name, "segments_uncached", PoolMode::segments, false});
    all.push_back({backend.name, "off", PoolMode::off, false});
    if (!can_be_late(backend.name)) continue;
    all.push_back({backend.name, "pages_late", PoolMode::pages, true, lateness_asked()});
    all.push_back({backend.name, "segments_late", PoolMode::segments, true, lateness_asked()});
  }
  return all;
}

std::string name_of(const testing::TestParamInfo<Kind>& kind) { return kind.param.backend + "_" + kind.param.name; }

testing::AssertionResult same_but_refusals(const Statistics& before, const Statistics& after) {
  std::ostringstream differences;
  const auto compare = [&](const char* name, std::uint64_t was, std::uint64_t is) {
    if (was != is) differences << "\n  " << name << ": " << was << " before, " << is << " after";
  };
  const auto compare_amounts = [&](const std::string& name, const Amount& was, const Amount& is) {
    compare((name + ".live").c_str(), was.live, is.live);
    compare((name + ".peak").c_str(), was.peak, is.peak);
    compare((name + ".cumulative").c_str(), was.cumulative, is.cumulative);
  };
  compare_amounts("requested", before.requested, after.requested);
  compare_amounts("allocated", before.allocated, after.allocated);
  compare_amounts("reserved", before.reserved, after.reserved);
  compare("live", before.live, after.live);
  compare("cached", before.cached, after.cached);
  compare("pending", before.pending, after.pending);
  compare("mapped_free", before.mapped_free, after.mapped_free);
  compare("held", before.held, after.held);
  compare("external", before.external, after.external);
  compare("largest_free_range", before.largest_free_range, after.largest_free_range);
  compare("allocations", before.allocations, after.allocations);
  compare("frees", before.frees, after.frees);
  compare("cache_hits", before.cache_hits, after.cache_hits);
  compare("arena_hits", before.arena_hits, after.arena_hits);
  compare("misses", before.misses, after.misses);
  compare("page_maps", before.page_maps, after.page_maps);
  compare("page_remaps", before.page_remaps, after.page_remaps);
  compare("evictions", before.evictions, after.evictions);
  if (differences.str().empty()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "the statistics differ:" << differences.str();
}

testing::AssertionResult coherent(const Statistics& s) {
  const std::uint64_t states = s.live + s.cached + s.pending + s.mapped_free + s.held;
  if (states != s.reserved.live) {
    return testing::AssertionFailure() << "reserved " << s.reserved.live << ", the sum of all states " << states
                                       << " (live " << s.live << ", cached " << s.cached << ", pending " << s.pending
                                       << ", free " << s.mapped_free << ", held " << s.held << ")";
  }
  if (s.live != s.allocated.live || s.requested.live > s.allocated.live) {
    return testing::AssertionFailure() << "live " << s.live << ", allocated " << s.allocated.live << ", requested "
                                       << s.requested.live;
  }
  for (const Amount& amount : {s.requested, s.allocated, s.reserved}) {
    if (amount.live > amount.peak || amount.peak > amount.cumulative) {
      return testing::AssertionFailure() << "live " << amount.live << ", peak " << amount.peak << ", cumulative "
                                         << amount.cumulative;
    }
  }
  if (s.allocations != s.cache_hits + s.arena_hits + s.misses || s.frees > s.allocations) {
    return testing::AssertionFailure() << "allocations " << s.allocations << ", frees " << s.frees << ", cache hits "
                                       << s.cache_hits << ", arena hits " << s.arena_hits << ", misses " << s.misses;
  }
  return testing::AssertionSuccess();
}

void PoolContract::SetUp() {
  backend_ = open_backend(GetParam().backend);
  backend_->delay_events(GetParam().late);
  device_.emplace(device::Access::make_device(backend_, "for the contract suite"));
  info_ = device_->info();
  // A backend can be required, not what its device lacks.
  if (GetParam().mode == PoolMode::pages && !info_.virtual_memory) {
    GTEST_SKIP() << info_.name << " has no virtual memory";
  }
}

void PoolContract::TearDown() {
  while (!pools_.empty()) end_pool(*pools_.back());
  if (backend_) {
    EXPECT_EQ(backend_->breach(), "");
  }
  EXPECT_EQ(driver_fault(GetParam().backend), "");
}

Pool& PoolContract::make_pool(PoolOptions options) {
  options.mode = GetParam().mode;
  if (!GetParam().cached) options.thread_cache_bytes = 0;
  if (options.clock == nullptr) options.clock = &clock_;
  pools_.push_back(std::make_unique<Pool>(*device_, std::move(options)));
  return *pools_.back();
}

void PoolContract::maintain(Pool& pool) const {
  pool.maintain();
  if (GetParam().late == std::chrono::nanoseconds(0)) return;
  std::this_thread::sleep_for(GetParam().late);
  pool.maintain();
}

void PoolContract::end_pool(Pool& pool) {
  const auto found = std::find_if(pools_.begin(), pools_.end(), [&](const auto& each) { return each.get() == &pool; });
  ASSERT_NE(found, pools_.end());
  EXPECT_NO_THROW(pool.verify());
  EXPECT_TRUE(coherent(pool.statistics()));
  EXPECT_EQ(pool.check_leaks().blocks, 0u);
  EXPECT_EQ(pool.check_leaks().bytes, 0u);
  EXPECT_EQ(pool.live_blocks().size(), 0u);
  pools_.erase(found);
  if (pools_.empty()) {
    const device::FaultyBackend::Balance left = backend_->balance();
    EXPECT_EQ(left.ranges, 0u);
    EXPECT_EQ(left.pages, 0u);
    EXPECT_EQ(left.mapped_pages, 0u);
    EXPECT_EQ(left.segment_bytes, 0u);
    EXPECT_EQ(left.events, 0u);
  }
}

// --- The table of backends itself ---

class BackendTable : public testing::TestWithParam<KnownBackend> {};

TEST_P(BackendTable, CanBeOpened) {
  const KnownBackend& backend = GetParam();
  const std::vector<std::string> required = required_backends();
  if (backend.absent.empty()) {
    EXPECT_EQ(open_backend(backend.name)->info().backend,
              backend.name == cuda_fake ? BackendKind::cuda : backend_named(backend.name));
  } else if (std::find(required.begin(), required.end(), backend.name) != required.end()) {
    FAIL() << "WEIR_REQUIRE names it, but: " << backend.absent;
  } else {
    GTEST_SKIP() << backend.absent;
  }
}

INSTANTIATE_TEST_SUITE_P(Known, BackendTable, testing::ValuesIn(known_backends()),
                         [](const auto& backend) { return backend.param.name; });

#ifdef WEIR_HAS_CUDA
// On a GPU a context takes a third of a second, and there are a thousand cases.
TEST(CudaContext, IsMadeOnceForAllCases) {
  if (!chosen(cuda_fake)) GTEST_SKIP() << "WEIR_BACKENDS does not name " << cuda_fake;
  for (int i = 0; i < 3; ++i) static_cast<void>(open_backend(cuda_fake)->create_stream());
  EXPECT_EQ(shared_fake().contexts_made(), 1u);
}
#endif

// Also by a run that is about other backends.
TEST(RequiredBackends, AreKnown) {
  for (const std::string& name : required_backends()) {
    EXPECT_NE(std::find(all_names.begin(), all_names.end(), name), all_names.end())
        << "WEIR_REQUIRE names \"" << name << "\", which this suite does not know";
  }
}

}  // namespace weir::contract
