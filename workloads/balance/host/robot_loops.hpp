// Robots, one after the other: the kernels' bodies themselves, in loops that a compiler turns into vector code, as no
// body branches on a robot's own values. What is the same for all robots is a constant in each loop.
struct Robots : robots::Buffers, robots::Parameters {
  Robots(const robots::Buffers& buffers, const robots::Parameters& parameters)
      : robots::Buffers(buffers), robots::Parameters(parameters) {}

#include "workloads/balance/robot/bodies.hpp"
};

template <uint physics, uint reward>
[[gnu::flatten]] void advance_all(Robots robots, Share share) {
  robots.physics = physics;
  robots.reward = reward;
#pragma GCC ivdep
  for (uint i = share.first; i < share.last; ++i) robots.advance(i);
}

template <uint physics>
void advance_by_reward(const Robots& robots, Share share) {
  switch (robots.reward) {
    case formulas::reward_simple: return advance_all<physics, formulas::reward_simple>(robots, share);
    case formulas::reward_complex: return advance_all<physics, formulas::reward_complex>(robots, share);
    case formulas::reward_efficient: return advance_all<physics, formulas::reward_efficient>(robots, share);
    default: return advance_all<physics, formulas::reward_offset_adaptive>(robots, share);
  }
}

template <uint physics>
[[gnu::flatten]] void move_all(Robots robots, Share share) {
  robots.physics = physics;
#pragma GCC ivdep
  for (uint i = share.first; i < share.last; ++i) robots.move(i);
}

template <uint history>
[[gnu::flatten]] void observe_all(Robots robots, Share share) {
  robots.history = history;
#pragma GCC ivdep
  for (uint i = share.first; i < share.last; ++i) robots.observe(i);
}

inline void observe_by_history(const Robots& robots, Share share) {
  switch (robots.history) {
    case 1: return observe_all<1>(robots, share);
    case 2: return observe_all<2>(robots, share);
    case 3: return observe_all<3>(robots, share);
    case 4: return observe_all<4>(robots, share);
    case 5: return observe_all<5>(robots, share);
    case 6: return observe_all<6>(robots, share);
    case 7: return observe_all<7>(robots, share);
    default: return observe_all<8>(robots, share);
  }
}

inline void run_robot_loops(const RobotStep& step, const robots::Buffers& buffers, Share share) {
  const Robots robots(buffers, step.parameters);
  switch (step.body) {
    case robots::Body::start:
      for (uint i = share.first; i < share.last; ++i) Robots(robots).start(i);
      return;
    case robots::Body::observe: return observe_by_history(robots, share);
    case robots::Body::decide: {
      Robots own = robots;
#pragma GCC ivdep
      for (uint i = share.first; i < share.last; ++i) own.decide(i);
      return;
    }
    case robots::Body::move: return robots.physics == 0 ? move_all<0>(robots, share) : move_all<1>(robots, share);
    case robots::Body::advance:
      return robots.physics == 0 ? advance_by_reward<0>(robots, share) : advance_by_reward<1>(robots, share);
  }
}
