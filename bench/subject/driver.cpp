// The program of every subject: weir_bench_<subject> CASE THREADS MILLISECONDS [pin] [turns]
// runs one case in this fresh process and prints one line of `name value` pairs; with `turns` it waits for a line
// before each of these, and runs until there are no more, so that two subjects may take short turns;
// weir_bench_<subject> about prints the allocator's version. Started by weir_bench, or by hand under a
// profiler. A case that fails says why on stderr and ends with status 1.
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cases.hpp"
#include "rmm_script.hpp"
#include "stopwatch.hpp"
#include "subject.hpp"
#include "workload.hpp"

namespace bench::subject {

// Most subjects have no streams.
[[gnu::weak]] void take_stream() {}

namespace {

struct Run {
  Stopwatch::Clock::time_point start, end;
  std::uint64_t pairs = 0;
  double cpu_share = 0;

  [[nodiscard]] double seconds() const { return std::chrono::duration<double>(end - start).count(); }
  [[nodiscard]] double ns_per_pair() const { return 1e9 * seconds() / static_cast<double>(pairs); }
};

void print(std::string_view name, double value) {
  std::printf("%.*s %.9g ", static_cast<int>(name.size()), name.data(), value);
}

/// Puts the calling thread on the `index`-th core that it may run on.
void pin_to_core(unsigned index) {
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof allowed, &allowed);
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &allowed) || index-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    return;
  }
}

void warm_up(Workload& work) {
  const auto deadline = Stopwatch::Clock::now() + std::chrono::milliseconds(500);
  for (std::uint64_t pairs = 0; pairs < work.warm_up_pairs() && Stopwatch::Clock::now() < deadline;) {
    pairs += work.batch();
  }
}

Run run_for(Workload& work, std::chrono::microseconds window) {
  std::uint64_t pairs = 0;
  Stopwatch watch;
  const auto deadline = watch.start() + window;
  do {
    pairs += work.batch();
  } while (Stopwatch::Clock::now() < deadline);
  watch.stop();
  return {watch.start(), watch.end(), pairs, watch.cpu_share()};
}

/// On the main thread of a process without others, which some allocators make use of.
void run_alone(const Case& which, std::chrono::milliseconds window, bool turns) {
  const std::unique_ptr<Workload> work = make_workload(which.name, 0);
  warm_up(*work);
  while (!turns || std::getchar() != EOF) {
    const Run run = run_for(*work, window);
    print("ns_per_pair", run.ns_per_pair());
    print("cpu", run.cpu_share);
    if (!turns) return;
    std::printf("\n");
    std::fflush(stdout);
  }
}

/// Two threads, each with blocks of its own, in turns: the first alone, both at once, the second alone. So each has its
/// single-thread rate from the same process and the same moments. Each has a core of its own, on which a longer run
/// would soon be: one that is woken for a turn starts on the other's.
void run_pair(const Case& which, std::chrono::milliseconds window) {
  constexpr unsigned threads = 2, turns = 10;
  constexpr std::array<unsigned, 3> phases = {0b01, 0b11, 0b10};
  const std::chrono::microseconds each = std::chrono::microseconds(window) / turns;
  std::array<std::array<Run, turns * phases.size()>, threads> runs;
  std::barrier<> phase_start(threads);
  std::array<std::atomic<unsigned>, turns * phases.size()> ready{};

  const auto body = [&](unsigned index) {
    pin_to_core(index);
    if (which.streams) take_stream();
    const std::unique_ptr<Workload> work = make_workload(which.name, index);
    warm_up(*work);
    for (std::size_t turn = 0; turn < ready.size(); ++turn) {
      phase_start.arrive_and_wait();
      const unsigned phase = phases[turn % phases.size()];
      if (((phase >> index) & 1) == 0) continue;
      // A barrier wakes its sleepers one after the other; from here they start together.
      const unsigned runners = phase == 0b11 ? threads : 1;
      ready[turn].fetch_add(1);
      while (ready[turn].load() < runners) {
      }
      runs[index][turn] = run_for(*work, each);
    }
    phase_start.arrive_and_wait();
  };
  const auto guarded = [&](unsigned index) {
    try {
      body(index);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "thread %u: %s\n", index, error.what());
      std::_Exit(1);
    }
  };
  std::thread first(guarded, 0);
  std::thread second(guarded, 1);
  first.join();
  second.join();

  // Sums over the turns: of each thread, alone and with the other.
  struct Sum {
    double seconds = 0, cpu_seconds = 0;
    std::uint64_t pairs = 0;

    void add(const Run& run) {
      seconds += run.seconds();
      cpu_seconds += run.cpu_share * run.seconds();
      pairs += run.pairs;
    }
    [[nodiscard]] double ns_per_pair() const { return 1e9 * seconds / static_cast<double>(pairs); }
    [[nodiscard]] double cpu_share() const { return cpu_seconds / seconds; }
  };
  std::array<Sum, threads> alone, both;
  double wall = 0;
  for (std::size_t turn = 0; turn < ready.size(); ++turn) {
    const unsigned phase = phases[turn % phases.size()];
    for (unsigned index = 0; index < threads; ++index) {
      if (((phase >> index) & 1) != 0) (phase == 0b11 ? both : alone)[index].add(runs[index][turn]);
    }
    if (phase != 0b11) continue;
    const Run &a = runs[0][turn], &b = runs[1][turn];
    wall += std::chrono::duration<double>(std::max(a.end, b.end) - std::min(a.start, b.start)).count();
  }
  print("ns_per_pair", 1e9 * wall * threads / static_cast<double>(both[0].pairs + both[1].pairs));
  print("cpu", (both[0].cpu_share() + both[1].cpu_share()) / 2);
  for (const std::size_t index : {0U, 1U}) {
    const std::string thread = std::to_string(index);
    print("alone_" + thread, alone[index].ns_per_pair());
    print("alone_cpu_" + thread, alone[index].cpu_share());
    print("both_" + thread, both[index].ns_per_pair());
    print("both_cpu_" + thread, both[index].cpu_share());
  }
}

/// As RMM's benchmark does, the workload runs again and again on one pool; the first run, with every page
/// still to be mapped, is told apart. A subject that takes over a second for it is not run again.
void run_rmm() {
  const RmmScript script = make_rmm_script(rmm_allocations, 1 << 20);
  const RmmTime cold = run_rmm_script(script);
  const RmmTime warm = cold.seconds < 1 ? run_rmm_script(script) : cold;
  print("ns_per_pair", 1e9 * warm.seconds / rmm_allocations);
  print("cpu", warm.cpu_share);
  print("cold", 1e9 * cold.seconds / rmm_allocations);
}

int run(const std::vector<std::string>& arguments) {
  if (arguments == std::vector<std::string>{"about"}) {
    std::printf("%s\n", version().c_str());
    return 0;
  }
  if (arguments.size() < 3) throw std::invalid_argument("usage: CASE THREADS MILLISECONDS [pin] [turns] | about");
  const Case* which = find_case(arguments[0], static_cast<unsigned>(std::stoul(arguments[1])));
  if (which == nullptr) throw std::invalid_argument("no case " + arguments[0] + " with " + arguments[1] + " threads");
  const std::chrono::milliseconds window(std::stol(arguments[2]));
  const auto is_asked = [&](const char* word) {
    return std::find(arguments.begin() + 3, arguments.end(), word) != arguments.end();
  };
  const bool pin = is_asked("pin"), turns = is_asked("turns");

  open(which->bypass_cache);
  if (pin && which->threads == 1) pin_to_core(0);
  if (which->threads == 2) {
    run_pair(*which, window);
  } else if (which->name.starts_with("rmm_")) {
    run_rmm();
  } else {
    run_alone(*which, window, turns);
  }
  close();
  std::printf("\n");
  return 0;
}

}  // namespace
}  // namespace bench::subject

int main(int count, char** arguments) {
  try {
    return bench::subject::run({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", arguments[0], error.what());
    return 1;
  }
}
