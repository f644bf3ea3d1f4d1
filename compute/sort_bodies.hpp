// A stable sort of codes by four bits a pass, from one side of two buffers to the other, as bodies for one of many
// threads each, with a run of points a thread, so that no two threads have to agree on anything. A code has two words
// of 4 · `digits_of_word` bits, the low one first, at `codes[2 * place]`; `order[place]` goes with it. The user has
// that constant, the buffers `codes`, `order` and `counters`, and the parameters `count`, `side`, `digit`,
// `level_begin`, `level_count`, `below_begin` and `below_count`; sort_plan.hpp says in which order the bodies run.
// Included by workloads inside their threads' structs and by their shaders, behind sort_sizes.hpp.

// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result,modernize-loop-convert): GLSL is without.

WEIR_COMPUTE_BODY uint digit_of(uint place) {
  const uint word = digit >= digits_of_word ? 1u : 0u;
  return codes[2u * place + word] >> (4u * (digit - word * digits_of_word)) & 15u;
}

/// Counts the digits of a run; lower digits first, and of one digit lower runs, so that sums are places.
WEIR_COMPUTE_BODY void count_digits(uint run) {
  uint found[16];
  for (uint d = 0u; d < 16u; ++d) found[d] = 0u;
  const uint first = side * count;
  const uint end = min((run + 1u) * run_points, count);
  for (uint i = run * run_points; i < end; ++i) ++found[digit_of(first + i)];
  const uint runs = (count + run_points - 1u) / run_points;
  for (uint d = 0u; d < 16u; ++d) counters[d * runs + run] = found[d];
}

/// The sum of a block of the level below.
WEIR_COMPUTE_BODY void sum_block(uint block) {
  const uint end = min((block + 1u) * block_counters, below_count);
  uint sum = 0u;
  for (uint i = block * block_counters; i < end; ++i) sum += counters[below_begin + i];
  counters[level_begin + block] = sum;
}
/// From counts to the sums of all before each, in a block of the level below; this level has those of blocks already.
WEIR_COMPUTE_BODY void place_block(uint block) {
  const uint end = min((block + 1u) * block_counters, below_count);
  uint sum = level_count == 0u ? 0u : counters[level_begin + block];
  for (uint i = block * block_counters; i < end; ++i) {
    const uint each = counters[below_begin + i];
    counters[below_begin + i] = sum;
    sum += each;
  }
}

/// Moves a run to its places on the other side.
WEIR_COMPUTE_BODY void move_run(uint run) {
  const uint runs = (count + run_points - 1u) / run_points;
  uint place[16];
  for (uint d = 0u; d < 16u; ++d) place[d] = counters[d * runs + run];
  const uint first = side * count;
  const uint other = (1u - side) * count;
  const uint end = min((run + 1u) * run_points, count);
  for (uint i = run * run_points; i < end; ++i) {
    const uint d = digit_of(first + i);
    const uint to = other + place[d];
    place[d] = place[d] + 1u;
    codes[2u * to] = codes[2u * (first + i)];
    codes[2u * to + 1u] = codes[2u * (first + i) + 1u];
    order[to] = order[first + i];
  }
}

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result,modernize-loop-convert)
