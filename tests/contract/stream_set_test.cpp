// Sets of streams: what is in one, streams in turn, and one wait for all of them.
#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "contract/transfer_fixture.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

bool says(const std::string& text, const std::vector<std::string>& parts) {
  return std::all_of(parts.begin(), parts.end(),
                     [&](const std::string& part) { return text.find(part) != std::string::npos; });
}

class StreamSets : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] bool runs_host_code() const { return device_.info().backend == BackendKind::host; }

  Device device_ = open_device({.backend = GetParam()});
};

TEST_P(StreamSets, NamesComeInTheirOrder) {
  const StreamSet set(device_, {"compute", "transfer", "analysis"});
  ASSERT_EQ(set.size(), 3u);
  EXPECT_EQ(set.names(), (Names{"compute", "transfer", "analysis"}));
  for (std::size_t i = 0; i < set.size(); ++i) {
    EXPECT_EQ(set[i].id(), set.at(set.names()[i]).id());
    for (std::size_t k = 0; k < i; ++k) EXPECT_NE(set[i].id(), set[k].id());
  }
}

TEST_P(StreamSets, ACountNamesThemByNumber) {
  const StreamSet set(device_, 3);
  EXPECT_EQ(set.names(), (Names{"0", "1", "2"}));
  EXPECT_EQ(set.at("2").id(), set[2].id());
}

TEST_P(StreamSets, ErrorsListWhatThereIs) {
  const StreamSet set(device_, {"compute", "transfer"});
  const Names listed = {"\"compute\"", "\"transfer\""};
  const auto by_name = caught<NotFound>([&] { static_cast<void>(set.at("computer")); });
  ASSERT_TRUE(by_name);
  EXPECT_EQ(by_name->facts().name, "computer");
  EXPECT_TRUE(says(by_name->message(), listed));
  const auto by_index = caught<InvalidArgument>([&] { static_cast<void>(set[2]); });
  ASSERT_TRUE(by_index);
  EXPECT_EQ(by_index->facts().limit, 2u);
  EXPECT_TRUE(says(by_index->message(), listed));
}

TEST_P(StreamSets, BadNamesAreRefused) {
  EXPECT_THROW(StreamSet(device_, Names{}), InvalidArgument);
  EXPECT_THROW(StreamSet(device_, std::size_t{0}), InvalidArgument);
  EXPECT_THROW(StreamSet(device_, Names{"one", ""}), InvalidArgument);
  const auto twice = caught<InvalidArgument>([&] { StreamSet(device_, Names{"one", "two", "one"}); });
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->facts().name, "one");
}

TEST_P(StreamSets, TheyComeInTurn) {
  StreamSet set(device_, 3);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(set.next().id(), set[i % 3].id());
}

TEST_P(StreamSets, TheyComeInTurnAlsoToManyThreads) {
  constexpr std::size_t threads = 4;
  constexpr std::size_t each = 3000;
  StreamSet set(device_, 5);
  std::vector<std::map<StreamId, std::size_t>> counts(threads);
  std::vector<TestThread> crew;
  for (auto& count : counts) {
    crew.emplace_back([&] {
      for (std::size_t i = 0; i < each; ++i) ++count[set.next().id()];
    });
  }
  for (TestThread& thread : crew) thread.join();
  for (std::size_t i = 0; i < set.size(); ++i) {
    std::size_t sum = 0;
    for (auto& count : counts) sum += count[set[i].id()];
    EXPECT_EQ(sum, threads * each / set.size());
  }
}

TEST_P(StreamSets, AllWorkIsDoneAfterTheWait) {
  if (!runs_host_code()) GTEST_SKIP() << "its streams run no host code";
  StreamSet set(device_, 4);
  std::atomic<int> done{0};
  for (int i = 0; i < 100; ++i) {
    device_.run(set.next(), [&, pause = i % 7 == 0] {
      if (pause) std::this_thread::sleep_for(1ms);
      ++done;
    });
  }
  set.synchronize_all();
  EXPECT_EQ(done, 100);
  set.synchronize_all(0s);
}

TEST_P(StreamSets, ATimeoutNamesThoseThatAreNotDone) {
  if (!runs_host_code()) GTEST_SKIP() << "its streams run no host code";
  const StreamSet set(device_, {"compute", "transfer", "analysis"});
  Gate compute(device_, set.at("compute"));
  Gate analysis(device_, set.at("analysis"));
  const auto start = std::chrono::steady_clock::now();
  const auto first = caught<Timeout>([&] { set.synchronize_all(50ms); });
  EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
  ASSERT_TRUE(first);
  EXPECT_TRUE(says(first->message(), {"\"compute\"", "\"analysis\""}));
  EXPECT_FALSE(says(first->message(), {"\"transfer\""}));
  analysis.open();
  device_.synchronize(set.at("analysis"));
  const auto again = caught<Timeout>([&] { set.synchronize_all(-1s); });
  ASSERT_TRUE(again);
  EXPECT_TRUE(says(again->message(), {"\"compute\""}));
  EXPECT_FALSE(says(again->message(), {"\"analysis\""}));
  compute.open();
  set.synchronize_all(std::chrono::nanoseconds::max());
}

INSTANTIATE_TEST_SUITE_P(Devices, StreamSets, testing::Values("host", "dry"),
                         [](const auto& device) { return device.param; });

}  // namespace
}  // namespace weir::contract
