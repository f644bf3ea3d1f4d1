// A driver for the CUDA backend's tables, without a GPU: as strict as the real
// one, and stricter where weir promises more than the driver asks. Device memory
// is the host's, so that contents can be checked; work runs on threads of its own.
// The first breach of a rule is kept in words, and the call refused as the
// driver would. Calls may cost, and events be late, as a DriverModel says, in real
// time. Used by the tests of the backend and by the contract and model
// suites, whose kinds it stands under as "cuda_fake". One is in force at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/cuda/driver.hpp"
#include "device/driver_model.hpp"
#include "device/simulated_time.hpp"
#include "fake_cuda/fake_stream.hpp"

namespace weir::fake_cuda {

struct Options {
  std::uint64_t memory = std::uint64_t{8} << 30;  ///< of each device
  std::uint64_t granularity = std::uint64_t{2} << 20;
  int devices = 1;
  bool virtual_memory = true;
  bool odd_segments = false;  ///< cuMemAlloc gives 256 bytes of alignment and no more
  bool direct_pages = false;  ///< network cards can reach mapped pages, of those handles that ask for it
  bool peers = false;         ///< each device can reach the others' memory
  std::uint64_t peer_granularity = std::uint64_t{2} << 20;  ///< of all devices but the first
  int version = 13000;
  CUresult start = CUDA_SUCCESS;   ///< what cuInit gives
  device::DriverModel model = {};  ///< by default nothing costs, and no event is later than its stream's work
};

class Fake {
 public:
  explicit Fake(const Options& options = {});
  Fake(const Fake&) = delete;
  Fake& operator=(const Fake&) = delete;
  ~Fake();

  /// The table whose functions go to the fake in force.
  [[nodiscard]] static const backend::cuda::Driver& table();

  // --- What tests ask of it ---

  /// The n-th call of that name from now on (1 is the next) gives `code`, and so many in all one after the other.
  /// One plan for each name.
  void fail(const std::string& call, std::uint64_t nth, CUresult code, std::uint64_t times = 1);
  /// The next call of that name calls `what` first, on its own thread. One plan for each name.
  void before(const std::string& call, std::function<void()> what);
  /// From now on each call gives `code`, and queued work is dropped.
  void lose(CUresult code);
  void heal();
  /// As if another library had called cuDevicePrimaryCtxReset: all that is of the device is gone, and calls in its
  /// context fail until somebody retains it anew, under the same handle.
  void reset_device(int device);
  /// The first rule that was broken; empty if none.
  [[nodiscard]] std::string fault() const;
  /// Calls of that name so far.
  [[nodiscard]] std::uint64_t calls(const std::string& call) const;
  /// Of all names.
  [[nodiscard]] std::uint64_t calls() const;
  /// Taken and not given back.
  [[nodiscard]] std::uint64_t bytes_used() const;
  [[nodiscard]] std::size_t handles() const;
  /// Of those used, what network cards can reach.
  [[nodiscard]] std::uint64_t direct_bytes() const;
  /// Whether work of the device may use what is mapped at the address.
  [[nodiscard]] bool accessible(std::uint64_t address, int device) const;
  [[nodiscard]] std::size_t streams() const;
  [[nodiscard]] std::size_t contexts_retained() const;
  /// Primary contexts made: retained while nobody held them. A real one takes a third of a second.
  [[nodiscard]] std::size_t contexts_made() const;
  /// Holds back all work that is queued from now on.
  void hold();
  void let_go();
  /// What calls cost from now on, and how late events are that are recorded from now on. Sat out in real time.
  void take_time(const device::DriverModel& model);
  /// All that calls cost so far.
  [[nodiscard]] std::chrono::nanoseconds in_driver() const noexcept { return time_.in_driver(); }
  /// A stream of the program's own, to be adopted.
  [[nodiscard]] CUstream make_stream();
  void begin_capture(CUstream stream);
  [[nodiscard]] Graph end_capture(CUstream stream);
  void launch(const Graph& graph, CUstream stream);
  /// Whether a capture was broken by a call that a capturing program must not make.
  [[nodiscard]] bool capture_broken(CUstream stream) const;

 private:
  friend struct Calls;
  friend class Toll;
  struct Physical {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    int device = 0;
    CUdeviceptr mapped = 0;
    bool direct = false;
  };
  struct Mapping {
    CUmemGenericAllocationHandle handle = 0;
    std::uint64_t bytes = 0;
    std::set<int> accessible = {};  // to these devices
  };
  struct Segment {
    std::uint64_t bytes = 0;
    int device = 0;
    void* raw = nullptr;
    std::uint64_t raw_bytes = 0;
  };

  /// Does what is planned before the call.
  void meet(const char* call);
  /// Counts the call; the code that it has to give at once, if there is one.
  [[nodiscard]] CUresult enter(const char* call, bool needs_context);
  [[nodiscard]] std::uint64_t granularity_of(int device) const noexcept;
  [[nodiscard]] int device_at(CUdeviceptr address) const;
  /// Notes a broken rule, and gives the code for it.
  CUresult breach(const std::string& rule, CUresult code = CUDA_ERROR_INVALID_VALUE);
  [[nodiscard]] bool take(int device, std::uint64_t bytes);
  [[nodiscard]] bool reachable(CUdeviceptr address, std::uint64_t bytes, int device) const;
  [[nodiscard]] bool pinned(const void* address, std::uint64_t bytes) const;
  /// Where the mappings end that lie side by side from `address` on and start before its `bytes` are over.
  [[nodiscard]] CUdeviceptr whole_mappings_end(CUdeviceptr address, std::uint64_t bytes) const;
  [[nodiscard]] std::uint64_t mappings_in(CUdeviceptr address, std::uint64_t bytes) const;
  [[nodiscard]] bool busy(std::uint64_t address, std::uint64_t bytes);
  /// The stream behind a handle, for the calling thread; null, with the breach noted, for one that is none.
  [[nodiscard]] std::shared_ptr<Stream> stream(CUstream handle);
  [[nodiscard]] CUresult queue(CUstream handle, Work work);
  [[nodiscard]] bool forbidden_in_capture();
  [[nodiscard]] bool blocking_streams_idle() const;

  const Options options_;
  Fake* const before_;
  device::SimulatedTime time_{device::SimulatedTime::Kind::real};
  std::atomic<bool> takes_time_;
  device::DriverModel model_;
  mutable std::mutex mutex_;
  int memory_file_ = -1;
  std::uint64_t file_end_ = 0;
  std::uint64_t last_handle_ = 0x1000;
  std::vector<std::uint64_t> used_;
  std::vector<int> retained_;
  std::size_t contexts_made_ = 0;
  std::vector<bool> destroyed_;  // by a reset, until the next retain
  std::map<CUdeviceptr, std::uint64_t> ranges_;
  std::unordered_map<CUmemGenericAllocationHandle, Physical> physical_;
  std::map<CUdeviceptr, Mapping> mappings_;
  std::map<CUdeviceptr, Segment> segments_;
  std::map<std::uint64_t, std::uint64_t> pinned_;
  std::map<CUstream, std::shared_ptr<Stream>> streams_;
  std::vector<std::shared_ptr<Stream>> ended_;  // destroyed, with work or waits for them under way perhaps
  std::map<std::pair<int, std::uint64_t>, std::shared_ptr<Stream>> default_streams_;  // of device and thread; 0: legacy
  std::map<CUevent, Point> events_;
  std::map<CUuserObject, std::shared_ptr<void>> objects_;  // that no graph has yet
  std::map<std::string, std::uint64_t> calls_;
  struct Failure {
    std::uint64_t before = 0;  // calls that do not fail yet
    std::uint64_t times = 0;
    CUresult code = CUDA_SUCCESS;
  };
  std::map<std::string, Failure> failing_;
  std::map<std::string, std::function<void()>> planned_;  // before a call
  CUresult lost_ = CUDA_SUCCESS;
  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  std::string fault_;
};

}  // namespace weir::fake_cuda
