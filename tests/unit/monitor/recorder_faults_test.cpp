// Recordings that cannot go on: paths that are no file of theirs, a full disk, a crash, the end of
// the process, a fork. What was written is whole blocks, and the program goes on.
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "support/in_child.hpp"
#include "support/sanitizers.hpp"
#include "unit/monitor/recorded.hpp"

namespace weir {
namespace {

TEST_F(Recorded, WhatIsNoRecordingIsNotOverwritten) {
  const std::string file = path("notes.txt");
  std::ofstream(file) << "important";
  try {
    const Pool pool(host(), {.record = {.file = file}});
    FAIL() << "it was taken";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(error.message().find(file), std::string::npos) << error.message();
  }
  EXPECT_EQ(fs::file_size(file), 9u);
  EXPECT_THROW(Pool(host(), {.record = {.file = folder_}}), Error);
  EXPECT_THROW(Pool(host(), {.record = {.file = folder_ / "missing" / "a.weir"}}), NotFound);
  EXPECT_THROW(Pool(host(), {.record = {.file = "/dev/full"}}), InvalidArgument);
  EXPECT_THROW(Pool(host(), {.record = {.file = path("both"), .ring_bytes = 1 << 20}}), InvalidArgument);
  EXPECT_THROW(Pool(host(), {.record = {.ring_bytes = 100}}), InvalidArgument);
}

// A person asked for it, not the program, which must not fail for that.
TEST_F(Recorded, APathOfTheEnvironmentThatCannotBeWrittenLetsTheProgramGoOn) {
  setenv("WEIR_RECORD", (folder_ / "missing" / "a.weir").c_str(), 1);
  testing::internal::CaptureStderr();
  for (int i = 0; i < 2; ++i) {
    Pool pool(host());
    run(pool, 1, 100);
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("WEIR_RECORD"), std::string::npos) << said;
  EXPECT_NE(said.find("missing"), std::string::npos) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << "once: " << said;
}

TEST_F(Recorded, AFullDiskEndsTheRecordingWithAWholeBlockAndNotTheProgram) {
  const std::string file = path("full.weir");
  EXPECT_TRUE(holds_in_child([&] {
    const rlimit limit{200'000, 200'000};
    setrlimit(RLIMIT_FSIZE, &limit);  // a write past it is a signal, unless nobody is to hear it, and an error
    Pool pool(host(), {.record = {.file = file}});
    run(pool, 1, 60'000);
    flush_recordings();
    const std::vector<RecordingStatus> all = recordings();
    run(pool, 1, 1000);  // goes on
    return all.size() == 1 && all[0].error.find(file) != std::string::npos;
  }));
  const Seen seen = look_at(file);
  EXPECT_EQ(seen.whole, seen.bytes);
  EXPECT_GT(seen.bytes, 100'000u);
  EXPECT_FALSE(seen.ended);
}

TEST_F(Recorded, ThatEndByACrashAreReadUpToTheLastWholeBlock) {
  const std::string file = path("crash.weir");
  const pid_t child = fork();
  if (child == 0) {
    Pool pool(host(), {.record = {.file = file}});
    for (std::uint64_t seed = 0;; ++seed) {
      run(pool, seed, 20'000);
      if (seed == 5) kill(getpid(), SIGKILL);
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  const Seen seen = look_at(file);
  ASSERT_EQ(seen.pools.size(), 1u);
  EXPECT_GT(seen.pools.at(1).events.size(), 50'000u);
  EXPECT_EQ(seen.pools.at(1).unmatched, 0u);
  EXPECT_FALSE(seen.ended);
}

TEST_F(Recorded, HaveTheirEndWhenTheProcessEnds) {
  const std::string file = path("exit.weir");
  const pid_t child = fork();
  if (child == 0) {
    auto* const pool = new Pool(host(), {.record = {.file = file}});  // never destroyed
    run(*pool, 1, 5000);
    std::exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  const Seen seen = look_at(file);
  EXPECT_TRUE(seen.ended);
  EXPECT_GT(seen.pools.at(1).events.size(), 5000u - 100u);
}

TEST_F(Recorded, AChildHasItsOwnFile) {
  const std::string file = path("parent.weir");
  Pool pool(host(), {.record = {.file = file}});
  run(pool, 1, 2000);
  const pid_t child = fork();
  if (child == 0) {
    int result = 1;
    {
      Pool own(host(), {.record = {.file = file}});
      run(own, 2, 500);
      flush_recordings();
      const std::vector<RecordingStatus> all = recordings();
      if (all.size() == 1 && all[0].file == file + "." + std::to_string(getpid()) && all[0].events > 400) result = 0;
    }
    std::exit(result);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  run(pool, 3, 2000);
  flush_recordings();
  const Seen mine = look_at(file);
  EXPECT_EQ(mine.pools.size(), 1u);
  EXPECT_EQ(mine.pools.at(1).state.counts().allocations, pool.statistics().allocations);
  const Seen others = look_at(file + "." + std::to_string(child));
  EXPECT_TRUE(others.ended);
  EXPECT_EQ(others.pools.size(), 1u);
}

}  // namespace
}  // namespace weir
