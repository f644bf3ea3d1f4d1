// A fixture over the host with faults to be had: at a case's end the device has all events back and saw no breach. Base
// of the fixtures of what records and waits for events.
#pragma once

#include <memory>

#include <gtest/gtest.h>

#include <weir/device.hpp>

#include "device/access.hpp"
#include "support/faulty_backend.hpp"

namespace weir::device {

class OnFaultyHost : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_EQ(backend_->balance().events, 0u);
    EXPECT_EQ(backend_->breach(), "");
  }
  std::shared_ptr<FaultyBackend> backend_ =
      std::make_shared<FaultyBackend>(Access::shared_backend(open_device({.backend = "host"})));
};

}  // namespace weir::device
