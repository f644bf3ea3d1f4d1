// Levels and events have names, and a sink hears everything from info on unless it says otherwise.
#include <weir/log.hpp>

#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Log, LevelsAndEventsHaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (int level = 0; level <= 3; ++level) names.insert(weir::name(static_cast<LogLevel>(level)));
  EXPECT_EQ(names.size(), 4u);
  EXPECT_EQ(weir::name(static_cast<LogLevel>(99)), "unknown");
  names.clear();
  for (int event = 0; event <= 9; ++event) names.insert(weir::name(static_cast<LogEvent>(event)));
  EXPECT_EQ(names.size(), 10u);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(weir::name(static_cast<LogEvent>(99)), "unknown");
}

TEST(Log, ASinkListensFromInfoOn) {
  struct Sink final : LogSink {
    void write(const LogRecord&) noexcept override {}
  } sink;
  EXPECT_EQ(sink.level(), LogLevel::info);
}

}  // namespace
}  // namespace weir
