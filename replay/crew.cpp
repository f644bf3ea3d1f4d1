// See crew.hpp.
#include "replay/crew.hpp"

#include <string>
#include <utility>

#include <weir/errors.hpp>

#include "core/thread.hpp"

namespace weir::replay {

namespace {

enum Turn : int { callers, workers, over };

}  // namespace

struct Crew::Worker {
  // An int, on which the system's threads can wait as it is.
  std::atomic<int> turn{callers};
  const std::function<void()>* work = nullptr;
  std::exception_ptr failure;
  std::thread thread;

  Worker()
      : thread(core::start_thread("a replay", [this] {
          for (turn.wait(callers); turn.load() == workers; turn.wait(callers)) {
            try {
              (*work)();
            } catch (...) {
              failure = std::current_exception();
            }
            turn.store(callers);
            turn.notify_one();
          }
        })) {}
  ~Worker() {
    turn.store(over);
    turn.notify_one();
    thread.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
};

Crew::Crew(std::size_t threads) {
  if (threads > max_threads) {
    throw InvalidArgument("a replay uses at most " + std::to_string(max_threads) + " threads, and the trace has " +
                              std::to_string(threads) + "; put them on one with --threads merge",
                          {.name = "threads", .limit = max_threads});
  }
  workers_.resize(threads == 0 ? 0 : threads - 1);
}

Crew::~Crew() = default;

void Crew::on(std::size_t member, const std::function<void()>& work) {
  if (member == 0) return work();
  std::unique_ptr<Worker>& worker = workers_.at(member - 1);
  if (!worker) worker = std::make_unique<Worker>();
  worker->work = &work;
  worker->turn.store(workers);
  worker->turn.notify_one();
  worker->turn.wait(workers);
  if (worker->failure) std::rethrow_exception(std::exchange(worker->failure, nullptr));
}

}  // namespace weir::replay
