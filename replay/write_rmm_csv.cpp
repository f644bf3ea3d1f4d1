// A recording as RMM's log; see convert.hpp and rmm_csv.hpp, which reads it.
#include <algorithm>
#include <cstdio>

#include "replay/block_walk.hpp"
#include "replay/convert.hpp"

namespace weir::replay {

namespace {

using track::Event;
using track::EventKind;

class CsvWriter final : public BlockVisitor {
 public:
  CsvWriter(const Recording& recording, const WriteText& write) : recording_(recording), write_(write) {
    text_ = "Thread,Time,Action,Pointer,Size,Stream\n";
  }
  void allocated(const Event& block) override { put("allocate", block, block.address, block.bytes, block.stream); }
  void freed(const Event& block, const Event& end) override {
    put("free", end, block.address, block.bytes, end.stream);
  }
  void resized(const Event& before, const Event& after) override {
    ++resizes_;
    BlockVisitor::resized(before, after);
  }
  void other(const Event& event) override {
    if (event.kind == EventKind::refuse) put("allocate failure", event, 0, event.bytes, event.stream);
  }
  [[nodiscard]] std::uint64_t resizes() const noexcept { return resizes_; }
  void finish() { write_(text_); }

 private:
  void put(const char* action, const Event& event, std::uint64_t pointer, std::uint64_t bytes, std::uint32_t stream) {
    const std::uint64_t time = wall_time_of(recording_, event.time) / 1000;
    constexpr std::uint64_t million = 1'000'000;
    const std::uint64_t seconds = time / million;
    char line[160];
    const int length =
        std::snprintf(line, sizeof(line), "%u,%02u:%02u:%02u.%06u,%s,0x%llx,%llu,0x%x\n", unsigned{event.thread},
                      static_cast<unsigned>(seconds / 3600 % 24), static_cast<unsigned>(seconds / 60 % 60),
                      static_cast<unsigned>(seconds % 60), static_cast<unsigned>(time % million), action,
                      static_cast<unsigned long long>(pointer), static_cast<unsigned long long>(bytes), stream);
    text_.append(line, static_cast<std::size_t>(std::max(length, 0)));
    constexpr std::size_t usual = std::size_t{1} << 16;
    if (text_.size() < usual) return;
    write_(text_);
    text_.clear();
  }

  const Recording& recording_;
  const WriteText& write_;
  std::string text_;
  std::uint64_t resizes_ = 0;
};

}  // namespace

Losses write_rmm_csv(const Recording& recording, const WriteText& write) {
  Losses losses{"an RMM log has no owners, no pages, no transfers, and not how a request was served"};
  CsvWriter csv(recording, write);
  const auto largest = std::max_element(recording.pools.begin(), recording.pools.end(),
                                        [](const RecordedPool& a, const RecordedPool& b) {
                                          return a.totals.requested.cumulative < b.totals.requested.cumulative;
                                        });
  if (largest != recording.pools.end()) walk(*largest, csv);
  csv.finish();
  if (csv.resizes() != 0) {
    losses.push_back(std::to_string(csv.resizes()) + " changes of a block's size became frees and allocations");
  }
  if (recording.pools.size() > 1) {
    losses.push_back("an RMM log is of one pool: that of \"" + largest->name + "\" is written, of " +
                     std::to_string(recording.pools.size()) + "; the others are left out");
  }
  return losses;
}

}  // namespace weir::replay
