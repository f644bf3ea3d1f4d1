// How a golf ball flies, in the language of kernels: gravity, drag that falls with the Reynolds number, Magnus lift
// that rises with the spin, wind that rises with height; and one attempt at a step of the classical Runge-Kutta method
// with step doubling. x is along the line of aim, y to its left, z up; metres, seconds, revolutions a minute. Nothing
// branches on a path's own values. Constants are quotients of whole numbers, which 32 and 64 bits round alike in C++
// and GLSL. Included by the kernels' bodies and by whatever follows a path on the host.
#if !defined(WEIR_TRAJECTORY_FORMULAS)
#define WEIR_TRAJECTORY_FORMULAS

#include "compute/language.hpp"

/// Before a loop that stays a loop in a shader, where the physics would else stand eleven times and take minutes to
/// compile, and is straight code in C++, which makes vectors of it.
#if defined(WEIR_COMPUTE_GLSL) || defined(__CUDACC__)  // nvcc decides by itself
#define WEIR_TRAJECTORY_UNROLLED
#elif defined(__clang__)
#define WEIR_TRAJECTORY_UNROLLED _Pragma("unroll")
#else
#define WEIR_TRAJECTORY_UNROLLED _Pragma("GCC unroll 8")
#endif

#if !defined(WEIR_COMPUTE_GLSL)
namespace weir::trajectory::formulas {
using namespace compute::language;  // NOLINT(google-build-using-namespace): GLSL has one namespace
#endif

const real gravity = real(980665) / real(100000);
const real ball_radius = real(427) / real(20000);
const real ball_mass = real(459) / real(10000);
const real air_density = real(1225) / real(1000);
const real pi = real(245850922) / real(78256779);  // within 1e-16
/// Half the air's density times the ball's cross section over its mass. Per metre.
const real air_force = air_density / real(2) * pi * ball_radius * ball_radius / ball_mass;
/// Speeds at which the Reynolds number is 1e5 and 1.8e5, in air of 1.81e-5 Pa s: 1e5 · 1.81e-5 / (1.225 · 0.0427).
const real first_drag_speed = real(1810000) / real(1225) / real(427) * real(10);
const real last_drag_speed = first_drag_speed * real(9) / real(5);
const real first_drag = real(225) / real(1000);
const real drag_slope = real(20) / real(1000) / (last_drag_speed - first_drag_speed);
const real first_lift_spin = real(2000);
const real last_lift_spin = real(4000);
const real first_lift = real(21) / real(100);
const real lift_slope = real(8) / real(100) / (last_lift_spin - first_lift_spin);
const real spin_decay = real(8) / real(100);     // of the spin, a second
const real time_limit = real(60);                // s
const real first_step = real(1) / real(100);     // s
const real least_step = real(1) / real(100000);  // s; one as short as that is taken whatever its error
const real never = real(1000000);                // s

/// 2^(-8 · 0.143), 2^(4 · 0.143), 2^(2 · 0.143) and 2^-0.143: 30 bits, and 30 more.
const real bits_30 = real(1073741824);
const real power_8 = real(485871645) / bits_30 + real(100759487) / bits_30 / bits_30;
const real power_4 = real(1596206325) / bits_30 + real(247305988) / bits_30 / bits_30;
const real power_2 = real(1309165188) / bits_30 + real(681591347) / bits_30 / bits_30;
const real power_1 = real(972417084) / bits_30 + real(861078837) / bits_30 / bits_30;
const real fifteenth = real(1) / real(15);
const real third_part = real(1) / real(3);

/// How a path ended.
const real in_flight = real(0);
const real on_ground = real(1);
const real out_of_time = real(2);

/// Where a ball is and how it moves; or how fast each of these changes.
struct Motion {
  real x;
  real y;
  real z;
  real vx;
  real vy;
  real vz;
  real spin;
};

/// A path between two steps.
struct Path {
  Motion now;
  real time;
  real next_step;  // s, to be tried
  real apex;       // m
  real steps;      // taken
  real ending;     // in_flight or another
};

/// What a path flies through. The spin's axis is (0, axis_y, axis_z), of length 1, or 0 for a ball that is not spun.
/// The wind is as at 10 m.
struct Air {
  real axis_y;
  real axis_z;
  real wind_x;
  real wind_y;
  real drag;       // air_force, or 0 for none
  real lift;       // the same
  real tolerance;  // of a step: m, and m/s
};

WEIR_COMPUTE_FN real larger(real a, real b) { return a > b ? a : b; }
WEIR_COMPUTE_FN real smaller(real a, real b) { return a < b ? a : b; }
WEIR_COMPUTE_FN real within(real a, real low, real high) { return smaller(larger(a, low), high); }
WEIR_COMPUTE_FN real size_of(real a) { return a < real(0) ? -a : a; }

/// The wind where the ball's lowest point is z above the ground, over the wind at 10 m: (height / 10 m)^0.143 of its
/// centre, which is never lower than its radius, and counts as 1,000 m above that. Within 1e-10 of it, in 64 bits:
/// powers of two bring the height between 25/32 and 25/16, where a polynomial about 1 was fitted at Chebyshev's nodes.
WEIR_COMPUTE_FN real wind_at(real z) {
  const real height = (smaller(larger(z, real(0)), real(999)) + ball_radius) * (real(1) / real(10));
  const bool lowest = height < real(25) / real(64);
  const real h8 = lowest ? height * real(256) : height;
  const real f8 = lowest ? power_8 : real(1);
  const bool highest = h8 > real(25) / real(4);
  const real h4 = highest ? h8 * (real(1) / real(16)) : h8;
  const real f4 = highest ? f8 * power_4 : f8;
  const bool high = h4 > real(25) / real(16);
  const real h2 = high ? h4 * (real(1) / real(4)) : h4;
  const real f2 = high ? f4 * power_2 : f4;
  const bool low = h2 < real(25) / real(32);
  const real h1 = low ? h2 * real(2) : h2;
  const real f1 = low ? f2 * power_1 : f2;
  const real s = h1 - real(1);
  const real s2 = s * s;
  const real s4 = s2 * s2;
  const real unit = real(1) / real(68719476736.0);  // 2^-36
  const real first = (real(1) + real(143) / real(1000) * s) +
                     s2 * (real(-2105410146) * (unit * real(2)) + real(1303249236) * (unit * real(2)) * s);
  const real second = (real(-1861693769) * unit + real(1436018342) * unit * s) +
                      s2 * (real(-1162150039) * unit + real(975201997) * unit * s);
  const real third = (real(-848726302) * unit + real(728169220) * unit * s) +
                     s2 * (real(-496615957) * unit + real(174513172) * unit * s);
  return f1 * (first + s4 * (second + s4 * third));
}

/// How fast a motion changes.
WEIR_COMPUTE_FN Motion rate_of(Motion m, Air air) {
  const real wind = wind_at(m.z);
  const real rx = m.vx - air.wind_x * wind;
  const real ry = m.vy - air.wind_y * wind;
  const real rz = m.vz;
  const real speed = WEIR_COMPUTE_SQRT(rx * rx + ry * ry + rz * rz);
  const real drag = air.drag * speed *
                    (first_drag - drag_slope * (within(speed, first_drag_speed, last_drag_speed) - first_drag_speed));
  const real lift = air.lift * speed *
                    (first_lift + lift_slope * (within(m.spin, first_lift_spin, last_lift_spin) - first_lift_spin));
  Motion rate;
  rate.x = m.vx;
  rate.y = m.vy;
  rate.z = m.vz;
  rate.vx = lift * (air.axis_y * rz - air.axis_z * ry) - drag * rx;
  rate.vy = lift * (air.axis_z * rx) - drag * ry;
  rate.vz = -gravity - lift * (air.axis_y * rx) - drag * rz;
  rate.spin = -spin_decay * m.spin;
  return rate;
}

WEIR_COMPUTE_FN Motion moved(Motion m, Motion rate, real time) {
  m.x = m.x + time * rate.x;
  m.y = m.y + time * rate.y;
  m.z = m.z + time * rate.z;
  m.vx = m.vx + time * rate.vx;
  m.vy = m.vy + time * rate.vy;
  m.vz = m.vz + time * rate.vz;
  m.spin = m.spin + time * rate.spin;
  return m;
}

WEIR_COMPUTE_FN Motion sum_of(Motion a, Motion b) {
  a.x = a.x + b.x;
  a.y = a.y + b.y;
  a.z = a.z + b.z;
  a.vx = a.vx + b.vx;
  a.vy = a.vy + b.vy;
  a.vz = a.vz + b.vz;
  a.spin = a.spin + b.spin;
  return a;
}

/// The classical step of fourth order, of which the first rate is known.
WEIR_COMPUTE_FN Motion stepped(Motion m, Motion first, real time, Air air) {
  const real part = time / real(2);
  Motion rate = first;
  Motion middle = first;  // the second and the third rate together
  WEIR_TRAJECTORY_UNROLLED
  for (uint stage = 1u; stage < 4u; ++stage) {
    rate = rate_of(moved(m, rate, stage == 3u ? time : part), air);
    if (stage == 1u) middle = rate;
    if (stage == 2u) middle = sum_of(middle, rate);
  }
  const real sixth = time * (real(1) / real(6));
  m.x = m.x + sixth * (first.x + real(2) * middle.x + rate.x);
  m.y = m.y + sixth * (first.y + real(2) * middle.y + rate.y);
  m.z = m.z + sixth * (first.z + real(2) * middle.z + rate.z);
  m.vx = m.vx + sixth * (first.vx + real(2) * middle.vx + rate.vx);
  m.vy = m.vy + sixth * (first.vy + real(2) * middle.vy + rate.vy);
  m.vz = m.vz + sixth * (first.vz + real(2) * middle.vz + rate.vz);
  m.spin = m.spin + sixth * (first.spin + real(2) * middle.spin + rate.spin);
  return m;
}

/// When z + v t + bend t² first falls to 0, of z ≥ 0; `never` where it does not.
WEIR_COMPUTE_FN real time_to_ground(real z, real v, real bend) {
  const real square = v * v - real(4) * bend * z;
  const real root = WEIR_COMPUTE_SQRT(larger(square, real(0)));
  const bool rising = v >= real(0);
  const real over = rising ? v + root : real(2) * z;
  const real under = rising ? real(-2) * bend : root - v;
  const real reaches = rising ? -bend : square;
  return reaches > real(0) ? over / under : never;
}

/// The highest point between two heights that are `time` apart, where the speed upwards falls to 0 between them: of the
/// cubic with these heights and speeds. Else 0.
WEIR_COMPUTE_FN real peak_between(Motion a, Motion b, real time) {
  const real mean = (b.z - a.z) / time;
  const real first = real(6) * mean - real(4) * a.vz - real(2) * b.vz;
  const real second = real(3) * (a.vz + b.vz) - real(6) * mean;
  const real root = WEIR_COMPUTE_SQRT(larger(first * first - real(4) * second * a.vz, real(0)));
  const real at = real(2) * a.vz / (root - first);
  const real peak = a.z + time * at * (a.vz + at * (first / real(2) + at * second * third_part));
  const bool within_it = (a.vz > real(0)) && (b.vz <= real(0));
  return within_it ? peak : real(0);
}

/// The largest difference of two motions, as a part of what a doubled step is off by: m, and m/s.
WEIR_COMPUTE_FN real error_of(Motion whole, Motion twice) {
  const real place = larger(larger(size_of(twice.x - whole.x), size_of(twice.y - whole.y)), size_of(twice.z - whole.z));
  const real speed =
      larger(larger(size_of(twice.vx - whole.vx), size_of(twice.vy - whole.vy)), size_of(twice.vz - whole.vz));
  return larger(place, speed) * fifteenth;
}

/// What to make the step longer by, for an error that is `times` the tolerance: between 0.2 and 4. The root that a
/// step's fifth order asks for is taken as the power 3/16, which square roots make.
WEIR_COMPUTE_FN real lengthening(real times) {
  const real bounded = within(times, real(1) / real(4096), real(4096));
  const real eighth = WEIR_COMPUTE_SQRT(WEIR_COMPUTE_SQRT(WEIR_COMPUTE_SQRT(bounded)));
  return within(real(9) / real(10) / (eighth * WEIR_COMPUTE_SQRT(eighth)), real(1) / real(5), real(4));
}

/// Tries one step: as a whole, and as two of half the length, whose difference tells the error. A step that is too far
/// off, or ends in the ground, changes only what is tried next; one that ends on the ground is the last. Ground is
/// where z is within a tenth of the tolerance.
WEIR_COMPUTE_FN Path attempted(Path p, Air air) {
  const Motion m = p.now;
  Motion rate = rate_of(m, air);
  const real foreseen = time_to_ground(m.z, m.vz, rate.vz / real(2));
  const real time = smaller(smaller(p.next_step, time_limit - p.time), foreseen);
  const real part = time / real(2);
  Motion whole = m;
  Motion middle = m;
  Motion twice = m;
  WEIR_TRAJECTORY_UNROLLED
  for (uint step = 0u; step < 3u; ++step) {
    twice = stepped(middle, rate, step == 0u ? time : part, air);
    if (step == 0u) whole = twice;
    if (step == 1u) {
      middle = twice;
      rate = rate_of(middle, air);
    }
  }
  const real error = error_of(whole, twice);
  // What is left of the error is of fifth order.
  twice.x = twice.x + (twice.x - whole.x) * fifteenth;
  twice.y = twice.y + (twice.y - whole.y) * fifteenth;
  twice.z = twice.z + (twice.z - whole.z) * fifteenth;
  twice.vx = twice.vx + (twice.vx - whole.vx) * fifteenth;
  twice.vy = twice.vy + (twice.vy - whole.vy) * fifteenth;
  twice.vz = twice.vz + (twice.vz - whole.vz) * fifteenth;
  twice.spin = twice.spin + (twice.spin - whole.spin) * fifteenth;

  const real ground = air.tolerance * (real(1) / real(10));
  const bool below = twice.z < -ground;
  const bool near_enough = (error <= air.tolerance) || (time <= least_step);
  const bool taken = near_enough && !below;
  const real longer = larger(time * lengthening(error / air.tolerance), least_step);
  const real back = time_to_ground(m.z, m.vz, (twice.z - m.z - time * m.vz) / (time * time));
  p.next_step = below ? smaller(longer, back) : longer;

  const real time_after = p.time + time;
  const real higher = larger(twice.z, larger(peak_between(m, middle, part), peak_between(middle, twice, part)));
  const bool landed = (twice.z <= ground) && (twice.vz <= real(0));
  const real ending = landed ? on_ground : (time_after >= time_limit ? out_of_time : in_flight);
  p.now.x = taken ? twice.x : m.x;
  p.now.y = taken ? twice.y : m.y;
  p.now.z = taken ? twice.z : m.z;
  p.now.vx = taken ? twice.vx : m.vx;
  p.now.vy = taken ? twice.vy : m.vy;
  p.now.vz = taken ? twice.vz : m.vz;
  p.now.spin = taken ? twice.spin : m.spin;
  p.time = taken ? time_after : p.time;
  p.apex = taken ? larger(p.apex, higher) : p.apex;
  p.steps = taken ? p.steps + real(1) : p.steps;
  p.ending = taken ? ending : p.ending;
  return p;
}

/// A path at its start.
WEIR_COMPUTE_FN Path launched(real vx, real vz, real spin) {
  Path p;
  p.now.x = real(0);
  p.now.y = real(0);
  p.now.z = real(0);
  p.now.vx = vx;
  p.now.vy = real(0);
  p.now.vz = vz;
  p.now.spin = spin;
  p.time = real(0);
  p.next_step = first_step;
  p.apex = real(0);
  p.steps = real(0);
  p.ending = in_flight;
  return p;
}

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::trajectory::formulas
#endif
#endif
