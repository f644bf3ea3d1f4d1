// The kernels built for x86-64-v4; the build gives this file its flags.
#define WEIR_LIDAR_KERNEL v4
#include "workloads/lidar/features/kernel_body.hpp"
