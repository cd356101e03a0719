// The kit's own process, as the kernel sees it.
#pragma once

#include <cstdint>
#include <string>

namespace serval::check {

uint64_t resident_bytes();       // now
uint64_t peak_resident_bytes();  // since the start or the last reset
void reset_peak_resident();
int open_files();
int threads();
// Waits up to a second for threads() to fall to `most`: a joined thread leaves /proc a moment
// later.
int threads_settled(int most);
bool is_mapped(const std::string& path);  // some memory of the process comes from this file
uint64_t cpu_ns();                        // used by all threads of the process

}  // namespace serval::check
