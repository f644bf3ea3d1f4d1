// Many paths at a time: the kernels' bodies themselves, over a few lanes that lie in the first cache, in a loop that a
// compiler turns into vector code. A path that ended is put back and a waiting one takes its lane, so that all are at
// work until the last few. The width of a vector makes no difference to any path.
constexpr uint lanes = 32;

/// The chunk that a share of paths is taken from, and lanes of the same columns.
struct Flock {
  Flock(const Buffers& buffers, const Parameters& asked, uint first, uint last)
      : chunk(buffers, asked), parameters(asked), next(first), end(last) {
    parameters.count = lanes;
    for (uint lane = 0; lane < lanes; ++lane) fill(lane);
  }
  Flock(const Flock&) = delete;
  Flock& operator=(const Flock&) = delete;

  /// Puts the next path that waits into a lane; one that never flies where there is none.
  void fill(uint lane) {
    while (next < end && chunk.paths[ending_column * chunk.count + next] != in_flight) ++next;
    path[lane] = next < end ? next++ : none;
    for (uint column = 0; column < launch_columns; ++column) {
      launches[column * lanes + lane] =
          path[lane] == none ? real(0) : chunk.launches[column * chunk.count + path[lane]];
    }
    for (uint column = 0; column < path_columns; ++column) {
      paths[column * lanes + lane] = path[lane] == none ? real(0) : chunk.paths[column * chunk.count + path[lane]];
    }
    tried[lane] = 0;
    if (path[lane] != none) ++flying;
  }
  void put_back(uint lane) {
    if (path[lane] == none) return;
    for (uint column = 0; column < path_columns; ++column) {
      chunk.paths[column * chunk.count + path[lane]] = paths[column * lanes + lane];
    }
    --flying;
  }

  static constexpr uint none = 0xffffffffu;
  Bodies chunk;
  Parameters parameters;
  uint next, end, flying = 0;
  uint path[lanes], tried[lanes];
  alignas(64) real launches[launch_columns * lanes];
  alignas(64) real paths[path_columns * lanes];
};

/// One attempt of every lane. The count in 32 bits beside numbers of 64 has a compiler take two vectors of lanes at a
/// time, so that the long chains of one are worked on while the other's wait.
[[gnu::flatten, gnu::noinline]] inline void attempt_all(Flock& flock) {
  Parameters parameters = flock.parameters;
  parameters.count = lanes;
  Bodies all({flock.launches, flock.paths}, parameters);
#pragma GCC ivdep
  for (uint lane = 0; lane < lanes; ++lane) {
    all.keep(lane, attempted(all.path_of(lane), all.air_of(lane)));
    flock.tried[lane] += 1u;
  }
}

inline void advance_all(const Buffers& buffers, const Parameters& parameters, uint first, uint last) {
  Flock flock(buffers, parameters, first, last);
  while (flock.flying != 0) {
    attempt_all(flock);
    real ended = real(0);
    for (uint lane = 0; lane < lanes; ++lane) ended += flock.paths[ending_column * lanes + lane];
    bool tired = false;
    for (uint lane = 0; lane < lanes; ++lane) tired |= flock.tried[lane] >= parameters.attempts;
    if (ended == real(0) && !tired) continue;
    for (uint lane = 0; lane < lanes; ++lane) {
      const bool over = flock.paths[ending_column * lanes + lane] != in_flight;
      if (!over && flock.tried[lane] < parameters.attempts) continue;
      flock.put_back(lane);
      flock.fill(lane);
    }
  }
}
