// Where a block is to lie that fits no free range: the window in which the fewest pages are
// missing, of those that a bounded search finds in the holes of an arena and in what is free
// beside them.
#include <algorithm>
#include <array>

#include "pool/space/paged_arena.hpp"

namespace weir::pool {

using track::Block;
using track::BlockState;

namespace {

// How much one search looks at, so that the arena's lock is held for some microseconds at most.
constexpr int max_holes = 64;
constexpr std::size_t max_pieces = 32;            // of one run between two blocks
constexpr std::uint64_t max_window_steps = 3584;  // pieces looked at; with one more run, and the way to it, about 4,000

}  // namespace

// Pieces side by side that a block may lie in, with what is missing before each.
struct PagedArena::Run {
  struct Part {
    std::uint64_t start;
    std::uint64_t end;
    std::uint64_t missing_before;  // pages
    std::size_t holes_before;
    bool is_hole;
  };
  std::uint32_t first = 0;
  std::size_t count = 0;  // one at least
  std::uint64_t missing_pages = 0;
  std::size_t holes = 0;
  std::array<Part, max_pieces> pieces;  // NOLINT(cppcoreguidelines-pro-type-member-init): the first `count` are filled

  [[nodiscard]] std::uint64_t start() const noexcept { return pieces[0].start; }
  [[nodiscard]] std::uint64_t end() const noexcept { return pieces[count - 1].end; }
  [[nodiscard]] std::uint64_t granules() const noexcept { return end() - start(); }
};

bool PagedArena::open_to(std::uint32_t id, StreamIndex stream_index) const noexcept {
  const Block& block = blocks_[id];
  if (block.is(BlockState::hole)) return true;
  const StreamIndex theirs = block.stream_index.load(std::memory_order_relaxed);
  return block.is(BlockState::free) && (theirs == stream_index || theirs == clean_index);
}

// A run is what lies between two blocks: holes and free ranges; of a long one, a part around the hole.
PagedArena::Run PagedArena::run_around(std::uint32_t hole, StreamIndex stream_index) const noexcept {
  Run run;
  std::uint32_t first = hole;
  std::size_t before = 0;
  for (std::uint32_t id = blocks_[hole].previous; id != 0 && open_to(id, stream_index); id = blocks_[id].previous) {
    // A hole before is looked at by itself.
    if (blocks_[id].is(BlockState::hole) || ++before > max_pieces / 2) break;
    first = id;
  }
  run.first = first;
  for (std::uint32_t id = first; id != 0 && run.count < max_pieces && open_to(id, stream_index);
       id = blocks_[id].next) {
    const Block& block = blocks_[id];
    Run::Part& piece = run.pieces[run.count++];
    piece = {block.start, block.end(), run.missing_pages, run.holes, block.is(BlockState::hole)};
    if (!piece.is_hole) continue;
    run.missing_pages += pages_in(block.size);
    ++run.holes;
  }
  return run;
}

// What is missing in windows of a run, each of which starts and ends no earlier than the one before: all of them are
// told in as many steps as there are pieces.
class PagedArena::Missing {
 public:
  Missing(const PagedArena& arena, const Run& run) : arena_(arena), run_(run) {}
  /// The window lies in the run.
  void move_to(std::uint64_t start, std::uint64_t end) noexcept {
    while (run_.pieces[first_].end <= start) ++first_;
    while (run_.pieces[last_].end < end) ++last_;
    const Run::Part& first = run_.pieces[first_];
    const Run::Part& last = run_.pieces[last_];
    // A page is missing as a whole: to its borders in holes, which have whole pages.
    pages = last.missing_before + (last.is_hole ? arena_.pages_in(arena_.page_up(end) - last.start) : 0);
    pages -= first.missing_before + (first.is_hole ? arena_.pages_in(start - first.start) : 0);
    gaps = last.holes_before + (last.is_hole ? 1 : 0) - first.holes_before;
  }
  std::uint64_t pages = 0;
  std::size_t gaps = 0;
  [[nodiscard]] std::uint64_t steps() const noexcept { return first_ + last_; }

 private:
  const PagedArena& arena_;
  const Run& run_;
  std::size_t first_ = 0;  // the piece that the window starts in, and ends in
  std::size_t last_ = 0;
};

// The block may start where any piece of the run starts, or end where one ends.
std::uint64_t PagedArena::consider_run(std::uint32_t hole, const Placement& wanted, std::uint64_t alignment,
                                       Window& best) const {
  const Run run = run_around(hole, wanted.stream_index);
  if (run.granules() < wanted.granules) return 1 + run.count;
  Missing from_starts(*this, run);
  Missing to_ends(*this, run);
  const auto consider = [&](std::uint64_t at, Missing& missing) {
    const std::uint64_t end = at + wanted.granules;
    if (at < run.start() || end > run.end()) return;
    missing.move_to(at, end);
    if (missing.gaps > GrowthPlan::max_gaps) return;
    if (missing.pages < best.cost || (missing.pages == best.cost && run.granules() < best.run_granules)) {
      best = {at, run.first, missing.pages, run.granules()};
    }
  };
  for (std::size_t i = 0; i < run.count; ++i) {
    const Run::Part& piece = run.pieces[i];
    consider((piece.start + alignment - 1) / alignment * alignment, from_starts);
    if (piece.end < run.start() + wanted.granules) continue;
    consider((piece.end - wanted.granules) / alignment * alignment, to_ends);
  }
  return 1 + 2 * run.count + from_starts.steps() + to_ends.steps();
}

// Small holes first, as what lies beside them was mapped; and one that is sure to be long enough, however many there
// are.
PagedArena::Window PagedArena::best_window(const Placement& wanted, std::uint64_t& steps) const {
  Window best;
  const bool whole = wanted.granules == page_down(wanted.granules);
  const std::uint64_t alignment = whole ? std::max(page_granules_, wanted.alignment) : wanted.alignment;
  int holes = 0;
  static_cast<void>(holes_.find_if(blocks_, 1, [&](std::uint32_t hole) {
    steps += consider_run(hole, wanted, alignment, best);
    return ++holes == max_holes || steps >= max_window_steps;
  }));
  const std::uint64_t sure = std::uint64_t{wanted.granules} + alignment;
  const std::uint32_t hole = sure > index::max_granules ? 0 : holes_.find(blocks_, static_cast<std::uint32_t>(sure));
  if (hole != 0) steps += consider_run(hole, wanted, alignment, best);
  return best;
}

}  // namespace weir::pool
