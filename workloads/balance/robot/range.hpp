// Checks of what a user may choose. Used by settings of robots, networks and learning.
#pragma once

namespace weir::balance {

/// Throws InvalidArgument, which names the value, what it is and its range, for one that is outside it or not a number.
/// `whose` is what the text begins with: "robot".
void require_range(const char* whose, const char* what, double value, double low, double high);

}  // namespace weir::balance
