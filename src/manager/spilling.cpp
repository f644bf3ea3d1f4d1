// Which buffers a manager spills when memory runs short, in which order, and what it says of those that it cannot.
#include <algorithm>
#include <chrono>

#include <weir/bytes.hpp>

#include "core/pacing.hpp"
#include "manager/implementation.hpp"

namespace weir {

// Buffers that cannot make a page free come last: a few bytes between others help no large request. Those whose work
// goes on are waited for when no other helps, those in use at last. Where all together would not do, none goes. Before
// the soft limit is passed only idle ones go: the request is served in any case.
bool MemoryManager::Implementation::spill(const MemoryPressure& pressure) {
  struct Candidate {
    bool small;
    std::chrono::nanoseconds::rep last_use;
    Core buffer;
    detail::SpillLook look = {};
  };
  std::vector<Candidate> candidates;
  const std::uint64_t useful = std::min(pressure.bytes, pool_->page_bytes());
  std::uint64_t spillable = 0;
  for (Core& buffer : all()) {
    const std::uint64_t bytes = buffer->spillable_bytes();
    if (bytes == 0) continue;
    spillable += bytes;
    candidates.push_back({bytes < useful, buffer->last_use(), std::move(buffer)});
  }
  if (!pressure.early && !spilling_would_do(pressure.bytes, spillable)) return false;
  std::ranges::sort(candidates, {}, [](const Candidate& each) { return std::pair(each.small, each.last_use); });
  const core::Deadline deadline(pressure.left);
  std::uint64_t freed = 0;
  const auto spill_all = [&](const core::Deadline& patience) {
    for (Candidate& each : candidates) {
      freed += each.buffer->spill(*transfers_, {.users = patience, .copy = deadline}, each.look);
      if (freed != 0 && freed >= useful) return true;  // perhaps it is enough
    }
    return false;
  };
  // The work of an idle buffer is seen to be done a moment after it was looked at.
  constexpr std::chrono::milliseconds moment{1};
  if (spill_all(core::Deadline(moment)) || pressure.early) return freed != 0;
  if (spill_all(deadline)) return true;
  // Other threads use buffers for moments, while they queue their work.
  constexpr std::chrono::milliseconds moments{250};
  const core::Deadline uses(std::min<std::chrono::nanoseconds>(moments, pressure.left));
  const auto in_use = [](const Candidate& each) { return each.buffer->in_use(); };
  core::Pacing pacing;
  const auto began = std::chrono::steady_clock::now();
  while (freed == 0 && !uses.passed() && std::ranges::any_of(candidates, in_use)) {
    pacing.rest(std::chrono::steady_clock::now() - began, uses.left());
    if (spill_all(uses)) return true;
  }
  return freed != 0;
}

// Whether a request of so many bytes fits once all that can be spilled is.
bool MemoryManager::Implementation::spilling_would_do(std::uint64_t bytes, std::uint64_t spillable) const {
  const std::uint64_t on_host = std::min(transfers_->spilled_bytes(), transfers_->spill_limit());
  const std::uint64_t goes = std::min(spillable, transfers_->spill_limit() - on_host);
  const Statistics now = pool_->quick_statistics();
  const std::uint64_t stays = now.allocated.live + now.external - std::min(now.allocated.live, goes);
  return stays + bytes <= pool_->options().limit.value_or(UINT64_MAX);
}

std::string MemoryManager::Implementation::why_not_spilled() const {
  std::uint64_t bytes = 0;
  for (const Core& buffer : all()) bytes += buffer->bytes_kept_by_address();
  if (bytes == 0) return {};
  return "; " + format_bytes(bytes) + " cannot be spilled, as addresses of these buffers are in use: end_access() or " +
         "use() lets them go";
}

}  // namespace weir
