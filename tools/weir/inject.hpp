// WEIR_INJECT: rehearses a failure of the device that a command opens. Called by main.
#pragma once

namespace weir::tool {

/// From now on the faults that WEIR_INJECT names are injected into every device that is opened, and stderr says so.
/// Throws InvalidArgument for a text that names none. Nothing where the variable is empty or not set.
void inject_faults();
/// Says on stderr which of them have not happened.
void tell_missed_faults();

}  // namespace weir::tool
