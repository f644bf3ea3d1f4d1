// Recorded runs of seeded programs, with a fault planted or none. Memory is a real pool's on the dry device, whose
// clock goes on by a second a sample; times of computations and of transfers are made up. Programs build up what they
// need, repeat steps whose sizes vary, change to larger or smaller sets, keep caches that grow and are emptied, have
// bursts, take new sizes, and have outliers: what a detector must not take for a fault.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <stdexcept>
#include <vector>

#include <weir/pool.hpp>
#include <weir/watch.hpp>

#include "contract/fake_clock.hpp"

namespace weir::watch {

struct RecordedRun {
  std::vector<MemorySample> samples;
  std::optional<FindingKind> fault;
  std::size_t begins = 0;             ///< the sample with which the fault begins
  std::vector<std::uint64_t> leaked;  ///< bytes, until each sample
};

class Program {
 public:
  static constexpr std::size_t samples = 600;

  /// 40 % of the seeds have no fault; the others the four kinds in turn.
  [[nodiscard]] static std::optional<FindingKind> fault_of(std::uint64_t seed) {
    constexpr std::uint64_t in_ten = 10;
    const std::uint64_t place = seed % in_ten;
    if (place < 8) return place % 2 == 0 ? std::nullopt : std::optional(static_cast<FindingKind>(place / 2));
    return static_cast<FindingKind>((seed / in_ten + 2 * (place % 2)) % finding_kinds);
  }

  explicit Program(std::uint64_t seed)
      : random_(seed),
        segments_(fault_of(seed) == FindingKind::fragmentation || chance(0.5)),
        pool_(open_device({.backend = "dry"}),
              {.mode = segments_ ? PoolMode::segments : PoolMode::pages, .clock = &clock_}) {
    run_.fault = fault_of(seed);
    run_.begins = run_.fault ? 150 + below(150) : samples;
    plan();
  }

  RecordedRun record() {
    for (at_ = 0; at_ < samples; ++at_) {
      clock_.advance(std::chrono::seconds(1));
      change();
      work();
      take_times();
      run_.leaked.push_back(leaked_bytes_);
    }
    return std::move(run_);
  }

 private:
  static constexpr std::uint64_t kib = 1024, mib = kib * kib;

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }
  bool chance(double part) { return uniform() < part; }
  std::uint64_t size(double least, double most) {
    return static_cast<std::uint64_t>(least * std::pow(most / least, uniform()));
  }
  [[nodiscard]] bool faulty(FindingKind kind) const { return run_.fault == kind && at_ >= run_.begins; }

  void plan() {
    ramp_ = chance(0.5) ? 1 + below(120) : 1;
    kept_ = 20 + below(60);
    const std::size_t sizes = 8 + below(24);
    for (std::size_t i = 0; i < sizes; ++i) sizes_.push_back(size(8 * kib, segments_ ? 12.0 * mib : 4.0 * mib));
    jitter_ = chance(0.3) ? 0.2 * uniform() : 0;
    if (chance(0.4)) saw_period_ = 15 + below(45);
    if (chance(0.4)) cache_most_ = 10 + below(60);
    if (chance(0.3)) step_at_ = 60 + below(450);
    if (chance(0.2)) shrink_at_ = 60 + below(450);
    if (chance(0.3)) burst_ = 0.005 + 0.02 * uniform();
    if (chance(0.3)) new_sizes_at_ = 60 + below(450);
    if (chance(0.3)) trim_at_ = 60 + below(450);
    noise_ = 0.03 + 0.25 * uniform();
    outliers_ = chance(0.5) ? 0.03 * uniform() : 0;
    drift_ = chance(0.3) ? 1 + 0.6 * uniform() : 1;
    leak_share_ = 0.001 * std::pow(10, uniform());
    leak_blocks_ = size(1, 6);
    random_sizes_ = 0.5 + 0.5 * uniform();
    trims_ = chance(0.4);
    slow_factor_ = 4 * std::pow(3, uniform());
    slow_transfers_ = chance(0.5);
    slow_until_ = chance(0.3) ? run_.begins + 20 + below(60) : samples;
    if (run_.fault == FindingKind::hit_rate_drop) {
      for (std::uint64_t& each : sizes_) each = trims_ ? size(8.0 * mib, 12.0 * mib) : size(8 * kib, 200 * kib);
    }
    others_ = !run_.fault && segments_ && chance(0.3);
    pin_every_ = 5 + below(6);
  }

  void* take(std::uint64_t bytes) { return pool_.allocate(std::max<std::uint64_t>(bytes, 1)); }
  void free_last(std::vector<void*>& blocks, std::size_t count) {
    for (; count > 0 && !blocks.empty(); --count) {
      pool_.deallocate(blocks.back());
      blocks.pop_back();
    }
  }

  /// What the program has beside its steps.
  void change() {
    if (at_ < ramp_) {
      const std::size_t until = kept_ * (at_ + 1) / ramp_;
      while (weights_.size() < until) weights_.push_back(take(size(64 * kib, 8.0 * mib)));
    }
    if (at_ == step_at_) {
      for (std::size_t i = 0; i < kept_ / 2; ++i) more_.push_back(take(size(64 * kib, 8.0 * mib)));
    }
    if (at_ == shrink_at_) free_last(weights_, weights_.size() / 3);
    if (saw_period_ != 0) {
      if (at_ % saw_period_ == 0) free_last(saw_, saw_.size());
      saw_.push_back(take(size(64 * kib, 2.0 * mib)));
    }
    if (cache_most_ != 0) {  // drawn to the middle
      const double full = static_cast<double>(cache_.size()) / static_cast<double>(cache_most_);
      for (int i = 0; i < 4; ++i) {
        if (chance(1 - full)) cache_.push_back(take(size(32 * kib, 2.0 * mib)));
        if (chance(full)) free_last(cache_, 1);
      }
    }
    if (at_ == new_sizes_at_) {
      for (std::size_t i = 0; i < sizes_.size() / 3; ++i) sizes_[below(sizes_.size())] = size(8 * kib, 4.0 * mib);
    }
    if (at_ == trim_at_) pool_.trim();
    if (faulty(FindingKind::fragmentation)) pin();
    if (faulty(FindingKind::leak)) {
      // A few blocks a sample, whatever they are: what is forgotten is one thing or two in each step.
      const auto live = static_cast<double>(pool_.quick_statistics().requested.live);
      const double bytes = leak_share_ * live * 2 * uniform() / static_cast<double>(leak_blocks_);
      for (std::uint64_t i = 0; i < leak_blocks_; ++i) {
        leaked_.push_back(take(static_cast<std::uint64_t>(bytes)));
        leaked_bytes_ += static_cast<std::uint64_t>(bytes);
      }
    }
  }

  /// A step or two; the sample is taken somewhere in the middle of the last.
  void work() {
    const std::size_t steps = 1 + below(2);
    for (std::size_t step = 0; step < steps; ++step) {
      std::vector<void*> blocks;
      const std::size_t count = sizes_.size();
      const std::size_t look = step + 1 == steps ? below(2 * count) : 2 * count;
      for (std::size_t i = 0; i < count; ++i) {
        std::uint64_t bytes = sizes_[i];
        if (jitter_ > 0 && i % 4 == 0)
          bytes = static_cast<std::uint64_t>(static_cast<double>(bytes) * (1 + jitter_ * uniform()));
        if (faulty(FindingKind::hit_rate_drop) && !trims_ && chance(random_sizes_)) bytes = size(8 * kib, 4.0 * mib);
        blocks.push_back(take(bytes));
        if (i == look) sample();
      }
      if (burst_ > 0 && chance(burst_)) {
        std::vector<void*> burst;
        for (int i = 0; i < 30; ++i) burst.push_back(take(size(1.0 * mib, 8.0 * mib)));
        free_last(burst, burst.size());
      }
      if (others_) {  // the temporary blocks of each step are others, as those of a program whose inputs differ
        for (std::uint64_t& each : sizes_) each = size(2.0 * mib, 30.0 * mib);
      }
      for (std::size_t i = 0; i < count; ++i) {
        free_last(blocks, 1);
        if (count + i == look) sample();
      }
      if (faulty(FindingKind::hit_rate_drop) && trims_) pool_.trim();
    }
    if (run_.samples.size() == at_) sample();
    pool_.maintain();
  }
  void pin();

  /// As a monitor takes it.
  void sample() {
    if (run_.samples.size() != at_) return;
    const Statistics now = pool_.quick_statistics();
    run_.samples.push_back({.time = clock_.now(),
                            .requested = now.requested.live,
                            .peak_requested = now.requested.peak,
                            .reserved = now.reserved.live,
                            .in_use = now.live + now.pending + now.external,
                            .limit = pool_.options().limit,
                            .allocations = now.allocations,
                            .cache_hits = now.cache_hits,
                            .arena_hits = now.arena_hits,
                            .refusals = now.refusals,
                            .errors = now.errors,
                            .evictions = now.evictions,
                            .driver = {},  // by real time, which is never the same again
                            .compute = compute_,
                            .transfers = transfers_,
                            .utilization = {}});
  }

  void take_times() {
    const bool slow = faulty(FindingKind::slow) && at_ < slow_until_;
    const auto add = [&](Timing& sum, double usual, bool slower) {
      const std::size_t count = 1 + below(4);
      double time = usual * std::exp(noise_ * normal_(random_));
      time *= std::pow(drift_, static_cast<double>(at_) / samples);
      if (chance(outliers_)) time *= 3 + 7 * uniform();
      if (slower) time *= slow_factor_;
      sum.count += count;
      sum.total += std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * time * static_cast<double>(count)));
    };
    add(compute_, 4e-3, slow && !slow_transfers_);
    add(transfers_, 3e-4, slow && slow_transfers_);
  }

  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  contract::FakeClock clock_;
  const bool segments_;
  Pool pool_;
  RecordedRun run_;
  std::size_t at_ = 0;

  // The plan.
  std::size_t ramp_ = 1, kept_ = 0, saw_period_ = 0, cache_most_ = 0, pin_every_ = 1;
  std::size_t step_at_ = samples, shrink_at_ = samples, new_sizes_at_ = samples, trim_at_ = samples;
  std::vector<std::uint64_t> sizes_;
  double jitter_ = 0, burst_ = 0, noise_ = 0, outliers_ = 0, drift_ = 1;
  double leak_share_ = 0, random_sizes_ = 0, slow_factor_ = 1;
  std::uint64_t leak_blocks_ = 1, leaked_bytes_ = 0;
  bool trims_ = false, slow_transfers_ = false, others_ = false;
  std::size_t slow_until_ = samples;

  std::vector<void*> weights_, more_, saw_, cache_, leaked_;
  std::deque<BlockHandle> pins_;
  Timing compute_, transfers_;
};

/// A fault: blocks are taken large, shrunk to what is needed, and kept for long, so that each keeps a segment of which
/// the rest is too small for the next.
inline void Program::pin() {
  if (at_ % pin_every_ != 0) return;
  const std::uint64_t bytes = size(24.0 * mib, 60.0 * mib);
  const BlockHandle block = pool_.acquire(bytes);
  if (!pool_.resize(block, 4 * kib)) throw std::logic_error("a block could not be shrunk");
  pins_.push_back(block);
  constexpr std::size_t most = 60;
  if (pins_.size() <= most) return;
  pool_.release(pins_.front());
  pins_.pop_front();
}

inline RecordedRun recorded_run(std::uint64_t seed) { return Program(seed).record(); }

}  // namespace weir::watch
