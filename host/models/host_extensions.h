// The extensions this host offers to plugins: serval.metrics/1, serval.progress/1.
#pragma once

namespace serval::host {

// The table of that exact id, or nullptr; id may be null. Static.
const void* host_extension(const char* id);

}  // namespace serval::host
