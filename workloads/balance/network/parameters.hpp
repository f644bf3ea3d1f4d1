// What the kernels of a network are told beside their buffers: the same names in the same order as members in C++ and
// as push constants in GLSL, 124 bytes at most. Filled by plan.cpp.
#if !defined(WEIR_BALANCE_NETWORK_PARAMETERS)

/// Observations, a column of `batch` for each number. A layer: its sizes, where its weights begin, where its inputs and
/// outputs begin in `values`, where the errors of its inputs and of its outputs begin in `errors`, and whether it ends
/// with ReLU. Of the replay memory: how many numbers a record has, and where the next observations go.
/// Learning: γ, bounds of an error and of Huber's square, of a gradient and of a weight, and Adam's numbers.
#define WEIR_BALANCE_NETWORK_PARAMETERS \
  uint batch;                           \
  uint inputs;                          \
  uint outputs;                         \
  uint weights;                         \
  uint values_in;                       \
  uint values_out;                      \
  uint errors_in;                       \
  uint errors_out;                      \
  uint rectified;                       \
  uint record;                          \
  uint all;                             \
  float discount;                       \
  float max_error;                      \
  float huber;                          \
  float max_gradient;                   \
  float max_weight;                     \
  float rate;                           \
  float epsilon;                        \
  float keep_mean;                      \
  float keep_square;

#if !defined(WEIR_COMPUTE_GLSL)
#include "compute/language.hpp"
namespace weir::balance::nets {
using namespace compute::language;  // NOLINT(google-build-using-namespace): GLSL has one namespace
struct Parameters {
  WEIR_BALANCE_NETWORK_PARAMETERS
};
#endif

/// The columns of `facts`: what a batch's records say, and what is made of them.
const uint reward_column = 0u;
const uint action_column = 1u;
const uint ended_column = 2u;  // 1 for the last step before a fall, else 0
const uint chosen_column = 3u;
const uint aim_column = 4u;
const uint loss_column = 5u;
const uint fact_columns = 6u;

/// How many partial sums a gradient has: observation b goes to number b modulo this.
const uint gradient_sums = 16u;

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::balance::nets
#endif
#endif
