// The variables of the environment, good and bad.
#include "core/environment.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir::core {
namespace {

class EnvironmentVariables : public testing::Test {
 protected:
  EnvironmentVariables() { clear(); }
  ~EnvironmentVariables() override { clear(); }
  static void clear() {
    for (const char* name : {"WEIR_DEVICE", "WEIR_LIMIT", "WEIR_POOL", "WEIR_LOG", "WEIR_RECORD"}) unsetenv(name);
  }
  static void set(const char* name, const char* value) { setenv(name, value, 1); }
};

TEST_F(EnvironmentVariables, AreEmptyWhereNotSet) {
  set("WEIR_DEVICE", "");
  const Environment none = environment();
  EXPECT_FALSE(none.device || none.limit || none.pool || none.log);
}

TEST_F(EnvironmentVariables, AreRead) {
  set("WEIR_DEVICE", "cuda:1,host");
  set("WEIR_LIMIT", "3 GiB");
  set("WEIR_POOL", "segments");
  set("WEIR_LOG", "warning");
  const Environment all = environment();
  EXPECT_EQ(all.device, "cuda:1,host");
  EXPECT_EQ(all.limit, 3_GiB);
  EXPECT_EQ(all.pool, "segments");
  EXPECT_EQ(all.log, "warning");
}

TEST_F(EnvironmentVariables, ThatMakeNoSenseAreRefusedByName) {
  for (const char* name : {"WEIR_LIMIT", "WEIR_POOL", "WEIR_LOG"}) {
    clear();
    set(name, "nonsense");
    try {
      static_cast<void>(environment());
      FAIL() << name << " was taken";
    } catch (const InvalidArgument& error) {
      EXPECT_NE(error.message().find(name), std::string::npos) << error.message();
    }
  }
  clear();
  EXPECT_EQ(environment().record, std::nullopt);
  set("WEIR_RECORD", "run.weir");
  EXPECT_EQ(environment().record, "run.weir");
}

}  // namespace
}  // namespace weir::core
