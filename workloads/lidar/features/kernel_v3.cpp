// The kernels built for x86-64-v3; the build gives this file its flags.
#define WEIR_LIDAR_KERNEL v3
#include "workloads/lidar/features/kernel_body.hpp"
