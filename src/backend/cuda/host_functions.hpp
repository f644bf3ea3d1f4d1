// Host functions in a stream. The driver calls them on threads of its own, where no
// call into it is allowed; so what they hold ends later, on a thread of the program
// (core/later_ends.hpp). On a lost device they are never called, and end all the same.
// One in a capture is the graph's own, and runs at each launch. Called by CudaBackend.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "backend/cuda/context.hpp"

namespace weir::backend::cuda {

class HostFunctions {
 public:
  explicit HostFunctions(const Context& context);
  HostFunctions(const HostFunctions&) = delete;
  HostFunctions& operator=(const HostFunctions&) = delete;
  /// Waits for those that the driver will call, 10 s at most: they may be in streams that others own. What it does not
  /// call ends here.
  ~HostFunctions();

  /// Takes the work; throws with it left where it was, so that it ends where the caller has it end.
  void run(CUstream stream, std::function<void()>& work);
  /// Ends what ran before, also where another thread is at it.
  void end_all_finished() noexcept;
  /// Ends what ran, and on a lost device what never will. Nothing on a thread that runs queued work. The caller holds
  /// no lock: what ends may call anything.
  void end_finished() noexcept;

 private:
  struct Calls;
  class Single;
  struct Captured;

  [[nodiscard]] CUgraph captured_into(CUstream stream);
  void run_in_graph(CUgraph graph, CUstream stream, std::function<void()>& work);

  const Context& context_;
  const std::shared_ptr<Calls> calls_;  // the driver may call one after this has ended
};

}  // namespace weir::backend::cuda
