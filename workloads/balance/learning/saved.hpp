// Networks and unfinished training as files, and a network as a C header that needs nothing else. The form of the files
// is number_file.hpp's; here is which lists they have.
//
//   weir-network 1: layers (inputs, hidden layers, outputs), parameters (layer by layer: weights input by input, then
//   biases; ReLU after each layer but the last), and a list robot.<what> of one number for each number of Model.
//   weir-training 1: the same, learning.<what>, training.<what>, target, moments, records, counts.<what>, episodes, and
//   running: the numbers of an episode that is not over, or none.
#pragma once

#include <string>
#include <vector>

#include "workloads/balance/learning/trainer.hpp"
#include "workloads/balance/network/number_file.hpp"

namespace weir::balance {

/// A network and the robot that it was trained on.
struct SavedNetwork {
  NetworkShape shape;
  std::vector<float> parameters;
  Model model;
};

[[nodiscard]] std::string network_text(const SavedNetwork& network);
/// Throws ParseError that names the file and what is wrong with it, and NotFound.
[[nodiscard]] SavedNetwork read_network(const std::string& path);
/// The same of a text; `path` is for errors.
[[nodiscard]] SavedNetwork parse_network(std::string_view text, const std::string& path);

/// Throws InvalidArgument for a replay memory that no file holds, of more than 11,000,000 numbers.
[[nodiscard]] std::string checkpoint_text(const Checkpoint& checkpoint);
/// Throws as read_network().
[[nodiscard]] Checkpoint read_checkpoint(const std::string& path);
[[nodiscard]] Checkpoint parse_checkpoint(std::string_view text, const std::string& path);

/// The network as C99: its parameters and a function that computes its outputs, with names that begin with `name`.
/// Throws InvalidArgument for a name that is no identifier of C.
[[nodiscard]] std::string c_header(const SavedNetwork& network, const std::string& name);

}  // namespace weir::balance
