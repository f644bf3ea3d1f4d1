// See findings.hpp.
#include "replay/findings.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <unordered_map>

#include <weir/bytes.hpp>

#include "replay/block_walk.hpp"

namespace weir::replay {

namespace {

using track::Event;
using track::EventKind;
using track::EventWay;

class Owners final : public BlockVisitor {
 public:
  explicit Owners(const RecordedPool& pool) { walk(pool, *this); }
  void allocated(const Event& block) override {
    OwnerFigures& owner = begin(block);
    ++owner.allocations;
  }
  void freed(const Event& block, const Event&) override {
    OwnerFigures& owner = owners_[block.tag];
    owner.live -= block.bytes;
    --owner.blocks;
    live_.erase(block.block);
  }
  void resized(const Event& before, const Event& after) override {
    const std::uint64_t born = live_.at(before.block).time;
    freed(before, after);
    OwnerFigures& owner = begin(after);
    live_.at(after.block).time = born;
    ++owner.resizes;
    if (after.way == EventWay::copied) ++owner.copies;
    if (before.bytes != 0) owner.first = owner.first == 0 ? before.bytes : std::min(owner.first, before.bytes);
    owner.grown = std::max(owner.grown, after.bytes);
  }
  void moved_in(const Event& block) override {
    OwnerFigures& owner = owners_[block.tag];
    ++owner.resizes;
    if (block.way == EventWay::copied) ++owner.copies;
  }
  [[nodiscard]] std::vector<OwnerFigures> take() && {
    std::vector<OwnerFigures> all;
    for (auto& [block, event] : live_) {
      OwnerFigures& owner = owners_[event.tag];
      owner.oldest = owner.oldest == 0 ? event.time : std::min(owner.oldest, event.time);
    }
    all.reserve(owners_.size());
    for (const auto& [tag, owner] : owners_) all.push_back(owner);
    std::sort(all.begin(), all.end(), [](const OwnerFigures& a, const OwnerFigures& b) {
      return a.peak != b.peak ? a.peak > b.peak : a.tag < b.tag;
    });
    return all;
  }

 private:
  OwnerFigures& begin(const Event& block) {
    OwnerFigures& owner = owners_[block.tag];
    owner.tag = block.tag;
    owner.live += block.bytes;
    owner.peak = std::max(owner.peak, owner.live);
    ++owner.blocks;
    live_.insert_or_assign(block.block, block);
    return owner;
  }
  std::unordered_map<std::uint32_t, OwnerFigures> owners_;
  std::unordered_map<std::uint32_t, Event> live_;
};

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.0f %%", 100 * share);
  return text;
}

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string times(std::uint64_t count) { return count == 1 ? "once" : std::to_string(count) + " times"; }

class PoolFindings {
 public:
  PoolFindings(const Recording& recording, const RecordedPool& pool, std::vector<Finding>& found)
      : recording_(recording), pool_(pool), found_(found), owners_(owners_of(pool)) {
    for (const Event& event : pool.events) count(event);
  }

  void find() {
    refusals();
    leaks();
    growth();
    fragmentation();
    hit_rate();
    back_and_forth();
    spills();
    small_transfers();
    lost();
  }

 private:
  void count(const Event& event) {
    switch (event.kind) {
      case EventKind::allocate:
        if (event.way == EventWay::none || event.bytes > cached_size) break;  // other tools do not tell how
        ++cacheable_;
        if (event.way == EventWay::cache) ++cache_hits_;
        break;
      case EventKind::refuse:
        ++refused_;
        largest_refused_ = std::max(largest_refused_, event.bytes);
        break;
      case EventKind::destroy:
        returned_ += event.bytes;
        ++returns_;
        break;
      case EventKind::create:
        if (returned_ != 0) taken_again_ += event.bytes;
        break;
      case EventKind::spill:
        ++spills_;
        spilled_ += event.bytes;
        break;
      case EventKind::transfer_start:
        ++transfers_;
        if (event.bytes < small_transfer) ++small_;
        break;
      default: break;
    }
  }

  void add(std::string rule, std::string owner, std::string text, std::string setting, double weight) {
    found_.push_back({std::move(rule), pool_.name, std::move(owner), std::move(text), std::move(setting), weight});
  }

  void refusals() {
    if (refused_ == 0) return;
    const std::uint64_t most = pool_.totals.reserved.peak;
    add("refusals", {},
        "Requests were refused " + times(refused_) + ", the largest of " + format_bytes(largest_refused_) + ", with " +
            format_bytes(most) + " reserved at most" +
            (pool_.limit != 0 ? " and a limit of " + format_bytes(pool_.limit) : std::string()) +
            ". Raise the limit, free earlier, or let buffers go to the host.",
        "PoolOptions::limit, TransferOptions::spill_limit", 2.0);
  }

  // What is live when its pool has ended. Before that, it is in use.
  void leaks() {
    if (!pool_.at_end) return;
    constexpr std::size_t most_named = 5;
    std::size_t named = 0;
    for (const OwnerFigures& owner : owners_) {
      if (owner.blocks == 0 || named++ == most_named) continue;
      const std::uint64_t end = pool_.events.empty() ? 0 : pool_.events.back().time;
      const double age = 1e-9 * static_cast<double>(end - std::min(end, owner.oldest));
      char seconds[32];
      std::snprintf(seconds, sizeof(seconds), "%.1f s", age);
      add("leaks", recording_.names[owner.tag],
          quoted(owner.tag) + " left " + std::to_string(owner.blocks) + (owner.blocks == 1 ? " block" : " blocks") +
              " of " + format_bytes(owner.live) + " when the pool ended; the oldest was " + seconds +
              " old. Free them before; call sites say where they were made.",
          "PoolOptions::call_sites", 1.0 + ratio(owner.live, pool_.totals.requested.peak));
    }
  }

  void growth() {
    constexpr std::uint64_t many = 8;  // doubling makes 8 steps from 4 KiB to 1 MiB
    for (const OwnerFigures& owner : owners_) {
      if (owner.resizes < many && owner.copies < 3) continue;
      const bool known = owner.first != 0 && owner.grown > owner.first;
      add("growth", recording_.names[owner.tag],
          quoted(owner.tag) + " changed its size " + times(owner.resizes) + ", " +
              (owner.copies == 0 ? std::string("never by a copy") : times(owner.copies) + " by a copy") +
              (known ? ", from " + format_bytes(owner.first) + " up to " + format_bytes(owner.grown) +
                           ": create it with " + format_bytes(owner.grown) + ", or set its growth to " +
                           growth_for(owner) + "."
                     : ", up to " + format_bytes(owner.peak) +
                           ". Ask for its final capacity at once, or let it grow in larger steps."),
          "BufferOptions::growth, ensure_capacity()",
          0.3 + 0.05 * static_cast<double>(owner.copies) + ratio(owner.peak, pool_.totals.requested.peak));
    }
  }

  /// The factor by which four steps would have done, in tenths, as far as it may be set.
  static std::string growth_for(const OwnerFigures& owner) {
    constexpr double steps = 4;
    const double exact = std::pow(static_cast<double>(owner.grown) / static_cast<double>(owner.first), 1 / steps);
    char text[16];
    std::snprintf(text, sizeof(text), "%.1f", std::clamp(std::ceil(exact * 10) / 10, 1.1, 4.0));
    return text;
  }

  void fragmentation() {
    const Statistics& totals = pool_.totals;
    constexpr double low = 0.8;
    constexpr std::uint64_t worth = std::uint64_t{64} << 20;
    const double used = ratio(totals.requested.peak, totals.reserved.peak);
    if (totals.reserved.peak < worth) return;
    if (pool_.backend.empty()) {  // of the other tools, only PyTorch's snapshots tell what was reserved
      constexpr double low_elsewhere = 0.95;
      if (used >= low_elsewhere) return;
      add("fragmentation", {},
          "At their peaks " + percent(used) + " of the reserved " + format_bytes(totals.reserved.peak) +
              " were asked for. Expandable segments waste less; weir replay says what weir would reserve.",
          "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True", 1.0 - used);
      return;
    }
    if (used >= low) return;
    add("fragmentation", {},
        "At their peaks " + percent(used) + " of the reserved " + format_bytes(totals.reserved.peak) +
            " were asked for. Smaller handles move more easily; without a limit a pool also takes memory rather than "
            "wait for it.",
        "PoolOptions::max_handle_bytes, PoolOptions::limit", 1.0 - used);
  }

  // Larger blocks go back to their arena unless their size repeats: they need no cache.
  void hit_rate() {
    constexpr std::uint64_t enough = 1000;
    constexpr double low = 0.5;
    if (cacheable_ < enough) return;
    const double rate = ratio(cache_hits_, cacheable_);
    if (rate >= low) return;
    add("hit_rate", {},
        percent(rate) + " of the " + std::to_string(cacheable_) + " requests of up to " + format_bytes(cached_size) +
            " were served by a cache. Sizes that repeat hit; so do more bytes kept by a thread.",
        "PoolOptions::thread_cache_bytes", 0.5 * (low - rate) + ratio(pool_.totals.misses, pool_.totals.allocations));
  }

  void back_and_forth() {
    if (taken_again_ == 0 || pool_.totals.reserved.peak == 0) return;
    constexpr double much = 0.5;
    const double share = ratio(taken_again_, pool_.totals.reserved.peak);
    if (share < much) return;
    add("idle_memory", {},
        format_bytes(taken_again_) + " were taken from the driver again after memory had gone back to it " +
            times(returns_) + ". Keep it longer, or keep some always.",
        "PoolOptions::idle_age, PoolOptions::keep_free", std::min(1.0, 0.3 * share));
  }

  void spills() {
    if (spills_ == 0) return;
    add("spills", {},
        "Buffers went to the host " + times(spills_) + ", " + format_bytes(spilled_) +
            " in all. More device memory, or fewer buffers in use at once, would spare that.",
        "PoolOptions::limit", 0.4 + ratio(spilled_, pool_.totals.requested.peak));
  }

  void small_transfers() {
    constexpr std::uint64_t many = 1000;
    if (small_ < many || small_ * 2 < transfers_) return;
    add("small_transfers", {},
        std::to_string(small_) + " of " + std::to_string(transfers_) + " transfers were of less than " +
            format_bytes(small_transfer) + ". Several in one submission cost less.",
        "Batch", 0.2);
  }

  void lost() {
    if (pool_.lost == 0) return;
    add("lost_events", {},
        std::to_string(pool_.lost) +
            " events were lost while this was recorded: all sums here are too low by what they would tell.",
        {}, 3.0);
  }

  [[nodiscard]] std::string quoted(std::uint32_t tag) const {
    return tag == 0 ? "What has no owner" : "\"" + recording_.names[tag] + "\"";
  }

  static constexpr std::uint64_t small_transfer = 4096;
  static constexpr std::uint64_t cached_size = std::uint64_t{256} << 10;  // every size up to this has a list in a cache

  const Recording& recording_;
  const RecordedPool& pool_;
  std::vector<Finding>& found_;
  std::vector<OwnerFigures> owners_;
  std::uint64_t cacheable_ = 0, cache_hits_ = 0;
  std::uint64_t refused_ = 0, largest_refused_ = 0;
  std::uint64_t returned_ = 0, returns_ = 0, taken_again_ = 0;
  std::uint64_t spills_ = 0, spilled_ = 0;
  std::uint64_t transfers_ = 0, small_ = 0;
};

}  // namespace

std::vector<OwnerFigures> owners_of(const RecordedPool& pool) { return Owners(pool).take(); }

std::vector<Finding> find_findings(const Recording& recording) {
  std::vector<Finding> found;
  for (const RecordedPool& pool : recording.pools) PoolFindings(recording, pool, found).find();
  std::stable_sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) { return a.weight > b.weight; });
  return found;
}

}  // namespace weir::replay
