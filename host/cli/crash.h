// What is written when the process dies of a fatal signal.
#pragma once

namespace serval::host {

// Fatal signals write their number and the frames, with the file each one is in, to standard error,
// then end the process as they would have. Not under sanitizers, which report better.
void install_crash_report();

// Notes which plugins are mapped where, so that a report can name them. Call it again after loads.
void remember_plugins();

}  // namespace serval::host
