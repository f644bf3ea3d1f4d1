// The kernels built for any x86-64, or whatever else this is built for; the build gives this file its flags.
#define WEIR_LIDAR_KERNEL baseline
#include "workloads/lidar/features/kernel_body.hpp"
