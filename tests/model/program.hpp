// One random program over one pool: it draws a step, lets a thread of the crew
// take it, tells the oracle, and compares all totals. Everything that a caller
// may do is a step, and so is everything that a caller must not do.
#pragma once

#include <chrono>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include <weir/weir.hpp>

#include "contract/fake_clock.hpp"
#include "model/crew.hpp"
#include "model/oracle.hpp"
#include "model/weather.hpp"
#include "support/faulty_backend.hpp"

namespace weir::model {

struct Configuration {
  std::string name;
  std::string backend;
  PoolMode mode = PoolMode::pages;
  std::uint64_t limit = 0;
  std::uint64_t live = 0;  ///< bytes the program keeps live, about
  std::size_t threads = 1;
  std::uint64_t thread_cache_bytes = std::uint64_t{1} << 30;
  bool zero = false;
  std::chrono::nanoseconds late{0};  ///< events are done so much later than they were recorded
  std::uint64_t share = 1;           ///< it takes one of so many of the operations: clearing is slow
  bool storm = false;                ///< whatever may fail does now and then; nothing must have changed then

  friend std::ostream& operator<<(std::ostream& out, const Configuration& configuration) {
    return out << configuration.name;
  }
};

class Program {
 public:
  Program(const Configuration& configuration, std::uint64_t seed);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Takes one step. Gives what went wrong, or nothing.
  [[nodiscard]] std::string step();
  /// Frees what is live and ends the pool; the same.
  [[nodiscard]] std::string finish();
  /// What the last step was, for messages.
  [[nodiscard]] const std::string& last() const { return last_; }

 private:
  using Dice = std::uint64_t;

  [[nodiscard]] std::string act();
  [[nodiscard]] bool all_is_past() const;
  [[nodiscard]] std::string check();
  [[nodiscard]] std::string allocate();
  [[nodiscard]] std::string free_one();
  [[nodiscard]] std::string misuse();
  [[nodiscard]] std::string change_streams();
  [[nodiscard]] std::string book();
  [[nodiscard]] std::string look();
  [[nodiscard]] std::string give_back();

  [[nodiscard]] Dice roll(Dice sides) { return random_() % sides; }
  [[nodiscard]] std::uint64_t any_size();
  [[nodiscard]] StreamId any_stream();
  /// Runs the call on a thread of the crew; throws what it throws.
  template <class Call>
  void on_any_thread(Call call) {
    const std::size_t thread = roll(crew_.size() + 1);
    last_ += " by thread " + std::to_string(thread);
    if (thread == crew_.size()) {
      call();
    } else {
      crew_.run(thread, call);
    }
  }
  template <class Wrong, class Call>
  [[nodiscard]] std::string expect_error(Call call);
  /// Whether that is a storm's doing.
  [[nodiscard]] bool injected(const Error& error) const {
    const ErrorCode code = error.code();
    return weather_ &&
           (code == ErrorCode::driver_error || code == ErrorCode::out_of_memory || code == ErrorCode::device_lost);
  }

  const Configuration configuration_;
  std::mt19937_64 random_;
  std::shared_ptr<device::FaultyBackend> backend_;
  Device device_;
  std::uint64_t page_bytes_;
  contract::FakeClock clock_;
  std::unique_ptr<Pool> pool_;
  Oracle oracle_;
  std::vector<Stream> streams_;
  std::vector<StreamId> ended_;
  std::vector<ExternalBytes> bookings_;
  std::vector<Oracle::Live> gone_;    // a few that were freed
  Crew crew_;                         // after the pool: its threads end first
  std::unique_ptr<Weather> weather_;  // where there is a storm
  bool holding_ = false;
  std::uint64_t steps_ = 0;
  std::string last_;
};

}  // namespace weir::model
