// Linked into every test program that an emulator of the processor runs (qemu-user): cases that cannot hold there are
// skipped, each with the reason. What they check is of the system, not of the processor.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace weir {
namespace {

struct Exception {
  std::string_view part;  ///< of the case's full name
  std::string_view why;
};

constexpr std::string_view addresses =
    "under emulation: the emulator keeps books of every page reserved, so it gets 64 GiB of addresses";
constexpr std::string_view ignored = "under emulation: a limit on addresses would be the emulator's, which ignores it";
constexpr std::string_view restart = "under emulation: the system cannot start the test program a second time";
constexpr std::string_view copies = "under emulation: a fork copies the emulator's books of all pages, for minutes";
constexpr std::string_view child = "under emulation: a child of a program with threads does not come to its end";
constexpr std::string_view hundreds = "under emulation: hundreds of pools, each made for a call to fail, take too long";
constexpr std::string_view late = "under emulation: late events are waited for; `./dev check late` has them";
constexpr std::string_view calls = "under emulation: the filter sees the emulator's system calls";
constexpr std::string_view threads = "under emulation: /proc/self/task has the emulator's threads too, which end late";
constexpr std::string_view accounts = "under emulation: /proc/self/smaps does not tell flags";

constexpr std::array exceptions{
    Exception{"DeathTest.", restart},
    Exception{"ProcessDefault.CanBeNamedBeforehand", restart},
    Exception{"ProcessDefault.IsMadeAtItsFirstUseAndLeavesQuietly", restart},
    Exception{"Recorded.AChildHasItsOwnFile", child},
    Exception{"ShortAddresses.", ignored},
    Exception{"Limits.OfAddressesLeaveRoomForADozenPools", addresses},
    Exception{"StalePool.EveryCallOnADestroyedPoolSaysSo", addresses},
    Exception{"LazyMemory.IsZeroAndMayBeLarge", addresses},
    Exception{"AddressMap.FindsWhatWasSet", addresses},
    Exception{"Replay.HasNoBoundUnlessAsked", addresses},
    Exception{"DeviceReplay.ThreadsAreRealUnlessMerged", threads},
    Exception{"Faults.Each", hundreds},
    Exception{"_late", late},
    Exception{"ManagerFork.", copies},
    Exception{"Modes/Fork.", copies},
    Exception{"HostPagesOfOldKernels.MoveByACopy", calls},
    Exception{"HostPagesTest.MayBeLargePagesOfTheKernelOfWhichOnlyTheTouchedAreResident", accounts},
};

class Skipping : public testing::EmptyTestEventListener {
  // GoogleTest runs no case that was skipped before its body.
  void OnTestStart(const testing::TestInfo& test) override {
    const std::string name = std::string(test.test_suite_name()) + "." + test.name();
    for (const Exception& each : exceptions) {
      if (name.find(each.part) != std::string::npos) GTEST_SKIP() << each.why;
    }
  }
};

[[maybe_unused]] const bool skipping = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new Skipping());  // GoogleTest's to delete
  return true;
}();

}  // namespace
}  // namespace weir
