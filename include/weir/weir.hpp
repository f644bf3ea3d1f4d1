// Everything a program needs from weir, in one include.
#pragma once

#include <weir/batch.hpp>
#include <weir/buffer.hpp>
#include <weir/buffer_options.hpp>
#include <weir/bytes.hpp>
#include <weir/call_site.hpp>
#include <weir/clock.hpp>
#include <weir/device.hpp>
#include <weir/errors.hpp>
#include <weir/log.hpp>
#include <weir/manager.hpp>
#include <weir/monitor.hpp>
#include <weir/network_buffers.hpp>
#include <weir/pace.hpp>
#include <weir/pool.hpp>
#include <weir/pressure.hpp>
#include <weir/recording.hpp>
#include <weir/recovery.hpp>
#include <weir/scope.hpp>
#include <weir/statistics.hpp>
#include <weir/stream.hpp>
#include <weir/stream_set.hpp>
#include <weir/tensor.hpp>
#include <weir/tidy.hpp>
#include <weir/transfer.hpp>
#include <weir/watch.hpp>
