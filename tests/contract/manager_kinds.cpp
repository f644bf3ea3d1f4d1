#include "contract/manager_kinds.hpp"

#include <algorithm>
#include <sstream>

namespace weir::contract {

std::vector<Kind> manager_kinds() {
  std::vector<Kind> all = kinds();
  std::erase_if(all, [](const Kind& kind) { return !kind.cached && kind.mode != PoolMode::off; });
  return all;
}

testing::AssertionResult says(const Said& said, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) {
    if (said.text.find(part) == std::string::npos) {
      return testing::AssertionFailure() << "'" << part << "' is not in '" << said.text << "'";
    }
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult same_buffer(const BufferStatistics& before, const BufferStatistics& after) {
  const auto text = [](const BufferStatistics& each) {
    std::ostringstream out;
    out << each.name << ' ' << each.type << ", capacity " << each.capacity << ", size " << each.size << ", requested "
        << each.requested << ", allocated " << each.allocated << ", accesses " << each.accesses << ", resizes "
        << each.resizes << " (" << each.resizes_in_place << " in place), moved " << each.bytes_moved << ", uploads "
        << each.uploads << ", downloads " << each.downloads;
    return out.str();
  };
  if (text(before) == text(after)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "before: " << text(before) << "\nafter:  " << text(after);
}

MemoryManager& ManagerContract::make_manager(ManagerOptions options) {
  options.pool.mode = GetParam().mode;
  if (options.pool.clock == nullptr) options.pool.clock = &clock_;
  managers_.push_back(std::make_unique<MemoryManager>(*device_, std::move(options)));
  return *managers_.back();
}

void ManagerContract::end_manager(MemoryManager& memory) {
  const auto found =
      std::find_if(managers_.begin(), managers_.end(), [&](const auto& each) { return each.get() == &memory; });
  ASSERT_NE(found, managers_.end());
  memory.free_all();
  EXPECT_NO_THROW(memory.pool().verify());
  const ManagerStatistics last = memory.statistics();
  EXPECT_TRUE(coherent(last.pool));
  EXPECT_EQ(last.buffers, 0u);
  EXPECT_EQ(last.pool.requested.live, 0u);
  EXPECT_EQ(memory.check_leaks().blocks, 0u);
  EXPECT_EQ(memory.check_leaks().bytes, 0u);
  const Report report = memory.report();
  EXPECT_TRUE(report.buffers.empty());
  EXPECT_TRUE(report.blocks.empty());
  managers_.erase(found);
  if (managers_.empty()) {
    EXPECT_EQ(backend_->balance(), device::FaultyBackend::Balance{});
  }
}

// Waits for what is queued. A fault that was meant for the manager may hit this call; it happens once.
void ManagerContract::settle() {
  try {
    device_->synchronize(StreamId::legacy_default);
  } catch (const Error&) {
    device_->synchronize(StreamId::legacy_default);
  }
}

void ManagerContract::TearDown() {
  while (!managers_.empty()) end_manager(*managers_.back());
  PoolContract::TearDown();
}

}  // namespace weir::contract
