// One random program over one manager: it draws a step, takes it, tells the oracle,
// and compares all totals. Work on one buffer is kept in the order of one stream, as
// a caller must; gates hold streams back, so that everything is done while copies
// are in flight. With faults, whatever fails must have changed nothing.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include <weir/weir.hpp>

#include "contract/fake_clock.hpp"
#include "contract/transfer_fixture.hpp"
#include "model/buffers_oracle.hpp"
#include "model/weather.hpp"
#include "support/faulty_backend.hpp"

namespace weir::model {

struct BuffersConfiguration {
  std::string name;
  std::string backend = "host";
  PoolMode mode = PoolMode::pages;
  std::uint64_t limit = 0;
  bool in_place = false;             ///< the host writes device memory itself
  std::uint64_t faults = 0;          ///< every n-th driver call fails; 0 = none
  std::chrono::nanoseconds late{0};  ///< events are done so much later than they were recorded
  bool storm = false;                ///< calls fail and events are late at random

  friend std::ostream& operator<<(std::ostream& out, const BuffersConfiguration& each) { return out << each.name; }
};

class BuffersProgram {
 public:
  BuffersProgram(const BuffersConfiguration& configuration, std::uint64_t seed);
  ~BuffersProgram();
  BuffersProgram(const BuffersProgram&) = delete;
  BuffersProgram& operator=(const BuffersProgram&) = delete;

  /// Takes one step. Gives what went wrong, or nothing.
  [[nodiscard]] std::string step();
  /// Compares all contents, frees everything and ends the manager; the same.
  [[nodiscard]] std::string finish();
  /// What the last step was, for messages.
  [[nodiscard]] const std::string& last() const { return last_; }

 private:
  using SharedGate = std::shared_ptr<contract::Gate>;
  struct GatedStream {
    std::optional<Stream> own;  ///< none: the device's default stream
    SharedGate gate;            ///< closed, if there is one
    [[nodiscard]] StreamId id() const { return own ? own->id() : StreamId::legacy_default; }
  };
  /// A download that was started.
  struct Frame {
    std::uint64_t number = 0;
    Contents contents;
    std::weak_ptr<contract::Gate> gate = {};  ///< that it cannot pass
    bool direct = false;                      ///< of the buffer itself: nothing may write there
    std::span<const Element> found = {};      ///< once it was waited for
  };
  struct Live {
    std::string name;
    BufferOracle oracle;
    BufferOptions options;
    BufferHandle<Element> handle;
    Buffer<Element> owner;  ///< of scoped ones
    std::size_t stream_index = 0;
    std::uint64_t started = 0;
    std::deque<Frame> frames = {};  ///< not waited for
    std::deque<Frame> read = {};    ///< waited for, and not overwritten yet
    [[nodiscard]] bool writable() const {
      return std::none_of(frames.begin(), frames.end(), [](const Frame& frame) { return frame.direct; });
    }
  };
  struct Started {
    Transfer ticket;
    std::weak_ptr<contract::Gate> gate;
    Pinned<Element> memory;
  };
  struct Window {
    std::size_t offset;
    std::size_t count;
  };
  using Codes = std::initializer_list<ErrorCode>;

  // buffers_program.cpp
  void act();
  void create();
  void create_again();
  void free_one();
  void misuse();
  void look_up();
  void ensure();
  void resize();
  void shrink();
  void switch_stream();
  void end_stream();
  void turn_gate();
  void book();
  void pass_time();

  // buffers_checks.cpp
  void check();
  void walk();

  // buffers_transfers.cpp
  void upload();
  void start_upload();
  void look_at_ticket();
  void download();
  void start_download();
  void wait_for_frame();
  void check_read(const Live& live);
  void kernel();
  void batch();

  [[nodiscard]] std::uint64_t roll(std::uint64_t sides) { return random_() % sides; }
  [[nodiscard]] std::size_t any_count();
  [[nodiscard]] Window any_window(const Live& live);
  [[nodiscard]] std::vector<Element> any_data(std::size_t count);
  [[nodiscard]] BufferOptions any_options();
  [[nodiscard]] Live* any_live();
  [[nodiscard]] bool held() const;  ///< whether any gate is closed
  [[nodiscard]] bool contents() const { return backend_named(configuration_.backend) == BackendKind::host; }
  [[nodiscard]] bool gated(const Live& live) const { return streams_[live.stream_index].gate != nullptr; }
  [[nodiscard]] StreamId stream_of(const Live& live) const { return streams_[live.stream_index].id(); }
  /// How long a wait may take: not long behind a gate, nor where one may be in the way.
  [[nodiscard]] std::chrono::nanoseconds patience(std::size_t stream_index) const;
  /// Whether all work on the stream is done; waits for it where no gate can be in the way.
  [[nodiscard]] bool settle(std::size_t stream_index);
  void wrong(const std::string& text) {
    if (wrong_.empty()) wrong_ = text;
  }
  /// Whether the call did not fail. Only with one of `allowed`, and where there are faults with those, may it.
  template <class Call>
  bool attempt(Codes allowed, Call call) {
    try {
      call();
      return true;
    } catch (const Error& error) {
      code_ = error.code();
      last_ += ", which ended in " + std::string(weir::name(code_));
      const bool injected = (configuration_.faults != 0 || weather_) &&
                            (code_ == ErrorCode::driver_error || code_ == ErrorCode::out_of_memory);
      if (!injected && std::find(allowed.begin(), allowed.end(), code_) == allowed.end()) wrong(error.message());
      return false;
    }
  }
  /// A request of `bytes` was refused: was there really no room?
  void refused(std::uint64_t bytes);
  /// A transfer of `live` ended in a timeout, or did not.
  void waited(const Live& live, bool done);

  const BuffersConfiguration configuration_;
  std::mt19937_64 random_;
  contract::FakeClock clock_;
  std::atomic<std::uint64_t> kernels_wrong_{0};
  std::shared_ptr<device::Backend> inner_;
  std::shared_ptr<device::FaultyBackend> backend_;
  Device quiet_;  ///< the same device, and nothing on it fails
  Device device_;
  std::vector<GatedStream> streams_;
  std::unique_ptr<MemoryManager> memory_;
  std::vector<std::unique_ptr<Live>> live_;
  std::vector<Started> started_;
  std::vector<ExternalBytes> bookings_;
  BufferHandle<Element> stale_;
  std::unique_ptr<Weather> weather_;  // where there is a storm
  Statistics before_;                 // the last step
  ErrorCode code_ = ErrorCode::ok;
  std::uint64_t names_ = 0;
  std::uint64_t steps_ = 0;
  std::string wrong_;
  std::string last_;
};

}  // namespace weir::model
